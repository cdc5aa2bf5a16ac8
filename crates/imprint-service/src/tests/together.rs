//! Sharing without asking: several accounts at once, accepted at once, all or nothing.

use imprint_model::{MemberStatus, Page, ProjectId, Visibility};

use super::stock::{HERE, allow, dry, install, machine, shown, uploaded};
use super::{create, raw};
use crate::testing::{World, caller};
use crate::{Ask, Conflict, Error, Field, ListImages, Quota, Seen, Sharing};

fn projects(names: &[&str]) -> Vec<ProjectId> {
    names.iter().map(|&name| ProjectId::from(name)).collect()
}

fn add(names: &[&str]) -> Sharing {
    Sharing { add: projects(names), ..Sharing::default() }
}

fn remove(names: &[&str]) -> Sharing {
    Sharing { remove: projects(names), ..Sharing::default() }
}

#[track_caller]
fn conflicts<T: std::fmt::Debug>(result: &Result<T, Error>, conflict: Conflict) {
    assert!(matches!(result, Err(Error::Conflict(found)) if *found == conflict), "{result:?} is not {conflict:?}");
}

#[tokio::test]
async fn an_account_has_at_once_what_is_shared_with_it() {
    let (world, me, friend) = (World::new(), caller("p", "member"), caller("q", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    // an offer made by another dialect, which was not answered
    world.service.add_member(&me, id, ProjectId::from("q")).await.expect("offered");
    let share = |sharing: Sharing| world.service.share_image(&me, HERE, id, sharing, Ask::default());
    share(add(&["q", "r", "q"])).await.expect("shared");
    share(add(&["q"])).await.expect("twice is fine");
    let (image, members) = world.service.image_sharing(&me, HERE, id).await.expect("looked up");
    assert_eq!(image.visibility, Visibility::Shared);
    assert!(members.iter().all(|member| member.status == MemberStatus::Accepted));
    assert_eq!(members.iter().map(|member| member.project.as_str()).collect::<Vec<_>>(), ["q", "r"]);
    let wanted = ListImages {
        seen: Seen::Default,
        member_statuses: vec![MemberStatus::Accepted],
        filters: vec![],
        sort: vec![],
        page: Page::After { after: None, limit: 10 },
    };
    assert_eq!(world.service.list_images(&friend, wanted).await.expect("listed").images.len(), 1);
    share(remove(&["q", "nobody"])).await.expect("unshared");
    assert!(matches!(world.service.show_image(&friend, id).await, Err(Error::NotFound(_))));
    share(remove(&["r"])).await.expect("unshared");
    assert_eq!(shown(&world, &me, id).await.visibility, Visibility::Private);
}

#[tokio::test]
async fn a_change_that_goes_too_far_changes_nothing() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let share = |sharing: Sharing, ask: Ask| world.service.share_image(&me, HERE, id, sharing, ask);
    allow(&world.catalogue, "p", "image_members", 2).await;
    let over = share(add(&["a", "b", "c"]), Ask::default()).await;
    assert!(matches!(over, Err(Error::OverQuota(Quota::Members, 2))), "{over:?}");
    conflicts(&share(add(&["a", "p"]), Ask::default()).await, Conflict::SharedWithSelf);
    assert!(matches!(share(add(&["a"]), dry()).await, Err(Error::DryRun)));
    assert_eq!(world.service.image_sharing(&me, HERE, id).await.expect("looked up").1, []);
    share(add(&["a", "b"]), Ask::default()).await.expect("as many as may be");
    let offered = world.service.add_member(&me, id, ProjectId::from("c")).await;
    assert!(matches!(offered, Err(Error::OverQuota(Quota::Members, 2))), "the limit holds for every dialect");
    let swap = Sharing { add: projects(&["c"]), remove: projects(&["a"]), community: None };
    share(swap, Ask::default()).await.expect("one goes, another comes");
    allow(&world.catalogue, "p", "image_members", 1).await;
    share(remove(&["b"]), Ask::default()).await.expect("fewer is fine whatever the limit");
}

#[tokio::test]
async fn what_is_everybodys_is_nobodys_in_particular() {
    let (world, me, stranger) = (World::new(), caller("p", "member"), caller("z", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let share = |sharing: Sharing| world.service.share_image(&me, HERE, id, sharing, Ask::default());
    let publish = |community| Sharing { community: Some(community), ..Sharing::default() };
    share(publish(false)).await.expect("an image that few see is none that everybody sees");
    let both = Sharing { add: projects(&["q"]), ..publish(true) };
    let refused = share(both).await;
    assert!(matches!(refused, Err(Error::Invalid { field: Field::Visibility, .. })), "{refused:?}");
    share(add(&["q"])).await.expect("shared");
    conflicts(&share(publish(true)).await, Conflict::ImageShared);
    share(remove(&["q"])).await.expect("unshared");
    share(publish(true)).await.expect("published");
    conflicts(&share(publish(true)).await, Conflict::ImagePublic);
    conflicts(&share(add(&["q"])).await, Conflict::ImagePublic);
    assert_eq!(shown(&world, &stranger, id).await.visibility, Visibility::Community);
    share(publish(false)).await.expect("taken back");
    assert!(matches!(world.service.show_image(&stranger, id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn lists_are_told_who_uses_an_image_and_only_its_owner_whether_it_is_shared() {
    let (world, me, friend) = (World::new(), caller("p", "member"), caller("q", "member"));
    let id = uploaded(&world, &me, b"data").await.id;
    let plain = create(&world, &me, raw()).await;
    world.service.share_image(&me, HERE, id, add(&["q"]), Ask::default()).await.expect("shared");
    install(&world, machine(&friend, id), vec![]).await;
    let images = [plain, shown(&world, &me, id).await];
    let seen = world.service.annotate(&me, &images).await.expect("annotated");
    assert_eq!((seen[0].used_by_instance, seen[0].shared), (false, false));
    assert_eq!((seen[1].used_by_instance, seen[1].shared), (true, true));
    let seen = world.service.annotate(&friend, &images[1..]).await.expect("annotated");
    assert_eq!((seen[0].used_by_instance, seen[0].shared), (true, false));
}
