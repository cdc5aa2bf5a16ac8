//! Reparse points: symlinks, junctions, and files that the system keeps packed elsewhere.

use crate::error::Result;
use crate::fields;

const SYMLINK: u32 = 0xa000_000c;
const JUNCTION: u32 = 0xa000_0003;
/// A file that a filter of the system keeps, packed (CompactOS).
const PACKED: u32 = 0x8000_0017;
const RELATIVE: u32 = 1;

/// A reparse point.
pub(super) struct Point {
    tag: u32,
    link: Option<String>,
}

impl Point {
    pub(super) fn parse(raw: &[u8]) -> Result<Point> {
        let tag = fields::le32(raw, 0)?;
        // Names of a symlink come after a word of flags that a junction does not have.
        let (names_at, is_relative) = match tag {
            SYMLINK => (20, fields::le32(raw, 16)? & RELATIVE != 0),
            JUNCTION => (16, false),
            _ => return Ok(Point { tag, link: None }),
        };
        let (at, len) = (usize::from(fields::le16(raw, 8)?), usize::from(fields::le16(raw, 10)?));
        let units = fields::slice(raw, names_at + at, len)?.chunks_exact(2);
        let units: Vec<u16> = units.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(Point { tag, link: path(&String::from_utf16_lossy(&units), is_relative) })
    }

    /// The path that it leads to, in the form of this tree's paths.
    pub(super) fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    pub(super) fn is_packed(&self) -> bool {
        self.tag == PACKED
    }
}

/// A path of Windows in the form of this tree's: without its drive, which is taken for the one it stands on.
fn path(windows: &str, is_relative: bool) -> Option<String> {
    let slashed = windows.replace('\\', "/");
    if is_relative {
        return Some(slashed);
    }
    let rest = slashed.strip_prefix("/??/").unwrap_or(&slashed);
    let (drive, path) = rest.split_once(':')?;
    (drive.len() == 1).then(|| if path.is_empty() { "/".to_owned() } else { path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_drive_and_volumes_without_one_lead_nowhere() {
        assert_eq!(path(r"\??\C:\Users", false).as_deref(), Some("/Users"));
        assert_eq!(path(r"C:\", false).as_deref(), Some("/"));
        assert_eq!(path(r"..\x\y", true).as_deref(), Some("../x/y"));
        assert_eq!(path(r"\??\Volume{0}\", false), None);
    }

    #[test]
    fn a_point_that_ends_early_is_an_error() {
        let mut junction = JUNCTION.to_le_bytes().to_vec();
        junction.resize(16, 0);
        junction[10] = 200;
        assert!(Point::parse(&junction).is_err());
    }
}
