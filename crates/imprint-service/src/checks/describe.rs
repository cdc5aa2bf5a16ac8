//! What a check says of an image, as facts that all dialects know. What somebody has said already stays.

use imprint_inspect::{ItemName, Os, Report};
use imprint_model::{Architecture, BootMode, Image, OsType, platforms_of_word};

use crate::error::{Field, Quota};
use crate::limits::{Limits, within};

/// Property for the version of the system inside, as clients know it.
const KEY_VERSION: &str = "os_version";
/// Property for the distribution, where it has no name among the platforms.
const KEY_DISTRIBUTION: &str = "os_distro";

/// Distributions that are called by another word than the platform they are.
const ALIASES: [(&str, &str); 5] = [
    ("ol", "oracle-linux"),
    ("opensuse-leap", "opensuse"),
    ("opensuse-tumbleweed", "opensuse"),
    ("sled", "sles"),
    ("sles_sap", "sles"),
];

/// Distributions that call themselves by the word of another: that word, how the name begins that they show, and the word
/// of the platform they are.
const SIBLINGS: [(&str, &str, &str); 2] =
    [("centos", "CentOS Stream", "centos-stream"), ("fedora", "Fedora CoreOS", "fedora-coreos")];

/// Says of the image what the report tells and nobody has said, as far as the limits leave room for it; whether that
/// was anything.
pub(super) fn apply(image: &mut Image, report: &Report, limits: &Limits) -> bool {
    let before = (image.facts.clone(), image.properties.len());
    let Some(os) = &report.os else { return false };
    let fits = |text: &String| limits.text(Field::Platform, text.clone()).is_ok();
    let architecture = os.architecture.as_deref().and_then(architecture);
    let platform = platform(os).filter(fits);
    let same_system = is_same_system(image, os, platform.as_deref());
    let facts = &mut image.facts;
    if same_system && facts.os_name.is_none() {
        facts.os_name = os_name(os, platform.as_deref(), architecture).filter(fits);
    }
    // a property of that name is somebody's word for the same, also where the word is that there is none
    let said = |name: &str| image.properties.contains_key(name);
    if facts.architecture.is_none() && !said("architecture") {
        facts.architecture = architecture;
    }
    if facts.boot_mode.is_none() && !said("hw_firmware_type") {
        facts.boot_mode = boot_mode(os, facts.architecture);
    }
    if facts.os_type.is_none() && !said("os_type") {
        facts.os_type = os_type(os);
    }
    if facts.platform.is_none() && !said(KEY_DISTRIBUTION) {
        facts.platform.clone_from(&platform);
    }
    if facts.nvme.is_none() {
        facts.nvme = report.item(ItemName::Nvme).map(|item| item.risk.is_none());
    }
    if same_system {
        say(image, KEY_VERSION, &os.version, limits);
        if platform.is_none() && image.facts.platform.is_none() {
            say(image, KEY_DISTRIBUTION, &os.distribution, limits);
        }
    }
    (image.facts.clone(), image.properties.len()) != before
}

/// Whether the system that was found can be the one that somebody described: what is left of another system's
/// description would be wrong of it, and its own wrong of the other.
fn is_same_system(image: &Image, os: &Os, platform: Option<&str>) -> bool {
    let told = image.properties.get(KEY_DISTRIBUTION).and_then(Option::as_deref).filter(|told| !told.is_empty());
    let names_it = |word: &str| {
        word.eq_ignore_ascii_case(&os.distribution) || platform.is_some_and(|name| word.eq_ignore_ascii_case(name))
    };
    told.is_none_or(names_it) && image.facts.platform.as_deref().is_none_or(|told| Some(told) == platform)
}

/// Sets a property that nobody has set, if the image may have one more.
fn say(image: &mut Image, name: &str, value: &str, limits: &Limits) {
    let has_room = within(limits.image_properties, image.properties.len() as u64 + 1, Quota::Properties).is_ok();
    if value.is_empty() || !has_room || image.properties.contains_key(name) {
        return;
    }
    if let Ok(value) = limits.property_value(name, value.to_owned()) {
        image.properties.insert(name.to_owned(), Some(value));
    }
}

fn platform(os: &Os) -> Option<String> {
    if os.kind == "windows" {
        // `Windows Server 2022 Datacenter` is an edition of `Windows Server 2022`
        let words: Vec<&str> = os.pretty_name.split(' ').filter(|word| *word != "Microsoft").collect();
        let named = words.len() >= 3 && words[0] == "Windows" && words[1] == "Server";
        return named.then(|| words[..3].join(" "));
    }
    let shown = |name: &str| os.pretty_name.starts_with(name);
    let sibling = SIBLINGS.iter().find(|(word, name, _)| *word == os.distribution && shown(name));
    let alias = ALIASES.iter().find(|(word, _)| *word == os.distribution);
    let word = sibling.map(|(_, _, word)| *word).or(alias.map(|(_, word)| *word));
    platforms_of_word(word.unwrap_or(&os.distribution)).next().map(str::to_owned)
}

fn os_name(os: &Os, platform: Option<&str>, architecture: Option<Architecture>) -> Option<String> {
    let name = if os.kind == "windows" { Some(os.pretty_name.as_str()) } else { platform };
    let name = name.filter(|name| !name.is_empty())?;
    let bits = if architecture == Some(Architecture::I386) { 32 } else { 64 };
    Some(match os.version.as_str() {
        "" => format!("{name} {bits}bit"),
        _ if os.kind == "windows" => format!("{name} {bits}bit"),
        version => format!("{name} {version} {bits}bit"),
    })
}

fn architecture(word: &str) -> Option<Architecture> {
    match word {
        "x86_64" => Some(Architecture::X86_64),
        "aarch64" | "arm64" => Some(Architecture::Arm64),
        "i386" | "i486" | "i586" | "i686" => Some(Architecture::I386),
        _ => None,
    }
}

/// What starts by both starts by the older one everywhere, and some machines have no other; but there is no other
/// firmware than the newer one for that processor.
fn boot_mode(os: &Os, architecture: Option<Architecture>) -> Option<BootMode> {
    match (os.boots_bios, os.boots_uefi) {
        _ if architecture == Some(Architecture::Arm64) => os.boots_uefi.then_some(BootMode::Uefi),
        (true, true) => Some(BootMode::UefiPreferred),
        (true, false) => Some(BootMode::Bios),
        (false, true) => Some(BootMode::Uefi),
        (false, false) => None,
    }
}

fn os_type(os: &Os) -> Option<OsType> {
    match os.kind.as_str() {
        "windows" => Some(OsType::Windows),
        "" => None,
        _ => Some(OsType::Linux),
    }
}

#[cfg(test)]
mod tests {
    use imprint_inspect::{Item, Risk};
    use imprint_model::{ImageId, ProjectId, Timestamp};

    use super::*;

    fn debian() -> Report {
        let os = Os {
            kind: "linux".to_owned(),
            distribution: "debian".to_owned(),
            version: "12.15".to_owned(),
            pretty_name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            architecture: Some("x86_64".to_owned()),
            boots_bios: true,
            ..Os::default()
        };
        let nvme = Item::problem(ItemName::Nvme, "NotSupported", Risk::High, "NotInstalled", "");
        Report { os: Some(os), items: vec![nvme], ..Report::default() }
    }

    fn apply(image: &mut Image, report: &Report) -> bool {
        super::apply(image, report, &Limits::default())
    }

    fn blank() -> Image {
        Image::blank(ImageId::random(), ProjectId::from("me"), "r".to_owned(), Timestamp(1))
    }

    #[test]
    fn a_blank_image_is_described_once() {
        let mut image = blank();
        assert!(apply(&mut image, &debian()));
        let facts = &image.facts;
        assert_eq!(facts.os_name.as_deref(), Some("Debian 12.15 64bit"));
        assert_eq!((facts.platform.as_deref(), facts.os_type), (Some("Debian"), Some(OsType::Linux)));
        assert_eq!((facts.architecture, facts.boot_mode), (Some(Architecture::X86_64), Some(BootMode::Bios)));
        assert_eq!(facts.nvme, Some(false));
        assert_eq!(image.properties, [("os_version".to_owned(), Some("12.15".to_owned()))].into());
        assert!(!apply(&mut image, &debian()), "there is nothing new");
    }

    #[test]
    fn what_somebody_said_stays() {
        let mut image = blank();
        image.facts.platform = Some("Ubuntu".to_owned());
        image.facts.architecture = Some(Architecture::Arm64);
        image.properties.insert("hw_firmware_type".to_owned(), Some("other".to_owned()));
        image.properties.insert("os_type".to_owned(), Some("beos".to_owned()));
        apply(&mut image, &debian());
        let facts = &image.facts;
        assert_eq!((facts.platform.as_deref(), facts.os_name.as_deref()), (Some("Ubuntu"), None));
        assert_eq!((facts.architecture, facts.boot_mode, facts.os_type), (Some(Architecture::Arm64), None, None));
        assert!(!image.properties.contains_key("os_version"), "the version is of another system");
    }

    #[test]
    fn what_somebody_said_is_not_known_stays_unknown() {
        let mut image = blank();
        let names = ["architecture", "hw_firmware_type", "os_distro", "os_type", "os_version"];
        image.properties = names.map(|name| (name.to_owned(), None)).into();
        apply(&mut image, &debian());
        let facts = &image.facts;
        assert_eq!((facts.architecture, facts.boot_mode, facts.os_type), (None, None, None));
        assert_eq!(facts.platform, None);
        assert_eq!(image.properties, names.map(|name| (name.to_owned(), None)).into());
    }

    #[test]
    fn what_another_system_was_said_to_be_is_not_mixed_with_this_one() {
        for (told, expected) in [("ubuntu", None), ("Debian", Some("12.15")), ("debian", Some("12.15"))] {
            let mut image = blank();
            image.properties.insert("os_distro".to_owned(), Some(told.to_owned()));
            apply(&mut image, &debian());
            let version = image.properties.get("os_version").cloned().flatten();
            assert_eq!(version.as_deref(), expected, "{told}");
            assert_eq!((image.facts.os_name.is_some(), image.facts.platform), (expected.is_some(), None), "{told}");
        }
    }

    #[test]
    fn nothing_is_said_beyond_the_limits() {
        let limits = Limits { image_properties: 1, ..Limits::default() };
        let mut image = blank();
        image.properties.insert("own".to_owned(), None);
        super::apply(&mut image, &debian(), &limits);
        assert_eq!(image.properties.len(), 1, "there was room for one");
        let mut windows = Report { os: Some(Os { kind: "windows".to_owned(), ..Os::default() }), ..Report::default() };
        if let Some(os) = &mut windows.os {
            os.pretty_name = format!("Windows Server {}", "x".repeat(241));
        }
        let mut image = blank();
        apply(&mut image, &windows);
        assert_eq!((image.facts.platform, image.facts.os_name), (None, None), "texts of more than 255 characters");
    }

    #[test]
    fn a_distribution_has_its_platform_by_whatever_word() {
        for (word, platform) in [
            ("opensuse-leap", "OpenSUSE"),
            ("sled", "SUSE"),
            ("sles_sap", "SUSE"),
            ("ol", "Oracle Linux"),
            ("alpine", "Alpine"),
        ] {
            let mut report = debian();
            if let Some(os) = &mut report.os {
                os.distribution = word.to_owned();
            }
            let mut image = blank();
            apply(&mut image, &report);
            assert_eq!(image.facts.platform.as_deref(), Some(platform), "{word}");
        }
    }

    #[test]
    fn what_has_the_word_of_another_distribution_is_told_by_its_name() {
        for (word, name, platform) in [
            ("centos", "CentOS Stream 9", "CentOS Stream"),
            ("centos", "CentOS Linux 7 (Core)", "CentOS"),
            ("fedora", "Fedora CoreOS 41.20250117.3.0", "Fedora CoreOS"),
            ("fedora", "Fedora Linux 41 (Cloud Edition)", "Fedora"),
        ] {
            let mut report = debian();
            if let Some(os) = &mut report.os {
                (os.distribution, os.pretty_name) = (word.to_owned(), name.to_owned());
            }
            let mut image = blank();
            apply(&mut image, &report);
            assert_eq!(image.facts.platform.as_deref(), Some(platform), "{name}");
        }
    }

    #[test]
    fn a_distribution_without_a_platform_keeps_its_word() {
        let mut report = debian();
        if let Some(os) = &mut report.os {
            (os.distribution, os.boots_bios, os.boots_uefi) = ("void".to_owned(), true, true);
        }
        let mut image = blank();
        apply(&mut image, &report);
        assert_eq!(image.properties.get("os_distro"), Some(&Some("void".to_owned())));
        assert_eq!((image.facts.platform, image.facts.boot_mode), (None, Some(BootMode::UefiPreferred)));
    }

    #[test]
    fn a_report_that_found_no_system_says_nothing() {
        let mut image = blank();
        let before = image.clone();
        assert!(!apply(&mut image, &Report::default()));
        assert_eq!(image, before);
        let windows = Os {
            kind: "windows".to_owned(),
            pretty_name: "Windows Server 2022 Datacenter".to_owned(),
            version: "10.0".to_owned(),
            ..Os::default()
        };
        apply(&mut image, &Report { os: Some(windows), ..Report::default() });
        assert_eq!(image.facts.platform.as_deref(), Some("Windows Server 2022"));
        assert_eq!(image.facts.os_name.as_deref(), Some("Windows Server 2022 Datacenter 64bit"));
        assert_eq!(image.facts.os_type, Some(OsType::Windows));
    }
}
