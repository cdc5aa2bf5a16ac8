//! Edited maps against crashes and collection: what an edit takes over stays, and what is cut off leaves garbage.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking, on small numbers")]

mod world;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imprint_model::MapId;
use imprint_store::backend::{Backend, Fault, FaultyBackend, MemoryBackend};
use imprint_store::{GcOptions, GcReport, Kind, Store, Written};
use world::{GRACE, World, noise};

const WINDOW: u64 = 64 << 20;

/// Data in three windows, more than fits one pack.
fn content() -> Vec<u8> {
    let mut out = noise(1, 1_500_000);
    out.resize(WINDOW as usize, 0);
    out.extend(noise(2, 1_500_000));
    out.resize(2 * WINDOW as usize, 0);
    out.extend(noise(3, 300_000));
    out
}

/// Stores [`content`]; zeros that are named as such cost nothing.
async fn put_committed(world: &World) -> MapId {
    let mut writer = world.store.writer().await.unwrap();
    for (window, len) in [1_500_000, 1_500_000, 300_000].into_iter().enumerate() {
        writer.write_zeros(window as u64 * WINDOW - writer.size_bytes()).await.unwrap();
        writer.write(Bytes::from(noise(window as u64 + 1, len))).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    written.lease.release().await.unwrap();
    written.map
}

/// What [`edit`] makes of [`content`].
fn edited() -> Vec<u8> {
    let mut out = content();
    out[100_000..1_300_000].copy_from_slice(&noise(4, 1_200_000));
    out[(2 << 20)..(3 << 20)].copy_from_slice(&noise(5, 1 << 20));
    out[2 * WINDOW as usize + 1000..][..5000].fill(0);
    out.resize(2 * WINDOW as usize + 5_000_000, 0);
    out
}

async fn edit(store: &Store, base: MapId) -> imprint_store::Result<Written> {
    let mut editor = store.edit(Some(base), 2 * WINDOW + 5_000_000).await?;
    editor.write(100_000, Bytes::from(noise(4, 1_200_000))).await?;
    editor.write(2 << 20, Bytes::from(noise(5, 1 << 20))).await?;
    editor.write_zeros(2 * WINDOW + 1000, 5000).await?;
    editor.finish().await
}

async fn collect_later(world: &World, roots: &[MapId]) -> GcReport {
    world.clock.advance(GRACE * 2);
    let roots = roots.to_vec();
    let options = GcOptions { grace: GRACE, ..GcOptions::default() };
    world.store.gc(move || Ok(roots.clone()), options).await.unwrap()
}

async fn assert_sound(world: &World, roots: &[MapId]) {
    let roots = roots.to_vec();
    let report = world.store.verify(move || Ok(roots.clone())).await.unwrap();
    assert_eq!((report.damage_count, report.unlisted_packs), (0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_cut_off_at_any_step_leaves_garbage_at_most() {
    let faulty = FaultyBackend::new(Arc::new(MemoryBackend::default()));
    let world = World::on(Arc::new(faulty.clone()), None);
    let base = put_committed(&world).await;
    faulty.set(None);
    edit(&world.store, base).await.unwrap();
    let steps = faulty.operations();
    assert!(steps > 8, "{steps}");
    for after in 0..steps {
        for takes_effect in [false, true] {
            let faulty = FaultyBackend::new(Arc::new(MemoryBackend::default()));
            let world = World::on(Arc::new(faulty.clone()) as Arc<dyn Backend>, None);
            let base = put_committed(&world).await;
            let objects = world.objects().await;
            faulty.set(Some(Fault { after, kind: Kind::Full, takes_effect }));
            assert_eq!(edit(&world.store, base).await.unwrap_err().kind(), Kind::Full, "step {after}");
            world.until_no_lease_lives().await;
            faulty.set(None);
            for _ in 0..3 {
                collect_later(&world, &[base]).await;
            }
            assert!(world.objects().await <= objects, "step {after}, {takes_effect}");
            let map = edit(&world.store, base).await.unwrap().map;
            assert_sound(&world, &[base, map]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_leaves_an_edit_what_it_takes_over() {
    let world = World::memory();
    let base = put_committed(&world).await;
    let mut editor = world.store.edit(Some(base), 3 * WINDOW).await.unwrap();
    assert_eq!(world.store.live_leases().await.unwrap(), [editor.lease_id()]);
    // the row of the older map goes, and nothing names it any more
    for _ in 0..3 {
        assert_eq!(collect_later(&world, &[]).await.deleted, 0);
    }
    editor.write(WINDOW + 4096, Bytes::from(noise(6, 8192))).await.unwrap();
    let written = editor.finish().await.unwrap();
    for _ in 0..3 {
        assert_eq!(collect_later(&world, &[]).await.deleted, 0);
    }
    written.lease.release().await.unwrap();
    collect_later(&world, &[written.map]).await;
    collect_later(&world, &[written.map]).await;
    let mut expected = content();
    expected[WINDOW as usize + 4096..][..8192].copy_from_slice(&noise(6, 8192));
    expected.resize(3 * WINDOW as usize, 0);
    assert!(world.get(written.map).await == expected);
    assert_sound(&world, &[written.map]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_on_real_files_reads_as_expected() {
    let world = World::directory();
    let base = put_committed(&world).await;
    let written = edit(&world.store, base).await.unwrap();
    assert!(world.get(written.map).await == edited());
    assert_eq!(world.put(&edited()).await.map, written.map);
    assert!(written.read_bytes < 1 << 20, "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_given_up_gives_its_lease_back() {
    let world = World::memory();
    let base = put_committed(&world).await;
    let mut editor = world.store.edit(Some(base), WINDOW).await.unwrap();
    editor.write(5, Bytes::from(noise(6, 5 << 20))).await.unwrap();
    drop(editor);
    world.until_no_lease_lives().await;
    let editor = world.store.edit(Some(base), WINDOW).await.unwrap();
    world.clock.advance(Duration::from_secs(90_000));
    assert_eq!(editor.finish().await.unwrap_err().kind(), Kind::LeaseLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_is_held_only_while_all_of_it_is_there() {
    let world = World::memory();
    let map = put_committed(&world).await;
    world.clock.advance(GRACE * 2);
    let held = world.store.hold(map).await.unwrap().unwrap();
    assert!(collect_later(&world, &[]).await.condemned > 0);
    for _ in 0..2 {
        assert_eq!(collect_later(&world, &[]).await.deleted, 0, "it is held");
    }
    assert!(world.store.hold(map).await.unwrap().is_none(), "what is condemned may go at any time");
    assert!(collect_later(&world, &[map]).await.revived > 0);
    drop(held);
    world.until_no_lease_lives().await;
    // of its parts some stay, as another map's
    let other = world.put_committed(&content()[..1_500_000]).await;
    assert!(world.store.hold(map).await.unwrap().is_some());
    world.until_no_lease_lives().await;
    for _ in 0..3 {
        collect_later(&world, &[other]).await;
    }
    assert!(world.store.hold(map).await.unwrap().is_none());
    assert!(world.store.hold(MapId([7; 32])).await.unwrap().is_none());
    world.until_no_lease_lives().await;
}
