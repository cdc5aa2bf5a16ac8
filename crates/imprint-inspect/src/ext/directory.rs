//! Names in a directory. The index that large directories have is not used: its blocks look like empty ones, and the
//! names stand in the others.

use std::ops::ControlFlow;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields;
use crate::file_system::is_name;

/// Looks at one name and the inode it names.
pub(super) type Visit<'a> = dyn FnMut(&[u8], u32) -> Result<ControlFlow<()>> + 'a;

/// Shows all names of a directory made of blocks, until the visitor has seen enough.
pub(super) fn blocks(bytes: &[u8], block_len: usize, budget: &Budget, visit: &mut Visit<'_>) -> Result<()> {
    // A block of zeros is a hole, which drivers pass over, too.
    for block in bytes.chunks(block_len).filter(|block| block.iter().any(|byte| *byte != 0)) {
        if records(block, budget, visit)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Shows all names of a directory that stands in its inode: 4 bytes for the parent, then records in the place of the
/// blocks, then records in the attribute behind.
pub(super) fn inline(bytes: &[u8], budget: &Budget, visit: &mut Visit<'_>) -> Result<()> {
    const IN_PLACE_OF_BLOCKS: usize = super::inode::BLOCKS_BYTES;
    let (first, second) = bytes.split_at(bytes.len().min(IN_PLACE_OF_BLOCKS));
    if records(first.get(4..).unwrap_or_default(), budget, visit)?.is_continue() {
        let _ = records(second, budget, visit)?;
    }
    Ok(())
}

fn records(block: &[u8], budget: &Budget, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    let mut at = 0;
    while at + 8 <= block.len() {
        budget.step()?;
        let inode = fields::le32(block, at)?;
        let len = usize::from(fields::le16(block, at + 4)?);
        let name_len = usize::from(block[at + 6]);
        // A block of 64 KiB cannot say its length in 16 bits.
        let len = if matches!(len, 0 | 0xffff) && block.len() == 65536 { 65536 } else { len };
        if len < 8 || len % 4 != 0 || at + len > block.len() {
            return Err(Error::corrupt("a directory whose records do not follow each other"));
        }
        if inode != 0 {
            if 8 + name_len > len {
                return Err(Error::corrupt("a name longer than its record"));
            }
            let name = &block[at + 8..at + 8 + name_len];
            if is_name(name) && visit(name, inode)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        at += len;
    }
    Ok(ControlFlow::Continue(()))
}
