//! Snapshots, disks and machines come back as they were, and their lists are what looking at all of them gives.

use std::collections::BTreeSet;

use imprint_catalogue::inventory::{ItemPage, Items, TagWanted};
use imprint_catalogue::resource_groups::{self, ResourceGroup};
use imprint_catalogue::{Catalogue, Error, ErrorKind, Tx, disks, images, instances, machines, snapshots};
use imprint_model::{
    Architecture, BootMode, Disk, DiskCategory, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus, Image, ImageDisk,
    ImageId, Instance, InstanceId, InstanceStatus, MapId, ProjectId, Snapshot, SnapshotId, SnapshotStatus, Timestamp,
    join_tag,
};
use rand::prelude::*;

use crate::model::matches;
use crate::support::{content, image, instance, on_each_engine, read, write};

const NAMES: [Option<&str>; 4] = [None, Some("a"), Some("ab"), Some("B_%")];
const NODES: [Option<&str>; 3] = [None, Some("n0"), Some("n1")];
const GROUPS: [Option<&str>; 2] = [None, Some("g")];
const TAGS: [&str; 3] = ["t", "k=v", "k=w"];

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    *from.choose(rng).expect("there is something to pick from")
}

fn text(word: Option<&str>) -> Option<String> {
    word.map(str::to_owned)
}

fn tags(rng: &mut StdRng) -> BTreeSet<String> {
    TAGS.into_iter().filter(|_| rng.random_bool(0.4)).map(str::to_owned).collect()
}

fn me() -> ProjectId {
    ProjectId::from("p0")
}

fn snapshot(rng: &mut StdRng, disks: &[DiskId]) -> Snapshot {
    let taken_of = pick(rng, disks);
    Snapshot {
        id: SnapshotId::random(),
        owner: pick(rng, &["p0", "p0", "p1"]).into(),
        region: pick(rng, &["r0", "r0", "r1"]).to_owned(),
        disk: pick(rng, &[None, Some(taken_of)]),
        kind: pick(rng, DiskKind::ALL),
        name: text(pick(rng, &NAMES)),
        description: text(pick(rng, &NAMES)),
        status: pick(rng, SnapshotStatus::ALL),
        size_gib: rng.random_range(1..100),
        content: rng.random_bool(0.5).then(|| content(rng.random_range(0..9), 5)),
        disk_format: pick(rng, &[DiskFormat::Raw, DiskFormat::Qcow2]),
        retention_days: pick(rng, &[None, Some(3)]),
        resource_group: text(pick(rng, &GROUPS)),
        tags: tags(rng),
        created_at: Timestamp(rng.random_range(0..5)),
        updated_at: Timestamp(rng.random_range(0..5)),
        node: text(pick(rng, &NODES)),
        captured_with: rng.random_bool(0.3).then(SnapshotId::random),
        generation: rng.random_range(0..3),
        done_bytes: rng.random_range(0..9),
        total_bytes: pick(rng, &[None, Some(9)]),
        failure: text(pick(rng, &[None, Some("full")])),
    }
}

fn disk(rng: &mut StdRng, machines: &[InstanceId], snapshots: &[SnapshotId]) -> Disk {
    let (image, snapshot, machine) = (ImageId::random(), pick(rng, snapshots), pick(rng, machines));
    Disk {
        id: DiskId::random(),
        owner: pick(rng, &["p0", "p0", "p1"]).into(),
        region: pick(rng, &["r0", "r0", "r1"]).to_owned(),
        kind: pick(rng, DiskKind::ALL),
        name: text(pick(rng, &NAMES)),
        description: text(pick(rng, &NAMES)),
        status: pick(rng, DiskStatus::ALL),
        category: pick(rng, DiskCategory::ALL),
        size_gib: rng.random_range(1..100),
        source: pick(rng, &[DiskSource::Empty, DiskSource::Image(image), DiskSource::Snapshot(snapshot)]),
        base: rng.random_bool(0.5).then(|| content(rng.random_range(9..20), 5)),
        base_format: pick(rng, &[DiskFormat::Raw, DiskFormat::Qcow2]),
        instance: pick(rng, &[None, Some(machine)]),
        letter: pick(rng, &[None, Some('a'), Some('b')]),
        was_attached: rng.random_bool(0.5),
        delete_with_instance: rng.random_bool(0.5),
        resource_group: text(pick(rng, &GROUPS)),
        tags: tags(rng),
        created_at: Timestamp(rng.random_range(0..5)),
        attached_at: pick(rng, &[None, Some(Timestamp(7))]),
        node: text(pick(rng, &NODES)),
        generation: rng.random_range(0..3),
        written: rng.random_bool(0.5),
        grows: rng.random_bool(0.5),
    }
}

fn machine(rng: &mut StdRng, images: &[ImageId]) -> Instance {
    let at = rng.random_range(0..5);
    Instance {
        region: pick(rng, &["r0", "r0", "r1"]).to_owned(),
        name: text(pick(rng, &NAMES)),
        host_name: text(pick(rng, &NAMES)),
        description: text(pick(rng, &NAMES)),
        status: pick(rng, InstanceStatus::ALL),
        class: pick(rng, &["small", "large"]).to_owned(),
        locked: text(pick(rng, &[None, Some("security")])),
        protected: rng.random_bool(0.5),
        user_data: text(pick(rng, &[None, Some("#!/bin/sh\n")])),
        resource_group: text(pick(rng, &GROUPS)),
        tags: tags(rng),
        started_at: pick(rng, &[None, Some(Timestamp(7))]),
        ended_at: pick(rng, &[None, Some(Timestamp(9))]),
        node: text(pick(rng, &NODES)),
        cpus: rng.random_range(1..9),
        memory_mib: rng.random_range(1..4096),
        architecture: pick(rng, Architecture::ALL),
        boot_mode: pick(rng, BootMode::ALL),
        nvme: rng.random_bool(0.5),
        stop_by: pick(rng, &[None, Some(Timestamp(9))]),
        restart: rng.random_bool(0.5),
        failure: text(pick(rng, &[None, Some("burnt")])),
        ..instance(pick(rng, &["p0", "p0", "p1"]), pick(rng, images), at)
    }
}

struct World {
    snapshots: Vec<Snapshot>,
    disks: Vec<Disk>,
    machines: Vec<Instance>,
    images: Vec<ImageId>,
}

impl World {
    fn fill(catalogue: &Catalogue, rng: &mut StdRng) -> Self {
        const MANY: usize = 60;
        let images: Vec<ImageId> = (0..3).map(|_| ImageId::random()).collect();
        let machines: Vec<Instance> = (0..MANY).map(|_| machine(rng, &images)).collect();
        let places: Vec<InstanceId> = machines.iter().take(4).map(|machine| machine.id).collect();
        let sources: Vec<SnapshotId> = (0..3).map(|_| SnapshotId::random()).collect();
        let disks: Vec<Disk> = (0..MANY).map(|_| disk(rng, &places, &sources)).collect();
        let taken_of: Vec<DiskId> = disks.iter().take(6).map(|disk| disk.id).collect();
        let mut snapshots: Vec<Snapshot> = (0..MANY).map(|_| snapshot(rng, &taken_of)).collect();
        for (snapshot, id) in snapshots.iter_mut().zip(sources) {
            snapshot.id = id;
        }
        let world = Self { snapshots, disks, machines, images };
        let (snapshots, disks, machines) = (world.snapshots.clone(), world.disks.clone(), world.machines.clone());
        write(catalogue, move |tx| {
            snapshots.iter().try_for_each(|row| snapshots::insert(tx, row))?;
            disks.iter().try_for_each(|row| disks::insert(tx, row))?;
            machines.iter().try_for_each(|row| instances::insert(tx, row))
        })
        .expect("filled");
        world
    }

    /// Every record changes in all that may change, and then once more back to what the world says.
    fn stir(&self, catalogue: &Catalogue, rng: &mut StdRng) {
        let places: Vec<InstanceId> = self.machines.iter().map(|machine| machine.id).collect();
        let sources: Vec<SnapshotId> = self.snapshots.iter().map(|snapshot| snapshot.id).collect();
        let taken_of: Vec<DiskId> = self.disks.iter().map(|disk| disk.id).collect();
        let snapshots: Vec<Snapshot> = self
            .snapshots
            .iter()
            .flat_map(|row| [Snapshot { id: row.id, ..snapshot(rng, &taken_of) }, row.clone()])
            .collect();
        let disks: Vec<Disk> = self
            .disks
            .iter()
            .flat_map(|row| [Disk { id: row.id, ..disk(rng, &places, &sources) }, row.clone()])
            .collect();
        let machines: Vec<Instance> = self
            .machines
            .iter()
            .flat_map(|row| [Instance { id: row.id, ..machine(rng, &self.images) }, row.clone()])
            .collect();
        write(catalogue, move |tx| {
            snapshots.iter().try_for_each(|row| snapshots::update(tx, row))?;
            disks.iter().try_for_each(|row| disks::update(tx, row))?;
            machines.iter().try_for_each(|row| instances::update(tx, row))
        })
        .expect("stirred");
    }
}

fn some<T: Copy>(rng: &mut StdRng, from: &[T]) -> Option<Vec<T>> {
    rng.random_bool(0.3).then(|| from.iter().copied().filter(|_| rng.random_bool(0.6)).collect())
}

fn wanted_tags(rng: &mut StdRng) -> Vec<TagWanted> {
    let wanted = [("t", None), ("k", None), ("k", Some("v")), ("x", None), ("t", Some(""))];
    let chosen = wanted.into_iter().filter(|_| rng.random_bool(0.15));
    chosen.map(|(key, value)| (key.to_owned(), text(value))).collect()
}

fn has_tags(tags: &BTreeSet<String>, wanted: &[TagWanted]) -> bool {
    wanted.iter().all(|(key, value)| match value {
        Some(value) => tags.contains(&join_tag(key, value)),
        None => tags.iter().any(|tag| tag == key || tag.starts_with(&format!("{key}="))),
    })
}

fn among<T: PartialEq>(wanted: &Option<Vec<T>>, value: &T) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted.contains(value))
}

fn named(wanted: &Option<String>, name: &Option<String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| name.as_ref().is_some_and(|name| matches(name, wanted)))
}

fn name_wanted(rng: &mut StdRng) -> Option<String> {
    text(pick(rng, &[None, None, None, Some("a"), Some("a*"), Some("*_%"), Some("*")]))
}

fn groups_wanted(rng: &mut StdRng) -> Option<Vec<Option<String>>> {
    some(rng, &[None, Some("g")]).map(|groups| groups.into_iter().map(text).collect())
}

/// What both kinds of page give of `expected`, newest first.
fn check<T: Clone + PartialEq + std::fmt::Debug, Id: Copy>(
    expected: Vec<T>,
    id: impl Fn(&T) -> Id,
    mut list: impl FnMut(ItemPage<Id>) -> Result<Items<T>, Error>,
) {
    let total = expected.len() as u64;
    let mut walked: Vec<T> = Vec::new();
    loop {
        let page = ItemPage::After { after: walked.last().map(&id), limit: 7 };
        let Items { items, total: told } = list(page).expect("a page");
        // The total is that of the whole list wherever the page begins.
        assert_eq!(told, total);
        let ended = items.len() < 7;
        walked.extend(items);
        if ended {
            break;
        }
    }
    assert_eq!(walked, expected);
    let Items { items, total: told } = list(ItemPage::Numbered { number: 2, size: 4 }).expect("a page");
    assert_eq!((items, told), (expected.into_iter().skip(4).take(4).collect(), total));
}

fn newest_first<T: Clone>(all: &[T], keep: impl Fn(&T) -> bool, key: impl Fn(&T) -> (Timestamp, String)) -> Vec<T> {
    let mut kept: Vec<T> = all.iter().filter(|one| keep(one)).cloned().collect();
    kept.sort_by_key(|one| std::cmp::Reverse(key(one)));
    kept
}

const QUESTIONS: usize = 60;

#[test]
fn lists_of_snapshots_are_what_looking_gives() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(11);
        let world = World::fill(catalogue, &mut rng);
        world.stir(catalogue, &mut rng);
        let used = world.snapshots[5].id;
        let disks = vec![ImageDisk {
            kind: DiskKind::Data,
            letter: 'b',
            size_gib: 1,
            snapshot: Some(used),
            imported_from: None,
        }];
        let described = Image { disks, ..image("anybody", 1) };
        write(catalogue, move |tx| images::insert(tx, &described)).expect("an image");
        let by_disk = |id| world.disks.iter().any(|disk| disk.source == DiskSource::Snapshot(id));
        let attached = |disk: DiskId, to| world.disks.iter().any(|row| row.id == disk && row.instance == Some(to));
        let ids: Vec<SnapshotId> = world.snapshots.iter().map(|row| row.id).collect();
        for _ in 0..QUESTIONS {
            let page = ItemPage::Numbered { number: 1, size: 1 };
            let query = snapshots::SnapshotQuery {
                ids: some(&mut rng, &ids),
                statuses: some(&mut rng, SnapshotStatus::ALL),
                kind: pick(&mut rng, &[None, None, Some(DiskKind::Data)]),
                name: name_wanted(&mut rng),
                disk: pick(&mut rng, &[None, None, None, Some(world.disks[0].id)]),
                instance: pick(&mut rng, &[None, None, None, Some(world.machines[0].id)]),
                used_by_image: pick(&mut rng, &[None, None, Some(true), Some(false)]),
                used_by_disk: pick(&mut rng, &[None, None, Some(true), Some(false)]),
                resource_groups: groups_wanted(&mut rng),
                tags: wanted_tags(&mut rng),
                ..snapshots::SnapshotQuery::of(me(), "r0", page)
            };
            let keep = |row: &Snapshot| {
                row.owner == query.owner
                    && row.region == query.region
                    && among(&query.ids, &row.id)
                    && among(&query.statuses, &row.status)
                    && query.kind.is_none_or(|kind| kind == row.kind)
                    && named(&query.name, &row.name)
                    && (query.disk.is_none() || query.disk == row.disk)
                    && query.instance.is_none_or(|to| row.disk.is_some_and(|disk| attached(disk, to)))
                    && query.used_by_image.is_none_or(|by| by == (row.id == used))
                    && query.used_by_disk.is_none_or(|by| by == by_disk(row.id))
                    && among(&query.resource_groups, &row.resource_group)
                    && has_tags(&row.tags, &query.tags)
            };
            let expected = newest_first(&world.snapshots, keep, |row| (row.created_at, row.id.to_string()));
            check(
                expected,
                |row| row.id,
                |page| read(catalogue, |tx| snapshots::list(tx, &snapshots::SnapshotQuery { page, ..query.clone() })),
            );
        }
        let uses = read(catalogue, |tx| snapshots::uses(tx, &ids)).expect("uses");
        assert!(uses.iter().all(|(id, uses)| uses.by_image == (*id == used) && uses.by_disk == by_disk(*id)));
        let of = world.disks[0].id;
        let counted = world.snapshots.iter().filter(|row| row.disk == Some(of)).count() as u64;
        assert_eq!(read(catalogue, |tx| snapshots::count_of_disk(tx, of)).expect("counted"), counted);
        let taken = |row: &Snapshot| row.disk == Some(of) && row.status == SnapshotStatus::Progressing;
        let busy = read(catalogue, |tx| snapshots::progressing_of_disk(tx, of)).expect("looked");
        assert_eq!(busy, world.snapshots.iter().any(taken));
        let mut kept = world.snapshots[0].clone();
        kept.id = SnapshotId::random();
        (kept.status, kept.created_at, kept.retention_days) =
            (SnapshotStatus::Accomplished, Timestamp(5), Some(65_536));
        let (day, id) = (86_400_000_000, kept.id);
        write(catalogue, move |tx| snapshots::insert(tx, &kept)).expect("one more");
        let over =
            |at| read(catalogue, |tx| snapshots::expired(tx, Timestamp(at), 1_000)).expect("looked").contains(&id);
        assert!(!over(65_536 * day + 4) && over(65_536 * day + 5));
    });
}

#[test]
fn lists_of_disks_are_what_looking_gives() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(12);
        let world = World::fill(catalogue, &mut rng);
        world.stir(catalogue, &mut rng);
        let ids: Vec<DiskId> = world.disks.iter().map(|row| row.id).collect();
        let images: Vec<ImageId> = world
            .disks
            .iter()
            .filter_map(|row| if let DiskSource::Image(image) = row.source { Some(image) } else { None })
            .collect();
        for _ in 0..QUESTIONS {
            let page = ItemPage::Numbered { number: 1, size: 1 };
            let image = pick(&mut rng, &images);
            let query = disks::DiskQuery {
                ids: some(&mut rng, &ids),
                statuses: some(&mut rng, DiskStatus::ALL),
                kind: pick(&mut rng, &[None, None, Some(DiskKind::System)]),
                categories: some(&mut rng, DiskCategory::ALL),
                name: name_wanted(&mut rng),
                instance: pick(&mut rng, &[None, None, None, Some(world.machines[0].id)]),
                image: pick(&mut rng, &[None, None, None, Some(image)]),
                snapshot: pick(&mut rng, &[None, None, None, Some(world.snapshots[0].id)]),
                resource_groups: groups_wanted(&mut rng),
                tags: wanted_tags(&mut rng),
                ..disks::DiskQuery::of(me(), "r0", page)
            };
            let keep = |row: &Disk| {
                row.owner == query.owner
                    && row.region == query.region
                    && among(&query.ids, &row.id)
                    && among(&query.statuses, &row.status)
                    && query.kind.is_none_or(|kind| kind == row.kind)
                    && among(&query.categories, &row.category)
                    && named(&query.name, &row.name)
                    && (query.instance.is_none() || query.instance == row.instance)
                    && query.image.is_none_or(|image| row.source == DiskSource::Image(image))
                    && query.snapshot.is_none_or(|snapshot| row.source == DiskSource::Snapshot(snapshot))
                    && among(&query.resource_groups, &row.resource_group)
                    && has_tags(&row.tags, &query.tags)
            };
            let expected = newest_first(&world.disks, keep, |row| (row.created_at, row.id.to_string()));
            check(
                expected,
                |row| row.id,
                |page| read(catalogue, |tx| disks::list(tx, &disks::DiskQuery { page, ..query.clone() })),
            );
        }
        let of = world.machines[0].id;
        let found = read(catalogue, |tx| disks::of_instance(tx, of)).expect("listed");
        let attached = world.disks.iter().filter(|row| row.instance == Some(of)).count();
        assert_eq!(found.len(), attached);
        let lettered: Vec<char> = found.iter().filter_map(|row| row.letter).collect();
        assert!(lettered.is_sorted());
    });
}

#[test]
fn lists_of_machines_are_what_looking_gives() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(13);
        let world = World::fill(catalogue, &mut rng);
        world.stir(catalogue, &mut rng);
        let ids: Vec<InstanceId> = world.machines.iter().map(|row| row.id).collect();
        for _ in 0..QUESTIONS {
            let page = ItemPage::Numbered { number: 1, size: 1 };
            let query = instances::InstanceQuery {
                ids: some(&mut rng, &ids),
                statuses: some(&mut rng, InstanceStatus::ALL),
                class: text(pick(&mut rng, &[None, None, Some("small"), Some("s*")])),
                name: name_wanted(&mut rng),
                image: pick(&mut rng, &[None, None, Some(world.images[0])]),
                resource_groups: groups_wanted(&mut rng),
                tags: wanted_tags(&mut rng),
                ..instances::InstanceQuery::of(me(), "r0", page)
            };
            let keep = |row: &Instance| {
                row.owner == query.owner
                    && row.region == query.region
                    && among(&query.ids, &row.id)
                    && among(&query.statuses, &row.status)
                    && query.class.as_ref().is_none_or(|class| *class == row.class)
                    && named(&query.name, &row.name)
                    && query.image.is_none_or(|image| image == row.image)
                    && among(&query.resource_groups, &row.resource_group)
                    && has_tags(&row.tags, &query.tags)
            };
            let expected = newest_first(&world.machines, keep, |row| (row.created_at, row.id.to_string()));
            check(
                expected,
                |row| row.id,
                |page| read(catalogue, |tx| instances::list(tx, &instances::InstanceQuery { page, ..query.clone() })),
            );
            let tags = query.tags.clone();
            let keep = |row: &Instance| {
                row.owner == me() && row.region == "r0" && !row.tags.is_empty() && has_tags(&row.tags, &tags)
            };
            let expected: Vec<_> = newest_first(&world.machines, keep, |row| (row.created_at, row.id.to_string()))
                .into_iter()
                .map(|row| (row.id, row.tags))
                .collect();
            let all = read(catalogue, |tx| instances::tagged(tx, &me(), "r0", &[], &tags, None, 100)).expect("tags");
            assert_eq!(all, expected);
            let Some((first, _)) = expected.first() else { continue };
            let rest = read(catalogue, |tx| instances::tagged(tx, &me(), "r0", &[], &tags, Some(*first), 2));
            assert_eq!(rest.expect("tags"), expected.iter().skip(1).take(2).cloned().collect::<Vec<_>>());
            let one = read(catalogue, |tx| instances::tagged(tx, &me(), "r0", &[*first], &tags, None, 100));
            assert_eq!(one.expect("tags").len(), 1);
        }
    });
}

fn refused<T: Send + std::fmt::Debug + 'static>(
    catalogue: &Catalogue,
    work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> ErrorKind {
    write(catalogue, work).expect_err("refused").kind()
}

#[test]
fn records_come_back_change_and_go() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(14);
        let world = World::fill(catalogue, &mut rng);
        for row in &world.snapshots {
            assert_eq!(read(catalogue, |tx| snapshots::get(tx, row.id)).expect("read").as_ref(), Some(row));
        }
        for row in &world.disks {
            assert_eq!(read(catalogue, |tx| disks::get(tx, row.id)).expect("read").as_ref(), Some(row));
        }
        for row in &world.machines {
            assert_eq!(read(catalogue, |tx| instances::get(tx, row.id)).expect("read").as_ref(), Some(row));
        }
        let again = world.disks[0].clone();
        assert_eq!(refused(catalogue, move |tx| disks::insert(tx, &again)), ErrorKind::Duplicate);
        let gone = world.disks[0].clone();
        write(catalogue, move |tx| disks::delete(tx, gone.id)).expect("deleted");
        assert!(!write(catalogue, move |tx| disks::delete(tx, gone.id)).expect("nothing to delete"));
        let gone = world.disks[0].clone();
        assert_eq!(refused(catalogue, move |tx| disks::update(tx, &gone)), ErrorKind::Other);
        let after = ItemPage::After { after: Some(world.disks[0].id), limit: 5 };
        let query = disks::DiskQuery::of(me(), "r0", after);
        let marker = read(catalogue, |tx| disks::list(tx, &query)).expect_err("gone").kind();
        assert_eq!(marker, ErrorKind::UnknownMarker);
        // A new one of the same id has none of the old one's tags.
        let same = Disk { tags: BTreeSet::new(), owner: me(), region: "r0".to_owned(), ..world.disks[0].clone() };
        let row = same.clone();
        write(catalogue, move |tx| disks::insert(tx, &row)).expect("added again");
        let ids = Some(vec![same.id]);
        let page = ItemPage::Numbered { number: 1, size: 5 };
        for tag in ["t", "k"] {
            let tags = vec![(tag.to_owned(), None)];
            let query = disks::DiskQuery { ids: ids.clone(), tags, ..disks::DiskQuery::of(me(), "r0", page) };
            assert_eq!(read(catalogue, |tx| disks::list(tx, &query)).expect("listed").total, 0);
        }
    });
}

#[test]
fn a_node_finds_what_it_has_to_look_after() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(16);
        let world = World::fill(catalogue, &mut rng);
        let gone = InstanceId::random();
        write(catalogue, move |tx| machines::leave(tx, gone, "n0")).expect("left");
        let here = |node: &Option<String>| node.as_deref() == Some("n0");
        let mut tended: BTreeSet<InstanceId> = world
            .machines
            .iter()
            .filter(|row| here(&row.node) && row.status != InstanceStatus::Stopped)
            .map(|row| row.id)
            .collect();
        let moves = |row: &&Disk| row.grows || matches!(row.status, DiskStatus::Attaching | DiskStatus::Detaching);
        tended.extend(world.disks.iter().filter(|row| here(&row.node)).filter(moves).filter_map(|row| row.instance));
        assert_eq!(read(catalogue, |tx| machines::of_node(tx, "n0")).expect("listed").len(), {
            world.machines.iter().filter(|row| here(&row.node)).count()
        });
        let found = || read(catalogue, |tx| machines::to_look_after(tx, "n0")).expect("looked");
        assert_eq!(found(), tended.iter().copied().chain([gone]).collect());
        write(catalogue, move |tx| machines::forget_left(tx, gone)).expect("forgotten");
        assert_eq!(found(), tended);
        let under_way: BTreeSet<SnapshotId> = world
            .snapshots
            .iter()
            .filter(|row| here(&row.node) && row.status == SnapshotStatus::Progressing)
            .map(|row| row.id)
            .collect();
        let listed = read(catalogue, |tx| machines::snapshots_under_way(tx, "n0")).expect("listed");
        assert_eq!(listed.iter().map(|row| row.id).collect::<BTreeSet<_>>(), under_way);
        let disks = read(catalogue, |tx| machines::disks_of_node(tx, "n0")).expect("listed");
        let kept = world.disks.iter().filter(|row| here(&row.node)).map(|row| (row.id, row.generation));
        assert_eq!(disks, kept.collect());
        let of = Disk { generation: 1, ..world.disks[0].clone() };
        let newest = |row: &&Snapshot| {
            row.disk == Some(of.id)
                && row.generation == 1
                && row.node.is_some()
                && row.status == SnapshotStatus::Accomplished
        };
        let newest = world.snapshots.iter().filter(newest).map(|row| row.created_at).max();
        let found = read(catalogue, |tx| machines::newest_snapshot(tx, &of)).expect("looked");
        assert_eq!(found.map(|row| row.created_at), newest);
        for row in world.snapshots.clone() {
            let (open, id) = (row.status == SnapshotStatus::Progressing, row.id);
            let noted = write(catalogue, move |tx| machines::note_progress(tx, &row, 5, 7, Timestamp(9)));
            assert_eq!(noted.expect("noted"), open);
            let now = read(catalogue, |tx| snapshots::get(tx, id)).expect("read").expect("there");
            assert!(!open || (now.done_bytes, now.total_bytes) == (5, Some(7)));
        }
    });
}

#[test]
fn what_they_hold_is_not_collected() {
    on_each_engine(|catalogue| {
        let mut rng = StdRng::seed_from_u64(15);
        let snapshot = Snapshot { content: Some(content(1, 5)), ..snapshot(&mut rng, &[DiskId::random()]) };
        let disk = Disk { base: Some(content(2, 5)), ..disk(&mut rng, &[InstanceId::random()], &[snapshot.id]) };
        let (ids, rows) = ((snapshot.id, disk.id), (snapshot, disk));
        write(catalogue, move |tx| {
            snapshots::insert(tx, &rows.0)?;
            disks::insert(tx, &rows.1)
        })
        .expect("added");
        let roots = || {
            let mut maps = read(catalogue, images::maps).expect("roots");
            maps.sort();
            let used =
                [1, 2, 3].map(|seed| read(catalogue, |tx| images::uses_map(tx, MapId([seed; 32]))).expect("read"));
            (maps, used)
        };
        assert_eq!(roots(), (vec![MapId([1; 32]), MapId([2; 32])], [true, true, false]));
        write(catalogue, move |tx| Ok((snapshots::delete(tx, ids.0)?, disks::delete(tx, ids.1)?))).expect("gone");
        assert_eq!(roots(), (vec![], [false; 3]));
    });
}

#[test]
fn groups_belong_to_an_account() {
    on_each_engine(|catalogue| {
        let group = |id: &str, owner: &str, name: &str| ResourceGroup {
            id: id.to_owned(),
            owner: ProjectId::from(owner),
            name: name.to_owned(),
            display_name: "D".to_owned(),
            created_at: Timestamp(1),
        };
        let add = |row: ResourceGroup| write(catalogue, move |tx| resource_groups::insert(tx, &row));
        add(group("1", "p0", "a")).expect("added");
        add(group("2", "p0", "b")).expect("added");
        add(group("3", "p1", "a")).expect("another's");
        assert_eq!(add(group("4", "p0", "a")).expect_err("taken").kind(), ErrorKind::Duplicate);
        assert_eq!(add(group("1", "p1", "c")).expect_err("taken").kind(), ErrorKind::Duplicate);
        let get = |owner: &str, id: &'static str| {
            let owner = ProjectId::from(owner);
            read(catalogue, |tx| resource_groups::get(tx, &owner, id)).expect("read")
        };
        assert_eq!((get("p0", "1"), get("p1", "1")), (Some(group("1", "p0", "a")), None));
        let list = read(catalogue, |tx| resource_groups::list(tx, &me())).expect("listed");
        assert_eq!(list, [group("1", "p0", "a"), group("2", "p0", "b")]);
        let used = || read(catalogue, |tx| resource_groups::is_used(tx, &me(), "1")).expect("asked");
        assert!(!used());
        let member = Instance { resource_group: Some("1".to_owned()), ..instance("p0", ImageId::random(), 1) };
        write(catalogue, move |tx| instances::insert(tx, &member)).expect("added");
        assert!(used());
        let delete = |owner: &str| {
            let owner = ProjectId::from(owner);
            write(catalogue, move |tx| resource_groups::delete(tx, &owner, "1")).expect("asked")
        };
        assert_eq!((delete("p1"), delete("p0"), delete("p0")), (false, true, false));
    });
}
