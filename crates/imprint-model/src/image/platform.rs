//! The names of systems, and the words that images carry for them.

use std::borrow::Cow;

/// The word for all editions of the one system that has editions instead of distributions.
const EDITIONS: (&str, &str) = ("Windows", "windows");

/// Systems: the word that images carry for each (`os_distro`), and its name as a fact ([`crate::Facts::platform`]). Some
/// have one word together. A platform that is not among them may be a fact all the same.
pub const PLATFORMS: [(&str, &str); 35] = [
    ("almalinux", "AlmaLinux"),
    ("alpine", "Alpine"),
    ("anolis", "Anolis"),
    ("centos", "CentOS"),
    ("centos-stream", "CentOS Stream"),
    ("coreos", "CoreOS"),
    ("customized-linux", "Customized Linux"),
    ("debian", "Debian"),
    ("euleros", "EulerOS"),
    ("fedora", "Fedora"),
    ("fedora-coreos", "Fedora CoreOS"),
    ("freebsd", "FreeBSD"),
    ("gentoo", "Gentoo"),
    ("kylin", "Kylin"),
    ("openeuler", "openEuler"),
    ("opensuse", "OpenSUSE"),
    ("oracle-linux", "Oracle Linux"),
    ("other-windows", "Other Windows"),
    ("others-linux", "Others Linux"),
    ("rhel", "RedHat"),
    ("rocky", "Rocky Linux"),
    ("sles", "SUSE"),
    ("ubuntu", "Ubuntu"),
    ("uos", "UOS"),
    ("windows", "Windows"),
    ("windows", "Windows 7"),
    ("windows", "Windows 10"),
    ("windows", "Windows 11"),
    ("windows", "Windows Server 2003"),
    ("windows", "Windows Server 2008"),
    ("windows", "Windows Server 2012"),
    ("windows", "Windows Server 2016"),
    ("windows", "Windows Server 2019"),
    ("windows", "Windows Server 2022"),
    ("windows", "Windows Server 2025"),
];

/// The word for a platform; one that is not in the table is its name in small letters.
pub fn platform_word(platform: &str) -> Cow<'_, str> {
    match PLATFORMS.iter().find(|(_, known)| *known == platform) {
        Some((word, _)) => Cow::Borrowed(word),
        None if platform.starts_with(EDITIONS.0) => Cow::Borrowed(EDITIONS.1),
        None => Cow::Owned(platform.to_lowercase().replace(' ', "-")),
    }
}

/// The platforms of the table that a word stands for.
pub fn platforms_of_word(word: &str) -> impl Iterator<Item = &'static str> {
    PLATFORMS.iter().filter(move |(known, _)| *known == word).map(|(_, platform)| *platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_one_row() {
        for (place, (word, platform)) in PLATFORMS.iter().enumerate() {
            assert_eq!(platform_word(platform), *word);
            assert!(PLATFORMS[..place].iter().all(|(_, before)| before != platform), "{platform}");
            assert!(platforms_of_word(word).any(|known| known == *platform));
        }
        assert_eq!(platform_word("Windows Server 2045"), "windows");
        assert_eq!(platform_word("Haiku OS"), "haiku-os");
        assert_eq!(platforms_of_word("Debian").count(), 0);
    }
}
