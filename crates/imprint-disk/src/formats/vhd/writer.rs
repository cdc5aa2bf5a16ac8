//! The VHD files that a disk would be: fixed (the disk and a footer) and dynamic (blocks). Both keep the exact size,
//! rounded up to whole sectors, and say so in a way every reader understands: see [`Geometry::stating`].

use std::io;
use std::sync::Arc;

use super::geometry::Geometry;
use super::header::{
    COOKIE, DYNAMIC_CHECKSUM_AT, DYNAMIC_COOKIE, DYNAMIC_HEADER_AT, DYNAMIC_HEADER_BYTES, FOOTER_BYTES,
    FOOTER_CHECKSUM_AT, HEAD_BYTES, SIZE_MAX, TYPE_DYNAMIC, TYPE_FIXED, VERSION, checksum,
};
use crate::fields::put;
use crate::formats::blocks::entries::Entries;
use crate::formats::blocks::identity::identity;
use crate::limits::{MIB, SECTOR};
use crate::view::{Concat, Packed, UnitMap};
use crate::{ExportError, ReadAt, Target, past_the_end};

const BLOCK_BYTES: u64 = 2 * MIB;
/// A bit for each of a block's 4,096 sectors.
const BITMAP_BYTES: u64 = 512;
const HOLE: u32 = u32::MAX;
/// The size field counts for a file of this creator (Windows 10's version number).
const CREATOR: &[u8; 4] = b"win ";
const CREATOR_VERSION: u32 = 0x000a_0000;
const CREATOR_SYSTEM: &[u8; 4] = b"Wi2k";
/// "Reserved": the bit must be set.
const FEATURES: u32 = 2;

/// A fixed VHD of the disk.
///
/// # Errors
/// [`ExportError::Impossible`] beyond 2040 GiB and of no bytes, and what the disk answers.
pub(crate) fn fixed(disk: Arc<dyn ReadAt>) -> Result<Concat, ExportError> {
    let size = whole_sectors(&*disk, Target::VhdFixed)?;
    if size == 0 {
        // it would be a footer alone, which is how dynamic ones begin
        return Err(ExportError::Impossible { target: Target::VhdFixed, why: "a disk may not be empty" });
    }
    let id = identity("vhd fixed", size, UnitMap::scan(&*disk, BLOCK_BYTES)?.fingerprint());
    let mut file = Concat::new();
    file.push(disk);
    file.pad_to(SECTOR);
    file.push(footer(TYPE_FIXED, u64::MAX, size, id));
    Ok(file)
}

/// A dynamic VHD of the disk, with the blocks that hold data in their order.
///
/// # Errors
/// [`ExportError::Impossible`] beyond 2040 GiB, and what the disk answers.
pub(crate) fn dynamic(disk: Arc<dyn ReadAt>) -> Result<Concat, ExportError> {
    let size = whole_sectors(&*disk, Target::VhdDynamic)?;
    let map = Arc::new(UnitMap::scan(&*disk, BLOCK_BYTES)?);
    let footer = footer(TYPE_DYNAMIC, DYNAMIC_HEADER_AT, size, identity("vhd dynamic", size, map.fingerprint()));
    let table_at = HEAD_BYTES as u64;
    // filled up to whole sectors with entries that are holes, too
    let entries = (map.units() * 4).next_multiple_of(SECTOR) / 4;
    let blocks_at = table_at + entries * 4;
    let mut file = Concat::new();
    file.push(footer.clone());
    file.push(dynamic_header(table_at, map.units())?);
    let places = Arc::clone(&map);
    file.push(Entries::new(entries, move |block| entry(&places, blocks_at, block).to_be_bytes()));
    file.push(Blocks { packed: Packed::new(disk, map) });
    file.push(footer);
    Ok(file)
}

fn whole_sectors(disk: &dyn ReadAt, target: Target) -> Result<u64, ExportError> {
    let size = disk.size_bytes();
    if size > SIZE_MAX {
        return Err(ExportError::Impossible { target, why: "a disk may not exceed 2040 GiB" });
    }
    Ok(size.next_multiple_of(SECTOR))
}

/// The sector where a block's bitmap begins.
fn entry(map: &UnitMap, blocks_at: u64, block: u64) -> u32 {
    if !map.is_data(block) {
        return HOLE;
    }
    let at = blocks_at + map.rank(block) * (BITMAP_BYTES + BLOCK_BYTES);
    u32::try_from(at / SECTOR).expect("2040 GiB of blocks with their bitmaps end before sector 2^32")
}

/// Blocks, each behind a bitmap that says that all its sectors are there.
struct Blocks {
    packed: Packed,
}

impl ReadAt for Blocks {
    fn size_bytes(&self) -> u64 {
        self.packed.size_bytes() / BLOCK_BYTES * (BITMAP_BYTES + BLOCK_BYTES)
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size_bytes()).ok_or_else(past_the_end)?;
        let stride = BITMAP_BYTES + BLOCK_BYTES;
        let mut at = offset;
        while !buf.is_empty() {
            let (block, within) = (at / stride, at % stride);
            let left = if within < BITMAP_BYTES { BITMAP_BYTES - within } else { stride - within };
            let len = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
            let (now, later) = buf.split_at_mut(len);
            match within.checked_sub(BITMAP_BYTES) {
                Some(within) => self.packed.read_at(block * BLOCK_BYTES + within, now)?,
                None => now.fill(0xff),
            }
            at += len as u64;
            buf = later;
        }
        Ok(())
    }
}

fn footer(kind: u32, data_offset: u64, size: u64, id: [u8; 16]) -> Vec<u8> {
    let geometry = Geometry::stating(size / SECTOR);
    let mut footer = vec![0; FOOTER_BYTES];
    put(&mut footer, 0, COOKIE);
    put(&mut footer, 8, &FEATURES.to_be_bytes());
    put(&mut footer, 12, &VERSION.to_be_bytes());
    put(&mut footer, 16, &data_offset.to_be_bytes());
    // the time at 24 stays zero: two exports of one disk are the same bytes
    put(&mut footer, 28, CREATOR);
    put(&mut footer, 32, &CREATOR_VERSION.to_be_bytes());
    put(&mut footer, 36, CREATOR_SYSTEM);
    put(&mut footer, 40, &size.to_be_bytes());
    put(&mut footer, 48, &size.to_be_bytes());
    put(&mut footer, 56, &geometry.cylinders.to_be_bytes());
    put(&mut footer, 58, &[geometry.heads, geometry.sectors]);
    put(&mut footer, 60, &kind.to_be_bytes());
    put(&mut footer, 68, &id);
    let sum = checksum(&footer, FOOTER_CHECKSUM_AT);
    put(&mut footer, FOOTER_CHECKSUM_AT, &sum.to_be_bytes());
    footer
}

fn dynamic_header(table_at: u64, entries: u64) -> io::Result<Vec<u8>> {
    let entries = u32::try_from(entries).map_err(io::Error::other)?;
    let block = u32::try_from(BLOCK_BYTES).map_err(io::Error::other)?;
    let mut header = vec![0; DYNAMIC_HEADER_BYTES];
    put(&mut header, 0, DYNAMIC_COOKIE);
    put(&mut header, 8, &u64::MAX.to_be_bytes());
    put(&mut header, 16, &table_at.to_be_bytes());
    put(&mut header, 24, &VERSION.to_be_bytes());
    put(&mut header, 28, &entries.to_be_bytes());
    put(&mut header, 32, &block.to_be_bytes());
    let sum = checksum(&header, DYNAMIC_CHECKSUM_AT);
    put(&mut header, DYNAMIC_CHECKSUM_AT, &sum.to_be_bytes());
    Ok(header)
}
