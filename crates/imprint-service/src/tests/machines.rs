//! Machines that run, by a hypervisor in memory: each rule, and each way in which something fails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imprint_catalogue::{Tx, disks, instances, jobs};
use imprint_disk::{Compression, Target};
use imprint_machine::testing::{Call, FakeHypervisor, Fault, GRAIN};
use imprint_model::{
    Caller, DiskFormat, DiskId, DiskStatus, Image, ImageId, InstanceId, InstanceStatus, Snapshot, SnapshotId,
    SnapshotStatus, Status,
};

use super::inventory::{attach, conflict, data_disk, disks_of, empty_disk, image, machines, snapshot};
use super::stock::wish;
use super::{noise, uploaded_as, written_of};
use crate::testing::{World, caller};
use crate::{
    Ask, Conflict, DeleteInstances, DeleteSnapshot, DetachDisk, Error, ImageSource, Keeper, RebootInstance, ResetDisk,
    ResizeDisk, Runner, Service, StopInstance,
};

/// A node with machines.
pub(super) struct Node {
    pub(super) world: World,
    pub(super) fake: FakeHypervisor,
    pub(super) keeper: Keeper,
    pub(super) me: Caller,
}

impl Node {
    pub(super) fn new() -> Self {
        let (mut world, fake) = (World::new(), FakeHypervisor::new());
        world.service = engine(&world, &fake);
        Self { keeper: Keeper::new(world.service.clone()), world, fake, me: caller("p", "member") }
    }

    /// The engine is gone and comes back; what ran runs on.
    pub(super) fn crash(&mut self) {
        self.world.service = engine(&self.world, &self.fake);
        self.keeper = Keeper::new(self.world.service.clone());
    }

    pub(super) fn service(&self) -> &Service {
        &self.world.service
    }

    pub(super) async fn settle(&self) {
        assert!(self.keeper.settle().await.expect("looked"), "something is never done");
        assert_eq!(self.fake.wrongs(), Vec::<String>::new());
    }

    /// A machine that runs, with a data disk.
    async fn running(&self) -> InstanceId {
        self.running_of(&image(&self.world, &self.me, 1).await).await
    }

    /// A running machine whose system disk somebody wrote to.
    async fn running_and_written(&self) -> (InstanceId, DiskId) {
        let id = self.running().await;
        let disk = disks_of(&self.world, &self.me, id).await[0].id;
        self.write(disk, 1, 3).await;
        (id, disk)
    }

    async fn running_of(&self, image: &Image) -> InstanceId {
        let mut wanted = machines(image, 1);
        wanted.start = true;
        wanted.data = vec![data_disk()];
        let made = self.service().create_instances(&self.me, wanted, Ask::default()).await.expect("a machine")[0];
        assert_eq!(self.status(made).await, InstanceStatus::Starting);
        self.settle().await;
        assert_eq!(self.status(made).await, InstanceStatus::Running);
        made
    }

    async fn status(&self, id: InstanceId) -> InstanceStatus {
        self.service().show_instance(&self.me, id).await.expect("shown").status
    }

    async fn disk_status(&self, id: DiskId) -> DiskStatus {
        self.service().show_disk(&self.me, id).await.expect("shown").status
    }

    async fn taken(&self, disk: DiskId) -> SnapshotId {
        self.service().create_snapshot(&self.me, snapshot(disk), Ask::default()).await.expect("begun")
    }

    async fn shown(&self, id: SnapshotId) -> Snapshot {
        self.service().show_snapshot(&self.me, id).await.expect("shown")
    }

    /// The grain's bytes as a snapshot has them.
    async fn grain(&self, id: SnapshotId, number: u64) -> Bytes {
        let content = self.shown(id).await.content.expect("bytes");
        let reader = self.world.store.reader(content.map).await.expect("stored");
        reader.read_at(number * GRAIN, GRAIN).await.expect("read")
    }

    async fn write(&self, disk: DiskId, number: u64, value: u8) {
        let row = self.service().show_disk(&self.me, disk).await.expect("shown");
        assert!(self.fake.write(&format!("{disk}-{}", row.generation), number, value));
    }

    async fn make(&self, source: ImageSource) -> ImageId {
        self.service().make_image(&self.me, wish(source), Ask::default()).await.expect("an image")
    }

    /// What the keeper does from now on, until this is dropped.
    fn keep(&self) -> AbortOnDrop {
        let keeper = self.keeper.clone();
        AbortOnDrop(tokio::spawn(async move { keeper.run().await }))
    }

    /// Waits until so many captures are open.
    async fn captures(&self, count: usize) {
        while self.fake.open_captures() != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn ended(&self, id: SnapshotId) -> SnapshotStatus {
        loop {
            match self.shown(id).await.status {
                SnapshotStatus::Progressing => tokio::time::sleep(Duration::from_millis(1)).await,
                status => return status,
            }
        }
    }

    async fn cancel(&self, id: SnapshotId) {
        self.service().cancel_snapshot(&self.me, id, Ask::default()).await.expect("given up");
    }

    /// A disk that a machine wrote to, and that is free again.
    async fn free_disk(&self, of: InstanceId) -> DiskId {
        let (service, me, ask) = (self.service(), &self.me, Ask::default);
        let disk = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
        service.attach_disk(me, attach(disk, of), ask()).await.expect("told");
        self.settle().await;
        self.write(disk, 1, 8).await;
        service.detach_disk(me, DetachDisk { disk, instance: of }, ask()).await.expect("told");
        self.settle().await;
        disk
    }

    async fn image_status(&self, id: ImageId) -> Status {
        self.service().show_image(&self.me, id).await.expect("shown").status
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn engine(world: &World, fake: &FakeHypervisor) -> Service {
    world.service.clone().with_hypervisor(Arc::new(fake.clone()), "n1".to_owned())
}

fn stop(instance: InstanceId, force: bool) -> StopInstance {
    StopInstance { instance, force }
}

fn filled(value: u8) -> Bytes {
    Bytes::from(vec![value; usize::try_from(GRAIN).expect("small")])
}

#[tokio::test]
async fn machines_start_stop_and_start_again() {
    let node = Node::new();
    let (service, me, ask) = (node.service(), &node.me, Ask::default);
    let id = node.running().await;
    assert_eq!(node.fake.machines().len(), 1);
    let (said, _) = service.console_output(me, id).await.expect("said");
    assert_eq!(&said[..], b"booted\n");
    service.type_in_console(me, id, Bytes::from_static(b"ls\n")).await.expect("typed");
    conflict(service.start_instance(me, id, ask()).await, Conflict::InstanceStatus);
    service.reboot_instance(me, RebootInstance { instance: id, force: false }, ask()).await.expect("told");
    assert_eq!(node.status(id).await, InstanceStatus::Stopping);
    node.settle().await;
    assert_eq!((node.status(id).await, node.fake.starts()), (InstanceStatus::Running, 2));
    service.stop_instance(me, stop(id, false), ask()).await.expect("told");
    node.settle().await;
    assert_eq!((node.status(id).await, node.fake.machines().len()), (InstanceStatus::Stopped, 0));
    conflict(service.type_in_console(me, id, Bytes::new()).await, Conflict::InstanceStatus);
    service.start_instance(me, id, ask()).await.expect("told");
    node.settle().await;
    assert_eq!(node.status(id).await, InstanceStatus::Running);
}

#[tokio::test]
async fn a_guest_that_does_not_listen_is_cut_off_in_time_and_a_forced_stop_does_not_ask() {
    let node = Node::new();
    let id = node.running().await;
    node.fake.be_stubborn(true);
    node.service().stop_instance(&node.me, stop(id, false), Ask::default()).await.expect("told");
    node.settle().await;
    assert_eq!(node.status(id).await, InstanceStatus::Stopping);
    node.world.pass(Duration::from_secs(60));
    node.settle().await;
    assert_eq!(node.status(id).await, InstanceStatus::Stopped);
    node.service().start_instance(&node.me, id, Ask::default()).await.expect("told");
    node.settle().await;
    node.service().stop_instance(&node.me, stop(id, true), Ask::default()).await.expect("told");
    node.settle().await;
    assert_eq!(node.status(id).await, InstanceStatus::Stopped);
}

#[tokio::test]
async fn a_machine_that_ended_by_itself_is_stopped_and_one_that_cannot_start_says_why() {
    let node = Node::new();
    let id = node.running().await;
    assert!(node.fake.end_machine(&id.to_string()));
    node.settle().await;
    assert_eq!(node.status(id).await, InstanceStatus::Stopped);
    node.fake.order(Call::Start, Fault::Full);
    node.service().start_instance(&node.me, id, Ask::default()).await.expect("told");
    node.settle().await;
    let row = node.service().show_instance(&node.me, id).await.expect("shown");
    assert_eq!(row.status, InstanceStatus::Stopped);
    assert!(row.failure.is_some_and(|why| !why.is_empty()));
}

#[tokio::test]
async fn an_engine_that_comes_back_finds_its_machines_and_mends_what_was_under_way() {
    let mut node = Node::new();
    let id = node.running().await;
    node.fake.order(Call::Start, Fault::Late);
    node.crash();
    node.settle().await;
    assert_eq!((node.status(id).await, node.fake.starts()), (InstanceStatus::Running, 1));
    node.fake.order_nothing();
    let disk = disks_of(&node.world, &node.me, id).await[1].id;
    node.write(disk, 0, 1).await;
    let taken = node.taken(disk).await;
    node.service()
        .reboot_instance(&node.me, RebootInstance { instance: id, force: true }, Ask::default())
        .await
        .expect("told");
    node.crash();
    node.settle().await;
    assert_eq!(node.status(id).await, InstanceStatus::Running);
    assert_eq!(node.shown(taken).await.status, SnapshotStatus::Accomplished);
    assert_eq!(node.grain(taken, 0).await, filled(1));
}

#[tokio::test]
async fn disks_come_to_a_running_machine_grow_there_and_go() {
    let node = Node::new();
    let (service, me, ask) = (node.service(), &node.me, Ask::default);
    let id = node.running().await;
    let disk = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
    service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
    assert_eq!(node.disk_status(disk).await, DiskStatus::Attaching);
    conflict(service.attach_disk(me, attach(disk, id), ask()).await, Conflict::DiskStatus);
    node.settle().await;
    assert_eq!(node.disk_status(disk).await, DiskStatus::InUse);
    node.write(disk, 3, 7).await;
    service.resize_disk(me, ResizeDisk { disk, size_gib: 25, sizes: |_| 1..=500 }, ask()).await.expect("told");
    node.settle().await;
    assert_eq!(node.fake.files()[&format!("{disk}-0")].size_bytes, 25 << 30);
    node.fake.cling(true);
    let detach = DetachDisk { disk, instance: id };
    service.detach_disk(me, detach, ask()).await.expect("told");
    node.settle().await;
    assert_eq!(node.disk_status(disk).await, DiskStatus::InUse, "the guest keeps it");
    node.fake.cling(false);
    service.detach_disk(me, detach, ask()).await.expect("told");
    node.settle().await;
    assert_eq!(node.disk_status(disk).await, DiskStatus::Available);
    // grown while nobody had it, and what was written is still there
    service.resize_disk(me, ResizeDisk { disk, size_gib: 30, sizes: |_| 1..=500 }, ask()).await.expect("grown");
    service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
    node.settle().await;
    let file = node.fake.files()[&format!("{disk}-0")].clone();
    assert_eq!((file.size_bytes, file.grains.len()), (30 << 30, 1));
    let other = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
    node.fake.order(Call::Prepare, Fault::Full);
    service.attach_disk(me, attach(other, id), ask()).await.expect("told");
    node.settle().await;
    assert_eq!(node.disk_status(other).await, DiskStatus::Available, "there was no space for it");
    service.delete_disk(me, other, ask()).await.expect("deleted");
    node.settle().await;
}

#[tokio::test]
async fn deleting_a_running_machine_ends_it_before_its_disks_are_free() {
    let node = Node::new();
    let (service, me, ask) = (node.service(), &node.me, Ask::default);
    let id = node.running().await;
    let disk = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
    service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
    node.settle().await;
    let delete = |force| DeleteInstances { instances: vec![id], force };
    conflict(service.delete_instances(me, delete(false), ask()).await, Conflict::InstanceRunning);
    service.delete_instances(me, delete(true), ask()).await.expect("deleted");
    assert_eq!(node.disk_status(disk).await, DiskStatus::Detaching);
    conflict(service.delete_disk(me, disk, ask()).await, Conflict::DiskStatus);
    node.settle().await;
    assert_eq!(node.disk_status(disk).await, DiskStatus::Available);
    assert!(node.fake.machines().is_empty() && node.fake.consoles().is_empty());
    assert_eq!(node.fake.files().keys().collect::<Vec<_>>(), [&format!("{disk}-0")]);
}

#[tokio::test]
async fn fifty_snapshots_of_one_disk_each_hold_their_instant() {
    let node = Node::new();
    let id = node.running().await;
    let disk = disks_of(&node.world, &node.me, id).await[0].id;
    let mut all = Vec::new();
    for number in 0..50_u8 {
        node.write(disk, u64::from(number % 7), number + 1).await;
        let taken = node.taken(disk).await;
        conflict(
            node.service().create_snapshot(&node.me, snapshot(disk), Ask::default()).await,
            Conflict::DiskSnapshotting,
        );
        node.settle().await;
        all.push(taken);
        node.world.pass(Duration::from_secs(1));
    }
    let below = noise(100_000, 1);
    for (number, &taken) in (0..50_u8).zip(&all) {
        assert_eq!(node.grain(taken, u64::from(number % 7)).await, filled(number + 1));
        let untouched = usize::try_from(10 * GRAIN).expect("small");
        assert_eq!(node.grain(taken, 10).await, below[untouched..untouched + filled(0).len()]);
    }
    for &taken in &all[10..50] {
        let delete = DeleteSnapshot { snapshot: taken, force: false };
        node.service().delete_snapshot(&node.me, delete, Ask::default()).await.expect("deleted");
    }
    node.write(disk, 0, 200).await;
    let last = node.taken(disk).await;
    node.settle().await;
    assert_eq!(node.grain(last, 0).await, filled(200));
    assert_eq!(node.grain(last, 6).await, filled(49), "what was written between is in it");
}

#[tokio::test]
async fn a_stopped_machines_disks_are_captured_and_set_back() {
    let node = Node::new();
    let (service, me, ask) = (node.service(), &node.me, Ask::default);
    let id = node.running().await;
    let disk = disks_of(&node.world, me, id).await[0].id;
    node.write(disk, 1, 5).await;
    service.stop_instance(me, stop(id, true), ask()).await.expect("told");
    node.settle().await;
    let taken = node.taken(disk).await;
    assert_eq!(node.shown(taken).await.status, SnapshotStatus::Progressing);
    conflict(service.reinit_disk(me, disk, ask()).await, Conflict::DiskSnapshotting);
    node.settle().await;
    assert_eq!(node.grain(taken, 1).await, filled(5));
    service.reset_disk(me, ResetDisk { disk, snapshot: taken }, ask()).await.expect("set back");
    node.settle().await;
    assert!(!node.fake.files().contains_key(&format!("{disk}-0")), "what was written before is garbage");
    service.start_instance(me, id, ask()).await.expect("told");
    node.settle().await;
    node.write(disk, 2, 6).await;
    let second = node.taken(disk).await;
    node.settle().await;
    assert_eq!((node.grain(second, 1).await, node.grain(second, 2).await), (filled(5), filled(6)));
}

#[tokio::test]
async fn an_image_of_a_running_machine_is_there_as_soon_as_its_snapshots_are() {
    let node = Node::new();
    let id = node.running().await;
    let runner = Runner::new(node.service().clone());
    let disks = disks_of(&node.world, &node.me, id).await;
    node.write(disks[0].id, 4, 9).await;
    node.write(disks[1].id, 4, 10).await;
    let made = node.make(ImageSource::Instance(id)).await;
    runner.run_waiting().await.expect("nothing to do yet");
    assert_eq!(node.image_status(made).await, Status::Importing);
    // a runner that comes back takes it up, and puts it aside again
    Runner::new(node.service().clone()).release_dead().await;
    runner.run_waiting().await.expect("nothing to do yet");
    node.write(disks[0].id, 5, 11).await;
    node.settle().await;
    assert_eq!(runner.run_waiting().await.expect("ran"), 1);
    let image = node.service().show_image(&node.me, made).await.expect("shown");
    assert_eq!(image.status, Status::Available);
    let of: Vec<SnapshotId> = image.disks.iter().filter_map(|disk| disk.snapshot).collect();
    assert_eq!((node.grain(of[0], 4).await, node.grain(of[1], 4).await), (filled(9), filled(10)));
    // a machine of that image begins with what was captured
    let wanted = machines(&image, 1);
    node.service().create_instances(&node.me, wanted, Ask::default()).await.expect("a machine");
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_taken_fails_with_its_cause_and_so_does_its_image() {
    let node = Node::new();
    let id = node.running().await;
    node.fake.order(Call::Read, Fault::Full);
    let disks = disks_of(&node.world, &node.me, id).await;
    node.write(disks[0].id, 4, 9).await;
    let made = node.make(ImageSource::SystemDisk(id)).await;
    node.settle().await;
    Runner::new(node.service().clone()).run_waiting().await.expect("ran");
    let image = node.service().show_image(&node.me, made).await.expect("shown");
    assert_eq!(image.status, Status::Failed);
    assert!(image.failure.is_some_and(|why| why.starts_with("a snapshot could not be taken: ")));
    let snapshot = node.shown(image.disks[0].snapshot.expect("a snapshot")).await;
    assert_eq!(snapshot.status, SnapshotStatus::Failed);
    assert!(snapshot.failure.is_some());
    assert_eq!((node.status(id).await, node.fake.open_captures()), (InstanceStatus::Running, 0));
    let again = node.taken(disks[0].id).await;
    node.settle().await;
    assert_eq!(node.grain(again, 4).await, filled(9));
}

#[tokio::test]
async fn what_was_written_on_one_node_is_not_given_to_a_machine_of_another() {
    let node = Node::new();
    let (me, ask) = (&node.me, Ask::default);
    let id = node.running().await;
    let service = node.service();
    let elsewhere = service.clone().with_hypervisor(Arc::new(FakeHypervisor::new()), "n2".to_owned());
    let disk = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
    service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
    node.settle().await;
    service.detach_disk(me, DetachDisk { disk, instance: id }, ask()).await.expect("told");
    node.settle().await;
    let other = image(&node.world, me, 2).await;
    let mut wanted = machines(&other, 1);
    wanted.start = true;
    let there = elsewhere.create_instances(me, wanted, ask()).await.expect("a machine")[0];
    assert!(Keeper::new(elsewhere.clone()).settle().await.expect("looked"));
    conflict(elsewhere.attach_disk(me, attach(disk, there), ask()).await, Conflict::DiskElsewhere);
    let console = service.console_output(me, there).await;
    assert!(matches!(console, Err(Error::Unsupported(_))), "{console:?}");
    // this node's keeper leaves the other's machine alone
    node.settle().await;
    assert_eq!(node.status(there).await, InstanceStatus::Running);
}

#[tokio::test]
async fn a_machine_stops_while_its_disk_is_read_and_the_snapshot_is_taken_of_what_it_left() {
    let node = Node::new();
    let (id, disk) = node.running_and_written().await;
    node.fake.hold_reads(true);
    let taken = node.taken(disk).await;
    let _kept = node.keep();
    node.captures(1).await;
    node.service().stop_instance(&node.me, stop(id, true), Ask::default()).await.expect("told");
    while node.status(id).await != InstanceStatus::Stopped {
        tokio::task::yield_now().await;
    }
    node.fake.hold_reads(false);
    assert_eq!(node.ended(taken).await, SnapshotStatus::Accomplished);
    assert_eq!(node.grain(taken, 1).await, filled(3));
}

#[tokio::test]
async fn a_snapshot_that_is_being_taken_can_be_given_up() {
    let node = Node::new();
    let (_, disk) = node.running_and_written().await;
    let taken = node.taken(disk).await;
    node.service().cancel_snapshot(&node.me, taken, Ask::default()).await.expect("given up");
    node.settle().await;
    assert_eq!(node.shown(taken).await.status, SnapshotStatus::Failed);
    let again = node.service().cancel_snapshot(&node.me, taken, Ask::default()).await;
    conflict(again, Conflict::SnapshotNotReady);
    let delete = DeleteSnapshot { snapshot: taken, force: false };
    node.service().delete_snapshot(&node.me, delete, Ask::default()).await.expect("deleted");
    let next = node.taken(disk).await;
    node.settle().await;
    assert_eq!(node.grain(next, 1).await, filled(3));
}

#[tokio::test]
async fn a_snapshot_that_is_being_read_can_be_given_up() {
    let node = Node::new();
    let (_, disk) = node.running_and_written().await;
    node.fake.hold_reads(true);
    let taken = node.taken(disk).await;
    let _kept = node.keep();
    node.captures(1).await;
    node.cancel(taken).await;
    node.captures(0).await;
    assert_eq!(node.shown(taken).await.status, SnapshotStatus::Failed);
    node.fake.hold_reads(false);
    let next = node.taken(disk).await;
    assert_eq!(node.ended(next).await, SnapshotStatus::Accomplished);
    assert_eq!(node.grain(next, 1).await, filled(3));
}

#[tokio::test]
async fn other_disks_come_and_grow_although_one_is_being_read() {
    let node = Node::new();
    let (service, me, ask) = (node.service(), &node.me, Ask::default);
    let id = node.running().await;
    let disks = disks_of(&node.world, me, id).await;
    node.write(disks[0].id, 1, 3).await;
    node.fake.hold_reads(true);
    let taken = node.taken(disks[0].id).await;
    let _kept = node.keep();
    node.captures(1).await;
    let size = ResizeDisk { disk: disks[1].id, size_gib: 90, sizes: |_| 1..=500 };
    service.resize_disk(me, size, ask()).await.expect("told");
    for _ in 0..3 {
        let disk = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
        service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
        while node.disk_status(disk).await != DiskStatus::InUse {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    node.fake.hold_reads(false);
    assert_eq!(node.ended(taken).await, SnapshotStatus::Accomplished);
    while service.show_disk(me, disks[1].id).await.expect("shown").grows {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(node.fake.wrongs(), Vec::<String>::new());
}

#[tokio::test]
async fn a_free_disk_whose_snapshot_is_given_up_can_be_used_as_soon_as_it_is_not_read_any_more() {
    for start in [false, true] {
        let node = Node::new();
        let (service, me, ask) = (node.service(), &node.me, Ask::default);
        let id = node.running().await;
        let disk = node.free_disk(id).await;
        if start {
            service.stop_instance(me, stop(id, true), ask()).await.expect("told");
            node.settle().await;
        }
        node.fake.hold_reads(true);
        let taken = node.taken(disk).await;
        let _kept = node.keep();
        node.captures(1).await;
        node.cancel(taken).await;
        service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
        if start {
            service.start_instance(me, id, ask()).await.expect("told");
        }
        loop {
            let (status, of) = (node.disk_status(disk).await, node.status(id).await);
            assert!(matches!(status, DiskStatus::Attaching | DiskStatus::InUse), "{status}");
            assert!(matches!(of, InstanceStatus::Starting | InstanceStatus::Running), "{of}");
            if (status, of) == (DiskStatus::InUse, InstanceStatus::Running) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(node.fake.wrongs(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_third_snapshot_holds_its_instant_while_two_are_read() {
    for (delete, expected) in [(false, 4), (true, 5)] {
        third_snapshot(delete, expected).await;
    }
}

/// With `delete`, the snapshot that it was to be made of goes meanwhile: it is taken again, at a later instant.
async fn third_snapshot(delete: bool, expected: u8) {
    let node = Node::new();
    let mut disks = Vec::new();
    for _ in 0..3 {
        let id = node.running().await;
        disks.push(disks_of(&node.world, &node.me, id).await[0].id);
        node.write(disks[disks.len() - 1], 1, 3).await;
    }
    let before = node.taken(disks[2]).await;
    node.settle().await;
    node.write(disks[2], 2, 4).await;
    node.fake.hold_reads(true);
    let mut taken = vec![node.taken(disks[0]).await, node.taken(disks[1]).await];
    let _kept = node.keep();
    node.captures(2).await;
    taken.push(node.taken(disks[2]).await);
    node.captures(3).await;
    node.write(disks[2], 2, 5).await;
    if delete {
        let delete = DeleteSnapshot { snapshot: before, force: true };
        node.service().delete_snapshot(&node.me, delete, Ask::default()).await.expect("deleted");
    }
    node.fake.hold_reads(false);
    for &one in &taken {
        assert_eq!(node.ended(one).await, SnapshotStatus::Accomplished);
        assert_eq!(node.grain(one, 1).await, filled(3));
    }
    assert_eq!(node.grain(taken[2], 2).await, filled(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_of_another_format_is_unpacked_before_its_disk_is_captured() {
    let node = Node::new();
    let file = written_of(noise(300_000, 1), Target::qcow2(Compression::None));
    let id = node.running_of(&uploaded_as(&node.world, &node.me, DiskFormat::Qcow2, &file).await).await;
    let disk = disks_of(&node.world, &node.me, id).await[0].id;
    node.write(disk, 1, 3).await;
    let busy = node.service().compressing.acquire_many(2).await.expect("all places");
    let given_up = node.taken(disk).await;
    let _kept = node.keep();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(node.fake.open_captures(), 0);
    node.cancel(given_up).await;
    let taken = node.taken(disk).await;
    drop(busy);
    assert_eq!(node.ended(taken).await, SnapshotStatus::Accomplished);
    assert_eq!(node.grain(taken, 1).await, filled(3));
}

#[tokio::test]
async fn what_breaks_off_is_begun_again() {
    let node = Node::new();
    let id = node.running().await;
    node.service().stop_instance(&node.me, stop(id, true), Ask::default()).await.expect("told");
    node.settle().await;
    node.fake.order(Call::Start, Fault::Panic);
    node.service().start_instance(&node.me, id, Ask::default()).await.expect("told");
    let _kept = node.keep();
    while node.status(id).await != InstanceStatus::Running {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(node.fake.starts(), 2);
}

#[tokio::test]
async fn an_image_that_is_deleted_while_its_snapshots_are_taken_leaves_no_job() {
    let node = Node::new();
    let id = node.running().await;
    let disks = disks_of(&node.world, &node.me, id).await;
    node.write(disks[0].id, 4, 9).await;
    let made = node.make(ImageSource::Instance(id)).await;
    let open = async || {
        let read = move |tx: &mut Tx<'_>| jobs::open_of_images(tx, &[made]);
        node.world.catalogue.read(read).await.expect("read").len()
    };
    assert_eq!(open().await, 1);
    node.service().delete_image(&node.me, made).await.expect("deleted");
    assert_eq!(open().await, 0);
    node.settle().await;
}

#[tokio::test]
async fn what_an_older_database_knows_nothing_of_stays_for_a_while() {
    let node = Node::new();
    let id = node.running().await;
    let (machines, files) = (node.fake.machines(), node.fake.files());
    let rows = disks_of(&node.world, &node.me, id).await;
    let forget = move |tx: &mut Tx<'_>| {
        instances::delete(tx, id)?;
        rows.iter().try_for_each(|disk| disks::delete(tx, disk.id).map(drop))
    };
    node.world.catalogue.write(forget).await.expect("forgotten");
    node.settle().await;
    node.world.pass(Duration::from_secs(3500));
    node.settle().await;
    assert_eq!((node.fake.machines(), node.fake.files()), (machines, files));
    node.world.pass(Duration::from_secs(200));
    node.settle().await;
    assert!(node.fake.machines().is_empty() && node.fake.files().is_empty() && node.fake.consoles().is_empty());
}

#[tokio::test]
async fn a_disk_that_came_while_the_machine_ran_is_known_to_its_system() {
    let node = Node::new();
    let (service, me, ask) = (node.service(), &node.me, Ask::default);
    let id = node.running().await;
    node.world.pass(Duration::from_secs(10));
    let disk = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
    service.attach_disk(me, attach(disk, id), ask()).await.expect("told");
    node.settle().await;
    node.world.pass(Duration::from_secs(10));
    service.stop_instance(me, stop(id, true), ask()).await.expect("told");
    node.settle().await;
    node.make(ImageSource::Instance(id)).await;
    node.settle().await;
    node.world.pass(Duration::from_secs(10));
    let late = service.create_disk(me, empty_disk(20), ask()).await.expect("a disk");
    service.attach_disk(me, attach(late, id), ask()).await.expect("told");
    let refused = service.make_image(me, wish(ImageSource::Instance(id)), ask()).await;
    conflict(refused, Conflict::InstanceNeedsRestart);
}
