//! The journal of ext3 and ext4: which blocks have newer contents in it, transaction by transaction, until the first one
//! that was not committed.

use std::collections::HashMap;

use super::blocks::run_at;
use super::inode::Inode;
use super::{Ext, ROOT_INODE};
use crate::error::{Error, Result};
use crate::fields;

/// Begins every block of the journal that is not data, big-endian.
pub(super) const MAGIC: u32 = 0xc03b_3998;
/// How many blocks may be replaced.
const REPLACED_MAX: usize = 1 << 18;
/// What a replaced and what a revoked block take in memory.
const REPLACED_BYTES: u64 = 64;
const REVOKED_BYTES: u64 = 32;
/// How many blocks of the journal are looked at: 16 GiB of 4 KiB.
const BLOCKS_MAX: u64 = 4 << 20;

const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const SUPERBLOCKS: [u32; 2] = [3, 4];
const REVOKE: u32 = 5;

/// Features of the journal.
const HAS_64_BITS: u32 = 0x2;
const CHECKSUM_2: u32 = 0x8;
const CHECKSUM_3: u32 = 0x10;
const FAST_COMMITS: u32 = 0x20;
const KNOWN: u32 = 0x1 | HAS_64_BITS | 0x4 | CHECKSUM_2 | CHECKSUM_3 | FAST_COMMITS;
/// How many blocks fast commits have at the end, where the journal does not say.
const FAST_BLOCKS: u64 = 256;

/// Flags of a tag.
const ESCAPED: u32 = 1;
const SAME_UUID: u32 = 2;
const LAST: u32 = 8;

/// Where a block's newer content stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newer {
    /// The block of the volume that the journal has it in.
    pub(super) block: u64,
    /// Whether its first four bytes are the journal's magic number, which was put out of the way.
    pub(super) is_escaped: bool,
    /// The transaction it belongs to.
    sequence: u32,
}

/// The journal being read.
struct Journal<'a> {
    ext: &'a Ext,
    inode: Inode,
    blocks: u64,
    first: u64,
    features: u32,
}

/// Reads the journal from its start, and says which blocks it replaces.
pub(super) fn replay(ext: &Ext) -> Result<HashMap<u64, Newer>> {
    let number = ext.superblock.journal_inode;
    if number == ROOT_INODE {
        return Err(Error::corrupt("the journal is the top directory"));
    }
    let inode = ext.inode(number)?;
    let mut journal = Journal { ext, inode, blocks: 1, first: 0, features: 0 };
    let superblock = journal.block(0)?;
    let word = |at| fields::be32(&superblock, at);
    if word(0)? != MAGIC || !SUPERBLOCKS.contains(&word(4)?) {
        return Err(Error::corrupt("no journal"));
    }
    if u64::from(word(12)?) != ext.superblock.block_bytes {
        return Err(Error::corrupt("a journal with other blocks than its file system"));
    }
    journal.features = if word(4)? == 4 { word(40)? } else { 0 };
    if journal.features & !KNOWN != 0 {
        return Err(Error::Unsupported(format!("a journal with the features {:#x}", journal.features)));
    }
    journal.blocks = u64::from(word(16)?).min(BLOCKS_MAX);
    if journal.features & FAST_COMMITS != 0 {
        // They are hints about the newest moments; the transactions before them are whole without.
        let fast = Some(u64::from(word(84)?)).filter(|blocks| *blocks != 0).unwrap_or(FAST_BLOCKS);
        journal.blocks = journal.blocks.saturating_sub(fast);
    }
    journal.first = u64::from(word(20)?);
    let (sequence, start) = (word(24)?, u64::from(word(28)?));
    if journal.first == 0 || journal.first >= journal.blocks || start >= journal.blocks {
        return Err(Error::corrupt("a journal that begins outside itself"));
    }
    if start == 0 { Ok(HashMap::new()) } else { journal.transactions(start, sequence) }
}

/// A transaction that has not been committed yet.
#[derive(Default)]
struct Open {
    replaced: Vec<(u64, Newer)>,
    revoked: Vec<u64>,
}

impl Journal<'_> {
    /// The block of the volume that holds a block of the journal.
    fn place(&self, index: u64) -> Result<u64> {
        let run = run_at(self.ext, &self.inode, index)?;
        run.first.ok_or_else(|| Error::corrupt("a journal with holes"))
    }

    fn block(&self, index: u64) -> Result<Vec<u8>> {
        self.ext.whole_block(self.place(index)?)
    }

    fn after(&self, index: u64) -> u64 {
        if index + 1 >= self.blocks { self.first } else { index + 1 }
    }

    fn transactions(&self, start: u64, mut sequence: u32) -> Result<HashMap<u64, Newer>> {
        let mut replaced: HashMap<u64, Newer> = HashMap::new();
        let mut revoked: HashMap<u64, u32> = HashMap::new();
        let mut open = Open::default();
        let (mut index, mut seen) = (start, 0);
        // Once around: what comes after was overwritten.
        while seen < self.blocks {
            self.ext.budget.step()?;
            let block = self.block(index)?;
            if fields::be32(&block, 0)? != MAGIC || fields::be32(&block, 8)? != sequence {
                break;
            }
            (index, seen) = (self.after(index), seen + 1);
            match fields::be32(&block, 4)? {
                DESCRIPTOR => {
                    for (target, is_escaped) in self.tags(&block)? {
                        self.ext.budget.step()?;
                        self.ext.budget.keep(REPLACED_BYTES)?;
                        let newer = Newer { block: self.place(index)?, is_escaped, sequence };
                        open.replaced.push((target, newer));
                        (index, seen) = (self.after(index), seen + 1);
                        if open.replaced.len() > REPLACED_MAX || seen > self.blocks {
                            return Err(Error::corrupt("a transaction longer than its journal"));
                        }
                    }
                }
                REVOKE => self.revokes(&block, &mut open.revoked)?,
                COMMIT => {
                    let Open { replaced: blocks, revoked: targets } = std::mem::take(&mut open);
                    replaced.extend(blocks);
                    revoked.extend(targets.into_iter().map(|target| (target, sequence)));
                    sequence = sequence.wrapping_add(1);
                }
                _ => break,
            }
            if replaced.len() > REPLACED_MAX || revoked.len() > REPLACED_MAX {
                return Err(Error::corrupt("a journal of too many blocks"));
            }
        }
        // What was revoked counts again only when a later transaction wrote it. Sequence numbers wrap around.
        replaced.retain(|target, newer| {
            revoked.get(target).is_none_or(|revoked| newer.sequence.wrapping_sub(*revoked).cast_signed() > 0)
        });
        Ok(replaced)
    }

    /// The blocks that a descriptor announces, and whether they are escaped.
    fn tags(&self, block: &[u8]) -> Result<Vec<(u64, bool)>> {
        let has = |feature| self.features & feature != 0;
        let mut tags = Vec::new();
        let mut at = 12;
        let end = if has(CHECKSUM_2 | CHECKSUM_3) { block.len() - 4 } else { block.len() };
        let bytes = match (has(CHECKSUM_3), has(HAS_64_BITS)) {
            (true, _) => 16,
            (false, is_64) => 8 + usize::from(is_64) * 4 + usize::from(has(CHECKSUM_2)) * 2,
        };
        while at + bytes <= end {
            self.ext.budget.step()?;
            let low = u64::from(fields::be32(block, at)?);
            let flags =
                if has(CHECKSUM_3) { fields::be32(block, at + 4)? } else { u32::from(fields::be16(block, at + 6)?) };
            let high = if has(HAS_64_BITS) { u64::from(fields::be32(block, at + 8)?) } else { 0 };
            tags.push((high << 32 | low, flags & ESCAPED != 0));
            at += bytes + if flags & SAME_UUID == 0 { 16 } else { 0 };
            if flags & LAST != 0 {
                break;
            }
        }
        Ok(tags)
    }

    fn revokes(&self, block: &[u8], revoked: &mut Vec<u64>) -> Result<()> {
        let bytes = usize::try_from(fields::be32(block, 12)?).unwrap_or(usize::MAX);
        let records = block.get(16..bytes).ok_or_else(|| Error::corrupt("revoked blocks outside their block"))?;
        let len = if self.features & HAS_64_BITS != 0 { 8 } else { 4 };
        for record in records.chunks_exact(len) {
            self.ext.budget.step()?;
            self.ext.budget.keep(REVOKED_BYTES)?;
            revoked.push(if len == 8 { fields::be64(record, 0)? } else { u64::from(fields::be32(record, 0)?) });
        }
        if revoked.len() > REPLACED_MAX {
            return Err(Error::corrupt("a transaction that revokes too much"));
        }
        Ok(())
    }
}
