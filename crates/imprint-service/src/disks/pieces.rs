//! A disk from front to back, in pieces of bounded length, read ahead of whoever takes them.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use imprint_disk::ReadAt;
use tokio::task::spawn_blocking;

use super::disk_error;
use crate::error::Error;

/// Length of a piece with bytes.
const PIECE_BYTES: u64 = 4 << 20;
/// Pieces that are read ahead.
const PIECES_AHEAD: usize = 2;

/// A part of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many zeros.
    Zeros(u64),
    /// These bytes.
    Bytes(Bytes),
}

/// The pieces of a range that lies on the disk.
pub(crate) fn pieces(disk: Arc<dyn ReadAt>, range: Range<u64>) -> impl Stream<Item = Result<Piece, Error>> + Send {
    let planned = Arc::clone(&disk);
    let plan = stream::try_unfold(range.start, move |from| {
        let disk = Arc::clone(&planned);
        async move {
            if from >= range.end {
                return Ok(None);
            }
            let (len, is_zero) = on_thread(move || next(&*disk, from..range.end)).await?;
            Ok::<_, Error>(Some(((from, len, is_zero), from + len)))
        }
    });
    plan.map(move |part| {
        let disk = Arc::clone(&disk);
        async move {
            let (from, len, is_zero) = part?;
            if is_zero {
                return Ok(Piece::Zeros(len));
            }
            on_thread(move || read(&*disk, from, len)).await.map(Piece::Bytes)
        }
    })
    .buffered(PIECES_AHEAD)
}

/// How long the next piece is, and whether it is all zeros. Short runs of zeros are read with their neighbours.
fn next(disk: &dyn ReadAt, range: Range<u64>) -> io::Result<(u64, bool)> {
    let whole = range.end - range.start;
    let run = disk.run_at(range.start)?;
    if run.kind.is_zero() {
        return Ok((run.len.min(whole), true));
    }
    let mut len = run.len.min(whole);
    while len < PIECE_BYTES.min(whole) {
        let run = disk.run_at(range.start + len)?;
        if run.kind.is_zero() {
            break;
        }
        len += run.len.min(whole - len);
    }
    Ok((len.min(PIECE_BYTES), false))
}

fn read(disk: &dyn ReadAt, from: u64, len: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| imprint_disk::past_the_end())?];
    disk.read_at(from, &mut bytes)?;
    Ok(bytes.into())
}

async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(Error::internal)?.map_err(disk_error)
}

#[cfg(test)]
mod tests {
    use imprint_disk::{Run, RunKind};

    use super::*;

    /// 5 MiB of ones, 3 MiB of nothing, one last one.
    struct Made;

    impl ReadAt for Made {
        fn size_bytes(&self) -> u64 {
            (8 << 20) + 1
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
            for (at, byte) in (offset..).zip(buf) {
                *byte = u8::from(!(5 << 20..8 << 20).contains(&at));
            }
            Ok(())
        }

        fn run_at(&self, offset: u64) -> io::Result<Run> {
            let (end, kind) = match offset {
                0..0x50_0000 => (5 << 20, RunKind::Data),
                0x50_0000..0x80_0000 => (8 << 20, RunKind::Hole),
                _ => ((8 << 20) + 1, RunKind::Data),
            };
            // told in small parts, as some formats do
            Ok(Run { len: (end - offset).min(1 << 20), kind })
        }
    }

    #[tokio::test]
    async fn pieces_make_up_the_range_and_holes_are_not_read() {
        for range in [0..(8 << 20) + 1, 1..2, (5 << 20) - 1..(8 << 20) + 1] {
            let found: Vec<Piece> =
                pieces(Arc::new(Made), range.clone()).map(|piece| piece.expect("read")).collect().await;
            let mut all = Vec::new();
            for piece in found {
                match piece {
                    Piece::Zeros(len) => all.resize(all.len() + usize::try_from(len).expect("short"), 0),
                    Piece::Bytes(bytes) => {
                        assert!(bytes.iter().all(|byte| *byte == 1) && bytes.len() as u64 <= PIECE_BYTES);
                        all.extend_from_slice(&bytes);
                    }
                }
            }
            let mut expected = vec![0; usize::try_from(range.end - range.start).expect("short")];
            Made.read_at(range.start, &mut expected).expect("read");
            assert!(all == expected, "{range:?}");
        }
    }
}
