//! Disks as exports: what is read under which name, by whom, for how long, and what many readers cost the store.

use std::sync::Arc;
use std::time::Duration;

use imprint_disk::{ReadAt, Target};
use imprint_model::{DiskFormat, ImageId};
use imprint_nbd::Exports;

use super::{create, noise, raw, uploaded_as, written_of};
use crate::testing::{World, caller};
use crate::{Conflict, Error, LocalExports, NBD_TTL_SECS_MAX, NbdListener, PublicExports, Settings};

/// Readers at one time.
const READERS: u64 = 20;

fn world() -> World {
    let nbd = NbdListener { address: ([127, 0, 0, 1], 10_809).into(), tls: true };
    World::with(Settings { nbd: Some(nbd), ..Settings::default() })
}

async fn all(disk: Arc<dyn ReadAt>) -> Vec<u8> {
    let read = move || {
        let mut bytes = vec![0xee; usize::try_from(disk.size_bytes()).expect("small")];
        disk.read_at(0, &mut bytes).map(|()| bytes)
    };
    tokio::task::spawn_blocking(read).await.expect("no panic").expect("read")
}

async fn opens(world: &World, name: &str) -> bool {
    PublicExports(world.service.clone()).open(name).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_chunk_is_read_once_whoever_wants_it() {
    let (world, member) = (world(), caller("p", "member"));
    let mut bytes = noise(5_000_000, 1);
    bytes.resize(9_000_000, 0);
    bytes.extend(noise(2_000_001, 2));
    let images = [
        uploaded_as(&world, &member, DiskFormat::Raw, &bytes).await,
        uploaded_as(&world, &member, DiskFormat::Raw, &bytes).await,
    ];
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..READERS {
        let offer =
            world.service.offer_image(&member, images[usize::from(reader % 2 == 1)].id, 60).await.expect("a name");
        let disk = PublicExports(world.service.clone()).open(&offer.name).await.expect("opened");
        // not all from the beginning
        let start = usize::try_from(reader).expect("few") * 500_000;
        let expected = bytes.clone();
        readers.spawn_blocking(move || {
            for from in [start, 0] {
                for at in (from..expected.len()).step_by(100_000) {
                    let mut part = vec![0xee; 100_000.min(expected.len() - at)];
                    disk.read_at(at as u64, &mut part).expect("read");
                    assert!(part == expected[at..at + part.len()], "at {at}");
                }
            }
        });
    }
    while let Some(ended) = readers.join_next().await {
        ended.expect("no panic");
    }
    let figures = world.service.nbd_figures();
    let content = images[0].content.clone().expect("content");
    let data = world.store.reader(content.map).await.expect("a reader").data_bytes();
    assert_eq!(figures.read_bytes, data, "{figures:?}");
    assert!(figures.remembered > figures.read * READERS, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_read_again_and_right() {
    let member = caller("p", "member");
    let world = World::with(Settings { nbd_cache_mib: 1, nbd: world().service.settings().nbd, ..Settings::default() });
    let bytes = noise(6_000_000, 3);
    let stored = uploaded_as(&world, &member, DiskFormat::Raw, &bytes).await;
    let offer = world.service.offer_image(&member, stored.id, 60).await.expect("a name");
    let disk = PublicExports(world.service.clone()).open(&offer.name).await.expect("opened");
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (disk, expected) = (Arc::clone(&disk), bytes.clone());
        readers.spawn(async move { assert!(all(disk).await == expected) });
    }
    while let Some(ended) = readers.join_next().await {
        ended.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_s_disk_is_read_whatever_was_uploaded() {
    let (world, member) = (world(), caller("p", "member"));
    let mut disk = noise(300_000, 4);
    disk.resize(3 << 20, 0);
    let file = written_of(disk.clone(), Target::Vhdx);
    let stored = uploaded_as(&world, &member, DiskFormat::Vhdx, &file).await;
    let offer = world.service.offer_image(&member, stored.id, 60).await.expect("a name");
    let read = all(PublicExports(world.service.clone()).open(&offer.name).await.expect("opened")).await;
    assert!(read == disk);
    let content = stored.content.expect("content");
    let base = crate::nbd::base_of(&content, DiskFormat::Vhdx);
    assert_eq!(base.size_bytes, disk.len() as u64);
    let local = LocalExports(world.service.clone());
    assert!(all(local.open(&base.export).await.expect("by content")).await == disk);
    let file_itself = crate::nbd::base_of(&content, DiskFormat::Raw);
    assert!(all(local.open(&file_itself.export).await.expect("by content")).await == file);
    assert!(!opens(&world, &base.export).await, "the network does not read by content");
    for none in ["content", "content//raw", "content/00/raw", &base.export.replace("vhdx", "floppy")] {
        assert!(local.open(none).await.is_none(), "{none}");
    }
}

#[tokio::test]
async fn names_are_good_for_a_time_and_for_what_is_there() {
    let (world, member) = (world(), caller("p", "member"));
    let stored = uploaded_as(&world, &member, DiskFormat::Raw, &noise(10_000, 5)).await;
    let short = world.service.offer_image(&member, stored.id, 60).await.expect("a name");
    let long = world.service.offer_image(&member, stored.id, u32::MAX).await.expect("a name");
    assert!(short.name != long.name && short.listener.tls);
    let latest = world.service.clock.now().after(Duration::from_secs(NBD_TTL_SECS_MAX.into()));
    assert_eq!(long.expires, latest, "as long as any name at most");
    assert!(opens(&world, &short.name).await && opens(&world, &long.name).await);
    world.pass(Duration::from_secs(60));
    assert!(!opens(&world, &short.name).await && opens(&world, &long.name).await);
    for none in ["", "other", &long.name.to_uppercase(), &long.name[1..]] {
        assert!(!opens(&world, none).await, "{none:?}");
    }
    world.service.delete_image(&member, stored.id).await.expect("deleted");
    assert!(!opens(&world, &long.name).await);
}

#[tokio::test]
async fn who_may_not_download_gets_no_name() {
    let (world, member) = (world(), caller("p", "member"));
    let stored = uploaded_as(&world, &member, DiskFormat::Raw, &noise(10_000, 6)).await;
    let offered = world.service.offer_image(&caller("q", "member"), stored.id, 60).await;
    assert!(matches!(offered, Err(Error::NotFound(_))), "{offered:?}");
    let offered = world.service.offer_image(&member, ImageId::random(), 60).await;
    assert!(matches!(offered, Err(Error::NotFound(_))), "{offered:?}");
    let queued = create(&world, &member, raw()).await;
    let offered = world.service.offer_image(&member, queued.id, 60).await;
    assert!(matches!(offered, Err(Error::Conflict(Conflict::ImageNotAvailable))), "{offered:?}");
    let silent = World::new();
    let stored = uploaded_as(&silent, &member, DiskFormat::Raw, &noise(10_000, 6)).await;
    let offered = silent.service.offer_image(&member, stored.id, 60).await;
    assert!(matches!(offered, Err(Error::Unsupported(_))), "{offered:?}");
}
