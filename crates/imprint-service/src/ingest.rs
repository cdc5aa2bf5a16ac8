//! Bytes on their way into the store, whoever sends them: digested, looked at, chunked and made durable.

use bytes::Bytes;
use imprint_disk::{Inspection, Inspector};
use imprint_model::{Content, LeaseId};
use imprint_store::{MapWriter, Written};
use tokio::task::yield_now;

use crate::Service;
use crate::error::{Error, Quota};
use crate::hash::{Hashers, Hashes};
use crate::limits::within;

/// Whether digests of all bytes are computed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digests {
    /// They are.
    Computed,
    /// They are not.
    LeftOut,
}

/// Zeros that are digested at once.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];
/// So many times before others have their turn.
const ZEROS_IN_A_ROW: u64 = 64;

/// A stream of bytes being taken in. Dropping it leaves garbage for collection.
#[derive(Debug)]
pub(crate) struct Ingest {
    writer: MapWriter,
    hashers: Option<Hashers>,
    inspector: Inspector,
    received_bytes: u64,
    /// Most bytes to take; negative: no limit.
    limit_bytes: i64,
}

/// Bytes that are durable, and protected from collection as long as this is kept.
#[derive(Debug)]
pub(crate) struct Ingested {
    pub(crate) written: Written,
    pub(crate) hashes: Option<Hashes>,
}

impl Service {
    /// Opens the way into the store.
    pub(crate) async fn ingest(&self) -> Result<Ingest, Error> {
        self.ingest_with(Digests::Computed).await
    }

    /// [`Service::ingest`] with or without digests.
    pub(crate) async fn ingest_with(&self, digests: Digests) -> Result<Ingest, Error> {
        let computed = digests == Digests::Computed;
        Ok(Ingest {
            writer: self.store.writer().await?,
            hashers: computed.then(|| Hashers::new(self.settings.hash_algorithm)),
            inspector: Inspector::new(),
            received_bytes: 0,
            limit_bytes: self.settings.limits.image_size_bytes,
        })
    }
}

impl Ingest {
    /// The lease that says that somebody still works on this.
    pub(crate) fn lease_id(&self) -> LeaseId {
        self.writer.lease_id()
    }

    /// Bytes taken so far.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Takes the next bytes; waits while store or digests are behind.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.count(bytes.len() as u64)?;
        self.inspector.feed(&bytes);
        if let Some(hashers) = &mut self.hashers {
            hashers.update(bytes.clone()).await?;
        }
        Ok(self.writer.write(bytes).await?)
    }

    /// Takes so many zeros; they cost no more than their digests.
    pub(crate) async fn write_zeros(&mut self, count: u64) -> Result<(), Error> {
        self.count(count)?;
        let (mut left, mut parts) = (count, 0_u64);
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(ZEROS.len()).min(ZEROS.len());
            self.inspector.feed(&ZEROS[..part]);
            if let Some(hashers) = &mut self.hashers {
                hashers.update(Bytes::from_static(&ZEROS[..part])).await?;
            }
            left -= part as u64;
            parts += 1;
            if parts.is_multiple_of(ZEROS_IN_A_ROW) {
                // a disk may be terabytes of zeros
                yield_now().await;
            }
        }
        Ok(self.writer.write_zeros(count).await?)
    }

    fn count(&mut self, bytes: u64) -> Result<(), Error> {
        self.received_bytes = self.received_bytes.saturating_add(bytes);
        within(self.limit_bytes, self.received_bytes, Quota::ImageBytes)
    }

    /// What the bytes are, before they are made durable: refusing them then costs nothing more.
    pub(crate) async fn finish(self, accept: impl FnOnce(&Inspection) -> Result<(), Error>) -> Result<Ingested, Error> {
        let inspection = self.inspector.finish();
        accept(&inspection)?;
        let hashes = match self.hashers {
            Some(hashers) => Some(hashers.finish().await?),
            None => None,
        };
        let written = self.writer.finish().await?;
        Ok(Ingested { written, hashes })
    }

    /// [`Ingest::finish`] of bytes that somebody decides about later.
    pub(crate) async fn finish_looked_at(self) -> Result<(Ingested, Inspection), Error> {
        let mut looked_at = None;
        let note = |inspection: &Inspection| {
            looked_at = Some(inspection.clone());
            Ok(())
        };
        let ingested = self.finish(note).await?;
        Ok((ingested, looked_at.ok_or_else(|| Error::internal("bytes that nobody looked at"))?))
    }
}

impl Ingested {
    /// Whether the bytes are still protected: a process that stood still for too long may have lost them to collection.
    pub(crate) async fn ensure_live(&self) -> Result<(), Error> {
        Ok(self.written.lease.ensure_live().await?)
    }

    /// What the image's record says of these bytes.
    pub(crate) fn content(&self, virtual_size_bytes: Option<u64>) -> Content {
        Content {
            map: self.written.map,
            size_bytes: self.written.size_bytes,
            virtual_size_bytes,
            md5: self.hashes.as_ref().map(|hashes| hashes.md5.clone()),
            hash: self.hashes.as_ref().map(|hashes| hashes.strong.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn others_have_their_turn_while_a_hole_is_taken() {
        let (world, turns) = (World::new(), Arc::new(AtomicU64::new(0)));
        let mut ingest = world.service.ingest_with(Digests::LeftOut).await.expect("begun");
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        ingest.write_zeros(64 << 30).await.expect("taken");
        other.abort();
        assert!(turns.load(Ordering::Relaxed) > 1_000);
    }
}
