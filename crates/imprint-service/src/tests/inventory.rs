//! Snapshots, disks and machines: each rule.

use std::time::Duration;

use imprint_catalogue::{instances, snapshots};
use imprint_model::{
    Caller, Disk, DiskCategory, DiskId, DiskKind, DiskSource, DiskStatus, Image, ImageDisk, Instance, InstanceId,
    InstanceStatus, SnapshotId, SnapshotStatus,
};

use super::{create, noise, raw, upload};
use crate::testing::{World, caller};
use crate::{
    Ask, AttachDisk, Change, Conflict, CreateDisk, CreateSnapshot, DataDisk, DeleteInstances, DeleteSnapshot,
    DetachDisk, DiskQuery, Error, Field, InstanceQuery, ItemPage, MakeInstances, NewMachine, Quota, RebootInstance,
    ReplaceSystemDisk, ResetDisk, ResizeDisk, Resource, StopInstance, SystemDisk,
};

pub(super) const REGION: &str = "local-1";

pub(super) async fn image(world: &World, me: &Caller, seed: u64) -> Image {
    let id = create(world, me, raw()).await.id;
    upload(world, me, id, &noise(100_000, seed)).await.expect("uploaded")
}

pub(super) fn machines(image: &Image, count: usize) -> MakeInstances {
    let machine = || NewMachine { id: InstanceId::random(), name: None, host_name: None };
    MakeInstances {
        machines: (0..count).map(|_| machine()).collect(),
        region: REGION.to_owned(),
        image: image.id,
        description: None,
        class: "small".to_owned(),
        cpus: 1,
        memory_mib: 512,
        start: false,
        user_data: None,
        protected: false,
        resource_group: None,
        tags: [].into(),
        system: SystemDisk {
            category: DiskCategory::Ssd,
            size_gib: None,
            sizes: 20..=500,
            name: None,
            description: None,
            delete_with_instance: true,
        },
        data: Vec::new(),
    }
}

pub(super) fn data_disk() -> DataDisk {
    DataDisk {
        category: DiskCategory::Ssd,
        size_gib: Some(30),
        sizes: 20..=500,
        snapshot: None,
        letter: None,
        name: None,
        description: None,
        delete_with_instance: true,
    }
}

pub(super) fn empty_disk(size_gib: u32) -> CreateDisk {
    CreateDisk {
        id: DiskId::random(),
        region: REGION.to_owned(),
        name: None,
        description: None,
        category: DiskCategory::Ssd,
        size_gib: Some(size_gib),
        sizes: 20..=500,
        snapshot: None,
        instance: None,
        resource_group: None,
        tags: [].into(),
    }
}

pub(super) fn snapshot(disk: DiskId) -> CreateSnapshot {
    CreateSnapshot {
        id: SnapshotId::random(),
        disk,
        name: None,
        description: None,
        retention_days: None,
        resource_group: None,
        tags: [].into(),
    }
}

pub(super) fn attach(disk: DiskId, instance: InstanceId) -> AttachDisk {
    AttachDisk { disk, instance, letter: None, delete_with_instance: None, kind: DiskKind::Data }
}

pub(super) async fn one_machine(world: &World, me: &Caller) -> InstanceId {
    let image = image(world, me, 1).await;
    let made = world.service.create_instances(me, machines(&image, 1), Ask::default()).await;
    made.expect("a machine")[0]
}

pub(super) async fn disks_of(world: &World, me: &Caller, instance: InstanceId) -> Vec<Disk> {
    let page = ItemPage::Numbered { number: 1, size: 50 };
    let owner = me.project.clone().expect("an account");
    let query = DiskQuery { instance: Some(instance), ..DiskQuery::of(owner, REGION, page) };
    let mut disks = world.service.list_disks(me, query).await.expect("listed").items;
    disks.sort_by_key(|disk| disk.letter);
    disks
}

/// Writes a machine as something else than the verbs would have left it.
async fn bend(world: &World, id: InstanceId, how: impl Fn(&mut Instance) + Send + 'static) {
    let bend = move |tx: &mut imprint_catalogue::Tx<'_>| {
        let mut instance = instances::get(tx, id)?.expect("a machine");
        how(&mut instance);
        instances::update(tx, &instance)
    };
    world.catalogue.write(bend).await.expect("bent");
}

pub(super) fn conflict<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: Conflict) {
    match outcome {
        Err(Error::Conflict(found)) if found == expected => {}
        other => panic!("{expected:?} was expected, {other:?} came"),
    }
}

#[tokio::test]
async fn a_machine_gets_its_images_disks_and_those_asked_for() {
    let (world, me) = (World::new(), caller("p", "member"));
    let first = one_machine(&world, &me).await;
    let system = disks_of(&world, &me, first).await.remove(0);
    assert_eq!((system.kind, system.letter, system.size_gib), (DiskKind::System, Some('a'), 20));
    assert_eq!((system.status, system.was_attached), (DiskStatus::InUse, true));
    let taken = world.service.create_snapshot(&me, snapshot(system.id), Ask::default()).await.expect("taken");
    let mut image = image(&world, &me, 2).await;
    let own = |letter, snapshot, size_gib| ImageDisk {
        kind: DiskKind::Data,
        letter,
        size_gib,
        snapshot,
        imported_from: None,
    };
    image.disks = vec![own('b', Some(taken), 20), own('d', None, 40)];
    let row = image.clone();
    world.catalogue.write(move |tx| imprint_catalogue::images::update(tx, &row)).await.expect("described");

    let lettered = DataDisk { letter: Some('d'), size_gib: Some(50), ..data_disk() };
    let mut wanted = machines(&image, 2);
    wanted.data = vec![data_disk(), lettered.clone()];
    let made = world.service.create_instances(&me, wanted, Ask::default()).await.expect("machines");
    for id in made {
        let disks = disks_of(&world, &me, id).await;
        let told: Vec<_> = disks.iter().map(|disk| (disk.letter.unwrap_or('-'), disk.size_gib, disk.source)).collect();
        let expected = [
            ('a', 20, DiskSource::Image(image.id)),
            ('b', 20, DiskSource::Snapshot(taken)),
            ('c', 30, DiskSource::Empty),
            ('d', 50, DiskSource::Empty),
        ];
        assert_eq!(told, expected);
        assert_eq!(disks[1].base, system.base);
        assert_eq!(world.service.show_instance(&me, id).await.expect("shown").status, InstanceStatus::Stopped);
    }
    for (change, expected) in [
        (DataDisk { letter: Some('d'), size_gib: Some(39), ..data_disk() }, Conflict::DiskTooSmall),
        (DataDisk { snapshot: Some(taken), size_gib: Some(20), ..data_disk() }, Conflict::DeviceTaken),
    ] {
        let mut wanted = machines(&image, 1);
        let twice = DataDisk { letter: Some('e'), ..change.clone() };
        wanted.data = if expected == Conflict::DeviceTaken { vec![twice.clone(), twice] } else { vec![change] };
        conflict(world.service.create_instances(&me, wanted, Ask::default()).await, expected);
    }
    let mut wanted = machines(&image, 1);
    wanted.data = vec![data_disk(); 15];
    let over = world.service.create_instances(&me, wanted, Ask::default()).await;
    assert!(matches!(over, Err(Error::OverQuota(Quota::DataDisks, 16))), "{over:?}");
    let mut wanted = machines(&image, 1);
    wanted.data = vec![DataDisk { letter: Some('a'), ..data_disk() }];
    let bad = world.service.create_instances(&me, wanted, Ask::default()).await;
    assert!(matches!(bad, Err(Error::Invalid { field: Field::Device, .. })), "{bad:?}");
    let query = InstanceQuery::of("p".into(), REGION, ItemPage::Numbered { number: 1, size: 1 });
    assert_eq!(world.service.list_instances(&me, query).await.expect("listed").total, 3, "all or nothing");
}

#[tokio::test]
async fn a_machine_is_made_of_a_usable_image_that_fits_its_disk() {
    let (world, me) = (World::new(), caller("p", "member"));
    let queued = create(&world, &me, raw()).await;
    conflict(
        world.service.create_instances(&me, machines(&queued, 1), Ask::default()).await,
        Conflict::ImageNotAvailable,
    );
    let image = image(&world, &me, 1).await;
    let image = world.service.update_image(&me, image.id, vec![Change::MinDiskGib(40)]).await.expect("changed");
    let mut wanted = machines(&image, 1);
    wanted.system.size_gib = Some(39);
    conflict(world.service.create_instances(&me, wanted.clone(), Ask::default()).await, Conflict::DiskTooSmall);
    wanted.system.size_gib = Some(501);
    let large = world.service.create_instances(&me, wanted.clone(), Ask::default()).await;
    assert!(matches!(large, Err(Error::Invalid { field: Field::DiskSize, .. })), "{large:?}");
    wanted.system.size_gib = None;
    wanted.region = "elsewhere".to_owned();
    let elsewhere = world.service.create_instances(&me, wanted.clone(), Ask::default()).await;
    assert!(matches!(elsewhere, Err(Error::NotFound(Resource::Region(_)))), "{elsewhere:?}");
    wanted.region = REGION.to_owned();
    let stranger = world.service.create_instances(&caller("q", "member"), wanted.clone(), Ask::default()).await;
    assert!(matches!(stranger, Err(Error::NotFound(Resource::Image(_)))), "{stranger:?}");
    wanted.resource_group = Some("rg-none".to_owned());
    let group = world.service.create_instances(&me, wanted, Ask::default()).await;
    assert!(matches!(group, Err(Error::NotFound(Resource::ResourceGroup(_)))), "{group:?}");
}

#[tokio::test]
async fn nothing_of_another_account_is_there_and_readers_change_nothing() {
    let (world, me) = (World::new(), caller("p", "member"));
    let instance = one_machine(&world, &me).await;
    let disk = disks_of(&world, &me, instance).await[0].id;
    let taken = world.service.create_snapshot(&me, snapshot(disk), Ask::default()).await.expect("taken");
    let (service, stranger, ask) = (&world.service, caller("q", "manager"), Ask::default);
    let absent = |outcome: Result<(), Error>| assert!(matches!(outcome, Err(Error::NotFound(_))), "{outcome:?}");
    let delete = DeleteInstances { instances: vec![instance], force: true };
    absent(service.delete_instances(&stranger, delete.clone(), ask()).await);
    absent(service.delete_disk(&stranger, disk, ask()).await);
    absent(service.reinit_disk(&stranger, disk, ask()).await);
    absent(service.delete_snapshot(&stranger, DeleteSnapshot { snapshot: taken, force: true }, ask()).await);
    absent(service.create_snapshot(&stranger, snapshot(disk), ask()).await.map(drop));
    absent(service.start_instance(&stranger, instance, ask()).await);
    let own = service.create_disk(&stranger, empty_disk(20), ask()).await.expect("a disk");
    absent(service.attach_disk(&stranger, attach(own, instance), ask()).await);
    absent(service.attach_disk(&stranger, attach(disk, instance), ask()).await);
    let from = CreateDisk { snapshot: Some(taken), ..empty_disk(20) };
    absent(service.create_disk(&stranger, from, ask()).await.map(drop));
    assert!(matches!(service.show_disk(&stranger, disk).await, Err(Error::NotFound(_))));
    assert!(matches!(service.show_snapshot(&stranger, taken).await, Err(Error::NotFound(_))));
    let reader = caller("p", "reader");
    service.show_instance(&reader, instance).await.expect("a reader looks");
    let denied = service.delete_instances(&reader, delete, ask()).await;
    assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
}

#[tokio::test]
async fn disks_come_and_go() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (service, ask) = (&world.service, Ask::default);
    let (instance, other) = (one_machine(&world, &me).await, one_machine(&world, &me).await);
    let sizeless = CreateDisk { size_gib: None, ..empty_disk(0) };
    assert!(matches!(service.create_disk(&me, sizeless, ask()).await, Err(Error::Missing(Field::DiskSize))));
    let disk = service.create_disk(&me, empty_disk(20), ask()).await.expect("a disk");
    conflict(service.create_snapshot(&me, snapshot(disk), ask()).await, Conflict::DiskNeverAttached);
    let system = disks_of(&world, &me, instance).await[0].id;
    conflict(service.attach_disk(&me, attach(system, other), ask()).await, Conflict::DiskStatus);
    let taken = AttachDisk { letter: Some('a'), kind: DiskKind::System, ..attach(disk, instance) };
    conflict(service.attach_disk(&me, taken, ask()).await, Conflict::DeviceTaken);
    bend(&world, instance, |instance| instance.status = InstanceStatus::Starting).await;
    conflict(service.attach_disk(&me, attach(disk, instance), ask()).await, Conflict::InstanceStatus);
    bend(&world, instance, |instance| instance.locked = Some("security".to_owned())).await;
    conflict(service.attach_disk(&me, attach(disk, instance), ask()).await, Conflict::InstanceLocked);
    bend(&world, instance, |instance| (instance.status, instance.locked) = (InstanceStatus::Running, None)).await;
    service.attach_disk(&me, attach(disk, instance), ask()).await.expect("attached");
    assert_eq!(service.show_disk(&me, disk).await.expect("shown").letter, Some('b'));
    let running = service.create_snapshot(&me, snapshot(disk), ask()).await;
    assert!(matches!(running, Err(Error::Unsupported(_))), "{running:?}");
    conflict(service.delete_disk(&me, disk, ask()).await, Conflict::DiskAttached);
    conflict(service.detach_disk(&me, DetachDisk { disk, instance: other }, ask()).await, Conflict::DiskNotAttached);
    conflict(service.detach_disk(&me, DetachDisk { disk: system, instance }, ask()).await, Conflict::DiskIsSystem);
    service.detach_disk(&me, DetachDisk { disk, instance }, ask()).await.expect("detached");
    let grow = |size_gib| ResizeDisk { disk, size_gib, sizes: |_| 20..=500 };
    conflict(service.resize_disk(&me, grow(20), ask()).await, Conflict::DiskTooSmall);
    let large = service.resize_disk(&me, grow(501), ask()).await;
    assert!(matches!(large, Err(Error::Invalid { field: Field::DiskSize, .. })), "{large:?}");
    service.resize_disk(&me, grow(21), ask()).await.expect("grown");
    service.delete_disk(&me, disk, ask()).await.expect("deleted");
    assert!(matches!(service.delete_disk(&me, disk, ask()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn snapshots_protect_what_comes_of_them_and_set_disks_back() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (service, ask) = (&world.service, Ask::default);
    let instance = one_machine(&world, &me).await;
    let system = disks_of(&world, &me, instance).await.remove(0);
    let first = service.create_snapshot(&me, snapshot(system.id), ask()).await.expect("taken");
    let row = service.show_snapshot(&me, first).await.expect("shown");
    assert_eq!((row.status, row.kind, row.content), (SnapshotStatus::Accomplished, DiskKind::System, system.base));
    let small = CreateDisk { snapshot: Some(first), ..empty_disk(19) };
    let small = CreateDisk { sizes: 1..=500, ..small };
    conflict(service.create_disk(&me, small, ask()).await, Conflict::DiskTooSmall);
    let made = CreateDisk { snapshot: Some(first), size_gib: None, ..empty_disk(0) };
    let made = service.create_disk(&me, made, ask()).await.expect("a disk");
    let delete = |force| DeleteSnapshot { snapshot: first, force };
    conflict(service.delete_snapshot(&me, delete(false), ask()).await, Conflict::SnapshotUsedByDisk);
    conflict(
        service.reset_disk(&me, ResetDisk { disk: made, snapshot: first }, ask()).await,
        Conflict::SnapshotOfOtherDisk,
    );
    let reset = ResetDisk { disk: system.id, snapshot: first };
    bend(&world, instance, |instance| instance.status = InstanceStatus::Running).await;
    conflict(service.reset_disk(&me, reset, ask()).await, Conflict::InstanceStatus);
    service.stop_instance(&me, StopInstance { instance, force: false }, ask()).await.expect("stopped");
    service.reset_disk(&me, reset, ask()).await.expect("set back");

    let row = service.show_snapshot(&me, first).await.expect("shown");
    let begun = imprint_model::Snapshot { id: SnapshotId::random(), status: SnapshotStatus::Progressing, ..row };
    let unready = begun.id;
    world.catalogue.write(move |tx| snapshots::insert(tx, &begun)).await.expect("begun");
    conflict(service.create_snapshot(&me, snapshot(system.id), ask()).await, Conflict::DiskSnapshotting);
    conflict(service.reset_disk(&me, reset, ask()).await, Conflict::DiskSnapshotting);
    let from = CreateDisk { snapshot: Some(unready), ..empty_disk(20) };
    conflict(service.create_disk(&me, from, ask()).await, Conflict::SnapshotNotReady);
    let all = DeleteInstances { instances: vec![instance], force: true };
    conflict(service.delete_instances(&me, all, ask()).await, Conflict::DiskSnapshotting);

    service.delete_snapshot(&me, delete(true), ask()).await.expect("forced");
    let gone = service.reinit_disk(&me, made, ask()).await;
    assert!(matches!(gone, Err(Error::NotFound(Resource::Snapshot(_)))), "{gone:?}");
}

#[tokio::test]
async fn a_snapshot_that_an_image_needs_stays() {
    let (world, me) = (World::new(), caller("p", "member"));
    let instance = one_machine(&world, &me).await;
    let disk = disks_of(&world, &me, instance).await[0].id;
    let taken = world.service.create_snapshot(&me, snapshot(disk), Ask::default()).await.expect("taken");
    let mut image = image(&world, &me, 3).await;
    image.disks = vec![ImageDisk {
        kind: DiskKind::System,
        letter: 'a',
        size_gib: 20,
        snapshot: Some(taken),
        imported_from: None,
    }];
    world.catalogue.write(move |tx| imprint_catalogue::images::update(tx, &image)).await.expect("described");
    let delete = DeleteSnapshot { snapshot: taken, force: true };
    conflict(world.service.delete_snapshot(&me, delete, Ask::default()).await, Conflict::SnapshotUsedByImage);
}

#[tokio::test]
async fn machines_are_deleted_with_the_disks_that_go_along() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (service, ask) = (&world.service, Ask::default);
    let image = image(&world, &me, 1).await;
    let mut wanted = machines(&image, 1);
    wanted.system.delete_with_instance = false;
    wanted.data = vec![data_disk()];
    wanted.protected = true;
    let instance = service.create_instances(&me, wanted, ask()).await.expect("a machine")[0];
    let disks = disks_of(&world, &me, instance).await;
    let delete = |force| DeleteInstances { instances: vec![instance], force };
    conflict(service.delete_instances(&me, delete(true), ask()).await, Conflict::InstanceProtected);
    bend(&world, instance, |row| (row.protected, row.locked) = (false, Some("security".to_owned()))).await;
    conflict(service.delete_instances(&me, delete(true), ask()).await, Conflict::InstanceLocked);
    bend(&world, instance, |row| (row.locked, row.status) = (None, InstanceStatus::Pending)).await;
    conflict(service.delete_instances(&me, delete(true), ask()).await, Conflict::InstanceStatus);
    bend(&world, instance, |row| row.status = InstanceStatus::Running).await;
    conflict(service.delete_instances(&me, delete(false), ask()).await, Conflict::InstanceRunning);
    let beside = DeleteInstances { instances: vec![instance, InstanceId::random()], force: true };
    assert!(matches!(service.delete_instances(&me, beside, ask()).await, Err(Error::NotFound(_))));
    service.delete_instances(&me, delete(true), ask()).await.expect("deleted");
    let kept = service.show_disk(&me, disks[0].id).await.expect("it does not go along");
    assert_eq!((kept.kind, kept.status, kept.instance), (DiskKind::Data, DiskStatus::Available, None));
    assert!(matches!(service.show_disk(&me, disks[1].id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn machines_are_not_run_where_there_is_no_hypervisor() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (service, ask) = (&world.service, Ask::default);
    let instance = one_machine(&world, &me).await;
    let start = service.start_instance(&me, instance, ask()).await;
    assert!(matches!(start, Err(Error::Unsupported(_))), "{start:?}");
    let stop = StopInstance { instance, force: true };
    conflict(service.stop_instance(&me, stop, ask()).await, Conflict::InstanceStatus);
    let reboot = RebootInstance { instance, force: false };
    conflict(service.reboot_instance(&me, reboot, ask()).await, Conflict::InstanceStatus);
    bend(&world, instance, |row| row.status = InstanceStatus::Running).await;
    conflict(service.start_instance(&me, instance, ask()).await, Conflict::InstanceStatus);
}

#[tokio::test]
async fn a_system_disk_is_replaced_by_another_images() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (service, ask) = (&world.service, Ask::default);
    let instance = one_machine(&world, &me).await;
    let old = disks_of(&world, &me, instance).await.remove(0);
    let mut other = image(&world, &me, 7).await;
    let replace = |size_gib| ReplaceSystemDisk {
        instance,
        image: other.id,
        disk: DiskId::random(),
        size_gib,
        sizes: |_| 1..=500,
    };
    let (first, second, third) = (replace(Some(30)), replace(None), replace(Some(501)));
    let disk = service.replace_system_disk(&me, first, ask()).await.expect("replaced");
    let new = disks_of(&world, &me, instance).await.remove(0);
    assert_eq!((new.id, new.size_gib, new.letter, new.kind), (disk, 30, Some('a'), DiskKind::System));
    assert_eq!(new.base, other.content);
    assert_eq!(service.show_instance(&me, instance).await.expect("shown").image, other.id);
    assert!(matches!(service.show_disk(&me, old.id).await, Err(Error::NotFound(_))));
    let large = service.replace_system_disk(&me, third, ask()).await;
    assert!(matches!(large, Err(Error::Invalid { field: Field::DiskSize, .. })), "{large:?}");
    bend(&world, instance, |row| row.status = InstanceStatus::Running).await;
    conflict(service.replace_system_disk(&me, second, ask()).await, Conflict::InstanceStatus);
    bend(&world, instance, |row| row.status = InstanceStatus::Stopped).await;
    other.disks =
        vec![ImageDisk { kind: DiskKind::Data, letter: 'b', size_gib: 20, snapshot: None, imported_from: None }];
    world.catalogue.write(move |tx| imprint_catalogue::images::update(tx, &other)).await.expect("described");
    conflict(service.replace_system_disk(&me, second, ask()).await, Conflict::ImageHasDataDisks);
}

#[tokio::test]
async fn collection_keeps_what_disks_and_snapshots_need_and_nothing_else() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (service, ask) = (&world.service, Ask::default);
    let image = image(&world, &me, 1).await;
    let instance = service.create_instances(&me, machines(&image, 1), ask()).await.expect("a machine")[0];
    let disk = disks_of(&world, &me, instance).await.remove(0);
    let taken = service.create_snapshot(&me, snapshot(disk.id), ask()).await.expect("taken");
    let map = image.content.as_ref().expect("bytes").map;
    service.reinit_disk(&me, disk.id, ask()).await.expect("set back to the image");
    service.delete_image(&me, image.id).await.expect("deleted");
    let gone = service.reinit_disk(&me, disk.id, ask()).await;
    assert!(matches!(gone, Err(Error::NotFound(Resource::Image(_)))), "{gone:?}");
    assert_eq!(service.collect(Duration::ZERO).await.expect("collected").maps, 1, "the disk needs it");
    let delete = DeleteInstances { instances: vec![instance], force: false };
    service.delete_instances(&me, delete, ask()).await.expect("deleted");
    assert_eq!(service.collect(Duration::ZERO).await.expect("collected").maps, 1, "the snapshot needs it");
    assert_eq!(world.store.reader(map).await.expect("still there").size_bytes(), 100_000);
    service.delete_snapshot(&me, DeleteSnapshot { snapshot: taken, force: false }, ask()).await.expect("deleted");
    assert_eq!(service.collect(Duration::ZERO).await.expect("collected").maps, 0, "nothing needs it");
}

#[tokio::test]
async fn a_snapshot_goes_when_its_days_are_over_unless_something_needs_it() {
    let (world, me) = (World::new(), caller("p", "member"));
    let instance = one_machine(&world, &me).await;
    let disk = disks_of(&world, &me, instance).await[0].id;
    let (service, ask) = (&world.service, Ask::default);
    let taken = |days| CreateSnapshot { retention_days: days, ..snapshot(disk) };
    let short = service.create_snapshot(&me, taken(Some(2)), ask()).await.expect("taken");
    let needed = service.create_snapshot(&me, taken(Some(2)), ask()).await.expect("taken");
    let long = service.create_snapshot(&me, taken(Some(65_536)), ask()).await.expect("taken");
    let kept = service.create_snapshot(&me, taken(None), ask()).await.expect("taken");
    let from = CreateDisk { snapshot: Some(needed), ..empty_disk(20) };
    service.create_disk(&me, from, ask()).await.expect("a disk");
    world.pass(Duration::from_secs(2 * 24 * 3600 - 1));
    assert_eq!(service.forget_expired_snapshots().await.expect("looked"), 0);
    world.pass(Duration::from_secs(1));
    assert_eq!(service.forget_expired_snapshots().await.expect("looked"), 1);
    assert!(matches!(service.show_snapshot(&me, short).await, Err(Error::NotFound(_))));
    for id in [needed, long, kept] {
        service.show_snapshot(&me, id).await.expect("still there");
    }
}
