//! Looking into images as a job: when it is done, what it leaves, and that the same bytes are looked into once.

use imprint_catalogue::content_facts;
use imprint_inspect::{Os, Report};
use imprint_model::{Caller, DiskFormat, Image, ImageId, JobState, MapId, Status, Timestamp};

use super::{create, noise, raw, spoil_all, upload};
use crate::testing::{World, caller};
use crate::{Ask, Change, CheckOutcome, CheckPolicy, Conflict, CopyImage, Error, JobFilter, Runner, Settings, Work};

fn always() -> World {
    World::with(Settings { check_images: CheckPolicy::Always, ..Settings::default() })
}

async fn uploaded(world: &World, me: &Caller, bytes: &[u8]) -> Image {
    let image = create(world, me, raw()).await;
    upload(world, me, image.id, bytes).await.expect("uploaded")
}

async fn outcome(world: &World, image: &Image) -> Option<CheckOutcome> {
    let found = world.service.check_outcomes(std::slice::from_ref(image)).await.expect("asked");
    found.into_iter().next().flatten()
}

async fn checks(world: &World, me: &Caller) -> Vec<JobState> {
    let jobs = world.service.jobs(me, JobFilter { limit: 100, ..JobFilter::default() }).await.expect("listed");
    jobs.into_iter().filter(|job| job.kind == Work::CHECK_IMAGE).map(|job| job.state).collect()
}

async fn run(world: &World) -> usize {
    Runner::new(world.service.clone()).run_waiting().await.expect("ran")
}

async fn copy(world: &World, me: &Caller, source: &Image) -> Image {
    let wanted = CopyImage {
        id: ImageId::random(),
        source: source.id,
        from_region: source.region.clone(),
        to_region: source.region.clone(),
        name: Some("copy".to_owned()),
        description: None,
        resource_group: None,
        tags: [].into(),
    };
    let id = world.service.copy_image(me, wanted, Ask::default()).await.expect("begun");
    run(world).await;
    world.service.show_image(me, id).await.expect("shown")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_usable_before_it_was_looked_into() {
    let (world, me) = (always(), caller("p", "member"));
    let image = uploaded(&world, &me, &noise(200_000, 1)).await;
    assert_eq!((image.status, image.facts.check_wanted), (Status::Available, true));
    assert_eq!(outcome(&world, &image).await, Some(CheckOutcome::UnderWay));
    assert_eq!(run(&world).await, 1);
    let said = outcome(&world, &image).await;
    assert!(matches!(&said, Some(CheckOutcome::Said(report)) if report.os.is_none()), "{said:?}");
    let known = world.service.checked_image(&me, image.id).await.expect("known");
    assert!(known.job.is_none() && known.report.is_some_and(|report| report.packages.is_empty()));
    let stranger = world.service.checked_image(&caller("q", "member"), image.id).await;
    assert!(matches!(stranger, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_looked_into_once() {
    let (world, me) = (always(), caller("p", "member"));
    let image = uploaded(&world, &me, &noise(200_000, 1)).await;
    run(&world).await;
    assert_eq!(checks(&world, &me).await, [JobState::Succeeded]);
    let copied = copy(&world, &me, &image).await;
    assert!(matches!(outcome(&world, &copied).await, Some(CheckOutcome::Said(_))));
    uploaded(&world, &me, &noise(200_000, 1)).await;
    assert_eq!(run(&world).await, 0);
    assert_eq!(checks(&world, &me).await, [JobState::Succeeded]);
    assert!(world.service.check_image(&me, image.id, false).await.expect("asked").is_none());
    let again = world.service.check_image(&me, image.id, true).await.expect("asked").expect("a job");
    let beside = world.service.check_image(&me, image.id, true).await.expect("asked").expect("the same job");
    assert_eq!(again.id, beside.id);
    assert_eq!(run(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_asked_for_is_looked_into_otherwise() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = uploaded(&world, &me, b"bytes").await;
    assert_eq!((run(&world).await, outcome(&world, &image).await), (0, None));
    let stranger = world.service.check_image(&caller("q", "member"), image.id, false).await;
    assert!(matches!(stranger, Err(Error::NotFound(_))));
    let queued = create(&world, &me, raw()).await;
    let early = world.service.check_image(&me, queued.id, false).await;
    assert!(matches!(early, Err(Error::WrongStatus(Status::Queued))), "{early:?}");
    let job = world.service.check_image(&me, image.id, false).await.expect("asked").expect("a job");
    // what is being looked into can be deleted, copied and exported all the same
    world.service.delete_image_as(&me, &image.region, image.id, false, Ask::default()).await.expect("deleted");
    run(&world).await;
    let job = world.service.job(&me, job.id).await.expect("the job");
    assert_eq!(job.state, JobState::Failed, "there is nothing to look into any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_was_stopped_says_nothing() {
    let (world, me) = (always(), caller("p", "member"));
    let image = uploaded(&world, &me, &noise(100_000, 2)).await;
    let jobs = world.service.image_jobs(&me, image.id).await.expect("listed");
    let job = jobs.into_iter().find(|job| job.kind == Work::CHECK_IMAGE).expect("a check");
    world.service.cancel_job(&me, job.id).await.expect("stopped");
    let late = world.service.cancel_job(&me, job.id).await;
    assert!(matches!(late, Err(Error::Conflict(Conflict::JobNotStoppable))));
    assert_eq!(run(&world).await, 0);
    assert_eq!(outcome(&world, &image).await, Some(CheckOutcome::Nothing));
}

/// Writes what a check of a plain disk is said to have found.
async fn keep(world: &World, map: MapId, report: &Report) {
    let report = serde_json::to_vec(report).expect("JSON");
    let report = zstd::bulk::compress(&report, 1).expect("compressed");
    let keep = move |tx: &mut imprint_catalogue::Tx<'_>| {
        content_facts::put(tx, map, "check raw", &report, Timestamp(1))?;
        Ok::<_, Error>(content_facts::put(tx, map, "check items raw", &report, Timestamp(1))?)
    };
    world.catalogue.write(keep).await.expect("kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_bytes_describes_every_image_that_has_them() {
    let (world, me) = (always(), caller("p", "member"));
    let image = uploaded(&world, &me, &noise(100_000, 3)).await;
    run(&world).await;
    let map = image.content.as_ref().expect("bytes").map;
    let os =
        Os { kind: "linux".to_owned(), distribution: "debian".to_owned(), version: "12".to_owned(), ..Os::default() };
    keep(&world, map, &Report { os: Some(os), ..Report::default() }).await;
    let mut changes = raw();
    changes.push(Change::SetProperty {
        name: "os_version".to_owned(),
        value: Some("mine".to_owned()),
        expects: crate::Presence::Any,
    });
    let other = create(&world, &me, changes).await;
    let other = upload(&world, &me, other.id, &noise(100_000, 3)).await.expect("uploaded");
    assert_eq!(other.facts.platform.as_deref(), Some("Debian"));
    assert_eq!(other.properties.get("os_version"), Some(&Some("mine".to_owned())), "what the owner said stays");
    assert_eq!(run(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_bytes_is_known_of_one_reading_of_them() {
    let settings = Settings { check_images: CheckPolicy::Always, check_format_match: false, ..Settings::default() };
    let (world, me) = (World::with(settings), caller("p", "member"));
    let disk: std::sync::Arc<dyn imprint_disk::ReadAt> = std::sync::Arc::new(noise(70_000, 4));
    let target = imprint_disk::Target::qcow2(imprint_disk::Compression::None);
    let mut file = Vec::new();
    let mut take = |part: &[u8]| {
        file.extend_from_slice(part);
        Ok(())
    };
    imprint_disk::Export::new(disk, target, None).expect("possible").write(1, &mut take).expect("written");
    let as_disk = uploaded(&world, &me, &file).await;
    assert_eq!(run(&world).await, 1);
    let map = as_disk.content.as_ref().expect("bytes").map;
    keep(&world, map, &Report { partition_table: Some("of raw".to_owned()), ..Report::default() }).await;
    let mut changes = raw();
    changes.push(Change::DiskFormat(Some(DiskFormat::Qcow2)));
    let as_qcow2 = create(&world, &me, changes).await;
    let as_qcow2 = upload(&world, &me, as_qcow2.id, &file).await.expect("uploaded");
    assert_eq!(as_qcow2.content.as_ref().expect("bytes").map, map, "the same bytes");
    assert_eq!(outcome(&world, &as_qcow2).await, Some(CheckOutcome::UnderWay), "nothing is known of this reading");
    assert_eq!(run(&world).await, 1);
    let table_of = async |image: &Image| {
        let report = world.service.checked_image(&me, image.id).await.expect("known").report.expect("a report");
        report.partition_table
    };
    assert_eq!((table_of(&as_disk).await.as_deref(), table_of(&as_qcow2).await), (Some("of raw"), None));
    // lists tell them apart, too
    let found = world.service.check_outcomes(&[as_disk, as_qcow2]).await.expect("asked");
    assert!(found.iter().all(|outcome| matches!(outcome, Some(CheckOutcome::Said(_)))), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_give_is_no_report() {
    let (world, me) = (always(), caller("p", "member"));
    let image = uploaded(&world, &me, &noise(3_000_000, 5)).await;
    spoil_all(&world.dir.path().join("store/packs"));
    run(&world).await;
    let jobs = checks(&world, &me).await;
    assert!(!jobs.contains(&JobState::Succeeded), "{jobs:?}");
    let known = world.service.checked_image(&me, image.id).await.expect("asked");
    assert_eq!(known.report, None);
}
