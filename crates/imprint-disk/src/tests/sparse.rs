//! Disks made here, for tests to write and read.

use std::io;

use proptest::prelude::*;

use crate::{ReadAt, Run, RunKind, past_the_end};

/// A disk of any size with data in few places; what lies between is a hole.
#[derive(Clone)]
pub(super) struct Sparse {
    pub(super) size: u64,
    /// In rising order, not overlapping, none empty.
    pub(super) data: Vec<(u64, Vec<u8>)>,
}

impl Sparse {
    pub(super) fn new(size: u64, data: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Sparse {
        Sparse { size, data: data.into_iter().collect() }
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap()];
        self.read_at(0, &mut bytes).unwrap();
        bytes
    }
}

/// Where the data is, and how it begins.
impl std::fmt::Debug for Sparse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let data = self.data.iter().map(|(at, bytes)| (at, bytes.len(), &bytes[..bytes.len().min(8)]));
        f.debug_struct("Sparse").field("size", &self.size).field("data", &data.collect::<Vec<_>>()).finish()
    }
}

impl ReadAt for Sparse {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        buf.fill(0);
        for (start, data) in &self.data {
            let (from, to) = (offset.max(*start), end.min(start + data.len() as u64));
            if from < to {
                let at = |place: u64, base: u64| usize::try_from(place - base).unwrap();
                buf[at(from, offset)..at(to, offset)].copy_from_slice(&data[at(from, *start)..at(to, *start)]);
            }
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        for (start, data) in &self.data {
            let end = start + data.len() as u64;
            if offset < *start {
                return Ok(Run { len: start - offset, kind: RunKind::Hole });
            }
            if offset < end {
                return Ok(Run { len: end - offset, kind: RunKind::Data });
            }
        }
        Ok(Run { len: self.size - offset, kind: RunKind::Hole })
    }
}

/// Bytes that no codec makes smaller.
pub(crate) fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Bytes as files have them: text, tables, noise, zeros.
pub(crate) fn mixed(len: usize, seed: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 40_000);
    let mut turn = seed;
    while bytes.len() < len {
        turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let piece = 500 + usize::try_from(turn >> 17).unwrap();
        match turn >> 8 & 3 {
            0 => bytes.extend(noise(piece, turn)),
            1 => bytes.extend(format!("line {turn} of a text that repeats\n").bytes().cycle().take(piece)),
            2 => bytes.extend((0..piece).flat_map(|n| u32::try_from(n / 7).unwrap().to_le_bytes()).take(piece)),
            _ => bytes.resize(bytes.len() + piece, 0),
        }
    }
    bytes.truncate(len);
    bytes
}

/// Disks of up to `max` bytes: any size, some data, some of it zeros that no map knows of.
pub(super) fn any_disk(max: u64) -> impl Strategy<Value = Sparse> {
    let run = (0..max, 1_usize..300_000, any::<u32>(), 0_u8..5);
    (1..max, prop::collection::vec(run, 0..6)).prop_map(|(size, mut runs)| {
        runs.sort_by_key(|run| run.0);
        let mut disk = Sparse::new(size, []);
        let mut free = 0;
        for (start, len, seed, kind) in runs {
            let start = start.max(free);
            let Some(room) = size.checked_sub(start).filter(|&room| room > 0) else { continue };
            let len = usize::try_from(room).unwrap().min(len);
            let data = if kind == 0 { vec![0; len] } else { mixed(len, seed) };
            free = start + len as u64;
            disk.data.push((start, data));
        }
        disk
    })
}
