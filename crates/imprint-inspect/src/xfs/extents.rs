//! Where the blocks of a file are: lists of extents in the inode, and trees of them.

use super::Xfs;
use super::inode::{Format, Inode};
use crate::error::{Error, Result};
use crate::fields::{be16, be32, be64, slice};

const RECORD_BYTES: usize = 16;
const KEY_BYTES: usize = 8;
const MAGIC_V4: u32 = 0x424d_4150;
const MAGIC_V5: u32 = 0x424d_4133;
const HEADER_V4: usize = 24;
const HEADER_V5: usize = 72;
/// Deeper trees cannot be: nine levels of the smallest nodes hold more extents than a file can have.
const MAX_LEVEL: u16 = 9;

/// Blocks of a file that follow one another on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// First block, counted in the file.
    pub(super) start: u64,
    /// First block on the disk, by its number of group and block.
    pub(super) block: u64,
    /// How many.
    pub(super) count: u64,
    /// Reserved and never written: reads as zeros.
    pub(super) is_unwritten: bool,
}

impl Extent {
    fn parse(record: &[u8]) -> Result<Extent> {
        let (high, low) = (be64(record, 0)?, be64(record, 8)?);
        Ok(Extent {
            is_unwritten: high >> 63 == 1,
            start: (high >> 9) & ((1 << 54) - 1),
            block: ((high & 0x1ff) << 43) | (low >> 21),
            count: low & ((1 << 21) - 1),
        })
    }

    /// The first block of the file behind it.
    pub(super) fn end(&self) -> u64 {
        self.start + self.count
    }
}

impl Xfs {
    /// The extent that holds a block of the file, or the next one behind it; none when there is no further one.
    pub(super) fn extent_at(&self, inode: &Inode, block: u64) -> Result<Option<Extent>> {
        let fork = inode.fork();
        match inode.format {
            Format::Extents { count } => {
                let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(RECORD_BYTES));
                let records = bytes.and_then(|bytes| fork.get(..bytes));
                let records = records.ok_or_else(|| {
                    Error::corrupt(format!("XFS inode {}: more extents than fit into it", inode.number))
                })?;
                first_ending_behind(records, block)
            }
            Format::Btree => {
                let level = be16(fork, 0)?;
                if !(1..=MAX_LEVEL).contains(&level) {
                    return Err(Error::corrupt(format!("XFS inode {}: depth of its tree", inode.number)));
                }
                let count = be16(fork, 2)?;
                let body = &fork[4..];
                let node = Node::parse(body, count, body.len() / (KEY_BYTES + 8))?;
                self.search(inode, &node, level, block)
            }
            Format::Local | Format::Other => {
                Err(Error::corrupt(format!("XFS inode {}: it has no extents", inode.number)))
            }
        }
    }

    fn search(&self, inode: &Inode, node: &Node<'_>, level: u16, block: u64) -> Result<Option<Extent>> {
        self.budget.step()?;
        let child = node.child_for(block)?;
        // Should the block lie behind the last extent of its child, the next extent is the next child's first.
        for index in child..node.count.min(child + 2) {
            if let Some(extent) = self.search_block(inode, node.pointer(index)?, level - 1, block)? {
                return Ok(Some(extent));
            }
        }
        Ok(None)
    }

    fn search_block(&self, inode: &Inode, place: u64, level: u16, block: u64) -> Result<Option<Extent>> {
        let bytes = self.read_blocks(place, self.superblock.block_bytes)?;
        let wrong = || Error::corrupt(format!("XFS inode {}: tree of extents, block {place:#x}", inode.number));
        let is_v5 = self.superblock.is_v5;
        let (magic, header) = if is_v5 { (MAGIC_V5, HEADER_V5) } else { (MAGIC_V4, HEADER_V4) };
        if be32(&bytes, 0)? != magic || be16(&bytes, 4)? != level || (is_v5 && be64(&bytes, 56)? != inode.number) {
            return Err(wrong());
        }
        let count = be16(&bytes, 6)?;
        let body = &bytes[header..];
        if level == 0 {
            let records = body.get(..usize::from(count) * RECORD_BYTES).ok_or_else(wrong)?;
            return first_ending_behind(records, block);
        }
        let node = Node::parse(body, count, body.len() / (KEY_BYTES + 8))?;
        self.search(inode, &node, level, block)
    }
}

/// A node of a tree of extents: the first block of each child, and the children.
struct Node<'a> {
    keys: &'a [u8],
    pointers: &'a [u8],
    count: usize,
}

impl Node<'_> {
    /// The pointers stand behind the room for as many keys as the node can have.
    fn parse(body: &[u8], count: u16, most: usize) -> Result<Node<'_>> {
        let count = usize::from(count);
        if count == 0 || count > most {
            return Err(Error::corrupt("XFS tree of extents: number of children"));
        }
        let keys = slice(body, 0, count * KEY_BYTES)?;
        Ok(Node { keys, pointers: slice(body, most * KEY_BYTES, count * 8)?, count })
    }

    /// The last child that does not begin behind the block; the first if all do.
    fn child_for(&self, block: u64) -> Result<usize> {
        let behind = partition_point(self.count, |index| Ok(be64(self.keys, index * KEY_BYTES)? <= block))?;
        Ok(behind.saturating_sub(1))
    }

    fn pointer(&self, index: usize) -> Result<u64> {
        be64(self.pointers, index * 8)
    }
}

fn first_ending_behind(records: &[u8], block: u64) -> Result<Option<Extent>> {
    let at = |index: usize| Extent::parse(slice(records, index * RECORD_BYTES, RECORD_BYTES)?);
    let count = records.len() / RECORD_BYTES;
    let index = partition_point(count, |index| Ok(at(index)?.end() <= block))?;
    if index == count {
        return Ok(None);
    }
    let extent = at(index)?;
    if extent.count == 0 { Err(Error::corrupt("XFS extent of no blocks")) } else { Ok(Some(extent)) }
}

/// The first index for which `before` does not hold, when it holds for a beginning of them. In lists out of order it
/// is some index.
fn partition_point(count: usize, before: impl Fn(usize) -> Result<bool>) -> Result<usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if before(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
