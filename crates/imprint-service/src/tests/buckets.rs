//! Imports from buckets and exports to them: real files, real bytes, and jobs that are cut off.

use std::path::Path;

use imprint_catalogue::{jobs, snapshots};
use imprint_model::{
    Caller, Clock, DiskFormat, DiskKind, Facts, Image, ImageId, JobId, JobState, ObjectPlace, ProjectId, Status,
    Visibility,
};
use tempfile::TempDir;

use super::{create, download, noise, raw, upload};
use crate::testing::{World, caller};
use crate::{
    Ask, Change, Conflict, Error, ExportFormat, ExportImage, Field, ImportObjects, ItemPage, Limits, ObjectDisk, Once,
    Quota, Resource, Runner, Settings, SnapshotQuery,
};

const REGION: &str = "local-1";
const BUCKET: &str = "images";

/// A world with one bucket, and the bucket's directory.
fn world(limits: Limits) -> (World, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join(BUCKET)).expect("a bucket");
    let settings = Settings { buckets_dir: Some(dir.path().to_owned()), limits, ..Settings::default() };
    (World::with(settings), dir)
}

fn put(dir: &TempDir, key: &str, bytes: &[u8]) {
    std::fs::write(dir.path().join(BUCKET).join(key), bytes).expect("an object");
}

fn disk(key: &str, format: Option<DiskFormat>, size_gib: Option<u32>) -> ObjectDisk {
    let place = ObjectPlace { bucket: BUCKET.to_owned(), key: key.to_owned() };
    ObjectDisk { place, format, size_gib, letter: None }
}

fn wanted(disks: Vec<ObjectDisk>) -> ImportObjects {
    let (id, facts) = (ImageId::random(), Facts::default());
    ImportObjects { id, region: REGION.to_owned(), name: None, facts, tags: [].into(), disks }
}

async fn import(world: &World, me: &Caller, disks: Vec<ObjectDisk>) -> Result<(ImageId, JobId), Error> {
    world.service.import_objects(me, wanted(disks), Ask::default()).await
}

async fn run(world: &World) -> usize {
    Runner::new(world.service.clone()).run_waiting().await.expect("ran")
}

/// A sound qcow2 of this virtual size, without data; `backing` names a file it would read from.
fn qcow2(size_bytes: u64, backing: Option<&str>) -> Vec<u8> {
    let mut file = vec![0; 256 << 10];
    let (backing_at, backing_len) = backing.map_or((0, 0), |name| (0x200_u64, name.len()));
    file[..4].copy_from_slice(b"QFI\xfb");
    file[4..8].copy_from_slice(&2_u32.to_be_bytes());
    file[8..16].copy_from_slice(&backing_at.to_be_bytes());
    file[16..20].copy_from_slice(&u32::try_from(backing_len).expect("short").to_be_bytes());
    file[20..24].copy_from_slice(&16_u32.to_be_bytes());
    file[24..32].copy_from_slice(&size_bytes.to_be_bytes());
    let tables = u32::try_from(size_bytes.div_ceil(512 << 20)).expect("small");
    file[36..40].copy_from_slice(&tables.to_be_bytes());
    file[40..48].copy_from_slice(&0x3_0000_u64.to_be_bytes());
    file[48..56].copy_from_slice(&0x1_0000_u64.to_be_bytes());
    file[56..60].copy_from_slice(&1_u32.to_be_bytes());
    if let Some(name) = backing {
        file[0x200..0x200 + name.len()].copy_from_slice(name.as_bytes());
    }
    file
}

async fn snapshots_of(world: &World, owner: &str) -> Vec<imprint_model::Snapshot> {
    let query = SnapshotQuery::of(ProjectId::from(owner), REGION, ItemPage::Numbered { number: 1, size: 100 });
    world.catalogue.scan(move |tx| snapshots::list(tx, &query)).await.expect("listed").items
}

#[tokio::test]
async fn objects_become_an_image_and_snapshots_for_its_data_disks() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    let (system, data) = (noise(3_000_000, 1), qcow2(5 << 30, None));
    put(&dir, "system.raw", &system);
    put(&dir, "data.qcow2", &data);
    let disks = vec![disk("system.raw", Some(DiskFormat::Raw), Some(20)), disk("data.qcow2", None, None)];
    let (id, job) = import(&world, &me, disks).await.expect("begun");
    let before = world.service.show_image(&me, id).await.expect("shown");
    assert_eq!((before.status, before.visibility, before.disks.len()), (Status::Importing, Visibility::Private, 2));
    assert_eq!(run(&world).await, 1);

    let image = world.service.show_image(&me, id).await.expect("shown");
    assert_eq!((image.status, image.disk_format, image.min_disk_gib), (Status::Available, Some(DiskFormat::Raw), 1));
    assert_eq!(download(&world, &me, id).await.expect("bytes"), system);
    let told: Vec<_> = image.disks.iter().map(|disk| (disk.kind, disk.letter, disk.size_gib)).collect();
    assert_eq!(told, [(DiskKind::System, 'a', 20), (DiskKind::Data, 'b', 5)]);
    let places: Vec<_> = image.disks.iter().filter_map(|disk| disk.imported_from.clone()).collect();
    assert_eq!(places.iter().map(|place| place.key.as_str()).collect::<Vec<_>>(), ["system.raw", "data.qcow2"]);

    let made = snapshots_of(&world, "p").await;
    assert_eq!(made.iter().map(|snapshot| Some(snapshot.id)).collect::<Vec<_>>(), [image.disks[1].snapshot]);
    assert_eq!((made[0].disk_format, made[0].size_gib, made[0].disk), (DiskFormat::Raw, 5, None));
    world.service.collect(std::time::Duration::ZERO).await.expect("collected");
    let kept = made[0].content.as_ref().expect("bytes");
    assert_eq!((kept.size_bytes, kept.virtual_size_bytes), (5 << 30, Some(5 << 30)), "the disk inside the file");
    let reader = world.store.reader(kept.map).await.expect("collection keeps it");
    assert_eq!(reader.data_bytes(), 0);

    let job = world.service.job(&me, job).await.expect("the job");
    let all = (system.len() + data.len()) as u64;
    assert_eq!((job.state, job.done_bytes, job.total_bytes), (JobState::Succeeded, all, Some(all)));
}

#[tokio::test]
async fn what_cannot_be_a_machines_disk_fails_the_image_and_says_why() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    let mut iso = vec![0; 64 << 10];
    iso[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    let cases = [
        ("disguised", qcow2(1 << 30, None), Some(DiskFormat::Raw), None, "disk_format raw does not match"),
        ("other", noise(4096, 1), Some(DiskFormat::Qcow2), None, "disk_format qcow2 does not match"),
        ("disc", iso, None, None, "does not match stream data iso"),
        ("backed", qcow2(1 << 30, Some("/etc/passwd")), None, None, "refused"),
        ("large", qcow2(30 << 30, None), None, Some(29), "30 GiB"),
    ];
    for (key, bytes, format, size_gib, why) in cases {
        put(&dir, key, &bytes);
        let (id, job) = import(&world, &me, vec![disk(key, format, size_gib)]).await.expect("begun");
        run(&world).await;
        let image = world.service.show_image(&me, id).await.expect("shown");
        let failure = image.failure.unwrap_or_default();
        assert!(failure.contains(why), "{key}: {failure}");
        assert_eq!((image.status, image.content.is_none()), (Status::Failed, true), "{key}");
        assert_eq!(world.service.job(&me, job).await.expect("the job").state, JobState::Failed, "{key}");
    }
    assert_eq!(snapshots_of(&world, "p").await, []);
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_before_anything_is_there() {
    let limits = Limits { region_images: 1, ..Limits::default() };
    let ((world, dir), me) = (world(limits), caller("p", "member"));
    put(&dir, "disk", b"bytes");
    put(&dir, "empty", b"");
    let outside = |bucket: &str, key: &str| {
        let place = ObjectPlace { bucket: bucket.to_owned(), key: key.to_owned() };
        vec![ObjectDisk { place, format: None, size_gib: None, letter: None }]
    };
    for bucket in ["elsewhere", "..", "a/b", "", "IMAGES"] {
        let refused = import(&world, &me, outside(bucket, "disk")).await;
        assert!(matches!(refused, Err(Error::NotFound(Resource::Bucket(_)))), "{bucket}: {refused:?}");
    }
    for key in ["../images/disk", "/etc/passwd", "", &"k".repeat(1024)] {
        let refused = import(&world, &me, outside(BUCKET, key)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: Field::Object, .. })), "{key}: {refused:?}");
    }
    let absent = import(&world, &me, vec![disk("absent", None, None)]).await;
    assert!(matches!(absent, Err(Error::NotFound(Resource::Object(_)))), "{absent:?}");
    let empty = import(&world, &me, vec![disk("empty", None, None)]).await;
    assert!(matches!(empty, Err(Error::Invalid { field: Field::Data, .. })), "{empty:?}");
    let many = import(&world, &me, vec![disk("disk", None, None); 18]).await;
    assert!(matches!(many, Err(Error::OverQuota(Quota::DataDisks, 16))), "{many:?}");
    let twice = ObjectDisk { letter: Some('c'), ..disk("disk", None, None) };
    let taken = import(&world, &me, vec![disk("disk", None, None), twice.clone(), twice]).await;
    assert!(matches!(taken, Err(Error::Conflict(Conflict::DeviceTaken))), "{taken:?}");
    let reader = import(&world, &caller("p", "reader"), vec![disk("disk", None, None)]).await;
    assert!(matches!(reader, Err(Error::Denied(_))), "{reader:?}");
    let dry = Ask { dry_run: true, ..Ask::default() };
    let dry = world.service.import_objects(&me, wanted(vec![disk("disk", None, None)]), dry).await;
    assert!(matches!(dry, Err(Error::DryRun)), "{dry:?}");
    import(&world, &me, vec![disk("disk", None, None)]).await.expect("there is room for one");
    let over = import(&world, &me, vec![disk("disk", None, None)]).await;
    assert!(matches!(over, Err(Error::OverQuota(Quota::RegionImages, 1))), "{over:?}");
    assert_eq!(run(&world).await, 1, "only one was begun");
}

#[tokio::test]
async fn a_request_with_a_token_is_answered_as_before_whatever_became_of_the_object() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    put(&dir, "disk", b"bytes");
    let once = Once { scope: "r/import".into(), token: "token".into(), fingerprint: "same".into() };
    let ask = Ask { once: Some(once), dry_run: false };
    let first = world.service.import_objects(&me, wanted(vec![disk("disk", None, None)]), ask.clone()).await;
    let first = first.expect("begun");
    std::fs::remove_file(dir.path().join(BUCKET).join("disk")).expect("removed");
    let again = world.service.import_objects(&me, wanted(vec![disk("disk", None, None)]), ask).await;
    assert_eq!(again.expect("answered"), first);
}

#[tokio::test]
async fn an_import_cancelled_in_the_middle_leaves_no_image() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    put(&dir, "disk", &noise(1_000_000, 1));
    let disks = vec![disk("disk", None, None), disk("disk", None, None)];
    let (id, job) = import(&world, &me, disks.clone()).await.expect("begun");
    let now = world.clock.now();
    let leased = world.catalogue.write(move |tx| jobs::lease_next_but(tx, "worker", &[], now, now)).await;
    let row = leased.expect("leased").expect("a job");
    let taken = world.service.run_import_objects(&row, &disks).await;
    let mut ending = taken.expect("taken in");
    world.service.cancel_job(&me, job).await.expect("cancelled");
    assert!(matches!(world.service.show_image(&me, id).await, Err(Error::NotFound(_))));
    let late = world.catalogue.write(move |tx| ending(tx)).await;
    assert!(matches!(late, Err(Error::Gone)), "{late:?}");
    let again = world.service.run_import_objects(&row, &disks).await;
    assert!(again.is_err_and(|error| matches!(error, Error::Gone)), "a worker finds out by itself");
    assert_eq!(world.service.job(&me, job).await.expect("the job").state, JobState::Cancelled);
    assert_eq!((run(&world).await, snapshots_of(&world, "p").await), (0, Vec::new()));
}

#[tokio::test]
async fn an_import_whose_worker_dies_before_its_end_runs_again_and_ends_once() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    let bytes = noise(500_000, 1);
    put(&dir, "disk", &bytes);
    let disks = vec![disk("disk", None, None), disk("disk", None, None)];
    let (id, job) = import(&world, &me, disks.clone()).await.expect("begun");
    let now = world.clock.now();
    let leased = world.catalogue.write(move |tx| jobs::lease_next_but(tx, "dies", &[], now, now)).await;
    let row = leased.expect("leased").expect("a job");
    let mut dead = world.service.run_import_objects(&row, &disks).await.expect("taken in, and never written down");
    world.pass(std::time::Duration::from_secs(600));
    assert_eq!(run(&world).await, 1);
    assert_eq!(download(&world, &me, id).await.expect("bytes"), bytes);
    assert_eq!(world.service.job(&me, job).await.expect("the job").state, JobState::Succeeded);
    // the first worker was only slow, and comes back
    let late = world.catalogue.write(move |tx| dead(tx)).await;
    assert!(matches!(late, Err(Error::Gone)), "{late:?}");
    assert_eq!(snapshots_of(&world, "p").await.len(), 1);
}

async fn exported(world: &World, me: &Caller, image: &Image, format: ExportFormat) -> Result<JobId, Error> {
    let (bucket, prefix) = (BUCKET.to_owned(), Some("out".to_owned()));
    let wanted = ExportImage { image: image.id, region: REGION.to_owned(), bucket, prefix, format };
    world.service.export_image(me, wanted, Ask::default()).await
}

fn object(dir: &Path, image: &Image, rest: &str) -> std::path::PathBuf {
    dir.join(BUCKET).join(format!("out_m-{}_{rest}", image.id.short()))
}

#[tokio::test]
async fn an_image_is_exported_as_what_is_asked_for() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    let (system, data) = (noise(20 << 20, 1), noise(100_000, 2));
    put(&dir, "system", &system);
    put(&dir, "data", &data);
    let (id, _) = import(&world, &me, vec![disk("system", None, None), disk("data", None, None)]).await.expect("begun");
    run(&world).await;
    let image = world.service.show_image(&me, id).await.expect("shown");
    let job = exported(&world, &me, &image, ExportFormat::Raw).await.expect("begun");
    let beside = exported(&world, &me, &image, ExportFormat::Raw).await;
    assert!(matches!(beside, Err(Error::Conflict(Conflict::ImageExporting))), "{beside:?}");
    for _ in 0..2 {
        run(&world).await;
        assert!(std::fs::read(object(dir.path(), &image, "system.raw")).expect("an object") == system);
        assert!(std::fs::read(object(dir.path(), &image, "data1.raw")).expect("an object") == data);
        exported(&world, &me, &image, ExportFormat::Raw).await.expect("once more over the same objects");
    }
    let job = world.service.job(&me, job).await.expect("the job");
    let all = (system.len() + data.len()) as u64;
    assert_eq!((job.state, job.done_bytes, job.total_bytes), (JobState::Succeeded, all, Some(all)));
    let converted = exported(&world, &me, &image, ExportFormat::Vhd).await;
    assert!(matches!(&converted, Err(Error::Conflict(Conflict::ImageExporting))), "{converted:?}");
    run(&world).await;
    exported(&world, &me, &image, ExportFormat::Vhd).await.expect("begun");
    run(&world).await;
    let written = std::fs::read(object(dir.path(), &image, "data1.vhd")).expect("an object");
    let inside = imprint_disk::open(std::sync::Arc::new(written), imprint_disk::Format::Vhd).expect("sound").guest;
    let mut bytes = vec![0; data.len()];
    inside.read_at(0, &mut bytes).expect("read");
    assert!(bytes == data);
}

#[tokio::test]
async fn only_an_own_complete_private_image_is_exported() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    let queued = create(&world, &me, raw()).await;
    let early = exported(&world, &me, &queued, ExportFormat::Raw).await;
    assert!(matches!(early, Err(Error::Conflict(Conflict::ImageNotAvailable))), "{early:?}");
    let image = upload(&world, &me, queued.id, b"data").await.expect("uploaded");
    let stranger = exported(&world, &caller("q", "member"), &image, ExportFormat::Raw).await;
    assert!(matches!(stranger, Err(Error::NotFound(Resource::Image(_)))), "{stranger:?}");
    let wanted = ExportImage {
        image: image.id,
        region: REGION.to_owned(),
        bucket: "elsewhere".to_owned(),
        prefix: None,
        format: ExportFormat::Raw,
    };
    let nowhere = world.service.export_image(&me, wanted.clone(), Ask::default()).await;
    assert!(matches!(nowhere, Err(Error::NotFound(Resource::Bucket(_)))), "{nowhere:?}");
    let upwards = ExportImage { bucket: BUCKET.to_owned(), prefix: Some("../up".to_owned()), ..wanted };
    let upwards = world.service.export_image(&me, upwards, Ask::default()).await;
    assert!(matches!(upwards, Err(Error::Invalid { field: Field::Object, .. })), "{upwards:?}");
    let community = vec![Change::Visibility(Visibility::Community)];
    let image = world.service.update_image(&me, image.id, community).await.expect("published");
    let public = exported(&world, &me, &image, ExportFormat::Raw).await;
    assert!(matches!(public, Err(Error::Conflict(Conflict::ImagePublic))), "{public:?}");
    assert_eq!(std::fs::read_dir(dir.path().join(BUCKET)).expect("listed").count(), 0);
}

#[tokio::test]
async fn an_export_that_was_cancelled_writes_no_object() {
    let ((world, dir), me) = (world(Limits::default()), caller("p", "member"));
    let image = create(&world, &me, raw()).await;
    let image = upload(&world, &me, image.id, b"data").await.expect("uploaded");
    let job = exported(&world, &me, &image, ExportFormat::Raw).await.expect("begun");
    let row = world.service.job(&me, job).await.expect("the job");
    world.service.cancel_job(&me, job).await.expect("cancelled");
    let late = world.service.carry_out_work(&row).await;
    assert!(late.is_err_and(|error| matches!(error, Error::Gone)));
    assert_eq!(run(&world).await, 0);
    assert_eq!(std::fs::read_dir(dir.path().join(BUCKET)).expect("listed").count(), 0);
    exported(&world, &me, &image, ExportFormat::Raw).await.expect("another one may begin");
}
