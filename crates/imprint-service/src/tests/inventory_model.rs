//! Random requests against a small model of machines, disks and snapshots: the same answers, and the same things there
//! afterwards.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{Caller, DiskId, DiskKind, DiskStatus, Image, InstanceId, MapId, SnapshotId};
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::inventory::{attach, data_disk, empty_disk, image, machines, snapshot};
use crate::testing::{World, caller};
use crate::{
    Ask, CreateDisk, DeleteInstances, DeleteSnapshot, DetachDisk, DiskQuery, Error, InstanceQuery, ItemPage, Limits,
    ReplaceSystemDisk, ResetDisk, ResizeDisk, Settings, SnapshotQuery,
};

const REGION: &str = "local-1";
const SNAPSHOTS_MAX: usize = 2;
const DISK_GIB_MAX: u32 = 26;

/// A request; numbers choose among what was ever made.
#[derive(Debug, Clone)]
enum Step {
    CreateDisk { gib: u32, from: Option<usize> },
    Attach(usize, usize),
    Detach(usize, usize),
    DeleteDisk(usize),
    Resize(usize, u32),
    Snapshot(usize),
    DeleteSnapshot(usize, bool),
    Reset(usize, usize),
    Reinit(usize),
    MakeInstance { image: usize, keep_system: bool, data: bool },
    DeleteInstance(usize),
    Replace(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..16_usize;
    prop_oneof![
        3 => (20..27_u32, proptest::option::of(which.clone())).prop_map(|(gib, from)| Step::CreateDisk { gib, from }),
        4 => (which.clone(), which.clone()).prop_map(|(disk, instance)| Step::Attach(disk, instance)),
        2 => (which.clone(), which.clone()).prop_map(|(disk, instance)| Step::Detach(disk, instance)),
        1 => which.clone().prop_map(Step::DeleteDisk),
        1 => (which.clone(), 20..29_u32).prop_map(|(disk, gib)| Step::Resize(disk, gib)),
        4 => which.clone().prop_map(Step::Snapshot),
        3 => (which.clone(), any::<bool>()).prop_map(|(snapshot, force)| Step::DeleteSnapshot(snapshot, force)),
        2 => (which.clone(), which.clone()).prop_map(|(disk, snapshot)| Step::Reset(disk, snapshot)),
        1 => which.clone().prop_map(Step::Reinit),
        3 => (0..2_usize, any::<bool>(), any::<bool>())
            .prop_map(|(image, keep_system, data)| Step::MakeInstance { image, keep_system, data }),
        1 => which.clone().prop_map(Step::DeleteInstance),
        1 => (which, 0..2_usize).prop_map(|(instance, image)| Step::Replace(instance, image)),
    ]
}

/// What a disk was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum From {
    Nothing,
    Image(usize),
    Snapshot(SnapshotId),
}

#[derive(Debug, Clone, PartialEq)]
struct Disk {
    gib: u32,
    from: From,
    base: Option<MapId>,
    instance: Option<InstanceId>,
    system: bool,
    was_attached: bool,
    goes_along: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Taken {
    of: DiskId,
    gib: u32,
    base: Option<MapId>,
}

/// What there should be. Removed things leave their ids behind, to be asked for again.
#[derive(Debug, Default)]
struct Model {
    disks: BTreeMap<DiskId, Disk>,
    snapshots: BTreeMap<SnapshotId, Taken>,
    instances: BTreeMap<InstanceId, usize>,
    disk_ids: Vec<DiskId>,
    snapshot_ids: Vec<SnapshotId>,
    instance_ids: Vec<InstanceId>,
}

fn pick<T: Copy>(ids: &[T], number: usize, otherwise: T) -> T {
    if ids.is_empty() { otherwise } else { ids[number % ids.len()] }
}

fn check(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Model {
    fn disk(&self, id: DiskId) -> Result<&Disk, &'static str> {
        self.disks.get(&id).ok_or("NotFound")
    }

    fn rewrite(&mut self, id: DiskId, base: Option<MapId>) {
        if let Some(disk) = self.disks.get_mut(&id) {
            disk.base = base;
        }
    }

    fn create_disk(&mut self, id: DiskId, gib: u32, from: Option<SnapshotId>) -> Result<(), &'static str> {
        let taken = from.map(|id| self.snapshots.get(&id).ok_or("NotFound")).transpose()?;
        check(taken.is_none_or(|taken| gib >= taken.gib), "DiskTooSmall")?;
        let disk = Disk {
            gib,
            from: from.map_or(From::Nothing, From::Snapshot),
            base: taken.and_then(|taken| taken.base),
            instance: None,
            system: false,
            was_attached: false,
            goes_along: false,
        };
        self.disks.insert(id, disk);
        self.disk_ids.push(id);
        Ok(())
    }

    fn attach(&mut self, disk: DiskId, instance: InstanceId) -> Result<(), &'static str> {
        self.disk(disk)?;
        check(self.instances.contains_key(&instance), "NotFound")?;
        check(self.disk(disk)?.instance.is_none(), "DiskStatus")?;
        let present = self.disks.values().filter(|other| other.instance == Some(instance) && !other.system).count();
        check(present < 16, "DataDisks")?;
        let disk = self.disks.get_mut(&disk).expect("it is there");
        (disk.instance, disk.was_attached) = (Some(instance), true);
        Ok(())
    }

    fn detach(&mut self, disk: DiskId, instance: InstanceId) -> Result<(), &'static str> {
        check(self.instances.contains_key(&instance), "NotFound")?;
        check(self.disk(disk)?.instance == Some(instance), "DiskNotAttached")?;
        check(!self.disk(disk)?.system, "DiskIsSystem")?;
        self.disks.get_mut(&disk).expect("it is there").instance = None;
        Ok(())
    }

    fn delete_disk(&mut self, id: DiskId) -> Result<(), &'static str> {
        check(self.disk(id)?.instance.is_none(), "DiskAttached")?;
        self.disks.remove(&id);
        Ok(())
    }

    fn resize(&mut self, id: DiskId, gib: u32) -> Result<(), &'static str> {
        check(gib > self.disk(id)?.gib, "DiskTooSmall")?;
        check(gib <= DISK_GIB_MAX, "DiskSize")?;
        self.disks.get_mut(&id).expect("it is there").gib = gib;
        Ok(())
    }

    fn snapshot(&mut self, id: SnapshotId, of: DiskId) -> Result<(), &'static str> {
        let disk = self.disk(of)?.clone();
        check(disk.was_attached, "DiskNeverAttached")?;
        let present = self.snapshots.values().filter(|taken| taken.of == of).count();
        check(present < SNAPSHOTS_MAX, "DiskSnapshots")?;
        self.snapshots.insert(id, Taken { of, gib: disk.gib, base: disk.base });
        self.snapshot_ids.push(id);
        Ok(())
    }

    fn delete_snapshot(&mut self, id: SnapshotId, force: bool) -> Result<(), &'static str> {
        check(self.snapshots.contains_key(&id), "NotFound")?;
        let used = self.disks.values().any(|disk| disk.from == From::Snapshot(id));
        check(force || !used, "SnapshotUsedByDisk")?;
        self.snapshots.remove(&id);
        Ok(())
    }

    fn reset(&mut self, disk: DiskId, snapshot: SnapshotId) -> Result<(), &'static str> {
        self.disk(disk)?;
        let taken = self.snapshots.get(&snapshot).ok_or("NotFound")?;
        check(taken.of == disk, "SnapshotOfOtherDisk")?;
        let base = taken.base;
        self.rewrite(disk, base);
        Ok(())
    }

    fn reinit(&mut self, id: DiskId, images: &[Image]) -> Result<(), &'static str> {
        let base = match self.disk(id)?.from {
            From::Nothing => None,
            From::Image(image) => map_of(&images[image]),
            From::Snapshot(snapshot) => self.snapshots.get(&snapshot).ok_or("NotFound")?.base,
        };
        self.rewrite(id, base);
        Ok(())
    }

    fn delete_instance(&mut self, id: InstanceId) -> Result<(), &'static str> {
        self.instances.remove(&id).ok_or("NotFound")?;
        self.disks.retain(|_, disk| disk.instance != Some(id) || !disk.goes_along);
        for disk in self.disks.values_mut().filter(|disk| disk.instance == Some(id)) {
            (disk.instance, disk.system) = (None, false);
        }
        Ok(())
    }

    fn replace(&mut self, id: InstanceId, image: usize, disk: DiskId, images: &[Image]) -> Result<(), &'static str> {
        check(self.instances.contains_key(&id), "NotFound")?;
        let old = self.disks.iter().find(|(_, disk)| disk.instance == Some(id) && disk.system);
        let (old, mut new) = old.map(|(id, disk)| (*id, disk.clone())).ok_or("NoSystemDisk")?;
        self.disks.remove(&old);
        (new.from, new.base) = (From::Image(image), map_of(&images[image]));
        self.disks.insert(disk, new);
        self.disk_ids.push(disk);
        self.instances.insert(id, image);
        Ok(())
    }
}

fn map_of(image: &Image) -> Option<MapId> {
    image.content.as_ref().map(|content| content.map)
}

/// The model beside the service.
struct Pair {
    world: World,
    me: Caller,
    images: Vec<Image>,
    model: Model,
}

/// The word the model has for an answer.
fn word<T>(answer: Result<T, Error>) -> Result<(), String> {
    answer.map(drop).map_err(|error| match error {
        Error::Conflict(conflict) => format!("{conflict:?}"),
        Error::NotFound(_) => "NotFound".to_owned(),
        Error::OverQuota(quota, _) => format!("{quota:?}"),
        Error::Invalid { field, .. } => format!("{field:?}"),
        other => format!("{other:?}"),
    })
}

impl Pair {
    async fn new() -> Self {
        let limits = Limits { disk_snapshots: 2, ..Limits::default() };
        let (world, me) = (World::with(Settings { limits, ..Settings::default() }), caller("p", "member"));
        let images = vec![image(&world, &me, 1).await, image(&world, &me, 2).await];
        Self { world, me, images, model: Model::default() }
    }

    /// Asks both; the answers must be alike.
    async fn take(&mut self, step: Step) -> (Result<(), String>, Result<(), &'static str>) {
        let (service, me, model, ask) = (&self.world.service, &self.me, &mut self.model, Ask::default());
        let disk = |number| pick(&model.disk_ids, number, DiskId::random());
        let snap = |number| pick(&model.snapshot_ids, number, SnapshotId::random());
        let instance = |number| pick(&model.instance_ids, number, InstanceId::random());
        match step {
            Step::CreateDisk { gib, from } => {
                let wanted = CreateDisk { snapshot: from.map(snap), ..empty_disk(gib) };
                let (id, from) = (wanted.id, wanted.snapshot);
                (word(service.create_disk(me, wanted, ask).await), model.create_disk(id, gib, from))
            }
            Step::Attach(number, to) => {
                let (disk, to) = (disk(number), instance(to));
                (word(service.attach_disk(me, attach(disk, to), ask).await), model.attach(disk, to))
            }
            Step::Detach(number, from) => {
                let (disk, instance) = (disk(number), instance(from));
                let wanted = DetachDisk { disk, instance };
                (word(service.detach_disk(me, wanted, ask).await), model.detach(disk, instance))
            }
            Step::DeleteDisk(number) => {
                let id = disk(number);
                (word(service.delete_disk(me, id, ask).await), model.delete_disk(id))
            }
            Step::Resize(number, size_gib) => {
                let wanted = ResizeDisk { disk: disk(number), size_gib, sizes: |_| 1..=DISK_GIB_MAX };
                (word(service.resize_disk(me, wanted, ask).await), model.resize(wanted.disk, size_gib))
            }
            Step::Snapshot(number) => {
                let wanted = snapshot(disk(number));
                let (id, of) = (wanted.id, wanted.disk);
                (word(service.create_snapshot(me, wanted, ask).await), model.snapshot(id, of))
            }
            Step::DeleteSnapshot(number, force) => {
                let wanted = DeleteSnapshot { snapshot: snap(number), force };
                (word(service.delete_snapshot(me, wanted, ask).await), model.delete_snapshot(wanted.snapshot, force))
            }
            Step::Reset(number, to) => {
                let wanted = ResetDisk { disk: disk(number), snapshot: snap(to) };
                (word(service.reset_disk(me, wanted, ask).await), model.reset(wanted.disk, wanted.snapshot))
            }
            Step::Reinit(number) => {
                let id = disk(number);
                (word(service.reinit_disk(me, id, ask).await), model.reinit(id, &self.images))
            }
            Step::MakeInstance { image, keep_system, data } => (self.make(image, keep_system, data).await, Ok(())),
            Step::DeleteInstance(number) => {
                let id = instance(number);
                let wanted = DeleteInstances { instances: vec![id], force: false };
                (word(service.delete_instances(me, wanted, ask).await), model.delete_instance(id))
            }
            Step::Replace(number, image) => {
                let (instance, disk, size_gib) = (instance(number), DiskId::random(), None);
                let from = self.images[image].id;
                let wanted = ReplaceSystemDisk { instance, image: from, disk, size_gib, sizes: |_| 1..=500 };
                let answer = service.replace_system_disk(me, wanted, ask).await;
                (word(answer), model.replace(instance, image, disk, &self.images))
            }
        }
    }

    /// A machine is always made; the model learns the ids of its disks from the service.
    async fn make(&mut self, image: usize, keep_system: bool, data: bool) -> Result<(), String> {
        let mut wanted = machines(&self.images[image], 1);
        wanted.system.delete_with_instance = !keep_system;
        wanted.data.extend(data.then(data_disk));
        let id = wanted.machines[0].id;
        word(self.world.service.create_instances(&self.me, wanted, Ask::default()).await)?;
        self.model.instances.insert(id, image);
        self.model.instance_ids.push(id);
        let mut made = self.disks().await;
        made.retain(|disk| disk.instance == Some(id));
        made.sort_by_key(|disk| disk.letter);
        for disk in made {
            let system = disk.kind == DiskKind::System;
            let made = Disk {
                gib: if system { 20 } else { 30 },
                from: if system { From::Image(image) } else { From::Nothing },
                base: if system { map_of(&self.images[image]) } else { None },
                instance: Some(id),
                system,
                was_attached: true,
                goes_along: !(system && keep_system),
            };
            self.model.disks.insert(disk.id, made);
            self.model.disk_ids.push(disk.id);
        }
        Ok(())
    }

    async fn disks(&self) -> Vec<imprint_model::Disk> {
        let query = DiskQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 500 });
        self.world.service.list_disks(&self.me, query).await.expect("listed").items
    }

    /// Both must have the same things.
    async fn compare(&self) {
        let mut disks = BTreeMap::new();
        for disk in self.disks().await {
            let expected = self.model.disks.get(&disk.id);
            let attached = disk.instance.is_some();
            assert_eq!(disk.status, if attached { DiskStatus::InUse } else { DiskStatus::Available });
            assert_eq!(disk.letter.is_some(), attached);
            let found = Disk {
                gib: disk.size_gib,
                // known to the model alone; what it leads to is compared
                from: expected.map_or(From::Nothing, |disk| disk.from),
                base: disk.base.as_ref().map(|content| content.map),
                instance: disk.instance,
                system: disk.kind == DiskKind::System,
                was_attached: disk.was_attached,
                goes_along: disk.delete_with_instance,
            };
            disks.insert(disk.id, found);
        }
        assert_eq!(disks, self.model.disks);
        let query = SnapshotQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 500 });
        let listed = self.world.service.list_snapshots(&self.me, query).await.expect("listed").items;
        let snapshots: BTreeMap<_, _> = listed
            .into_iter()
            .map(|(snapshot, uses)| {
                let used = self.model.disks.values().any(|disk| disk.from == From::Snapshot(snapshot.id));
                assert_eq!((uses.by_disk, uses.by_image), (used, false));
                let base = snapshot.content.map(|content| content.map);
                (snapshot.id, Taken { of: snapshot.disk.expect("a disk"), gib: snapshot.size_gib, base })
            })
            .collect();
        assert_eq!(snapshots, self.model.snapshots);
        let query = InstanceQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 500 });
        let listed = self.world.service.list_instances(&self.me, query).await.expect("listed").items;
        let instances: BTreeMap<_, _> = listed.into_iter().map(|instance| (instance.id, instance.image)).collect();
        let expected = self.model.instances.iter().map(|(id, &image)| (*id, self.images[image].id)).collect();
        assert_eq!(instances, expected);
    }
}

/// The answers that must have come up, or the requests were not varied enough to say anything.
const HEARD: [&str; 12] = [
    "DiskAttached",
    "DiskIsSystem",
    "DiskNeverAttached",
    "DiskNotAttached",
    "DiskSize",
    "DiskSnapshots",
    "DiskStatus",
    "DiskTooSmall",
    "NotFound",
    "SnapshotOfOtherDisk",
    "SnapshotUsedByDisk",
    "done",
];

#[test]
fn the_service_answers_as_the_model_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let heard = Mutex::new(BTreeSet::new());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    // the same requests every time, so that what they reach does not depend on luck
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&proptest::collection::vec(step(), 20..90), |steps| {
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            for step in steps {
                let told = format!("{step:?}");
                let (answer, expected) = pair.take(step).await;
                prop_assert_eq!(&answer, &expected.map_err(str::to_owned), "{}", told);
                heard.lock().insert(answer.err().unwrap_or_else(|| "done".to_owned()));
            }
            pair.compare().await;
            Ok(())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let heard = heard.into_inner();
    let missing: Vec<_> = HEARD.iter().filter(|word| !heard.contains(**word)).collect();
    assert!(missing.is_empty(), "never heard: {missing:?}");
}
