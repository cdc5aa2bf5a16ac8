//! A disk's data without its holes.

use std::io;
use std::sync::Arc;

use super::UnitMap;
use crate::{ReadAt, past_the_end};

/// The data units of a disk one after the other; a short last unit is filled up with zeros.
pub(crate) struct Packed {
    disk: Arc<dyn ReadAt>,
    map: Arc<UnitMap>,
}

impl Packed {
    /// The units of `disk` that `map`, which was scanned from it, calls data.
    pub(crate) fn new(disk: Arc<dyn ReadAt>, map: Arc<UnitMap>) -> Packed {
        Packed { disk, map }
    }
}

impl ReadAt for Packed {
    fn size_bytes(&self) -> u64 {
        self.map.data_units() * self.map.unit_bytes()
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size_bytes()).ok_or_else(past_the_end)?;
        let unit_bytes = self.map.unit_bytes();
        let mut rank = offset / unit_bytes;
        let mut within = offset % unit_bytes;
        while !buf.is_empty() {
            // units that follow one another on the disk are one reading
            let unit = self.map.select(rank);
            let wanted = (within + buf.len() as u64).div_ceil(unit_bytes);
            let units = self.map.run_len(unit, wanted);
            let len = usize::try_from(units * unit_bytes - within).map_or(buf.len(), |room| room.min(buf.len()));
            let (now, rest) = buf.split_at_mut(len);
            let at = unit * unit_bytes + within;
            let stored = usize::try_from(self.disk.size_bytes().saturating_sub(at)).map_or(len, |left| left.min(len));
            if stored > 0 {
                self.disk.read_at(at, &mut now[..stored])?;
            }
            now[stored..].fill(0);
            buf = rest;
            rank += units;
            within = 0;
        }
        Ok(())
    }
}
