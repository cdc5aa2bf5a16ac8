//! Names in a directory. The index that large directories have is not used: its blocks look like empty ones, and the
//! names stand in the others.

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields;

/// A name, and the inode it names.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) name: Vec<u8>,
    pub(super) inode: u32,
}

/// All names of a directory made of blocks.
pub(super) fn blocks(bytes: &[u8], block_len: usize, budget: &Budget) -> Result<Vec<Name>> {
    let mut names = Vec::new();
    // A block of zeros is a hole, which drivers pass over, too.
    for block in bytes.chunks(block_len).filter(|block| block.iter().any(|byte| *byte != 0)) {
        records(block, &mut names, budget)?;
    }
    Ok(names)
}

/// All names of a directory that stands in its inode: 4 bytes for the parent, then records in the place of the blocks,
/// then records in the attribute behind.
pub(super) fn inline(bytes: &[u8], budget: &Budget) -> Result<Vec<Name>> {
    const IN_PLACE_OF_BLOCKS: usize = super::inode::BLOCKS_BYTES;
    let mut names = Vec::new();
    let (first, second) = bytes.split_at(bytes.len().min(IN_PLACE_OF_BLOCKS));
    records(first.get(4..).unwrap_or_default(), &mut names, budget)?;
    records(second, &mut names, budget)?;
    Ok(names)
}

fn records(block: &[u8], names: &mut Vec<Name>, budget: &Budget) -> Result<()> {
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
            let is_name =
                !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0);
            if is_name {
                names.push(Name { name: name.to_vec(), inode });
            }
        }
        at += len;
    }
    Ok(())
}
