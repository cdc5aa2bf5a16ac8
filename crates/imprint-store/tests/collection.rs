//! Collection against uploads, reads, crashes and damage: what is in use never goes, what is not goes in the end.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking, on small numbers")]

mod world;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imprint_model::MapId;
use imprint_store::backend::{Backend, Fault, FaultyBackend, MemoryBackend};
use imprint_store::{GcOptions, GcReport, Kind, PackState};
use world::{GRACE, World, noise, put, try_read};

impl World {
    async fn collect(&self, roots: &[MapId]) -> GcReport {
        let roots = roots.to_vec();
        let options = GcOptions { grace: GRACE, ..GcOptions::default() };
        self.store.gc(move || Ok(roots.clone()), options).await.unwrap()
    }

    async fn collect_later(&self, roots: &[MapId]) -> GcReport {
        self.clock.advance(GRACE * 2);
        self.collect(roots).await
    }

    async fn collect_until_quiet(&self, roots: &[MapId]) {
        for _ in 0..3 {
            self.collect_later(roots).await;
        }
    }

    async fn assert_sound(&self, roots: &[MapId]) {
        let roots = roots.to_vec();
        let report = self.store.verify(move || Ok(roots.clone())).await.unwrap();
        assert_eq!((report.damage_count, report.unlisted_packs), (0, 0), "{report:?}");
    }

    fn condemned(&self) -> usize {
        self.index.packs().unwrap().iter().filter(|pack| pack.state != PackState::Sealed).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_before_its_grace_is_over() {
    let world = World::memory();
    world.put_committed(&noise(1, 100_000)).await;
    world.clock.advance(GRACE / 2);
    assert_eq!(world.collect(&[]).await.condemned, 0, "too young to be condemned");
    assert_eq!(world.collect_later(&[]).await.condemned, 1);
    world.clock.advance(GRACE / 2);
    assert_eq!(world.collect(&[]).await.deleted, 0, "too shortly condemned to be deleted");
    assert_eq!(world.collect_later(&[]).await.deleted, 1);
    assert_eq!((world.objects().await, world.store.stats().await.unwrap().packs), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_keeps_what_its_upload_found() {
    let world = World::memory();
    let content = noise(1, 500_000);
    world.put_committed(&content).await;
    world.clock.advance(GRACE * 2);
    // finds everything in the old pack, and its row is not committed yet
    let written = world.put(&content).await;
    assert_eq!(written.new_bytes, 0);
    assert_eq!(world.collect_later(&[]).await.condemned, 1);
    for _ in 0..3 {
        assert_eq!(world.collect_later(&[]).await.deleted, 0, "the lease is older than the condemnation");
    }
    written.lease.release().await.unwrap();
    let report = world.collect_later(&[written.map]).await;
    assert_eq!((report.revived, report.deleted), (1, 0));
    assert!(world.get(written.map).await == content);
    assert_eq!(world.put(&content).await.new_bytes, 0, "what was revived is found again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_after_the_condemnation_stores_its_own_copy() {
    let world = World::memory();
    let content = noise(1, 500_000);
    world.put_committed(&content).await;
    world.collect_later(&[]).await;
    assert_eq!(world.condemned(), 1);
    world.clock.advance(Duration::from_secs(1));
    let written = world.put(&content).await;
    assert!(written.new_bytes > 500_000);
    assert_eq!(world.collect_later(&[]).await.deleted, 1, "this lease is younger than the condemnation");
    written.lease.release().await.unwrap();
    assert!(world.get(written.map).await == content);
    world.assert_sound(&[written.map]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condemned_pack_can_be_read_until_it_goes() {
    let world = World::memory();
    let content = noise(1, 500_000);
    let map = world.put_committed(&content).await;
    let reader = world.store.reader(map).await.unwrap();
    world.collect_later(&[]).await;
    assert!(try_read(&reader, 0..u64::MAX).await.unwrap() == content);
    world.collect_later(&[]).await;
    assert_eq!(try_read(&reader, 0..u64::MAX).await.unwrap_err().kind(), Kind::Missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_lease_fails_its_upload() {
    let world = World::memory();
    let writer = world.store.writer().await.unwrap();
    world.clock.advance(Duration::from_secs(90_000));
    assert_eq!(writer.finish().await.unwrap_err().kind(), Kind::LeaseLost);
    let written = world.put(b"content").await;
    written.lease.ensure_live().await.unwrap();
    world.clock.advance(Duration::from_secs(90_000));
    assert_eq!(written.lease.ensure_live().await.unwrap_err().kind(), Kind::LeaseLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_dead_and_small_packs_are_rewritten() {
    let world = World::memory();
    let mut kept = Vec::new();
    for seed in 0..20 {
        let map = world.put_committed(&noise(seed, 60_000)).await;
        if seed % 2 == 0 {
            kept.push((map, seed));
        }
    }
    let roots: Vec<MapId> = kept.iter().map(|(map, _)| *map).collect();
    world.collect_until_quiet(&roots).await;
    let totals = world.store.stats().await.unwrap();
    assert!(totals.packs <= 2 && totals.condemned_packs == 0, "{totals:?}");
    world.assert_sound(&roots).await;
    for (map, seed) in kept {
        assert!(world.get(map).await == noise(seed, 60_000));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_a_map_in_use_stops_collection_and_is_named() {
    let backend = MemoryBackend::default();
    let world = World::on(Arc::new(backend.clone()), None);
    let map = world.put_committed(&noise(1, 100_000)).await;
    let dead = world.put_committed(&noise(2, 100_000)).await;
    let place = world.index.locate(&[imprint_store::map::root_id(map)]).unwrap()[0].unwrap();
    assert!(backend.damage(place.pack, place.offset + 64 + 10));
    let report = world.collect_later(&[map]).await;
    assert_eq!((report.broken_count, report.condemned, report.orphans), (1, 0, 0));
    assert!(report.broken[0].contains(&map.to_string()), "{report:?}");
    let error = world.store.reader(map).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains(&place.pack.to_string()), "{error}");
    assert_eq!(world.collect(&[dead]).await.broken_count, 0, "it goes on when no row names the damaged map");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_packs_that_cannot_be_rewritten_a_hundred_are_named() {
    let backend = MemoryBackend::default();
    let world = World::on(Arc::new(backend.clone()), None);
    let mut maps = Vec::new();
    for seed in 0..110 {
        let map = world.put_committed(&noise(seed, 5_000)).await;
        let chunk = world.store.reader(map).await.unwrap().chunks(0).await.unwrap()[0];
        let place = world.index.locate(&[chunk.id]).unwrap()[0].unwrap();
        assert!(backend.damage(place.pack, place.offset + 64 + 100));
        maps.push(map);
    }
    let report = world.collect_later(&maps).await;
    assert_eq!((report.broken_count, report.broken.len(), report.rewritten), (110, 100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_is_never_returned() {
    let backend = MemoryBackend::default();
    let world = World::on(Arc::new(backend.clone()), None);
    let content = noise(1, 300_000);
    let map = world.put_committed(&content).await;
    let reader = world.store.reader(map).await.unwrap();
    let chunk = reader.chunks(0).await.unwrap()[2];
    let place = world.index.locate(&[chunk.id]).unwrap()[0].unwrap();
    assert!(backend.damage(place.pack, place.offset + 64 + 100));
    assert_eq!(try_read(&reader, 0..u64::MAX).await.unwrap_err().kind(), Kind::Corrupt);
    let before = try_read(&reader, 0..chunk.offset).await.unwrap();
    assert!(before == content[..before.len()], "its neighbours are well");
    let report = world.store.verify(move || Ok(vec![map])).await.unwrap();
    assert_eq!(report.damages[0].id, Some(chunk.id), "{report:?}");
    assert_eq!(report.damages[0].pack, Some(place.pack));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_footer_that_is_damaged_can_be_done_without() {
    let backend = MemoryBackend::default();
    let world = World::on(Arc::new(backend.clone()), None);
    let content = noise(1, 300_000);
    let map = world.put_committed(&content).await;
    let pack = world.index.packs().unwrap()[0];
    assert!(backend.damage(pack.id, pack.bytes - 10));
    let report = world.store.rebuild_index().await.unwrap();
    assert_eq!((report.packs, report.scanned, report.lost_count), (1, 1, 0));
    assert!(world.get(map).await == content);
}

/// Every step at which an upload can be cut off, both before and just after it took effect.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_cut_off_at_any_step_leaves_garbage_at_most() {
    let steps = upload_steps().await;
    assert!(steps > 10, "{steps}");
    for after in 0..steps {
        for takes_effect in [false, true] {
            let inner: Arc<dyn Backend> = Arc::new(MemoryBackend::default());
            let faulty = FaultyBackend::new(inner);
            let world = World::on(Arc::new(faulty.clone()), None);
            let kept = world.put_committed(&noise(9, 300_000)).await;
            faulty.set(Some(Fault { after, kind: Kind::Full, takes_effect }));
            assert_eq!(put(&world.store, &several_packs()).await.unwrap_err().kind(), Kind::Full, "step {after}");
            world.until_no_lease_lives().await;
            faulty.set(None);
            world.collect_until_quiet(&[kept]).await;
            assert_eq!(world.objects().await, 1, "step {after}, {takes_effect}");
            let map = world.put_committed(&several_packs()).await;
            assert!(world.get(map).await == several_packs() && world.get(kept).await == noise(9, 300_000));
            world.assert_sound(&[kept, map]).await;
        }
    }
}

fn several_packs() -> Vec<u8> {
    [noise(1, 1_200_000), vec![0; 1 << 20], noise(2, 1_300_000)].concat()
}

async fn upload_steps() -> usize {
    let faulty = FaultyBackend::new(Arc::new(MemoryBackend::default()));
    let world = World::on(Arc::new(faulty.clone()), None);
    world.put(&several_packs()).await;
    faulty.operations()
}

/// Every step at which a collection that deletes and rewrites can be cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_cut_off_at_any_step_loses_nothing() {
    let (world, faulty, kept) = worth_collecting().await;
    faulty.set(None);
    let report = collect_and_compress(&world, &kept).await.unwrap();
    let steps = faulty.operations();
    assert!(report.deleted > 0 && report.rewritten > 0 && steps > 5, "{steps} {report:?}");
    for after in 0..steps {
        for takes_effect in [false, true] {
            let (world, faulty, kept) = worth_collecting().await;
            faulty.set(Some(Fault { after, kind: Kind::Unavailable, takes_effect }));
            let error = collect_and_compress(&world, &kept).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "step {after}, {takes_effect}");
            assert!(faulty.operations() > after, "the fault was met");
            faulty.set(None);
            for (map, seed) in kept.iter().zip((0..12).filter(|seed| seed % 3 != 0)) {
                assert!(world.get(*map).await == noise(seed, 60_000), "step {after}, {takes_effect}");
            }
            world.collect_until_quiet(&kept).await;
            world.assert_sound(&kept).await;
            assert!(world.objects().await <= 2, "step {after}, {takes_effect}");
        }
    }
}

/// A store with condemned packs to delete and small ones to join, and the maps in use.
async fn worth_collecting() -> (World, FaultyBackend, Vec<MapId>) {
    let faulty = FaultyBackend::new(Arc::new(MemoryBackend::default()));
    let world = World::on(Arc::new(faulty.clone()), None);
    let mut kept = Vec::new();
    for seed in 0..12 {
        let map = world.put_committed(&noise(seed, 60_000)).await;
        if seed % 3 != 0 {
            kept.push(map);
        }
    }
    world.clock.advance(GRACE * 2);
    // condemns only, so that deleting and rewriting come together in the next
    let (roots, options) = (kept.clone(), GcOptions { grace: GRACE, repack_below: 0.0, compress_older_than: None });
    world.store.gc(move || Ok(roots.clone()), options).await.unwrap();
    world.clock.advance(GRACE * 2);
    (world, faulty, kept)
}

async fn collect_and_compress(world: &World, kept: &[MapId]) -> imprint_store::Result<GcReport> {
    let roots = kept.to_vec();
    let options = GcOptions { grace: GRACE, compress_older_than: Some(GRACE), ..GcOptions::default() };
    world.store.gc(move || Ok(roots.clone()), options).await
}

type Rows = Arc<Mutex<HashMap<u64, MapId>>>;

/// Uploads of the same few contents, deletions and collections without any grace, all at once: every row that is
/// there can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collection_beside_uploads_takes_nothing_they_found() {
    let world = Arc::new(World::memory());
    let rows = Rows::default();
    let uploads = tokio::spawn(upload_and_delete(Arc::clone(&world), Arc::clone(&rows), 0));
    let more = tokio::spawn(upload_and_delete(Arc::clone(&world), Arc::clone(&rows), 1));
    let (mut condemned, mut deleted, mut revived, mut rewritten) = (0, 0, 0, 0);
    while !(uploads.is_finished() && more.is_finished()) {
        let listed = Arc::clone(&rows);
        let roots = move || Ok(listed.lock().unwrap().values().copied().collect());
        let options = GcOptions { grace: Duration::ZERO, repack_below: 0.9, compress_older_than: None };
        world.clock.advance(Duration::from_millis(2));
        let report = world.store.gc(roots, options).await.unwrap();
        assert_eq!(report.broken, [""; 0]);
        condemned += report.condemned;
        deleted += report.deleted;
        revived += report.revived;
        rewritten += report.rewritten;
    }
    uploads.await.unwrap();
    more.await.unwrap();
    let counts = format!("{condemned} {deleted} {revived} {rewritten}");
    assert!(condemned > 0 && deleted > 0 && revived + rewritten > 0, "{counts}: nothing was put to the test");
    let left: Vec<MapId> = rows.lock().unwrap().values().copied().collect();
    world.collect_until_quiet(&left).await;
    world.assert_sound(&left).await;
}

async fn upload_and_delete(world: Arc<World>, rows: Rows, who: u64) {
    for turn in 0..150_u64 {
        world.clock.advance(Duration::from_millis(1));
        let seed = (turn * 7 + who * 3) % 5;
        let content = [noise(seed, 90_000), noise(seed + 1, 90_000)].concat();
        let content = [content.as_slice(), &vec![0; 180_224 - 180_000], &noise(seed + 2, 50_000)].concat();
        let written = put(&world.store, &content).await.unwrap();
        written.lease.ensure_live().await.unwrap();
        let row = who * 1000 + turn;
        rows.lock().unwrap().insert(row, written.map);
        written.lease.release().await.unwrap();
        assert!(read_while_rewritten(&world, written.map).await == content, "row {row}");
        if turn % 3 != 0 {
            rows.lock().unwrap().remove(&row);
        }
        if turn % 10 == 9 {
            rows.lock().unwrap().retain(|row, _| row / 1000 != who);
        }
    }
}

/// Without grace a pack may go twice while one read looks for it; a row's content never does.
async fn read_while_rewritten(world: &World, map: MapId) -> Vec<u8> {
    let mut last = None;
    for _ in 0..20 {
        let read = match world.store.reader(map).await {
            Ok(reader) => try_read(&reader, 0..u64::MAX).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(content) => return content,
            Err(error) => last = Some(error),
        }
    }
    panic!("{last:?}");
}
