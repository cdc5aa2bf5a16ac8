//! What images are made of, put straight into the catalogue so that every status can be had.

use std::collections::BTreeSet;

use imprint_catalogue::inventory::ItemPage;
use imprint_catalogue::jobs::JobQuery;
use imprint_catalogue::snapshots::SnapshotQuery;
use imprint_catalogue::{Catalogue, Error, Tx, audit, disks, images, instances, jobs, members, snapshots};
use imprint_model::{
    Architecture, BootMode, Caller, Content, Disk, DiskCategory, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus,
    Facts, Image, ImageId, Instance, InstanceId, InstanceStatus, ProjectId, Snapshot, SnapshotId, SnapshotStatus,
};

use super::{create, raw, upload};
use crate::testing::{START, World};
use crate::{Ask, DiskWanted, ImageSource, MakeImage, Once, Runner};

/// The region of the worlds here.
pub(super) const HERE: &str = "local-1";

/// Runs all jobs that wait.
pub(super) async fn run(world: &World) -> usize {
    Runner::new(world.service.clone()).run_waiting().await.expect("ran")
}

/// The image, whoever may see it.
pub(super) async fn shown(world: &World, me: &Caller, id: ImageId) -> Image {
    world.service.show_image(me, id).await.expect("shown")
}

/// How much there is of everything that a verb here could add or take away: images, jobs, entries of the audit, members
/// of `image`, snapshots of `me`.
pub(super) async fn amounts(world: &World, me: &Caller, image: ImageId) -> [u64; 5] {
    let owner = me.project.clone().expect("an account");
    let count = move |tx: &mut Tx<'_>| {
        let page = ItemPage::Numbered { number: 1, size: 1 };
        let images = images::usage_all(tx)?.iter().map(|(_, usage)| usage.images).sum();
        let jobs = jobs::search(tx, &JobQuery::of(owner.clone(), 1, 1))?.total;
        let entries = audit::list(tx, None, None, 10_000)?.len() as u64;
        let snapshots = snapshots::list(tx, &SnapshotQuery::of(owner.clone(), HERE, page))?.total;
        Ok::<_, Error>([images, jobs, entries, members::count(tx, image)?, snapshots])
    };
    world.catalogue.read(count).await.expect("counted")
}

/// An image of `me` with these bytes.
pub(super) async fn uploaded(world: &World, me: &Caller, data: &[u8]) -> Image {
    let id = create(world, me, raw()).await.id;
    upload(world, me, id, data).await.expect("uploaded")
}

/// A complete snapshot of a system disk of `me`, of 20 GiB, with these bytes.
pub(super) fn snapshot(me: &Caller, content: Option<Content>) -> Snapshot {
    Snapshot {
        id: SnapshotId::random(),
        owner: me.project.clone().expect("an account"),
        region: HERE.to_owned(),
        disk: None,
        kind: DiskKind::System,
        name: None,
        description: None,
        status: SnapshotStatus::Accomplished,
        size_gib: 20,
        content,
        disk_format: DiskFormat::Raw,
        retention_days: None,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: START,
        updated_at: START,
        node: None,
        captured_with: None,
        generation: 0,
        done_bytes: 0,
        total_bytes: None,
        failure: None,
    }
}

/// Puts a snapshot into the catalogue.
pub(super) async fn keep(world: &World, snapshot: Snapshot) -> SnapshotId {
    let id = snapshot.id;
    world.catalogue.write(move |tx| snapshots::insert(tx, &snapshot)).await.expect("inserted");
    id
}

/// A system disk's snapshot in the catalogue, with bytes of its own.
pub(super) async fn some_snapshot(world: &World, me: &Caller) -> SnapshotId {
    let image = uploaded(world, me, b"the system disk").await;
    keep(world, snapshot(me, image.content)).await
}

/// A machine of `me` made from `image`, stopped.
pub(super) fn machine(me: &Caller, image: ImageId) -> Instance {
    Instance {
        id: InstanceId::random(),
        owner: me.project.clone().expect("an account"),
        region: HERE.to_owned(),
        name: None,
        host_name: None,
        description: None,
        status: InstanceStatus::Stopped,
        class: "small".to_owned(),
        image,
        locked: None,
        protected: false,
        user_data: None,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: START,
        started_at: None,
        ended_at: None,
        node: None,
        cpus: 1,
        memory_mib: 512,
        architecture: Architecture::X86_64,
        boot_mode: BootMode::Bios,
        nvme: false,
        stop_by: None,
        restart: false,
        failure: None,
    }
}

/// A disk of a machine.
pub(super) fn disk_of(machine: &Instance, kind: DiskKind, letter: char, base: Option<Content>) -> Disk {
    Disk {
        id: DiskId::random(),
        owner: machine.owner.clone(),
        region: machine.region.clone(),
        kind,
        name: None,
        description: None,
        status: DiskStatus::InUse,
        category: DiskCategory::Ssd,
        size_gib: 40,
        source: DiskSource::Image(machine.image),
        base,
        base_format: DiskFormat::Raw,
        instance: Some(machine.id),
        letter: Some(letter),
        was_attached: true,
        delete_with_instance: true,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: START,
        attached_at: Some(START),
        node: None,
        generation: 0,
        written: false,
        grows: false,
    }
}

/// Puts a machine and its disks into the catalogue.
pub(super) async fn install(world: &World, machine: Instance, disks: Vec<Disk>) -> InstanceId {
    let id = machine.id;
    let insert = move |tx: &mut Tx<'_>| {
        instances::insert(tx, &machine)?;
        disks.iter().try_for_each(|disk| disks::insert(tx, disk))
    };
    world.catalogue.write(insert).await.expect("inserted");
    id
}

/// An image that is wanted of `source`, without anything that need not be said.
pub(super) fn wish(source: ImageSource) -> MakeImage {
    let (id, region) = (ImageId::random(), HERE.to_owned());
    let (facts, otherwise) = (Facts::default(), Facts::default());
    MakeImage { region, source, name: None, id, facts, otherwise, tags: BTreeSet::new() }
}

/// The same by name.
pub(super) fn named(source: ImageSource, name: &str) -> MakeImage {
    MakeImage { name: Some(name.to_owned()), ..wish(source) }
}

/// A disk that comes from a snapshot.
pub(super) fn from(snapshot: SnapshotId) -> DiskWanted {
    DiskWanted { snapshot: Some(snapshot), ..DiskWanted::default() }
}

/// Asks for it once, whatever `fingerprint` stands for.
pub(super) fn once(token: &str, fingerprint: &str) -> Ask {
    let once = Once { scope: "here/do".to_owned(), token: token.to_owned(), fingerprint: fingerprint.to_owned() };
    Ask { once: Some(once), dry_run: false }
}

/// Asks only whether it could be done.
pub(super) fn dry() -> Ask {
    Ask { dry_run: true, ..Ask::default() }
}

/// Gives an account a limit of its own.
pub(super) async fn allow(catalogue: &Catalogue, project: &str, name: &'static str, most: i64) {
    let project = ProjectId::from(project);
    let set = catalogue.write(move |tx| imprint_catalogue::quotas::set(tx, &project, name, Some(most)));
    set.await.expect("set");
}
