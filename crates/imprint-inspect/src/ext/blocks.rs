//! Which blocks a file has: by extents, or by the older tables of block numbers.

use super::Ext;
use super::inode::{BLOCKS_BYTES, Inode};
use crate::error::{Error, Result};
use crate::fields;

const EXTENTS_MAGIC: u16 = 0xf30a;
/// How many levels a tree of extents may have.
const DEPTH_MAX: u16 = 5;
/// An extent longer than this was reserved, but never written; so much less is its length.
const WRITTEN_MAX: u16 = 32_768;
/// How many block numbers an inode has itself; the others are in one, two and three levels of tables.
const DIRECT: u64 = 12;

/// Blocks of a file that follow each other on the volume, too.
pub(super) struct Run {
    /// The first of them; none where nothing was written.
    pub(super) first: Option<u64>,
    /// How many: at least one.
    pub(super) blocks: u64,
}

/// The run that a block of a file begins.
pub(super) fn run_at(ext: &Ext, inode: &Inode, block: u64) -> Result<Run> {
    if inode.has_extents() { extents(ext, inode, block) } else { tables(ext, inode, block) }
}

fn extents(ext: &Ext, inode: &Inode, block: u64) -> Result<Run> {
    let mut node = inode.blocks().to_vec();
    let mut depth_above = None;
    // Where the run ends at the latest: where the next entry of a level above begins.
    let mut end = u64::MAX;
    loop {
        ext.budget.step()?;
        if fields::le16(&node, 0)? != EXTENTS_MAGIC {
            return Err(Error::corrupt("no extents where they should be"));
        }
        let (count, depth) = (usize::from(fields::le16(&node, 2)?), fields::le16(&node, 6)?);
        let is_next = depth_above.map_or(depth <= DEPTH_MAX, |above: u16| depth.checked_add(1) == Some(above));
        let entries = node.get(12..).and_then(|entries| entries.get(..count * 12)).filter(|_| is_next);
        let entries = entries.ok_or_else(|| Error::corrupt("a tree of extents that makes no sense"))?;
        // Entries are sorted: the last one that does not begin later holds the block, if any does.
        let entries: Vec<&[u8]> = entries.chunks_exact(12).collect();
        let begins = |entry: &&[u8]| fields::le32(entry, 0).map_or(u64::MAX, u64::from);
        let index = entries.partition_point(|entry| begins(entry) <= block);
        end = end.min(entries.get(index).map_or(u64::MAX, begins));
        let hole = Run { first: None, blocks: end.saturating_sub(block).max(1) };
        let Some(entry) = index.checked_sub(1).and_then(|index| entries.get(index)) else { return Ok(hole) };
        if depth == 0 {
            return extent(entry, block, hole);
        }
        let below = u64::from(fields::le16(entry, 8)?) << 32 | u64::from(fields::le32(entry, 4)?);
        depth_above = Some(depth);
        node = ext.whole_block(below)?;
    }
}

/// The rest of an extent, when it holds the block, else the hole after it.
fn extent(entry: &[u8], block: u64, hole: Run) -> Result<Run> {
    let (begins, len) = (u64::from(fields::le32(entry, 0)?), fields::le16(entry, 4)?);
    let start = u64::from(fields::le16(entry, 6)?) << 32 | u64::from(fields::le32(entry, 8)?);
    let (len, is_written) = if len > WRITTEN_MAX { (len - WRITTEN_MAX, false) } else { (len, true) };
    let within = block.checked_sub(begins).ok_or_else(|| Error::corrupt("extents that are not in order"))?;
    let Some(left) = u64::from(len).checked_sub(within).filter(|left| *left > 0) else { return Ok(hole) };
    Ok(Run { first: is_written.then_some(start + within), blocks: left })
}

fn tables(ext: &Ext, inode: &Inode, block: u64) -> Result<Run> {
    let numbers = inode.blocks();
    let per_table = ext.superblock.block_bytes / 4;
    if block < DIRECT {
        return Ok(along(&numbers[..48], block, 1));
    }
    let mut index = block - DIRECT;
    let mut covers = 1;
    for level in 1..=3usize {
        let above = covers;
        covers *= per_table;
        if index < covers {
            let at = BLOCKS_BYTES - 16 + level * 4;
            return descend(ext, u64::from(fields::le32(numbers, at)?), index, above);
        }
        index -= covers;
    }
    Err(Error::corrupt("a block beyond what a file may have"))
}

/// From a table whose entries each cover so many blocks down to the block.
fn descend(ext: &Ext, mut table: u64, mut index: u64, mut covers: u64) -> Result<Run> {
    let per_table = ext.superblock.block_bytes / 4;
    loop {
        ext.budget.step()?;
        if table == 0 {
            return Ok(Run { first: None, blocks: (covers * per_table - index).max(1) });
        }
        let numbers = ext.whole_block(table)?;
        let slot = index / covers;
        if covers == 1 {
            return Ok(along(&numbers, slot, 1));
        }
        table = u64::from(fields::le32(&numbers, usize::try_from(slot).unwrap_or(usize::MAX) * 4)?);
        index %= covers;
        covers /= per_table;
    }
}

/// The run that begins at an entry of a table of block numbers.
fn along(numbers: &[u8], slot: u64, at_least: u64) -> Run {
    let number = |slot: u64| {
        let at = usize::try_from(slot).ok()?.checked_mul(4)?;
        fields::le32(numbers, at).ok().map(u64::from)
    };
    let first = number(slot).filter(|first| *first != 0);
    let mut blocks = at_least;
    while number(slot + blocks).is_some_and(|next| first.map_or(0, |first| first + blocks) == next) {
        blocks += 1;
    }
    Run { first, blocks }
}
