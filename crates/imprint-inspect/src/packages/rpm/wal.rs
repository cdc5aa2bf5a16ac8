//! SQLite's write-ahead log: pages that were committed but not yet written back, as a disk taken from a running machine
//! has them beside `rpmdb.sqlite`.

use std::collections::HashMap;

use crate::budget::{Budget, Held};
use crate::error::Result;
use crate::fields::be32;
use crate::guest_file::Bytes;

/// The magic says whether checksums are over big-endian numbers (last bit) or little-endian ones.
const MAGIC: u32 = 0x377f_0682;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The most pages of a log that are looked at.
const FRAMES_MAX: u64 = 1 << 20;

/// What a frame's place takes in memory: until its commit, and after.
const FRAME_BYTES: u64 = 64;

/// A log, and where the newest committed form of each page in it is.
pub(super) struct Log<'a> {
    bytes: &'a dyn Bytes,
    page_bytes: usize,
    places: HashMap<u32, u64>,
    /// Pages of the database after the last commit.
    pages: u32,
    /// What the places are charged.
    held: Held<&'a Budget>,
}

impl<'a> Log<'a> {
    /// Reads a log up to its last commit; none when nothing in it counts. A log ends where a frame's salt or checksum is
    /// not the one expected: what follows is older, or was never finished.
    pub(super) fn open(bytes: &'a dyn Bytes, budget: &'a Budget) -> Result<Option<Log<'a>>> {
        let mut header = [0; HEADER_BYTES];
        if bytes.size_bytes() < HEADER_BYTES as u64 {
            return Ok(None);
        }
        bytes.read_at(0, &mut header)?;
        let page_bytes = be32(&header, 8)? as usize;
        if be32(&header, 0)? & !1 != MAGIC || !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
            return Ok(None);
        }
        let mut sum = Checksum { big_endian: be32(&header, 0)? & 1 == 1, state: (0, 0) };
        sum.add(&header[..24]);
        if sum.state != (be32(&header, 24)?, be32(&header, 28)?) {
            return Ok(None);
        }
        let mut log = Log { bytes, page_bytes, places: HashMap::new(), pages: 0, held: budget.hold(0)? };
        log.take_frames(&header[16..24], sum, budget)?;
        Ok((log.pages > 0).then_some(log))
    }

    fn take_frames(&mut self, salt: &[u8], mut sum: Checksum, budget: &Budget) -> Result<()> {
        let frame_bytes = FRAME_HEADER_BYTES + self.page_bytes;
        let count = ((self.bytes.size_bytes() - HEADER_BYTES as u64) / frame_bytes as u64).min(FRAMES_MAX);
        let mut frame = vec![0; frame_bytes];
        let mut uncommitted = Vec::new();
        for number in 0..count {
            budget.step()?;
            let start = HEADER_BYTES as u64 + number * frame_bytes as u64;
            self.bytes.read_at(start, &mut frame)?;
            let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
            sum.add(&head[..8]);
            sum.add(page);
            if &head[8..16] != salt || sum.state != (be32(head, 16)?, be32(head, 20)?) {
                break;
            }
            self.held.grow(FRAME_BYTES)?;
            uncommitted.push((be32(head, 0)?, start + FRAME_HEADER_BYTES as u64));
            let pages = be32(head, 4)?;
            if pages > 0 {
                self.pages = pages;
                self.places.extend(uncommitted.drain(..));
            }
        }
        Ok(())
    }

    /// Where the page is in the log, if it is there.
    pub(super) fn place_of(&self, page: u32) -> Option<u64> {
        self.places.get(&page).copied()
    }

    pub(super) fn bytes(&self) -> &'a dyn Bytes {
        self.bytes
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// How many pages the database has with the log: never more than both files hold.
    pub(super) fn pages_after(&self, in_file: u32) -> u32 {
        let in_log = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.pages.min(in_file.saturating_add(in_log))
    }
}

/// The running checksum of a log.
struct Checksum {
    big_endian: bool,
    state: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |four: &[u8]| -> u32 {
            let four = *four.first_chunk().expect("chunks of eight bytes");
            if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        let (mut a, mut b) = self.state;
        for eight in bytes.chunks_exact(8) {
            a = a.wrapping_add(word(&eight[..4])).wrapping_add(b);
            b = b.wrapping_add(word(&eight[4..])).wrapping_add(a);
        }
        self.state = (a, b);
    }
}
