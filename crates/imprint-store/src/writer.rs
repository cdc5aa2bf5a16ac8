//! Writing a disk: bytes come in order, chunks and pages go into packs, the root comes out. Cutting, hashing and
//! writing happen on blocking threads, a batch at a time. Never hands out a map's name before everything it names is
//! durable.

use std::sync::Arc;

use bytes::Bytes;
use imprint_model::{ChunkId, LeaseId, MapId};

use crate::batches::Batches;
use crate::chunk::{BLOCK_BYTES, ChunkSize, WINDOW_BYTES};
use crate::error::{Error, Result};
use crate::index::LOOKUP_MAX;
use crate::ingest::{Ingest, MapBuilder};
use crate::lease::{LeaseGuard, LeaseState};
use crate::map::{MAX_DISK_BYTES, map_id};
use crate::reader::ChunkRef;
use crate::sink::Sink;
use crate::store::{Shared, blocking};

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
    /// Bytes of stored content that were read for it: none unless an older map was edited.
    pub read_bytes: u64,
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
    batches: Batches<Ingest>,
    taken_bytes: u64,
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

impl MapWriter {
    pub(crate) fn new(shared: &Arc<Shared>, lease: LeaseGuard) -> Self {
        let state = Arc::clone(lease.state());
        Self { batches: Batches::new(Ingest::new(shared, lease)), taken_bytes: 0, lease: state }
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
    /// [`Full`](crate::Kind::Full), [`Unavailable`](crate::Kind::Unavailable), [`Invalid`](crate::Kind::Invalid) (too
    /// large a disk) or [`LeaseLost`](crate::Kind::LeaseLost) (it took longer than the settings allow); the writer is of
    /// no more use.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.take(bytes.len() as u64)?;
        let len = bytes.len();
        self.batches.push(Input::Bytes(bytes), len).await
    }

    /// Takes `len` zeros, which cost nothing.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_zeros(&mut self, len: u64) -> Result<()> {
        self.take(len)?;
        self.batches.push(Input::Zeros(len), 0).await
    }

    /// Makes everything durable and names it.
    ///
    /// # Errors
    /// As [`write`](Self::write); [`LeaseLost`](crate::Kind::LeaseLost) when the protection ended before this did.
    pub async fn finish(self) -> Result<Written> {
        let ingest = self.batches.finish().await?;
        let (finished, lease) = blocking(move || ingest.into_inner().finish()).await?;
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
    pub(crate) fn into_written(self, lease: LeaseGuard) -> Written {
        let Self { root_id, size_bytes, data_bytes, new_bytes, read_bytes } = self;
        Written { map: map_id(root_id), size_bytes, data_bytes, new_bytes, read_bytes, lease }
    }
}

#[cfg(test)]
mod tests;
