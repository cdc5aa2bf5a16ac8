//! The bytes that are uploaded. Lives here: a deterministic mixture that no two
//! measurements share. Never: sending them.

use super::mix;

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;
pub(super) const GIB: usize = 1 << 30;

/// Every block of this many bytes that is not zero is made unique to a measurement.
const BLOCK: usize = 4 * KIB;
const TURN: usize = 4 * MIB;
const BLOCKS_IN_TURN: u64 = (TURN / BLOCK) as u64;
/// A sparse disk's window: some data at its start, the rest zero.
const SPARSE_WINDOW: usize = 64 * MIB;
const SPARSE_DATA: usize = 4 * MIB;

static ZEROS: [u8; MIB] = [0; MIB];

const WORDS: [&str; 16] = [
    "mounted", "unit", "started", "kernel:", "usb", "eth0", "link", "is", "up", "root", "session", "opened", "for",
    "user", "failed", "timeout",
];

/// Content in memory: half noise, a quarter zero, a quarter like a log, in turns of 4 MiB.
pub(super) struct Content {
    bytes: Vec<u8>,
}

impl Content {
    /// `size` bytes, a multiple of 4 MiB.
    pub(super) fn new(size: usize) -> Self {
        assert!(size.is_multiple_of(TURN), "content comes in turns of 4 MiB");
        let mut bytes = vec![0; size];
        for (turn, part) in (0..).zip(bytes.chunks_exact_mut(TURN)) {
            let (noise, rest) = part.split_at_mut(2 * MIB);
            for (at, word) in (0..).zip(noise.chunks_exact_mut(8)) {
                word.copy_from_slice(&mix(turn << 32 | at).to_le_bytes());
            }
            write_log(&mut rest[MIB..], turn);
        }
        Self { bytes }
    }

    /// Makes every block differ from what was sent under any other stamp, so that a
    /// server that stores equal bytes once gains nothing from the measurement before.
    pub(super) fn stamp(&mut self, stamp: u64) {
        for (number, block) in (0..).zip(self.bytes.chunks_exact_mut(BLOCK)) {
            let zero = number % BLOCKS_IN_TURN / (BLOCKS_IN_TURN / 4) == 2;
            if !zero {
                block[..8].copy_from_slice(&mix(mix(stamp) ^ number).to_le_bytes());
            }
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One of `parts` equal parts of the content, as a dense disk.
    pub(super) fn part(&self, number: usize, parts: usize) -> Disk<'_> {
        let size = self.bytes.len() / parts;
        let bytes = &self.bytes[number * size..(number + 1) * size];
        Disk { size, pieces: bytes.chunks(MIB).collect() }
    }

    /// A disk of `size` bytes of which one sixteenth is data, none of it zero, in many places.
    pub(super) fn sparse(&self, size: usize) -> Disk<'_> {
        let full: Vec<&[u8]> =
            self.bytes.chunks(MIB).enumerate().filter(|(at, _)| at % 4 != 2).map(|(_, piece)| piece).collect();
        let mut pieces = Vec::with_capacity(size / MIB);
        for data in full.chunks_exact(SPARSE_DATA / MIB).take(size / SPARSE_WINDOW) {
            pieces.extend(data);
            pieces.extend([ZEROS.as_slice(); (SPARSE_WINDOW - SPARSE_DATA) / MIB]);
        }
        assert_eq!(pieces.len() * MIB, size, "a sparse disk needs a twelfth of its size as content");
        Disk { size, pieces }
    }
}

/// What one upload sends, in order.
pub(super) struct Disk<'a> {
    pub(super) size: usize,
    pub(super) pieces: Vec<&'a [u8]>,
}

fn write_log(out: &mut [u8], turn: u64) {
    let mut at = 0;
    let mut state = mix(turn ^ 0x6c6f67);
    while at < out.len() {
        state = mix(state);
        let line = format!(
            "{:010} {} {} {} {} {}\n",
            state >> 40,
            WORDS[(state & 15) as usize],
            WORDS[(state >> 4 & 15) as usize],
            WORDS[(state >> 8 & 15) as usize],
            WORDS[(state >> 12 & 15) as usize],
            state >> 16 & 0xfff
        );
        let take = line.len().min(out.len() - at);
        out[at..at + take].copy_from_slice(&line.as_bytes()[..take]);
        at += take;
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Content, MIB};

    #[test]
    fn stamps_change_every_block_but_the_zero_ones() {
        let mut content = Content::new(4 * MIB);
        content.stamp(1);
        let first = content.bytes.clone();
        content.stamp(2);
        let zero = [0; BLOCK];
        let mut zeros = 0;
        for (a, b) in first.chunks_exact(BLOCK).zip(content.bytes.chunks_exact(BLOCK)) {
            assert_eq!(a == b, a == zero);
            zeros += usize::from(a == zero);
        }
        assert_eq!(zeros * BLOCK, MIB);
    }

    #[test]
    fn a_sparse_disk_holds_a_sixteenth() {
        let content = Content::new(12 * MIB);
        let disk = content.sparse(128 * MIB);
        let zero = |piece: &&&[u8]| piece.iter().all(|byte| *byte == 0);
        assert_eq!(disk.pieces.iter().map(|piece| piece.len()).sum::<usize>(), disk.size);
        assert_eq!(disk.pieces.iter().filter(zero).count(), 120);
    }
}
