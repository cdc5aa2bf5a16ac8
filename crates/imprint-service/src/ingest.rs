//! Bytes on their way into the store, whoever sends them: digested, looked at, chunked and made durable.

use bytes::Bytes;
use imprint_disk::{Inspection, Inspector};
use imprint_model::{Content, LeaseId};
use imprint_store::{MapWriter, Written};

use crate::Service;
use crate::error::{Error, Quota};
use crate::hash::{Hashers, Hashes};
use crate::limits::within;

/// A stream of bytes being taken in. Dropping it leaves garbage for collection.
#[derive(Debug)]
pub(crate) struct Ingest {
    writer: MapWriter,
    hashers: Hashers,
    inspector: Inspector,
    received_bytes: u64,
    /// Most bytes to take; negative: no limit.
    limit_bytes: i64,
}

/// Bytes that are durable, and protected from collection as long as this is kept.
#[derive(Debug)]
pub(crate) struct Ingested {
    pub(crate) written: Written,
    pub(crate) hashes: Hashes,
}

impl Service {
    /// Opens the way into the store.
    pub(crate) async fn ingest(&self) -> Result<Ingest, Error> {
        Ok(Ingest {
            writer: self.store.writer().await?,
            hashers: Hashers::new(self.settings.hash_algorithm),
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
        self.received_bytes += bytes.len() as u64;
        within(self.limit_bytes, self.received_bytes, Quota::ImageBytes)?;
        self.inspector.feed(&bytes);
        self.hashers.update(bytes.clone()).await?;
        Ok(self.writer.write(bytes).await?)
    }

    /// What the bytes are, before they are made durable: refusing them then costs nothing more.
    pub(crate) async fn finish(self, accept: impl FnOnce(&Inspection) -> Result<(), Error>) -> Result<Ingested, Error> {
        let inspection = self.inspector.finish();
        accept(&inspection)?;
        let hashes = self.hashers.finish().await?;
        let written = self.writer.finish().await?;
        Ok(Ingested { written, hashes })
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
            md5: Some(self.hashes.md5.clone()),
            hash: Some(self.hashes.strong.clone()),
        }
    }
}
