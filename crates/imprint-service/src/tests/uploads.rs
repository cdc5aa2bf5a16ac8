//! Uploads: what came is what goes, or nothing happened.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use imprint_catalogue::images;
use imprint_model::{DiskFormat, LeaseId, Status};
use md5::{Digest, Md5};
use sha2::Sha512;

use super::{create, download, noise, raw, upload};
use crate::testing::{World, caller};
use crate::{Change, Error, Field, Limits, Quota, Settings};

#[tokio::test]
async fn what_came_is_what_goes_with_its_digests() {
    let (world, me) = (World::new(), caller("p", "member"));
    let mut data = noise(3_000_000, 1);
    data.extend(vec![0; 200_000]);
    data.extend(b"a tail that fills no block");
    let image = create(&world, &me, raw()).await;
    let image = upload(&world, &me, image.id, &data).await.expect("uploaded");
    assert_eq!(image.status, Status::Available);
    let content = image.content.expect("content");
    assert_eq!(content.size_bytes, data.len() as u64);
    assert_eq!(content.virtual_size_bytes, Some(data.len() as u64));
    assert_eq!(content.md5, Some(HEXLOWER.encode(&Md5::digest(&data))));
    assert_eq!(content.hash.expect("a digest").value, HEXLOWER.encode(&Sha512::digest(&data)));
    assert!(download(&world, &me, image.id).await.expect("bytes") == data);
}

#[tokio::test]
async fn an_empty_upload_is_an_image_of_no_bytes() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    let image = upload(&world, &me, image.id, b"").await.expect("uploaded");
    assert_eq!(image.size_bytes(), Some(0));
    assert_eq!(download(&world, &me, image.id).await.expect("bytes"), b"");
}

#[tokio::test]
async fn an_upload_given_up_leaves_the_image_queued() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    let mut half = world.service.begin_upload(&me, image.id, None).await.expect("begun");
    half.write(Bytes::from(noise(500_000, 2))).await.expect("taken");
    assert_eq!(world.service.show_image(&me, image.id).await.expect("shown").status, Status::Saving);
    half.abort("the test says so").await;
    let after = world.service.show_image(&me, image.id).await.expect("shown");
    assert_eq!((after.status, after.writer, after.content), (Status::Queued, None, None));
    upload(&world, &me, image.id, b"second try").await.expect("a second try works");
}

#[tokio::test]
async fn a_dropped_upload_leaves_the_image_queued() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    drop(world.service.begin_upload(&me, image.id, None).await.expect("begun"));
    // noted in the background: look until it is, but not for ever
    for _ in 0..10_000 {
        if world.service.show_image(&me, image.id).await.expect("shown").status == Status::Queued {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the image is still being saved");
}

#[tokio::test]
async fn uploads_are_held_to_the_limits_of_the_account() {
    let limits = Limits { account_bytes: 10, account_uploads: 1, ..Limits::default() };
    let (world, me) = (World::with(Settings { limits, ..Settings::default() }), caller("p", "member"));
    let (first, second) = (create(&world, &me, raw()).await.id, create(&world, &me, raw()).await.id);
    let mut upload = world.service.begin_upload(&me, first, None).await.expect("begun");
    let beside = world.service.begin_upload(&me, second, None).await;
    assert!(matches!(beside, Err(Error::OverQuota(Quota::AccountUploads, 1))));
    upload.write(Bytes::from_static(b"more than ten bytes")).await.expect("taken");
    assert!(matches!(upload.finish().await, Err(Error::OverQuota(Quota::AccountBytes, 10))));
    let declared = world.service.begin_upload(&me, second, Some(11)).await;
    assert!(matches!(declared, Err(Error::OverQuota(Quota::AccountBytes, 10))));
}

#[tokio::test]
async fn an_upload_whose_writer_died_is_taken_back() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    // what a killed process leaves: a row that names a lease nobody holds
    let mut orphan = image.clone();
    orphan.status = Status::Saving;
    orphan.writer = Some(LeaseId::random());
    world.catalogue.write(move |tx| images::update(tx, &orphan)).await.expect("written");
    let living = create(&world, &me, raw()).await;
    let upload = world.service.begin_upload(&me, living.id, None).await.expect("begun");
    assert_eq!(world.service.recover_dead_uploads().await.expect("recovered"), 1);
    assert_eq!(world.service.show_image(&me, image.id).await.expect("shown").status, Status::Queued);
    upload.finish().await.expect("the living upload is not disturbed");
}

#[tokio::test]
async fn of_two_uploads_the_second_is_refused_and_the_first_goes_on() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    let mut first = world.service.begin_upload(&me, image.id, None).await.expect("begun");
    let second = world.service.begin_upload(&me, image.id, None).await;
    assert!(matches!(second, Err(Error::WrongStatus(Status::Saving))));
    first.write(Bytes::from_static(b"first")).await.expect("taken");
    first.finish().await.expect("finished");
    assert_eq!(download(&world, &me, image.id).await.expect("bytes"), b"first");
    assert!(matches!(upload(&world, &me, image.id, b"x").await, Err(Error::WrongStatus(Status::Available))));
}

#[tokio::test]
async fn deleting_during_an_upload_ends_it_and_its_bytes_are_collected() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    let mut upload = world.service.begin_upload(&me, image.id, None).await.expect("begun");
    upload.write(Bytes::from(noise(500_000, 3))).await.expect("taken");
    world.service.delete_image(&me, image.id).await.expect("deleted");
    assert!(matches!(upload.finish().await, Err(Error::Gone)));
    collect_all(&world).await;
    assert_eq!(world.service.store_stats().await.expect("stats").packs, 0);
}

/// Collects until nothing more can be: condemned in one round, removed in a later one.
async fn collect_all(world: &World) {
    for _ in 0..3 {
        world.pass(Duration::from_secs(3600));
        world.service.collect(Duration::from_secs(60)).await.expect("collected");
    }
}

#[tokio::test]
async fn bytes_in_use_survive_collection() {
    let (world, me) = (World::new(), caller("p", "member"));
    let data = noise(2_000_000, 4);
    let kept = create(&world, &me, raw()).await;
    upload(&world, &me, kept.id, &data).await.expect("uploaded");
    let gone = create(&world, &me, raw()).await;
    upload(&world, &me, gone.id, &noise(2_000_000, 5)).await.expect("uploaded");
    world.service.delete_image(&me, gone.id).await.expect("deleted");
    collect_all(&world).await;
    assert!(download(&world, &me, kept.id).await.expect("bytes") == data);
    assert!(world.service.store_stats().await.expect("stats").stored_bytes < 3_000_000);
}

#[tokio::test]
async fn formats_must_be_told_before_data_and_fit_it() {
    let (world, me) = (World::new(), caller("p", "member"));
    let bare = create(&world, &me, vec![]).await;
    let refused = upload(&world, &me, bare.id, b"x").await;
    assert!(matches!(refused, Err(Error::Missing(Field::DiskFormat))));
    let mut changes = raw();
    changes.push(Change::DiskFormat(Some(DiskFormat::Qcow2)));
    let image = create(&world, &me, changes.clone()).await;
    let refused = upload(&world, &me, image.id, &noise(70_000, 6)).await;
    assert!(matches!(refused, Err(Error::FormatMismatch { .. })), "{refused:?}");
    let after = world.service.show_image(&me, image.id).await.expect("shown");
    assert_eq!((after.status, after.size_bytes()), (Status::Queued, None));

    let relaxed = World::with(Settings { check_format_match: false, ..Settings::default() });
    let image = create(&relaxed, &me, changes).await;
    upload(&relaxed, &me, image.id, &noise(70_000, 6)).await.expect("accepted where the match is not asked for");
}

#[tokio::test]
async fn limits_are_held_while_bytes_flow() {
    let limits = Limits { image_size_bytes: 1000, account_images: 2, ..Limits::default() };
    let (world, me) = (World::with(Settings { limits, ..Settings::default() }), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    let declared = world.service.begin_upload(&me, image.id, Some(1001)).await;
    assert!(matches!(declared, Err(Error::OverQuota(Quota::ImageBytes, 1000))));
    let streamed = upload(&world, &me, image.id, &[1; 1001]).await;
    assert!(matches!(streamed, Err(Error::OverQuota(Quota::ImageBytes, 1000))));
    create(&world, &me, raw()).await;
    let third = world.service.create_image(&me, crate::CreateImage { id: None, owner: None, changes: raw() }).await;
    assert!(matches!(third, Err(Error::OverQuota(Quota::AccountImages, 2))));
}

#[tokio::test]
async fn a_deactivated_image_gives_its_bytes_to_administrators_alone() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    assert!(matches!(world.service.deactivate(&me, image.id).await, Err(Error::WrongStatus(Status::Queued))));
    upload(&world, &me, image.id, b"data").await.expect("uploaded");
    for _ in 0..2 {
        world.service.deactivate(&me, image.id).await.expect("deactivated");
    }
    assert!(matches!(download(&world, &me, image.id).await, Err(Error::Denied(_))));
    assert_eq!(download(&world, &caller("ops", "admin"), image.id).await.expect("bytes"), b"data");
    world.service.reactivate(&me, image.id).await.expect("reactivated");
    assert_eq!(download(&world, &me, image.id).await.expect("bytes"), b"data");
}
