//! The disk inside a VDI.

use std::io;
use std::sync::Arc;

use super::header::{self, Header, TYPE_FIXED};
use crate::evidence::Evidence;
use crate::formats::Findings;
use crate::formats::blocks::Placed;
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
    let (findings, header, map) = checked(&*file)?;
    let size = header.disk_bytes;
    let variant = if header.kind == TYPE_FIXED { "fixed" } else { "dynamic" };
    let info = Info { variant, unit_bytes: Some(MIB), warnings: findings.warnings, ..Info::new(Format::Vdi, size) };
    Ok(Disk { guest: Arc::new(BlockDisk::new(file, size, MIB, map)), info })
}

/// Where its blocks are.
pub(crate) fn places(file: &Arc<dyn ReadAt>) -> Result<Option<Placed>, OpenError> {
    let (_, header, map) = checked(&**file)?;
    let mut placed = Placed::new(MIB, vec![(0, header.data_offset.into())]);
    map.table.for_each(&**file, |_, entry| match map.parse(entry) {
        Place::At(at) => placed.push(at),
        Place::Hole | Place::Zero => Ok(()),
    })?;
    Ok(Some(placed))
}

/// Header and map, when nothing speaks against them.
fn checked(file: &dyn ReadAt) -> Result<(Findings, Header, Map), OpenError> {
    let evidence = Evidence::gather(file)?;
    let (findings, header) = header::examine(&evidence.head, evidence.total);
    let findings = accepted(findings)?;
    let header = header.ok_or_else(|| corrupt("its header is incomplete"))?;
    let table = Table::new(header.map_offset.into(), header.disk_bytes.div_ceil(MIB));
    table.for_each(file, |_, entry| {
        let entry = u32::from_le_bytes(entry);
        if matches!(entry, HOLE | ZERO) || entry < header.blocks_allocated {
            return Ok(());
        }
        let why = "an entry names a block that is not there";
        Err(OpenError::Refused(vec![Refusal::Inconsistent { field: "VDI block map", why }]))
    })?;
    let map = Map { table, data_offset: header.data_offset.into() };
    Ok((findings, header, map))
}

/// For each block of the disk, the number of the block of the file.
struct Map {
    table: Table<4>,
    data_offset: u64,
}

impl Map {
    fn parse(&self, entry: [u8; 4]) -> Place {
        match u32::from_le_bytes(entry) {
            HOLE => Place::Hole,
            ZERO => Place::Zero,
            entry => Place::At(self.data_offset + u64::from(entry) * MIB),
        }
    }
}

impl BlockMap for Map {
    fn place(&self, file: &dyn ReadAt, block: u64) -> io::Result<Place> {
        Ok(self.parse(self.table.entry(file, block)?))
    }

    fn absent(&self, file: &dyn ReadAt, block: u64) -> io::Result<u64> {
        Ok(self.table.alike(file, block, u32::from_le_bytes)?.1)
    }
}
