//! This API's words for the model's nouns. Never here: what they mean.

use imprint_model::{
    Architecture, BootMode, DiskCategory, DiskFormat, DiskKind, Image, Licence, MetadataAccess, OsType, Status,
};
use imprint_service::ExportFormat;

/// The distribution of an image that nobody told it of.
pub(crate) const PLATFORM_DEFAULT: &str = "Others Linux";

/// The distributions an image can be declared to be.
pub(crate) const PLATFORMS: [&str; 28] = [
    "Aliyun",
    "Anolis",
    "CentOS",
    "Ubuntu",
    "CoreOS",
    "SUSE",
    "Debian",
    "OpenSUSE",
    "FreeBSD",
    "RedHat",
    "Kylin",
    "UOS",
    "Fedora",
    "Fedora CoreOS",
    "CentOS Stream",
    "AlmaLinux",
    "Rocky Linux",
    "Gentoo",
    "Customized Linux",
    "Others Linux",
    "Windows Server 2022",
    "Windows Server 2019",
    "Windows Server 2016",
    "Windows Server 2012",
    "Windows Server 2008",
    "Windows Server 2003",
    // of older editions of the list; clients that were written to them are still about
    "Aliyun Linux",
    "Windows 7",
];

/// A distribution that only an import may name.
pub(crate) const PLATFORM_IMPORT_ONLY: &str = "Other Windows";

/// The statuses a client may ask for, in the order of the reference.
pub(crate) const STATUSES: [&str; 6] =
    ["Creating", "Waiting", "Available", "UnAvailable", "CreateFailed", "Deprecated"];

/// The word for where an image is in its life.
pub(crate) fn status(image: &Image) -> &'static str {
    match image.status {
        Status::Saving | Status::Staged | Status::Importing => "Creating",
        Status::Queued => "Waiting",
        Status::Available if image.hidden => "Deprecated",
        Status::Available => "Available",
        Status::Deactivated => "UnAvailable",
        Status::Failed => "CreateFailed",
    }
}

/// The statuses a word stands for, each with whether the image is hidden where that matters; none for a word that
/// stands for nothing.
pub(crate) fn states_named(word: &str) -> &'static [(Status, Option<bool>)] {
    match word {
        "Creating" => &[(Status::Saving, None), (Status::Staged, None), (Status::Importing, None)],
        "Waiting" => &[(Status::Queued, None)],
        "Available" => &[(Status::Available, Some(false))],
        "Deprecated" => &[(Status::Available, Some(true))],
        "UnAvailable" => &[(Status::Deactivated, None)],
        "CreateFailed" => &[(Status::Failed, None)],
        _ => &[],
    }
}

/// The kind of system a distribution is.
pub(crate) fn os_type_of_platform(platform: &str) -> OsType {
    if platform.contains("Windows") { OsType::Windows } else { OsType::Linux }
}

/// The word for the firmware.
pub(crate) fn boot_mode(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Bios => "BIOS",
        BootMode::Uefi => "UEFI",
        BootMode::UefiPreferred => "UEFI-Preferred",
    }
}

/// The firmware a word stands for.
pub(crate) fn boot_mode_named(word: &str) -> Option<BootMode> {
    BootMode::ALL.iter().copied().find(|&known| boot_mode(known) == word)
}

/// The processor of an image of which nobody said.
pub(crate) const ARCHITECTURE_DEFAULT: Architecture = Architecture::X86_64;

/// The word for who licenses the system.
pub(crate) fn licence(licence: Licence) -> &'static str {
    match licence {
        Licence::Auto => "Auto",
        Licence::Provider => "Aliyun",
        Licence::Own => "BYOL",
    }
}

/// Who licenses, by the word.
pub(crate) fn licence_named(word: &str) -> Option<Licence> {
    Licence::ALL.iter().copied().find(|&known| licence(known) == word)
}

/// The word for the metadata service's version.
pub(crate) fn metadata_access(access: MetadataAccess) -> &'static str {
    match access {
        MetadataAccess::Open => "v1",
        MetadataAccess::TokenRequired => "v2",
    }
}

/// The metadata service's version a word stands for.
pub(crate) fn metadata_access_named(word: &str) -> Option<MetadataAccess> {
    MetadataAccess::ALL.iter().copied().find(|&known| metadata_access(known) == word)
}

/// The word for whether something is supported.
pub(crate) fn supported(is: bool) -> &'static str {
    if is { "supported" } else { "unsupported" }
}

/// Whether something is supported, by the word.
pub(crate) fn supported_named(word: &str) -> Option<bool> {
    match word {
        "supported" => Some(true),
        "unsupported" => Some(false),
        _ => None,
    }
}

/// The word for a disk's purpose is the model's own.
pub(crate) fn disk_kind_named(word: &str) -> Option<DiskKind> {
    word.parse().ok()
}

/// The name of a disk's device.
pub(crate) fn device(letter: char) -> String {
    format!("/dev/xvd{letter}")
}

/// The letter of a device's name; the names that other hypervisors give are understood too.
pub(crate) fn device_letter(name: &str) -> Option<char> {
    let letter = name.strip_prefix("/dev/xvd").or_else(|| name.strip_prefix("/dev/vd"))?;
    let mut letters = letter.chars();
    letters.next().filter(|letter| letter.is_ascii_lowercase() && letters.next().is_none())
}

/// The word for how fast a disk is meant to be.
pub(crate) fn disk_category(category: DiskCategory) -> &'static str {
    match category {
        DiskCategory::Basic => "cloud",
        DiskCategory::Efficiency => "cloud_efficiency",
        DiskCategory::Ssd => "cloud_ssd",
        DiskCategory::Enhanced => "cloud_essd",
        DiskCategory::Auto => "cloud_auto",
    }
}

/// How fast a disk is meant to be, by the word.
pub(crate) fn disk_category_named(word: &str) -> Option<DiskCategory> {
    DiskCategory::ALL.iter().copied().find(|&known| disk_category(known) == word)
}

/// Formats that files can be imported from, by their word in any case of letters.
pub(crate) fn import_format_named(word: &str) -> Option<DiskFormat> {
    let known = [DiskFormat::Raw, DiskFormat::Vhd, DiskFormat::Qcow2, DiskFormat::Vmdk];
    known.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(word))
}

/// Formats that files can be exported to, by their word in any case of letters.
pub(crate) fn export_format_named(word: &str) -> Option<ExportFormat> {
    let known = [ExportFormat::Raw, ExportFormat::Vhd, ExportFormat::Qcow2, ExportFormat::Vmdk, ExportFormat::Vdi];
    known.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use imprint_model::{ImageId, Timestamp};

    use super::*;

    fn image(status: Status, hidden: bool) -> Image {
        Image { status, hidden, ..Image::blank(ImageId::random(), "owner".into(), "here".to_owned(), Timestamp(0)) }
    }

    /// What is shown as a status is found by asking for that status, and by no other.
    #[test]
    fn every_state_has_one_word() {
        for state in Status::ALL {
            for hidden in [false, true] {
                let shown = status(&image(state, hidden));
                let matching: Vec<&str> = STATUSES
                    .into_iter()
                    .filter(|word| {
                        states_named(word).iter().any(|&(s, h)| s == state && h.is_none_or(|wanted| wanted == hidden))
                    })
                    .collect();
                assert_eq!(matching, [shown], "{state} {hidden}");
            }
        }
        assert!(states_named("available").is_empty());
    }

    #[test]
    fn devices_are_read_by_both_names_and_written_by_one() {
        assert_eq!(device_letter("/dev/xvdb").map(device).as_deref(), Some("/dev/xvdb"));
        assert_eq!(device_letter("/dev/vdz").map(device).as_deref(), Some("/dev/xvdz"));
        for bad in ["", "/dev/xvd", "/dev/xvdB", "/dev/xvdaa", "/dev/sdb", "xvdb", "/dev/xvdß"] {
            assert_eq!(device_letter(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_read_back() {
        for &mode in BootMode::ALL {
            assert_eq!(boot_mode_named(boot_mode(mode)), Some(mode));
        }
        for &known in Licence::ALL {
            assert_eq!(licence_named(licence(known)), Some(known));
        }
        for &category in DiskCategory::ALL {
            assert_eq!(disk_category_named(disk_category(category)), Some(category));
        }
        for &access in MetadataAccess::ALL {
            assert_eq!(metadata_access_named(metadata_access(access)), Some(access));
        }
        assert_eq!(boot_mode_named("bios"), None);
        assert_eq!(import_format_named("RAW"), Some(DiskFormat::Raw));
        assert_eq!(import_format_named("iso"), None);
        assert_eq!(export_format_named("vdi"), Some(ExportFormat::Vdi));
    }

    #[test]
    fn platforms_are_spelled_as_everywhere() {
        let own = ["Aliyun", "Aliyun Linux"];
        for platform in PLATFORMS.into_iter().chain([PLATFORM_IMPORT_ONLY]).filter(|name| !own.contains(name)) {
            assert!(imprint_model::PLATFORMS.iter().any(|(_, known)| *known == platform), "{platform}");
        }
    }

    #[test]
    fn a_windows_platform_makes_a_windows_image() {
        assert_eq!(os_type_of_platform("Windows Server 2022"), OsType::Windows);
        assert_eq!(os_type_of_platform(PLATFORM_IMPORT_ONLY), OsType::Windows);
        assert_eq!(os_type_of_platform("Debian"), OsType::Linux);
    }
}
