//! The pieces of a file to their places, each read and written by one thread while it is in that thread's cache.

use std::io;

use crate::encode::in_order;
use crate::{ReadAt, corrupt};

/// At a time: little enough for a core's own cache.
const PIECE_BYTES: u64 = 256 * 1024;

/// Hands everything but holes to `sink`.
pub(super) fn write(
    file: &dyn ReadAt,
    threads: usize,
    sink: &(dyn Fn(u64, &[u8]) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let jobs = Pieces { file, at: 0, data_end: 0 };
    let work = |buf: &mut Vec<u8>, piece: io::Result<Piece>| {
        let Piece { start, len } = piece?;
        buf.resize(len, 0);
        file.read_at(start, buf)?;
        sink(start, buf)
    };
    in_order(threads, jobs, || Ok(Vec::new()), work, Ok)
}

struct Piece {
    start: u64,
    len: usize,
}

/// What is not zeros, in pieces, in order.
struct Pieces<'a> {
    file: &'a dyn ReadAt,
    at: u64,
    /// Up to where it is known to be data.
    data_end: u64,
}

impl Pieces<'_> {
    /// Goes on to the next data; whether there is any.
    fn seek(&mut self) -> io::Result<bool> {
        let size = self.file.size_bytes();
        while self.at < size {
            if self.at < self.data_end {
                return Ok(true);
            }
            let run = self.file.run_at(self.at)?;
            if run.len == 0 || run.len > size - self.at {
                return Err(corrupt("a run that is empty or passes the end"));
            }
            let end = self.at + run.len;
            if run.kind.is_zero() {
                self.at = end;
            } else {
                self.data_end = end;
            }
        }
        Ok(false)
    }
}

impl Iterator for Pieces<'_> {
    type Item = io::Result<Piece>;

    fn next(&mut self) -> Option<io::Result<Piece>> {
        match self.seek() {
            Ok(false) => None,
            Ok(true) => {
                let start = self.at;
                // whole pieces from there on: what is written begins where file systems like it
                let next = (start + 1).next_multiple_of(PIECE_BYTES);
                self.at = self.data_end.min(next);
                let len = usize::try_from(self.at - start).expect("a piece fits into memory");
                Some(Ok(Piece { start, len }))
            }
            Err(error) => {
                // nothing behind it
                self.at = self.file.size_bytes();
                Some(Err(error))
            }
        }
    }
}
