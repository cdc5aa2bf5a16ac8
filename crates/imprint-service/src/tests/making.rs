//! Images made of snapshots, of disks and of machines: the rules of each source, and what becomes of them.

use std::time::Duration;

use imprint_catalogue::{images, instances, jobs, snapshots};
use imprint_disk::{Compression, Target};
use imprint_model::{
    Architecture, BootMode, Clock, DiskFormat, DiskKind, DiskStatus, Facts, Filter, Image, Instance, InstanceStatus,
    JobState, MetadataAccess, OsType, Page, Snapshot, SnapshotId, SnapshotStatus, Status, Visibility,
};

use super::stock::{
    HERE, allow, disk_of, from, install, keep, machine, named, run, shown, snapshot, some_snapshot, uploaded, wish,
};
use super::{create, download, raw, uploaded_as, written_of};
use crate::testing::{World, caller};
use crate::{
    Ask, Change, Conflict, DiskWanted, Error, FactChange, Field, ImageSource, Limits, ListImages, MakeImage, Quota,
    Resource, Runner, Seen, Settings,
};

#[track_caller]
fn conflicts<T: std::fmt::Debug>(result: &Result<T, Error>, conflict: Conflict) {
    assert!(matches!(result, Err(Error::Conflict(found)) if *found == conflict), "{result:?} is not {conflict:?}");
}

async fn make(world: &World, source: ImageSource) -> Result<imprint_model::ImageId, Error> {
    world.service.make_image(&caller("p", "member"), wish(source), Ask::default()).await
}

#[tokio::test]
async fn a_snapshot_becomes_an_image_without_a_byte_copied() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let before = world.service.store_stats().await.expect("sizes");
    let made = world.service.make_image(&me, named(ImageSource::Snapshot(id), "web"), Ask::default()).await;
    let made = made.expect("asked for");
    let image = shown(&world, &me, made).await;
    assert_eq!((image.status, image.visibility, &image.content), (Status::Importing, Visibility::Private, &None));
    assert_eq!((image.disks.len(), image.disks[0].snapshot, image.disks[0].letter), (1, Some(id), 'a'));
    let progress = world.service.annotate(&me, &[image]).await.expect("annotated")[0].progress.expect("progress");
    assert_eq!(progress.percent(), 0);
    assert_eq!(run(&world).await, 1);
    let image = shown(&world, &me, made).await;
    assert_eq!((image.status, image.min_disk_gib, image.name.as_deref()), (Status::Available, 20, Some("web")));
    assert_eq!(download(&world, &me, made).await.expect("bytes"), b"the system disk");
    assert_eq!(world.service.annotate(&me, &[image]).await.expect("annotated")[0].progress, None);
    assert_eq!(world.service.store_stats().await.expect("sizes"), before);
    let seen = world.service.image_jobs(&me, made).await.expect("jobs");
    assert_eq!(seen.iter().map(|job| job.state).collect::<Vec<_>>(), [JobState::Succeeded]);
}

#[tokio::test]
async fn a_snapshot_must_be_there_complete_and_of_a_system_disk() {
    let (world, me) = (World::new(), caller("p", "member"));
    let unknown = SnapshotId::random();
    let absent = make(&world, ImageSource::Snapshot(unknown)).await;
    assert!(matches!(absent, Err(Error::NotFound(Resource::Snapshot(_)))), "{absent:?}");
    let foreign = keep(&world, snapshot(&caller("other", "member"), None)).await;
    let elsewhere = keep(&world, Snapshot { region: "far".to_owned(), ..snapshot(&me, None) }).await;
    for id in [foreign, elsewhere] {
        let absent = make(&world, ImageSource::Snapshot(id)).await;
        assert!(matches!(absent, Err(Error::NotFound(Resource::Snapshot(_)))), "{absent:?}");
    }
    for status in [SnapshotStatus::Progressing, SnapshotStatus::Failed] {
        let id = keep(&world, Snapshot { status, ..snapshot(&me, None) }).await;
        conflicts(&make(&world, ImageSource::Snapshot(id)).await, Conflict::SnapshotNotReady);
    }
    let data = keep(&world, Snapshot { kind: DiskKind::Data, ..snapshot(&me, None) }).await;
    conflicts(&make(&world, ImageSource::Snapshot(data)).await, Conflict::SnapshotNotSystem);
    let nowhere = MakeImage { region: "nowhere".to_owned(), ..wish(ImageSource::Snapshot(data)) };
    let refused = world.service.make_image(&me, nowhere, Ask::default()).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::Region(_)))), "{refused:?}");
    let reader = caller("p", "reader");
    let refused = world.service.make_image(&reader, wish(ImageSource::Snapshot(data)), Ask::default()).await;
    assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
}

#[tokio::test]
async fn disks_get_letters_and_sizes() {
    let (world, me) = (World::new(), caller("p", "member"));
    let system = some_snapshot(&world, &me).await;
    let data = keep(&world, Snapshot { kind: DiskKind::Data, size_gib: 7, ..snapshot(&me, None) }).await;
    let wanted = vec![
        DiskWanted::default(),
        DiskWanted { letter: Some('b'), ..from(data) },
        DiskWanted { size_gib: Some(30), ..from(system) },
        DiskWanted { size_gib: Some(500), ..DiskWanted::default() },
    ];
    let made = make(&world, ImageSource::Disks(wanted)).await.expect("asked for");
    run(&world).await;
    let image = shown(&world, &me, made).await;
    let disks: Vec<_> = image.disks.iter().map(|disk| (disk.kind, disk.letter, disk.size_gib, disk.snapshot)).collect();
    let expected = [
        (DiskKind::System, 'a', 30, Some(system)),
        (DiskKind::Data, 'b', 7, Some(data)),
        (DiskKind::Data, 'c', 20, None),
        (DiskKind::Data, 'd', 500, None),
    ];
    assert_eq!(disks, expected);
    assert_eq!((image.status, image.min_disk_gib), (Status::Available, 30));
    assert_eq!(download(&world, &me, made).await.expect("bytes"), b"the system disk");
}

#[tokio::test]
async fn disks_that_make_no_image_are_refused() {
    let (world, me) = (World::new(), caller("p", "member"));
    let system = some_snapshot(&world, &me).await;
    let data = keep(&world, Snapshot { kind: DiskKind::Data, ..snapshot(&me, None) }).await;
    let disks = |disks: Vec<DiskWanted>| make(&world, ImageSource::Disks(disks));
    conflicts(&disks(vec![from(data)]).await, Conflict::NoSystemSnapshot);
    conflicts(&disks(vec![]).await, Conflict::NoSystemSnapshot);
    let bare = DiskWanted { kind: Some(DiskKind::System), ..DiskWanted::default() };
    conflicts(&disks(vec![bare]).await, Conflict::NoSystemSnapshot);
    conflicts(&disks(vec![from(system), from(system)]).await, Conflict::TwoSystemSnapshots);
    let as_data = DiskWanted { kind: Some(DiskKind::Data), ..from(system) };
    disks(vec![from(system), as_data]).await.expect("a system disk's snapshot can be a data disk");
    let lettered = |letter| DiskWanted { letter: Some(letter), ..DiskWanted::default() };
    conflicts(&disks(vec![from(system), lettered('c'), lettered('c')]).await, Conflict::DeviceTaken);
    conflicts(&disks(vec![from(system), lettered('a')]).await, Conflict::DeviceTaken);
    let moved = disks(vec![DiskWanted { letter: Some('b'), ..from(system) }]).await;
    assert!(matches!(moved, Err(Error::Invalid { field: Field::Device, .. })), "{moved:?}");
    for (size_gib, disk) in [(19, from(system)), (19, DiskWanted::default()), (32_769, DiskWanted::default())] {
        let sized = DiskWanted { size_gib: Some(size_gib), ..disk };
        let refused = disks(vec![from(system), DiskWanted { kind: Some(DiskKind::Data), ..sized }]).await;
        assert!(matches!(refused, Err(Error::Invalid { field: Field::DiskSize, .. })), "{refused:?}");
    }
    let mut many = vec![DiskWanted::default(); 17];
    many[0] = from(system);
    disks(many.clone()).await.expect("16 data disks");
    many.push(DiskWanted::default());
    assert!(matches!(disks(many).await, Err(Error::OverQuota(Quota::DataDisks, 16))));
}

#[tokio::test]
async fn a_data_disk_boots_only_when_its_system_is_told() {
    let (world, me) = (World::new(), caller("p", "member"));
    let data = keep(&world, Snapshot { kind: DiskKind::Data, ..snapshot(&me, None) }).await;
    let source = ImageSource::Disks(vec![DiskWanted { kind: Some(DiskKind::System), ..from(data) }]);
    let ask = |facts| {
        let wanted = MakeImage { facts, ..wish(source.clone()) };
        world.service.make_image(&me, wanted, Ask::default())
    };
    assert!(matches!(ask(Facts::default()).await, Err(Error::Missing(Field::Platform))));
    let told = Facts { platform: Some("Debian".to_owned()), ..Facts::default() };
    assert!(matches!(ask(told.clone()).await, Err(Error::Missing(Field::Architecture))));
    let told = Facts { architecture: Some(Architecture::X86_64), ..told };
    let made = ask(told).await.expect("asked for");
    // nothing was ever written to the disk: the image's bytes are a hole, which takes no room
    assert_eq!(run(&world).await, 1);
    let image = shown(&world, &me, made).await;
    assert_eq!((image.status, image.size_bytes()), (Status::Available, Some(20 << 30)));
}

/// A machine with a system disk and a data disk, and the image it was made from.
async fn a_machine(world: &World, change: impl FnOnce(&mut Instance)) -> (Image, Instance) {
    let me = caller("p", "member");
    let image = uploaded(world, &me, b"boots").await;
    let facts = vec![
        Change::Fact(FactChange::Platform(Some("Debian".to_owned()))),
        Change::Fact(FactChange::Family(Some("line".to_owned()))),
        Change::Fact(FactChange::BootMode(Some(BootMode::Uefi))),
        Change::Fact(FactChange::MetadataAccess(Some(MetadataAccess::TokenRequired))),
    ];
    let image = world.service.update_image(&me, image.id, facts).await.expect("described");
    let mut machine = machine(&me, image.id);
    change(&mut machine);
    let system = disk_of(&machine, DiskKind::System, 'a', image.content.clone());
    let data = disk_of(&machine, DiskKind::Data, 'b', None);
    install(world, machine.clone(), vec![data, system]).await;
    (image, machine)
}

#[tokio::test]
async fn a_machine_becomes_an_image_of_its_disks_and_takes_over_what_its_image_says() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (_, machine) = a_machine(&world, |_| {}).await;
    let otherwise = Facts {
        os_type: Some(OsType::Linux),
        platform: Some("Other".to_owned()),
        boot_mode: Some(BootMode::Bios),
        ..Facts::default()
    };
    let wanted = MakeImage { otherwise, ..wish(ImageSource::Instance(machine.id)) };
    let made = world.service.make_image(&me, wanted, Ask::default()).await.expect("asked for");
    run(&world).await;
    let image = shown(&world, &me, made).await;
    let Facts { platform, family, boot_mode, metadata_access, os_type, .. } = &image.facts;
    assert_eq!((platform.as_deref(), family), (Some("Debian"), &None));
    assert_eq!((*boot_mode, *os_type), (Some(BootMode::Uefi), Some(OsType::Linux)));
    assert_eq!(*metadata_access, Some(MetadataAccess::TokenRequired));
    assert_eq!(download(&world, &me, made).await.expect("bytes"), b"boots");
    let letters: Vec<char> = image.disks.iter().map(|disk| disk.letter).collect();
    assert_eq!(letters, ['a', 'b']);
    for disk in &image.disks {
        let id = disk.snapshot.expect("a snapshot of each disk");
        let snapshot = world.catalogue.read(move |tx| snapshots::get(tx, id)).await.expect("read").expect("there");
        assert_eq!((snapshot.status, snapshot.kind, snapshot.size_gib), (SnapshotStatus::Accomplished, disk.kind, 40));
    }
}

#[tokio::test]
async fn a_snapshot_takes_over_what_its_disks_image_says_but_not_the_metadata_access() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (image, machine) = a_machine(&world, |_| {}).await;
    let disk = disk_of(&machine, DiskKind::System, 'a', image.content.clone());
    let (row, of) = (disk.clone(), disk.id);
    world.catalogue.write(move |tx| imprint_catalogue::disks::insert(tx, &row)).await.expect("inserted");
    let id = keep(&world, Snapshot { disk: Some(of), ..snapshot(&me, image.content) }).await;
    let arm = Facts { architecture: Some(Architecture::Arm64), ..Facts::default() };
    let wanted = MakeImage { facts: arm, ..wish(ImageSource::Snapshot(id)) };
    let made = world.service.make_image(&me, wanted, Ask::default()).await.expect("asked for");
    let facts = shown(&world, &me, made).await.facts;
    assert_eq!((facts.platform.as_deref(), facts.boot_mode), (Some("Debian"), Some(BootMode::Uefi)));
    assert_eq!(facts.metadata_access, None);
}

#[tokio::test]
async fn firmware_fits_the_processor() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let arm = Facts { architecture: Some(Architecture::Arm64), ..Facts::default() };
    let bios = Facts { boot_mode: Some(BootMode::Bios), ..arm.clone() };
    let otherwise = Facts { boot_mode: Some(BootMode::Bios), ..Facts::default() };
    let wanted = MakeImage { facts: bios, ..wish(ImageSource::Snapshot(id)) };
    conflicts(&world.service.make_image(&me, wanted, Ask::default()).await, Conflict::BootModeForArchitecture);
    let wanted = MakeImage { facts: arm, otherwise, ..wish(ImageSource::Snapshot(id)) };
    let made = world.service.make_image(&me, wanted, Ask::default()).await.expect("asked for");
    assert_eq!(shown(&world, &me, made).await.facts.boot_mode, Some(BootMode::Uefi));
}

#[tokio::test]
async fn a_machine_must_hold_still_and_have_a_system_disk() {
    let (world, me) = (World::new(), caller("p", "member"));
    for (status, conflict) in [InstanceStatus::Pending, InstanceStatus::Starting, InstanceStatus::Stopping]
        .map(|s| (s, Conflict::InstanceStatus))
    {
        let (_, machine) = a_machine(&world, |machine| machine.status = status).await;
        conflicts(&make(&world, ImageSource::Instance(machine.id)).await, conflict);
    }
    let (_, locked) = a_machine(&world, |machine| machine.locked = Some("security".to_owned())).await;
    conflicts(&make(&world, ImageSource::Instance(locked.id)).await, Conflict::InstanceLocked);
    let (image, foreign) = a_machine(&world, |machine| machine.region = "far".to_owned()).await;
    let absent = make(&world, ImageSource::Instance(foreign.id)).await;
    assert!(matches!(absent, Err(Error::NotFound(Resource::Instance(_)))), "{absent:?}");
    let bare = install(&world, machine(&me, image.id), vec![]).await;
    conflicts(&make(&world, ImageSource::Instance(bare)).await, Conflict::NoSystemDisk);
    let busy = machine(&me, image.id);
    let system = disk_of(&busy, DiskKind::System, 'a', image.content.clone());
    let leaving = imprint_model::Disk { status: DiskStatus::Detaching, ..disk_of(&busy, DiskKind::Data, 'b', None) };
    install(&world, busy.clone(), vec![system, leaving]).await;
    conflicts(&make(&world, ImageSource::Instance(busy.id)).await, Conflict::DiskStatus);
    let copied = machine(&me, image.id);
    let system = disk_of(&copied, DiskKind::System, 'a', image.content.clone());
    let taken = Snapshot { disk: Some(system.id), status: SnapshotStatus::Progressing, ..snapshot(&me, None) };
    install(&world, copied.clone(), vec![system]).await;
    keep(&world, taken).await;
    conflicts(&make(&world, ImageSource::Instance(copied.id)).await, Conflict::DiskSnapshotting);
    world.pass(Duration::from_secs(60));
    let fresh = machine(&me, image.id);
    let system = disk_of(&fresh, DiskKind::System, 'a', image.content.clone());
    let at = Some(world.clock.now());
    let added = imprint_model::Disk { attached_at: at, ..disk_of(&fresh, DiskKind::Data, 'b', None) };
    install(&world, fresh.clone(), vec![system, added]).await;
    conflicts(&make(&world, ImageSource::Instance(fresh.id)).await, Conflict::InstanceNeedsRestart);
    world.pass(Duration::from_secs(60));
    let started = Instance { started_at: Some(world.clock.now()), ..fresh };
    let id = started.id;
    world.catalogue.write(move |tx| instances::update(tx, &started)).await.expect("updated");
    make(&world, ImageSource::Instance(id)).await.expect("asked for");
}

#[tokio::test]
async fn a_name_is_free_in_other_regions_and_accounts_and_after_deletion() {
    let settings = Settings { regions: vec![HERE.to_owned(), "far".to_owned()], ..Settings::default() };
    let (world, me, other) = (World::with(settings), caller("p", "member"), caller("q", "member"));
    let (mine, theirs) = (some_snapshot(&world, &me).await, some_snapshot(&world, &other).await);
    let far = keep(&world, Snapshot { region: "far".to_owned(), ..snapshot(&me, None) }).await;
    let ask = Ask::default;
    let first = world.service.make_image(&me, named(ImageSource::Snapshot(mine), "n"), ask()).await.expect("made");
    let again = world.service.make_image(&me, named(ImageSource::Snapshot(mine), "n"), ask()).await;
    assert!(matches!(again, Err(Error::Duplicate(Field::Name))), "{again:?}");
    world.service.make_image(&other, named(ImageSource::Snapshot(theirs), "n"), ask()).await.expect("another account");
    let there = MakeImage { region: "far".to_owned(), ..named(ImageSource::Snapshot(far), "n") };
    world.service.make_image(&me, there, ask()).await.expect("another region");
    world.service.delete_image_as(&me, HERE, first, false, ask()).await.expect("deleted while it is made");
    run(&world).await;
    let again = world.service.make_image(&me, named(ImageSource::Snapshot(mine), "n"), ask()).await.expect("free");
    run(&world).await;
    assert_eq!(shown(&world, &me, again).await.status, Status::Available);
    assert!(matches!(world.service.show_image_in(&me, "far", again).await, Err(Error::NotFound(Resource::Image(_)))));
}

#[tokio::test]
async fn places_are_counted_by_region_and_family_and_accounts_may_have_their_own_limits() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await; // and the image it came from
    allow(&world.catalogue, "p", "families", 2).await;
    allow(&world.catalogue, "p", "family_images", 1).await;
    let ask = |family: Option<&str>| {
        let facts = Facts { family: family.map(str::to_owned), ..Facts::default() };
        let wanted = MakeImage { facts, ..wish(ImageSource::Snapshot(id)) };
        world.service.make_image(&me, wanted, Ask::default())
    };
    ask(Some("one")).await.expect("made");
    assert!(matches!(ask(Some("one")).await, Err(Error::OverQuota(Quota::FamilyImages, 1))));
    ask(Some("two")).await.expect("made");
    assert!(matches!(ask(Some("three")).await, Err(Error::OverQuota(Quota::Families, 2))));
    allow(&world.catalogue, "p", "region_images", 4).await;
    ask(None).await.expect("the fourth");
    assert!(matches!(ask(None).await, Err(Error::OverQuota(Quota::RegionImages, 4))));
    let group = Facts { resource_group: Some("rg-none".to_owned()), ..Facts::default() };
    allow(&world.catalogue, "p", "region_images", -1).await;
    let wanted = MakeImage { facts: group, ..wish(ImageSource::Snapshot(id)) };
    let refused = world.service.make_image(&me, wanted, Ask::default()).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::ResourceGroup(_)))), "{refused:?}");
}

#[tokio::test]
async fn an_image_whose_snapshot_is_lost_fails_and_says_why() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let made = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    world.catalogue.write(move |tx| snapshots::delete(tx, id)).await.expect("lost");
    assert_eq!(run(&world).await, 1);
    let image = shown(&world, &me, made).await;
    assert_eq!(image.status, Status::Failed);
    assert!(image.failure.expect("a cause").contains("Snapshot"));
    let seen = world.service.image_jobs(&me, made).await.expect("jobs");
    assert_eq!(seen[0].state, JobState::Failed);
}

#[tokio::test]
async fn a_job_that_was_interrupted_runs_again() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let made = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    let (now, until) = (world.clock.now(), world.clock.now().after(Duration::from_secs(60)));
    let dead = world.catalogue.write(move |tx| jobs::lease_next_but(tx, "a worker that dies", &[], now, until)).await;
    assert!(dead.expect("leased").is_some());
    assert_eq!(run(&world).await, 0, "the lease still runs");
    // what a node that is alone does when it starts
    let runner = Runner::new(world.service.clone());
    runner.release_dead().await;
    assert_eq!(runner.run_waiting().await.expect("ran"), 1);
    assert_eq!(shown(&world, &me, made).await.status, Status::Available);
}

#[tokio::test]
async fn a_running_runner_makes_an_image_without_being_asked_again() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let runner = Runner::new(world.service.clone());
    let running = tokio::spawn(async move { runner.run().await });
    let made = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    while shown(&world, &me, made).await.status == Status::Importing {
        tokio::task::yield_now().await;
    }
    assert_eq!(shown(&world, &me, made).await.status, Status::Available);
    running.abort();
}

#[tokio::test]
async fn an_image_made_here_is_seen_by_region() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    let list = |region: &str| ListImages {
        seen: Seen::Default,
        member_statuses: vec![],
        filters: vec![Filter::Region(region.to_owned()), Filter::Snapshot(id)],
        sort: vec![],
        page: Page::Numbered { number: 1, size: 10 },
    };
    assert_eq!(world.service.list_images(&me, list(HERE)).await.expect("listed").total, Some(1));
    assert_eq!(world.service.list_images(&me, list("far")).await.expect("listed").total, Some(0));
    // and one of a dialect without regions is in the first
    let plain = create(&world, &me, raw()).await.id;
    let found = world.catalogue.read(move |tx| images::get(tx, plain)).await.expect("read").expect("there");
    assert_eq!(found.region, HERE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_taken_out_of_its_format_whoever_else_is_at_work_and_counts_as_what_it_comes_to() {
    let file = written_of(vec![7_u8; 8 << 20], Target::qcow2(Compression::Zstd));
    let file_bytes = file.len() as u64;
    for (room_bytes, expected) in [(8_u64 << 20, Status::Available), ((8 << 20) - 1, Status::Failed)] {
        let limits = Limits { account_bytes: i64::try_from(room_bytes).expect("small"), ..Limits::default() };
        let (world, me) = (World::with(Settings { limits, ..Settings::default() }), caller("p", "member"));
        let other = caller("q", "member");
        let content = uploaded_as(&world, &other, DiskFormat::Qcow2, &file).await.content;
        let id = keep(&world, Snapshot { disk_format: DiskFormat::Qcow2, ..snapshot(&me, content) }).await;
        // all places for files that are compressed are taken
        let _places = world.service.compressing.acquire_many(2).await.expect("all of them");
        let made = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
        run(&world).await;
        let image = shown(&world, &me, made).await;
        assert_eq!(image.status, expected, "{file_bytes} bytes in the snapshot: {:?}", image.failure);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_taken_out_of_its_format_once() {
    let limits = Limits { image_size_bytes: 2 << 20, ..Limits::default() };
    let (world, me) = (World::with(Settings { limits, ..Settings::default() }), caller("p", "member"));
    let file = written_of(vec![7_u8; 2 << 20], Target::qcow2(Compression::Zstd));
    let content = uploaded_as(&world, &me, DiskFormat::Qcow2, &file).await.content.expect("bytes");
    let map = content.map;
    let id = keep(&world, Snapshot { disk_format: DiskFormat::Qcow2, ..snapshot(&me, Some(content)) }).await;
    let first = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    run(&world).await;
    let made = shown(&world, &me, first).await.content.expect("bytes");
    let remembered = world.service.remembered_plain(map, DiskFormat::Qcow2).await.expect("asked");
    assert_eq!(remembered.map(|(map, _)| map), Some(made.map));
    // what is remembered is taken without a look at the bytes
    let other = uploaded(&world, &me, b"other bytes").await.content.expect("bytes");
    world.service.remember_plain(map, DiskFormat::Qcow2, other.map).await.expect("kept");
    let second = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    run(&world).await;
    let made = shown(&world, &me, second).await.content.expect("bytes");
    assert_eq!((made.map, made.virtual_size_bytes), (other.map, Some(other.size_bytes)));
    // and counts as what it comes to
    let large = world.store.assemble((2 << 20) + 1, Vec::new()).await.expect("assembled");
    world.service.remember_plain(map, DiskFormat::Qcow2, large.map).await.expect("kept");
    let third = make(&world, ImageSource::Snapshot(id)).await.expect("asked for");
    run(&world).await;
    let image = shown(&world, &me, third).await;
    assert!(image.failure.is_some_and(|why| why.starts_with("limit reached: ImageBytes")), "{:?}", image.status);
}
