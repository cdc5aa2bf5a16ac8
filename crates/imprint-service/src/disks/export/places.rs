//! A file whose every byte has its place, piece by piece: each is made when it is wanted, and whoever takes them slowly
//! keeps no thread and no other one's turn meanwhile.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use imprint_disk::Export;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::super::disk_error;
use super::super::stored::CallOff;
use crate::error::Error;

/// Length of a piece. Pieces begin at multiples of it.
const PIECE_BYTES: u64 = 1 << 20;
/// Pieces that are made ahead of whoever takes them.
const PIECES_AHEAD: usize = 2;
/// Length of a piece of a compressed file, where what lies across its ends is compressed for both pieces.
const PACKED_PIECE_BYTES: u64 = 2 << 20;
/// Such pieces that are made ahead at most.
const PACKED_PIECES_AHEAD_MAX: usize = 8;

/// Turns for compressing a piece: as many as there are processors, whoever asks.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(super::processors()));

/// The bytes of a range that lies in the file. Dropping the stream ends the work on it.
pub(super) fn by_place(
    export: Arc<Export>,
    call_off: Arc<CallOff>,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let is_packed = export.target().is_compressed();
    let (len, ahead) = if is_packed {
        (PACKED_PIECE_BYTES, super::processors().min(PACKED_PIECES_AHEAD_MAX))
    } else {
        (PIECE_BYTES, PIECES_AHEAD)
    };
    let make = move |piece: Range<u64>| {
        // a task of its own, which takes its turn and gives it back although nobody may ask for the piece for hours
        let made = tokio::spawn(one(Arc::clone(&export), piece, is_packed));
        // the stream's and not the task's: it says that somebody still wants the bytes
        let wanted = Arc::clone(&call_off);
        async move {
            let made = made.await.map_err(Error::internal)?;
            drop(wanted);
            made
        }
    };
    stream::iter(cut(range, len)).map(make).buffered(ahead).boxed()
}

/// A range, cut at the multiples of `len`.
fn cut(range: Range<u64>, len: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = (start / len + 1).saturating_mul(len).min(range.end);
        (start < range.end).then_some(start..at)
    })
}

async fn one(export: Arc<Export>, piece: Range<u64>, is_packed: bool) -> Result<Bytes, Error> {
    let turn = if is_packed { Some(TURNS.acquire().await.map_err(Error::internal)?) } else { None };
    let read = move || {
        let _turn = turn;
        let mut bytes = vec![0; usize::try_from(piece.end - piece.start).map_err(Error::internal)?];
        export.read_at(piece.start, &mut bytes).map_err(disk_error)?;
        Ok(Bytes::from(bytes))
    };
    spawn_blocking(read).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_range() {
        let cut = |range| cut(range, 10).collect::<Vec<_>>();
        assert_eq!(cut(3..31), [3..10, 10..20, 20..30, 30..31]);
        assert_eq!(cut(20..40), [20..30, 30..40]);
        assert_eq!(cut(5..5), []);
        assert_eq!(cut(u64::MAX - 1..u64::MAX).len(), 1);
    }
}
