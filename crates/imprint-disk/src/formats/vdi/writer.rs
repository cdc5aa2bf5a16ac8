//! The VDI that a disk would be: dynamic, with the blocks that hold data in their order.

use std::sync::Arc;

use super::header::{SIGNATURE, TYPE_DYNAMIC, VERSION_1_1};
use crate::fields::put;
use crate::formats::blocks::entries::Entries;
use crate::formats::blocks::identity::identity;
use crate::limits::{MIB, SECTOR, VIRTUAL_SIZE_MAX};
use crate::view::{Concat, Packed, UnitMap};
use crate::{ExportError, ReadAt, Target};

const TEXT: &[u8] = b"<<< Imprint disk image >>>\n";
/// From its own field (at 72) to the end of the second geometry.
const HEADER_BYTES: u32 = 400;
const MAP_AT: u64 = 512;
const HOLE: u32 = u32::MAX;
/// Written, and ignored by all: VirtualBox translates addresses itself.
const HEADS: u64 = 16;
const SECTORS: u64 = 63;
const CYLINDERS_MAX: u64 = 16_383;

/// A VDI of the disk, whose size is rounded up to whole sectors.
///
/// # Errors
/// [`ExportError::Impossible`] beyond 64 TiB, and what the disk answers.
pub(crate) fn view(disk: Arc<dyn ReadAt>) -> Result<Concat, ExportError> {
    let size = disk.size_bytes();
    if size > VIRTUAL_SIZE_MAX {
        return Err(ExportError::Impossible { target: Target::Vdi, why: "a disk may not exceed 64 TiB" });
    }
    let size = size.next_multiple_of(SECTOR);
    let map = Arc::new(UnitMap::scan(&*disk, MIB)?);
    let blocks_at = (MAP_AT + map.units() * 4).next_multiple_of(MIB);
    let mut file = Concat::new();
    file.push(header(size, &map, blocks_at));
    let places = Arc::clone(&map);
    file.push(Entries::new(map.units(), move |block| entry(&places, block).to_le_bytes()));
    file.pad_to(MIB);
    file.push(Packed::new(disk, map));
    Ok(file)
}

/// The number of the block of the file.
fn entry(map: &UnitMap, block: u64) -> u32 {
    if map.is_data(block) { narrow(map.rank(block)) } else { HOLE }
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).expect("64 TiB have 2^26 blocks, whose map is 2^28 bytes long")
}

fn header(size: u64, map: &UnitMap, blocks_at: u64) -> Vec<u8> {
    let cylinders = narrow((size / SECTOR / HEADS / SECTORS).min(CYLINDERS_MAX));
    let mut header = vec![0; 512];
    put(&mut header, 0, TEXT);
    let fields = [
        (64, SIGNATURE),
        (68, VERSION_1_1),
        (72, HEADER_BYTES),
        (76, TYPE_DYNAMIC),
        (340, narrow(MAP_AT)),
        (344, narrow(blocks_at)),
        (348, cylinders),
        (352, narrow(HEADS)),
        (356, narrow(SECTORS)),
        (360, narrow(SECTOR)),
        (376, narrow(MIB)),
        (384, narrow(map.units())),
        (388, narrow(map.data_units())),
    ];
    for (at, field) in fields {
        put(&mut header, at, &field.to_le_bytes());
    }
    put(&mut header, 368, &size.to_le_bytes());
    put(&mut header, 392, &identity("vdi image", size, map.fingerprint()));
    put(&mut header, 408, &identity("vdi state", size, map.fingerprint()));
    header
}
