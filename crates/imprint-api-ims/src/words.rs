//! This API's words for the model's nouns. Never here: what they mean.

use imprint_model::{Architecture, BootMode, DiskFormat, DiskKind, Image, OsType, ProjectId, Status, Visibility};

use crate::os;

/// What an image that nobody described runs.
const SYSTEM_UNKNOWN: &str = "Other Linux(64 bit)";
const SYSTEM_UNKNOWN_32: &str = "Other(32 bit)";
const SYSTEM_UNKNOWN_WINDOWS: &str = "Other_Windows (64_bit)";

/// The word for a status.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Queued | Status::Staged => "queued",
        Status::Saving | Status::Importing => "saving",
        Status::Available => "active",
        Status::Deactivated => "deactivated",
        Status::Failed => "killed",
    }
}

/// The statuses a word stands for; none for a word that no image here ever has (`deleted` ones are gone).
pub(crate) fn statuses_named(word: &str) -> Vec<Status> {
    Status::ALL.into_iter().filter(|&known| status(known) == word).collect()
}

/// How an image stands to whoever looks at it: the word for its visibility, and that for its type.
pub(crate) struct Reach {
    /// `visibility`.
    pub(crate) visibility: &'static str,
    /// `__imagetype`.
    pub(crate) kind: &'static str,
}

/// How an image stands to `project`; `shared` says whether single accounts have been given it.
pub(crate) fn reach(image: &Image, project: Option<&ProjectId>, shared: bool) -> Reach {
    let own = project == Some(&image.owner);
    match image.visibility {
        Visibility::Public => Reach { visibility: "public", kind: "gold" },
        Visibility::Shared | Visibility::Community if !own || shared => Reach { visibility: "shared", kind: "shared" },
        Visibility::Shared | Visibility::Community | Visibility::Private => {
            Reach { visibility: "private", kind: "private" }
        }
    }
}

/// The word for a firmware.
pub(crate) fn firmware(image: &Image) -> &'static str {
    match image.facts.firmware() {
        BootMode::Uefi | BootMode::UefiPreferred => "uefi",
        BootMode::Bios => "bios",
    }
}

/// What runs in an image, as three attributes say it and a fourth sums it up.
pub(crate) struct System<'a> {
    /// `__os_version`.
    pub(crate) version: &'a str,
    /// `__platform`.
    pub(crate) platform: &'a str,
    /// `__os_type`.
    pub(crate) kind: &'static str,
    /// `__os_bit`.
    pub(crate) bits: &'static str,
}

/// What runs in an image.
pub(crate) fn system(image: &Image) -> System<'_> {
    let facts = &image.facts;
    let version = facts.os_name.as_deref().unwrap_or(match (facts.os_type, facts.architecture) {
        (Some(OsType::Windows), _) => SYSTEM_UNKNOWN_WINDOWS,
        (_, Some(Architecture::I386)) => SYSTEM_UNKNOWN_32,
        _ => SYSTEM_UNKNOWN,
    });
    let derived = os::derive(version);
    let platform = facts.platform.as_deref().map_or(derived.platform, os::platform);
    let kind = match facts.os_type {
        Some(OsType::Windows) => "Windows",
        Some(OsType::Linux) => "Linux",
        None => derived.kind,
    };
    let bits = match facts.architecture {
        Some(Architecture::I386) => "32",
        Some(Architecture::X86_64 | Architecture::Arm64) => "64",
        None => derived.bits,
    };
    System { version, platform, kind, bits }
}

/// Whether an image is for 64-bit ARM.
pub(crate) fn is_arm(image: &Image) -> bool {
    image.facts.architecture == Some(Architecture::Arm64)
}

/// The property that says what machine an image is for, and what it says of those whose maker did not.
pub(crate) const ENVIRONMENT: &str = "virtual_env_type";

/// What machine an image is for.
pub(crate) fn environment(image: &Image) -> &str {
    if let Some(Some(told)) = image.properties.get(ENVIRONMENT) {
        return told;
    }
    let data = image.disks.first().is_some_and(|disk| disk.kind == DiskKind::Data);
    match image.disk_format {
        Some(DiskFormat::Iso) => "IsoImage",
        _ if data => "DataImage",
        _ => "FusionCompute",
    }
}
