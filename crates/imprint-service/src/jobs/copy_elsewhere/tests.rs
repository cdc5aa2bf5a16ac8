use std::collections::BTreeMap;

use bytes::Bytes;
use imprint_model::{ContainerFormat, DiskFormat};
use parking_lot::Mutex;

use super::*;
use crate::elsewhere::{Elsewhere, Errand};
use crate::testing::{World, caller};
use crate::{Change, CreateImage, JobFilter, Once, Runner};

const FAR: &str = "far";

/// Another installation that notes what it was asked, and answers all of it alike.
#[derive(Debug)]
struct Fake {
    regions: BTreeMap<String, String>,
    refuses: bool,
    sent: Mutex<Vec<Image>>,
    taken_back: Mutex<Vec<ImageId>>,
}

impl Elsewhere for Fake {
    fn regions(&self) -> &BTreeMap<String, String> {
        &self.regions
    }

    fn send<'a>(&'a self, _: &'a str, parcel: Parcel, told: Arc<Told>) -> Errand<'a, ()> {
        Box::pin(async move {
            told.at(parcel.disk.size_bytes());
            self.sent.lock().push(parcel.image);
            if self.refuses { Err(Error::Denied("it is full there".to_owned())) } else { Ok(()) }
        })
    }

    fn take_back<'a>(&'a self, _: &'a str, id: ImageId, _: bool) -> Errand<'a, ()> {
        Box::pin(async move {
            self.taken_back.lock().push(id);
            Ok(())
        })
    }
}

struct Scene {
    world: World,
    service: Service,
    fake: Arc<Fake>,
    me: Caller,
    source: ImageId,
}

impl Scene {
    async fn new(refuses: bool) -> Self {
        let world = World::new();
        let fake = Arc::new(Fake {
            regions: BTreeMap::from([(FAR.to_owned(), "http://far".to_owned())]),
            refuses,
            sent: Mutex::default(),
            taken_back: Mutex::default(),
        });
        let service = world.service.clone().with_elsewhere(Arc::<Fake>::clone(&fake));
        let me = caller("me", "member");
        let changes = vec![
            Change::DiskFormat(Some(DiskFormat::Raw)),
            Change::ContainerFormat(Some(ContainerFormat::Bare)),
            Change::MinDiskGib(7),
        ];
        let wanted = CreateImage { id: None, owner: None, changes };
        let source = service.create_image(&me, wanted).await.expect("an image").id;
        let mut upload = service.begin_upload(&me, source, None).await.expect("begins");
        upload.write(Bytes::from_static(b"the disk")).await.expect("taken");
        upload.finish().await.expect("uploaded");
        Self { world, service, fake, me, source }
    }

    fn wanted(&self) -> CopyImage {
        CopyImage {
            id: ImageId::random(),
            source: self.source,
            from_region: self.service.settings().home_region().to_owned(),
            to_region: FAR.to_owned(),
            name: Some("copied".to_owned()),
            description: None,
            resource_group: None,
            tags: BTreeSet::from(["k=v".to_owned()]),
        }
    }

    async fn copy(&self) -> ImageId {
        self.service.copy_image_elsewhere(&self.me, self.wanted(), Ask::default()).await.expect("begins")
    }

    async fn run(&self) {
        Runner::new(self.service.clone()).run_waiting().await.expect("the queue answers");
    }

    /// The jobs of this kind.
    async fn jobs(&self, kind: &str) -> Vec<Job> {
        let filter = JobFilter { kind: Some(kind.to_owned()), ..JobFilter::default() };
        self.service.jobs(&self.me, filter).await.expect("listed")
    }
}

#[tokio::test]
async fn a_copy_carries_the_record_and_is_a_job_here() {
    let scene = Scene::new(false).await;
    let id = scene.copy().await;
    scene.run().await;
    let image = scene.fake.sent.lock()[0].clone();
    assert_eq!((image.id, image.name.as_deref(), image.min_disk_gib), (id, Some("copied"), 7));
    assert!(image.tags.contains("k=v") && image.facts.copied_from.is_none());
    let job = scene.jobs(Work::COPY_ELSEWHERE).await.remove(0);
    assert_eq!((job.state, job.image), (JobState::Succeeded, Some(id)));
    assert!(scene.fake.taken_back.lock().is_empty());
    let late = scene.service.cancel_copy_elsewhere(&scene.me, FAR, id).await;
    assert!(matches!(late, Err(Error::Conflict(Conflict::CopyCompleted))), "{late:?}");
}

#[tokio::test]
async fn a_refused_copy_keeps_the_cause_and_is_taken_back() {
    let scene = Scene::new(true).await;
    let id = scene.copy().await;
    scene.run().await;
    let job = scene.jobs(Work::COPY_ELSEWHERE).await.remove(0);
    assert_eq!((job.state, job.message.contains("it is full there")), (JobState::Failed, true), "{}", job.message);
    assert_eq!(*scene.fake.taken_back.lock(), [id]);
}

#[tokio::test]
async fn a_cancelled_copy_is_taken_back_by_whoever_lives() {
    let scene = Scene::new(false).await;
    let (by_image, by_job) = (scene.copy().await, scene.copy().await);
    for (stranger, region) in [(caller("other", "member"), FAR), (scene.me.clone(), "nearer")] {
        let refused = scene.service.cancel_copy_elsewhere(&stranger, region, by_image).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    }
    scene.service.cancel_copy_elsewhere(&scene.me, FAR, by_image).await.expect("cancelled");
    let jobs = scene.jobs(Work::COPY_ELSEWHERE).await;
    let job = jobs.iter().find(|job| job.image == Some(by_job)).expect("a job");
    scene.service.cancel_job(&scene.me, job.id).await.expect("cancelled");
    scene.run().await;
    assert!(scene.fake.sent.lock().is_empty());
    assert_eq!(scene.fake.taken_back.lock().iter().collect::<BTreeSet<_>>(), BTreeSet::from([&by_image, &by_job]));
}

#[tokio::test]
async fn what_cannot_be_copied_begins_nothing() {
    let scene = Scene::new(false).await;
    let dry = Ask { dry_run: true, ..Ask::default() };
    let dry = scene.service.copy_image_elsewhere(&scene.me, scene.wanted(), dry).await;
    assert!(matches!(dry, Err(Error::DryRun)), "{dry:?}");
    let nowhere = CopyImage { to_region: "nowhere".to_owned(), ..scene.wanted() };
    let nowhere = scene.service.copy_image_elsewhere(&scene.me, nowhere, Ask::default()).await;
    assert!(matches!(nowhere, Err(Error::NotFound(Resource::Region(_)))), "{nowhere:?}");
    let stranger = scene.service.copy_image_elsewhere(&caller("other", "member"), scene.wanted(), Ask::default()).await;
    assert!(stranger.is_err(), "{stranger:?}");
    assert!(scene.jobs(Work::COPY_ELSEWHERE).await.is_empty());
    let once = Once { scope: String::new(), token: "t".to_owned(), fingerprint: String::new() };
    let ask = Ask { once: Some(once), ..Ask::default() };
    let first = scene.service.copy_image_elsewhere(&scene.me, scene.wanted(), ask.clone()).await.expect("begins");
    let again = scene.service.copy_image_elsewhere(&scene.me, scene.wanted(), ask).await.expect("answered");
    assert_eq!((first, scene.jobs(Work::COPY_ELSEWHERE).await.len()), (again, 1));
    // its original went away before it began
    let source = scene.source;
    let now = scene.world.service.clock.now();
    scene.world.catalogue.write(move |tx| Ok::<_, Error>(images::delete(tx, source, now)?)).await.expect("deleted");
    scene.run().await;
    assert_eq!(scene.jobs(Work::COPY_ELSEWHERE).await[0].state, JobState::Failed);
}

#[test]
fn the_remaining_time_follows_from_what_was_done() {
    let told = Told::default();
    let text = |told: &Told| progress_text("far", told, 400 << 20, Duration::from_secs(10));
    assert_eq!(text(&told), "0 of 400 MiB are in far, 0 MiB sent");
    told.at(100 << 20);
    told.sent(3 << 20);
    assert_eq!(text(&told), "100 of 400 MiB are in far, 3 MiB sent, 30 seconds remaining");
    told.at(u64::MAX);
    assert!(text(&told).ends_with(" 0 seconds remaining"));
}
