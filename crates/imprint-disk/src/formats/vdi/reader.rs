//! The disk inside a VDI.

use std::io;
use std::sync::Arc;

use super::header::{self, TYPE_FIXED};
use crate::evidence::Evidence;
use crate::formats::blocks::disk::{BlockDisk, BlockMap, Place};
use crate::formats::blocks::table::Table;
use crate::limits::MIB;
use crate::open::accepted;
use crate::{Disk, Format, Info, OpenError, ReadAt, Refusal, corrupt};

const HOLE: u32 = u32::MAX;
/// Discarded: reads as zeros.
const ZERO: u32 = u32::MAX - 1;

/// Opens a dynamic or fixed VDI.
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let evidence = Evidence::gather(&*file)?;
    let (findings, header) = header::examine(&evidence.head, evidence.total);
    let findings = accepted(findings)?;
    let header = header.ok_or_else(|| corrupt("its header is incomplete"))?;
    let size = header.disk_bytes;
    let table = Table::new(header.map_offset.into(), size.div_ceil(MIB));
    table.for_each(&*file, |_, entry| {
        let entry = u32::from_le_bytes(entry);
        if matches!(entry, HOLE | ZERO) || entry < header.blocks_allocated {
            return Ok(());
        }
        let why = "an entry names a block that is not there";
        Err(OpenError::Refused(vec![Refusal::Inconsistent { field: "VDI block map", why }]))
    })?;
    let variant = if header.kind == TYPE_FIXED { "fixed" } else { "dynamic" };
    let info = Info { variant, unit_bytes: Some(MIB), warnings: findings.warnings, ..Info::new(Format::Vdi, size) };
    let map = Map { table, data_offset: header.data_offset.into() };
    Ok(Disk { guest: Arc::new(BlockDisk::new(file, size, MIB, map)), info })
}

/// For each block of the disk, the number of the block of the file.
struct Map {
    table: Table<4>,
    data_offset: u64,
}

impl BlockMap for Map {
    fn place(&self, file: &dyn ReadAt, block: u64) -> io::Result<Place> {
        Ok(match u32::from_le_bytes(self.table.entry(file, block)?) {
            HOLE => Place::Hole,
            ZERO => Place::Zero,
            entry => Place::At(self.data_offset + u64::from(entry) * MIB),
        })
    }

    fn absent(&self, file: &dyn ReadAt, block: u64) -> io::Result<u64> {
        Ok(self.table.alike(file, block, u32::from_le_bytes)?.1)
    }
}
