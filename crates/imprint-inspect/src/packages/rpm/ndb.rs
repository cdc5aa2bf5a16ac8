//! rpm's own database (`Packages.db`): pages of slots, each of which says where a header's blocks are. Little endian.

use super::{Collected, HEADER_BYTES_MAX, Whole, add};
use crate::error::{Error, Result};
use crate::fields::le32;
use crate::guest_file::Bytes;

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";

/// The header takes the place of the first two slots.
const HEADER_BYTES: usize = 32;
const SLOT_BYTES: usize = 16;
const PAGE_BYTES: usize = 4096;
const BLOCK_BYTES: u64 = 16;

/// Before each header: magic, index, time, length. After it: checksum, length, magic.
const BLOB_HEAD_BYTES: usize = 16;
const BLOB_TAIL_BYTES: usize = 12;

/// Adds all packages.
pub(super) fn read(file: &dyn Bytes, found: &mut Collected<'_>) -> Result<()> {
    let mut page = vec![0; PAGE_BYTES];
    file.read_at(0, &mut page[..HEADER_BYTES])?;
    if !page.starts_with(MAGIC) {
        return Err(Error::corrupt("Packages.db does not begin as one"));
    }
    let (version, pages) = (le32(&page, 4)?, le32(&page, 12)?);
    if version != 0 {
        return Err(Error::Unsupported(format!("version {version} of Packages.db")));
    }
    if u64::from(pages) * PAGE_BYTES as u64 > file.size_bytes() {
        return Err(Error::corrupt("the slots of Packages.db do not fit into it"));
    }
    // what all headers together may have: no block belongs to two of them
    let mut bytes_left = file.size_bytes();
    for number in 0..pages {
        file.read_at(u64::from(number) * PAGE_BYTES as u64, &mut page)?;
        let first = if number == 0 { HEADER_BYTES } else { 0 };
        for slot in page[first..].chunks_exact(SLOT_BYTES) {
            found.budget.step()?;
            if !slot.starts_with(SLOT_MAGIC) {
                return Err(Error::corrupt("a slot of Packages.db does not begin as one"));
            }
            let (index, block, blocks) = (le32(slot, 4)?, le32(slot, 8)?, le32(slot, 12)?);
            if block == 0 {
                continue;
            }
            let bytes = u64::from(blocks) * BLOCK_BYTES;
            bytes_left = bytes_left.checked_sub(bytes).ok_or_else(|| Error::corrupt("slots of Packages.db overlap"))?;
            let header = blob(file, index, u64::from(block) * BLOCK_BYTES, bytes, found)?;
            add(&header, found)?;
        }
    }
    Ok(())
}

/// The header that a slot points to.
fn blob<'b>(file: &dyn Bytes, index: u32, offset: u64, bytes: u64, found: &Collected<'b>) -> Result<Whole<'b>> {
    let mut head = [0; BLOB_HEAD_BYTES];
    file.read_at(offset, &mut head)?;
    if !head.starts_with(BLOB_MAGIC) || le32(&head, 4)? != index {
        return Err(Error::corrupt("a header of Packages.db is not where its slot says"));
    }
    let len = le32(&head, 12)? as usize;
    if len > HEADER_BYTES_MAX || (len + BLOB_HEAD_BYTES + BLOB_TAIL_BYTES) as u64 > bytes {
        return Err(Error::corrupt("a header of Packages.db is longer than its blocks"));
    }
    let held = found.budget.hold(len as u64)?;
    let mut header = vec![0; len];
    file.read_at(offset + BLOB_HEAD_BYTES as u64, &mut header)?;
    Ok(held.with(header))
}
