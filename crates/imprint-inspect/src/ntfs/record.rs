//! A file record and the attributes in it.

use std::ops::Deref;
use std::sync::Arc;

use crate::budget::{Budget, Held};
use crate::error::{Error, Result};
use crate::fields;

/// The part of a reference to a record that is its number.
pub(super) const NUMBER: u64 = (1 << 48) - 1;
const IN_USE: u16 = 1;
const DIRECTORY: u16 = 2;
const END: u32 = 0xffff_ffff;
/// Every so many bytes the last two were put out of the way.
const STRIDE: usize = 512;

/// A file record whose torn writes were looked for.
pub(super) struct Record {
    raw: Vec<u8>,
    flags: u16,
}

/// What an attribute takes in memory besides its name and value.
const ATTRIBUTE_BYTES: u64 = 128;

/// The attributes of a file while they are collected and used, charged for as long.
pub(super) struct Attributes {
    list: Vec<Attribute>,
    held: Held<Arc<Budget>>,
}

impl Attributes {
    pub(super) fn new(budget: &Arc<Budget>) -> Result<Attributes> {
        Ok(Attributes { list: Vec::new(), held: budget.hold_shared(0)? })
    }

    /// Adds those of a record.
    pub(super) fn add(&mut self, record: &Record, budget: &Budget) -> Result<()> {
        let mut at = usize::from(fields::le16(&record.raw, 20)?);
        while fields::le32(&record.raw, at)? != END {
            budget.step()?;
            let len = usize::try_from(fields::le32(&record.raw, at + 4)?).unwrap_or(usize::MAX);
            if len < 16 {
                return Err(Error::corrupt("an attribute without a length"));
            }
            let raw = fields::slice(&record.raw, at, len)?;
            // A name of UTF-16 may grow by a half in UTF-8.
            self.held.grow(ATTRIBUTE_BYTES + raw.len() as u64 * 2)?;
            self.list.push(Attribute::parse(raw)?);
            at += len;
        }
        Ok(())
    }
}

impl Deref for Attributes {
    type Target = [Attribute];

    fn deref(&self) -> &[Attribute] {
        &self.list
    }
}

/// An attribute in a record.
pub(super) struct Attribute {
    pub(super) kind: u32,
    pub(super) name: String,
    /// The value, or the encoded runs of clusters that hold it.
    pub(super) value: Vec<u8>,
    flags: u16,
    elsewhere: Option<Elsewhere>,
}

/// What is said about a value that stands in clusters.
#[derive(Debug, Clone, Copy)]
struct Elsewhere {
    first_cluster: u64,
    sizes: Sizes,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) size: u64,
    pub(super) written: u64,
}

impl Record {
    pub(super) fn parse(mut raw: Vec<u8>, number: u64) -> Result<Record> {
        repair(&mut raw, b"FILE").map_err(|error| match error {
            Error::Corrupt(why) => Error::Corrupt(format!("file record {number}: {why}")),
            other => other,
        })?;
        Ok(Record { flags: fields::le16(&raw, 22)?, raw })
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.flags & IN_USE != 0
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// The number of the record that this one goes on for.
    pub(super) fn base(&self) -> u64 {
        fields::le64(&self.raw, 32).unwrap_or_default() & NUMBER
    }
}

impl Attribute {
    fn parse(raw: &[u8]) -> Result<Attribute> {
        let (name_len, name_at) = (usize::from(fields::byte(raw, 9)?), usize::from(fields::le16(raw, 10)?));
        let units = fields::slice(raw, name_at, name_len * 2)?.chunks_exact(2);
        let units: Vec<u16> = units.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let is_elsewhere = fields::byte(raw, 8)? != 0;
        let (value, elsewhere) = if is_elsewhere {
            let runs = raw.get(usize::from(fields::le16(raw, 32)?)..).unwrap_or_default();
            let first_cluster = fields::le64(raw, 16)?;
            // Only the first part of an attribute says how long it is.
            let sizes = match first_cluster {
                0 => Sizes { size: fields::le64(raw, 48)?, written: fields::le64(raw, 56)? },
                _ => Sizes { size: 0, written: 0 },
            };
            (runs, Some(Elsewhere { first_cluster, sizes }))
        } else {
            let len = usize::try_from(fields::le32(raw, 16)?).unwrap_or(usize::MAX);
            (fields::slice(raw, usize::from(fields::le16(raw, 20)?), len)?, None)
        };
        Ok(Attribute {
            kind: fields::le32(raw, 0)?,
            name: String::from_utf16_lossy(&units),
            value: value.to_vec(),
            flags: fields::le16(raw, 12)?,
            elsewhere,
        })
    }

    /// Which cluster of the attribute its part here begins with.
    pub(super) fn first_cluster(&self) -> u64 {
        self.elsewhere.map_or(0, |elsewhere| elsewhere.first_cluster)
    }

    /// The sizes of a value that stands in clusters.
    pub(super) fn sizes(&self) -> Option<Sizes> {
        self.elsewhere.map(|elsewhere| elsewhere.sizes)
    }

    /// Why the value in its clusters cannot be read as it is.
    pub(super) fn other(&self) -> Option<&'static str> {
        const COMPRESSED: u16 = 0x00ff;
        const ENCRYPTED: u16 = 0x4000;
        if self.flags & ENCRYPTED != 0 {
            Some("an encrypted file")
        } else if self.flags & COMPRESSED != 0 {
            Some("a compressed file")
        } else {
            None
        }
    }
}

/// Puts back the last two bytes of each stride, which were replaced by a number that tells torn writes.
pub(super) fn repair(raw: &mut [u8], signature: &[u8]) -> Result<()> {
    if !raw.starts_with(signature) {
        return Err(Error::corrupt("no signature"));
    }
    let (at, count) = (usize::from(fields::le16(raw, 4)?), usize::from(fields::le16(raw, 6)?));
    let kept = fields::slice(raw, at, count * 2)?.to_vec();
    if count != raw.len() / STRIDE + 1 {
        return Err(Error::corrupt("as many replaced bytes as there are not"));
    }
    let (number, originals) = kept.split_at(2);
    for (stride, original) in raw.chunks_exact_mut(STRIDE).zip(originals.chunks_exact(2)) {
        let end = &mut stride[STRIDE - 2..];
        if end != number {
            return Err(Error::corrupt("a torn write"));
        }
        end.copy_from_slice(original);
    }
    Ok(())
}
