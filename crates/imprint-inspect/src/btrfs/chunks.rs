//! Chunks: where logical addresses are on the device.

use std::collections::BTreeMap;

use super::key::{CHUNK_ITEM, KEY_BYTES, Key};
use crate::error::{Error, Result};
use crate::fields::{le16, le64, slice};

const FIXED_BYTES: usize = 48;
const STRIPE_BYTES: usize = 32;
/// A petabyte in chunks of the usual size.
const MAX_CHUNKS: usize = 1_000_000;

const RAID0: u64 = 1 << 3;
const RAID10: u64 = 1 << 6;
const RAID5: u64 = 1 << 7;
const RAID6: u64 = 1 << 8;

/// A stretch of logical addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chunk {
    len: u64,
    /// Where its copies begin on this device; none when it cannot be read from one device.
    copies: Vec<u64>,
}

/// All chunks that are known.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    by_start: BTreeMap<u64, Chunk>,
}

impl Chunks {
    /// Those of the superblock's array.
    pub(super) fn of_array(array: &[u8], device: u64) -> Result<Chunks> {
        let mut chunks = Chunks::default();
        let mut rest = array;
        while !rest.is_empty() {
            let key = Key::parse(rest)?;
            if key.kind != CHUNK_ITEM {
                return Err(Error::corrupt("btrfs superblock: system chunks"));
            }
            let used = KEY_BYTES + chunks.add(key.offset, &rest[KEY_BYTES..], device)?;
            rest = &rest[used..];
        }
        Ok(chunks)
    }

    /// Adds a chunk's record, and says how long that is.
    pub(super) fn add(&mut self, start: u64, item: &[u8], device: u64) -> Result<usize> {
        let wrong = || Error::corrupt(format!("btrfs chunk {start:#x}"));
        let len = le64(item, 0)?;
        let profile = le64(item, 24)?;
        let count = usize::from(le16(item, 44)?);
        let used = FIXED_BYTES + count * STRIPE_BYTES;
        let stripes = slice(item, FIXED_BYTES, count * STRIPE_BYTES)?;
        if len == 0 || count == 0 || start.checked_add(len).is_none() {
            return Err(wrong());
        }
        if self.by_start.len() >= MAX_CHUNKS {
            return Err(Error::Exhausted("too many btrfs chunks"));
        }
        let mut copies = Vec::new();
        // With one stripe, striping changes nothing.
        let is_whole = profile & (RAID5 | RAID6) == 0 && (profile & (RAID0 | RAID10) == 0 || count == 1);
        for stripe in stripes.chunks_exact(STRIPE_BYTES) {
            let place = le64(stripe, 8)?;
            place.checked_add(len).ok_or_else(wrong)?;
            if is_whole && le64(stripe, 0)? == device {
                copies.push(place);
            }
        }
        self.by_start.insert(start, Chunk { len, copies });
        Ok(used)
    }

    /// Where a range of logical addresses is: its copies' places, and how many of its bytes are there in one piece.
    pub(super) fn find(&self, address: u64, len: u64) -> Result<(impl Iterator<Item = u64>, u64)> {
        let chunk = self.by_start.range(..=address).next_back();
        let chunk = chunk.filter(|(start, chunk)| address - *start < chunk.len);
        let Some((start, chunk)) = chunk else {
            return Err(Error::corrupt(format!("btrfs address {address:#x} is in no chunk")));
        };
        if chunk.copies.is_empty() {
            return Err(Error::Unsupported("btrfs over several devices".into()));
        }
        let inside = address - start;
        Ok((chunk.copies.iter().map(move |copy| copy + inside), len.min(chunk.len - inside)))
    }
}
