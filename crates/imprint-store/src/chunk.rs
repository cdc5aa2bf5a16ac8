//! Where content is cut: block-aligned content-defined chunks, and holes. Pure; the server and its client cut with
//! this same code, or they would not share a byte. Never stores and never looks anything up.
//!
//! Rules: a block is 4 KiB of the disk, counted from 0. A block of zeros is a hole and ends the chunk before it.
//! A chunk ends after a block whose CRC-32 has its low bits clear, once it has the least length; at the greatest
//! length; at the end of a 64 MiB window; at the end of the content. Only the last block may be short.

use imprint_model::ChunkId;

use crate::crc::append_block;
use crate::num::to_u32;

/// Length of a block: chunks and holes begin at its multiples.
pub const BLOCK_BYTES: usize = 4096;
/// Part of a disk that one map page covers; no chunk crosses its end.
pub const WINDOW_BYTES: u64 = 64 << 20;
/// Blocks in a window.
pub const WINDOW_BLOCKS: u32 = 16_384;

static ZERO_BLOCK: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// The name of a chunk: the BLAKE3-256 of its bytes.
pub fn name(bytes: &[u8]) -> ChunkId {
    ChunkId(*blake3::hash(bytes).as_bytes())
}

/// How long chunks get: mean, a quarter of it at least, four times it at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSize {
    mean: u32,
}

impl ChunkSize {
    /// The greatest chunk of any permitted setting, in bytes.
    pub const MAX_BYTES: u32 = 256 * 1024;

    /// Chunks of `mean_bytes`, which must be 16, 32 or 64 KiB.
    pub fn new(mean_bytes: u32) -> Option<Self> {
        [16_384, 32_768, 65_536].contains(&mean_bytes).then_some(Self { mean: mean_bytes })
    }

    /// The mean length in bytes.
    pub fn mean_bytes(self) -> u32 {
        self.mean
    }

    /// The greatest length in bytes.
    pub fn max_bytes(self) -> u32 {
        self.mean * 4
    }

    fn min_blocks(self) -> u32 {
        self.mean / 4 / to_u32(BLOCK_BYTES)
    }

    pub(crate) fn max_blocks(self) -> u32 {
        self.max_bytes() / to_u32(BLOCK_BYTES)
    }

    fn mask(self) -> u32 {
        self.mean / to_u32(BLOCK_BYTES) - 1
    }
}

/// What a [`Piece`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Zeros.
    Hole,
    /// A chunk, and the CRC-32 of its bytes.
    Data {
        /// CRC-32 (IEEE) of the chunk.
        crc32: u32,
    },
}

/// One chunk or hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins, in bytes from the beginning of the content; a multiple of the block.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
    /// Whether it is data.
    pub content: Content,
}

/// Cuts one stream of bytes. The caller keeps the bytes; see [`Cutter::feed`].
#[derive(Debug, Clone)]
pub struct Cutter {
    size: ChunkSize,
    /// Offset of the first byte that is in no piece yet.
    start: u64,
    /// Whole blocks from there already known to be data of one unfinished chunk, and their CRC.
    open_blocks: u32,
    open_crc: u32,
}

impl Cutter {
    /// A cutter at the beginning of some content.
    pub fn new(size: ChunkSize) -> Self {
        Self { size, start: 0, open_blocks: 0, open_crc: 0 }
    }

    /// A cutter at a place where a piece begins: after a hole, at the end of a chunk, or at the beginning of a window.
    pub fn at(size: ChunkSize, position: u64) -> Self {
        Self { start: position, ..Self::new(size) }
    }

    /// Offset of the first byte that is in no piece yet: the next piece begins here.
    pub fn position(&self) -> u64 {
        self.start
    }

    /// Cuts `data`, whose first byte is at [`position`](Self::position), and appends the finished pieces to `out`.
    /// Returns how many bytes they cover. The rest, at most one chunk and a part of a block, must lead the next
    /// call's `data`; it is not looked at again. With `last` nothing is left over, and nothing may follow.
    pub fn feed(&mut self, data: &[u8], last: bool, out: &mut Vec<Piece>) -> usize {
        let mut done = 0;
        let mut at = usize::try_from(self.open_blocks).unwrap_or(0) * BLOCK_BYTES;
        let mut hole = 0;
        while let Some(block) = next_block(data, at, last) {
            at += block.len();
            if is_zero(block) {
                done += self.close_chunk(at - block.len() - done, out);
                hole += block.len();
            } else {
                done += self.close_hole(&mut hole, out);
                if self.add_block(block) {
                    done += self.close_chunk(at - done, out);
                }
            }
            let pending = at - done;
            if (self.start + pending as u64).is_multiple_of(WINDOW_BYTES) {
                done += self.close_hole(&mut hole, out);
                done += self.close_chunk(at - done, out);
            }
        }
        done += self.close_hole(&mut hole, out);
        if last {
            done += self.close_chunk(at - done, out);
        }
        done
    }

    /// Passes over `blocks` blocks of zeros that the caller does not hold in memory. Only when no bytes are left
    /// over but those of whole blocks: `unfinished` gives how many, and a chunk of them ends here.
    pub fn skip(&mut self, unfinished: usize, blocks: u64, out: &mut Vec<Piece>) {
        self.close_chunk(unfinished, out);
        let end = self.start + blocks * BLOCK_BYTES as u64;
        while self.start < end {
            let window_end = (self.start / WINDOW_BYTES + 1) * WINDOW_BYTES;
            let len = u32::try_from(window_end.min(end) - self.start).unwrap_or(u32::MAX);
            out.push(Piece { offset: self.start, len, content: Content::Hole });
            self.start += u64::from(len);
        }
    }

    /// Takes one more block into the unfinished chunk; true when the chunk ends with it.
    fn add_block(&mut self, block: &[u8]) -> bool {
        let crc = crc32fast::hash(block);
        self.open_crc = match (self.open_blocks, block.len()) {
            (0, _) => crc,
            (_, BLOCK_BYTES) => append_block(self.open_crc, crc),
            // only the last block of all is short: the chunk's CRC goes on over its bytes
            _ => {
                let mut whole = crc32fast::Hasher::new_with_initial(self.open_crc);
                whole.update(block);
                whole.finalize()
            }
        };
        self.open_blocks += 1;
        let cut_here = crc & self.size.mask() == 0 && self.open_blocks >= self.size.min_blocks();
        cut_here || self.open_blocks >= self.size.max_blocks()
    }

    fn close_chunk(&mut self, len: usize, out: &mut Vec<Piece>) -> usize {
        if self.open_blocks == 0 {
            return 0;
        }
        out.push(Piece { offset: self.start, len: to_u32(len), content: Content::Data { crc32: self.open_crc } });
        self.open_blocks = 0;
        self.start += len as u64;
        len
    }

    fn close_hole(&mut self, hole: &mut usize, out: &mut Vec<Piece>) -> usize {
        let len = std::mem::take(hole);
        if len > 0 {
            out.push(Piece { offset: self.start, len: to_u32(len), content: Content::Hole });
            self.start += len as u64;
        }
        len
    }
}

fn next_block(data: &[u8], at: usize, last: bool) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    match rest.len() {
        0 => None,
        len if len >= BLOCK_BYTES => Some(&rest[..BLOCK_BYTES]),
        _ if last => Some(rest),
        _ => None,
    }
}

fn is_zero(block: &[u8]) -> bool {
    block[0] == 0 && block == &ZERO_BLOCK[..block.len()]
}

#[cfg(test)]
mod tests;
