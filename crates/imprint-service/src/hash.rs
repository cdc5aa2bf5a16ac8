//! Digests over all bytes of an upload, computed beside the stream: together they cost more than everything else an
//! upload does. A digest borrows a thread for one batch at a time, so that a thousand slow uploads hold no threads.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use imprint_model::ContentHash;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;
use crate::settings::HashAlgorithm;

/// Bytes that are digested at once. Two batches, one filling and one being digested, bound the memory of an upload.
const BATCH_BYTES: usize = 1 << 20;

/// The digests of one stream.
#[derive(Debug)]
pub(crate) struct Hashers {
    algorithm: HashAlgorithm,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    md5: Lane,
    strong: Lane,
}

/// What the digests came to.
#[derive(Debug)]
pub(crate) struct Hashes {
    pub(crate) md5: String,
    pub(crate) strong: ContentHash,
}

impl Hashers {
    pub(crate) fn new(algorithm: HashAlgorithm) -> Self {
        let strong = match algorithm {
            HashAlgorithm::Sha256 => Digester::Sha256(Sha256::new()),
            HashAlgorithm::Sha512 => Digester::Sha512(Sha512::new()),
        };
        let (md5, strong) = (Lane::new(Digester::Md5(Md5::new())), Lane::new(strong));
        Self { algorithm, pending: Vec::new(), pending_bytes: 0, md5, strong }
    }

    /// Takes the next bytes; waits while the batch before is still being digested.
    pub(crate) async fn update(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.pending_bytes += bytes.len();
        self.pending.push(bytes);
        if self.pending_bytes >= BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Waits for the digests.
    pub(crate) async fn finish(mut self) -> Result<Hashes, Error> {
        self.flush().await?;
        let algorithm = self.algorithm.to_string();
        let (md5, strong) = (self.md5.take().await?, self.strong.take().await?);
        Ok(Hashes { md5: md5.finish(), strong: ContentHash { algorithm, value: strong.finish() } })
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = Arc::new(std::mem::take(&mut self.pending));
        self.pending_bytes = 0;
        self.md5.digest(Arc::clone(&batch)).await?;
        self.strong.digest(batch).await
    }
}

/// One digest, at rest or on a thread.
#[derive(Debug)]
enum Lane {
    Idle(Box<Digester>),
    Busy(JoinHandle<Box<Digester>>),
    Lost,
}

impl Lane {
    fn new(digester: Digester) -> Self {
        Self::Idle(Box::new(digester))
    }

    async fn take(&mut self) -> Result<Box<Digester>, Error> {
        match std::mem::replace(self, Lane::Lost) {
            Lane::Idle(digester) => Ok(digester),
            Lane::Busy(running) => running.await.map_err(Error::internal),
            Lane::Lost => Err(Error::internal("a digest was lost")),
        }
    }

    async fn digest(&mut self, batch: Arc<Vec<Bytes>>) -> Result<(), Error> {
        let mut digester = self.take().await?;
        *self = Lane::Busy(spawn_blocking(move || {
            batch.iter().for_each(|bytes| digester.update(bytes));
            digester
        }));
        Ok(())
    }
}

/// The state of one digest.
#[derive(Debug)]
enum Digester {
    Md5(Md5),
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Digester {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Digester::Md5(digest) => digest.update(bytes),
            Digester::Sha256(digest) => digest.update(bytes),
            Digester::Sha512(digest) => digest.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Digester::Md5(digest) => HEXLOWER.encode(&digest.finalize()),
            Digester::Sha256(digest) => HEXLOWER.encode(&digest.finalize()),
            Digester::Sha512(digest) => HEXLOWER.encode(&digest.finalize()),
        }
    }
}
