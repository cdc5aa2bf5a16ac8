//! Records: a head, one packed block, padding, and an end mark, in whole pages.

use std::io;

use super::page::PAGE;
use crate::fields::{le32, put};
use crate::{ReadAt, corrupt};

pub(super) const HEAD_BYTES: usize = 48;
const PREFIX: &[u8; 12] = b"hwstream bg\0";
const END: &[u8; 4] = b"end\0";

/// What a record's head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The length of what is packed in it.
    pub(super) payload_bytes: u32,
    /// The number of the block on the disk.
    pub(super) block: u32,
}

impl Head {
    /// The head of the record at `at`, which lies in the file with its end mark.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when it is none, or claims a packed block longer than `payload_max`.
    pub(super) fn read(file: &dyn ReadAt, at: u64, payload_max: u64) -> io::Result<Head> {
        let mut bytes = [0; HEAD_BYTES];
        file.read_at(at, &mut bytes)?;
        let fields = le32(&bytes, 12).zip(le32(&bytes, 16)).filter(|_| bytes.starts_with(PREFIX));
        let Some((payload_bytes, block)) = fields else { return Err(corrupt("a record has no head")) };
        if u64::from(payload_bytes) > payload_max {
            return Err(corrupt("a record is longer than its block could become"));
        }
        let head = Head { payload_bytes, block };
        let mut end = [0; END.len()];
        file.read_at(at + head.record_bytes() - END.len() as u64, &mut end)?;
        if end == *END { Ok(head) } else { Err(corrupt("a record has no end")) }
    }

    /// The length of the whole record.
    pub(super) fn record_bytes(self) -> u64 {
        (HEAD_BYTES as u64 + u64::from(self.payload_bytes) + END.len() as u64).next_multiple_of(PAGE)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_BYTES];
        put(&mut bytes, 0, PREFIX);
        put(&mut bytes, 12, &self.payload_bytes.to_le_bytes());
        put(&mut bytes, 16, &self.block.to_le_bytes());
        bytes
    }

    /// What follows the packed block.
    pub(super) fn tail(self) -> Vec<u8> {
        let padding = self.record_bytes() - (HEAD_BYTES + END.len()) as u64 - u64::from(self.payload_bytes);
        let mut tail = vec![0; usize::try_from(padding).expect("less than a page")];
        tail.extend(END);
        tail
    }
}

/// The longest a packed block of that size can be: nine bits for each byte, which is what the fixed codes of deflate come
/// to at worst.
pub(super) fn payload_max(block_bytes: u64) -> u64 {
    block_bytes + block_bytes / 8 + PAGE
}
