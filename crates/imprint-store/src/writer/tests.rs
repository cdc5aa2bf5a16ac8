use std::io::IoSlice;
use std::ops::Range;
use std::thread::{self, ThreadId};
use std::time::Duration;

use imprint_model::{ManualClock, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::backend::{Backend, Fault, FaultyBackend, Found, MemoryBackend, PackFile};
use crate::batches::BATCH_BYTES;
use crate::{Kind, MemoryIndex, PackId, Settings, Store};

const DAY: Duration = Duration::from_secs(86_400);

/// A backend whose unfinished packs tell on which thread they are given up.
#[derive(Debug)]
struct Telling {
    inner: MemoryBackend,
    given_up: UnboundedSender<ThreadId>,
}

struct TellingFile {
    inner: Option<Box<dyn PackFile>>,
    given_up: UnboundedSender<ThreadId>,
}

impl Backend for Telling {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        Ok(Box::new(TellingFile { inner: Some(self.inner.create(id)?), given_up: self.given_up.clone() }))
    }

    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.read(id, ranges)
    }

    fn size(&self, id: PackId) -> Result<Option<u64>> {
        self.inner.size(id)
    }

    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        self.inner.list(visit)
    }

    fn delete(&self, id: PackId) -> Result<()> {
        self.inner.delete(id)
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn read_bytes(&self) -> u64 {
        self.inner.read_bytes()
    }
}

impl PackFile for TellingFile {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()> {
        self.inner.as_mut().unwrap().append(parts)
    }

    fn seal(mut self: Box<Self>) -> Result<()> {
        self.inner.take().unwrap().seal()
    }
}

impl Drop for TellingFile {
    fn drop(&mut self) {
        if self.inner.is_some() {
            self.given_up.send(thread::current().id()).unwrap();
        }
    }
}

fn open(backend: Arc<dyn Backend>, settings: Settings) -> (Store, ManualClock) {
    let clock = ManualClock::new(Timestamp(1_795_310_916_000_000));
    let store = Store::open(backend, Arc::new(MemoryIndex::default()), Arc::new(clock.clone()), settings).unwrap();
    (store, clock)
}

fn telling_store() -> (Store, FaultyBackend, UnboundedReceiver<ThreadId>) {
    let (given_up, told) = unbounded_channel();
    let backend = FaultyBackend::new(Arc::new(Telling { inner: MemoryBackend::default(), given_up }));
    (open(Arc::new(backend.clone()), Settings::default()).0, backend, told)
}

fn a_batch() -> Bytes {
    let numbers = 0..u32::try_from(BATCH_BYTES / 4).unwrap();
    numbers.flat_map(|number| number.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect()
}

async fn until_the_batch_is_done(writer: &MapWriter) {
    while !writer.batches.is_done() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_writer_dropped_after_its_batch_is_given_up_where_it_may_block() {
    let (store, _, mut told) = telling_store();
    let mut writer = store.writer().await.unwrap();
    writer.write(a_batch()).await.unwrap();
    until_the_batch_is_done(&writer).await;
    drop(writer);
    assert_ne!(told.recv().await.unwrap(), thread::current().id());
}

#[tokio::test]
async fn a_writer_dropped_beside_its_batch_is_given_up_where_it_may_block() {
    let (store, _, mut told) = telling_store();
    let mut writer = store.writer().await.unwrap();
    writer.write(a_batch()).await.unwrap();
    drop(writer);
    assert_ne!(told.recv().await.unwrap(), thread::current().id());
}

#[tokio::test]
async fn a_batch_that_failed_is_given_up_where_it_may_block() {
    let (store, backend, mut told) = telling_store();
    // the pack is begun, its first records are refused
    backend.set(Some(Fault { after: 2, kind: Kind::Full, takes_effect: false }));
    let mut writer = store.writer().await.unwrap();
    writer.write(a_batch()).await.unwrap();
    until_the_batch_is_done(&writer).await;
    assert_eq!(writer.write(a_batch()).await.unwrap_err().kind(), Kind::Full);
    assert_ne!(told.recv().await.unwrap(), thread::current().id());
}

#[tokio::test]
async fn a_sender_that_never_ends_loses_its_lease() {
    let settings = Settings { lease_ttl_secs: 86_400, clock_skew_secs: 0, ..Settings::default() };
    let (store, clock) = open(Arc::new(MemoryBackend::default()), settings);
    let mut writer = store.writer().await.unwrap();
    for _ in 0..5 {
        clock.advance(DAY / 2);
        writer.lease.ensure_live().unwrap();
        writer.write(Bytes::from_static(b"drip")).await.unwrap();
    }
    assert_eq!(store.live_leases().await.unwrap(), [writer.lease_id()]);
    clock.advance(DAY / 2);
    assert_eq!(writer.write(Bytes::from_static(b"drip")).await.unwrap_err().kind(), Kind::LeaseLost);
    assert_eq!(writer.lease.ensure_live().unwrap_err().kind(), Kind::LeaseLost);
    assert_eq!(store.live_leases().await.unwrap(), [], "collection no longer waits for it");
}

#[tokio::test]
async fn no_pack_enters_the_index_after_its_lease() {
    let (store, clock) = open(Arc::new(MemoryBackend::default()), Settings::default());
    let mut writer = store.writer().await.unwrap();
    writer.write(a_batch()).await.unwrap();
    clock.advance(DAY);
    assert_eq!(writer.finish().await.unwrap_err().kind(), Kind::LeaseLost);
    assert_eq!(store.stats().await.unwrap().packs, 0);
}
