//! Blocks of trees: their header, their records.

use super::checksum;
use super::key::{KEY_BYTES, Key};
use super::superblock::{Root, Superblock};
use crate::error::{Error, Result};
use crate::fields::{byte, le32, le64, slice};

const HEADER_BYTES: usize = 101;
const ITEM_BYTES: usize = KEY_BYTES + 8;
const POINTER_BYTES: usize = KEY_BYTES + 16;

/// A block of a tree: a leaf with records, or a node with children.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    level: u8,
    count: usize,
    /// Bytes of a record's or child's place in the list behind the header.
    each: usize,
}

impl Block {
    /// Checks that these bytes are the block that was looked for.
    pub(super) fn parse(bytes: Vec<u8>, expected: Root, superblock: &Superblock) -> Result<Block> {
        let wrong = |what: &str| Error::corrupt(format!("btrfs block {:#x}: {what}", expected.address));
        if superblock.is_crc32c && !checksum::holds(&bytes) {
            return Err(wrong("checksum"));
        }
        if slice(&bytes, 32, 16)? != superblock.metadata_uuid || le64(&bytes, 48)? != expected.address {
            return Err(wrong("not a block of this file system"));
        }
        if byte(&bytes, 100)? != expected.level {
            return Err(wrong("level"));
        }
        if le64(&bytes, 80)? != expected.generation {
            return Err(wrong("generation"));
        }
        let count = le32(&bytes, 96)? as usize;
        let each = if expected.level == 0 { ITEM_BYTES } else { POINTER_BYTES };
        if count > (bytes.len() - HEADER_BYTES) / each {
            return Err(wrong("number of records"));
        }
        Ok(Block { bytes, level: expected.level, count, each })
    }

    /// Whether it has records and no children.
    pub(super) fn is_leaf(&self) -> bool {
        self.level == 0
    }

    /// Records of a leaf, children of a node.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A record of a leaf.
    pub(super) fn item(&self, index: usize) -> Result<(Key, &[u8])> {
        let at = HEADER_BYTES + index * ITEM_BYTES;
        let offset = le32(&self.bytes, at + KEY_BYTES)? as usize;
        let len = le32(&self.bytes, at + KEY_BYTES + 4)? as usize;
        Ok((Key::parse(slice(&self.bytes, at, KEY_BYTES)?)?, slice(&self.bytes, HEADER_BYTES + offset, len)?))
    }

    /// The key of a leaf's record, or the key that a node's child begins with.
    pub(super) fn key(&self, index: usize) -> Result<Key> {
        Key::parse(slice(&self.bytes, HEADER_BYTES + index * self.each, KEY_BYTES)?)
    }

    /// A child of a node.
    pub(super) fn child(&self, index: usize) -> Result<Root> {
        let at = HEADER_BYTES + index * POINTER_BYTES + KEY_BYTES;
        let level = self.level.checked_sub(1).ok_or_else(|| Error::corrupt("a btrfs leaf has no children"))?;
        Ok(Root { address: le64(&self.bytes, at)?, level, generation: le64(&self.bytes, at + 8)? })
    }

    /// How many keys at the beginning `before` holds for, when they are in order; some number when they are not.
    pub(super) fn count_while(&self, before: impl Fn(Key) -> bool) -> Result<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if before(self.key(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
