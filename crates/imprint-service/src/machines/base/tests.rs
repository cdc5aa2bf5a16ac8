use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use imprint_disk::{Compression, Target};

use super::*;
use crate::testing::{World, caller};
use crate::tests::{noise, uploaded_as, written_of};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A disk and a qcow2 of it.
fn disk() -> (Vec<u8>, Vec<u8>) {
    let mut bytes = noise(300_000, 1);
    bytes.resize(5 << 20, 0);
    let file = written_of(bytes.clone(), Target::qcow2(Compression::None));
    (bytes, file)
}

async fn stored(world: &World, map: MapId) -> Vec<u8> {
    let reader = world.store.reader(map).await.expect("stored");
    let parts: Vec<Bytes> = reader.stream(0..u64::MAX).try_collect().await.expect("read");
    parts.concat()
}

async fn packs(world: &World) -> u64 {
    world.store.stats().await.expect("asked").packs
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_plain_already_is_taken_as_it_is() {
    let (world, me) = (World::new(), caller("p", "member"));
    let content = uploaded_as(&world, &me, DiskFormat::Raw, &disk().0).await.content.expect("bytes");
    let found = plain(&world.service, &content, DiskFormat::Raw).await.expect("plain");
    assert_eq!(found.map, content.map);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_formats_are_unpacked_once_and_again_when_collection_took_it() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (bytes, file) = disk();
    let content = uploaded_as(&world, &me, DiskFormat::Qcow2, &file).await.content.expect("bytes");
    let first = plain(&world.service, &content, DiskFormat::Qcow2).await.expect("unpacked");
    assert!(stored(&world, first.map).await == bytes);
    let before = packs(&world).await;
    let second = plain(&world.service, &content, DiskFormat::Qcow2).await.expect("remembered");
    assert_eq!((second.map, packs(&world).await), (first.map, before), "nothing was written");

    // held, it outlives collections that see no row that names it
    for _ in 0..3 {
        world.pass(Duration::from_secs(50));
        second.lease.as_ref().expect("held").ensure_live().await.expect("live");
        first.lease.as_ref().expect("held").ensure_live().await.expect("live");
        world.service.collect(Duration::ZERO).await.expect("collected");
    }
    assert!(stored(&world, first.map).await == bytes);

    let map = first.map;
    for held in [first, second] {
        held.lease.expect("held").release().await.expect("given back");
    }
    for _ in 0..3 {
        world.pass(DAY);
        world.service.collect(Duration::ZERO).await.expect("collected");
    }
    let remembered = world.service.remembered_plain(content.map, DiskFormat::Qcow2).await.expect("asked");
    assert!(remembered.is_none(), "what nothing names is gone");
    let again = plain(&world.service, &content, DiskFormat::Qcow2).await.expect("unpacked again");
    assert!(again.map == map && stored(&world, map).await == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_as_its_format_is_refused() {
    let (world, me) = (World::new(), caller("p", "member"));
    let content = uploaded_as(&world, &me, DiskFormat::Raw, &noise(100_000, 1)).await.content.expect("bytes");
    let found = plain(&world.service, &content, DiskFormat::Vhdx).await;
    assert!(matches!(found, Err(Error::Unsafe(_))), "{found:?}");
}
