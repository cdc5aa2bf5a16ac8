//! Tags and groups of things of every kind.

use std::collections::BTreeSet;

use imprint_catalogue::{disks, instances, snapshots};
use imprint_model::{DiskKind, ProjectId};

use super::stock::{HERE, disk_of, dry, install, keep, machine, shown, snapshot, uploaded};
use crate::testing::{World, caller};
use crate::{Ask, CreateGroup, Error, Field, ListTags, Quota, Resource, TagChange, Tagged, TaggedIds};

fn tags(tags: &[&str]) -> BTreeSet<String> {
    tags.iter().map(|&tag| tag.to_owned()).collect()
}

/// One thing of each kind.
async fn things(world: &World) -> [Tagged; 4] {
    let me = caller("p", "member");
    let image = uploaded(world, &me, b"data").await.id;
    let machine = machine(&me, image);
    let disk = disk_of(&machine, DiskKind::System, 'a', None);
    let disk_id = disk.id;
    let machine = install(world, machine, vec![disk]).await;
    let snapshot = keep(world, snapshot(&me, None)).await;
    [Tagged::Image(image), Tagged::Disk(disk_id), Tagged::Snapshot(snapshot), Tagged::Instance(machine)]
}

/// The tags and the group that each thing has.
async fn found(world: &World, thing: Tagged) -> (BTreeSet<String>, Option<String>) {
    let catalogue = &world.catalogue;
    match thing {
        Tagged::Image(id) => {
            let image = shown(world, &caller("p", "member"), id).await;
            (image.tags, image.facts.resource_group)
        }
        Tagged::Disk(id) => {
            let disk = catalogue.read(move |tx| disks::get(tx, id)).await.expect("read").expect("there");
            (disk.tags, disk.resource_group)
        }
        Tagged::Snapshot(id) => {
            let snapshot = catalogue.read(move |tx| snapshots::get(tx, id)).await.expect("read").expect("there");
            (snapshot.tags, snapshot.resource_group)
        }
        Tagged::Instance(id) => {
            let machine = catalogue.read(move |tx| instances::get(tx, id)).await.expect("read").expect("there");
            (machine.tags, machine.resource_group)
        }
    }
}

#[tokio::test]
async fn tags_of_all_kinds_change_together_or_not_at_all() {
    let (world, me) = (World::new(), caller("p", "member"));
    let all = things(&world).await;
    let change = |things: &[Tagged], change: TagChange| {
        world.service.change_tags(&me, HERE, things.to_vec(), change, Ask::default())
    };
    change(&all, TagChange::Add(tags(&["env=test", "plain"]), 20)).await.expect("added");
    change(&all, TagChange::Add(tags(&["env=live"]), 20)).await.expect("overwritten");
    for thing in all {
        assert_eq!(found(&world, thing).await.0, tags(&["env=live", "plain"]), "{thing:?}");
    }
    let over = change(&all, TagChange::Add(tags(&["more"]), 2)).await;
    assert!(matches!(over, Err(Error::OverQuota(Quota::Tags, 2))), "{over:?}");
    // one that is not there among others
    for absent in [
        Tagged::Image(imprint_model::ImageId::random()),
        Tagged::Disk(imprint_model::DiskId::random()),
        Tagged::Snapshot(imprint_model::SnapshotId::random()),
        Tagged::Instance(imprint_model::InstanceId::random()),
    ] {
        let refused = change(&[all[0], absent], TagChange::RemoveAll).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    }
    assert_eq!(found(&world, all[0]).await.0, tags(&["env=live", "plain"]));
    change(&all, TagChange::Remove(tags(&["env=test"]))).await.expect("another value, so nothing");
    change(&all[1..2], TagChange::Remove(tags(&["env=live"]))).await.expect("removed");
    change(&all[2..3], TagChange::RemoveKeys(tags(&["env", "absent"]))).await.expect("removed");
    change(&all[3..], TagChange::RemoveAll).await.expect("removed");
    assert_eq!(found(&world, all[1]).await.0, tags(&["plain"]));
    assert_eq!(found(&world, all[2]).await.0, tags(&["plain"]));
    assert_eq!(found(&world, all[3]).await.0, tags(&[]));
    let long = change(&all, TagChange::Add(tags(&["x".repeat(2000).as_str()]), 20)).await;
    assert!(matches!(long, Err(Error::Invalid { field: Field::Tag, .. })), "{long:?}");
    let dry_run = world.service.change_tags(&me, HERE, all.to_vec(), TagChange::RemoveAll, dry()).await;
    assert!(matches!(dry_run, Err(Error::DryRun)));
    assert_eq!(found(&world, all[0]).await.0, tags(&["env=live", "plain"]));
}

#[tokio::test]
async fn things_of_others_are_not_there_and_readers_change_nothing() {
    let (world, other, reader) = (World::new(), caller("q", "member"), caller("p", "reader"));
    for thing in things(&world).await {
        let change = |who: imprint_model::Caller, region: &'static str| {
            let (service, change) = (world.service.clone(), TagChange::Add(tags(&["t"]), 20));
            async move { service.change_tags(&who, region, vec![thing], change, Ask::default()).await }
        };
        assert!(matches!(change(other.clone(), HERE).await, Err(Error::NotFound(_))), "{thing:?}");
        assert!(matches!(change(reader.clone(), HERE).await, Err(Error::Denied(_))), "{thing:?}");
        let nowhere = change(other.clone(), "nowhere").await;
        assert!(matches!(nowhere, Err(Error::NotFound(Resource::Region(_)))));
        assert_eq!(found(&world, thing).await.0, tags(&[]));
    }
}

#[tokio::test]
async fn things_are_found_by_their_tags() {
    let (world, me) = (World::new(), caller("p", "member"));
    let all = things(&world).await;
    let change = TagChange::Add(tags(&["env=live", "plain"]), 20);
    world.service.change_tags(&me, HERE, all.to_vec(), change, Ask::default()).await.expect("added");
    let list = |ids: TaggedIds, wanted: &[(&str, Option<&str>)]| {
        let wanted = wanted.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        let wanted = ListTags { region: HERE.to_owned(), ids, tags: wanted, limit: 10 };
        world.service.list_tags(&me, wanted)
    };
    for ids in [
        TaggedIds::Images(vec![], None),
        TaggedIds::Disks(vec![], None),
        TaggedIds::Snapshots(vec![], None),
        TaggedIds::Instances(vec![], None),
    ] {
        let by_key = list(ids.clone(), &[("env", None), ("plain", None)]).await.expect("listed");
        assert_eq!(by_key.len(), 1, "{ids:?}");
        assert!(all.contains(&by_key[0].0));
        assert_eq!(by_key[0].1, tags(&["env=live", "plain"]));
        assert_eq!(list(ids, &[("env", Some("test"))]).await.expect("listed"), []);
    }
    let foreign = ListTags { region: HERE.to_owned(), ids: TaggedIds::Images(vec![], None), tags: vec![], limit: 10 };
    assert_eq!(world.service.list_tags(&caller("q", "member"), foreign).await.expect("listed"), []);
}

#[tokio::test]
async fn groups_hold_things_and_stay_while_they_do() {
    let (world, me) = (World::new(), caller("p", "member"));
    let group =
        |id: &str, name: &str| CreateGroup { id: id.to_owned(), name: name.to_owned(), display_name: name.to_owned() };
    world.service.create_group(&me, group("rg-1", "one"), Ask::default()).await.expect("made");
    let twice = world.service.create_group(&me, group("rg-1", "other"), Ask::default()).await;
    assert!(matches!(twice, Err(Error::Duplicate(Field::Id))), "{twice:?}");
    let twice = world.service.create_group(&me, group("rg-2", "one"), Ask::default()).await;
    assert!(matches!(twice, Err(Error::Duplicate(Field::Name))), "{twice:?}");
    let all = things(&world).await;
    for thing in all {
        let moved = |to: Option<&str>| {
            let to = to.map(str::to_owned);
            world.service.move_to_group(&me, HERE, thing, to, Ask::default())
        };
        let absent = moved(Some("rg-9")).await;
        assert!(matches!(absent, Err(Error::NotFound(Resource::ResourceGroup(_)))), "{absent:?}");
        assert_eq!(found(&world, thing).await.1, None);
        moved(Some("rg-1")).await.expect("moved");
        assert_eq!(found(&world, thing).await.1.as_deref(), Some("rg-1"));
        let full = world.service.delete_group(&me, "rg-1", Ask::default()).await;
        assert!(matches!(full, Err(Error::InUse(_))), "{full:?}");
        moved(None).await.expect("back in the default group");
    }
    let (groups, foreign) = (world.service.groups(&me).await, world.service.groups(&caller("q", "member")).await);
    assert_eq!(groups.expect("listed")[0].owner, ProjectId::from("p"));
    assert_eq!(foreign.expect("listed"), []);
    let other = world.service.delete_group(&caller("q", "member"), "rg-1", Ask::default()).await;
    assert!(matches!(other, Err(Error::NotFound(Resource::ResourceGroup(_)))), "{other:?}");
    world.service.delete_group(&me, "rg-1", Ask::default()).await.expect("deleted");
}
