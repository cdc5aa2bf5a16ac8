//! Imports: jobs that end with data, or with the image as it was.

use std::time::Duration;

use bytes::Bytes;
use imprint_catalogue::jobs;
use imprint_model::{Caller, Clock, DiskFormat, ImageId, Job, JobId, JobState, Status};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::disks::{disk, qcow2};
use super::{create, download, raw, upload};
use crate::testing::{World, caller};
use crate::{
    Change, Error, Field, ImportConversion, ImportImage, ImportSource, JobFilter, KEY_FAILED_IMPORT, KEY_IMPORT_TASK,
    Limits, Quota, Runner, SafetyPolicy, Settings,
};

async fn import(world: &World, me: &Caller, id: ImageId, source: ImportSource) -> Result<Job, Error> {
    let wanted = ImportImage { source, request: json!({"asked": true}), credential: None };
    world.service.import_image(me, id, wanted).await
}

async fn stage(world: &World, me: &Caller, id: ImageId, data: &[u8]) {
    let mut staging = world.service.begin_staging(me, id, None).await.expect("begun");
    staging.write(Bytes::copy_from_slice(data)).await.expect("taken");
    staging.finish().await.expect("staged");
}

#[tokio::test]
async fn staged_bytes_count_once_against_the_accounts_limit() {
    let limits = Limits { account_bytes: 20, ..Limits::default() };
    let (world, me) = (World::with(Settings { limits, ..Settings::default() }), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    stage(&world, &me, id, b"staged bytes").await;
    import(&world, &me, id, ImportSource::Staged).await.expect("begun");
    assert_eq!(Runner::new(world.service.clone()).run_waiting().await.expect("ran"), 1);
    assert_eq!(world.service.show_image(&me, id).await.expect("shown").status, Status::Available);
}

/// Answers every connection once with `data`, as an HTTP server would.
async fn serve(data: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", data.len());
            let _ = stream.write_all(&[head.as_bytes(), data].concat()).await;
        }
    });
    format!("http://{address}/disk")
}

#[tokio::test]
async fn staged_bytes_become_the_images_data() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    assert!(matches!(import(&world, &me, id, ImportSource::Staged).await, Err(Error::WrongStatus(Status::Queued))));
    stage(&world, &me, id, b"staged bytes").await;
    let staged = world.service.show_image(&me, id).await.expect("shown");
    assert_eq!((staged.status, staged.size_bytes()), (Status::Staged, Some(12)));
    let job = import(&world, &me, id, ImportSource::Staged).await.expect("begun");
    let importing = world.service.show_image(&me, id).await.expect("shown");
    assert_eq!(importing.status, Status::Importing);
    assert_eq!(importing.properties[KEY_IMPORT_TASK], Some(job.id.to_string()));
    assert_eq!(Runner::new(world.service.clone()).run_waiting().await.expect("ran"), 1);
    let image = world.service.show_image(&me, id).await.expect("shown");
    assert_eq!((image.status, &image.staged), (Status::Available, &None));
    assert!(!image.properties.contains_key(KEY_IMPORT_TASK));
    assert_eq!(download(&world, &me, id).await.expect("bytes"), b"staged bytes");
    let seen = world.service.image_jobs(&me, id).await.expect("jobs");
    assert_eq!(seen.iter().map(|job| job.state).collect::<Vec<_>>(), [JobState::Succeeded]);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_become_what_the_operator_wants() {
    let me = caller("p", "member");
    let (plain, encrypted) = (qcow2(|_| ()), qcow2(|file| file[32..36].copy_from_slice(&2_u32.to_be_bytes())));
    for conversion in ImportConversion::ALL {
        let safety_policy = SafetyPolicy::Report;
        let world = World::with(Settings { import_conversion: *conversion, safety_policy, ..Settings::default() });
        let imported = async |file: &[u8]| {
            let changes = [raw(), vec![Change::DiskFormat(Some(DiskFormat::Qcow2))]].concat();
            let id = create(&world, &me, changes).await.id;
            stage(&world, &me, id, file).await;
            import(&world, &me, id, ImportSource::Staged).await.expect("begun");
            Runner::new(world.service.clone()).run_waiting().await.expect("ran");
            world.service.show_image(&me, id).await.expect("shown")
        };
        let image = imported(&plain).await;
        assert_eq!((image.status, &image.staged), (Status::Available, &None), "{:?}", image.failure);
        let data = download(&world, &me, image.id).await.expect("bytes");
        match conversion {
            ImportConversion::None => assert!((image.disk_format, data) == (Some(DiskFormat::Qcow2), plain.clone())),
            ImportConversion::Raw => {
                assert_eq!(image.disk_format, Some(DiskFormat::Raw));
                assert!(data[..disk().len()] == disk()[..]);
                let id = create(&world, &me, raw()).await.id;
                let uploaded = upload(&world, &me, id, &data).await.expect("uploaded");
                assert_eq!(image.content, uploaded.content, "digests and sizes are those of the raw disk");
            }
        }
        let image = imported(&encrypted).await;
        let kept = (image.status, image.disk_format, image.size_bytes());
        assert_eq!(kept, (Status::Available, Some(DiskFormat::Qcow2), Some(encrypted.len() as u64)), "kept as it came");
    }
}

#[tokio::test]
async fn a_job_whose_image_is_done_with_changes_nothing_and_says_so() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    stage(&world, &me, id, b"once").await;
    let job = import(&world, &me, id, ImportSource::Staged).await.expect("begun");
    let runner = Runner::new(world.service.clone());
    runner.run_waiting().await.expect("ran");
    let before = world.service.show_image(&me, id).await.expect("shown");
    let again = Job { id: JobId::random(), ..job };
    let row = again.clone();
    world.catalogue.write(move |tx| jobs::insert(tx, &row)).await.expect("inserted");
    assert_eq!(runner.run_waiting().await.expect("ran"), 1);
    assert_eq!(world.service.show_image(&me, id).await.expect("shown"), before);
    assert_eq!(world.service.job(&me, again.id).await.expect("the job").state, JobState::Failed);
}

#[tokio::test]
async fn a_job_whose_worker_died_is_taken_up_and_ended_by_another() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    stage(&world, &me, id, b"survives").await;
    let job = import(&world, &me, id, ImportSource::Staged).await.expect("begun");
    let now = world.clock.now();
    let until = now.after(Duration::from_secs(60));
    let dead = world.catalogue.write(move |tx| jobs::lease_next_but(tx, "a worker that dies", &[], now, until)).await;
    assert_eq!(dead.expect("leased").map(|job| job.id), Some(job.id));
    let runner = Runner::new(world.service.clone());
    assert_eq!(runner.run_waiting().await.expect("ran"), 0, "the lease still runs");
    world.pass(Duration::from_secs(600));
    assert_eq!(runner.run_waiting().await.expect("ran"), 1);
    assert_eq!(download(&world, &me, id).await.expect("bytes"), b"survives");
    assert_eq!(world.service.job(&me, job.id).await.expect("the job").state, JobState::Succeeded);
}

#[tokio::test]
async fn imports_are_held_to_the_limits_of_the_account() {
    let me = caller("p", "member");
    let limits = Limits { account_bytes: 10, account_uploads: 1, ..Limits::default() };
    let trusted = vec!["127.0.0.1".into()];
    let world = World::with(Settings { limits, import_trusted_hosts: trusted, ..Settings::default() });
    let url = serve(b"more than ten bytes").await;
    let (first, second) = (create(&world, &me, raw()).await.id, create(&world, &me, raw()).await.id);
    import(&world, &me, first, ImportSource::Url { url: url.clone() }).await.expect("begun");
    let beside = import(&world, &me, second, ImportSource::Url { url }).await;
    assert!(matches!(beside, Err(Error::OverQuota(Quota::AccountUploads, 1))), "{beside:?}");
    Runner::new(world.service.clone()).run_waiting().await.expect("ran");
    let image = world.service.show_image(&me, first).await.expect("shown");
    assert_eq!((image.status, image.size_bytes()), (Status::Queued, None), "over the account's bytes");
}

#[tokio::test]
async fn a_url_is_fetched_where_the_operator_allows_it() {
    let me = caller("p", "member");
    let settings = Settings { import_trusted_hosts: vec!["127.0.0.1".into()], ..Settings::default() };
    let world = World::with(settings);
    let url = serve(b"from afar").await;
    let id = create(&world, &me, raw()).await.id;
    import(&world, &me, id, ImportSource::Url { url }).await.expect("begun");
    Runner::new(world.service.clone()).run_waiting().await.expect("ran");
    assert_eq!(download(&world, &me, id).await.expect("bytes"), b"from afar");
}

#[tokio::test]
async fn a_url_inside_is_refused_before_anything_happens() {
    let (world, me) = (World::new(), caller("p", "member"));
    let url = serve(b"inner secret").await;
    let id = create(&world, &me, raw()).await.id;
    let refused = import(&world, &me, id, ImportSource::Url { url }).await;
    assert!(matches!(refused, Err(Error::Invalid { field: Field::Source, .. })));
    assert_eq!(world.service.show_image(&me, id).await.expect("shown").status, Status::Queued);
}

#[tokio::test]
async fn a_failed_import_leaves_the_image_queued_and_says_why() {
    let me = caller("p", "member");
    let settings = Settings { import_trusted_hosts: vec!["127.0.0.1".into()], ..Settings::default() };
    let world = World::with(settings);
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let id = create(&world, &me, raw()).await.id;
    let url = format!("http://{free}/nobody");
    let job = import(&world, &me, id, ImportSource::Url { url }).await.expect("begun");
    Runner::new(world.service.clone()).run_waiting().await.expect("ran");
    let image = world.service.show_image(&me, id).await.expect("shown");
    assert_eq!((image.status, image.size_bytes()), (Status::Queued, None));
    assert_eq!(image.properties[KEY_FAILED_IMPORT].as_deref(), Some("default"));
    let job = world.service.job(&me, job.id).await.expect("the job");
    assert_eq!(job.state, JobState::Failed);
    assert!(job.message.contains("could not be fetched"), "{}", job.message);
    assert!(matches!(world.service.job(&caller("other", "member"), job.id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_page_after_a_job_that_is_not_there_is_the_askers_mistake() {
    let (world, me) = (World::new(), caller("p", "member"));
    let filter = JobFilter { after: Some(imprint_model::JobId::random()), ..JobFilter::default() };
    assert!(matches!(world.service.jobs(&me, filter).await, Err(Error::Invalid { field: Field::Marker, .. })));
}

#[tokio::test]
async fn a_copy_is_for_operators_and_needs_data() {
    let (world, me, admin) = (World::new(), caller("p", "member"), caller("ops", "admin"));
    let id = create(&world, &me, raw()).await.id;
    assert!(matches!(world.service.check_copy(&me, id).await, Err(Error::Denied(_))));
    assert!(matches!(world.service.check_copy(&admin, id).await, Err(Error::WrongStatus(Status::Queued))));
    upload(&world, &me, id, b"data").await.expect("uploaded");
    world.service.check_copy(&admin, id).await.expect("there is something to copy");
}
