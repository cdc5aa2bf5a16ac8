//! What an image is, as far as rules depend on it or more than one dialect speaks of it. What only one dialect knows
//! and only stores is a property instead.

use serde::{Deserialize, Serialize};

use crate::ImageId;

crate::words! {
    /// The processor a disk's system is made for.
    Architecture {
        /// 32-bit PC.
        I386 = "i386",
        /// 64-bit PC.
        X86_64 = "x86_64",
        /// 64-bit ARM.
        Arm64 = "arm64",
    }
}

crate::words! {
    /// The firmware a disk boots from.
    BootMode {
        /// The PC's old one.
        Bios = "bios",
        /// The one that came after.
        Uefi = "uefi",
        /// UEFI where the machine has it, else BIOS.
        UefiPreferred = "uefi_preferred",
    }
}

impl Architecture {
    /// The firmware of what nobody told anything else of.
    pub fn firmware(self) -> BootMode {
        match self {
            Self::I386 | Self::X86_64 => BootMode::Bios,
            Self::Arm64 => BootMode::Uefi,
        }
    }
}

crate::words! {
    /// The kind of system inside.
    OsType {
        /// Linux, and whatever is not Windows.
        Linux = "linux",
        /// Windows.
        Windows = "windows",
    }
}

crate::words! {
    /// Which versions of the metadata service a machine of this image gets.
    MetadataAccess {
        /// Any request is answered.
        Open = "open",
        /// Only requests that fetched a session token before.
        TokenRequired = "token_required",
    }
}

crate::words! {
    /// Who licenses the system inside.
    Licence {
        /// The provider where it can, else what came with the system.
        Auto = "auto",
        /// The provider.
        Provider = "provider",
        /// The owner brought it along.
        Own = "own",
    }
}

/// Facts about an image. All are optional: nobody may have told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name of the line of images it continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// Firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<BootMode>,
    /// Kind of system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_type: Option<OsType>,
    /// Distribution or edition: `Debian`, `Windows Server 2022`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Full name of the system, with its version: `Debian 12 64bit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_name: Option<String>,
    /// Whether the system can boot from an NVMe disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvme: Option<bool>,
    /// Access to the metadata service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_access: Option<MetadataAccess>,
    /// Licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// Whether the firmware may insist on signed boot loaders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// Whether one logs in as somebody else than root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_as_non_root: Option<bool>,
    /// The resource group it is in; none means the account's default group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// The image it is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<ImageId>,
    /// Whether a check of its content was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub check_wanted: bool,
}

crate::words! {
    /// A fact that lists can be asked for by its exact value.
    FactKey {
        /// See [`Facts::family`].
        Family = "family",
        /// See [`Facts::version`].
        Version = "version",
        /// See [`Facts::architecture`].
        Architecture = "architecture",
        /// See [`Facts::boot_mode`].
        BootMode = "boot_mode",
        /// See [`Facts::os_type`].
        OsType = "os_type",
        /// See [`Facts::platform`].
        Platform = "platform",
        /// See [`Facts::os_name`].
        OsName = "os_name",
        /// See [`Facts::description`].
        Description = "description",
        /// See [`Facts::resource_group`].
        ResourceGroup = "resource_group",
        /// See [`Facts::nvme`]: `true` or `false`.
        Nvme = "nvme",
    }
}

impl Facts {
    /// The firmware that machines get: as told, else what fits the processor.
    pub fn firmware(&self) -> BootMode {
        self.boot_mode.unwrap_or_else(|| self.architecture.unwrap_or(Architecture::X86_64).firmware())
    }

    /// A fact as text, in the catalogue's words.
    pub fn text(&self, key: FactKey) -> Option<&str> {
        match key {
            FactKey::Family => self.family.as_deref(),
            FactKey::Version => self.version.as_deref(),
            FactKey::Architecture => self.architecture.map(Architecture::as_str),
            FactKey::BootMode => self.boot_mode.map(BootMode::as_str),
            FactKey::OsType => self.os_type.map(OsType::as_str),
            FactKey::Platform => self.platform.as_deref(),
            FactKey::OsName => self.os_name.as_deref(),
            FactKey::Description => self.description.as_deref(),
            FactKey::ResourceGroup => self.resource_group.as_deref(),
            FactKey::Nvme => self.nvme.map(|able| if able { "true" } else { "false" }),
        }
    }
}
