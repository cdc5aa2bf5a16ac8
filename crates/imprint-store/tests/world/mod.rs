//! What the suites share: a store over each kind of backend, with a clock that stands still, and content to put in.
#![allow(dead_code, reason = "each suite uses its own part of this")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use imprint_model::{ManualClock, MapId, Timestamp};
use imprint_store::backend::{Backend, DirectoryBackend, MemoryBackend};
use imprint_store::{Index, MapReader, MemoryIndex, Settings, Store, Written};

pub(crate) mod s3;

pub(crate) const GRACE: Duration = Duration::from_secs(3600);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) clock: ManualClock,
    folder: Option<tempfile::TempDir>,
}

impl World {
    pub(crate) fn on(backend: Arc<dyn Backend>, folder: Option<tempfile::TempDir>) -> Self {
        let index: Arc<dyn Index> = Arc::new(MemoryIndex::default());
        let clock = ManualClock::new(Timestamp(1_795_310_916_000_000));
        let store = Store::open(Arc::clone(&backend), Arc::clone(&index), Arc::new(clock.clone()), settings());
        Self { store: store.unwrap(), backend, index, clock, folder }
    }

    pub(crate) fn memory() -> Self {
        Self::on(Arc::new(MemoryBackend::default()), None)
    }

    pub(crate) fn directory() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::on(Arc::new(DirectoryBackend::open(folder.path()).unwrap()), Some(folder))
    }

    pub(crate) async fn s3() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = s3::serve(folder.path()).await;
        let url = format!("s3://{}/some/prefix", s3::BUCKET);
        Self::on(imprint_store::backend::open_with(&url, variables).unwrap(), Some(folder))
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Calls the backend from a thread where it may block.
    pub(crate) async fn in_backend<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Backend) -> imprint_store::Result<T> + Send + 'static,
    ) -> T {
        let backend = Arc::clone(&self.backend);
        tokio::task::spawn_blocking(move || call(&*backend)).await.unwrap().unwrap()
    }

    /// How many packs there are, finished or not.
    pub(crate) async fn objects(&self) -> usize {
        self.in_backend(|backend| {
            let mut count = 0;
            backend.list(&mut |_| {
                count += 1;
                Ok(())
            })?;
            Ok(count)
        })
        .await
    }

    pub(crate) async fn put(&self, content: &[u8]) -> Written {
        put(&self.store, content).await.unwrap()
    }

    /// Stores content as a finished upload whose row is committed.
    pub(crate) async fn put_committed(&self, content: &[u8]) -> MapId {
        let written = self.put(content).await;
        written.lease.release().await.unwrap();
        written.map
    }

    /// What is given up comes to rest in the background, and gives its lease back last.
    pub(crate) async fn until_no_lease_lives(&self) {
        while !self.store.live_leases().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn get(&self, map: MapId) -> Vec<u8> {
        let reader = self.store.reader(map).await.unwrap();
        read(&reader, 0..u64::MAX).await
    }
}

/// Small packs, so that several are filled; leases that the tests' steps of the clock do not end.
pub(crate) fn settings() -> Settings {
    Settings { pack_target_bytes: 1 << 20, lease_ttl_secs: 86_400, clock_skew_secs: 0, ..Settings::default() }
}

pub(crate) async fn put(store: &Store, content: &[u8]) -> imprint_store::Result<Written> {
    let mut writer = store.writer().await?;
    // odd parts: senders do not know of blocks
    for part in content.chunks(100_003) {
        writer.write(Bytes::copy_from_slice(part)).await?;
    }
    writer.finish().await
}

pub(crate) async fn read(reader: &MapReader, range: std::ops::Range<u64>) -> Vec<u8> {
    try_read(reader, range).await.unwrap()
}

pub(crate) async fn try_read(reader: &MapReader, range: std::ops::Range<u64>) -> imprint_store::Result<Vec<u8>> {
    let parts: Vec<Bytes> = reader.stream(range).try_collect().await?;
    Ok(parts.concat())
}

/// Bytes that no one can compress or find elsewhere, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Something like a disk: data, holes, data that repeats, and an end within a block.
pub(crate) fn disk() -> Vec<u8> {
    let mut out = noise(1, 3 << 20);
    out.extend(vec![0; 5 << 20]);
    out.extend(noise(2, 700_000));
    out.resize(out.len().next_multiple_of(4096), 0);
    out.extend(noise(1, 3 << 20));
    out.extend(vec![0; 70 << 20]);
    out.extend(noise(3, 1_000_001));
    out
}
