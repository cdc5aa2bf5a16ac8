//! Copies: new names of old bytes, in turn when there are many, and gone without a trace when they are given up.

use std::collections::BTreeSet;
use std::time::Duration;

use imprint_catalogue::{jobs, snapshots};
use imprint_model::{
    Caller, Clock, DiskKind, Facts, Image, ImageId, JobState, ProjectId, Snapshot, Status, Visibility,
};

use super::stock::{HERE, amounts, dry, from, keep, run, shown, snapshot, some_snapshot, uploaded, wish};
use super::{create, download, raw};
use crate::testing::{World, caller};
use crate::{
    Ask, Change, Conflict, CopyImage, DiskWanted, Error, FactChange, Field, ImageSource, Limits, MakeImage, Resource,
    Settings, Sharing,
};

const FAR: &str = "far-1";

fn world() -> World {
    World::with(Settings { regions: vec![HERE.to_owned(), FAR.to_owned()], ..Settings::default() })
}

fn copy_of(source: ImageId, to_region: &str, name: &str) -> CopyImage {
    CopyImage {
        id: ImageId::random(),
        source,
        from_region: HERE.to_owned(),
        to_region: to_region.to_owned(),
        name: Some(name.to_owned()),
        description: Some("a copy".to_owned()),
        resource_group: None,
        tags: BTreeSet::new(),
    }
}

#[track_caller]
fn conflicts<T: std::fmt::Debug>(result: &Result<T, Error>, conflict: Conflict) {
    assert!(matches!(result, Err(Error::Conflict(found)) if *found == conflict), "{result:?} is not {conflict:?}");
}

/// An image of two disks with snapshots, of a family.
async fn original(world: &World, me: &Caller) -> Image {
    let system = Box::pin(some_snapshot(world, me)).await;
    let data = Box::pin(uploaded(world, me, b"the data disk")).await;
    let data = keep(world, Snapshot { kind: DiskKind::Data, ..snapshot(me, data.content) }).await;
    let facts = Facts {
        family: Some("line".to_owned()),
        platform: Some("Debian".to_owned()),
        description: Some("the original".to_owned()),
        ..Facts::default()
    };
    let source = ImageSource::Disks(vec![from(system), from(data), DiskWanted::default()]);
    let made = world.service.make_image(me, MakeImage { facts, ..wish(source) }, Ask::default()).await;
    let id = made.expect("asked for");
    Box::pin(run(world)).await;
    shown(world, me, id).await
}

#[tokio::test]
async fn a_copy_names_the_same_bytes_and_neither_needs_the_other() {
    let (world, me) = (world(), caller("p", "member"));
    let source = original(&world, &me).await;
    let before = world.service.store_stats().await.expect("sizes");
    let id = world.service.copy_image(&me, copy_of(source.id, FAR, "there"), Ask::default()).await.expect("asked for");
    assert_eq!(shown(&world, &me, id).await.status, Status::Importing);
    assert_eq!(world.service.store_stats().await.expect("sizes"), before, "no byte was written");
    // the original may go while the copy is made; nothing of the copy's is collected meanwhile
    world.service.delete_image_as(&me, HERE, source.id, false, Ask::default()).await.expect("deleted");
    for disk in source.disks.iter().filter_map(|disk| disk.snapshot) {
        world.catalogue.write(move |tx| snapshots::delete(tx, disk)).await.expect("deleted");
    }
    world.pass(Duration::from_secs(90 * 24 * 3600));
    world.service.collect(Duration::ZERO).await.expect("collected");
    run(&world).await;
    let copy = shown(&world, &me, id).await;
    assert_eq!((copy.status, copy.region.as_str(), copy.visibility), (Status::Available, FAR, Visibility::Private));
    assert_eq!(copy.content, source.content);
    assert_eq!(download(&world, &me, id).await.expect("bytes"), b"the system disk");
    let Facts { family, platform, description, copied_from, .. } = &copy.facts;
    assert_eq!((family, platform.as_deref(), *copied_from), (&None, Some("Debian"), Some(source.id)));
    assert_eq!(description.as_deref(), Some("a copy"));
    let (sizes, sources): (Vec<_>, Vec<_>) =
        copy.disks.iter().map(|disk| ((disk.kind, disk.size_gib), disk.snapshot)).unzip();
    assert_eq!(sizes, [(DiskKind::System, 20), (DiskKind::Data, 20), (DiskKind::Data, 20)]);
    assert!(sources[0].is_some() && sources[1].is_some() && sources[2].is_none());
    assert_ne!(sources[0], source.disks[0].snapshot, "in another region, so another snapshot");
    let data = sources[1].expect("a snapshot");
    let data = world.catalogue.read(move |tx| snapshots::get(tx, data)).await.expect("read").expect("there");
    assert_eq!((data.region.as_str(), data.content.map(|content| content.size_bytes)), (FAR, Some(13)));
}

#[tokio::test]
async fn many_copies_wait_for_one_another() {
    let limits = Limits { region_copies: 2, ..Limits::default() };
    let world = World::with(Settings { limits, ..Settings::default() });
    let me = caller("p", "member");
    let source = original(&world, &me).await;
    let mut copies = Vec::new();
    for number in 0..4 {
        let wanted = copy_of(source.id, HERE, &format!("copy-{number}"));
        copies.push(world.service.copy_image(&me, wanted, Ask::default()).await.expect("asked for"));
    }
    let mut statuses = Vec::new();
    for &id in &copies {
        statuses.push(shown(&world, &me, id).await.status);
    }
    assert_eq!(statuses, [Status::Importing, Status::Importing, Status::Queued, Status::Queued]);
    // what waits is no empty image that somebody could fill
    let upload = world.service.begin_upload(&me, copies[3], None).await;
    assert!(matches!(upload, Err(Error::WrongStatus(Status::Queued))));
    assert_eq!(run(&world).await, 4);
    for &id in &copies {
        assert_eq!(shown(&world, &me, id).await.status, Status::Available);
    }
}

#[tokio::test]
async fn what_may_be_copied_depends_on_whose_it_is() {
    let (world, me, friend) = (world(), caller("p", "member"), caller("q", "member"));
    let source = original(&world, &me).await;
    let ask = |who: &Caller, to: &str| {
        let (service, who, wanted) = (world.service.clone(), who.clone(), copy_of(source.id, to, "mine"));
        async move { service.copy_image(&who, wanted, Ask::default()).await }
    };
    assert!(matches!(ask(&friend, HERE).await, Err(Error::NotFound(Resource::Image(_)))));
    let sharing = Sharing { add: vec![ProjectId::from("q")], ..Sharing::default() };
    world.service.share_image(&me, HERE, source.id, sharing, Ask::default()).await.expect("shared");
    conflicts(&ask(&friend, FAR).await, Conflict::SharedImageToOtherRegion);
    let id = ask(&friend, HERE).await.expect("within its region");
    run(&world).await;
    assert_eq!(shown(&world, &friend, id).await.owner, ProjectId::from("q"));
    assert!(matches!(ask(&caller("q", "reader"), HERE).await, Err(Error::Denied(_))));
    assert!(matches!(ask(&friend, HERE).await, Err(Error::Duplicate(Field::Name))));
    assert!(matches!(ask(&me, "nowhere").await, Err(Error::NotFound(Resource::Region(_)))));
    let elsewhere = CopyImage { from_region: FAR.to_owned(), ..copy_of(source.id, FAR, "n") };
    let absent = world.service.copy_image(&me, elsewhere, Ask::default()).await;
    assert!(matches!(absent, Err(Error::NotFound(Resource::Image(_)))));
    let unshare = Sharing { remove: vec![ProjectId::from("q")], ..Sharing::default() };
    world.service.share_image(&me, HERE, source.id, unshare, Ask::default()).await.expect("unshared");
    world.service.update_image(&me, source.id, vec![Change::Deprecated(true)]).await.expect("withdrawn");
    conflicts(&ask(&me, FAR).await, Conflict::ImageNotAvailable);
    world.service.update_image(&me, source.id, vec![Change::Deprecated(false)]).await.expect("offered");
    let community = Sharing { community: Some(true), ..Sharing::default() };
    world.service.share_image(&me, HERE, source.id, community, Ask::default()).await.expect("published");
    conflicts(&ask(&friend, HERE).await, Conflict::CommunityImageCopied);
    let queued = create(&world, &me, raw()).await.id;
    conflicts(
        &world.service.copy_image(&me, copy_of(queued, HERE, "n"), Ask::default()).await,
        Conflict::ImageNotAvailable,
    );
}

#[tokio::test]
async fn a_copy_that_is_given_up_leaves_nothing() {
    let (world, me) = (world(), caller("p", "member"));
    let source = original(&world, &me).await;
    let cancel = |who: &Caller, region: &str, id| {
        let (service, who, region) = (world.service.clone(), who.clone(), region.to_owned());
        async move { service.cancel_copy(&who, &region, id).await }
    };
    conflicts(&cancel(&me, HERE, source.id).await, Conflict::ImageNotCopy);
    let before = amounts(&world, &me, source.id).await;
    let id = world.service.copy_image(&me, copy_of(source.id, FAR, "c"), Ask::default()).await.expect("asked for");
    conflicts(&world.service.delete_image_as(&me, FAR, id, true, Ask::default()).await, Conflict::ImageCopying);
    let disks = shown(&world, &me, id).await.disks;
    for (who, region) in [(caller("q", "member"), FAR), (me.clone(), HERE)] {
        assert!(matches!(cancel(&who, region, id).await, Err(Error::NotFound(Resource::Image(_)))));
    }
    let seen = world.service.image_jobs(&me, id).await.expect("jobs");
    cancel(&me, FAR, id).await.expect("given up");
    assert!(matches!(world.service.show_image(&me, id).await, Err(Error::NotFound(_))));
    for disk in disks.iter().filter_map(|disk| disk.snapshot) {
        assert_eq!(world.catalogue.read(move |tx| snapshots::get(tx, disk)).await.expect("read"), None);
    }
    assert_eq!(amounts(&world, &me, source.id).await[0], before[0]);
    assert_eq!(world.service.job(&me, seen[0].id).await.expect("kept").state, JobState::Cancelled);
    assert_eq!(run(&world).await, 0);
    let done = world.service.copy_image(&me, copy_of(source.id, FAR, "c"), Ask::default()).await.expect("again");
    run(&world).await;
    conflicts(&cancel(&me, FAR, done).await, Conflict::CopyCompleted);
}

#[tokio::test]
async fn a_copy_cancelled_as_a_job_is_gone_and_one_that_ended_is_not() {
    let (world, me) = (world(), caller("p", "member"));
    let source = original(&world, &me).await;
    let id = world.service.copy_image(&me, copy_of(source.id, FAR, "c"), Ask::default()).await.expect("asked for");
    let job = world.service.image_jobs(&me, id).await.expect("jobs")[0].id;
    let foreign = world.service.cancel_job(&caller("q", "member"), job).await;
    assert!(matches!(foreign, Err(Error::NotFound(Resource::Job(_)))));
    world.service.cancel_job(&me, job).await.expect("stopped");
    assert!(matches!(world.service.show_image(&me, id).await, Err(Error::NotFound(_))));
    conflicts(&world.service.cancel_job(&me, job).await, Conflict::JobNotStoppable);
    let made = world.service.image_jobs(&me, source.id).await.expect("jobs")[0].id;
    conflicts(&world.service.cancel_job(&me, made).await, Conflict::JobNotStoppable);
}

#[tokio::test]
async fn a_worker_that_comes_late_does_not_bring_a_cancelled_copy_back() {
    let (world, me) = (world(), caller("p", "member"));
    let source = original(&world, &me).await;
    let id = world.service.copy_image(&me, copy_of(source.id, FAR, "c"), Ask::default()).await.expect("asked for");
    // a worker has the job and stands still
    let (now, until) = (world.clock.now(), world.clock.now().after(Duration::from_secs(60)));
    let slow =
        world.catalogue.write(move |tx| jobs::lease_next_but(tx, "slow", &[], now, until)).await.expect("leased");
    let job = slow.expect("the job");
    world.service.cancel_copy(&me, FAR, id).await.expect("given up");
    let (service, row) = (world.service.clone(), job.clone());
    let late = world.catalogue.write(move |tx| service.settle_copy(tx, &row)).await;
    assert!(matches!(late, Err(Error::Gone)));
    assert_eq!(world.service.job(&me, job.id).await.expect("kept").state, JobState::Cancelled);
}

#[tokio::test]
async fn a_dry_copy_changes_nothing_and_finds_every_fault() {
    let (world, me) = (world(), caller("p", "member"));
    let source = original(&world, &me).await;
    let before = amounts(&world, &me, source.id).await;
    let dry_run = world.service.copy_image(&me, copy_of(source.id, FAR, "c"), dry()).await;
    assert!(matches!(dry_run, Err(Error::DryRun)), "{dry_run:?}");
    let absent = world.service.copy_image(&me, copy_of(ImageId::random(), FAR, "c"), dry()).await;
    assert!(matches!(absent, Err(Error::NotFound(Resource::Image(_)))));
    let group = CopyImage { resource_group: Some("none".to_owned()), ..copy_of(source.id, FAR, "c") };
    let refused = world.service.copy_image(&me, group, dry()).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::ResourceGroup(_)))));
    assert_eq!(amounts(&world, &me, source.id).await, before);
    let fact = vec![Change::Fact(FactChange::Version(Some("2".to_owned())))];
    let updated = world.service.update_image_as(&me, source.id, fact, crate::UpdateRules::default(), dry()).await;
    assert!(matches!(updated, Err(Error::DryRun)));
    assert_eq!(shown(&world, &me, source.id).await, source);
}
