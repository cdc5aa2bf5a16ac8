//! Images that are asked for together, by jobs that are known again, and what is said of those that failed.

use std::path::Path;

use imprint_model::{
    Caller, DiskFormat, DiskKind, DiskStatus, ImageId, InstanceStatus, JobId, JobState, ObjectPlace, Status,
};
use serde_json::json;
use tempfile::TempDir;

use super::stock::{amounts, disk_of, install, machine, named, run, shown, uploaded, wish};
use super::{create, raw};
use crate::testing::{World, caller};
use crate::{
    Ask, Cause, Change, Conflict, CopyImage, Error, ExportFormat, ExportImage, ExportTo, Field, ImageSource,
    ImportImage, ImportObjects, ImportSource, JobMark, NewImage, ObjectDisk, Resource, Settings, job_cause, job_label,
    jobs_with,
};

const BUCKET: &str = "images";

fn world() -> (World, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join(BUCKET)).expect("a bucket");
    (World::with(Settings { buckets_dir: Some(dir.path().to_owned()), ..Settings::default() }), dir)
}

fn put(dir: &TempDir, key: &str, bytes: &[u8]) -> ObjectPlace {
    std::fs::write(dir.path().join(BUCKET).join(key), bytes).expect("an object");
    ObjectPlace { bucket: BUCKET.to_owned(), key: key.to_owned() }
}

fn import(place: &ObjectPlace, format: Option<DiskFormat>, size_gib: Option<u32>) -> ImportObjects {
    ImportObjects {
        id: ImageId::random(),
        region: "local-1".to_owned(),
        name: Some("n".to_owned()),
        facts: imprint_model::Facts::default(),
        tags: [].into(),
        disks: vec![ObjectDisk { place: place.clone(), format, size_gib, letter: None }],
    }
}

async fn cause_of(world: &World, me: &Caller, job: JobId) -> Option<Cause> {
    job_cause(&world.service.job(me, job).await.expect("the job"))
}

#[tokio::test]
async fn images_are_made_together_or_not_at_all() {
    let (world, me) = (World::new(), caller("p", "member"));
    let origin = uploaded(&world, &me, b"the system disk").await;
    let server = machine(&me, origin.id);
    let system = disk_of(&server, DiskKind::System, 'a', origin.content.clone());
    let data = disk_of(&server, DiskKind::Data, 'b', origin.content.clone());
    let of_data = data.id;
    let id = install(&world, server, vec![system, data]).await;
    let before = amounts(&world, &me, origin.id).await;

    let one = || (named(ImageSource::SystemDisk(id), "same"), NewImage::by(JobMark::new("first")));
    let absent = (wish(ImageSource::Disk(imprint_model::DiskId::random())), NewImage::by(JobMark::new("second")));
    let refused = world.service.make_images(&me, vec![one(), absent], Some(JobMark::new("both"))).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::Disk(_)))), "{refused:?}");
    assert_eq!(amounts(&world, &me, origin.id).await, before, "nothing was made");

    let (first, mut second) =
        (one(), (named(ImageSource::Disk(of_data), "same"), NewImage::by(JobMark::new("second"))));
    second.1.properties.insert("kind".to_owned(), "data".to_owned());
    second.1.min_disk_gib = 50;
    let (ids, jobs) = ([first.0.id, second.0.id], vec![first.1.job.id, second.1.job.id]);
    let group = JobMark { with: jobs.clone(), ..JobMark::new("both") };
    let whole = group.id;
    world.service.make_images(&me, vec![first, second], Some(group)).await.expect("made, of one name");
    assert_eq!(run(&world).await, 2);
    for (id, min_disk_gib) in ids.into_iter().zip([40, 50]) {
        let image = shown(&world, &me, id).await;
        assert_eq!((image.status, image.disks.len(), image.min_disk_gib), (Status::Available, 1, min_disk_gib));
        assert_eq!(image.content, origin.content);
    }
    assert_eq!(shown(&world, &me, ids[1]).await.properties["kind"].as_deref(), Some("data"));
    let job = world.service.job(&me, whole).await.expect("the group");
    assert_eq!((job.state, job_label(&job), jobs_with(&job)), (JobState::Succeeded, Some("both"), jobs.clone()));
    assert_eq!(job_label(&world.service.job(&me, jobs[0]).await.expect("a job")), Some("first"));
}

#[tokio::test]
async fn one_disk_must_hold_still_but_need_not_have_a_machine() {
    let (world, me) = (World::new(), caller("p", "member"));
    let origin = uploaded(&world, &me, b"the system disk").await;
    let make = async |source| {
        let one = vec![(wish(source), NewImage::by(JobMark::new("")))];
        world.service.make_images(&me, one, None).await
    };
    let server = machine(&me, origin.id);
    let mut free = disk_of(&server, DiskKind::Data, 'c', None);
    (free.status, free.instance, free.letter, free.was_attached) = (DiskStatus::Available, None, None, false);
    let leaving = imprint_model::Disk {
        status: DiskStatus::Detaching,
        ..disk_of(&server, DiskKind::Data, 'b', origin.content.clone())
    };
    let (free_id, leaving_id) = (free.id, leaving.id);
    let no_system = install(&world, server, vec![leaving, free]).await;
    make(ImageSource::Disk(free_id)).await.expect("made of a disk that nothing was written to");
    let refused = make(ImageSource::Disk(leaving_id)).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::DiskStatus))), "{refused:?}");
    let refused = make(ImageSource::SystemDisk(no_system)).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::NoSystemDisk))), "{refused:?}");
    let mut runs = machine(&me, origin.id);
    runs.status = InstanceStatus::Running;
    let busy = disk_of(&runs, DiskKind::Data, 'b', None);
    let busy_id = busy.id;
    install(&world, runs, vec![busy]).await;
    let refused = make(ImageSource::Disk(busy_id)).await;
    assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    let (other, mine) =
        (caller("q", "member"), vec![(wish(ImageSource::Disk(free_id)), NewImage::by(JobMark::new("")))]);
    let refused = world.service.make_images(&other, mine, None).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::Disk(_)))), "{refused:?}");
}

#[tokio::test]
async fn a_queued_image_takes_an_object_for_what_it_is() {
    let ((world, dir), me) = (world(), caller("p", "member"));
    let place = put(&dir, "disk", b"some bytes");
    let take_as = async |id, place: &ObjectPlace, label: &str, as_found: bool| {
        let source = ImportSource::Object { place: place.clone(), as_found };
        let wanted = ImportImage { source, request: serde_json::Value::Null, credential: None };
        world.service.import_image_as(&me, id, wanted, JobMark::new(label)).await
    };
    let take = async |id, place: &ObjectPlace, label: &str| take_as(id, place, label, false).await;
    let bare = create(&world, &me, Vec::new()).await;
    let job = take(bare.id, &place, "a label").await.expect("begun");
    assert_eq!((job_label(&job), run(&world).await), (Some("a label"), 1));
    let image = shown(&world, &me, bare.id).await;
    assert_eq!(
        (image.status, image.disk_format, image.size_bytes()),
        (Status::Available, Some(DiskFormat::Raw), Some(10))
    );
    assert!(matches!(take(bare.id, &place, "").await, Err(Error::WrongStatus(Status::Available))));

    let declared = create(&world, &me, raw()).await;
    let absent = ObjectPlace { key: "absent".to_owned(), ..place.clone() };
    assert!(matches!(take(declared.id, &absent, "").await, Err(Error::NotFound(Resource::Object(_)))));
    let empty = put(&dir, "empty", b"");
    assert!(matches!(take(declared.id, &empty, "").await, Err(Error::Invalid { field: Field::Data, .. })));
    let mut disc = vec![0; 64 << 10];
    disc[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    let job = take(declared.id, &put(&dir, "disc", &disc), "").await.expect("begun");
    run(&world).await;
    assert_eq!(cause_of(&world, &me, job.id).await, Some(Cause::Data), "a disc is no raw disk");
    assert_eq!(shown(&world, &me, declared.id).await.status, Status::Queued);

    let mistaken = create(&world, &me, vec![Change::DiskFormat(Some(DiskFormat::Vhd))]).await;
    let job = take(mistaken.id, &place, "").await.expect("begun");
    run(&world).await;
    assert_eq!(cause_of(&world, &me, job.id).await, Some(Cause::Data), "it is no such disk");
    take_as(mistaken.id, &place, "", true).await.expect("begun");
    run(&world).await;
    let image = shown(&world, &me, mistaken.id).await;
    assert_eq!((image.status, image.disk_format), (Status::Available, Some(DiskFormat::Raw)));
}

#[tokio::test]
async fn why_a_job_failed_is_in_its_row() {
    let ((world, dir), me) = (world(), caller("p", "member"));
    let mut disc = vec![0; 64 << 10];
    disc[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    let disc = put(&dir, "disc", &disc);
    let gone = put(&dir, "gone", b"bytes");
    let wanted = [
        (import(&disc, None, None), Some(Cause::Data)),
        (import(&disc, Some(DiskFormat::Iso), None), None),
        (import(&gone, None, None), Some(Cause::Source)),
    ];
    let mut jobs = Vec::new();
    let images = wanted.map(|(one, cause)| {
        let new = NewImage::by(JobMark::new("x"));
        jobs.push((new.job.id, cause));
        (one, new)
    });
    world.service.import_images(&me, images.into(), None).await.expect("begun");
    std::fs::remove_file(dir.path().join(BUCKET).join("gone")).expect("there");
    run(&world).await;
    for (job, cause) in jobs {
        assert_eq!(cause_of(&world, &me, job).await, cause);
    }
}

#[tokio::test]
async fn an_export_to_a_key_that_was_told_replaces_nothing() {
    let ((world, dir), me) = (world(), caller("p", "member"));
    let image = uploaded(&world, &me, b"the bytes").await;
    let export = async |key: &str| {
        let (bucket, format) = (BUCKET.to_owned(), ExportFormat::Raw);
        let wanted = ExportImage { image: image.id, region: "local-1".to_owned(), bucket, prefix: None, format };
        let to = ExportTo { key: Some(key.to_owned()), job: JobMark::new("out") };
        world.service.export_image_as(&me, wanted, to, Ask::default()).await
    };
    let job = export("dir/file").await.expect("begun");
    run(&world).await;
    let path: &Path = dir.path();
    assert_eq!(std::fs::read(path.join(BUCKET).join("dir/file")).expect("a file"), b"the bytes");
    assert_eq!(job_label(&world.service.job(&me, job).await.expect("the job")), Some("out"));
    let again = export("dir/file").await;
    assert!(matches!(again, Err(Error::Duplicate(Field::Object))), "{again:?}");
    let outside = export("../file").await;
    assert!(matches!(outside, Err(Error::Invalid { field: Field::Object, .. })), "{outside:?}");
}

#[tokio::test]
async fn a_copy_may_share_its_name_and_says_more() {
    let (world, me) = (World::new(), caller("p", "member"));
    let image = uploaded(&world, &me, b"the bytes").await;
    for _ in 0..2 {
        let wanted = CopyImage {
            id: ImageId::random(),
            source: image.id,
            from_region: "local-1".to_owned(),
            to_region: "local-1".to_owned(),
            name: Some("copy".to_owned()),
            description: None,
            resource_group: None,
            tags: [].into(),
        };
        let mut new = NewImage::by(JobMark::new("copying"));
        new.properties.insert("more".to_owned(), "said".to_owned());
        let job = new.job.id;
        let copy = world.service.copy_image_as(&me, wanted, new, Ask::default()).await.expect("copied");
        run(&world).await;
        assert_eq!(shown(&world, &me, copy).await.properties["more"].as_deref(), Some("said"));
        let job = world.service.job(&me, job).await.expect("the job");
        assert_eq!((job.state, job.image), (JobState::Succeeded, Some(copy)));
    }
}

#[tokio::test]
async fn what_was_done_at_once_can_be_noted_as_a_job() {
    let (world, me) = (World::new(), caller("p", "member"));
    let done = world.service.note_job(&me, JobMark::new("sharing"), Ok(json!({ "shared": 2 }))).await.expect("noted");
    let failed = world.service.note_job(&me, JobMark::new("sharing"), Err("no".to_owned())).await.expect("noted");
    let job = world.service.job(&me, done).await.expect("a job");
    assert_eq!(
        (job.state, job.result.clone(), job.ended_at),
        (JobState::Succeeded, Some(json!({ "shared": 2 })), Some(job.created_at))
    );
    let job = world.service.job(&me, failed).await.expect("a job");
    assert_eq!((job.state, job.message.as_str(), job_cause(&job)), (JobState::Failed, "no", Some(Cause::Refused)));
    assert_eq!(run(&world).await, 0, "nobody has to carry it out");
    let looked = world.service.cancel_job(&me, done).await;
    assert!(matches!(looked, Err(Error::Conflict(Conflict::JobNotStoppable))), "{looked:?}");
    let reader = world.service.note_job(&caller("p", "reader"), JobMark::new("x"), Ok(json!(null))).await;
    assert!(matches!(reader, Err(Error::Denied(_))), "{reader:?}");
}
