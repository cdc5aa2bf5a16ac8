//! The binary bodies of a push, written and read: names of chunks, chunks, and how a disk is put together from them.
//! Numbers are little-endian. Nothing here allocates by a number that was read.

use bytes::{Buf, Bytes};
use imprint_model::ChunkId;
use imprint_service::ProvenChunk;

/// Names of chunks in one question at most.
pub const IDS_MAX: usize = 16_384;
/// Bytes of one batch of chunks at most, frames included.
pub const BATCH_BYTES_MAX: u64 = 16 << 20;
/// Chunks of one batch at most.
pub const BATCH_CHUNKS_MAX: usize = 1_024;
/// Chunks that one disk is put together from at most: 32 GiB of data at the usual mean length, holes not counted.
/// A disk of more is uploaded as it is.
pub const ENTRIES_MAX: usize = 1 << 20;

const ID_BYTES: usize = 32;
const LENGTH_BYTES: usize = 4;
/// Bytes of the size in front of the entries.
const SIZE_BYTES: usize = 8;
/// Offset, length, name, proof.
const ENTRY_BYTES: usize = 8 + LENGTH_BYTES + ID_BYTES + ID_BYTES;

/// A body that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Names, one after the other.
pub fn write_ids(ids: &[ChunkId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0).collect()
}

/// Reads names.
///
/// # Errors
/// [`Malformed`] for half a name or more than [`IDS_MAX`].
pub fn read_ids(body: &[u8]) -> Result<Vec<ChunkId>, Malformed> {
    let (ids, rest) = body.as_chunks::<ID_BYTES>();
    if !rest.is_empty() {
        return Err(Malformed("names of chunks have 32 bytes each"));
    }
    if ids.len() > IDS_MAX {
        return Err(Malformed("more names of chunks than one question may hold"));
    }
    Ok(ids.iter().map(|id| ChunkId(*id)).collect())
}

/// Bytes that a chunk takes in a batch.
pub fn framed_bytes(chunk_bytes: usize) -> u64 {
    (LENGTH_BYTES + chunk_bytes) as u64
}

/// Appends a chunk to a batch: its length, its bytes.
pub fn write_chunk(batch: &mut Vec<u8>, chunk: &[u8]) {
    let len = u32::try_from(chunk.len()).expect("a chunk has at most 256 KiB");
    batch.extend_from_slice(&len.to_le_bytes());
    batch.extend_from_slice(chunk);
}

/// Reads a batch without copying the chunks.
///
/// # Errors
/// [`Malformed`] when it ends inside a chunk, a chunk is empty or longer than `chunk_bytes_max`, or there are more
/// than [`BATCH_CHUNKS_MAX`].
pub fn read_chunks(mut body: Bytes, chunk_bytes_max: u32) -> Result<Vec<Bytes>, Malformed> {
    let mut chunks = Vec::new();
    while body.has_remaining() {
        let len = body.try_get_u32_le().map_err(|_| Malformed("the batch ends inside a length"))?;
        if len == 0 || len > chunk_bytes_max {
            return Err(Malformed("a chunk is empty or longer than this store's chunks"));
        }
        if chunks.len() == BATCH_CHUNKS_MAX {
            return Err(Malformed("more chunks than one batch may hold"));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > body.len() {
            return Err(Malformed("the batch ends inside a chunk"));
        }
        chunks.push(body.split_to(len));
    }
    Ok(chunks)
}

/// The beginning of a disk's description: its size in bytes.
pub fn write_size(size_bytes: u64) -> [u8; SIZE_BYTES] {
    size_bytes.to_le_bytes()
}

/// Appends one chunk to a disk's description.
pub fn write_entry(out: &mut Vec<u8>, chunk: &ProvenChunk) {
    out.extend_from_slice(&chunk.offset.to_le_bytes());
    out.extend_from_slice(&chunk.len.to_le_bytes());
    out.extend_from_slice(&chunk.id.0);
    out.extend_from_slice(&chunk.proof);
}

/// Reads a disk's description as it arrives.
#[derive(Debug, Default)]
pub struct Description {
    /// The size, once it has come.
    size_bytes: Option<u64>,
    chunks: Vec<ProvenChunk>,
    /// The beginning of what has not come to its end.
    partial: Vec<u8>,
}

impl Description {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Malformed`] for more than [`ENTRIES_MAX`] chunks, or chunks that do not ascend.
    pub fn feed(&mut self, mut piece: &[u8]) -> Result<(), Malformed> {
        loop {
            let wanted = if self.size_bytes.is_none() { SIZE_BYTES } else { ENTRY_BYTES };
            let take = (wanted - self.partial.len()).min(piece.len());
            self.partial.extend_from_slice(&piece[..take]);
            piece = &piece[take..];
            if self.partial.len() < wanted {
                return Ok(());
            }
            let whole = std::mem::take(&mut self.partial);
            self.take(&whole)?;
            self.partial = whole;
            self.partial.clear();
        }
    }

    fn take(&mut self, mut whole: &[u8]) -> Result<(), Malformed> {
        if self.size_bytes.is_none() {
            self.size_bytes = Some(whole.get_u64_le());
            return Ok(());
        }
        if self.chunks.len() == ENTRIES_MAX {
            return Err(Malformed("more chunks than one disk may be put together from"));
        }
        let (offset, len) = (whole.get_u64_le(), whole.get_u32_le());
        let (mut id, mut proof) = ([0; ID_BYTES], [0; ID_BYTES]);
        whole.copy_to_slice(&mut id);
        whole.copy_to_slice(&mut proof);
        let end = self.chunks.last().map_or(0, |last| last.offset + u64::from(last.len));
        let fits = offset.checked_add(u64::from(len)).is_some_and(|end| Some(end) <= self.size_bytes);
        if len == 0 || offset < end || !fits {
            return Err(Malformed("chunks must ascend without overlapping and lie within the size"));
        }
        self.chunks.push(ProvenChunk { offset, len, id: ChunkId(id), proof });
        Ok(())
    }

    /// Size and chunks.
    ///
    /// # Errors
    /// [`Malformed`] when the end is missing.
    pub fn finish(self) -> Result<(u64, Vec<ProvenChunk>), Malformed> {
        match self.size_bytes {
            Some(size_bytes) if self.partial.is_empty() => Ok((size_bytes, self.chunks)),
            _ => Err(Malformed("the description of the disk is cut off")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(offset: u64, len: u32) -> ProvenChunk {
        ProvenChunk { offset, len, id: ChunkId([3; 32]), proof: [4; 32] }
    }

    fn described(size_bytes: u64, chunks: &[ProvenChunk]) -> Vec<u8> {
        let mut out = write_size(size_bytes).to_vec();
        chunks.iter().for_each(|chunk| write_entry(&mut out, chunk));
        out
    }

    fn read(body: &[u8], step: usize) -> Result<(u64, Vec<ProvenChunk>), Malformed> {
        let mut description = Description::default();
        body.chunks(step).try_for_each(|piece| description.feed(piece))?;
        description.finish()
    }

    #[test]
    fn a_description_is_read_however_it_is_cut() {
        let chunks = [chunk(0, 4096), chunk(8192, 100)];
        let body = described(10_000, &chunks);
        for step in [1, 7, 76, 1000] {
            assert_eq!(read(&body, step), Ok((10_000, chunks.to_vec())), "{step}");
        }
        for cut in [0, 7, 9, body.len() - 1] {
            assert!(read(&body[..cut], 5).is_err(), "{cut}");
        }
    }

    #[test]
    fn chunks_that_overlap_or_leave_the_disk_are_refused() {
        for chunks in [vec![chunk(4096, 4096), chunk(4096, 10)], vec![chunk(0, 0)], vec![chunk(9_999, 2)]] {
            assert!(read(&described(10_000, &chunks), 64).is_err(), "{chunks:?}");
        }
        assert!(read(&described(u64::MAX, &[chunk(u64::MAX - 1, 100)]), 64).is_err());
    }

    #[test]
    fn a_batch_comes_back_whole_or_not_at_all() {
        let mut batch = Vec::new();
        write_chunk(&mut batch, b"first");
        write_chunk(&mut batch, b"second");
        let body = Bytes::from(batch);
        assert_eq!(read_chunks(body.clone(), 6), Ok(vec![Bytes::from("first"), Bytes::from("second")]));
        assert!(read_chunks(body.clone(), 5).is_err());
        for cut in [1, 4, 8, body.len() - 1] {
            assert!(read_chunks(body.slice(..cut), 6).is_err(), "{cut}");
        }
        assert!(read_chunks(Bytes::from_static(&[0; 4]), 6).is_err());
        assert!(read_chunks(Bytes::from([1, 0, 0, 0, 9].repeat(BATCH_CHUNKS_MAX + 1)), 6).is_err());
    }

    #[test]
    fn names_are_read_in_whole_and_in_bounds() {
        let ids = vec![ChunkId([1; 32]), ChunkId([2; 32])];
        assert_eq!(read_ids(&write_ids(&ids)), Ok(ids));
        assert!(read_ids(&[0; 33]).is_err());
        assert!(read_ids(&vec![0; (IDS_MAX + 1) * 32]).is_err());
    }
}
