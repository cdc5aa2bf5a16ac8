//! The disk inside a VHDX.

use std::io;
use std::sync::Arc;

use super::{Layout, complete, log};
use crate::evidence::Evidence;
use crate::formats::Findings;
use crate::formats::blocks::disk::{BlockDisk, BlockMap, Place};
use crate::formats::blocks::table::Table;
use crate::formats::blocks::{Placed, outside};
use crate::limits::MIB;
use crate::open::accepted;
use crate::{Disk, Format, Info, OpenError, ReadAt, Refusal, Warning, corrupt};

const NOT_PRESENT: u64 = 0;
const UNDEFINED: u64 = 1;
const ZERO: u64 = 2;
const UNMAPPED: u64 = 3;
const PRESENT: u64 = 6;

/// Opens a VHDX, dynamic or fixed. One that was not closed cleanly is read as if its log had been replayed; the file is
/// not touched.
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let Opened { file, was_replayed, findings, layout, map } = Opened::new(file)?;
    let mut info =
        Info { variant: "dynamic", unit_bytes: Some(layout.block_bytes), ..Info::new(Format::Vhdx, layout.size) };
    info.warnings = findings.warnings;
    if was_replayed {
        info.warnings.push(Warning::Dirty);
    }
    Ok(Disk { guest: Arc::new(BlockDisk::new(file, layout.size, layout.block_bytes, map)), info })
}

/// Where its blocks are, once the changes of its log are in place.
pub(crate) fn places(file: &Arc<dyn ReadAt>) -> Result<Option<Placed>, OpenError> {
    let Opened { file, layout, map, .. } = Opened::new(Arc::clone(file))?;
    let table_end = layout.table_at + map.entries * 8;
    let mut placed = Placed::new(layout.block_bytes, vec![(0, MIB), (layout.table_at, table_end)]);
    map.table.for_each(&*file, |index, entry| match parse(entry) {
        Some(Place::At(at)) if !map.is_bitmap(index) => placed.push(at),
        _ => Ok(()),
    })?;
    Ok(Some(placed))
}

/// A file whose records agree.
struct Opened {
    file: Arc<dyn ReadAt>,
    was_replayed: bool,
    findings: Findings,
    layout: Layout,
    map: BlockTable,
}

impl Opened {
    fn new(file: Arc<dyn ReadAt>) -> Result<Opened, OpenError> {
        let (file, was_replayed) = settled(file)?;
        let evidence = Evidence::gather(&*file)?;
        let mut findings = Findings::default();
        let layout = complete(&evidence, &mut findings)
            .and_then(|capture| capture.examine_tables(evidence.total, &mut findings));
        let findings = accepted(findings)?;
        let layout = layout.ok_or_else(|| corrupt("its structures are incomplete"))?;
        let map = BlockTable::checked(&*file, evidence.total, layout)?;
        Ok(Opened { file, was_replayed, findings, layout, map })
    }
}

/// The file with the changes of its log in place, and whether there were any.
fn settled(file: Arc<dyn ReadAt>) -> Result<(Arc<dyn ReadAt>, bool), OpenError> {
    let evidence = Evidence::gather(&*file)?;
    let mut findings = Findings::default();
    let header = complete(&evidence, &mut findings).and_then(|capture| capture.header(&mut findings));
    let Some(header) = header.filter(|_| findings.refusals.is_empty()) else {
        return Err(OpenError::Refused(findings.refusals));
    };
    if !header.has_log() {
        return Ok((file, false));
    }
    Ok((Arc::new(log::replay(&file, &header)?), true))
}

/// The block table: an entry for each block, and after each chunk of blocks one for a bitmap that only differencing
/// disks use.
struct BlockTable {
    table: Table<8>,
    entries: u64,
    blocks_per_bitmap: u64,
}

impl BlockTable {
    /// A table in which every block of the disk is nowhere or inside the file.
    fn checked(file: &dyn ReadAt, file_bytes: u64, layout: Layout) -> Result<BlockTable, OpenError> {
        let blocks = layout.size.div_ceil(layout.block_bytes);
        let entries = super::metadata::table_entries(blocks, layout.blocks_per_bitmap);
        let table = Table::new(layout.table_at, entries);
        let map = BlockTable { table, entries, blocks_per_bitmap: layout.blocks_per_bitmap };
        map.table.for_each(file, |index, entry| {
            if map.is_bitmap(index) {
                return Ok(());
            }
            let block = index - index / (map.blocks_per_bitmap + 1);
            match parse(entry) {
                None => {
                    let why = "an entry has a state that no whole disk has";
                    Err(OpenError::Refused(vec![Refusal::Inconsistent { field: "VHDX block table", why }]))
                }
                Some(Place::At(at)) => {
                    let covered = (layout.size - block * layout.block_bytes).min(layout.block_bytes);
                    let inside = at >= MIB && at.checked_add(covered).is_some_and(|end| end <= file_bytes);
                    if inside { Ok(()) } else { Err(outside("VHDX block")) }
                }
                Some(Place::Hole | Place::Zero) => Ok(()),
            }
        })?;
        Ok(map)
    }

    /// Whether the entry of that index is for a bitmap.
    fn is_bitmap(&self, index: u64) -> bool {
        index % (self.blocks_per_bitmap + 1) == self.blocks_per_bitmap
    }
}

/// What an entry says; `None` for states that only differencing disks have, and unknown ones.
fn parse(entry: [u8; 8]) -> Option<Place> {
    let entry = u64::from_le_bytes(entry);
    match entry & 7 {
        NOT_PRESENT | UNDEFINED => Some(Place::Hole),
        ZERO | UNMAPPED => Some(Place::Zero),
        // the upper 44 bits count MiB, which is to say that they are in place
        PRESENT => Some(Place::At(entry & !(MIB - 1))),
        _ => None,
    }
}

impl BlockMap for BlockTable {
    fn place(&self, file: &dyn ReadAt, block: u64) -> io::Result<Place> {
        let entry = self.table.entry(file, block + block / self.blocks_per_bitmap)?;
        parse(entry).ok_or_else(|| corrupt("a block has a state that no whole disk has"))
    }

    fn absent(&self, file: &dyn ReadAt, block: u64) -> io::Result<u64> {
        let (_, alike) = self.table.alike(file, block + block / self.blocks_per_bitmap, parse)?;
        // the entry for the bitmap comes next
        Ok(alike.min(self.blocks_per_bitmap - block % self.blocks_per_bitmap))
    }
}
