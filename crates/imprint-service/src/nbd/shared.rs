//! Stored bytes that many read at once: every chunk is read from the store once while it is remembered, however many
//! want it at the same time and whichever disks it belongs to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use imprint_disk::{ReadAt, Run, past_the_end};
use imprint_model::ChunkId;
use imprint_store::{ChunkRef, MapReader};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, GuardResult};

use crate::disks::{CallOff, StoredDisk};

/// Bytes of a disk whose chunks are gathered at once.
const PART_BYTES: usize = 1 << 20;
/// Chunks are about this long: an estimate that only sizes tables.
const CHUNK_BYTES: u64 = 32 << 10;
/// What a chunk costs beside its bytes.
const ENTRY_BYTES: u64 = 128;

/// What became of the chunks that exports were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkFigures {
    /// Chunks that were read from the store.
    pub read: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Chunks that were remembered, or that another reader was reading already.
    pub remembered: u64,
}

/// Chunks by name, for all exports together.
#[derive(Debug)]
pub(super) struct Chunks {
    kept: Cache<ChunkId, Bytes, Length>,
    read: AtomicU64,
    read_bytes: AtomicU64,
    remembered: AtomicU64,
}

#[derive(Debug, Clone)]
struct Length;

impl Weighter<ChunkId, Bytes> for Length {
    fn weight(&self, _: &ChunkId, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + ENTRY_BYTES
    }
}

impl Chunks {
    pub(super) fn new(capacity_bytes: u64) -> Chunks {
        let items = usize::try_from(capacity_bytes / CHUNK_BYTES).unwrap_or(usize::MAX).max(1);
        Chunks {
            kept: Cache::with_weighter(items, capacity_bytes, Length),
            read: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            remembered: AtomicU64::new(0),
        }
    }

    pub(super) fn figures(&self) -> ChunkFigures {
        ChunkFigures {
            read: self.read.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            remembered: self.remembered.load(Ordering::Relaxed),
        }
    }

    /// The bytes of chunks, in the order asked. Those that nobody else is reading are claimed and read together; only
    /// then are those waited for that others read. Nobody waits while it has a claim, so nobody waits for ever.
    fn get(&self, reader: &MapReader, wanted: &[ChunkRef]) -> io::Result<Vec<Bytes>> {
        let mut found: Vec<Option<Bytes>> = Vec::with_capacity(wanted.len());
        let mut claims = Vec::new();
        for (place, chunk) in wanted.iter().enumerate() {
            found.push(match self.kept.get_value_or_guard(&chunk.id, Some(Duration::ZERO)) {
                GuardResult::Value(bytes) => Some(bytes),
                GuardResult::Guard(claim) => {
                    claims.push((place, claim));
                    None
                }
                GuardResult::Timeout => None,
            });
        }
        let claimed: Vec<ChunkRef> = claims.iter().map(|(place, _)| wanted[*place]).collect();
        let read = self.fetch(reader, &claimed)?;
        for ((place, claim), bytes) in claims.into_iter().zip(read) {
            // a claim cannot be gone: nothing removes what is being read
            drop(claim.insert(bytes.clone()));
            found[place] = Some(bytes);
        }
        let left = found.into_iter().zip(wanted);
        let all = left.map(|(bytes, chunk)| bytes.map_or_else(|| self.wait_for(reader, chunk), Ok));
        let all = all.collect::<io::Result<Vec<Bytes>>>()?;
        self.remembered.fetch_add((wanted.len() - claimed.len()) as u64, Ordering::Relaxed);
        Ok(all)
    }

    /// A chunk that somebody is reading; when that fails it is read here.
    fn wait_for(&self, reader: &MapReader, chunk: &ChunkRef) -> io::Result<Bytes> {
        self.kept.get_or_insert_with(&chunk.id, || {
            self.fetch(reader, std::slice::from_ref(chunk))?.pop().ok_or_else(past_the_end)
        })
    }

    /// Reads chunks from the store. Each into a buffer of its own: neighbours come as parts of one.
    fn fetch(&self, reader: &MapReader, chunks: &[ChunkRef]) -> io::Result<Vec<Bytes>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        let read = reader.read_chunks_blocking(chunks).map_err(io::Error::other)?;
        self.read.fetch_add(read.len() as u64, Ordering::Relaxed);
        self.read_bytes.fetch_add(read.iter().map(|bytes| bytes.len() as u64).sum(), Ordering::Relaxed);
        Ok(read.iter().map(|bytes| Bytes::copy_from_slice(bytes)).collect())
    }
}

/// Stored bytes by place. For blocking threads.
#[derive(Debug)]
pub(super) struct SharedDisk {
    reader: MapReader,
    /// Knows where the holes are.
    runs: StoredDisk,
    _call_off: CallOff,
    chunks: Arc<Chunks>,
}

impl SharedDisk {
    pub(super) fn new(reader: MapReader, chunks: Arc<Chunks>) -> SharedDisk {
        let (runs, call_off) = StoredDisk::new(reader.clone());
        SharedDisk { reader, runs, _call_off: call_off, chunks }
    }

    fn read_part(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset + buf.len() as u64;
        let chunks = self.reader.chunks_in_blocking(offset..end).map_err(io::Error::other)?;
        let mut at = offset;
        let mut rest = buf;
        for (chunk, bytes) in chunks.iter().zip(self.chunks.get(&self.reader, &chunks)?) {
            let start = chunk.offset.max(at);
            let stop = (chunk.offset + bytes.len() as u64).min(end);
            let (hole, later) = rest.split_at_mut(len(start - at)?);
            hole.fill(0);
            let (now, later) = later.split_at_mut(len(stop - start)?);
            let from = len(start - chunk.offset)?;
            now.copy_from_slice(&bytes[from..from + now.len()]);
            (at, rest) = (stop, later);
        }
        rest.fill(0);
        Ok(())
    }
}

fn len(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|_| past_the_end())
}

impl ReadAt for SharedDisk {
    fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64);
        end.filter(|&end| end <= self.size_bytes()).ok_or_else(past_the_end)?;
        let mut at = offset;
        for part in buf.chunks_mut(PART_BYTES) {
            self.read_part(at, part)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        self.runs.run_at(offset)
    }
}
