//! Random requests, runners that die and a clock that jumps: whatever happens, names stay unique, limits hold, and jobs
//! and images agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use imprint_catalogue::{images, jobs};
use imprint_model::{
    Caller, Clock, Direction, Facts, Image, ImageId, ImageQuery, Page, ProjectId, Reach, SnapshotId, SortKey, Status,
    Visibility,
};

use super::stock::{HERE, allow, dry, named, once, run, some_snapshot};
use crate::testing::{World, caller};
use crate::{Ask, Change, CopyImage, FactChange, ImageSource, MakeImage, Sharing, UpdateRules};

const STEPS: usize = 400;
const NAMES: u64 = 6;
const FAMILIES: u64 = 4;
/// Limits that the walk runs into.
const IMAGES_MAX: usize = 9;
const FAMILY_IMAGES_MAX: usize = 2;
const FAMILIES_MAX: usize = 2;

/// Numbers that are the same in every run.
struct Dice(blake3::OutputReader);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    fn below(&mut self, sides: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    }

    /// An id that is the same in every run.
    fn id(&mut self) -> ImageId {
        let digits = format!("{:016x}{:016x}", self.below(u64::MAX), self.below(u64::MAX));
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        parts.join("-").parse().expect("an id")
    }

    fn one_of<T: Copy>(&mut self, things: &[T]) -> Option<T> {
        let sides = u64::try_from(things.len()).expect("few");
        (sides > 0).then(|| things[usize::try_from(self.below(sides)).expect("few")])
    }
}

struct Walk {
    world: World,
    me: Caller,
    snapshot: SnapshotId,
    dice: Dice,
    /// What requests with these tokens were answered.
    answers: BTreeMap<String, ImageId>,
}

impl Walk {
    async fn images(&self) -> Vec<Image> {
        let own = Some(ProjectId::from("p"));
        let reach = Reach { everything: false, own, public: false, community: false, shared: None };
        let query = ImageQuery {
            reach,
            filters: vec![],
            sort: vec![(SortKey::Id, Direction::Ascending)],
            page: Page::After { after: None, limit: 100 },
        };
        self.world.catalogue.read(move |tx| images::list(tx, &query)).await.expect("listed").images
    }

    fn name(&mut self) -> String {
        format!("name-{}", self.dice.below(NAMES))
    }

    fn family(&mut self) -> Option<String> {
        let number = self.dice.below(FAMILIES);
        (number > 0).then(|| format!("family-{number}"))
    }

    /// One request or event. Refusals are as good as anything else.
    async fn step(&mut self) {
        let ids: Vec<ImageId> = self.images().await.iter().map(|image| image.id).collect();
        let one = self.dice.one_of(&ids);
        match (self.dice.below(10), one) {
            (0..=2, _) => self.make().await,
            (3, Some(id)) => self.copy(id).await,
            (4 | 5, Some(id)) => self.update(id).await,
            (6, Some(id)) => {
                let _ = self.world.service.delete_image_as(&self.me, HERE, id, false, Ask::default()).await;
            }
            (7, Some(id)) => {
                let (add, remove) = (vec![ProjectId::from("q")], vec![]);
                let sharing = match self.dice.below(4) {
                    0 => Sharing { add, remove, community: None },
                    1 => Sharing { add: remove, remove: add, community: None },
                    other => Sharing { community: Some(other == 2), ..Sharing::default() },
                };
                let _ = self.world.service.share_image(&self.me, HERE, id, sharing, Ask::default()).await;
            }
            (8, _) => self.lease_and_die().await,
            (8.., Some(id)) if self.dice.below(2) == 0 => {
                let _ = self.world.service.cancel_copy(&self.me, HERE, id).await;
            }
            _ => {
                self.world.pass(Duration::from_secs(self.dice.below(600)));
                run(&self.world).await;
            }
        }
    }

    async fn make(&mut self) {
        let (name, family) = (self.name(), self.family());
        let facts = Facts { family: family.clone(), ..Facts::default() };
        let id = self.dice.id();
        let wanted = MakeImage { facts, id, ..named(ImageSource::Snapshot(self.snapshot), &name) };
        let token = format!("t{}", self.dice.below(20));
        let ask = match self.dice.below(4) {
            0 => dry(),
            1 => Ask::default(),
            _ => once(&token, &format!("{name}/{family:?}")),
        };
        let tokened = ask.once.is_some();
        let made = self.world.service.make_image(&self.me, wanted, ask).await;
        if let (Ok(id), true) = (made, tokened) {
            let before = *self.answers.entry(token).or_insert(id);
            assert_eq!(before, id, "one token, one answer");
        }
    }

    async fn copy(&mut self, source: ImageId) {
        let wanted = CopyImage {
            id: self.dice.id(),
            source,
            from_region: HERE.to_owned(),
            to_region: HERE.to_owned(),
            name: Some(self.name()),
            description: None,
            resource_group: None,
            tags: BTreeSet::new(),
        };
        let _ = self.world.service.copy_image(&self.me, wanted, Ask::default()).await;
    }

    async fn update(&mut self, id: ImageId) {
        let rules = UpdateRules {
            region: Some(HERE.to_owned()),
            own: true,
            not_while_creating: self.dice.below(2) == 0,
            unique_name: true,
            family_limits: true,
            ..UpdateRules::default()
        };
        let change = match self.dice.below(4) {
            0 => Change::Name(Some(self.name())),
            1 => Change::Deprecated(self.dice.below(2) == 0),
            _ => Change::Fact(FactChange::Family(self.family())),
        };
        let _ = self.world.service.update_image_as(&self.me, id, vec![change], rules, Ask::default()).await;
    }

    /// A worker takes a job and is never heard of again.
    async fn lease_and_die(&self) {
        let (now, until) = (self.world.clock.now(), self.world.clock.now().after(Duration::from_secs(60)));
        let leased = self.world.catalogue.write(move |tx| jobs::lease_next_but(tx, "dead", &[], now, until)).await;
        leased.expect("leased");
    }

    /// What holds after every step.
    async fn check(&self) {
        let images = self.images().await;
        let mut names = BTreeSet::new();
        let mut families: BTreeMap<&str, usize> = BTreeMap::new();
        for image in &images {
            assert!(image.name.as_ref().is_none_or(|name| names.insert(name)), "a name twice: {image:?}");
            if let Some(family) = &image.facts.family {
                *families.entry(family).or_default() += 1;
            }
        }
        assert!(images.len() <= IMAGES_MAX && families.len() <= FAMILIES_MAX, "{families:?}");
        assert!(families.values().all(|&count| count <= FAMILY_IMAGES_MAX), "{families:?}");
        for image in &images {
            let id = image.id;
            let open = self.world.catalogue.read(move |tx| jobs::open_of_image(tx, id)).await.expect("read");
            let waits = matches!(image.status, Status::Queued | Status::Importing);
            assert_eq!(open.is_some(), waits, "{:?} and {:?}", image.status, open.map(|job| job.state));
            assert!(image.status != Status::Available || image.content.is_some());
            assert!(!image.hidden || image.visibility == Visibility::Private, "withdrawn from others: {image:?}");
            assert_ne!(image.status, Status::Failed, "nothing here fails for good");
        }
    }
}

#[tokio::test]
async fn whatever_happens_names_limits_and_jobs_hold() {
    for seed in 0..3 {
        let (world, me) = (World::new(), caller("p", "member"));
        let snapshot = some_snapshot(&world, &me).await;
        let mut walk = Walk { world, me, snapshot, dice: Dice::new(seed), answers: BTreeMap::new() };
        // the image that the snapshot's bytes came with has an id that no dice threw
        for image in walk.images().await {
            walk.world.service.delete_image(&walk.me, image.id).await.expect("deleted");
        }
        for (name, most) in [
            ("region_images", IMAGES_MAX),
            ("family_images", FAMILY_IMAGES_MAX),
            ("families", FAMILIES_MAX),
            ("region_copies", 1),
        ] {
            allow(&walk.world.catalogue, "p", name, i64::try_from(most).expect("few")).await;
        }
        for _ in 0..STEPS {
            walk.step().await;
            walk.check().await;
        }
        // in the end everything that waits comes to its end
        walk.world.pass(Duration::from_secs(3600));
        run(&walk.world).await;
        let left = walk.images().await;
        assert!(left.iter().all(|image| image.status == Status::Available), "{left:?}");
        assert!(left.len() > 1, "the walk went somewhere");
    }
}
