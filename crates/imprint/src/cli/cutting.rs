//! A disk cut into the chunks the service stores, named and proven, on a thread of its own. Holds a few MiB of the
//! disk at a time, whatever its size.

use std::fs::File;
use std::os::unix::fs::FileExt;

use bytes::{Bytes, BytesMut};
use imprint_model::ChunkId;
use imprint_service::{ProvenChunk, prove_possession};
use imprint_store::MapReader;
use imprint_store::chunk::{self, ChunkSize, Content, Cutter, Piece};
use tokio::sync::mpsc;

use crate::failure::Failure;

/// Bytes that are read at once.
const READ_BYTES: usize = 4 << 20;
/// Stretches that wait for whoever takes them.
pub(crate) const AHEAD: usize = 2;

/// A chunk with its bytes.
pub(crate) struct Cut {
    pub(crate) chunk: ProvenChunk,
    pub(crate) bytes: Bytes,
}

impl Cut {
    /// Proves a chunk whose name is known.
    pub(crate) fn proven(offset: u64, id: ChunkId, bytes: Bytes, key: &[u8; 32]) -> Self {
        let len = u32::try_from(bytes.len()).expect("a chunk has at most 256 KiB");
        Self { chunk: ProvenChunk { offset, len, id, proof: prove_possession(key, &bytes) }, bytes }
    }
}

/// A stretch of the disk.
pub(crate) struct Stretch {
    /// Its chunks; what is between them is hole.
    pub(crate) cuts: Vec<Cut>,
    /// Where on the disk it ends.
    pub(crate) end: u64,
}

/// The stretches of a disk, from its beginning to its end.
pub(crate) type Stretches = mpsc::Receiver<Result<Stretch, Failure>>;

/// What can be cut.
pub(crate) trait ReadAt: Send + 'static {
    /// Fills the buffer from an offset; waits.
    fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<(), Failure>;
}

impl ReadAt for File {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<(), Failure> {
        let read = self.read_exact_at(buffer, offset);
        read.map_err(|error| Failure::doing("the file could not be read to its end", error))
    }
}

impl ReadAt for MapReader {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<(), Failure> {
        let read = self.read_exact_at_blocking(offset, buffer);
        read.map_err(|error| Failure::doing("the image could not be read to its end", error))
    }
}

/// Begins to cut a disk of `size_bytes`; `key` proves the chunks.
pub(crate) fn start(disk: impl ReadAt, size_bytes: u64, size: ChunkSize, key: [u8; 32]) -> Stretches {
    let (to, from) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(failure) = cut(&disk, size_bytes, size, &key, &to) {
            // nobody listens any more when this fails
            let _ = to.blocking_send(Err(failure));
        }
    });
    from
}

fn cut(
    disk: &impl ReadAt,
    size_bytes: u64,
    size: ChunkSize,
    key: &[u8; 32],
    to: &mpsc::Sender<Result<Stretch, Failure>>,
) -> Result<(), Failure> {
    let (mut cutter, mut buffer, mut read_bytes) = (Cutter::new(size), BytesMut::new(), 0);
    let mut pieces = Vec::new();
    while cutter.position() < size_bytes {
        let before = buffer.len();
        let wanted = usize::try_from(size_bytes - read_bytes).unwrap_or(READ_BYTES).min(READ_BYTES);
        buffer.resize(before + wanted, 0);
        disk.fill(&mut buffer[before..], read_bytes)?;
        read_bytes += wanted as u64;
        let base = cutter.position();
        let taken = cutter.feed(&buffer, read_bytes == size_bytes, &mut pieces);
        let taken = buffer.split_to(taken).freeze();
        let cuts = pieces.drain(..).filter_map(|piece| prove(piece, base, &taken, key)).collect();
        let stretch = Stretch { cuts, end: cutter.position() };
        if to.blocking_send(Ok(stretch)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn prove(piece: Piece, base: u64, taken: &Bytes, key: &[u8; 32]) -> Option<Cut> {
    let Content::Data { .. } = piece.content else { return None };
    let start = usize::try_from(piece.offset - base).expect("within the buffer");
    let bytes = taken.slice(start..start + piece.len as usize);
    Some(Cut::proven(piece.offset, chunk::name(&bytes), bytes, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn chunks_and_holes_make_the_file_again() {
        let mut content: Vec<u8> =
            (0..READ_BYTES as u64 + 5_000).map(|at| at.wrapping_mul(at >> 9).to_le_bytes()[1]).collect();
        content[150_000..250_000].fill(0);
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("disk");
        std::fs::write(&path, &content).expect("written");
        let size = ChunkSize::new(32 << 10).expect("permitted");
        let mut stretches = start(File::open(&path).expect("there"), content.len() as u64, size, [1; 32]);
        let (mut again, mut end) = (vec![0; content.len()], 0);
        while let Some(stretch) = stretches.recv().await {
            let stretch = stretch.expect("readable");
            for cut in stretch.cuts {
                let at = usize::try_from(cut.chunk.offset).expect("small");
                again[at..at + cut.bytes.len()].copy_from_slice(&cut.bytes);
                assert_eq!(cut.chunk.id, chunk::name(&cut.bytes));
            }
            end = stretch.end;
        }
        assert_eq!(end, content.len() as u64);
        assert!(again == content);
    }

    #[tokio::test]
    async fn a_file_that_shrinks_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("disk");
        std::fs::write(&path, [1; 100]).expect("written");
        let size = ChunkSize::new(32 << 10).expect("permitted");
        let mut stretches = start(File::open(&path).expect("there"), 200, size, [1; 32]);
        assert!(stretches.recv().await.expect("an answer").is_err());
    }
}
