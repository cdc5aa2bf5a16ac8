//! The grain tables behind the grains of a stream-optimised file, made as they are read: of a large disk they are
//! gigabytes.

use std::io;
use std::sync::Arc;

use super::writer::table_marker;
use crate::encode::Layout;
use crate::limits::SECTOR;
use crate::read_at::{ReadAt, past_the_end};

/// Grains that one table covers.
pub(super) const TABLE_ENTRIES: u32 = 512;
const TABLE_SECTORS: u64 = TABLE_ENTRIES as u64 * 4 / SECTOR;
/// A table with its marker.
const MARKED_BYTES: u64 = (1 + TABLE_SECTORS) * SECTOR;

/// All tables with at least one grain, in order, each behind its marker.
pub(super) struct Tables {
    layout: Arc<Layout>,
    /// The numbers of those tables.
    present: Vec<u64>,
    /// How many there would be if none were left out.
    count: u64,
}

impl Tables {
    pub(super) fn new(layout: Arc<Layout>, grains: u64) -> Tables {
        let mut present: Vec<u64> = Vec::new();
        for piece in layout.pieces() {
            let table = piece.place.unit / u64::from(TABLE_ENTRIES);
            // kept once while they are found: there may be a grain in each of many millions of places
            if present.last() != Some(&table) {
                present.push(table);
            }
        }
        Tables { layout, present, count: grains.div_ceil(TABLE_ENTRIES.into()) }
    }

    /// The directory, for tables that stand at byte `base` of the file: the sector of each, 0 for those left out.
    pub(super) fn directory(&self, base: u64) -> Vec<u8> {
        let mut directory = vec![0; usize::try_from(self.count * 4).expect("a directory fits into memory")];
        for (place, &number) in (0_u64..).zip(&self.present) {
            let sector = (base + place * MARKED_BYTES) / SECTOR + 1;
            let at = usize::try_from(number * 4).expect("a directory fits into memory");
            let sector = u32::try_from(sector).expect("the file's length has been checked");
            directory[at..at + 4].copy_from_slice(&sector.to_le_bytes());
        }
        directory
    }

    /// The table of that place among those present, with its marker.
    fn marked(&self, place: usize) -> io::Result<Vec<u8>> {
        let number = *self.present.get(place).ok_or_else(past_the_end)?;
        let first = number * u64::from(TABLE_ENTRIES);
        let mut bytes = table_marker(TABLE_SECTORS);
        let start = bytes.len();
        bytes.resize(start + TABLE_ENTRIES as usize * 4, 0);
        let grains = self.layout.pieces_from_unit(first);
        for piece in grains.take_while(|piece| piece.place.unit < first + u64::from(TABLE_ENTRIES)) {
            let at = start + usize::try_from(piece.place.unit - first).map_err(io::Error::other)? * 4;
            let sector = u32::try_from(piece.place.offset / SECTOR).map_err(io::Error::other)?;
            bytes[at..at + 4].copy_from_slice(&sector.to_le_bytes());
        }
        Ok(bytes)
    }
}

impl ReadAt for Tables {
    fn size_bytes(&self) -> u64 {
        self.present.len() as u64 * MARKED_BYTES
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size_bytes());
        end.ok_or_else(past_the_end)?;
        let (mut offset, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let table = self.marked(usize::try_from(offset / MARKED_BYTES).map_err(io::Error::other)?)?;
            let within = usize::try_from(offset % MARKED_BYTES).map_err(io::Error::other)?;
            let len = rest.len().min(table.len() - within);
            let (piece, later) = rest.split_at_mut(len);
            piece.copy_from_slice(&table[within..within + len]);
            (offset, rest) = (offset + len as u64, later);
        }
        Ok(())
    }
}
