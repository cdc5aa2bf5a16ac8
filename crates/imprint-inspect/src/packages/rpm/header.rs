//! rpm's header: an index of tags and their data, big endian, as databases hold it (without magic).
//!
//! Layout: count of index entries, length of the data (u32 each); entries of 16 bytes: tag, type, offset in the data,
//! count; the data.

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields::be32;
use crate::report::Package;

/// Lengths of the two counts, and of an entry of the index.
const PREFIX_BYTES: usize = 8;
const ENTRY_BYTES: usize = 16;

/// Tags.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const LICENCE: u32 = 1014;
const ARCHITECTURE: u32 = 1022;
const SOURCE_RPM: u32 = 1044;

/// Types.
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// The longest text that is taken from a header.
const TEXT_BYTES_MAX: usize = 4096;

/// The package that a header describes; none when it has no name.
pub(super) fn package(header: &[u8], budget: &Budget) -> Result<Option<Package>> {
    let (index, data) = split(header)?;
    let mut tags = Tags::default();
    for entry in index.chunks_exact(ENTRY_BYTES) {
        budget.step()?;
        tags.take(entry, data)?;
    }
    let Some(name) = tags.name else { return Ok(None) };
    let mut version = tags.version.unwrap_or_default();
    if let Some(release) = tags.release {
        version = format!("{version}-{release}");
    }
    if let Some(epoch) = tags.epoch.filter(|epoch| *epoch != 0) {
        version = format!("{epoch}:{version}");
    }
    Ok(Some(Package {
        name,
        version,
        architecture: tags.architecture.unwrap_or_default(),
        licence: tags.licence,
        source: tags.source.filter(|source| source != "(none)"),
    }))
}

/// The index and the data, once it is sure that the bytes hold both.
fn split(header: &[u8]) -> Result<(&[u8], &[u8])> {
    let short = || Error::corrupt("a package header is longer than its record");
    let entries = be32(header, 0)? as usize;
    let data_bytes = be32(header, 4)? as usize;
    let index_end =
        entries.checked_mul(ENTRY_BYTES).and_then(|bytes| bytes.checked_add(PREFIX_BYTES)).ok_or_else(short)?;
    let end = index_end.checked_add(data_bytes).ok_or_else(short)?;
    Ok((header.get(PREFIX_BYTES..index_end).ok_or_else(short)?, header.get(index_end..end).ok_or_else(short)?))
}

#[derive(Default)]
struct Tags {
    name: Option<String>,
    version: Option<String>,
    release: Option<String>,
    epoch: Option<u32>,
    licence: Option<String>,
    architecture: Option<String>,
    source: Option<String>,
}

impl Tags {
    /// Takes one entry of the index, if it is one that matters. The first of a tag counts.
    fn take(&mut self, entry: &[u8], data: &[u8]) -> Result<()> {
        let (tag, kind, offset) = (be32(entry, 0)?, be32(entry, 4)?, be32(entry, 8)? as usize);
        let text = match tag {
            NAME => &mut self.name,
            VERSION => &mut self.version,
            RELEASE => &mut self.release,
            LICENCE => &mut self.licence,
            ARCHITECTURE => &mut self.architecture,
            SOURCE_RPM => &mut self.source,
            EPOCH => {
                if kind == INT32 && self.epoch.is_none() {
                    self.epoch = Some(be32(data, offset).map_err(|_| outside(tag))?);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if matches!(kind, STRING | STRING_ARRAY | I18N_STRING) && text.is_none() {
            *text = Some(string(data, offset).ok_or_else(|| outside(tag))?);
        }
        Ok(())
    }
}

/// The text that ends with a NUL.
fn string(data: &[u8], offset: usize) -> Option<String> {
    let rest = data.get(offset..)?;
    let rest = &rest[..rest.len().min(TEXT_BYTES_MAX)];
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

fn outside(tag: u32) -> Error {
    Error::corrupt(format!("tag {tag} of a package header lies outside of its data"))
}
