//! Where a kernel would find its drivers when it starts.
//!
//! What lives here: drivers built in, in the initramfs, or only on the root, with what they depend on. What never does:
//! which drivers a machine needs (the items say so).

use std::collections::{HashMap, HashSet};

use crate::guest::Guest;
use crate::initramfs::{Initramfs, module_name};

/// How long `modules.dep` and `modules.builtin` may be.
const LIST_BYTES_MAX: usize = 16 << 20;
/// How many modules are taken for built into a kernel, or for needed by one; no kernel has so many.
const NAMES_MAX: usize = 20_000;

/// A driver that is asked for: its module, the kernel's setting for it, and where its file lies.
pub(crate) struct Driver {
    pub(crate) module: &'static str,
    setting: &'static str,
    directory: &'static str,
}

const fn driver(module: &'static str, setting: &'static str, directory: &'static str) -> Driver {
    Driver { module, setting, directory }
}

pub(crate) const NVME: Driver = driver("nvme", "CONFIG_BLK_DEV_NVME", "drivers/nvme/host");
const NVME_CORE: Driver = driver("nvme_core", "CONFIG_NVME_CORE", "drivers/nvme/host");
const VIRTIO: Driver = driver("virtio", "CONFIG_VIRTIO", "drivers/virtio");
const VIRTIO_RING: Driver = driver("virtio_ring", "CONFIG_VIRTIO", "drivers/virtio");
pub(crate) const VIRTIO_PCI: Driver = driver("virtio_pci", "CONFIG_VIRTIO_PCI", "drivers/virtio");
const VIRTIO_PCI_MODERN: Driver = driver("virtio_pci_modern_dev", "CONFIG_VIRTIO_PCI_LIB", "drivers/virtio");
const VIRTIO_PCI_LEGACY: Driver = driver("virtio_pci_legacy_dev", "CONFIG_VIRTIO_PCI_LIB_LEGACY", "drivers/virtio");
pub(crate) const VIRTIO_BLK: Driver = driver("virtio_blk", "CONFIG_VIRTIO_BLK", "drivers/block");
pub(crate) const VIRTIO_SCSI: Driver = driver("virtio_scsi", "CONFIG_SCSI_VIRTIO", "drivers/scsi");
pub(crate) const SD_MOD: Driver = driver("sd_mod", "CONFIG_BLK_DEV_SD", "drivers/scsi");
pub(crate) const VIRTIO_NET: Driver = driver("virtio_net", "CONFIG_VIRTIO_NET", "drivers/net");
/// All that is asked for or depended on by name.
const ALL: [&Driver; 11] = [
    &NVME,
    &NVME_CORE,
    &VIRTIO,
    &VIRTIO_RING,
    &VIRTIO_PCI,
    &VIRTIO_PCI_MODERN,
    &VIRTIO_PCI_LEGACY,
    &VIRTIO_BLK,
    &VIRTIO_SCSI,
    &SD_MOD,
    &VIRTIO_NET,
];

/// Where a driver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// In the kernel itself.
    BuiltIn,
    /// In the initramfs, with all that it depends on.
    Initramfs,
    /// In the initramfs, but this, which it depends on, is not.
    Without(String),
    /// On the root only.
    RootOnly,
    /// Nowhere.
    Absent,
    /// The initramfs could not be read, so it may be there.
    Unknown,
}

impl Presence {
    /// Whether it works before the root is mounted.
    pub(crate) fn is_early(&self) -> bool {
        matches!(self, Presence::BuiltIn | Presence::Initramfs)
    }

    /// Where that is, in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Presence::BuiltIn => "built into the kernel".to_owned(),
            Presence::Initramfs => "in the initramfs".to_owned(),
            Presence::Without(other) => format!("in the initramfs, but not {other}, which it depends on"),
            Presence::RootOnly => "only on the root file system, not in the initramfs".to_owned(),
            Presence::Absent => "nowhere".to_owned(),
            Presence::Unknown => "not known, because the initramfs cannot be read".to_owned(),
        }
    }
}

/// The drivers of one kernel.
pub(crate) struct Drivers<'a> {
    version: String,
    built_in: HashSet<String>,
    dependencies: HashMap<String, Vec<String>>,
    on_root: HashSet<String>,
    initramfs: Option<&'a Initramfs>,
}

impl<'a> Drivers<'a> {
    /// Reads the lists of a kernel.
    pub(crate) fn read(
        guest: &Guest,
        kernel_path: &str,
        version: &str,
        initramfs: Option<&'a Initramfs>,
    ) -> Drivers<'a> {
        let directory = modules_directory(guest, version).unwrap_or_else(|| format!("/lib/modules/{version}"));
        let mut drivers = Drivers {
            version: version.to_owned(),
            built_in: HashSet::new(),
            dependencies: HashMap::new(),
            on_root: HashSet::new(),
            initramfs,
        };
        drivers.read_built_in(guest, &directory, kernel_path);
        drivers.read_dependencies(guest, &directory);
        drivers
    }

    fn read_built_in(&mut self, guest: &Guest, directory: &str, kernel_path: &str) {
        if let Some(bytes) = guest.bytes(&format!("{directory}/modules.builtin"), LIST_BYTES_MAX) {
            let text = String::from_utf8_lossy(&bytes);
            self.built_in.extend(text.lines().filter_map(module_name).take(NAMES_MAX));
        }
        let flavour = kernel_path.rsplit('/').next().and_then(|name| name.split_once('-')).map_or("", |(_, rest)| rest);
        let configurations = [
            format!("/boot/config-{}", self.version),
            format!("{directory}/config"),
            format!("/boot/config-{}-{flavour}", self.version),
            format!("/boot/config-{flavour}"),
        ];
        let Some(text) = configurations.iter().find_map(|path| guest.text(path)) else { return };
        let set: HashSet<&str> = text.lines().filter_map(|line| line.strip_suffix("=y")).collect();
        self.built_in
            .extend(ALL.iter().filter(|driver| set.contains(driver.setting)).map(|driver| driver.module.to_owned()));
    }

    fn read_dependencies(&mut self, guest: &Guest, directory: &str) {
        let bytes = guest.bytes(&format!("{directory}/modules.dep"), LIST_BYTES_MAX).unwrap_or_default();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let Some((path, needs)) = line.split_once(':') else { continue };
            let Some(module) = module_name(path).filter(|name| ALL.iter().any(|driver| driver.module == name)) else {
                continue;
            };
            // The list may speak of modules that were removed since.
            let path = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
            if guest.is_file(&path) {
                self.on_root.insert(module.clone());
            }
            self.dependencies
                .insert(module, needs.split_whitespace().filter_map(module_name).take(NAMES_MAX).collect());
        }
        if self.dependencies.is_empty() {
            for driver in ALL {
                let base = format!("{directory}/kernel/{}/{}.ko", driver.directory, driver.module);
                let spellings = [base.clone(), base.replace('_', "-")];
                let forms =
                    spellings.iter().flat_map(|base| ["", ".xz", ".zst", ".gz"].map(|end| format!("{base}{end}")));
                if forms.into_iter().any(|path| guest.is_file(&path)) {
                    self.on_root.insert(driver.module.to_owned());
                }
            }
        }
    }

    /// Where a driver is.
    pub(crate) fn presence(&self, driver: &Driver) -> Presence {
        let module = driver.module;
        if self.built_in.contains(module) {
            return Presence::BuiltIn;
        }
        if !self.in_initramfs(module) {
            return match self.initramfs {
                Some(initramfs) if initramfs.trouble.is_some() => Presence::Unknown,
                _ if self.on_root.contains(module) => Presence::RootOnly,
                _ => Presence::Absent,
            };
        }
        match self.needs(module).into_iter().find(|need| !self.built_in.contains(need) && !self.in_initramfs(need)) {
            Some(_) if self.initramfs.is_some_and(|initramfs| initramfs.trouble.is_some()) => Presence::Unknown,
            Some(need) => Presence::Without(need),
            None => Presence::Initramfs,
        }
    }

    /// Whether a driver is anywhere where the started system finds it.
    pub(crate) fn is_anywhere(&self, driver: &Driver) -> bool {
        self.presence(driver).is_early() || self.on_root.contains(driver.module)
    }

    /// Whether anything is known at all: a list, a configuration, or an initramfs with modules.
    pub(crate) fn are_known(&self) -> bool {
        !self.built_in.is_empty()
            || !self.dependencies.is_empty()
            || !self.on_root.is_empty()
            || self.initramfs.is_some_and(|initramfs| initramfs.module_count() > 0)
    }

    fn in_initramfs(&self, module: &str) -> bool {
        self.initramfs.is_some_and(|initramfs| initramfs.has(&self.version, module))
    }

    fn needs(&self, module: &str) -> Vec<String> {
        match self.dependencies.get(module) {
            Some(needs) => needs.clone(),
            None if module == NVME.module => vec![NVME_CORE.module.to_owned()],
            None => Vec::new(),
        }
    }
}

/// Where the modules of a kernel version are on the root.
pub(crate) fn modules_directory(guest: &Guest, version: &str) -> Option<String> {
    ["/lib/modules", "/usr/lib/modules"].iter().map(|base| format!("{base}/{version}")).find(|path| guest.is_dir(path))
}
