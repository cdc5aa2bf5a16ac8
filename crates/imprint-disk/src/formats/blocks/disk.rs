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

    /// Whether the bytes at `within` the block are stored at its place (else they are zeros), and for how many bytes
    /// (at least one) that holds.
    fn stored(&self, _file: &dyn ReadAt, _block: u64, _within: u64) -> io::Result<(bool, u64)> {
        Ok((true, u64::MAX))
    }
}

/// How many blocks of one kind are told as one run.
const BLOCKS_PER_RUN_MAX: u32 = 4096;

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

    /// What stands at `offset` (inside the disk): its kind, where to read it, and how long that holds within its block.
    fn piece(&self, offset: u64) -> io::Result<Piece> {
        let (block, within) = (offset / self.block_bytes, offset % self.block_bytes);
        let left = (self.block_bytes - within).min(self.size - offset);
        let at = match self.map.place(&*self.file, block)? {
            Place::Hole => return Ok(Piece { len: left, kind: RunKind::Hole, at: 0 }),
            Place::Zero => return Ok(Piece { len: left, kind: RunKind::Zero, at: 0 }),
            Place::At(at) => at,
        };
        let (is_stored, len) = self.map.stored(&*self.file, block, within)?;
        let kind = if is_stored { RunKind::Data } else { RunKind::Zero };
        let at = at.checked_add(within).ok_or_else(|| corrupt("a block lies outside the file"))?;
        Ok(Piece { len: left.min(len.max(1)), kind, at })
    }
}

struct Piece {
    len: u64,
    kind: RunKind,
    at: u64,
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
            if piece.kind.is_zero() {
                now.fill(0);
            } else {
                self.file.read_at(piece.at, now)?;
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
        let first = self.piece(offset)?;
        let mut len = first.len;
        for _ in 1..BLOCKS_PER_RUN_MAX {
            if offset + len >= self.size {
                break;
            }
            let next = self.piece(offset + len)?;
            if next.kind != first.kind {
                break;
            }
            len += next.len;
        }
        if first.kind.is_zero() {
            return Ok(Run { len, kind: first.kind });
        }
        // what the file itself knows to be zeros need not be read either
        let below = self.file.run_at(first.at)?;
        if below.kind.is_zero() {
            return Ok(Run { len: below.len.min(first.len), kind: RunKind::Zero });
        }
        Ok(Run { len, kind: RunKind::Data })
    }
}
