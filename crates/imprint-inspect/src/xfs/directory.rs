//! Directories: in the inode itself, or in blocks of their own (one block, or many with an index behind them, which is
//! not needed: names are looked for where they stand).

use std::ops::ControlFlow;

use super::Xfs;
use super::inode::{Format, Inode};
use crate::error::{Error, Result};
use crate::fields::{be16, be32, be64, byte, slice};
use crate::file_system::{Kind, is_name};

/// Index blocks of a directory begin at this byte of it.
const INDEX_START: u64 = 1 << 35;
const FREE_TAG: u16 = 0xffff;
const HEADER_V4: usize = 16;
const HEADER_V5: usize = 64;
/// A block that is the whole directory ends with its index, whose length stands in the last eight bytes.
const TAIL_BYTES: usize = 8;
const INDEX_ENTRY_BYTES: usize = 8;

/// Looks at one name and what it names.
pub(super) type Visit<'a> = dyn FnMut(&[u8], u64) -> Result<ControlFlow<()>> + 'a;

impl Xfs {
    /// Shows every name of a directory except `.` and `..`, until the visitor has seen enough.
    pub(super) fn visit_names(&self, directory: &Inode, visit: &mut Visit<'_>) -> Result<()> {
        directory.must_be(Kind::Directory)?;
        if directory.format == Format::Local {
            return self.visit_short(directory, visit);
        }
        let block_bytes = u64::from(self.superblock.directory_block_bytes);
        let mut buf = vec![0; self.superblock.directory_block_bytes as usize];
        let mut offset = 0;
        loop {
            let Some(extent) = self.extent_at(directory, offset >> self.superblock.block_log)? else { return Ok(()) };
            let start = extent.start.saturating_mul(u64::from(self.superblock.block_bytes));
            // What is not mapped is skipped; an extent may begin inside a block of the directory.
            let here = start.max(offset) / block_bytes * block_bytes;
            if here >= INDEX_START {
                return Ok(());
            }
            self.read_data(directory, here, &mut buf)?;
            if self.visit_block(directory, &buf, visit)?.is_break() {
                return Ok(());
            }
            offset = here + block_bytes;
        }
    }

    /// The form that fits into the inode.
    fn visit_short(&self, directory: &Inode, visit: &mut Visit<'_>) -> Result<()> {
        let fork = directory.fork();
        let fork = &fork[..fork.len().min(usize::try_from(directory.size).unwrap_or(usize::MAX))];
        let count = byte(fork, 0)?;
        // When any number needs it, all have eight bytes.
        let number_bytes = if byte(fork, 1)? == 0 { 4 } else { 8 };
        let mut at = 2 + number_bytes;
        for _ in 0..count {
            let name_bytes = usize::from(byte(fork, at)?);
            let name = slice(fork, at + 3, name_bytes)?;
            let number_at = at + 3 + name_bytes + usize::from(self.superblock.has_file_type);
            let number = if number_bytes == 4 { u64::from(be32(fork, number_at)?) } else { be64(fork, number_at)? };
            if self.visit_name(directory, name, number, visit)?.is_break() {
                return Ok(());
            }
            at = number_at + number_bytes;
        }
        Ok(())
    }

    fn visit_block(&self, directory: &Inode, block: &[u8], visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        let wrong = |what: &str| Error::corrupt(format!("XFS directory {}: {what}", directory.number));
        let is_v5 = self.superblock.is_v5;
        let header = if is_v5 { HEADER_V5 } else { HEADER_V4 };
        let is_whole = match (slice(block, 0, 4)?, is_v5) {
            (b"XD2B", false) | (b"XDB3", true) => true,
            (b"XD2D", false) | (b"XDD3", true) => false,
            _ => return Err(wrong("not a block of names")),
        };
        if is_v5 && be64(block, 40)? != directory.number {
            return Err(wrong("a block of another directory"));
        }
        let end = if is_whole { end_of_names(block).ok_or_else(|| wrong("index"))? } else { block.len() };
        let mut at = header;
        while at < end {
            if be16(block, at)? == FREE_TAG {
                let bytes = usize::from(be16(block, at + 2)?);
                if bytes == 0 || bytes % 8 != 0 {
                    return Err(wrong("free space"));
                }
                self.budget.step()?;
                at += bytes;
                continue;
            }
            let name_bytes = usize::from(byte(block, at + 8)?);
            let used = 8 + 1 + name_bytes + usize::from(self.superblock.has_file_type) + 2;
            let next = at + used.next_multiple_of(8);
            if next > end {
                return Err(wrong("a name leaves its block"));
            }
            let name = slice(block, at + 9, name_bytes)?;
            if self.visit_name(directory, name, be64(block, at)?, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            at = next;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn visit_name(
        &self,
        directory: &Inode,
        name: &[u8],
        number: u64,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        self.budget.step()?;
        if name == b"." || name == b".." {
            return Ok(ControlFlow::Continue(()));
        }
        if !is_name(name) {
            return Err(Error::corrupt(format!("XFS directory {}: a name that cannot be", directory.number)));
        }
        visit(name, number)
    }
}

/// Where the names of a directory of one block end and its index begins.
fn end_of_names(block: &[u8]) -> Option<usize> {
    let tail = block.len().checked_sub(TAIL_BYTES)?;
    let entries = usize::try_from(be32(block, tail).ok()?).ok()?;
    tail.checked_sub(entries.checked_mul(INDEX_ENTRY_BYTES)?)
}
