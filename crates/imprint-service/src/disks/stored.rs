//! Random access to stored bytes, for readers of formats and file systems. A few blocks are kept, as those readers ask
//! for the same small tables again and again; large reads go past them.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use imprint_disk::{ReadAt, Run, RunKind, past_the_end};
use imprint_store::chunk::BLOCK_BYTES as MAP_BLOCK_BYTES;
use imprint_store::{EXTENTS_MAX, Extent, MapReader};
use quick_cache::sync::Cache;

use crate::error::Error;

/// Length of a block that is kept.
const BLOCK_BYTES: u64 = 128 << 10;
/// Blocks that are kept of one disk: 16 MiB.
const BLOCKS_KEPT: usize = 128;
/// What one look at the map tells of: few enough blocks to be told of whole, however they change between data and hole.
const SEGMENT_BYTES: u64 = 64 << 20;
const _: () = assert!(SEGMENT_BYTES / MAP_BLOCK_BYTES as u64 <= EXTENTS_MAX as u64);
/// Such looks that are kept of one disk.
const SEGMENTS_KEPT: usize = 256;
/// Bytes of one read of the store.
const READ_BYTES_MAX: usize = 8 << 20;

/// Stored bytes by place. For blocking threads.
pub(crate) struct StoredDisk {
    reader: MapReader,
    blocks: Cache<u64, Bytes>,
    segments: Cache<u64, Arc<[Extent]>>,
    called_off: Arc<AtomicBool>,
    read_bytes: AtomicU64,
    /// The first failure of the store: its kind, and what it said.
    trouble: OnceLock<(imprint_store::Kind, String)>,
}

/// Ends the work on a disk when dropped: reading it fails from then on.
#[derive(Debug)]
pub(crate) struct CallOff(Arc<AtomicBool>);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl StoredDisk {
    pub(crate) fn new(reader: MapReader) -> (Self, CallOff) {
        let called_off = Arc::new(AtomicBool::new(false));
        let disk = Self {
            reader,
            blocks: Cache::new(BLOCKS_KEPT),
            segments: Cache::new(SEGMENTS_KEPT),
            called_off: Arc::clone(&called_off),
            read_bytes: AtomicU64::new(0),
            trouble: OnceLock::new(),
        };
        (disk, CallOff(called_off))
    }

    /// Bytes that were asked for so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// The first failure of the store, if there was one. Readers of formats and file systems may take it for damage of
    /// what they read; whoever judges the disk must not.
    pub(crate) fn trouble(&self) -> Option<Error> {
        use imprint_store::Kind as K;
        let (kind, text) = self.trouble.get()?;
        Some(match kind {
            K::Full => Error::StoreFull,
            K::Unavailable | K::LeaseLost => Error::Unavailable(format!("store: {text}")),
            K::Missing | K::Corrupt | K::Invalid | K::Internal => Error::internal(text),
        })
    }

    /// Whether nobody wants the work on this disk any more, or not for as long as it takes.
    pub(crate) fn is_called_off(&self) -> bool {
        self.called_off.load(Ordering::Relaxed)
    }

    /// A failure of the store, noted.
    fn failed(&self, error: imprint_store::Error) -> io::Error {
        self.trouble.get_or_init(|| (error.kind(), error.to_string()));
        io::Error::other(error)
    }

    fn require_wanted(&self) -> io::Result<()> {
        if self.is_called_off() { Err(io::Error::other("the work on this disk was called off")) } else { Ok(()) }
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        self.blocks.get_or_insert_with(&number, || {
            let start = number * BLOCK_BYTES;
            let len = BLOCK_BYTES.min(self.size_bytes() - start);
            let mut block = vec![0; usize::try_from(len).map_err(|_| past_the_end())?];
            self.read_past(start, &mut block)?;
            Ok(Bytes::from(block))
        })
    }

    /// Reads without keeping anything.
    fn read_past(&self, mut offset: u64, buf: &mut [u8]) -> io::Result<()> {
        for part in buf.chunks_mut(READ_BYTES_MAX) {
            self.reader.read_exact_at_blocking(offset, part).map_err(|error| self.failed(error))?;
            offset += part.len() as u64;
        }
        Ok(())
    }

    /// Where the data is in the segment of `offset`, from the segment's beginning.
    fn segment(&self, number: u64) -> io::Result<Arc<[Extent]>> {
        self.segments.get_or_insert_with(&number, || {
            let start = number * SEGMENT_BYTES;
            let found = self.reader.extents_blocking(start..start.saturating_add(SEGMENT_BYTES));
            Ok(found.map_err(|error| self.failed(error))?.into())
        })
    }
}

impl ReadAt for StoredDisk {
    fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.require_wanted()?;
        let len = buf.len() as u64;
        offset.checked_add(len).filter(|&end| end <= self.size_bytes()).ok_or_else(past_the_end)?;
        self.read_bytes.fetch_add(len, Ordering::Relaxed);
        if len >= BLOCK_BYTES {
            return self.read_past(offset, buf);
        }
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let block = self.block(at / BLOCK_BYTES)?;
            let from = usize::try_from(at % BLOCK_BYTES).map_err(|_| past_the_end())?;
            let part = rest.len().min(block.len() - from);
            let (now, later) = rest.split_at_mut(part);
            now.copy_from_slice(&block[from..from + part]);
            at += part as u64;
            rest = later;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        self.require_wanted()?;
        if offset >= self.size_bytes() {
            return Err(past_the_end());
        }
        let segment = self.segment(offset / SEGMENT_BYTES)?;
        let place = segment.partition_point(|extent| extent.offset + extent.len <= offset);
        let extent = segment.get(place).ok_or_else(past_the_end)?;
        let kind = if extent.data { RunKind::Data } else { RunKind::Hole };
        Ok(Run { len: extent.offset + extent.len - offset, kind })
    }
}

impl fmt::Debug for StoredDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredDisk").field("reader", &self.reader).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::testing::World;
    use crate::tests::{noise, spoil_all};

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_are_those_of_the_map_however_many_there_are() {
        let world = World::new();
        let mut ingest = world.service.ingest().await.expect("begun");
        let (block, count) = (u64::try_from(MAP_BLOCK_BYTES).expect("small"), 12_000);
        for number in 0..count {
            ingest.write(Bytes::from(noise(MAP_BLOCK_BYTES, number % 50))).await.expect("taken");
            ingest.write_zeros(block).await.expect("taken");
        }
        let (ingested, _) = ingest.finish_looked_at().await.expect("stored");
        let (disk, _call_off) = world.service.stored_disk(&ingested.content(None)).await.expect("opened");
        let read = tokio::task::spawn_blocking(move || {
            let (mut at, mut runs) = (0, 0);
            while at < disk.size_bytes() {
                let run = disk.run_at(at).expect("a run");
                assert_eq!((run.len, run.kind.is_zero()), (block, runs % 2 == 1), "at {at}");
                // from within one, too
                assert_eq!(disk.run_at(at + 1).expect("a run").len, block - 1);
                (at, runs) = (at + run.len, runs + 1);
            }
            runs
        });
        assert_eq!(read.await.expect("read"), 2 * count);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_store_did_not_give_is_known_afterwards() {
        let world = World::new();
        let mut ingest = world.service.ingest().await.expect("begun");
        ingest.write(Bytes::from(noise(3_000_000, 1))).await.expect("taken");
        let (ingested, _) = ingest.finish_looked_at().await.expect("stored");
        let (disk, _call_off) = world.service.stored_disk(&ingested.content(None)).await.expect("opened");
        spoil_all(&world.dir.path().join("store/packs"));
        let read = tokio::task::spawn_blocking(move || {
            let all = disk.read_at(0, &mut vec![0; 3_000_000]).is_err();
            (all, disk.trouble())
        });
        let (failed, trouble) = read.await.expect("read");
        assert!(failed && trouble.is_some(), "{trouble:?}");
    }
}
