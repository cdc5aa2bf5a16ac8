//! The log of a VHDX that was not closed cleanly, and the file as it would be with the log's changes in place.
//!
//! Nothing is written: changes are kept in memory as places (a page of zeros, a page of the log) and laid over the file
//! when it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::CHECKSUM_AT;
use super::header::Header;
use super::overlay::{Overlay, Patch};
use crate::crc32c::crc32c_with_hole;
use crate::fields::{array, fits, le32, le64};
use crate::limits::{MIB, VIRTUAL_SIZE_MAX};
use crate::{OpenError, ReadAt, Refusal};

const FIELD: &str = "VHDX log";
const SECTOR_BYTES: u64 = 4096;
/// Writers use 1 MiB; some let it be set.
const LOG_BYTES_MAX: u64 = 32 * MIB;
/// A log may be read as often as this while its entries are looked for: entries that claim to overlap cost time.
const READINGS_MAX: u64 = 8;
const CHANGES_MAX: usize = 1 << 18;
const ENTRY_HEADER_BYTES: usize = 64;
const DESCRIPTOR_BYTES: usize = 32;

/// The file with the changes of its log in place.
pub(super) fn replay(file: &Arc<dyn ReadAt>, header: &Header) -> Result<Overlay, OpenError> {
    let log = Log::new(&**file, header)?;
    let entries = log.active_sequence()?;
    let Some(head) = entries.last() else {
        return Err(refused("it holds no valid sequence of entries"));
    };
    if head.flushed_bytes > file.size_bytes() {
        return Err(OpenError::Refused(vec![Refusal::OutsideFile { field: FIELD }]));
    }
    if head.file_bytes > 2 * VIRTUAL_SIZE_MAX {
        return Err(refused("it makes the file larger than any disk"));
    }
    let mut overlay = Overlay::new(Arc::clone(file), head.file_bytes.max(file.size_bytes()));
    for entry in &entries {
        log.apply(entry, &mut overlay)?;
    }
    Ok(overlay)
}

fn refused(why: &'static str) -> OpenError {
    OpenError::Refused(vec![Refusal::Inconsistent { field: FIELD, why }])
}

/// A ring of sectors, in which entries follow one another.
struct Log<'a> {
    file: &'a dyn ReadAt,
    at: u64,
    sectors: u64,
    guid: [u8; 16],
}

/// A valid entry.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Its first sector in the ring.
    start: u64,
    sectors: u64,
    sequence: u64,
    /// The first sector of the oldest entry that was needed when this one was written.
    tail: u64,
    /// The file was at least this long then, with everything before the oldest entry in place.
    flushed_bytes: u64,
    /// The file is at least this long with this entry in place.
    file_bytes: u64,
}

impl<'a> Log<'a> {
    fn new(file: &'a dyn ReadAt, header: &Header) -> Result<Log<'a>, OpenError> {
        let bytes = u64::from(header.log_bytes);
        if bytes == 0 || bytes > LOG_BYTES_MAX {
            return Err(refused("it must be between 1 and 32 MiB long"));
        }
        if !fits(header.log_offset, bytes, 1, file.size_bytes()) {
            return Err(OpenError::Refused(vec![Refusal::OutsideFile { field: FIELD }]));
        }
        Ok(Log { file, at: header.log_offset, sectors: bytes / SECTOR_BYTES, guid: header.log_guid })
    }

    /// The entries to apply, oldest first: the sequence that ends in the newest entry of all, from the entry on that the
    /// newest one names as the oldest needed.
    fn active_sequence(&self) -> Result<Vec<Entry>, OpenError> {
        let entries = self.entries()?;
        let newest = |chain: &[Entry]| chain.last().map_or(0, |head| head.sequence);
        let mut best: Vec<Entry> = Vec::new();
        // a chain that begins within another one ends like it, and holds less
        let mut seen = BTreeSet::new();
        for &start in entries.keys() {
            if seen.contains(&start) {
                continue;
            }
            let chain = self.chain(&entries, start);
            seen.extend(chain.iter().map(|entry| entry.start));
            let oldest = chain.last().and_then(|head| chain.iter().position(|entry| entry.start == head.tail));
            if let Some(oldest) = oldest.filter(|_| newest(&chain) > newest(&best)) {
                best = chain[oldest..].to_vec();
            }
        }
        Ok(best)
    }

    /// The entries that follow one another from a sector on, each numbered one higher than the one before it.
    fn chain(&self, entries: &BTreeMap<u64, Entry>, start: u64) -> Vec<Entry> {
        let mut chain: Vec<Entry> = Vec::new();
        let (mut at, mut used) = (start, 0);
        while let Some(entry) = entries.get(&at) {
            used += entry.sectors;
            let follows = chain.last().is_none_or(|last| last.sequence.checked_add(1) == Some(entry.sequence));
            if !follows || used > self.sectors {
                break;
            }
            chain.push(*entry);
            at = (at + entry.sectors) % self.sectors;
        }
        chain
    }

    /// Every valid entry, by its first sector.
    fn entries(&self) -> Result<BTreeMap<u64, Entry>, OpenError> {
        let mut entries = BTreeMap::new();
        let mut readings = READINGS_MAX * self.sectors;
        for start in 0..self.sectors {
            let head = self.read(start, 1)?;
            let Some(sectors) = self.claimed_sectors(&head) else { continue };
            readings = readings.checked_sub(sectors).ok_or_else(|| refused("its entries overlap"))?;
            let bytes = self.read(start, sectors)?;
            if let Some(entry) = self.parse(start, &bytes) {
                entries.insert(start, entry);
            }
        }
        Ok(entries)
    }

    /// How many sectors the entry that begins here says it has, if it looks like one of this log.
    fn claimed_sectors(&self, head: &[u8]) -> Option<u64> {
        let bytes = u64::from(le32(head, 8)?);
        let is_entry = head.starts_with(b"loge")
            && array(head, 32)? == self.guid
            && bytes > 0
            && bytes.is_multiple_of(SECTOR_BYTES)
            && bytes <= self.sectors * SECTOR_BYTES;
        is_entry.then_some(bytes / SECTOR_BYTES)
    }

    /// Sectors of the ring from `start` on.
    fn read(&self, start: u64, sectors: u64) -> io::Result<Vec<u8>> {
        let before_wrap = sectors.min(self.sectors - start);
        let len = |sectors: u64| usize::try_from(sectors * SECTOR_BYTES).expect("a log is at most 32 MiB long");
        let mut bytes = vec![0; len(sectors)];
        let (front, wrapped) = bytes.split_at_mut(len(before_wrap));
        self.file.read_at(self.at + start * SECTOR_BYTES, front)?;
        if !wrapped.is_empty() {
            self.file.read_at(self.at, wrapped)?;
        }
        Ok(bytes)
    }

    /// The entry, if everything in it is as it must be.
    fn parse(&self, start: u64, bytes: &[u8]) -> Option<Entry> {
        let tail = u64::from(le32(bytes, 12)?);
        let entry = Entry {
            start,
            sectors: bytes.len() as u64 / SECTOR_BYTES,
            sequence: le64(bytes, 16)?,
            tail: tail / SECTOR_BYTES,
            flushed_bytes: le64(bytes, 48)?,
            file_bytes: le64(bytes, 56)?,
        };
        let is_placed = tail.is_multiple_of(SECTOR_BYTES) && entry.tail < self.sectors && entry.sequence > 0;
        let is_valid = is_placed && le32(bytes, 4)? == crc32c_with_hole(bytes, CHECKSUM_AT);
        is_valid.then_some(())?;
        self.changes(&entry, bytes).map(|_| entry)
    }

    /// What an entry changes: offset in the file, length, and by what. `None` when a descriptor or a data sector is not
    /// as it must be.
    fn changes(&self, entry: &Entry, bytes: &[u8]) -> Option<Vec<(u64, u64, Patch)>> {
        let count = usize::try_from(le32(bytes, 24)?).ok()?;
        let described = count.checked_mul(DESCRIPTOR_BYTES)?.checked_add(ENTRY_HEADER_BYTES)?;
        let descriptors = bytes.get(ENTRY_HEADER_BYTES..described)?;
        let mut sector = described.div_ceil(4096);
        let mut changes = Vec::with_capacity(count);
        for descriptor in descriptors.chunks_exact(DESCRIPTOR_BYTES) {
            let at = le64(descriptor, 16)?;
            let is_sound = le64(descriptor, 24)? == entry.sequence && at.is_multiple_of(SECTOR_BYTES);
            is_sound.then_some(())?;
            if descriptor.starts_with(b"desc") {
                let data = bytes.get(sector * 4096..(sector + 1) * 4096)?;
                let sequence = u64::from(le32(data, 4)?) << 32 | u64::from(le32(data, 4092)?);
                (data.starts_with(b"data") && sequence == entry.sequence).then_some(())?;
                let log_sector = (entry.start + sector as u64) % self.sectors;
                let patch = Patch::Page {
                    leading: array(descriptor, 8)?,
                    trailing: array(descriptor, 4)?,
                    stored_at: self.at + log_sector * SECTOR_BYTES,
                };
                at.checked_add(SECTOR_BYTES)?;
                changes.push((at, SECTOR_BYTES, patch));
                sector += 1;
            } else {
                let len = le64(descriptor, 8)?;
                let is_zero = descriptor.starts_with(b"zero") && len.is_multiple_of(SECTOR_BYTES);
                is_zero.then_some(())?;
                at.checked_add(len)?;
                changes.push((at, len, Patch::Zeros));
            }
        }
        Some(changes)
    }

    fn apply(&self, entry: &Entry, overlay: &mut Overlay) -> Result<(), OpenError> {
        let bytes = self.read(entry.start, entry.sectors)?;
        // it was valid a moment ago
        let changes = self.changes(entry, &bytes).ok_or_else(|| refused("an entry changed while it was read"))?;
        for (at, len, patch) in changes {
            overlay.put(at, len, patch);
            if overlay.patches() > CHANGES_MAX {
                return Err(refused("it holds more changes than any writer leaves"));
            }
        }
        Ok(())
    }
}
