//! How the guest would start: which loader, which kernel, with what words.
//!
//! What lives here: finding the boot loader's configuration in the guest's tree, and the entry that starts when nobody
//! chooses. What never does: whether the kernel found its drivers and its root (the items say so).

mod bls;
mod entry;
mod extlinux;
mod firmware;
mod grub;
mod kernel;
mod unified;

use std::collections::HashMap;

use crate::guest::Guest;
use crate::settings::assigned;

pub(crate) use entry::Entry;
pub(crate) use firmware::Firmware;
pub(crate) use kernel::{Kernel, version_from_name};
pub(crate) use unified::initrd as unified_initrd;

/// How many entries of their own files are read.
const ENTRY_FILES_MAX: usize = 128;
/// How much of such a file is read.
const ENTRY_BYTES_MAX: usize = 16 << 10;
/// How often a configuration may go on with another.
const HOPS_MAX: usize = 4;

/// What the guest's boot loader says.
#[derive(Debug, Default)]
pub(crate) struct Boot {
    /// `grub`, `grub-legacy`, `extlinux`, `systemd-boot`, `uki`; none when only kernels were found.
    pub(crate) loader: Option<&'static str>,
    /// The configuration that was read.
    pub(crate) configuration: Option<String>,
    /// What is wrong with it.
    pub(crate) damage: Option<String>,
    /// What it offers.
    pub(crate) entries: Vec<Entry>,
    /// Which of them starts.
    pub(crate) default: Option<usize>,
    /// Whether an emergency entry would start because there is nothing else.
    pub(crate) only_rescue: bool,
}

/// The places that paths of a loader may be relative to.
pub(crate) struct Places {
    /// Paths of the root's subvolume from the top of its file system, without slashes around: `@rootfs`.
    pub(crate) subvolumes: Vec<String>,
    /// Where the EFI system partition is in the tree.
    pub(crate) esp: Option<String>,
}

impl Boot {
    /// Finds the loader's configuration, its entries, and the default.
    pub(crate) fn find(guest: &Guest, places: &Places) -> Boot {
        let mut finder = Finder { guest, places, boot: Boot::default() };
        let _ = finder.grub() || finder.extlinux() || finder.systemd_boot() || finder.unified() || finder.grub_legacy();
        if finder.boot.loader.is_none() {
            finder.kernels();
        }
        finder.boot
    }

    /// The entry that starts.
    pub(crate) fn default_entry(&self) -> Option<&Entry> {
        self.entries.get(self.default?)
    }

    /// Settles the default by its name, or else takes the first entry that is not for emergencies.
    fn choose(&mut self, name: Option<&str>) {
        let named = name.and_then(|name| self.entries.iter().position(|entry| entry.is_called(name)));
        let usual = || self.entries.iter().position(|entry| entry.kernel.is_some() && !entry.is_rescue());
        self.default = named.filter(|&index| !self.entries[index].is_rescue()).or_else(usual);
        if self.default.is_none() {
            self.default = named.or_else(|| self.entries.iter().position(|entry| entry.kernel.is_some()));
            self.only_rescue = self.default.is_some();
        }
    }
}

/// A search under way.
struct Finder<'g> {
    guest: &'g Guest,
    places: &'g Places,
    boot: Boot,
}

impl Finder<'_> {
    fn grub(&mut self) -> bool {
        let mut candidates = vec!["/boot/grub2/grub.cfg".to_owned(), "/boot/grub/grub.cfg".to_owned()];
        candidates.extend(self.stubs());
        for path in candidates {
            let mut at = path;
            for _ in 0..HOPS_MAX {
                let Some(text) = self.guest.text(&at) else { break };
                let environment = self.environment();
                let config = grub::Config::parse(&text, &environment);
                if config.entries.iter().any(|entry| entry.kernel.is_some()) || config.uses_bls {
                    return self.take_grub(at, config, &environment);
                }
                if self.boot.damage.is_none()
                    && let Some(damage) = config.damage
                {
                    self.boot.damage = Some(format!("{at}: {damage}"));
                }
                match config.goes_on_with {
                    Some(next) => at = self.located(strip_device(&next), "/boot"),
                    None => break,
                }
            }
        }
        false
    }

    fn take_grub(&mut self, path: String, config: grub::Config, environment: &HashMap<String, String>) -> bool {
        self.boot.loader = Some("grub");
        self.boot.damage = config.damage.map(|damage| format!("{path}: {damage}"));
        self.boot.configuration = Some(path);
        self.boot.entries = config.entries;
        if config.uses_bls {
            // The entries of the specification come in the place of the `blscfg` line: before what an owner adds.
            let mut entries = self.bls(&["/boot/loader/entries", "/boot/efi/loader/entries"], &config.variables);
            entries.append(&mut self.boot.entries);
            self.boot.entries = entries;
        }
        self.locate_all("/boot");
        let saved = environment.get("saved_entry").filter(|_| config.uses_bls);
        let name = config.default.filter(|name| !name.is_empty()).or_else(|| saved.cloned());
        self.boot.choose(name.as_deref().or(Some("0")));
        true
    }

    fn environment(&self) -> HashMap<String, String> {
        let esp = self.places.esp.as_deref().unwrap_or("/boot/efi");
        let mut paths = vec!["/boot/grub2/grubenv".to_owned(), "/boot/grub/grubenv".to_owned()];
        paths
            .extend(self.guest.list(&format!("{esp}/EFI")).into_iter().map(|name| format!("{esp}/EFI/{name}/grubenv")));
        let block = paths.iter().find_map(|path| self.guest.text(path)).unwrap_or_default();
        grub::environment(&block)
    }

    /// The small configurations on the EFI system partition that lead to the large one.
    fn stubs(&self) -> Vec<String> {
        let Some(esp) = &self.places.esp else { return Vec::new() };
        let directories = self.guest.list(&format!("{esp}/EFI"));
        directories.into_iter().map(|name| format!("{esp}/EFI/{name}/grub.cfg")).collect()
    }

    fn bls(&self, directories: &[&str], environment: &HashMap<String, String>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for directory in directories {
            for path in self.guest.list_ending(directory, ".conf").into_iter().take(ENTRY_FILES_MAX) {
                let Some(text) = self.guest.start(&path, ENTRY_BYTES_MAX) else { continue };
                let text = String::from_utf8_lossy(&text);
                let id = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".conf");
                entries.push(bls::parse(id, &text, environment));
            }
            if !entries.is_empty() {
                break;
            }
        }
        bls::sort(&mut entries);
        entries
    }

    fn extlinux(&mut self) -> bool {
        const PATHS: [&str; 7] = [
            "/boot/extlinux.conf",
            "/boot/extlinux/extlinux.conf",
            "/extlinux.conf",
            "/extlinux/extlinux.conf",
            "/boot/syslinux/syslinux.cfg",
            "/syslinux/syslinux.cfg",
            "/syslinux.cfg",
        ];
        for path in PATHS {
            let Some(text) = self.guest.text(path) else { continue };
            let (entries, default) = extlinux::parse(&text);
            if entries.iter().all(|entry| entry.kernel.is_none()) {
                continue;
            }
            self.boot.loader = Some("extlinux");
            self.boot.configuration = Some(path.to_owned());
            self.boot.entries = entries;
            self.locate_all(path.rsplit_once('/').map_or("", |(directory, _)| directory));
            self.boot.choose(default.as_deref());
            return true;
        }
        false
    }

    fn systemd_boot(&mut self) -> bool {
        let mut bases = vec!["/boot".to_owned(), "/efi".to_owned(), "/boot/efi".to_owned()];
        bases.extend(self.places.esp.clone());
        for base in bases {
            let entries = self.bls(&[&format!("{base}/loader/entries")], &HashMap::new());
            if entries.iter().all(|entry| entry.kernel.is_none()) {
                continue;
            }
            let configuration = format!("{base}/loader/loader.conf");
            let default = self.guest.text(&configuration).and_then(|text| {
                let line =
                    text.lines().rev().find_map(|line| line.trim().strip_prefix("default")?.split_whitespace().next());
                line.map(str::to_owned)
            });
            self.boot.loader = Some("systemd-boot");
            self.boot.configuration = Some(configuration);
            self.boot.entries = entries;
            self.locate_all(&base);
            let name = default.map(|name| name.trim_end_matches(".conf").to_owned());
            let matched = name.as_deref().and_then(|name| self.matching(name));
            self.boot.choose(matched.as_deref().or(name.as_deref()));
            return true;
        }
        false
    }

    /// The id of the entry that a default with `*` at its end means.
    fn matching(&self, pattern: &str) -> Option<String> {
        let start = pattern.strip_suffix('*')?;
        let ids = self.boot.entries.iter().filter_map(|entry| Some(entry.chain.first()?[2].clone()));
        ids.into_iter().find(|id| id.starts_with(start))
    }

    fn unified(&mut self) -> bool {
        let Some(esp) = &self.places.esp else { return false };
        let images = self.guest.list_ending(&format!("{esp}/EFI/Linux"), ".efi");
        let mut entries: Vec<Entry> =
            images.into_iter().take(ENTRY_FILES_MAX).filter_map(|path| unified::entry(self.guest, &path)).collect();
        if entries.is_empty() {
            return false;
        }
        bls::sort(&mut entries);
        self.boot.loader = Some("uki");
        self.boot.configuration = Some(format!("{esp}/EFI/Linux"));
        self.boot.entries = entries;
        self.boot.choose(None);
        true
    }

    fn grub_legacy(&mut self) -> bool {
        for path in ["/boot/grub/menu.lst", "/boot/grub/grub.conf"] {
            let Some(text) = self.guest.text(path) else { continue };
            let config = grub::Config::parse_legacy(&text);
            if config.entries.is_empty() {
                continue;
            }
            self.boot.loader = Some("grub-legacy");
            self.boot.configuration = Some(path.to_owned());
            self.boot.entries = config.entries;
            self.locate_all("/boot");
            self.boot.choose(config.default.as_deref().or(Some("0")));
            return true;
        }
        false
    }

    /// Without any configuration: the newest kernel that lies where kernels do.
    fn kernels(&mut self) {
        let names = self.guest.list("/boot");
        let mut found: Vec<&String> =
            names.iter().filter(|name| is_kernel_name(name) && !name.contains("rescue")).collect();
        found.sort_by(|a, b| bls::compare_versions(b, a));
        for name in found.into_iter().take(ENTRY_FILES_MAX) {
            // Not every kernel bears its version: Alpine's is `vmlinuz-virt`, with `initramfs-virt` beside it.
            let suffix = version_from_name(name).or_else(|| name.split_once('-').map(|(_, rest)| rest.to_owned()));
            let suffix = suffix.unwrap_or_default();
            let initrds = [
                format!("initrd.img-{suffix}"),
                format!("initramfs-{suffix}.img"),
                format!("initrd-{suffix}"),
                format!("initramfs-{suffix}"),
            ];
            let initrd = initrds.iter().find(|initrd| names.contains(initrd)).map(|initrd| format!("/boot/{initrd}"));
            self.boot.entries.push(Entry {
                title: name.clone(),
                kernel: Some(format!("/boot/{name}")),
                initrds: initrd.into_iter().collect(),
                command_line: self.configured_command_line(),
                ..Entry::default()
            });
        }
        self.boot.choose(None);
    }

    /// The words that kernels are to be given once a configuration is made.
    fn configured_command_line(&self) -> String {
        let given = |text: String| assigned(&text, "GRUB_CMDLINE_LINUX");
        let cmdline = self.guest.text("/etc/kernel/cmdline").or_else(|| given(self.guest.text("/etc/default/grub")?));
        cmdline.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn locate_all(&mut self, base: &str) {
        let mut entries = std::mem::take(&mut self.boot.entries);
        for entry in &mut entries {
            entry.kernel = entry.kernel.take().map(|path| self.located(&path, base));
            let initrds = std::mem::take(&mut entry.initrds);
            entry.initrds = initrds.iter().map(|path| self.located(path, base)).collect();
        }
        self.boot.entries = entries;
    }

    /// The guest's path for a path as a loader sees it: from the top of the loader's own file system, which is the
    /// root's, `/boot`'s or the EFI system partition's. What does not exist stays as the first guess.
    fn located(&self, path: &str, base: &str) -> String {
        let path = path.trim_end_matches('/');
        let absolute = if path.starts_with('/') { path.to_owned() } else { format!("{base}/{path}") };
        let mut guesses = vec![absolute.clone(), format!("{base}{absolute}"), format!("/boot{absolute}")];
        guesses.extend(self.places.esp.iter().map(|esp| format!("{esp}{absolute}")));
        for subvolume in &self.places.subvolumes {
            if let Some(rest) = absolute.trim_start_matches('/').strip_prefix(subvolume.as_str()) {
                guesses.push(if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") });
            }
        }
        guesses.into_iter().find(|guess| self.guest.is_file(guess)).unwrap_or(absolute)
    }
}

/// Whether a file in `/boot` is a kernel by its name.
fn is_kernel_name(name: &str) -> bool {
    ["vmlinuz", "vmlinux", "Image", "kernel"]
        .iter()
        .any(|start| name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

fn strip_device(path: &str) -> &str {
    path.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(path, |(_, path)| path)
}
