//! A kernel's file: which version it is.

use crate::guest::Guest;

/// How much of a kernel's file is looked at: its setup code with the version's text is shorter.
const START_BYTES: usize = 64 << 10;
/// How long a version may be.
const VERSION_BYTES_MAX: usize = 128;

/// The kernel of an entry.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// Its path in the guest.
    pub(crate) path: String,
    /// Whether there is a file.
    pub(crate) exists: bool,
    /// The version that its own header says.
    pub(crate) header_version: Option<String>,
    /// The version that its name says.
    pub(crate) name_version: Option<String>,
}

impl Kernel {
    /// Looks at a kernel's file.
    pub(crate) fn read(guest: &Guest, path: &str) -> Kernel {
        let start = guest.start(path, START_BYTES);
        // Names such as `vmlinuz` or `vmlinuz-virt` are often links to the one with the version.
        let target = guest.resolve(path).map(|place| place.path);
        let name = |path: &str| version_from_name(path.rsplit('/').next().unwrap_or(path));
        Kernel {
            path: path.to_owned(),
            exists: start.is_some(),
            header_version: start.as_deref().and_then(header_version),
            name_version: target.as_deref().and_then(name).or_else(|| name(path)),
        }
    }

    /// The version, as well as it is known.
    pub(crate) fn version(&self) -> Option<&str> {
        self.header_version.as_deref().or(self.name_version.as_deref())
    }
}

/// The version in the setup header of an x86 kernel: `HdrS` at 0x202, and at 0x20e where the text stands, less 0x200.
fn header_version(start: &[u8]) -> Option<String> {
    if start.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let offset = usize::from(u16::from_le_bytes([*start.get(0x20e)?, *start.get(0x20f)?]));
    let text = start.get(offset + 0x200..).filter(|_| offset > 0)?;
    let text = &text[..text.len().min(VERSION_BYTES_MAX)];
    let word = text.split(|byte| *byte == b' ' || *byte == 0).next()?;
    let word = std::str::from_utf8(word).ok()?;
    is_version(word).then(|| word.to_owned())
}

/// The version in a name such as `vmlinuz-6.1.0-28-amd64`.
pub(crate) fn version_from_name(name: &str) -> Option<String> {
    let name = name.trim_end_matches(".efi").trim_end_matches(".gz");
    let version = name.split_once('-')?.1;
    is_version(version).then(|| version.to_owned())
}

/// Whether a word is a kernel's version: a number first, then what stands in names of directories.
fn is_version(word: &str) -> bool {
    word.starts_with(|char: char| char.is_ascii_digit())
        && word.len() <= VERSION_BYTES_MAX
        && word.contains('.')
        && word.chars().all(|char| char.is_ascii_alphanumeric() || "._-+~:".contains(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setup_header_tells_the_version() {
        let mut start = vec![0; 0x400];
        start[0x202..0x206].copy_from_slice(b"HdrS");
        start[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        start[0x300..0x320].copy_from_slice(b"6.1.0-28-amd64 (debian-kernel@x)");
        assert_eq!(header_version(&start).as_deref(), Some("6.1.0-28-amd64"));
        start[0x300..0x303].copy_from_slice(b"../");
        assert_eq!(header_version(&start), None);
        start[0x20e..0x210].copy_from_slice(&0xffff_u16.to_le_bytes());
        assert_eq!(header_version(&start), None);
        assert_eq!(header_version(b"short"), None);
    }

    #[test]
    fn names_tell_it_too() {
        assert_eq!(version_from_name("vmlinuz-6.1.0-28-amd64").as_deref(), Some("6.1.0-28-amd64"));
        assert_eq!(
            version_from_name("vmlinuz-5.14.0-427.13.1.el9_4.x86_64").as_deref(),
            Some("5.14.0-427.13.1.el9_4.x86_64")
        );
        assert_eq!(version_from_name("vmlinuz-virt"), None);
        assert_eq!(version_from_name("vmlinuz"), None);
    }
}
