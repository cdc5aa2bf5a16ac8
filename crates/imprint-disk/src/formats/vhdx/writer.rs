//! The VHDX that a disk would be: dynamic, with the blocks that hold data in their order.
//!
//! Header section, log (empty) at 1 MiB, metadata at 2 MiB, block table at 3 MiB, then the blocks.

use std::sync::Arc;

use super::header::VERSION;
use super::metadata::{
    DISK_ID, FILE_PARAMETERS, IS_REQUIRED, ITEMS_AT, LOGICAL_SECTOR, PHYSICAL_SECTOR, VIRTUAL_SIZE, blocks_per_bitmap,
    table_entries,
};
use super::regions::{BLOCK_TABLE, METADATA, REQUIRED};
use super::{CHECKSUM_AT, HEADER_BYTES, HEADER_OFFSETS, REGION_TABLE_AT, REGION_TABLE_BYTES, metadata, regions};
use crate::crc32c::crc32c_with_hole;
use crate::fields::put;
use crate::formats::blocks::entries::Entries;
use crate::formats::blocks::identity::identity;
use crate::limits::{MIB, SECTOR, VIRTUAL_SIZE_MAX};
use crate::view::{Concat, Packed, UnitMap};
use crate::{ExportError, ReadAt, Target};

const LOG_AT: u64 = MIB;
const METADATA_AT: u64 = 2 * MIB;
const BLOCK_TABLE_AT: u64 = 3 * MIB;
const CREATOR: &str = "Imprint";
const PHYSICAL_SECTOR_BYTES: u32 = 4096;
const IS_VIRTUAL_DISK: u32 = 1 << 1;
/// Present, entirely.
const PRESENT: u64 = 6;
const BLOCK_BYTES_MIN: u64 = 2 * MIB;
/// Larger disks get larger blocks, so that the block table stays below 8 MiB.
const BLOCKS_MAX: u64 = 1 << 20;

/// A VHDX of the disk, whose size is rounded up to whole sectors.
///
/// # Errors
/// [`ExportError::Impossible`] for an empty disk and beyond 64 TiB, and what the disk answers.
pub(crate) fn view(disk: Arc<dyn ReadAt>) -> Result<Concat, ExportError> {
    let impossible = |why| Err(ExportError::Impossible { target: Target::Vhdx, why });
    let size = disk.size_bytes();
    if size == 0 {
        return impossible("a disk may not be empty");
    }
    if size > VIRTUAL_SIZE_MAX {
        return impossible("a disk may not exceed 64 TiB");
    }
    let size = size.next_multiple_of(SECTOR);
    let block_bytes = block_bytes(size);
    let map = Arc::new(UnitMap::scan(&*disk, block_bytes)?);
    let per_bitmap = blocks_per_bitmap(block_bytes, SECTOR);
    let entries = table_entries(map.units(), per_bitmap);
    let table_bytes = (entries * 8).next_multiple_of(MIB);
    let mut file = Concat::new();
    file.push(headers(size, &map, table_bytes));
    file.pad_to(METADATA_AT);
    file.push(metadata_region(size, block_bytes, identity("vhdx disk", size, map.fingerprint())));
    file.pad_to(MIB);
    let (places, blocks_at) = (Arc::clone(&map), BLOCK_TABLE_AT + table_bytes);
    file.push(Entries::new(entries, move |index| entry(&places, blocks_at, per_bitmap, index).to_le_bytes()));
    file.pad_to(MIB);
    file.push(Packed::new(disk, map));
    Ok(file)
}

fn block_bytes(size: u64) -> u64 {
    size.div_ceil(BLOCKS_MAX).next_power_of_two().max(BLOCK_BYTES_MIN)
}

fn entry(map: &UnitMap, blocks_at: u64, blocks_per_bitmap: u64, index: u64) -> u64 {
    let period = blocks_per_bitmap + 1;
    let block = index - index / period;
    if index % period == blocks_per_bitmap || !map.is_data(block) {
        return 0;
    }
    // a multiple of 1 MiB is what the upper 44 bits count
    (blocks_at + map.rank(block) * map.unit_bytes()) | PRESENT
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("an offset within the first MiB")
}

/// File identifier, both headers, both region tables.
fn headers(size: u64, map: &UnitMap, table_bytes: u64) -> Vec<u8> {
    let mut bytes = vec![0; place(REGION_TABLE_AT + 2 * REGION_TABLE_BYTES)];
    put(&mut bytes, 0, b"vhdxfile");
    for (index, unit) in CREATOR.encode_utf16().enumerate() {
        put(&mut bytes, 8 + 2 * index, &unit.to_le_bytes());
    }
    for (sequence, at) in (1_u64..).zip(HEADER_OFFSETS) {
        let mut header = vec![0; place(HEADER_BYTES)];
        put(&mut header, 0, b"head");
        put(&mut header, 8, &sequence.to_le_bytes());
        put(&mut header, 16, &identity("vhdx file", size, map.fingerprint()));
        put(&mut header, 32, &identity("vhdx data", size, map.fingerprint()));
        put(&mut header, 66, &VERSION.to_le_bytes());
        put(&mut header, 68, &narrow(METADATA_AT - LOG_AT).to_le_bytes());
        put(&mut header, 72, &LOG_AT.to_le_bytes());
        seal(&mut header);
        put(&mut bytes, place(at), &header);
    }
    let table = region_table(table_bytes);
    put(&mut bytes, place(REGION_TABLE_AT), &table);
    put(&mut bytes, place(REGION_TABLE_AT + REGION_TABLE_BYTES), &table);
    bytes
}

fn region_table(table_bytes: u64) -> Vec<u8> {
    let mut table = vec![0; place(REGION_TABLE_BYTES)];
    put(&mut table, 0, b"regi");
    let regions = [(BLOCK_TABLE, BLOCK_TABLE_AT, table_bytes), (METADATA, METADATA_AT, BLOCK_TABLE_AT - METADATA_AT)];
    put(&mut table, 8, &2_u32.to_le_bytes());
    for (index, (id, offset, len)) in regions.into_iter().enumerate() {
        let at = regions::ENTRIES_AT + index * regions::ENTRY_BYTES;
        put(&mut table, at, &id);
        put(&mut table, at + 16, &offset.to_le_bytes());
        put(&mut table, at + 24, &narrow(len).to_le_bytes());
        put(&mut table, at + 28, &REQUIRED.to_le_bytes());
    }
    seal(&mut table);
    table
}

fn metadata_region(size: u64, block_bytes: u64, id: [u8; 16]) -> Vec<u8> {
    let sector = narrow(SECTOR);
    // the second word of the file parameters: no blocks left allocated on purpose, no parent
    let parameters = [narrow(block_bytes).to_le_bytes(), [0; 4]].concat();
    let items: [([u8; 16], u32, Vec<u8>); 5] = [
        (FILE_PARAMETERS, 0, parameters),
        (VIRTUAL_SIZE, IS_VIRTUAL_DISK, size.to_le_bytes().to_vec()),
        (DISK_ID, IS_VIRTUAL_DISK, id.to_vec()),
        (LOGICAL_SECTOR, IS_VIRTUAL_DISK, sector.to_le_bytes().to_vec()),
        (PHYSICAL_SECTOR, IS_VIRTUAL_DISK, PHYSICAL_SECTOR_BYTES.to_le_bytes().to_vec()),
    ];
    let mut region = vec![0; place(ITEMS_AT)];
    put(&mut region, 0, b"metadata");
    put(&mut region, 10, &[5, 0]);
    for (index, (id, flags, value)) in items.into_iter().enumerate() {
        let at = metadata::ENTRIES_AT + index * metadata::ENTRY_BYTES;
        let offset = narrow(region.len() as u64);
        put(&mut region, at, &id);
        put(&mut region, at + 16, &offset.to_le_bytes());
        put(&mut region, at + 20, &narrow(value.len() as u64).to_le_bytes());
        put(&mut region, at + 24, &(flags | IS_REQUIRED).to_le_bytes());
        region.extend(value);
    }
    region
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).expect("lengths of regions, blocks of at most 64 MiB")
}

fn seal(structure: &mut [u8]) {
    let sum = crc32c_with_hole(structure, CHECKSUM_AT);
    put(structure, CHECKSUM_AT, &sum.to_le_bytes());
}
