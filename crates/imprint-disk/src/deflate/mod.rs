//! Deflate (RFC 1951) for units of a disk: a unit goes in as a whole and comes out as one finished stream, which depends
//! on nothing but the unit.
//!
//! Why not the library's encoder: at the level whose output is about as small as QEMU's it is half as fast, since it
//! must take streams of any length in any pieces. It still makes the parts of streams in which all units are one
//! (`part`). What the library's decoder makes of the output is tested. Never here:
//! decoding, headers and checksums.

mod bits;
mod block;
mod huffman;
mod matches;
mod part;

use bits::Bits;
use block::Block;
use matches::Finder;
pub(crate) use part::{DeflatePart, PART_LEVEL};

/// Changes whenever the output for some input changes; part of what names a way of compressing.
pub(crate) const VERSION: u32 = 3;
/// The library that the other formats deflate with, and its version: part of what names their way of compressing, since
/// another version may give other bytes. A test compares it with what is built.
pub(crate) const LIBRARY: &str = "zlib-rs 0.6.8";
/// Input per block: each block has codes of its own, made for what stands there. Twice as much was measured to give half
/// a hundredth more.
const BLOCK_BYTES: usize = 16 * 1024;

/// More than a block can take beyond its data.
const BLOCK_ROOM: usize = 16;

/// For a small window, in which few groups of bytes stand at more than two places.
pub(crate) type ForSmallWindow = Deflate<2>;
/// For a large window, where two places would give a hundredth more output.
pub(crate) type ForLargeWindow = Deflate<4>;

/// Compresses one unit after the other. Of bytes that came up before, the last `WAYS` places are looked at.
pub(crate) struct Deflate<const WAYS: usize> {
    finder: Finder<WAYS>,
    block: Block,
}

impl<const WAYS: usize> Deflate<WAYS> {
    /// An encoder whose output refers back at most `1 << window_bits` bytes; from 8 to 15.
    pub(crate) fn new(window_bits: u32) -> Self {
        Deflate { finder: Finder::new(window_bits), block: Block::new() }
    }

    /// Appends `data` to `out` as a whole stream. What cannot be made smaller grows by less than a thousandth and 16
    /// bytes.
    pub(crate) fn compress(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.finder.reset();
        // no block takes more than its data as it is, with a head and an end on a whole byte
        let blocks = data.len() / BLOCK_BYTES + 1;
        let mut bits = Bits::new(out, data.len() + blocks * BLOCK_ROOM);
        let mut start = 0;
        loop {
            let end = self.cut(data, start);
            let is_last = end == data.len();
            self.block.write(&data[start..end], is_last, &mut bits);
            start = end;
            if is_last {
                break;
            }
        }
        bits.finish();
    }

    /// Cuts the block that begins at `start` into literals and matches; returns where it ends.
    fn cut(&mut self, data: &[u8], start: usize) -> usize {
        let limit = data.len().min(start + BLOCK_BYTES);
        self.block.clear();
        let mut from = start;
        while let Some((at, found)) = self.finder.next(data, from, limit) {
            self.block.push(&data[from..at], found);
            from = at + usize::from(found.length);
        }
        // the last match may pass the limit
        let end = limit.max(from);
        self.block.push_literals(&data[from..end]);
        end
    }
}

#[cfg(test)]
mod tests;
