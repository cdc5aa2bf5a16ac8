//! A stretch of the packed file, read forward in pieces.

use std::io;
use std::sync::Arc;

use crate::read_at::ReadAt;

const PIECE_BYTES: u64 = 64 * 1024;

/// Bytes from some place of the file to another, handed out as they are asked for.
pub(super) struct Source {
    file: Arc<dyn ReadAt>,
    /// Where the piece that is held begins in the file.
    at: u64,
    piece: Vec<u8>,
    used: usize,
    end: u64,
}

impl Source {
    /// The bytes from `start` to `end`, which lies inside the file.
    pub(super) fn new(file: Arc<dyn ReadAt>, start: u64, end: u64) -> Source {
        Source { file, at: start, piece: Vec::new(), used: 0, end }
    }

    /// Where in the file the next byte stands.
    pub(super) fn position(&self) -> u64 {
        self.at + self.used as u64
    }

    /// What is at hand, at least a byte of it unless the end is reached.
    pub(super) fn look(&mut self) -> io::Result<&[u8]> {
        if self.used == self.piece.len() {
            self.at += self.used as u64;
            self.used = 0;
            let len = PIECE_BYTES.min(self.end.saturating_sub(self.at));
            self.piece.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
            self.file.read_at(self.at, &mut self.piece)?;
        }
        Ok(&self.piece[self.used..])
    }

    /// The first `count` bytes of what was at hand are done with.
    pub(super) fn used(&mut self, count: usize) {
        self.used = (self.used + count).min(self.piece.len());
    }
}
