//! What the store promises, on every kind of backend alike.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking, on small numbers")]

mod world;

use std::sync::Arc;

use bytes::Bytes;
use imprint_model::MapId;
use imprint_store::{ChunkRef, Extent, GcOptions, Kind, Settings, Store};
use world::{GRACE, World, disk, noise, put, read, settings, try_read};

/// Runs one check on every backend.
macro_rules! on_every_backend {
    ($($check:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                super::$check(super::World::memory()).await;
            })*
        }
        mod directory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                super::$check(super::World::directory()).await;
            })*
        }
        mod s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                super::$check(super::World::s3().await).await;
            })*
        }
    };
}

on_every_backend!(
    content_comes_back_identical,
    short_contents_come_back_identical,
    any_range_comes_back_identical,
    the_same_bytes_have_one_name_and_are_stored_once,
    zeros_cost_nothing,
    an_edit_stores_its_surroundings_alone,
    extents_tell_data_from_holes,
    a_client_may_send_only_what_is_missing,
    assembling_refuses_what_is_not_stored_or_does_not_fit,
    an_abandoned_upload_leaves_only_garbage,
    collection_keeps_what_is_used_and_removes_the_rest,
    compression_of_cold_packs_keeps_every_byte,
    an_empty_index_is_rebuilt_from_packs,
    absent_things_are_missing,
    a_reachable_store_is_ready,
    one_pack_larger_than_an_upload_part,
);

async fn content_comes_back_identical(world: World) {
    let content = disk();
    let written = world.put(&content).await;
    assert_eq!(written.size_bytes, content.len() as u64);
    // the part that repeats is counted where it lies, and stored once
    assert_eq!(written.data_bytes, 6 * (1 << 20) + 700_000_u64.next_multiple_of(4096) + 1_000_001);
    assert!(written.new_bytes < written.data_bytes - (2 << 20), "{written:?}");
    assert!(world.get(written.map).await == content);
    let report = world.store.verify(move || Ok(vec![written.map])).await.unwrap();
    assert_eq!((report.damage_count, report.maps, report.unlisted_packs), (0, 1, 0), "{report:?}");
}

async fn short_contents_come_back_identical(world: World) {
    for len in [0, 1, 4095, 4096, 4097, 8192, 12_289] {
        let content = noise(7, len);
        let written = world.put(&content).await;
        assert_eq!((written.size_bytes, written.data_bytes), (len as u64, len as u64));
        assert!(world.get(written.map).await == content, "{len} bytes");
    }
    let zeros = world.put(&[0; 5000]).await;
    assert_eq!((zeros.size_bytes, zeros.data_bytes), (5000, 0));
    assert_eq!(world.get(zeros.map).await, [0; 5000]);
}

async fn any_range_comes_back_identical(world: World) {
    let content = disk();
    let map = world.put(&content).await.map;
    let reader = world.store.reader(map).await.unwrap();
    let end = content.len() as u64;
    let window = 64_u64 << 20;
    let starts =
        [0, 1, 4095, 4096, 100_000, (3 << 20) - 1, 3 << 20, 6 << 20, window - 1, window, end - 1, end, end + 9];
    for start in starts {
        for len in [0, 1, 4096, 1_500_000] {
            let stop = (start + len).min(end);
            let expected = content.get(start as usize..stop as usize).unwrap_or_default();
            assert!(read(&reader, start..start + len).await == expected, "{start}+{len}");
            assert!(reader.read_at(start, len).await.unwrap() == expected, "{start}+{len} at once");
        }
    }
    assert_eq!(reader.read_at(0, 1 << 40).await.unwrap_err().kind(), Kind::Invalid);
    let blocking = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![1; 300_000];
        reader.read_exact_at_blocking((3 << 20) - 150_000, &mut buffer).unwrap();
        assert_eq!(reader.read_exact_at_blocking(end - 1, &mut [0; 2]).unwrap_err().kind(), Kind::Invalid);
        buffer
    });
    assert!(blocking.await.unwrap() == content[(3 << 20) - 150_000..(3 << 20) + 150_000]);
}

async fn the_same_bytes_have_one_name_and_are_stored_once(world: World) {
    let content = disk();
    let first = world.put(&content).await;
    let second = world.put(&content).await;
    assert_eq!((second.map, second.new_bytes), (first.map, 0));
    // neither how the bytes arrive nor whether zeros are sent as such makes a difference
    let mut writer = world.store.writer().await.unwrap();
    writer.write(Bytes::from(content[..(3 << 20) + 5000].to_vec())).await.unwrap();
    writer.write_zeros((5 << 20) - 5000 - 10_000).await.unwrap();
    writer.write(Bytes::from(content[(8 << 20) - 10_000..].to_vec())).await.unwrap();
    let third = writer.finish().await.unwrap();
    assert_eq!((third.map, third.new_bytes), (first.map, 0));
}

async fn zeros_cost_nothing(world: World) {
    let mut writer = world.store.writer().await.unwrap();
    writer.write(Bytes::from_static(b"boot")).await.unwrap();
    writer.write_zeros(1 << 40).await.unwrap();
    writer.write(Bytes::from_static(b"end")).await.unwrap();
    let written = writer.finish().await.unwrap();
    assert_eq!(written.size_bytes, (1 << 40) + 7);
    assert!(written.new_bytes < 20_000, "{written:?}");
    let reader = world.store.reader(written.map).await.unwrap();
    assert_eq!(read(&reader, 0..6).await, b"boot\0\0");
    assert_eq!(read(&reader, (1 << 40)..u64::MAX).await, b"\0\0\0\0end");
    let mut writer = world.store.writer().await.unwrap();
    assert_eq!(writer.write_zeros(1 << 60).await.unwrap_err().kind(), Kind::Invalid);
}

async fn an_edit_stores_its_surroundings_alone(world: World) {
    let mut content = disk();
    world.put(&content).await;
    content[1_500_000] ^= 1;
    let edited = world.put(&content).await;
    assert!(edited.new_bytes < 600_000, "{edited:?}");
    assert!(world.get(edited.map).await == content);
}

async fn extents_tell_data_from_holes(world: World) {
    let content = disk();
    let map = world.put(&content).await.map;
    let reader = world.store.reader(map).await.unwrap();
    let second = 700_000_u64.next_multiple_of(4096) + (3 << 20);
    let expected = [
        Extent { offset: 0, len: 3 << 20, data: true },
        Extent { offset: 3 << 20, len: 5 << 20, data: false },
        Extent { offset: 8 << 20, len: second, data: true },
        Extent { offset: (8 << 20) + second, len: 70 << 20, data: false },
        Extent { offset: (78 << 20) + second, len: 1_000_001, data: true },
    ];
    assert_eq!(reader.extents(0..u64::MAX).await.unwrap(), expected);
    let part = reader.extents((3 << 20) - 10..(3 << 20) + 10).await.unwrap();
    let (data, hole) = ((3 << 20) - 10, 3 << 20);
    assert_eq!(part, [Extent { offset: data, len: 10, data: true }, Extent { offset: hole, len: 10, data: false }]);
}

async fn a_client_may_send_only_what_is_missing(world: World) {
    let content = disk();
    let original = world.put(&content).await;
    let reader = world.store.reader(original.map).await.unwrap();
    let mut chunks = Vec::new();
    for window in 0..reader.windows() {
        chunks.extend(reader.chunks(window).await.unwrap());
    }
    let other = World::memory();
    let ids: Vec<_> = chunks.iter().map(|chunk| chunk.id).collect();
    let missing = other.store.missing(ids.clone()).await.unwrap();
    assert_eq!(missing.len(), ids.len());
    for part in missing.chunks(100) {
        let sent = world.store.read_chunks(part.to_vec()).await.unwrap();
        assert_eq!(other.store.put_chunks(sent).await.unwrap(), part);
    }
    assert_eq!(other.store.missing(ids).await.unwrap(), []);
    let assembled = other.store.assemble(content.len() as u64, chunks).await.unwrap();
    assert_eq!((assembled.map, assembled.data_bytes), (original.map, original.data_bytes));
    assert!(other.get(assembled.map).await == content);
}

async fn assembling_refuses_what_is_not_stored_or_does_not_fit(world: World) {
    let ids = world.store.put_chunks(vec![Bytes::from(noise(1, 8192)), Bytes::from(noise(2, 5000))]).await.unwrap();
    let whole = ChunkRef { offset: 0, len: 8192, id: ids[0] };
    let tail = ChunkRef { offset: 8192, len: 5000, id: ids[1] };
    let assemble = |size: u64, chunks: Vec<ChunkRef>| {
        let store = world.store.clone();
        async move { store.assemble(size, chunks).await.map(|written| written.size_bytes).map_err(|error| error.kind()) }
    };
    assert_eq!(assemble(13_192, vec![whole, tail]).await, Ok(13_192));
    assert_eq!(assemble(1 << 30, vec![whole]).await, Ok(1 << 30));
    for (why, size, chunks) in [
        ("beyond the end", 8191, vec![whole]),
        ("short before the end", 20_000, vec![whole, tail]),
        ("backwards", 13_192, vec![tail, whole]),
        ("twice", 8192, vec![whole, whole]),
        ("unaligned", 1 << 20, vec![ChunkRef { offset: 512, ..whole }]),
        ("across windows", 1 << 30, vec![ChunkRef { offset: (64 << 20) - 4096, ..whole }]),
        ("another length", 1 << 20, vec![ChunkRef { len: 4096, ..whole }]),
        ("no length", 1 << 20, vec![ChunkRef { len: 0, ..whole }]),
        ("at the end of numbers", 1 << 20, vec![ChunkRef { offset: u64::MAX - 4095, ..whole }]),
        ("too large", u64::MAX, vec![]),
        ("too large, with data there", u64::MAX, vec![whole, ChunkRef { offset: 1 << 60, ..whole }]),
    ] {
        assert_eq!(assemble(size, chunks).await, Err(Kind::Invalid), "{why}");
    }
    let unknown = ChunkRef { id: imprint_model::ChunkId([9; 32]), ..whole };
    assert_eq!(assemble(8192, vec![unknown]).await, Err(Kind::Missing));
}

async fn an_abandoned_upload_leaves_only_garbage(world: World) {
    let kept = world.put_committed(&noise(1, 100_000)).await;
    let mut writer = world.store.writer().await.unwrap();
    let lease = writer.lease_id();
    for part in noise(2, 9 << 20).chunks(1 << 20) {
        writer.write(Bytes::copy_from_slice(part)).await.unwrap();
    }
    assert_eq!(world.store.live_leases().await.unwrap(), [lease]);
    drop(writer);
    world.until_no_lease_lives().await;
    for _ in 0..2 {
        world.clock.advance(GRACE * 2);
        let options = GcOptions { grace: GRACE, ..GcOptions::default() };
        let report = world.store.gc(move || Ok(vec![kept]), options).await.unwrap();
        assert_eq!(report.broken, [""; 0]);
    }
    let totals = world.store.stats().await.unwrap();
    assert_eq!(totals.packs, 1, "{totals:?}");
    assert_eq!(world.objects().await, 1, "remains of the unfinished pack are gone");
    assert_eq!(world.get(kept).await, noise(1, 100_000));
}

async fn collection_keeps_what_is_used_and_removes_the_rest(world: World) {
    let (first, second) = (noise(1, 4 << 20), noise(2, 4 << 20));
    let kept = world.put_committed(&first).await;
    world.put_committed(&second).await;
    let before = world.store.stats().await.unwrap();
    let mut deleted = 0;
    for _ in 0..3 {
        world.clock.advance(GRACE * 2);
        let options = GcOptions { grace: GRACE, ..GcOptions::default() };
        deleted += world.store.gc(move || Ok(vec![kept]), options).await.unwrap().deleted;
    }
    let after = world.store.stats().await.unwrap();
    assert!(deleted >= 4 && after.stored_bytes < before.stored_bytes * 6 / 10, "{deleted} {before:?} {after:?}");
    assert!(world.get(kept).await == first);
    let report = world.store.verify(move || Ok(vec![kept])).await.unwrap();
    assert_eq!((report.damage_count, report.unlisted_packs), (0, 0), "{report:?}");
    let again = world.put(&second).await;
    assert!(again.new_bytes > 4 << 20, "what was removed is stored again");
    assert!(world.get(again.map).await == second);
}

async fn compression_of_cold_packs_keeps_every_byte(world: World) {
    let text: Vec<u8> = noise(1, 1 << 20).iter().flat_map(|byte| [b'a' + byte % 4; 4]).collect();
    let content = [text, noise(2, 1 << 20)].concat();
    let map = world.put_committed(&content).await;
    let reader = world.store.reader(map).await.unwrap();
    assert!(read(&reader, 0..u64::MAX).await == content);
    let before = world.store.stats().await.unwrap();
    let options = GcOptions { grace: GRACE, compress_older_than: Some(GRACE), ..GcOptions::default() };
    world.clock.advance(GRACE * 2);
    let report = world.store.gc(move || Ok(vec![map]), options).await.unwrap();
    assert!(report.rewritten >= 4 && report.rewritten_saved_bytes > 2 << 20, "{report:?}");
    world.clock.advance(GRACE * 2);
    let report = world.store.gc(move || Ok(vec![map]), options).await.unwrap();
    assert!(report.deleted >= 4 && report.rewritten == 0, "nothing is rewritten twice: {report:?}");
    let after = world.store.stats().await.unwrap();
    assert!(after.stored_bytes * 2 < before.stored_bytes, "{before:?} {after:?}");
    assert!(read(&reader, 0..u64::MAX).await == content, "a reader finds what was moved under it");
    assert!(world.get(map).await == content);
    let report = world.store.verify(move || Ok(vec![map])).await.unwrap();
    assert_eq!(report.damage_count, 0, "{report:?}");
    assert_eq!(world.put(&content).await.new_bytes, 0, "compressed chunks are found all the same");
}

async fn an_empty_index_is_rebuilt_from_packs(world: World) {
    let content = disk();
    let map = world.put_committed(&content).await;
    let before = world.store.stats().await.unwrap();
    let empty = World::on(Arc::clone(&world.backend), None);
    assert_eq!(empty.store.reader(map).await.unwrap_err().kind(), Kind::Missing);
    let report = empty.store.rebuild_index().await.unwrap();
    assert_eq!((report.packs, report.records, report.lost_count), (before.packs, before.records, 0));
    assert_eq!(empty.store.stats().await.unwrap(), before);
    assert!(empty.get(map).await == content);
    assert_eq!(empty.put(&content).await.new_bytes, 0);
}

async fn absent_things_are_missing(world: World) {
    let error = world.store.reader(MapId([7; 32])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Missing);
    assert!(error.to_string().contains(&MapId([7; 32]).to_string()), "{error}");
    let error = world.store.read_chunk(imprint_model::ChunkId([7; 32])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Missing);
    let pack = imprint_store::PackId::new(imprint_model::Timestamp(1_795_310_916_000_000));
    world
        .in_backend(move |backend| {
            assert_eq!(backend.size(pack).unwrap(), None);
            assert_eq!(backend.read(pack, &[0..10, 20..30]).unwrap_err().kind(), Kind::Missing);
            backend.delete(pack)
        })
        .await;
}

async fn a_reachable_store_is_ready(world: World) {
    world.store.check().await.unwrap();
}

async fn one_pack_larger_than_an_upload_part(world: World) {
    let settings = Settings { pack_target_bytes: 64 << 20, ..settings() };
    let clock = Arc::new(world.clock.clone());
    let store = Store::open(Arc::clone(&world.backend), Arc::clone(&world.index), clock, settings).unwrap();
    let content = noise(1, 21 << 20);
    let written = put(&store, &content).await.unwrap();
    assert_eq!(store.stats().await.unwrap().packs, 1);
    let reader = store.reader(written.map).await.unwrap();
    assert!(try_read(&reader, 0..u64::MAX).await.unwrap() == content);
}
