//! Records of a directory: short names, and the long ones put together from the records before them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::budget::{Budget, Held};
use crate::error::Result;
use crate::labels;

pub(super) const DIRECTORY: u8 = 0x10;
const VOLUME_LABEL: u8 = 0x08;
/// The attributes that only records of long names have together.
const LONG_NAME: u8 = 0x0f;
const DELETED: u8 = 0xe5;
/// Where the 13 UTF-16 units of a long name's record stand.
const UNITS_AT: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// How many records one long name may have: 255 units.
const PARTS_MAX: u8 = 20;

/// A long name being collected, which comes last part first.
#[derive(Default)]
struct LongName {
    parts: Vec<[u16; 13]>,
    next: u8,
    checksum: u8,
}

/// What a name takes in memory besides its text, which is there twice.
const LISTED_BYTES: u64 = 160;

/// A name that is shown, and the place of its record.
pub(super) struct Listed {
    pub(super) at: u64,
    pub(super) name: String,
}

/// The names of a directory; charged for as long as they are there.
pub(super) struct Listing {
    pub(super) names: Vec<Listed>,
    /// The label that the top directory has.
    pub(super) label: Option<String>,
    /// Long and short names without regard to case; of two alike the first counts.
    places: HashMap<String, u64>,
    long: LongName,
    held: Held<Arc<Budget>>,
}

impl Listing {
    pub(super) fn new(held: Held<Arc<Budget>>) -> Listing {
        Listing { names: Vec::new(), label: None, places: HashMap::new(), long: LongName::default(), held }
    }

    /// The next record, and its place.
    pub(super) fn add(&mut self, at: u64, record: &[u8; 32]) -> Result<()> {
        if record[0] == DELETED {
            self.long = LongName::default();
            return Ok(());
        }
        if record[11] & 0x3f == LONG_NAME {
            self.long.add(record);
            return Ok(());
        }
        let collected = std::mem::take(&mut self.long);
        if record[11] & (VOLUME_LABEL | DIRECTORY) == VOLUME_LABEL && self.label.is_none() {
            self.label = labels::padded(&record[..11]);
        }
        if record[11] & VOLUME_LABEL != 0 || record[0] == b'.' {
            return Ok(());
        }
        let (long, short) = (collected.finish(record), short_name(record));
        let text = short.len() + long.as_ref().map_or(0, String::len);
        self.held.grow(LISTED_BYTES + text as u64 * 3)?;
        for name in long.iter().chain([&short]) {
            self.places.entry(name.to_lowercase()).or_insert(at);
        }
        self.names.push(Listed { at, name: long.unwrap_or(short) });
        Ok(())
    }

    /// The place of a name's record.
    pub(super) fn find(&self, name: &str) -> Option<u64> {
        self.places.get(&name.to_lowercase()).copied()
    }
}

impl LongName {
    fn add(&mut self, record: &[u8; 32]) {
        let order = record[0] & 0x3f;
        let is_first = record[0] & 0x40 != 0;
        if is_first && (1..=PARTS_MAX).contains(&order) {
            *self = LongName { parts: Vec::new(), next: order, checksum: record[13] };
        }
        if order == 0 || order != self.next || record[13] != self.checksum {
            *self = LongName::default();
            return;
        }
        self.next -= 1;
        self.parts.push(UNITS_AT.map(|at| u16::from_le_bytes([record[at], record[at + 1]])));
    }

    /// The name, when all its parts were there and belong to this short name.
    fn finish(self, record: &[u8; 32]) -> Option<String> {
        let checksum = record[..11].iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        if self.parts.is_empty() || self.next != 0 || checksum != self.checksum {
            return None;
        }
        let units: Vec<u16> = self.parts.iter().rev().flatten().copied().take_while(|&unit| unit != 0).collect();
        Some(String::from_utf16_lossy(&units))
    }
}

fn short_name(record: &[u8; 32]) -> String {
    /// The record says which halves Windows shows in lower case.
    const LOWER_BASE: u8 = 0x08;
    const LOWER_EXTENSION: u8 = 0x10;
    let text = |raw: &[u8], lower: bool| {
        let text: String = raw.iter().map(|&byte| if byte < 0x80 { char::from(byte) } else { '\u{fffd}' }).collect();
        let text = text.trim_end().replace('\0', "");
        if lower { text.to_lowercase() } else { text }
    };
    let base = text(&record[..8], record[12] & LOWER_BASE != 0);
    let extension = text(&record[8..11], record[12] & LOWER_EXTENSION != 0);
    if extension.is_empty() { base } else { format!("{base}.{extension}") }
}
