//! Changing and deleting images under the rules of a dialect that protects what others depend on.

use std::collections::BTreeSet;

use imprint_catalogue::instances;
use imprint_model::{
    Architecture, BootMode, Caller, FactKey, Facts, Image, ImageId, MemberStatus, MetadataAccess, ProjectId, Status,
    Visibility,
};

use super::stock::{HERE, allow, dry, install, machine, named, run, shown, some_snapshot, uploaded, wish};
use super::{create, raw};
use crate::testing::{World, caller};
use crate::{
    Ask, Change, Conflict, Error, FactChange, Field, ImageSource, MakeImage, Presence, Quota, Resource, Settings,
    Sharing, UpdateRules,
};

fn strict() -> UpdateRules {
    UpdateRules {
        region: Some(HERE.to_owned()),
        own: true,
        not_while_creating: true,
        unique_name: true,
        family_limits: true,
        ..UpdateRules::default()
    }
}

async fn update(world: &World, me: &Caller, id: ImageId, change: Change) -> Result<Image, Error> {
    world.service.update_image_as(me, id, vec![change], strict(), Ask::default()).await
}

async fn delete(world: &World, me: &Caller, id: ImageId) -> Result<(), Error> {
    world.service.delete_image_as(me, HERE, id, false, Ask::default()).await
}

#[track_caller]
fn conflicts<T: std::fmt::Debug>(result: &Result<T, Error>, conflict: Conflict) {
    assert!(matches!(result, Err(Error::Conflict(found)) if *found == conflict), "{result:?} is not {conflict:?}");
}

#[track_caller]
fn is_absent<T: std::fmt::Debug>(result: &Result<T, Error>) {
    assert!(matches!(result, Err(Error::NotFound(Resource::Image(_)))), "{result:?}");
}

fn family(name: &str) -> Change {
    Change::Fact(FactChange::Family(Some(name.to_owned())))
}

fn boot(mode: BootMode) -> Change {
    Change::Fact(FactChange::BootMode(Some(mode)))
}

fn share_with(project: &str) -> Sharing {
    Sharing { add: vec![ProjectId::from(project)], ..Sharing::default() }
}

#[tokio::test]
async fn an_image_is_withdrawn_and_offered_again_in_turn() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    conflicts(&update(&world, &me, id, Change::Deprecated(false)).await, Conflict::ImageNotDeprecated);
    let image = update(&world, &me, id, Change::Deprecated(true)).await.expect("withdrawn");
    assert!(image.hidden);
    conflicts(&update(&world, &me, id, Change::Deprecated(true)).await, Conflict::ImageNotAvailable);
    let shared = world.service.share_image(&me, HERE, id, share_with("q"), Ask::default()).await;
    conflicts(&shared, Conflict::ImageDeprecated);
    update(&world, &me, id, Change::Deprecated(false)).await.expect("offered");
    world.service.share_image(&me, HERE, id, share_with("q"), Ask::default()).await.expect("shared");
    conflicts(&update(&world, &me, id, Change::Deprecated(true)).await, Conflict::ImageShared);
    world.service.deactivate(&me, id).await.expect("taken out of use");
    conflicts(&update(&world, &me, id, Change::Deprecated(true)).await, Conflict::ImageNotAvailable);
}

#[tokio::test]
async fn firmware_is_fixed_while_machines_depend_on_it_and_metadata_access_never_opens() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    update(&world, &me, id, boot(BootMode::Bios)).await.expect("changed");
    let used = install(&world, machine(&me, id), vec![]).await;
    conflicts(&update(&world, &me, id, boot(BootMode::Uefi)).await, Conflict::ImageUsedByInstance);
    update(&world, &me, id, boot(BootMode::Bios)).await.expect("what it is already is no change");
    let untold = uploaded(&world, &me, b"untold").await.id;
    install(&world, machine(&me, untold), vec![]).await;
    conflicts(&update(&world, &me, untold, boot(BootMode::Uefi)).await, Conflict::ImageUsedByInstance);
    update(&world, &me, untold, boot(BootMode::Bios)).await.expect("what holds where nobody told is no change either");
    world.catalogue.write(move |tx| instances::delete(tx, used)).await.expect("deleted");
    update(&world, &me, id, boot(BootMode::Uefi)).await.expect("changed");
    let arm = Change::Fact(FactChange::Architecture(Some(Architecture::Arm64)));
    update(&world, &me, id, arm).await.expect("changed");
    for mode in [BootMode::Bios, BootMode::UefiPreferred] {
        conflicts(&update(&world, &me, id, boot(mode)).await, Conflict::BootModeForArchitecture);
    }
    let access = |access| Change::Fact(FactChange::MetadataAccess(access));
    update(&world, &me, id, access(Some(MetadataAccess::Open))).await.expect("open");
    update(&world, &me, id, access(Some(MetadataAccess::TokenRequired))).await.expect("closed");
    for opened in [Some(MetadataAccess::Open), None] {
        conflicts(&update(&world, &me, id, access(opened)).await, Conflict::MetadataAccessOpened);
    }
}

#[tokio::test]
async fn families_have_room_for_so_many_and_one_that_is_left_makes_room() {
    let (world, me) = (World::new(), caller("p", "member"));
    allow(&world.catalogue, "p", "families", 1).await;
    allow(&world.catalogue, "p", "family_images", 2).await;
    let ids = [uploaded(&world, &me, b"1").await.id, uploaded(&world, &me, b"2").await.id];
    let third = uploaded(&world, &me, b"3").await.id;
    update(&world, &me, ids[0], family("one")).await.expect("the first family");
    update(&world, &me, ids[0], family("two")).await.expect("which it leaves, being its only image");
    let refused = update(&world, &me, ids[1], family("one")).await;
    assert!(matches!(refused, Err(Error::OverQuota(Quota::Families, 1))), "{refused:?}");
    update(&world, &me, ids[1], family("two")).await.expect("room for two");
    update(&world, &me, ids[1], family("two")).await.expect("where it is already");
    let refused = update(&world, &me, third, family("two")).await;
    assert!(matches!(refused, Err(Error::OverQuota(Quota::FamilyImages, 2))), "{refused:?}");
    // dialects without families are not held to them
    world.service.update_image(&me, third, vec![family("three")]).await.expect("changed");
}

#[tokio::test]
async fn all_of_a_change_is_kept_or_nothing() {
    let (world, me) = (World::new(), caller("p", "member"));
    let before = uploaded(&world, &me, b"data").await;
    let other = uploaded(&world, &me, b"other").await;
    update(&world, &me, other.id, Change::Name(Some("taken".to_owned()))).await.expect("named");
    let change = |last: Change| {
        let first = Change::Fact(FactChange::Description(Some("new".to_owned())));
        let name = Change::Name(Some("new".to_owned()));
        world.service.update_image_as(&me, before.id, vec![first, name, last], strict(), Ask::default())
    };
    let duplicate = change(Change::Name(Some("taken".to_owned()))).await;
    assert!(matches!(duplicate, Err(Error::Duplicate(Field::Name))), "{duplicate:?}");
    conflicts(&change(Change::Deprecated(false)).await, Conflict::ImageNotDeprecated);
    let group = change(Change::Fact(FactChange::ResourceGroup(Some("none".to_owned())))).await;
    assert!(matches!(group, Err(Error::NotFound(Resource::ResourceGroup(_)))), "{group:?}");
    let long = change(Change::Fact(FactChange::Version(Some("x".repeat(2000))))).await;
    assert!(matches!(long, Err(Error::Invalid { field: Field::Version, .. })), "{long:?}");
    assert_eq!(shown(&world, &me, before.id).await, before);
    change(Change::Hidden(false)).await.expect("kept whole");
    update(&world, &me, before.id, Change::Name(Some("new".to_owned()))).await.expect("its own name is free to it");
}

#[tokio::test]
async fn an_image_that_is_not_ones_own_or_elsewhere_or_not_made_yet_is_not_changed() {
    let settings = Settings { regions: vec![HERE.to_owned(), "far".to_owned()], ..Settings::default() };
    let (world, me, friend) = (World::with(settings), caller("p", "member"), caller("q", "member"));
    let image = uploaded(&world, &me, b"data").await;
    world.service.share_image(&me, HERE, image.id, share_with("q"), Ask::default()).await.expect("shared");
    shown(&world, &friend, image.id).await;
    is_absent(&update(&world, &friend, image.id, Change::Hidden(true)).await);
    is_absent(&delete(&world, &friend, image.id).await);
    is_absent(&world.service.image_sharing(&friend, HERE, image.id).await);
    is_absent(&world.service.share_image(&friend, HERE, image.id, share_with("r"), Ask::default()).await);
    let far = UpdateRules { region: Some("far".to_owned()), ..strict() };
    let change = vec![Change::Hidden(true)];
    is_absent(&world.service.update_image_as(&me, image.id, change.clone(), far, Ask::default()).await);
    is_absent(&world.service.delete_image_as(&me, "far", image.id, false, Ask::default()).await);
    is_absent(&world.service.image_sharing(&me, "far", image.id).await);
    let nowhere = UpdateRules { region: Some("nowhere".to_owned()), ..strict() };
    let unknown = world.service.update_image_as(&me, image.id, change, nowhere, Ask::default()).await;
    assert!(matches!(unknown, Err(Error::NotFound(Resource::Region(_)))));
    let reader = update(&world, &caller("p", "reader"), image.id, Change::Hidden(true)).await;
    assert!(matches!(reader, Err(Error::Denied(_))), "{reader:?}");
    let id = some_snapshot(&world, &me).await;
    let made = world.service.make_image(&me, wish(ImageSource::Snapshot(id)), Ask::default()).await.expect("made");
    conflicts(&update(&world, &me, made, Change::Hidden(true)).await, Conflict::ImageCreating);
}

#[tokio::test]
async fn tags_are_changed_by_key_and_expectations_look_at_facts_too() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<BTreeSet<String>>();
    update_plain(&world, &me, id, Change::AddTags(tags(&["env=test", "plain", "a=b=c"]))).await.expect("added");
    update_plain(&world, &me, id, Change::AddTags(tags(&["env=live", "plain=now"]))).await.expect("added");
    assert_eq!(shown(&world, &me, id).await.tags, tags(&["a=b=c", "env=live", "plain=now"]));
    update_plain(&world, &me, id, Change::RemoveTagKeys(tags(&["a", "absent", "env=live"]))).await.expect("removed");
    assert_eq!(shown(&world, &me, id).await.tags, tags(&["env=live", "plain=now"]));
    let expect =
        |presence| Change::Expect { property: "architecture".to_owned(), fact: FactKey::Architecture, presence };
    update_plain(&world, &me, id, expect(Presence::Absent)).await.expect("absent");
    let fact = Change::Fact(FactChange::Architecture(Some(Architecture::X86_64)));
    update_plain(&world, &me, id, fact).await.expect("changed");
    let present = update_plain(&world, &me, id, expect(Presence::Absent)).await;
    assert!(matches!(present, Err(Error::PropertyPresent(name)) if name == "architecture"));
    update_plain(&world, &me, id, expect(Presence::Present)).await.expect("present");
    update_plain(&world, &me, id, Change::ForgetProperty("absent".to_owned())).await.expect("fine");
}

async fn update_plain(world: &World, me: &Caller, id: ImageId, change: Change) -> Result<Image, Error> {
    world.service.update_image(me, id, vec![change]).await
}

#[tokio::test]
async fn what_others_depend_on_is_not_deleted() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let used = install(&world, machine(&me, id), vec![]).await;
    conflicts(&delete(&world, &me, id).await, Conflict::ImageUsedByInstance);
    let dry_run = world.service.delete_image_as(&me, HERE, id, true, dry()).await;
    assert!(matches!(dry_run, Err(Error::DryRun)), "{dry_run:?}");
    world.service.share_image(&me, HERE, id, share_with("q"), Ask::default()).await.expect("shared");
    let forced = world.service.delete_image_as(&me, HERE, id, true, Ask::default()).await;
    conflicts(&forced, Conflict::ImageShared);
    let unshare = Sharing { remove: vec![ProjectId::from("q")], ..Sharing::default() };
    world.service.share_image(&me, HERE, id, unshare, Ask::default()).await.expect("unshared");
    let community = Sharing { community: Some(true), ..Sharing::default() };
    world.service.share_image(&me, HERE, id, community, Ask::default()).await.expect("published");
    conflicts(&delete(&world, &me, id).await, Conflict::ImagePublic);
    let private = Sharing { community: Some(false), ..Sharing::default() };
    world.service.share_image(&me, HERE, id, private, Ask::default()).await.expect("private again");
    update_plain(&world, &me, id, Change::Protected(true)).await.expect("protected");
    assert!(matches!(delete(&world, &me, id).await, Err(Error::Protected)));
    update_plain(&world, &me, id, Change::Protected(false)).await.expect("unprotected");
    world.service.delete_image_as(&me, HERE, id, true, Ask::default()).await.expect("forced");
    is_absent(&delete(&world, &me, id).await);
    let left = world.catalogue.read(move |tx| instances::get(tx, used)).await.expect("read");
    assert!(left.is_some(), "the machine stays");
}

#[tokio::test]
async fn deleting_an_image_that_is_made_ends_its_job() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = some_snapshot(&world, &me).await;
    let made = world.service.make_image(&me, wish(ImageSource::Snapshot(id)), Ask::default()).await.expect("made");
    delete(&world, &me, made).await.expect("deleted");
    assert_eq!(run(&world).await, 0);
}

#[tokio::test]
async fn the_newest_image_of_a_family_that_is_offered_counts_and_ones_own_first() {
    let (world, me, friend) = (World::new(), caller("p", "member"), caller("q", "member"));
    let (mine, theirs) = (some_snapshot(&world, &me).await, some_snapshot(&world, &friend).await);
    let make = |who: &Caller, snapshot, name: &str| {
        let (service, who) = (world.service.clone(), who.clone());
        let facts = Facts { family: Some("line".to_owned()), ..Facts::default() };
        let wanted = MakeImage { facts, ..named(ImageSource::Snapshot(snapshot), name) };
        async move { service.make_image(&who, wanted, Ask::default()).await.expect("made") }
    };
    let newest = || async {
        let found = world.service.image_of_family(&me, HERE, "line").await.expect("looked up");
        found.map(|image| image.name.expect("a name"))
    };
    assert_eq!(newest().await, None);
    let shared = make(&friend, theirs, "shared").await;
    world.service.share_image(&friend, HERE, shared, share_with("p"), Ask::default()).await.expect("shared");
    assert_eq!(newest().await, None, "not before it is made");
    run(&world).await;
    assert_eq!(newest().await.as_deref(), Some("shared"));
    for (status, seen) in [(MemberStatus::Rejected, None), (MemberStatus::Pending, Some("shared"))] {
        world.service.set_member_status(&me, shared, &ProjectId::from("p"), status).await.expect("answered");
        assert_eq!(newest().await.as_deref(), seen, "{status}");
    }
    make(&me, mine, "old").await;
    run(&world).await;
    world.pass(std::time::Duration::from_secs(1));
    let new = make(&me, mine, "new").await;
    assert_eq!(newest().await.as_deref(), Some("old"));
    run(&world).await;
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(newest().await.as_deref(), Some("new"));
    update(&world, &me, new, Change::Deprecated(true)).await.expect("withdrawn");
    assert_eq!(newest().await.as_deref(), Some("old"));
    assert_eq!(shown(&world, &me, new).await.status, Status::Available);
    let nowhere = world.service.image_of_family(&me, "nowhere", "line").await;
    assert!(matches!(nowhere, Err(Error::NotFound(Resource::Region(_)))));
}

#[tokio::test]
async fn an_unshared_image_is_private_and_a_public_one_stays_public() {
    let (world, me, admin) = (World::new(), caller("p", "member"), caller("p", "admin"));
    let id = uploaded(&world, &me, b"data").await.id;
    update_plain(&world, &admin, id, Change::Visibility(Visibility::Public)).await.expect("published");
    conflicts(&world.service.share_image(&me, HERE, id, share_with("q"), Ask::default()).await, Conflict::ImagePublic);
    let unpublish = Sharing { community: Some(false), ..Sharing::default() };
    world.service.share_image(&me, HERE, id, unpublish, Ask::default()).await.expect("nothing to do");
    assert_eq!(shown(&world, &me, id).await.visibility, Visibility::Public);
    conflicts(&delete(&world, &me, id).await, Conflict::ImagePublic);
}

#[tokio::test]
async fn only_a_usable_image_is_changed_where_a_dialect_asks_for_that_and_properties_may_exclude_one_another() {
    let (world, me) = (World::new(), caller("p", "member"));
    let rules = UpdateRules { only_available: true, exclusive: &[("one", "other")], ..UpdateRules::default() };
    let set = |name: &str| Change::SetProperty {
        name: name.to_owned(),
        value: Some("true".to_owned()),
        expects: Presence::Any,
    };
    let change = |id, changes| world.service.update_image_as(&me, id, changes, rules.clone(), Ask::default());
    let queued = create(&world, &me, raw()).await;
    for changes in [vec![], vec![set("one")]] {
        let refused = change(queued.id, changes).await;
        assert!(matches!(refused, Err(Error::WrongStatus(Status::Queued))), "{refused:?}");
    }
    let image = uploaded(&world, &me, b"data").await;
    change(image.id, vec![set("one")]).await.expect("one of the two");
    let refused = change(image.id, vec![set("third"), set("other")]).await;
    assert!(matches!(&refused, Err(Error::PropertyPresent(name)) if name == "other"), "{refused:?}");
    let taken = Change::RemoveProperty("one".to_owned());
    let shown = change(image.id, vec![set("other"), taken]).await.expect("in the end there is one of the two");
    assert_eq!(shown.properties.keys().collect::<Vec<_>>(), ["other"]);
    world.service.update_image(&me, image.id, vec![set("one")]).await.expect("others do not ask");
    change(image.id, vec![set("third")]).await.expect("what is so already does not stand in the way");
    for name in ["one", "other"] {
        let refused = change(image.id, vec![set(name)]).await;
        assert!(matches!(&refused, Err(Error::PropertyPresent(name)) if name == "other"), "{refused:?}");
    }
    change(image.id, vec![Change::RemoveProperty("one".to_owned()), set("other")]).await.expect("one is left");
}

#[tokio::test]
async fn whoever_lost_an_image_when_it_was_made_private_does_not_get_it_back_with_the_next_share() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    world.service.share_image(&me, HERE, id, share_with("before"), Ask::default()).await.expect("shared");
    update_plain(&world, &me, id, Change::Visibility(Visibility::Private)).await.expect("taken away");
    world.service.share_image(&me, HERE, id, share_with("after"), Ask::default()).await.expect("shared");
    let (image, members) = world.service.image_sharing(&me, HERE, id).await.expect("looked up");
    assert_eq!(image.visibility, Visibility::Shared);
    assert_eq!(members.iter().map(|member| member.project.as_str()).collect::<Vec<_>>(), ["after"]);
    update_plain(&world, &me, id, Change::Visibility(Visibility::Private)).await.expect("taken away");
    let remove = Sharing { remove: vec![ProjectId::from("nobody")], ..Sharing::default() };
    world.service.share_image(&me, HERE, id, remove, Ask::default()).await.expect("nothing to do");
    assert_eq!(shown(&world, &me, id).await.visibility, Visibility::Private);
}

#[tokio::test]
async fn a_word_of_many_platforms_does_not_take_away_which_one_it_is() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let platform = |name: Option<&str>| Change::Fact(FactChange::Platform(name.map(str::to_owned)));
    let word = |word: &str| Change::Platform { word: word.to_owned(), changes: vec![platform(None)] };
    update_plain(&world, &me, id, platform(Some("Windows Server 2022"))).await.expect("told");
    for (told, left) in [("windows", Some("Windows Server 2022")), ("ubuntu", None), ("windows", None)] {
        update_plain(&world, &me, id, word(told)).await.expect("changed");
        assert_eq!(shown(&world, &me, id).await.facts.platform.as_deref(), left, "{told}");
    }
}
