//! Who sees and may do what, through the verbs.

use imprint_model::{ImageId, MemberStatus, Page, ProjectId, Visibility};

use super::{create, download, raw, upload};
use crate::testing::{World, caller};
use crate::{Change, CreateImage, Error, Field, ListImages, Resource, Seen};

fn is_absent<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound(Resource::Image(_))))
}

fn is_denied<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Denied(_)))
}

#[tokio::test]
async fn another_accounts_private_image_is_absent_from_every_verb() {
    let (world, me, other) = (World::new(), caller("mine", "member"), caller("other", "member"));
    let mut changes = raw();
    changes.push(Change::Visibility(Visibility::Private));
    let id = create(&world, &me, changes).await.id;
    upload(&world, &me, id, b"secret").await.expect("uploaded");
    let (service, project) = (&world.service, ProjectId::from("third"));
    assert!(is_absent(&service.show_image(&other, id).await));
    assert!(is_absent(&service.update_image(&other, id, vec![Change::Hidden(true)]).await));
    assert!(is_absent(&service.delete_image(&other, id).await));
    assert!(is_absent(&service.begin_upload(&other, id, None).await));
    assert!(is_absent(&service.begin_staging(&other, id, None).await));
    assert!(is_absent(&service.download(&other, id).await));
    assert!(is_absent(&service.deactivate(&other, id).await));
    assert!(is_absent(&service.reactivate(&other, id).await));
    assert!(is_absent(&service.add_tag(&other, id, "t".into()).await));
    assert!(is_absent(&service.remove_tag(&other, id, "t").await));
    assert!(is_absent(&service.add_member(&other, id, project.clone()).await));
    assert!(is_absent(&service.members(&other, id).await));
    assert!(is_absent(&service.member(&other, id, &project).await));
    assert!(is_absent(&service.set_member_status(&other, id, &project, MemberStatus::Accepted).await));
    assert!(is_absent(&service.remove_member(&other, id, &project).await));
    assert!(is_absent(&service.image_jobs(&other, id).await));
    assert!(is_absent(&service.missing_chunks(&other, id, vec![]).await));
    assert!(is_absent(&service.put_chunks(&other, id, vec![]).await));
    assert!(is_absent(&service.push_content(&other, id, 0, vec![]).await));
    // and one that never was answers in the same words
    let never = ImageId::random();
    let text = |result: Result<_, Error>| result.map(|_: imprint_model::Image| ()).unwrap_err().to_string();
    let (foreign, absent) = (service.show_image(&other, id).await, service.show_image(&other, never).await);
    assert_eq!(text(foreign).replace(&id.to_string(), "ID"), text(absent).replace(&never.to_string(), "ID"));
}

#[tokio::test]
async fn a_reader_looks_and_does_nothing_else() {
    let (world, me, reader) = (World::new(), caller("p", "member"), caller("p", "reader"));
    let id = create(&world, &me, raw()).await.id;
    upload(&world, &me, id, b"data").await.expect("uploaded");
    world.service.show_image(&reader, id).await.expect("shown");
    assert!(is_denied(&download(&world, &reader, id).await));
    assert!(is_denied(&world.service.delete_image(&reader, id).await));
    assert!(is_denied(&world.service.update_image(&reader, id, vec![Change::Hidden(true)]).await));
    let wanted = CreateImage { id: None, owner: None, changes: raw() };
    assert!(is_denied(&world.service.create_image(&reader, wanted).await));
}

#[tokio::test]
async fn publishing_and_giving_away_are_for_administrators() {
    let (world, me, admin) = (World::new(), caller("p", "member"), caller("ops", "admin"));
    let id = create(&world, &me, raw()).await.id;
    let publish = vec![Change::Visibility(Visibility::Public)];
    assert!(is_denied(&world.service.update_image(&me, id, publish.clone()).await));
    let wanted = CreateImage { id: None, owner: None, changes: publish.clone() };
    assert!(is_denied(&world.service.create_image(&me, wanted).await));
    let give = vec![Change::Owner("q".into())];
    assert!(is_denied(&world.service.update_image(&me, id, give.clone()).await));
    world.service.update_image(&admin, id, publish).await.expect("published");
    let image = world.service.update_image(&admin, id, give).await.expect("given away");
    assert_eq!(image.owner, "q".into());
}

#[tokio::test]
async fn an_accepted_share_is_listed_and_read_but_not_written() {
    let (world, me, friend) = (World::new(), caller("mine", "member"), caller("friend", "member"));
    let id = create(&world, &me, raw()).await.id;
    upload(&world, &me, id, b"shared").await.expect("uploaded");
    let project = ProjectId::from("friend");
    world.service.add_member(&me, id, project.clone()).await.expect("shared");
    let twice = world.service.add_member(&me, id, project.clone()).await;
    assert!(matches!(twice, Err(Error::Duplicate(Field::Member))));
    assert_eq!(listed(&world, &friend).await, 0, "not before it is accepted");
    let by_owner = world.service.set_member_status(&me, id, &project, MemberStatus::Accepted).await;
    assert!(is_denied(&by_owner));
    world.service.set_member_status(&friend, id, &project, MemberStatus::Accepted).await.expect("accepted");
    assert_eq!(listed(&world, &friend).await, 1);
    assert_eq!(download(&world, &friend, id).await.expect("bytes"), b"shared");
    assert!(is_denied(&world.service.delete_image(&friend, id).await));
    assert!(is_denied(&world.service.add_member(&friend, id, "third".into()).await));
    assert!(is_denied(&world.service.remove_member(&friend, id, &project).await));
    // private again: the row stays, without effect
    let private = vec![Change::Visibility(Visibility::Private)];
    world.service.update_image(&me, id, private).await.expect("updated");
    assert!(is_absent(&world.service.show_image(&friend, id).await));
    assert!(is_denied(&world.service.members(&me, id).await));
    let row = world.service.member(&me, id, &project).await;
    assert!(matches!(row, Err(Error::NotFound(Resource::Member(_)))));
}

async fn listed(world: &World, caller: &imprint_model::Caller) -> usize {
    let wanted = ListImages {
        seen: Seen::Default,
        member_statuses: vec![MemberStatus::Accepted],
        filters: vec![],
        sort: vec![],
        page: Page::After { after: None, limit: 10 },
    };
    world.service.list_images(caller, wanted).await.expect("listed").images.len()
}

#[tokio::test]
async fn a_list_of_changes_is_kept_whole_or_not_at_all() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    let changes = vec![Change::Name(Some("new".into())), Change::RemoveProperty("absent".into())];
    let refused = world.service.update_image(&me, id, changes).await;
    assert!(matches!(refused, Err(Error::PropertyAbsent(_))));
    assert_eq!(world.service.show_image(&me, id).await.expect("shown").name, None);
}

#[tokio::test]
async fn an_id_is_never_used_twice_and_protection_holds() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, vec![Change::Protected(true)]).await.id;
    assert!(matches!(world.service.delete_image(&me, id).await, Err(Error::Protected)));
    world.service.update_image(&me, id, vec![Change::Protected(false)]).await.expect("updated");
    world.service.delete_image(&me, id).await.expect("deleted");
    let again = world.service.create_image(&me, CreateImage { id: Some(id), owner: None, changes: vec![] }).await;
    assert!(matches!(again, Err(Error::Duplicate(Field::Id))));
}
