//! Digests over all bytes of an upload, each on a thread of its own beside the stream: together they cost more than
//! everything else an upload does.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use imprint_model::ContentHash;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::settings::HashAlgorithm;

/// Batches that may wait for a digest thread; with [`BATCH_BYTES`] this bounds the memory of an upload.
const QUEUE_BATCHES: usize = 8;
/// Bytes handed to the digest threads at once.
const BATCH_BYTES: usize = 512 * 1024;

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
            HashAlgorithm::Sha256 => Lane::start::<Sha256>(),
            HashAlgorithm::Sha512 => Lane::start::<Sha512>(),
        };
        Self { algorithm, pending: Vec::new(), pending_bytes: 0, md5: Lane::start::<Md5>(), strong }
    }

    /// Takes the next bytes; waits while the digest threads are behind.
    pub(crate) async fn update(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.pending_bytes += bytes.len();
        self.pending.push(bytes);
        if self.pending_bytes >= BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Waits for the digests.
    pub(crate) async fn finish(mut self) -> Result<Hashes, Error> {
        self.flush().await?;
        let (md5, strong) = (self.md5.finish(), self.strong.finish());
        let algorithm = self.algorithm.to_string();
        Ok(Hashes { md5: md5.await?, strong: ContentHash { algorithm, value: strong.await? } })
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = Arc::new(std::mem::take(&mut self.pending));
        self.pending_bytes = 0;
        self.md5.send(Arc::clone(&batch)).await?;
        self.strong.send(batch).await
    }
}

/// One digest on its thread.
#[derive(Debug)]
struct Lane {
    feed: mpsc::Sender<Arc<Vec<Bytes>>>,
    result: JoinHandle<String>,
}

impl Lane {
    fn start<D: Digest + Send + 'static>() -> Self {
        let (feed, mut batches) = mpsc::channel::<Arc<Vec<Bytes>>>(QUEUE_BATCHES);
        let result = tokio::task::spawn_blocking(move || {
            let mut digest = D::new();
            while let Some(batch) = batches.blocking_recv() {
                batch.iter().for_each(|bytes| digest.update(bytes));
            }
            HEXLOWER.encode(&digest.finalize())
        });
        Self { feed, result }
    }

    async fn send(&self, batch: Arc<Vec<Bytes>>) -> Result<(), Error> {
        self.feed.send(batch).await.map_err(|_| Error::internal("a digest thread ended early"))
    }

    async fn finish(self) -> Result<String, Error> {
        drop(self.feed);
        self.result.await.map_err(Error::internal)
    }
}
