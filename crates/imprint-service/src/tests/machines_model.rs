//! Random requests, deaths, crashes and failures: once everything is quiet, rows, processes and files agree, nothing is
//! left over, and every snapshot holds the bytes of its instant.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use imprint_machine::testing::{Call, Fault, File, GRAIN};
use imprint_model::{
    Content, Disk, DiskId, DiskStatus, Image, ImageId, Instance, InstanceId, InstanceStatus, Snapshot, SnapshotId,
    SnapshotStatus, Status,
};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::inventory::{REGION, attach, data_disk, empty_disk, image, machines, snapshot};
use super::machines::Node;
use super::stock::wish;
use crate::{
    Ask, DeleteInstances, DeleteSnapshot, DetachDisk, DiskQuery, Error, ImageSource, InstanceQuery, ItemPage,
    RebootInstance, ReplaceSystemDisk, ResetDisk, ResizeDisk, Runner, SnapshotQuery, StopInstance,
};

/// Grains that guests write to.
const GRAINS: u64 = 32;
/// Sequences of one run, unless `IMPRINT_MACHINE_SEQUENCES` says so.
const SEQUENCES: u32 = 100;

/// Something that happens; numbers choose among what was ever made.
#[derive(Debug, Clone)]
enum Step {
    Make { start: bool, keep: bool },
    Start(usize),
    Stop(usize, bool),
    Reboot(usize, bool),
    EndOutside(usize),
    DeleteMachine(usize),
    CreateDisk,
    Attach(usize, usize),
    Detach(usize),
    Resize(usize, u32),
    DeleteDisk(usize),
    Write(usize, u64, u8),
    Snapshot(usize),
    DeleteSnapshot(usize),
    Cancel(usize),
    Image(usize),
    Reset(usize, usize),
    Reinit(usize),
    Replace(usize),
    Settle,
    Crash(usize),
    Order(usize, usize),
    Stubborn(bool),
    Cling(bool),
    Pass(u64),
}

const CALLS: [Call; 15] = [
    Call::Prepare,
    Call::Remove,
    Call::Overlays,
    Call::Start,
    Call::Running,
    Call::ShutDown,
    Call::Kill,
    Call::Forget,
    Call::Attach,
    Call::Detach,
    Call::Grow,
    Call::Capture,
    Call::Changed,
    Call::Read,
    Call::End,
];
const FAULTS: [Fault; 3] = [Fault::Refused, Fault::Full, Fault::Late];

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    let any_two = (which.clone(), which.clone());
    prop_oneof![
        3 => (any::<bool>(), any::<bool>()).prop_map(|(start, keep)| Step::Make { start, keep }),
        3 => which.clone().prop_map(Step::Start),
        2 => (which.clone(), any::<bool>()).prop_map(|(one, force)| Step::Stop(one, force)),
        2 => (which.clone(), any::<bool>()).prop_map(|(one, force)| Step::Reboot(one, force)),
        2 => which.clone().prop_map(Step::EndOutside),
        1 => which.clone().prop_map(Step::DeleteMachine),
        2 => Just(Step::CreateDisk),
        4 => any_two.clone().prop_map(|(disk, machine)| Step::Attach(disk, machine)),
        3 => which.clone().prop_map(Step::Detach),
        1 => (which.clone(), 20..40_u32).prop_map(|(disk, gib)| Step::Resize(disk, gib)),
        1 => which.clone().prop_map(Step::DeleteDisk),
        9 => (which.clone(), 0..GRAINS, 1..250_u8).prop_map(|(disk, at, value)| Step::Write(disk, at, value)),
        6 => which.clone().prop_map(Step::Snapshot),
        1 => which.clone().prop_map(Step::DeleteSnapshot),
        1 => which.clone().prop_map(Step::Cancel),
        2 => which.clone().prop_map(Step::Image),
        2 => any_two.prop_map(|(disk, snapshot)| Step::Reset(disk, snapshot)),
        1 => which.clone().prop_map(Step::Reinit),
        1 => which.prop_map(Step::Replace),
        9 => Just(Step::Settle),
        4 => (1..60_usize).prop_map(Step::Crash),
        4 => (0..CALLS.len(), 0..FAULTS.len()).prop_map(|(call, fault)| Step::Order(call, fault)),
        1 => any::<bool>().prop_map(Step::Stubborn),
        1 => any::<bool>().prop_map(Step::Cling),
        1 => (1..40_u64).prop_map(Step::Pass),
    ]
}

/// A future that is dropped after so many polls: a crash in the middle of it.
struct Cut<F>(Pin<Box<F>>, usize);

impl<F: Future> Future for Cut<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.1 == 0 {
            return Poll::Ready(());
        }
        self.1 -= 1;
        self.0.as_mut().poll(context).map(drop)
    }
}

/// What a snapshot must hold.
enum Expected {
    /// What the disk began with.
    Base(Option<Content>),
    /// What was captured, at its instant; no earlier than these writes.
    Captured { base: Option<Content>, before: BTreeMap<u64, Bytes> },
}

struct Play {
    node: Node,
    images: Vec<Image>,
    expected: BTreeMap<SnapshotId, Expected>,
    made: Vec<ImageId>,
    machines: Vec<InstanceId>,
    disks: Vec<DiskId>,
    snapshots: Vec<SnapshotId>,
    done: BTreeSet<&'static str>,
}

fn pick<T: Copy>(ids: &[T], number: usize) -> Option<T> {
    // the newest are the most likely to be there still
    ids.iter().rev().nth(number % ids.len().clamp(1, 6)).copied()
}

/// What the rules forbid is no failure.
fn allowed<T>(answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(
            Error::Conflict(_)
            | Error::NotFound(_)
            | Error::OverQuota(..)
            | Error::Invalid { .. }
            | Error::Unsupported(_),
        ) => None,
        Err(other) => panic!("{other:?}"),
    }
}

impl Play {
    async fn new() -> Self {
        let node = Node::new();
        let images = vec![image(&node.world, &node.me, 1).await, image(&node.world, &node.me, 2).await];
        Self {
            node,
            images,
            expected: BTreeMap::new(),
            made: Vec::new(),
            machines: Vec::new(),
            disks: Vec::new(),
            snapshots: Vec::new(),
            done: BTreeSet::new(),
        }
    }

    async fn take(&mut self, step: &Step) {
        let (service, me, ask) = (self.node.service().clone(), self.node.me.clone(), Ask::default());
        let machine = |number| pick(&self.machines, number).unwrap_or_else(InstanceId::random);
        let disk = |number| pick(&self.disks, number).unwrap_or_else(DiskId::random);
        let snap = |number| pick(&self.snapshots, number).unwrap_or_else(SnapshotId::random);
        match *step {
            Step::Make { start, keep } => {
                let mut wanted = machines(&self.images[usize::from(keep)], 1);
                (wanted.start, wanted.data) = (start, vec![data_disk()]);
                wanted.data[0].delete_with_instance = !keep;
                let made = service.create_instances(&me, wanted, ask).await.expect("a machine")[0];
                self.machines.push(made);
                self.learn_disks().await;
            }
            Step::Start(number) => {
                let started = allowed(service.start_instance(&me, machine(number), ask).await);
                self.note("start", started.is_some());
            }
            Step::Stop(number, force) => {
                let wanted = StopInstance { instance: machine(number), force };
                let stopped = allowed(service.stop_instance(&me, wanted, ask).await);
                self.note("stop", stopped.is_some());
            }
            Step::Reboot(number, force) => {
                let wanted = RebootInstance { instance: machine(number), force };
                let told = allowed(service.reboot_instance(&me, wanted, ask).await);
                self.note("reboot", told.is_some());
            }
            Step::EndOutside(number) => {
                let ended = self.node.fake.end_machine(&machine(number).to_string());
                self.note("end", ended);
            }
            Step::DeleteMachine(number) => {
                let wanted = DeleteInstances { instances: vec![machine(number)], force: true };
                let deleted = allowed(service.delete_instances(&me, wanted, ask).await);
                self.note("delete machine", deleted.is_some());
            }
            Step::CreateDisk => {
                let made = service.create_disk(&me, empty_disk(20), ask).await.expect("a disk");
                self.disks.push(made);
            }
            Step::Attach(number, to) => {
                let wanted = attach(disk(number), machine(to));
                let given = allowed(service.attach_disk(&me, wanted, ask).await);
                self.note("attach", given.is_some());
            }
            Step::Detach(number) => {
                let row = service.show_disk(&me, disk(number)).await.ok();
                let Some((disk, instance)) = row.and_then(|row| Some((row.id, row.instance?))) else { return };
                let taken = allowed(service.detach_disk(&me, DetachDisk { disk, instance }, ask).await);
                self.note("detach", taken.is_some());
            }
            Step::Resize(number, size_gib) => {
                let wanted = ResizeDisk { disk: disk(number), size_gib, sizes: |_| 1..=100 };
                let grown = allowed(service.resize_disk(&me, wanted, ask).await);
                self.note("resize", grown.is_some());
            }
            Step::DeleteDisk(number) => {
                let deleted = allowed(service.delete_disk(&me, disk(number), ask).await);
                self.note("delete disk", deleted.is_some());
            }
            Step::Write(number, at, value) => {
                let Ok(row) = service.show_disk(&me, disk(number)).await else { return };
                let written = self.node.fake.write(&name(&row), at, value);
                self.note("write", written);
            }
            Step::Snapshot(number) => {
                let id = disk(number);
                let wanted = snapshot(id);
                let taken = allowed(service.create_snapshot(&me, wanted, ask).await);
                self.note("snapshot", taken.is_some());
                if let Some(taken) = taken {
                    self.expect(taken).await;
                }
            }
            Step::DeleteSnapshot(number) => {
                let wanted = DeleteSnapshot { snapshot: snap(number), force: true };
                let deleted = allowed(service.delete_snapshot(&me, wanted, ask).await);
                self.note("delete snapshot", deleted.is_some());
            }
            Step::Cancel(number) => {
                let given_up = allowed(service.cancel_snapshot(&me, snap(number), ask).await);
                self.note("cancel", given_up.is_some());
            }
            Step::Image(number) => self.make_image(machine(number)).await,
            Step::Reset(number, to) => {
                // mostly the disk that the snapshot is of: others are refused
                let own = service.show_snapshot(&me, snap(to)).await.ok().and_then(|row| row.disk);
                let wanted =
                    ResetDisk { disk: own.filter(|_| number > 0).unwrap_or_else(|| disk(number)), snapshot: snap(to) };
                let set_back = allowed(service.reset_disk(&me, wanted, ask).await);
                self.note("reset", set_back.is_some());
            }
            Step::Reinit(number) => {
                let set_back = allowed(service.reinit_disk(&me, disk(number), ask).await);
                self.note("reinit", set_back.is_some());
            }
            Step::Replace(number) => {
                let (instance, image, disk) = (machine(number), self.images[0].id, DiskId::random());
                let wanted = ReplaceSystemDisk { instance, image, disk, size_gib: None, sizes: |_| 1..=500 };
                let replaced = allowed(service.replace_system_disk(&me, wanted, ask).await);
                self.disks.extend(replaced);
                self.note("replace", replaced.is_some());
            }
            Step::Settle => drop(self.node.keeper.settle().await.expect("looked")),
            Step::Crash(polls) => {
                Cut(Box::pin(self.node.keeper.settle()), polls).await;
                self.node.crash();
            }
            Step::Order(call, fault) => self.node.fake.order(CALLS[call], FAULTS[fault]),
            Step::Stubborn(stubborn) => self.node.fake.be_stubborn(stubborn),
            Step::Cling(clinging) => self.node.fake.cling(clinging),
            Step::Pass(secs) => self.node.world.pass(Duration::from_secs(secs)),
        }
    }

    fn note(&mut self, what: &'static str, done: bool) {
        if done {
            self.done.insert(what);
        }
    }

    async fn make_image(&mut self, of: InstanceId) {
        let wanted = wish(ImageSource::Instance(of));
        let made = allowed(self.node.service().make_image(&self.node.me, wanted, Ask::default()).await);
        let Some(made) = made else { return };
        self.note("image", true);
        self.made.push(made);
        let image = self.node.service().show_image(&self.node.me, made).await.expect("shown");
        for taken in image.disks.iter().filter_map(|disk| disk.snapshot) {
            self.expect(taken).await;
        }
    }

    /// Remembers what a snapshot that was just asked for must come to hold.
    async fn expect(&mut self, id: SnapshotId) {
        let service = self.node.service();
        let row = service.show_snapshot(&self.node.me, id).await.expect("shown");
        let disk = service.show_disk(&self.node.me, row.disk.expect("a disk")).await.expect("shown");
        let expected = if row.status == SnapshotStatus::Accomplished {
            Expected::Base(disk.base)
        } else {
            let file = self.node.fake.files().remove(&name(&disk)).unwrap_or_default();
            Expected::Captured { base: disk.base, before: file.grains }
        };
        self.expected.insert(id, expected);
        self.snapshots.push(id);
    }

    async fn learn_disks(&mut self) {
        for disk in self.disks().await {
            if !self.disks.contains(&disk.id) {
                self.disks.push(disk.id);
            }
        }
    }

    async fn disks(&self) -> Vec<Disk> {
        let query = DiskQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 1000 });
        self.node.service().list_disks(&self.node.me, query).await.expect("listed").items
    }

    async fn instances(&self) -> Vec<Instance> {
        let query = InstanceQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 1000 });
        self.node.service().list_instances(&self.node.me, query).await.expect("listed").items
    }

    /// Nothing fails any more, and nobody asks for anything.
    async fn come_to_rest(&mut self) {
        self.node.fake.order_nothing();
        self.node.fake.be_stubborn(false);
        self.node.fake.cling(false);
        // first what failed is given up, then what an engine that crashed gave up is nobody's for long enough
        for secs in [120, 7200] {
            self.node.world.pass(Duration::from_secs(secs));
            self.node.settle().await;
        }
        Runner::new(self.node.service().clone()).run_waiting().await.expect("ran");
    }

    /// Rows, processes and files must agree.
    async fn compare(&self) {
        let (disks, instances, fake) = (self.disks().await, self.instances().await, &self.node.fake);
        let mut running: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for instance in &instances {
            match instance.status {
                InstanceStatus::Running => drop(running.insert(instance.id.to_string(), BTreeSet::new())),
                status => assert_eq!(status, InstanceStatus::Stopped, "{}", instance.id),
            }
            assert!(!instance.restart && instance.stop_by.is_none());
        }
        for disk in &disks {
            match disk.instance {
                Some(instance) => {
                    assert_eq!(disk.status, DiskStatus::InUse);
                    assert!(instances.iter().any(|row| row.id == instance), "a disk of a machine that is gone");
                    if let Some(names) = running.get_mut(&instance.to_string()) {
                        names.insert(name(disk));
                        assert_eq!(fake.files()[&name(disk)].size_bytes, u64::from(disk.size_gib) << 30);
                    }
                }
                None => assert_eq!(disk.status, DiskStatus::Available),
            }
            assert!(!disk.grows);
        }
        assert_eq!(fake.machines(), running);
        let mut files: BTreeSet<String> = fake.files().into_keys().collect();
        for disk in disks.iter().filter(|disk| disk.written) {
            files.remove(&name(disk));
        }
        assert!(files.is_empty(), "files that belong to no disk: {files:?}");
        let there: BTreeSet<String> = instances.iter().map(|instance| instance.id.to_string()).collect();
        assert!(fake.consoles().is_subset(&there), "something is left of a machine that is gone");
        assert_eq!(fake.open_captures(), 0);
    }

    async fn compare_snapshots(&self) {
        let query = SnapshotQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 1000 });
        let listed = self.node.service().list_snapshots(&self.node.me, query).await.expect("listed").items;
        let mut failed = BTreeSet::new();
        for (row, _) in &listed {
            match row.status {
                SnapshotStatus::Accomplished => self.compare_bytes(row).await,
                SnapshotStatus::Failed => {
                    assert!(row.failure.is_some());
                    failed.insert(row.id);
                }
                SnapshotStatus::Progressing => panic!("{} is never taken", row.id),
            }
        }
        for &id in &self.made {
            let image = self.node.service().show_image(&self.node.me, id).await.expect("shown");
            let fails = image.disks.iter().filter_map(|disk| disk.snapshot).any(|of| failed.contains(&of));
            assert_eq!(image.status, if fails { Status::Failed } else { Status::Available });
        }
    }

    async fn compare_bytes(&self, row: &Snapshot) {
        let (base, before) = match &self.expected[&row.id] {
            Expected::Base(base) => return assert_eq!(row.content, *base),
            Expected::Captured { base, before } => (base, before),
        };
        let taken: File = self.node.fake.taken(&format!("s-{}", row.id)).expect("it was captured");
        let content = row.content.as_ref().expect("bytes");
        assert_eq!(content.size_bytes, taken.size_bytes);
        assert!(before.keys().all(|at| taken.grains.contains_key(at)), "it was taken before it was asked for");
        let reader = self.node.world.store.reader(content.map).await.expect("stored");
        let found = reader.read_at(0, GRAINS * GRAIN).await.expect("read");
        let mut expected = vec![0; found.len()];
        if let Some(base) = base {
            let below = self.node.world.store.reader(base.map).await.expect("stored");
            let below = below.read_at(0, GRAINS * GRAIN).await.expect("read");
            expected[..below.len()].copy_from_slice(&below);
        }
        for (&at, bytes) in &taken.grains {
            let at = usize::try_from(at).expect("small");
            expected[at..at + bytes.len()].copy_from_slice(bytes);
        }
        assert!(found[..] == expected[..], "{} holds other bytes", row.id);
    }
}

fn name(disk: &Disk) -> String {
    format!("{}-{}", disk.id, disk.generation)
}

/// What must have been done, or the requests were not varied enough to say anything.
const DONE: [&str; 16] = [
    "attach",
    "cancel",
    "delete disk",
    "delete machine",
    "delete snapshot",
    "detach",
    "end",
    "image",
    "reboot",
    "reinit",
    "replace",
    "reset",
    "resize",
    "snapshot",
    "stop",
    "write",
];

#[test]
fn whatever_happens_rows_processes_files_and_bytes_agree_in_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let told = std::env::var("IMPRINT_MACHINE_SEQUENCES").ok().and_then(|text| text.parse().ok());
    let cases = told.unwrap_or(SEQUENCES);
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let done = parking_lot::Mutex::new(BTreeSet::new());
    let outcome = runner.run(&proptest::collection::vec(step(), 5..50), |steps| {
        runtime.block_on(async {
            let mut play = Play::new().await;
            for step in &steps {
                play.take(step).await;
            }
            play.come_to_rest().await;
            play.compare().await;
            play.compare_snapshots().await;
            done.lock().extend(play.done.iter().copied());
        });
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let done = done.into_inner();
    let missing: Vec<_> = DONE.iter().filter(|what| !done.contains(**what)).collect();
    assert!(missing.is_empty(), "never done: {missing:?}");
}
