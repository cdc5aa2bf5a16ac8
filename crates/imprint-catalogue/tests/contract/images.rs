//! The image record, its deletion, its sums and its members.

use imprint_catalogue::images::{self, Usage};
use imprint_catalogue::{Catalogue, ErrorKind, members};
use imprint_model::{
    Architecture, BootMode, ContainerFormat, DiskFormat, DiskKind, Facts, Image, ImageDisk, ImageId, LeaseId, Licence,
    MapId, Member, MemberStatus, MetadataAccess, ObjectPlace, OsType, ProjectId, SnapshotId, Status, Timestamp,
    Visibility,
};

use crate::support::{content, image, on_each_engine, read, write};

/// An image with something in every field.
fn full() -> Image {
    Image {
        name: Some("Ubuntu ☃ 'quoted'".to_owned()),
        status: Status::Saving,
        visibility: Visibility::Shared,
        hidden: true,
        protected: true,
        disk_format: Some(DiskFormat::Qcow2),
        container_format: Some(ContainerFormat::Bare),
        min_disk_gib: 7,
        min_ram_mib: 512,
        content: Some(content(4, 1 << 40)),
        staged: Some(content(3, 99)),
        writer: Some(LeaseId::random()),
        tags: ["a", "b=c", ""].map(str::to_owned).into(),
        properties: [("os".to_owned(), Some("linux".to_owned())), ("none".to_owned(), None)].into(),
        failure: Some("why".to_owned()),
        updated_at: Timestamp(77),
        region: "far".to_owned(),
        facts: facts(),
        disks: vec![disk('a', DiskKind::System, true), disk('b', DiskKind::Data, false)],
        ..image("owner", 5)
    }
}

fn facts() -> Facts {
    Facts {
        description: Some("a \"good\" one".to_owned()),
        family: Some("line".to_owned()),
        version: Some("3".to_owned()),
        architecture: Some(Architecture::Arm64),
        boot_mode: Some(BootMode::UefiPreferred),
        os_type: Some(OsType::Windows),
        platform: Some("Debian".to_owned()),
        os_name: Some("Debian 12 64bit".to_owned()),
        nvme: Some(false),
        metadata_access: Some(MetadataAccess::TokenRequired),
        licence: Some(Licence::Own),
        secure_boot: Some(true),
        login_as_non_root: Some(true),
        resource_group: Some("rg".to_owned()),
        copied_from: Some(ImageId::random()),
        check_wanted: true,
    }
}

fn disk(letter: char, kind: DiskKind, imported: bool) -> ImageDisk {
    ImageDisk {
        kind,
        letter,
        size_gib: 40,
        snapshot: (!imported).then(SnapshotId::random),
        imported_from: imported.then(|| ObjectPlace { bucket: "b".to_owned(), key: "dir/k ☃".to_owned() }),
    }
}

fn add(catalogue: &Catalogue, image: &Image) {
    let image = image.clone();
    write(catalogue, move |tx| images::insert(tx, &image)).expect("added");
}

fn change(catalogue: &Catalogue, image: &Image) {
    let image = image.clone();
    write(catalogue, move |tx| images::update(tx, &image)).expect("changed");
}

fn usage(catalogue: &Catalogue, owner: &str) -> Usage {
    read(catalogue, |tx| images::usage(tx, &ProjectId::from(owner))).expect("usage")
}

#[test]
fn every_field_comes_back() {
    on_each_engine(|catalogue| {
        let (full, empty) = (full(), image("owner", 6));
        for image in [&full, &empty] {
            add(catalogue, image);
            let found = read(catalogue, |tx| images::get(tx, image.id)).expect("read");
            assert_eq!(found.as_ref(), Some(image));
        }
        let swapped = Image { id: empty.id, created_at: empty.created_at, ..full.clone() };
        change(catalogue, &swapped);
        assert_eq!(read(catalogue, |tx| images::get(tx, empty.id)).expect("read"), Some(swapped));
    });
}

#[test]
fn an_id_is_never_given_twice() {
    on_each_engine(|catalogue| {
        let image = image("owner", 1);
        add(catalogue, &image);
        let again = |image: &Image| {
            let image = image.clone();
            write(catalogue, move |tx| images::insert(tx, &image)).expect_err("taken").kind()
        };
        assert_eq!(again(&image), ErrorKind::Duplicate);
        let id = image.id;
        assert!(write(catalogue, move |tx| images::delete(tx, id, Timestamp(2))).expect("deleted"));
        assert!(!write(catalogue, move |tx| images::delete(tx, id, Timestamp(3))).expect("nothing to delete"));
        assert!(read(catalogue, |tx| images::was_deleted(tx, id)).expect("read"));
        assert_eq!(again(&image), ErrorKind::Duplicate);
        assert_eq!(read(catalogue, |tx| images::get(tx, id)).expect("read"), None);
        let gone = write(catalogue, move |tx| images::update(tx, &image));
        assert_eq!(gone.expect_err("not there").kind(), ErrorKind::Other);
    });
}

#[test]
fn an_image_is_shown_with_what_it_is_to_the_asker() {
    on_each_engine(|catalogue| {
        let image = image("owner", 1);
        add(catalogue, &image);
        let friend = ProjectId::from("friend");
        let member = Member {
            image: image.id,
            project: friend.clone(),
            status: MemberStatus::Pending,
            created_at: Timestamp(2),
            updated_at: Timestamp(3),
        };
        let row = member.clone();
        write(catalogue, move |tx| members::insert(tx, &row)).expect("shared");
        let seen = |project: Option<&ProjectId>| {
            read(catalogue, |tx| images::get_with_member(tx, image.id, project)).expect("read")
        };
        assert_eq!(seen(Some(&friend)), Some((image.clone(), Some(member))));
        assert_eq!(seen(Some(&ProjectId::from("stranger"))), Some((image.clone(), None)));
        assert_eq!(seen(None), Some((image.clone(), None)));
        let nothing =
            read(catalogue, |tx| images::get_with_member(tx, imprint_model::ImageId::random(), Some(&friend)));
        assert_eq!(nothing.expect("read"), None);
    });
}

#[test]
fn sums_follow_every_change() {
    on_each_engine(|catalogue| {
        let mut one = Image { staged: Some(content(1, 5)), status: Status::Importing, ..image("a", 1) };
        add(catalogue, &one);
        add(catalogue, &image("a", 2));
        assert_eq!(usage(catalogue, "a"), Usage { images: 2, bytes: 0, staged_bytes: 5, uploading: 1 });
        one.content = Some(content(2, 1000));
        one.staged = None;
        one.status = Status::Available;
        change(catalogue, &one);
        assert_eq!(usage(catalogue, "a"), Usage { images: 2, bytes: 1000, staged_bytes: 0, uploading: 0 });
        one.owner = ProjectId::from("b");
        change(catalogue, &one);
        assert_eq!(usage(catalogue, "a"), Usage { images: 1, ..Usage::default() });
        assert_eq!(usage(catalogue, "b"), Usage { images: 1, bytes: 1000, ..Usage::default() });
        let all = read(catalogue, images::usage_all).expect("all");
        assert_eq!(
            all.iter().map(|(owner, usage)| (owner.as_str(), usage.images)).collect::<Vec<_>>(),
            [("a", 1), ("b", 1)]
        );
        let id = one.id;
        write(catalogue, move |tx| images::delete(tx, id, Timestamp(9))).expect("deleted");
        assert_eq!(usage(catalogue, "b"), Usage::default());
        assert_eq!(usage(catalogue, "nobody"), Usage::default());
    });
}

#[test]
fn the_store_learns_what_is_needed() {
    on_each_engine(|catalogue| {
        let full = full();
        add(catalogue, &full);
        add(catalogue, &Image { content: full.content.clone(), ..image("other", 2) });
        let mut maps = read(catalogue, images::maps).expect("maps");
        maps.sort();
        assert_eq!(maps, [MapId([3; 32]), MapId([4; 32])]);
        for (seed, used) in [(3, true), (4, true), (5, false)] {
            assert_eq!(read(catalogue, |tx| images::uses_map(tx, MapId([seed; 32]))).expect("read"), used);
        }
        let writers = read(catalogue, images::writers).expect("writers");
        assert_eq!(writers, [(full.id, full.writer.expect("it has one"))]);
    });
}

#[test]
fn members_come_and_go_with_their_image() {
    on_each_engine(|catalogue| {
        let image = image("owner", 1);
        let id = image.id;
        let member = |project: &str| Member {
            image: id,
            project: ProjectId::from(project),
            status: MemberStatus::Pending,
            created_at: Timestamp(2),
            updated_at: Timestamp(2),
        };
        let insert = |member: Member| write(catalogue, move |tx| members::insert(tx, &member));
        assert_eq!(insert(member("x")).expect_err("no image yet").kind(), ErrorKind::Reference);
        add(catalogue, &image);
        insert(member("x")).expect("shared");
        insert(member("y")).expect("shared");
        assert_eq!(insert(member("x")).expect_err("twice").kind(), ErrorKind::Duplicate);
        assert_eq!(read(catalogue, |tx| members::count(tx, id)).expect("count"), 2);
        let accepted = Member { status: MemberStatus::Accepted, updated_at: Timestamp(8), ..member("y") };
        let row = accepted.clone();
        assert!(write(catalogue, move |tx| members::update(tx, &row)).expect("answered"));
        let stranger = member("stranger");
        assert!(!write(catalogue, move |tx| members::update(tx, &stranger)).expect("nobody to answer"));
        let project = ProjectId::from("y");
        assert_eq!(read(catalogue, |tx| members::get(tx, id, &project)).expect("get"), Some(accepted.clone()));
        assert_eq!(read(catalogue, |tx| members::list(tx, id)).expect("list"), [member("x"), accepted]);
        let project = ProjectId::from("x");
        assert!(write(catalogue, move |tx| members::delete(tx, id, &project)).expect("taken back"));
        write(catalogue, move |tx| images::delete(tx, id, Timestamp(9))).expect("deleted");
        assert_eq!(read(catalogue, |tx| members::count(tx, id)).expect("count"), 0);
    });
}
