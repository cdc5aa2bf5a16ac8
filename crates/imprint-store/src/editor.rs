//! Writing a disk that is an older one with some ranges replaced. What is sent is what changed; what it costs is in
//! proportion to that. Never hands out a map's name before everything it names is durable.

use std::sync::Arc;

use bytes::Bytes;
use imprint_model::{LeaseId, MapId};

use crate::batches::Batches;
use crate::error::{Error, Result};
use crate::lease::{LeaseGuard, LeaseState};
use crate::map::Root;
use crate::reader::MapReader;
use crate::recut::{Change, Recut};
use crate::store::{Shared, blocking};
use crate::writer::Written;

/// Writes a disk as an older one and what changed since. Dropped before [`finish`](Self::finish), it leaves only
/// garbage.
///
/// The map that comes out is the one that [`MapWriter`](crate::MapWriter) would make of the whole new content, if the
/// older map was made by one of these two under the same setting of the chunks' size; otherwise it is another map of
/// the same content.
#[derive(Debug)]
pub struct MapEditor {
    batches: Batches<Recut>,
    size_bytes: u64,
    /// The end of the last change: the next may not begin before it.
    free_from: u64,
    lease: Arc<LeaseState>,
}

impl MapEditor {
    pub(crate) async fn new(
        shared: &Arc<Shared>,
        lease: LeaseGuard,
        base: Option<MapId>,
        size_bytes: u64,
    ) -> Result<Self> {
        let (opening, empty) = (Arc::clone(shared), Arc::new(Root::new(size_bytes)?));
        let open = move || base.map_or(Ok(empty), |map| Ok(MapReader::open(opening, map)?.root()));
        let root = blocking(open).await?;
        let state = Arc::clone(lease.state());
        let batches = Batches::new(Recut::new(shared, lease, root, size_bytes));
        Ok(Self { batches, size_bytes, free_from: 0, lease: state })
    }

    /// The lease that protects what this writes, and what it takes over of the older map.
    pub fn lease_id(&self) -> LeaseId {
        self.lease.id()
    }

    /// Size of the disk, bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Puts `bytes` at `offset`, at the end of the last change or after it. Waits while earlier changes are still being
    /// stored.
    ///
    /// # Errors
    /// [`Kind::Invalid`](crate::Kind::Invalid) for changes out of order or beyond the end of the disk; those of
    /// [`MapWriter::write`](crate::MapWriter::write); [`Kind::Corrupt`](crate::Kind::Corrupt) and
    /// [`Kind::Missing`](crate::Kind::Missing) when what is around a change cannot be read. The editor is of no more
    /// use then.
    pub async fn write(&mut self, offset: u64, bytes: Bytes) -> Result<()> {
        let len = bytes.len();
        self.note(offset, len as u64)?;
        self.batches.push(Change::Bytes(offset, bytes), len).await
    }

    /// Puts `len` zeros at `offset`.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_zeros(&mut self, offset: u64, len: u64) -> Result<()> {
        self.note(offset, len)?;
        self.batches.push(Change::Zeros(offset, len), 0).await
    }

    /// Makes everything durable and names it.
    ///
    /// # Errors
    /// As [`write`](Self::write); [`Kind::LeaseLost`](crate::Kind::LeaseLost) when the protection ended before this
    /// did.
    pub async fn finish(self) -> Result<Written> {
        let recut = self.batches.finish().await?;
        let (finished, lease) = blocking(move || recut.into_inner().finish()).await?;
        lease.ensure_live().await?;
        Ok(finished.into_written(lease))
    }

    fn note(&mut self, offset: u64, len: u64) -> Result<()> {
        self.lease.ensure_not_lost()?;
        let end = offset.checked_add(len).filter(|&end| end <= self.size_bytes && offset >= self.free_from);
        let Some(end) = end else {
            let (free_from, size) = (self.free_from, self.size_bytes);
            return Err(Error::invalid(format!(
                "a change at {offset} of {len} bytes, after one that ended at {free_from}, on a disk of {size} bytes"
            )));
        };
        self.free_from = end;
        Ok(())
    }
}
