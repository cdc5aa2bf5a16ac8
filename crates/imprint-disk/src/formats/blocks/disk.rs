//! The disk inside a file of blocks.

use std::io;
use std::sync::Arc;

use crate::{ReadAt, Run, RunKind, corrupt, past_the_end};

/// Where a block of the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it was never written.
    Hole,
    /// Nowhere: the table says that it holds zeros.
    Zero,
    /// Its bytes begin here in the file.
    At(u64),
}

/// What a format's table says.
pub(crate) trait BlockMap: Send + Sync {
    /// Where the block is. Places lie inside the file: the part of the block that belongs to the disk can be read.
    fn place(&self, file: &dyn ReadAt, block: u64) -> io::Result<Place>;

    /// For a block that is nowhere: how many blocks from it on (itself at least) are nowhere in the same way.
    fn absent(&self, file: &dyn ReadAt, block: u64) -> io::Result<u64>;

    /// Whether the bytes at `within` the block are stored at its place (else they are zeros), and for how many bytes
    /// (at least one) that holds.
    fn stored(&self, _file: &dyn ReadAt, _block: u64, _within: u64) -> io::Result<(bool, u64)> {
        Ok((true, u64::MAX))
    }
}

/// How often a run of absent blocks is looked further into: each time is a page of the table.
const LOOKS_PER_RUN_MAX: u32 = 64;

/// The disk that the table describes.
pub(crate) struct BlockDisk<M> {
    file: Arc<dyn ReadAt>,
    size: u64,
    block_bytes: u64,
    map: M,
}

impl<M: BlockMap> BlockDisk<M> {
    /// `size` is the disk's; the map knows each of its blocks.
    pub(crate) fn new(file: Arc<dyn ReadAt>, size: u64, block_bytes: u64, map: M) -> BlockDisk<M> {
        BlockDisk { file, size, block_bytes, map }
    }

    /// What stands at `offset` (inside the disk), as far as its block goes.
    fn piece(&self, offset: u64) -> io::Result<Piece> {
        let (block, within) = (offset / self.block_bytes, offset % self.block_bytes);
        let left = (self.block_bytes - within).min(self.size - offset);
        let at = match self.map.place(&*self.file, block)? {
            Place::Hole => return Ok(Piece { len: left, bytes: Bytes::Absent(RunKind::Hole) }),
            Place::Zero => return Ok(Piece { len: left, bytes: Bytes::Absent(RunKind::Zero) }),
            Place::At(at) => at,
        };
        let (is_stored, len) = self.map.stored(&*self.file, block, within)?;
        let at = at.checked_add(within).ok_or_else(|| corrupt("a block lies outside the file"))?;
        let bytes = if is_stored { Bytes::At(at) } else { Bytes::Zeros };
        Ok(Piece { len: left.min(len.max(1)), bytes })
    }

    /// Where the blocks that are absent from `offset` on end, more or less: never in the middle of one.
    fn end_of_absence(&self, offset: u64) -> io::Result<u64> {
        let mut block = offset / self.block_bytes;
        let end = self.size.div_ceil(self.block_bytes);
        let kind = self.map.place(&*self.file, block)?;
        for _ in 0..LOOKS_PER_RUN_MAX {
            block += self.map.absent(&*self.file, block)?.max(1);
            if block >= end || self.map.place(&*self.file, block)? != kind {
                break;
            }
        }
        Ok(block.saturating_mul(self.block_bytes).min(self.size))
    }
}

/// A stretch of the disk within a block.
struct Piece {
    len: u64,
    bytes: Bytes,
}

enum Bytes {
    /// Its block is nowhere.
    Absent(RunKind),
    /// Its block is somewhere, and yet this part of it is said to be zeros.
    Zeros,
    /// Here in the file.
    At(u64),
}

impl<M: BlockMap> ReadAt for BlockDisk<M> {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        let (mut at, mut rest) = (offset, buf);
        while at < end {
            let piece = self.piece(at)?;
            let len = usize::try_from(piece.len).map_or(rest.len(), |len| len.min(rest.len()));
            let (now, later) = rest.split_at_mut(len);
            match piece.bytes {
                Bytes::At(at) => self.file.read_at(at, now)?,
                Bytes::Absent(_) | Bytes::Zeros => now.fill(0),
            }
            at += len as u64;
            rest = later;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        if offset >= self.size {
            return Err(past_the_end());
        }
        let piece = self.piece(offset)?;
        Ok(match piece.bytes {
            Bytes::Absent(kind) => Run { len: self.end_of_absence(offset)? - offset, kind },
            Bytes::Zeros => Run { len: piece.len, kind: RunKind::Zero },
            Bytes::At(at) => {
                // what the file itself knows to be zeros need not be read either
                let below = self.file.run_at(at)?;
                let kind = if below.kind.is_zero() { RunKind::Zero } else { RunKind::Data };
                Run { len: below.len.min(piece.len), kind }
            }
        })
    }
}
