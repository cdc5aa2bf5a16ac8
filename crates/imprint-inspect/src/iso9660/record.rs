//! A directory record, and the names that it has without extensions.

use crate::error::{Error, Result};
use crate::fields;

const DIRECTORY: u8 = 0x02;
const CONTINUED: u8 = 0x80;

/// A directory record (ECMA-119, 9.1).
pub(super) struct Record {
    pub(super) start_block: u64,
    pub(super) size_bytes: u64,
    pub(super) name: Vec<u8>,
    /// What follows the name: where extensions stand.
    pub(super) system: Vec<u8>,
    flags: u8,
}

impl Record {
    pub(super) fn parse(raw: &[u8]) -> Result<Record> {
        let name_len = usize::from(fields::byte(raw, 32)?);
        let name = fields::slice(raw, 33, name_len)?.to_vec();
        // The name is padded to an even length with its length's byte.
        let system = raw.get(33 + name_len + usize::from(name_len % 2 == 0)..).unwrap_or_default().to_vec();
        let attributes = u64::from(fields::byte(raw, 1)?);
        if name.is_empty() {
            return Err(Error::corrupt("a directory record without a name"));
        }
        Ok(Record {
            start_block: u64::from(fields::le32(raw, 2)?) + attributes,
            size_bytes: u64::from(fields::le32(raw, 10)?),
            flags: fields::byte(raw, 25)?,
            name,
            system,
        })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// Whether the next record has another part of the same file.
    pub(super) fn is_continued(&self) -> bool {
        self.flags & CONTINUED != 0
    }

    pub(super) fn is_self_or_parent(&self) -> bool {
        matches!(self.name[..], [0 | 1])
    }
}

/// The name without its version, and without the point of an empty extension.
pub(super) fn plain_name(raw: &[u8]) -> String {
    without_version(&String::from_utf8_lossy(raw))
}

pub(super) fn joliet_name(raw: &[u8]) -> String {
    let units: Vec<u16> = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    without_version(&String::from_utf16_lossy(&units))
}

fn without_version(name: &str) -> String {
    let name = match name.rsplit_once(';') {
        Some((name, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    name.strip_suffix('.').unwrap_or(name).to_owned()
}
