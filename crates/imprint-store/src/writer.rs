//! Writing a disk: bytes come in order, chunks and pages go into packs, the root comes out. Cutting, hashing and
//! writing happen on blocking threads, a batch at a time, so a slow sender holds memory but no thread. Never hands
//! out a map's name before everything it names is durable.

use std::sync::Arc;

use bytes::Bytes;
use imprint_model::{ChunkId, LeaseId, MapId};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::chunk::{BLOCK_BYTES, ChunkSize, WINDOW_BYTES};
use crate::error::{Error, Kind, Result};
use crate::index::LOOKUP_MAX;
use crate::ingest::{Ingest, MapBuilder};
use crate::lease::{LeaseGuard, LeaseState};
use crate::map::{MAX_DISK_BYTES, map_id};
use crate::reader::ChunkRef;
use crate::sink::Sink;
use crate::store::{Shared, blocking};

/// Bytes gathered before a batch is handed to a blocking thread. One batch is gathered while one is worked on.
const BATCH_BYTES: usize = 4 << 20;
/// Parts of a batch at most, so that a sender of single bytes cannot make the list larger than its content.
const BATCH_PARTS: usize = 4096;

/// A map that is durable. Keep `lease` until the row that names the map is committed.
#[derive(Debug)]
pub struct Written {
    /// The map's name.
    pub map: MapId,
    /// Size of the disk.
    pub size_bytes: u64,
    /// Bytes of the disk that are not hole.
    pub data_bytes: u64,
    /// Bytes this write added to the store.
    pub new_bytes: u64,
    /// Protects the map until a row names it.
    pub lease: LeaseGuard,
}

/// Part of the content.
pub(crate) enum Input {
    /// Bytes as they are.
    Bytes(Bytes),
    /// So many zeros.
    Zeros(u64),
}

/// Writes one disk from front to back. Dropped before [`finish`](Self::finish), it leaves only garbage.
#[derive(Debug)]
pub struct MapWriter {
    batch: Vec<Input>,
    batch_bytes: usize,
    taken_bytes: u64,
    work: Work,
    lease: Arc<LeaseState>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Zeros(len) => write!(f, "{len} zeros"),
        }
    }
}

/// Where the state of the disk is: here, or on a blocking thread with a batch.
#[derive(Debug)]
enum Work {
    Idle(Held),
    Busy(JoinHandle<(Held, Result<()>)>),
    Failed,
}

/// The state of the disk, wherever it is given up: that may wait for packs that are being sealed, whose transfers in
/// turn may need the very thread that gives up. So it is dropped on a blocking thread, always.
#[derive(Debug)]
struct Held {
    /// Empty only once it was taken.
    ingest: Option<Box<Ingest>>,
    runtime: Handle,
}

impl Held {
    fn new(ingest: Ingest) -> Self {
        Self { ingest: Some(Box::new(ingest)), runtime: Handle::current() }
    }

    fn ingest(&mut self) -> &mut Ingest {
        self.ingest.as_mut().expect("only taking it, which consumes this, empties it")
    }

    /// For a thread that may block.
    fn into_ingest(mut self) -> Box<Ingest> {
        self.ingest.take().expect("only taking it, which consumes this, empties it")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(ingest) = self.ingest.take() {
            self.runtime.spawn_blocking(move || drop(ingest));
        }
    }
}

impl MapWriter {
    pub(crate) fn new(shared: &Arc<Shared>, lease: LeaseGuard) -> Self {
        let state = Arc::clone(lease.state());
        let work = Work::Idle(Held::new(Ingest::new(shared, lease)));
        Self { batch: Vec::new(), batch_bytes: 0, taken_bytes: 0, work, lease: state }
    }

    /// The lease that protects what this writes: a row of an unfinished upload notes it, so that others can tell
    /// whether the upload still lives.
    pub fn lease_id(&self) -> LeaseId {
        self.lease.id()
    }

    /// Bytes taken so far.
    pub fn size_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Takes the next bytes. Waits while the batch before is still being stored.
    ///
    /// # Errors
    /// [`Kind::Full`], [`Kind::Unavailable`], [`Kind::Invalid`] (too large a disk) or [`Kind::LeaseLost`] (it took
    /// longer than the settings allow); the writer is of no more use.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.take(bytes.len() as u64)?;
        self.batch_bytes += bytes.len();
        self.batch.push(Input::Bytes(bytes));
        self.flush_when_full().await
    }

    /// Takes `len` zeros, which cost nothing.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_zeros(&mut self, len: u64) -> Result<()> {
        self.take(len)?;
        self.batch.push(Input::Zeros(len));
        self.flush_when_full().await
    }

    /// Makes everything durable and names it.
    ///
    /// # Errors
    /// As [`write`](Self::write); [`Kind::LeaseLost`] when the protection ended before this did.
    pub async fn finish(mut self) -> Result<Written> {
        self.flush().await?;
        let ingest = self.idle().await?;
        let (finished, lease) = blocking(move || ingest.into_ingest().finish()).await?;
        lease.ensure_live().await?;
        Ok(finished.into_written(lease))
    }

    fn take(&mut self, len: u64) -> Result<()> {
        self.lease.ensure_not_lost()?;
        match self.taken_bytes.checked_add(len).filter(|&total| total <= MAX_DISK_BYTES) {
            Some(total) => self.taken_bytes = total,
            None => return Err(Error::invalid(format!("a disk of more than {MAX_DISK_BYTES} bytes"))),
        }
        Ok(())
    }

    async fn flush_when_full(&mut self) -> Result<()> {
        if self.batch_bytes < BATCH_BYTES && self.batch.len() < BATCH_PARTS {
            return Ok(());
        }
        self.flush().await
    }

    /// Hands the batch to a blocking thread once the one before is done.
    async fn flush(&mut self) -> Result<()> {
        let mut ingest = self.idle().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.work = Work::Busy(tokio::task::spawn_blocking(move || {
            let result = ingest.ingest().take(batch);
            (ingest, result)
        }));
        Ok(())
    }

    /// Waits for the batch before. May be cancelled: the state then is still where it was.
    async fn idle(&mut self) -> Result<Held> {
        if let Work::Busy(batch) = &mut self.work {
            let done = batch.await;
            self.work = Work::Failed;
            let (ingest, result) =
                done.map_err(|error| Error::new(Kind::Internal, "storing a batch").with_source(error))?;
            result?;
            return Ok(ingest);
        }
        match std::mem::replace(&mut self.work, Work::Failed) {
            Work::Idle(ingest) => Ok(ingest),
            Work::Busy(_) | Work::Failed => {
                Err(Error::new(Kind::Internal, "a writer was used after it had failed or its finish was cancelled"))
            }
        }
    }
}

/// Makes a map of chunks that are stored.
pub(crate) async fn assemble(
    shared: &Arc<Shared>,
    lease: LeaseGuard,
    size_bytes: u64,
    chunks: Vec<ChunkRef>,
) -> Result<Written> {
    if size_bytes > MAX_DISK_BYTES {
        return Err(Error::invalid(format!("a disk of {size_bytes} bytes; the greatest has {MAX_DISK_BYTES}")));
    }
    let building = Arc::clone(shared);
    // the lease goes along, so that a caller who gives up does not end it under what is still being written
    let (finished, lease) = blocking(move || {
        let mut sink = Sink::for_uploads(&building, lease.state());
        let mut builder = MapBuilder::default();
        let mut pages = Vec::new();
        let mut free_from = 0;
        for part in chunks.chunks(LOOKUP_MAX) {
            check_stored(&building, part)?;
            for chunk in part {
                free_from = check_place(chunk, free_from, size_bytes)?;
                pages.extend(builder.add(chunk.offset, chunk.len, chunk.id));
            }
            sink.put(&pages)?;
            pages.clear();
        }
        Ok((builder.finish(size_bytes, &mut sink)?, lease))
    })
    .await?;
    lease.ensure_live().await?;
    Ok(finished.into_written(lease))
}

/// All chunks must be stored where new content may refer to them, with the lengths claimed.
fn check_stored(shared: &Shared, chunks: &[ChunkRef]) -> Result<()> {
    let ids: Vec<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
    for (chunk, place) in chunks.iter().zip(shared.index.find_live(&ids)?) {
        match place {
            None => return Err(Error::missing(format!("chunk {}", chunk.id))),
            Some(place) if place.len != chunk.len => {
                return Err(Error::invalid(format!("chunk {} has {} bytes, not {}", chunk.id, place.len, chunk.len)));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Chunks lie on blocks, in order, within a window and the disk. Returns where the next may begin.
fn check_place(chunk: &ChunkRef, free_from: u64, disk_bytes: u64) -> Result<u64> {
    let end = chunk.offset.saturating_add(u64::from(chunk.len));
    let block = BLOCK_BYTES as u64;
    let aligned = chunk.offset.is_multiple_of(block) && (end.is_multiple_of(block) || end == disk_bytes);
    let fits = chunk.offset >= free_from && end <= disk_bytes && (1..=ChunkSize::MAX_BYTES).contains(&chunk.len);
    if !aligned || !fits || chunk.offset / WINDOW_BYTES != (end - 1) / WINDOW_BYTES {
        return Err(Error::invalid(format!("chunk at {} of {} bytes does not fit the disk", chunk.offset, chunk.len)));
    }
    Ok(end)
}

impl crate::ingest::Finished {
    fn into_written(self, lease: LeaseGuard) -> Written {
        let Self { root_id, size_bytes, data_bytes, new_bytes } = self;
        Written { map: map_id(root_id), size_bytes, data_bytes, new_bytes, lease }
    }
}

#[cfg(test)]
mod tests;
