//! Distribution and version, from the files that distributions leave.

use crate::guest::Guest;
use crate::settings::assigned;

/// What the files say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    /// Its id, as `os-release` has it.
    pub(super) id: String,
    pub(super) version: String,
    pub(super) pretty_name: String,
}

/// Files with the version in words, and what they are of. The first that fits the id wins; without an id, the first.
const RELEASE_FILES: [(&str, &[&str]); 16] = [
    ("/etc/rocky-release", &["rocky"]),
    ("/etc/almalinux-release", &["almalinux"]),
    ("/etc/oracle-release", &["ol"]),
    ("/etc/centos-release", &["centos"]),
    ("/etc/fedora-release", &["fedora"]),
    ("/etc/anolis-release", &["anolis"]),
    ("/etc/alinux-release", &["alinux"]),
    ("/etc/openEuler-release", &["openEuler"]),
    ("/etc/redhat-release", &["rhel", "centos", "rocky", "almalinux", "scientific", "eurolinux", "circle"]),
    ("/etc/system-release", &["amzn"]),
    ("/etc/debian_version", &["debian"]),
    ("/etc/alpine-release", &["alpine"]),
    ("/etc/SuSE-release", &["sles", "suse", "opensuse"]),
    ("/etc/slackware-version", &["slackware"]),
    ("/etc/gentoo-release", &["gentoo"]),
    ("/etc/arch-release", &["arch"]),
];

/// What the system's own files say it is.
pub(super) fn detect(guest: &Guest) -> Distribution {
    let text = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| guest.text(path));
    let mut found = text.as_deref().map(of_os_release).unwrap_or_default();
    if found.id.is_empty() {
        found = of_lsb_release(guest).or_else(|| of_release_files(guest)).unwrap_or(found);
    }
    // Where only the major version is said, the distribution's own file knows the minor, too.
    if !found.version.contains('.')
        && let Some(version) = minor_version(guest, &found)
    {
        found.version = version;
    }
    if found.pretty_name.is_empty() {
        found.pretty_name = format!("{} {}", found.id, found.version).trim().to_owned();
    }
    found
}

fn of_os_release(text: &str) -> Distribution {
    let value = |key| assigned(text, key).unwrap_or_default();
    let version = value("VERSION_ID");
    Distribution {
        id: value("ID"),
        version,
        pretty_name: Some(value("PRETTY_NAME")).filter(|name| !name.is_empty()).unwrap_or_else(|| value("NAME")),
    }
}

fn of_lsb_release(guest: &Guest) -> Option<Distribution> {
    let text = guest.text("/etc/lsb-release")?;
    let id = assigned(&text, "DISTRIB_ID").filter(|id| !id.is_empty())?.to_ascii_lowercase();
    let version = assigned(&text, "DISTRIB_RELEASE").unwrap_or_default();
    Some(Distribution { id, version, pretty_name: assigned(&text, "DISTRIB_DESCRIPTION").unwrap_or_default() })
}

fn of_release_files(guest: &Guest) -> Option<Distribution> {
    RELEASE_FILES.iter().find_map(|(path, ids)| {
        let text = guest.text(path)?;
        let line = text.lines().next().unwrap_or_default().trim().to_owned();
        let lower = line.to_ascii_lowercase();
        let words = [
            ("centos", "centos"),
            ("red hat", "rhel"),
            ("scientific", "scientific"),
            ("oracle", "ol"),
            ("fedora", "fedora"),
            ("opensuse", "opensuse"),
            ("enterprise server", "sles"),
            ("amazon", "amzn"),
        ];
        let id = words.iter().find(|(word, _)| lower.contains(word)).map_or(ids[0], |(_, id)| *id);
        let pretty_name = if ids[0] == id && !lower.contains(' ') { format!("{id} {line}") } else { line.clone() };
        let version = if id == "sles" || id == "opensuse" { suse_version(&text) } else { version_in(&line) };
        Some(Distribution { id: id.to_owned(), version: version.unwrap_or_default(), pretty_name })
    })
}

/// The version with its minor part, when the distribution's own file agrees on the major one.
fn minor_version(guest: &Guest, found: &Distribution) -> Option<String> {
    let files = RELEASE_FILES.iter().filter(|(_, ids)| ids.contains(&found.id.as_str()));
    let mut versions = files.filter_map(|(path, _)| version_in(guest.text(path)?.lines().next()?));
    versions.find(|version| {
        version.contains('.') && (found.version.is_empty() || version.split('.').next() == Some(found.version.as_str()))
    })
}

/// The first number in a text, with one minor part.
fn version_in(text: &str) -> Option<String> {
    let start = text.find(|char: char| char.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
    let parts: Vec<&str> = rest[..end].split('.').filter(|part| !part.is_empty()).take(2).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

/// `VERSION = 11` and `PATCHLEVEL = 4` of SUSE's older file.
fn suse_version(text: &str) -> Option<String> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))?;
        Some(line.trim().to_owned())
    };
    let version = value("VERSION")?;
    Some(match value("PATCHLEVEL") {
        Some(patch) if !version.contains('.') => format!("{version}.{patch}"),
        _ => version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::guest;

    fn detected(files: &[(&str, &str)]) -> (String, String) {
        let found = detect(&guest(files));
        (found.id, found.version)
    }

    #[test]
    fn os_release_and_what_it_lacks() {
        let debian = [("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), ("/etc/debian_version", "12.15\n")];
        assert_eq!(detected(&debian), ("debian".into(), "12.15".into()));
        let testing = [("/etc/os-release", "ID=debian\n"), ("/etc/debian_version", "trixie/sid\n")];
        assert_eq!(detected(&testing), ("debian".into(), String::new()));
        let disagreeing = [("/etc/os-release", "ID=debian\nVERSION_ID=12\n"), ("/etc/debian_version", "11.3\n")];
        assert_eq!(detected(&disagreeing), ("debian".into(), "12".into()));
        let centos = [
            ("/etc/os-release", "ID=\"centos\"\nVERSION_ID=\"7\"\n"),
            ("/etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n"),
        ];
        assert_eq!(detected(&centos), ("centos".into(), "7.9".into()));
        assert_eq!(detected(&[("/usr/lib/os-release", "ID=sles\nVERSION_ID=15.5\n")]), ("sles".into(), "15.5".into()));
        let ubuntu =
            [("/etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n"), ("/etc/debian_version", "trixie/sid\n")];
        assert_eq!(detected(&ubuntu), ("ubuntu".into(), "24.04".into()));
    }

    #[test]
    fn systems_older_than_os_release() {
        let old = [
            ("/etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos", "6.10"),
            ("/etc/redhat-release", "Red Hat Enterprise Linux Server release 5.11 (Tikanga)\n", "rhel", "5.11"),
            ("/etc/debian_version", "6.0.10\n", "debian", "6.0"),
            (
                "/etc/SuSE-release",
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
                "sles",
                "11.4",
            ),
            ("/etc/alpine-release", "3.4.6\n", "alpine", "3.4"),
            ("/etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\n", "ubuntu", "10.04"),
        ];
        for (path, text, id, version) in old {
            assert_eq!(detected(&[(path, text)]), (id.into(), version.into()), "{text}");
        }
        assert_eq!(detected(&[]), (String::new(), String::new()));
    }
}
