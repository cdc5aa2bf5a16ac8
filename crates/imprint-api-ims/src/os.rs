//! What the name of an operating system tells: its platform, its kind, and how wide its words are. Any text is taken;
//! what is known of it comes from its first words and its end.

/// What a name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Derived {
    /// `__platform`.
    pub(crate) platform: &'static str,
    /// `__os_type`: `Linux`, `Windows` or `Other`.
    pub(crate) kind: &'static str,
    /// `__os_bit`: `32` or `64`.
    pub(crate) bits: &'static str,
}

/// How names begin, in small letters, with platform and kind; the first that fits counts.
const BEGINNINGS: &[(&str, &str, &str)] = &[
    ("windows", "Windows", "Windows"),
    ("ubuntu", "Ubuntu", "Linux"),
    ("redhat", "RedHat", "Linux"),
    ("red hat", "RedHat", "Linux"),
    ("rhel", "RedHat", "Linux"),
    ("suse", "SUSE", "Linux"),
    ("sles", "SUSE", "Linux"),
    ("opensuse", "OpenSUSE", "Linux"),
    ("centos stream", "CentOS Stream", "Linux"),
    ("centos", "CentOS", "Linux"),
    ("debian", "Debian", "Linux"),
    ("oracle linux", "Oracle Linux", "Linux"),
    ("fedora", "Fedora", "Linux"),
    ("coreos", "CoreOS", "Linux"),
    ("euleros", "EulerOS", "Linux"),
    ("openeuler", "openEuler", "Linux"),
    ("rocky", "Rocky Linux", "Linux"),
    ("freebsd", "FreeBSD", "Other"),
    ("other_windows", "Other", "Windows"),
    ("other windows", "Other", "Windows"),
    ("other_linux", "Other", "Linux"),
    ("other linux", "Other", "Linux"),
];

/// What the name of a system tells: `Ubuntu 18.04 server 64bit`.
pub(crate) fn derive(version: &str) -> Derived {
    let lower = version.trim().to_lowercase();
    let narrow = ["32bit", "32 bit", "32_bit"].iter().any(|end| lower.contains(end));
    let bits = if narrow { "32" } else { "64" };
    match BEGINNINGS.iter().find(|(beginning, ..)| lower.starts_with(beginning)) {
        Some(&(_, platform, kind)) => Derived { platform, kind, bits },
        None if lower.contains("linux") => Derived { platform: "Other", kind: "Linux", bits },
        None if lower.contains("windows") => Derived { platform: "Other", kind: "Windows", bits },
        None => Derived { platform: "Other", kind: "Other", bits },
    }
}

/// The word for a platform that any dialect may have named: its own where there is one, all editions of one system
/// alike, and for a customised system `Other`.
pub(crate) fn platform(named: &str) -> &str {
    let lower = named.to_lowercase();
    if lower.starts_with("windows") {
        return "Windows";
    }
    if lower.starts_with("other") || lower.starts_with("customized") {
        return "Other";
    }
    let known = BEGINNINGS.iter().find(|(_, platform, _)| platform.eq_ignore_ascii_case(named));
    known.map_or(named, |(_, platform, _)| platform)
}

/// Every platform that has a word of its own, some more than once.
pub(crate) fn platforms() -> impl Iterator<Item = &'static str> {
    BEGINNINGS.iter().map(|(_, platform, _)| *platform)
}

/// The platform a word of a filter means: both spellings of one, whatever their case.
pub(crate) fn platform_named(word: &str) -> &str {
    if word.eq_ignore_ascii_case("Red Hat") { "RedHat" } else { platform(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_provider_s_lists_are_understood() {
        for (version, expected) in [
            ("Ubuntu 14.04 server 64bit", ["Ubuntu", "Linux", "64"]),
            ("Windows Server 2016 Standard 64bit", ["Windows", "Windows", "64"]),
            ("Windows 7 Professional 32bit", ["Windows", "Windows", "32"]),
            ("Redhat Linux Enterprise 6.6 32bit", ["RedHat", "Linux", "32"]),
            ("SUSE Linux Enterprise Server 12 SP5 64bit", ["SUSE", "Linux", "64"]),
            ("openSUSE 42.3 64bit", ["OpenSUSE", "Linux", "64"]),
            ("CentOS Stream 8.6 64bit", ["CentOS Stream", "Linux", "64"]),
            ("CentOS 7.6 64bit", ["CentOS", "Linux", "64"]),
            ("Debian GNU/Linux 10.0.0 64bit", ["Debian", "Linux", "64"]),
            ("Oracle Linux Server release 7.6 64bit", ["Oracle Linux", "Linux", "64"]),
            ("CoreOS 1068.10.0", ["CoreOS", "Linux", "64"]),
            ("openEuler 20.03 64bit", ["openEuler", "Linux", "64"]),
            ("Other Linux(64 bit)", ["Other", "Linux", "64"]),
            ("Other(32 bit)", ["Other", "Other", "32"]),
            ("Other_Windows (32_bit)", ["Other", "Windows", "32"]),
            ("Haiku", ["Other", "Other", "64"]),
            ("AlmaLinux 9 64bit", ["Other", "Linux", "64"]),
        ] {
            let Derived { platform, kind, bits } = derive(version);
            assert_eq!([platform, kind, bits], expected, "{version}");
        }
    }

    #[test]
    fn platforms_of_other_dialects_have_words() {
        for (named, word) in [
            ("Windows Server 2022", "Windows"),
            ("Others Linux", "Other"),
            ("Customized Linux", "Other"),
            ("OpenSUSE", "OpenSUSE"),
            ("AlmaLinux", "AlmaLinux"),
        ] {
            assert_eq!(platform(named), word);
        }
        assert_eq!(platform_named("red hat"), "RedHat");
        assert_eq!(platform_named("ubuntu"), "Ubuntu");
    }
}
