//! Keys of the trees.

use crate::error::Result;
use crate::fields::{byte, le64};

pub(super) const KEY_BYTES: usize = 17;

pub(super) const INODE_ITEM: u8 = 1;
pub(super) const INODE_REF: u8 = 12;
pub(super) const DIR_ITEM: u8 = 84;
pub(super) const DIR_INDEX: u8 = 96;
pub(super) const EXTENT_DATA: u8 = 108;
pub(super) const ROOT_ITEM: u8 = 132;
pub(super) const ROOT_BACKREF: u8 = 144;
pub(super) const CHUNK_ITEM: u8 = 228;

/// What every record of a tree is sorted by, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) object: u64,
    pub(super) kind: u8,
    pub(super) offset: u64,
}

impl Key {
    pub(super) fn new(object: u64, kind: u8, offset: u64) -> Key {
        Key { object, kind, offset }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Key> {
        Ok(Key { object: le64(bytes, 0)?, kind: byte(bytes, 8)?, offset: le64(bytes, 9)? })
    }
}
