//! Inputs as edits of a sound file: a few bytes of input reach any field of a large file, and the rest stays sound.
//!
//! An input is a selector (which file; whether checksums are put right afterwards), a byte for the target's own use, and
//! edits: page and place (16 bits each, of which four say what to do), then what the edit needs. Every input is edits.

use std::io;
use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::base::{Base, PAGE_BYTES, Page, read};

const EDITS_MAX: usize = 64;
/// A sound file with edits.
pub struct Edited {
    base: &'static Base,
    size: u64,
    changed: Vec<(u64, Box<Page>)>,
}

impl Edited {
    fn page(&self, number: u64) -> Option<&Page> {
        let changed = self.changed.iter().find(|(changed, _)| *changed == number);
        changed.map(|(_, page)| &**page).or_else(|| self.base.page(number))
    }

    /// Puts right the checksum in four bytes at `field` of a part of the file, where edits touched it.
    pub fn repair(&mut self, at: u64, len: usize, field: usize, sum: impl Fn(&[u8]) -> [u8; 4]) {
        let pages = at / PAGE_BYTES as u64..=(at + len as u64 - 1) / PAGE_BYTES as u64;
        let mut part = vec![0; len];
        if !self.changed.iter().any(|(number, _)| pages.contains(number)) || self.read_at(at, &mut part).is_err() {
            return;
        }
        part[field..field + 4].fill(0);
        for (index, byte) in sum(&part).into_iter().enumerate() {
            let place = at + (field + index) as u64;
            self.page_mut(place / PAGE_BYTES as u64)[(place % PAGE_BYTES as u64) as usize] = byte;
        }
    }

    fn page_mut(&mut self, number: u64) -> &mut Page {
        let index = self.changed.iter().position(|(changed, _)| *changed == number);
        let index = index.unwrap_or_else(|| {
            let page = self.base.page(number).map_or_else(|| Box::new([0; PAGE_BYTES]), |page| Box::new(*page));
            self.changed.push((number, page));
            self.changed.len() - 1
        });
        &mut self.changed[index].1
    }
}

impl ReadAt for Edited {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        read(self.size, offset, buf, |number| self.page(number))
    }
}

/// The edited file, and the byte that is the target's.
pub fn apply(bases: &[&'static Base], input: &[u8]) -> Option<(Arc<dyn ReadAt>, u8)> {
    let (&[selector, own], mut rest) = input.split_first_chunk()?;
    let base = *bases.get(usize::from(selector & 0x7f) % bases.len())?;
    let mut file = Edited { base, size: base.size(), changed: Vec::new() };
    for _ in 0..EDITS_MAX {
        let Some(left) = edit(&mut file, rest) else { break };
        rest = left;
    }
    if selector & 0x80 != 0 {
        (base.repair)(&mut file);
    }
    Some((Arc::new(file), own))
}

/// Makes one edit, and answers what is left of the input.
fn edit<'a>(file: &mut Edited, input: &'a [u8]) -> Option<&'a [u8]> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    let number = hot(file.base, [head[0], head[1]]);
    let place = u16::from_le_bytes([head[2], head[3]]);
    let (at, what) = (usize::from(place & 0xfff), place >> 12);
    match what {
        // Some bytes from elsewhere.
        8..=11 => {
            let (from, rest) = rest.split_first_chunk::<4>()?;
            let source = hot(file.base, [from[0], from[1]]);
            let from = usize::from(u16::from_le_bytes([from[2], from[3]]) & 0xfff);
            let len = [8, 32, 512, PAGE_BYTES][usize::from(what - 8)];
            let len = len.min(PAGE_BYTES - at).min(PAGE_BYTES - from);
            let part = file.page(source).map_or_else(|| vec![0; len], |page| page[from..from + len].to_vec());
            file.page_mut(number)[at..at + len].copy_from_slice(&part);
            Some(rest)
        }
        // The file ends here.
        12 => {
            file.size = file.size.min(number * PAGE_BYTES as u64 + at as u64);
            Some(rest)
        }
        // Or is longer.
        13 => {
            file.size = file.size.saturating_add((at as u64) << 12);
            Some(rest)
        }
        // All ones.
        14 => {
            let len = 8.min(PAGE_BYTES - at);
            file.page_mut(number)[at..at + len].fill(0xff);
            Some(rest)
        }
        // These bytes.
        _ => {
            let len = 1 << (what % 4);
            let value = rest.get(..len)?;
            let room = len.min(PAGE_BYTES - at);
            file.page_mut(number)[at..at + room].copy_from_slice(&value[..room]);
            Some(&rest[len..])
        }
    }
}

fn hot(base: &Base, index: [u8; 2]) -> u64 {
    base.hot[usize::from(u16::from_le_bytes(index)) % base.hot.len()]
}
