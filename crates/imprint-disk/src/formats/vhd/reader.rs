//! The disk inside a VHD.

use std::io;
use std::sync::Arc;

use super::header::{self, Layout};
use crate::evidence::Evidence;
use crate::formats::blocks::disk::{BlockDisk, BlockMap, Place};
use crate::formats::blocks::table::Table;
use crate::formats::blocks::{Placed, outside};
use crate::limits::SECTOR;
use crate::open::accepted;
use crate::recent::Recent;
use crate::{Disk, Format, Info, OpenError, ReadAt, Run, corrupt, past_the_end};

const HOLE: u32 = u32::MAX;
/// At most 64 KiB each, for blocks of 256 MiB.
const BITMAPS_KEPT: usize = 32;

/// Opens a fixed or dynamic VHD.
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let evidence = Evidence::gather(&*file)?;
    let (findings, layout) = header::examine(&evidence.head, &evidence.tail, evidence.total);
    let findings = accepted(findings)?;
    let layout = layout.ok_or_else(|| corrupt("its structures are incomplete"))?;
    let (guest, mut info): (Arc<dyn ReadAt>, Info) = match layout {
        Layout::Fixed { size } => {
            let info = Info { variant: "fixed", ..Info::new(Format::Vhd, size) };
            (Arc::new(Front { file, size }), info)
        }
        Layout::Dynamic { size, table_offset, block_bytes } => {
            let info = Info { variant: "dynamic", unit_bytes: Some(block_bytes), ..Info::new(Format::Vhd, size) };
            let map = BlockTable::checked(&*file, &evidence, size, table_offset, block_bytes)?;
            (Arc::new(BlockDisk::new(file, size, block_bytes, map)), info)
        }
    };
    info.warnings = findings.warnings;
    Ok(Disk { guest, info })
}

/// Where the blocks of a dynamic VHD are; `None` for a fixed one.
pub(crate) fn places(file: &Arc<dyn ReadAt>) -> Result<Option<Placed>, OpenError> {
    let evidence = Evidence::gather(&**file)?;
    let (findings, layout) = header::examine(&evidence.head, &evidence.tail, evidence.total);
    accepted(findings)?;
    let Some(Layout::Dynamic { size, table_offset, block_bytes }) = layout else { return Ok(None) };
    let map = BlockTable::checked(&**file, &evidence, size, table_offset, block_bytes)?;
    let table_end = table_offset + size.div_ceil(block_bytes) * 4;
    let reserved = vec![(0, header::HEAD_BYTES as u64), (table_offset, table_end)];
    let mut placed = Placed::new(map.bitmap_bytes + block_bytes, reserved);
    map.table.for_each(&**file, |_, entry| match u32::from_be_bytes(entry) {
        HOLE => Ok(()),
        sector => placed.push(u64::from(sector) * SECTOR),
    })?;
    Ok(Some(placed))
}

/// The start of a file.
struct Front {
    file: Arc<dyn ReadAt>,
    size: u64,
}

impl ReadAt for Front {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let inside = offset.checked_add(buf.len() as u64).is_some_and(|end| end <= self.size);
        if inside { self.file.read_at(offset, buf) } else { Err(past_the_end()) }
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let left = self.size.checked_sub(offset).filter(|&left| left > 0).ok_or_else(past_the_end)?;
        let run = self.file.run_at(offset)?;
        Ok(Run { len: run.len.min(left), ..run })
    }
}

/// The block allocation table: for each block, the sector of its bitmap, which its data follows.
struct BlockTable {
    table: Table<4>,
    bitmap_bytes: u64,
    bitmaps: Recent<Arc<[u8]>>,
}

impl BlockTable {
    /// A table whose every entry is a hole or lies in the file, bitmap and all of the block that the disk covers.
    fn checked(
        file: &dyn ReadAt,
        evidence: &Evidence,
        size: u64,
        table_offset: u64,
        block_bytes: u64,
    ) -> Result<BlockTable, OpenError> {
        let bitmap_bytes = block_bytes.div_ceil(SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        let table = Table::new(table_offset, size.div_ceil(block_bytes));
        table.for_each(file, |block, entry| {
            let sector = u32::from_be_bytes(entry);
            if sector == HOLE {
                return Ok(());
            }
            let covered = (size - block * block_bytes).min(block_bytes);
            // 2^41 and two bounded numbers cannot overflow
            let end = u64::from(sector) * SECTOR + bitmap_bytes + covered;
            // behind the footer copy and the dynamic header
            let is_placed = u64::from(sector) * SECTOR >= header::HEAD_BYTES as u64;
            if is_placed && end <= evidence.total { Ok(()) } else { Err(outside("VHD block")) }
        })?;
        Ok(BlockTable { table, bitmap_bytes, bitmaps: Recent::new(BITMAPS_KEPT) })
    }

    fn bitmap(&self, file: &dyn ReadAt, block: u64) -> io::Result<Arc<[u8]>> {
        if let Some(bitmap) = self.bitmaps.get(block) {
            return Ok(bitmap);
        }
        let sector = u32::from_be_bytes(self.table.entry(file, block)?);
        let mut bitmap = vec![0; usize::try_from(self.bitmap_bytes).map_err(|_| past_the_end())?];
        file.read_at(u64::from(sector) * SECTOR, &mut bitmap)?;
        let bitmap: Arc<[u8]> = bitmap.into();
        self.bitmaps.put(block, Arc::clone(&bitmap));
        Ok(bitmap)
    }
}

impl BlockMap for BlockTable {
    fn place(&self, file: &dyn ReadAt, block: u64) -> io::Result<Place> {
        Ok(match u32::from_be_bytes(self.table.entry(file, block)?) {
            HOLE => Place::Hole,
            sector => Place::At(u64::from(sector) * SECTOR + self.bitmap_bytes),
        })
    }

    fn absent(&self, file: &dyn ReadAt, block: u64) -> io::Result<u64> {
        Ok(self.table.alike(file, block, |entry| u32::from_be_bytes(entry) == HOLE)?.1)
    }

    /// Sectors whose bit is clear are zeros, whatever stands at their place.
    fn stored(&self, file: &dyn ReadAt, block: u64, within: u64) -> io::Result<(bool, u64)> {
        let bitmap = self.bitmap(file, block)?;
        let sector = usize::try_from(within / SECTOR).map_err(|_| past_the_end())?;
        let is_set = is_set(&bitmap, sector);
        let sectors = same_bits(&bitmap, sector, is_set);
        Ok((is_set, sectors * SECTOR - within % SECTOR))
    }
}

/// The most significant bit comes first.
fn is_set(bitmap: &[u8], bit: usize) -> bool {
    bitmap.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
}

/// How many bits from `first` on are alike; `first` itself is.
fn same_bits(bitmap: &[u8], first: usize, are_set: bool) -> u64 {
    let whole = if are_set { 0xff } else { 0 };
    let mut bit = first;
    while bit < bitmap.len() * 8 {
        if bit.is_multiple_of(8) && bitmap[bit / 8] == whole {
            bit += 8;
        } else if is_set(bitmap, bit) == are_set {
            bit += 1;
        } else {
            break;
        }
    }
    (bit - first).max(1) as u64
}
