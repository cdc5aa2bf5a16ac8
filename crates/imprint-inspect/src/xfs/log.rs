//! Whether the log is empty: whether the last thing written into it says "unmounted".

use super::superblock::Superblock;
use crate::error::Result;
use crate::fields::{be32, byte};
use imprint_disk::ReadAt;

const SECTOR_BYTES: usize = 512;
const SECTOR: u64 = SECTOR_BYTES as u64;
const RECORD_MAGIC: u32 = 0xfeed_babe;
/// Bytes of a record that one sector of header describes.
const BYTES_PER_HEADER: u32 = 32 << 10;
/// A record has at most 256 KiB behind its headers.
const MAX_RECORD_SECTORS: u64 = 512 + 8 + 1;
const FLAG_UNMOUNT: u8 = 0x20;

/// Whether the file system was unmounted after the last change. A log elsewhere is taken for empty.
pub(super) fn is_clean(source: &dyn ReadAt, superblock: &Superblock) -> Result<bool> {
    let Some((start, bytes)) = superblock.log else { return Ok(true) };
    let log = Log { source, start, sectors: bytes / SECTOR };
    if log.round(0)? == 0 {
        return Ok(true);
    }
    let head = log.head()?;
    let Some((at, header)) = log.last_record_before(head)? else { return Ok(false) };
    let is_v2 = be32(&header, 8)? & 2 != 0;
    let headers = if is_v2 { be32(&header, 320)?.div_ceil(BYTES_PER_HEADER).max(1) } else { 1 };
    let body = be32(&header, 12)?;
    let operations = be32(&header, 40)?;
    let data = at + u64::from(headers);
    let end = data + u64::from(body).div_ceil(SECTOR);
    // Something behind the record, cut short, means that the machine stopped in the middle of a write.
    if operations != 1 || end % log.sectors != head % log.sectors {
        return Ok(false);
    }
    Ok(byte(&log.sector(data % log.sectors)?, 9)? & FLAG_UNMOUNT != 0)
}

struct Log<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    sectors: u64,
}

impl Log<'_> {
    fn sector(&self, index: u64) -> Result<[u8; SECTOR_BYTES]> {
        let mut sector = [0; SECTOR_BYTES];
        self.source.read_at(self.start + index * SECTOR, &mut sector)?;
        Ok(sector)
    }

    /// Each time round the log has a number, which every sector begins with.
    fn round(&self, index: u64) -> Result<u32> {
        let sector = self.sector(index)?;
        let first = be32(&sector, 0)?;
        if first == RECORD_MAGIC { be32(&sector, 4) } else { Ok(first) }
    }

    /// The first sector that is still of the round before: where the next record would go.
    fn head(&self) -> Result<u64> {
        let current = self.round(0)?;
        let (mut low, mut high) = (1, self.sectors);
        while low < high {
            let middle = low.midpoint(high);
            if self.round(middle)? == current {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn last_record_before(&self, head: u64) -> Result<Option<(u64, [u8; SECTOR_BYTES])>> {
        for back in 1..=MAX_RECORD_SECTORS.min(self.sectors) {
            let at = (head + self.sectors - back) % self.sectors;
            let sector = self.sector(at)?;
            if be32(&sector, 0)? == RECORD_MAGIC {
                return Ok(Some((at, sector)));
            }
        }
        Ok(None)
    }
}
