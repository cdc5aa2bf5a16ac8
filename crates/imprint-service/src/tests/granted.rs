//! Callers whom the account's owner bound to grants, asking through dialects that know nothing of them.

use std::sync::Arc;

use imprint_model::{Action, Caller, Effect, Grants, MemberStatus, Page, ProjectId, Statement, Visibility};

use super::stock::{HERE, some_snapshot, uploaded, wish};
use super::{create, download, raw};
use crate::testing::{World, caller};
use crate::{
    Ask, Change, CreateGroup, CreateImage, Error, ImageSource, ListImages, ListTags, Resource, Seen, TagChange, Tagged,
    TaggedIds,
};

/// A member of `p` who is let do these operations on images whose names fit.
fn granted(operations: &[&str], resource: &str) -> Caller {
    let statement = Statement {
        effect: Effect::Allow,
        actions: operations.iter().map(|&operation| operation.to_owned()).collect(),
        actions_excluded: false,
        resources: vec![resource.to_owned()],
        conditions: vec![],
    };
    let operations = Action::ALL.iter().map(|&action| (action, vec![format!("{action:?}")])).collect();
    let grants = Grants {
        statements: vec![statement],
        operations,
        image_resource: "image/{region}/{id}".to_owned(),
        creation: vec!["Create".to_owned()],
        creation_resource: "image/{region}/*".to_owned(),
        ..Grants::default()
    };
    Caller { grants: Some(Arc::new(grants)), ..caller("p", "member") }
}

async fn listed(world: &World, who: &Caller) -> usize {
    let wanted = ListImages {
        seen: Seen::Default,
        member_statuses: vec![],
        filters: vec![],
        sort: vec![],
        page: Page::After { after: None, limit: 10 },
    };
    world.service.list_images(who, wanted).await.expect("listed").images.len()
}

#[tokio::test]
async fn what_was_not_granted_is_absent_or_denied() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let (nobody, looker) = (granted(&[], "*"), granted(&["Read"], "*"));
    assert!(matches!(world.service.show_image(&nobody, id).await, Err(Error::NotFound(Resource::Image(_)))));
    assert_eq!((listed(&world, &nobody).await, listed(&world, &looker).await), (0, 1));
    world.service.show_image(&looker, id).await.expect("shown");
    assert!(matches!(download(&world, &looker, id).await, Err(Error::Denied(_))));
    let change = vec![Change::Hidden(true)];
    assert!(matches!(world.service.update_image(&looker, id, change.clone()).await, Err(Error::Denied(_))));
    assert!(matches!(world.service.delete_image(&looker, id).await, Err(Error::Denied(_))));
    let wanted = CreateImage { id: None, owner: None, changes: raw() };
    assert!(matches!(world.service.create_image(&looker, wanted).await, Err(Error::Denied(_))));
    let writer = granted(&["Read", "Write", "Create"], "image/local-1/*");
    world.service.update_image(&writer, id, change).await.expect("changed");
    create(&world, &writer, raw()).await;
    let elsewhere = granted(&["Read"], "image/far/*");
    assert!(matches!(world.service.show_image(&elsewhere, id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn who_may_not_share_gives_an_image_to_nobody_by_its_visibility_either() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let (writer, sharer) = (granted(&["Read", "Write"], "*"), granted(&["Read", "Write", "Share"], "*"));
    let to = |visibility| vec![Change::Visibility(visibility)];
    world.service.update_image(&writer, id, to(Visibility::Private)).await.expect("takes it from others");
    for visibility in [Visibility::Community, Visibility::Shared] {
        let refused = world.service.update_image(&writer, id, to(visibility)).await;
        assert!(matches!(refused, Err(Error::Denied(_))), "{visibility}");
    }
    world.service.update_image(&sharer, id, to(Visibility::Community)).await.expect("changed");
}

#[tokio::test]
async fn nobody_bound_answers_an_offer_for_the_account() {
    let (world, owner, friend) = (World::new(), caller("o", "member"), caller("p", "member"));
    let id = uploaded(&world, &owner, b"data").await.id;
    let (service, me) = (&world.service, ProjectId::from("p"));
    service.add_member(&owner, id, me.clone()).await.expect("offered");
    let bound = granted(&["*"], "*");
    let refused = service.set_member_status(&bound, id, &me, MemberStatus::Rejected).await;
    assert!(matches!(refused, Err(Error::Denied(_))));
    service.set_member_status(&friend, id, &me, MemberStatus::Accepted).await.expect("the account's own answer");
}

#[tokio::test]
async fn who_may_look_at_one_image_has_to_name_it() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (one, other) = (uploaded(&world, &me, b"1").await.id, uploaded(&world, &me, b"2").await.id);
    let looker = granted(&["*"], &format!("image/local-1/{}", one.short()));
    assert_eq!(listed(&world, &looker).await, 0);
    world.service.show_image(&looker, one).await.expect("shown");
    assert!(matches!(world.service.show_image(&looker, other).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn an_image_that_was_denied_is_not_in_lists() {
    let (world, me) = (World::new(), caller("p", "member"));
    let (one, _) = (uploaded(&world, &me, b"1").await.id, uploaded(&world, &me, b"2").await.id);
    let mut looker = granted(&["*"], "*");
    if let Some(grants) = looker.grants.as_mut().map(Arc::make_mut) {
        grants.statements.push(Statement {
            effect: Effect::Deny,
            actions: vec!["Read".to_owned()],
            actions_excluded: false,
            resources: vec![format!("image/local-1/{}", one.short())],
            conditions: vec![],
        });
    }
    assert_eq!(listed(&world, &looker).await, 1);
}

#[tokio::test]
async fn grants_speak_of_images_alone() {
    let (world, me) = (World::new(), caller("p", "member"));
    let snapshot = some_snapshot(&world, &me).await;
    let bound = granted(&["*"], "*");
    let service = &world.service;
    let looked = service.show_snapshot(&bound, snapshot).await;
    assert!(matches!(looked, Err(Error::NotFound(Resource::Snapshot(_)))), "{looked:?}");
    let made = service.make_image(&bound, wish(ImageSource::Snapshot(snapshot)), Ask::default()).await;
    assert!(matches!(made, Err(Error::Denied(_))), "{made:?}");
    let wanted = CreateGroup { id: "g".to_owned(), name: "g".to_owned(), display_name: "g".to_owned() };
    let grouped = service.create_group(&bound, wanted, Ask::default()).await;
    assert!(matches!(grouped, Err(Error::Denied(_))), "{grouped:?}");
    assert!(matches!(service.groups(&bound).await, Err(Error::Denied(_))));
    let tags = TagChange::Add(["a=b".to_owned()].into(), 9);
    let tag = |thing| service.change_tags(&bound, HERE, vec![thing], tags.clone(), Ask::default());
    let tagged = tag(Tagged::Snapshot(snapshot)).await;
    assert!(matches!(tagged, Err(Error::Denied(_))), "{tagged:?}");
    let image = uploaded(&world, &me, b"1").await.id;
    tag(Tagged::Image(image)).await.expect("what grants speak of");
    let wanted = ListTags { region: HERE.to_owned(), ids: TaggedIds::Snapshots(vec![], None), tags: vec![], limit: 9 };
    let listed = service.list_tags(&bound, wanted).await;
    assert!(matches!(listed, Err(Error::Denied(_))), "{listed:?}");
}
