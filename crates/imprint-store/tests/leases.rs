//! Leases between nodes, and collection without its own: nothing is changed that no lease covers.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking, on small numbers")]

mod world;

use std::io::IoSlice;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use imprint_model::{ManualClock, MapId, Timestamp};
use imprint_store::backend::{Backend, Found, MemoryBackend, PackFile};
use imprint_store::{GcOptions, Index, Kind, PackId, PackState, Result, Settings, Store};
use world::{GRACE, World, noise, settings};

fn options() -> GcOptions {
    GcOptions { grace: GRACE, ..GcOptions::default() }
}

fn condemned(world: &World) -> usize {
    world.index.packs().unwrap().iter().filter(|pack| pack.state != PackState::Sealed).count()
}

/// Ends every lease, as a node does whose clock is far ahead.
fn end_all_leases(index: &dyn Index) {
    assert_eq!(index.leases(Timestamp(i64::MAX)).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_ahead_ends_no_lease_of_another() {
    let world = World::memory();
    let settings = Settings { lease_ttl_secs: 60, clock_skew_secs: 120, ..settings() };
    let node = |ahead_secs: u64| {
        let clock = ManualClock::new(Timestamp(1_795_310_916_000_000).after(Duration::from_secs(ahead_secs)));
        Store::open(Arc::clone(&world.backend), Arc::clone(&world.index), Arc::new(clock), settings.clone()).unwrap()
    };
    let (here, ahead, far_ahead) = (node(0), node(119), node(181));
    let mut writer = here.writer().await.unwrap();
    writer.write(Bytes::from(noise(1, 3 << 20))).await.unwrap();
    assert_eq!(ahead.live_leases().await.unwrap(), [writer.lease_id()]);
    let options = GcOptions { grace: Duration::ZERO, ..GcOptions::default() };
    ahead.gc(|| Ok(vec![]), options).await.unwrap();
    let written = writer.finish().await.unwrap();
    assert_eq!(here.live_leases().await.unwrap(), [written.lease.id()]);
    assert_eq!(far_ahead.live_leases().await.unwrap(), [], "it has ended by every clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_without_its_lease_condemns_and_deletes_nothing() {
    let world = World::memory();
    world.put_committed(&noise(1, 100_000)).await;
    for (condemned_before, step) in [(0, "condemn"), (1, "delete")] {
        world.clock.advance(GRACE * 2);
        let index = Arc::clone(&world.index);
        let roots = move || {
            end_all_leases(&*index);
            Ok(vec![])
        };
        assert_eq!(world.store.gc(roots, options()).await.unwrap_err().kind(), Kind::LeaseLost, "{step}");
        assert_eq!((condemned(&world), world.objects().await), (condemned_before, 1), "{step}");
        world.store.gc(|| Ok(vec![]), options()).await.unwrap();
    }
    assert_eq!(world.objects().await, 0, "with it, it does");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_without_its_lease_removes_no_orphans() {
    let world = World::memory();
    world.put_committed(&noise(1, 100_000)).await;
    // packs that the index does not know
    world.index.clear().unwrap();
    world.clock.advance(GRACE * 2);
    let index = Arc::clone(&world.index);
    let roots = move || {
        end_all_leases(&*index);
        Ok(vec![])
    };
    assert_eq!(world.store.gc(roots, options()).await.unwrap_err().kind(), Kind::LeaseLost);
    assert_eq!(world.objects().await, 1);
    assert_eq!(world.store.gc(|| Ok(vec![]), options()).await.unwrap().orphans, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_without_its_lease_rewrites_nothing() {
    let world = World::memory();
    let mut kept: Vec<MapId> = Vec::new();
    for seed in 0..12 {
        kept.push(world.put_committed(&noise(seed, 60_000)).await);
    }
    world.clock.advance(GRACE * 2);
    let before = world.index.packs().unwrap();
    let (index, roots) = (Arc::clone(&world.index), kept.clone());
    let roots_then_none = move || {
        end_all_leases(&*index);
        Ok(roots.clone())
    };
    assert_eq!(world.store.gc(roots_then_none, options()).await.unwrap_err().kind(), Kind::LeaseLost);
    assert_eq!(world.index.packs().unwrap(), before);
    assert_eq!(world.store.gc(move || Ok(kept.clone()), options()).await.unwrap().rewritten, 12, "with it, it does");
}

/// A backend on which all leases end just before a pack is durable.
#[derive(Debug)]
struct Ending {
    inner: Arc<dyn Backend>,
    index: Arc<dyn Index>,
}

struct EndingFile {
    inner: Box<dyn PackFile>,
    index: Arc<dyn Index>,
}

impl PackFile for EndingFile {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()> {
        self.inner.append(parts)
    }

    fn seal(self: Box<Self>) -> Result<()> {
        end_all_leases(&*self.index);
        self.inner.seal()
    }
}

impl Backend for Ending {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        Ok(Box::new(EndingFile { inner: self.inner.create(id)?, index: Arc::clone(&self.index) }))
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

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_into_a_pack_whose_lease_ended_while_it_was_written() {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::default());
    let world = World::on(Arc::clone(&backend), None);
    let mut kept: Vec<MapId> = Vec::new();
    for seed in 0..12 {
        kept.push(world.put_committed(&noise(seed, 60_000)).await);
    }
    world.clock.advance(GRACE * 2);
    let before = world.index.packs().unwrap();
    let ending = Arc::new(Ending { inner: backend, index: Arc::clone(&world.index) });
    let clock = Arc::new(world.clock.clone());
    let store = Store::open(ending, Arc::clone(&world.index), clock, settings()).unwrap();
    let roots = kept.clone();
    assert_eq!(store.gc(move || Ok(roots.clone()), options()).await.unwrap_err().kind(), Kind::LeaseLost);
    assert_eq!(world.index.packs().unwrap(), before);
    assert_eq!(world.objects().await, 13, "the new pack is garbage");
    for (map, seed) in kept.iter().zip(0..) {
        assert!(world.get(*map).await == noise(seed, 60_000));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_nobody_waits_for_keeps_its_lease_and_stops() {
    let world = World::memory();
    world.put_committed(&noise(1, 100_000)).await;
    world.clock.advance(GRACE * 2);
    let (entered, mut is_inside) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let roots = move || {
        entered.send(())?;
        gate.lock().unwrap().recv()?;
        Ok(vec![])
    };
    let store = world.store.clone();
    let collection = tokio::spawn(async move { store.gc(roots, options()).await });
    is_inside.recv().await.unwrap();
    collection.abort();
    assert!(collection.await.unwrap_err().is_cancelled());
    assert_eq!(world.store.live_leases().await.unwrap().len(), 1, "its work is not at rest yet");
    go_on.send(()).unwrap();
    world.until_no_lease_lives().await;
    assert_eq!((condemned(&world), world.objects().await), (0, 1));
}

#[test]
fn leases_may_last_as_long_as_they_live_unrenewed() {
    let open = |lease_max_secs| {
        let world = World::memory();
        let settings = Settings { lease_ttl_secs: 60, lease_max_secs, ..settings() };
        Store::open(world.backend, world.index, Arc::new(world.clock), settings).map(drop).map_err(|error| error.kind())
    };
    assert_eq!((open(59), open(60)), (Err(Kind::Invalid), Ok(())));
}
