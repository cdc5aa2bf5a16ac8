//! The questions that rules ask about images.

use std::collections::BTreeSet;

use imprint_catalogue::{Catalogue, ErrorKind, images, instances, members};
use imprint_model::{
    DiskKind, Facts, Image, ImageDisk, ImageId, Member, MemberStatus, ProjectId, Reach, SnapshotId, Status, Timestamp,
    Visibility,
};

use crate::support::{image, instance, on_each_engine, read, write};

fn add(catalogue: &Catalogue, image: &Image) -> ImageId {
    let row = image.clone();
    write(catalogue, move |tx| images::insert(tx, &row)).expect("added");
    image.id
}

fn me() -> ProjectId {
    ProjectId::from("me")
}

#[test]
fn a_name_is_taken_once_in_an_account_and_region() {
    on_each_engine(|catalogue| {
        let named = |owner: &str, region: &str, visibility| Image {
            name: Some("n".to_owned()),
            region: region.to_owned(),
            visibility,
            hidden: true,
            ..image(owner, 1)
        };
        let first = add(catalogue, &named("me", "r0", Visibility::Community));
        add(catalogue, &named("other", "r1", Visibility::Public));
        add(catalogue, &image("me", 2));
        let taken = |region: &str, name: &str, except| {
            read(catalogue, |tx| images::name_taken(tx, &me(), region, name, except)).expect("asked")
        };
        assert!(taken("r0", "n", None));
        assert!(!taken("r0", "n", Some(first)), "its own name is free for it");
        for (region, name) in [("r1", "n"), ("r0", "N"), ("r0", "n "), ("r0", "")] {
            assert!(!taken(region, name, None), "{region} {name:?}");
        }
        add(catalogue, &named("me", "r0", Visibility::Public));
        assert!(taken("r0", "n", Some(first)), "another one has it too");
    });
}

#[test]
fn families_are_counted_and_their_newest_is_found() {
    on_each_engine(|catalogue| {
        let of = |family: &str, at: i64| Image {
            facts: Facts { family: Some(family.to_owned()), ..Facts::default() },
            status: Status::Available,
            ..image("me", at)
        };
        let newest = add(catalogue, &of("f", 5));
        add(catalogue, &of("f", 4));
        add(catalogue, &of("g", 9));
        add(catalogue, &Image { hidden: true, ..of("f", 8) });
        add(catalogue, &Image { status: Status::Queued, ..of("f", 7) });
        add(catalogue, &Image { region: "r1".to_owned(), ..of("f", 6) });
        let public =
            add(catalogue, &Image { owner: ProjectId::from("other"), visibility: Visibility::Public, ..of("f", 10) });
        let counts = |region: &str, family: &str| {
            read(catalogue, |tx| images::family_counts(tx, &me(), region, family)).expect("counted")
        };
        assert_eq!((counts("r0", "f"), counts("r0", "h"), counts("r2", "f")), ((4, 2), (0, 2), (0, 0)));
        let own = Reach { everything: false, own: Some(me()), public: false, community: false, shared: None };
        let found = |reach: &Reach, family: &str| {
            let image = read(catalogue, |tx| images::newest_of_family(tx, reach, "r0", family)).expect("asked");
            image.map(|image| image.id)
        };
        assert_eq!(found(&own, "f"), Some(newest));
        assert_eq!(found(&Reach { public: true, ..own.clone() }, "f"), Some(public));
        assert_eq!(found(&own, "nothing"), None);
    });
}

#[test]
fn uses_of_images_are_found() {
    on_each_engine(|catalogue| {
        let snapshot = SnapshotId::random();
        let disk = |snapshot| ImageDisk {
            kind: DiskKind::Data,
            letter: 'b',
            size_gib: 1,
            snapshot: Some(snapshot),
            imported_from: None,
        };
        let mut one = Image { disks: vec![disk(snapshot), disk(snapshot)], ..image("me", 1) };
        let (first, second) = (add(catalogue, &one), add(catalogue, &image("me", 2)));
        let with = |snapshot| read(catalogue, |tx| images::with_snapshot(tx, snapshot)).expect("asked");
        assert!(with(snapshot) && !with(SnapshotId::random()));
        let machine = instance("me", first, 3);
        let id = machine.id;
        write(catalogue, move |tx| instances::insert(tx, &machine)).expect("added");
        let member = Member {
            image: second,
            project: ProjectId::from("friend"),
            status: MemberStatus::Pending,
            created_at: Timestamp(1),
            updated_at: Timestamp(1),
        };
        write(catalogue, move |tx| members::insert(tx, &member)).expect("shared");
        let all = [first, second, ImageId::random()];
        let used = || read(catalogue, |tx| images::used_by_instances(tx, &all)).expect("asked");
        assert_eq!(used(), BTreeSet::from([first]));
        assert_eq!(read(catalogue, |tx| images::shared(tx, &all)).expect("asked"), BTreeSet::from([second]));
        assert_eq!(read(catalogue, |tx| images::shared(tx, &[])).expect("asked"), BTreeSet::new());
        let many = vec![first; images::VALUES_MAX + 1];
        assert_eq!(read(catalogue, |tx| images::shared(tx, &many)).expect_err("too many").kind(), ErrorKind::Other);
        assert!(read(catalogue, |tx| instances::of_image(tx, first)).expect("asked"));
        write(catalogue, move |tx| instances::delete(tx, id)).expect("deleted");
        assert_eq!(used(), BTreeSet::new());
        one.disks.clear();
        write(catalogue, move |tx| images::update(tx, &one)).expect("changed");
        assert!(!with(snapshot));
    });
}

#[test]
fn tags_are_listed_page_by_page() {
    on_each_engine(|catalogue| {
        let tagged = |at: i64, tags: &[&str]| Image {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..image("me", at)
        };
        let old = add(catalogue, &tagged(1, &["k=v"]));
        add(catalogue, &tagged(2, &[]));
        let new = add(catalogue, &tagged(3, &["k=w", "t"]));
        add(catalogue, &Image { region: "r1".to_owned(), ..tagged(4, &["k=v"]) });
        add(catalogue, &Image { owner: ProjectId::from("other"), ..tagged(5, &["k=v"]) });
        let ask = |ids: &[ImageId], tags: &[(&str, Option<&str>)], after, limit| {
            let tags: Vec<_> = tags.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
            let found = read(catalogue, |tx| images::tagged(tx, &me(), "r0", ids, &tags, after, limit));
            found.expect("asked").into_iter().map(|(id, tags)| (id, tags.len())).collect::<Vec<_>>()
        };
        assert_eq!(ask(&[], &[], None, 10), [(new, 2), (old, 1)]);
        assert_eq!(ask(&[], &[], None, 1), [(new, 2)]);
        assert_eq!(ask(&[], &[], Some(new), 1), [(old, 1)]);
        assert_eq!(ask(&[], &[("k", None)], None, 10), [(new, 2), (old, 1)]);
        assert_eq!(ask(&[], &[("k", None), ("t", None)], None, 10), [(new, 2)]);
        assert_eq!(ask(&[], &[("k", Some("v"))], None, 10), [(old, 1)]);
        assert_eq!(ask(&[old, ImageId::random()], &[], None, 10), [(old, 1)]);
        assert_eq!(ask(&[old], &[("t", None)], None, 10), []);
        assert_eq!(ask(&[], &[], None, 0), []);
    });
}
