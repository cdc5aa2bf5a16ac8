//! What a check says.

use serde::{Deserialize, Serialize};

/// Everything that a check learned about a disk. Text in it comes from the disk, without control characters and cut.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Partition table: `gpt`, `mbr` or none.
    pub partition_table: Option<String>,
    /// Volumes in the order in which they were found: partitions, logical volumes, or the whole disk.
    pub volumes: Vec<Volume>,
    /// The operating system that would start.
    pub os: Option<Os>,
    /// Items of the check, in the order of [`ItemName`].
    pub items: Vec<Item>,
    /// Left-over secrets and identities.
    pub findings: Vec<Finding>,
    /// Installed packages.
    pub packages: Vec<Package>,
    /// Why the check ended early, if it did: what is known is right, but not all.
    pub incomplete: Option<String>,
}

/// A volume of the disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// How a machine would name it: `1` for the first partition, `vg/lv` for a logical volume, empty for the whole disk.
    pub name: String,
    /// First byte on the disk; none for what is put together from several places.
    pub offset_bytes: Option<u64>,
    /// Length in bytes.
    pub size_bytes: u64,
    /// The type that the partition table gives it.
    pub partition_type: Option<String>,
    /// PARTUUID, PARTLABEL.
    pub partition_uuid: Option<String>,
    /// See above.
    pub partition_label: Option<String>,
    /// Type of its content as `blkid` names it: `ext4`, `swap`, `LVM2_member`, `crypto_LUKS`.
    pub content: Option<String>,
    /// UUID of the content.
    pub uuid: Option<String>,
    /// Label of the content.
    pub label: Option<String>,
    /// Where the operating system mounts it.
    pub mount_point: Option<String>,
    /// Whether its file system was left in order, where there is one.
    pub clean: Option<bool>,
}

/// An operating system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Os {
    /// `linux`, `windows`, `freebsd`, …
    pub kind: String,
    /// The distribution's id in lower case: `debian`, `rocky`, `sles`, `alpine`, `windows`.
    pub distribution: String,
    /// Version, with its minor part where one is known: `12.15`, `9.4`.
    pub version: String,
    /// The name for people: `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: String,
    /// `x86_64`, `aarch64`, `i386`, …
    pub architecture: Option<String>,
    /// Its host name.
    pub host_name: Option<String>,
    /// The version of the kernel that would start.
    pub kernel: Option<String>,
    /// Format of its package database.
    pub package_format: Option<PackageFormat>,
    /// Whether BIOS firmware can start it.
    pub boots_bios: bool,
    /// Whether UEFI firmware can start it.
    pub boots_uefi: bool,
    /// The volume that its root is on, and the subvolume there.
    pub root: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Good to know.
    Info,
    /// A blemish.
    Low,
    /// May slow a start or spoil a configuration.
    Medium,
    /// May keep a machine from starting or from being reached.
    High,
    /// Will keep it from starting.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What.
    pub name: ItemName,
    /// What was found, in a word or a version: `Supported`, `NotSupported`, `Installed`, `12.15`.
    pub value: String,
    /// The risk; none when all is well.
    pub risk: Option<Risk>,
    /// What is wrong, as a stable code `Item.Problem`; none when all is well.
    pub code: Option<String>,
    /// One sentence for people: where it was seen, what to do.
    pub detail: String,
}

/// The problem of a missing NVMe driver, spelt as the interface that made the codes known spells it.
pub(crate) const NVME_NOT_INSTALLED: &str = "NotInstallded";

impl Item {
    /// All is well.
    pub fn fine(name: ItemName, value: impl Into<String>, detail: impl Into<String>) -> Item {
        Item { name, value: value.into(), risk: None, code: None, detail: detail.into() }
    }

    /// Something is wrong. `problem` is the second half of the code: `NotInstalled` makes `CloudInit.NotInstalled`.
    pub fn problem(
        name: ItemName,
        value: impl Into<String>,
        risk: Risk,
        problem: &str,
        detail: impl Into<String>,
    ) -> Item {
        let code = Some(format!("{}.{problem}", name.code()));
        Item { name, value: value.into(), risk: Some(risk), code, detail: detail.into() }
    }
}

impl ItemName {
    /// The first half of the item's codes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            ItemName::Nvme => "NVMe",
            ItemName::Platform => "Platform",
            ItemName::OsVersion => "OSVersion",
            ItemName::Architecture => "Architecture",
            ItemName::KernelVersion => "KernelVersion",
            ItemName::BootMode => "BootMode",
            ItemName::SystemImage => "SystemImage",
            ItemName::DefaultKernel => "DefaultKernel",
            ItemName::Initramfs => "Initramfs",
            ItemName::Virtio => "Virtio",
            ItemName::Fstab => "Fstab",
            ItemName::Grub => "Grub",
            ItemName::RootArgument => "RootArgument",
            ItemName::SerialConsole => "SerialConsole",
            ItemName::Dhcp => "Dhcp",
            ItemName::Sshd => "Sshd",
            ItemName::RootPassword => "RootPassword",
            ItemName::Selinux => "Selinux",
            ItemName::Firewall => "Firewall",
            ItemName::CloudInit => "CloudInit",
            ItemName::OnlineResizeFs => "OnlineResizeFS",
            ItemName::FileSystem => "FileSystem",
            ItemName::RtcTimeMode => "RtcTimeMode",
            ItemName::GuestAgent => "GuestAgent",
            ItemName::CloudAssistant => "CloudAssistant",
            ItemName::SecurityCenterAgent => "SecurityCenterAgent",
            ItemName::SupportMocInstanceTypes => "SupportMocInstanceTypes",
            ItemName::Bcd => "BCD",
            ItemName::BootMgr => "BootMgr",
            ItemName::Registry => "Registry",
            ItemName::Hotfix => "Hotfix",
            ItemName::Disk => "Disk",
            ItemName::Sysprep => "Sysprep",
            ItemName::Update => "Update",
            ItemName::Xen => "Xen",
            ItemName::Server => "Server",
            ItemName::DesktopConfig => "DesktopConfig",
            ItemName::RemoteDesktop => "RemoteDesktop",
        }
    }
}

/// The items of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is described in docs/check.md")]
pub enum ItemName {
    Platform,
    OsVersion,
    Architecture,
    KernelVersion,
    BootMode,
    SystemImage,
    DefaultKernel,
    Initramfs,
    Virtio,
    Nvme,
    Fstab,
    Grub,
    RootArgument,
    SerialConsole,
    Dhcp,
    Sshd,
    RootPassword,
    Selinux,
    Firewall,
    CloudInit,
    OnlineResizeFs,
    FileSystem,
    RtcTimeMode,
    GuestAgent,
    CloudAssistant,
    SecurityCenterAgent,
    SupportMocInstanceTypes,
    Bcd,
    BootMgr,
    Registry,
    Hotfix,
    Disk,
    Sysprep,
    Update,
    Xen,
    Server,
    DesktopConfig,
    RemoteDesktop,
}

impl Report {
    /// Whether nothing is known that keeps a machine from starting: there is a system, and no item of the level
    /// [`Risk::Error`].
    #[must_use]
    pub fn is_bootable(&self) -> bool {
        self.os.is_some() && self.items.iter().all(|item| item.risk != Some(Risk::Error))
    }

    /// The item of that name, if it was looked at.
    #[must_use]
    pub fn item(&self, name: ItemName) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }
}

/// Something left behind that identifies or opens the machine it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable word: `ssh-host-key`, `authorized-keys`, `shell-history`, `machine-id`, `cloud-init-instance`, ….
    pub kind: String,
    /// Where, as a path of the guest. Never the content.
    pub path: String,
    /// The risk.
    pub risk: Risk,
}

/// The package database that a system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageFormat {
    /// dpkg.
    Deb,
    /// rpm.
    Rpm,
    /// apk.
    Apk,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version as the package manager writes it, with epoch and release.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// Its licence, where the database says.
    pub licence: Option<String>,
    /// The source it was built from, where the database says.
    pub source: Option<String>,
}
