//! DeleteImage: what goes, what stands in the way, and what is no error.

use imprint_model::{Status, Visibility};

use super::create_image::{create, made, source};
use super::{Case, case};
use crate::tests::{Answer, World};

pub(super) const CASES: &[Case] = &[
    case(
        "DeleteImage",
        &["OK"],
        "an image goes, its snapshots stay, and one that does not exist is deleted already",
        |world| Box::pin(deletes(world)),
    ),
    case(
        "DeleteImage",
        &["OK", "ImageUsingByInstance"],
        "an image that machines were made of goes by force alone",
        |world| Box::pin(force(world)),
    ),
    case(
        "DeleteImage",
        &["OK", "ImageUseShared", "ImageIsPublic"],
        "an image that others were given does not go, not even by force",
        |world| Box::pin(shared(world)),
    ),
    case(
        "DeleteImage",
        &["OK", "DryRunOperation", "MissingParameter"],
        "nobody deletes what is not his, and a dry run deletes nothing",
        |world| Box::pin(whose(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn delete(world: &World, id: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("ImageId", id)];
    params.extend_from_slice(more);
    world.owner.ask("DeleteImage", &params).await
}

async fn is_there(world: &World, id: &str) -> bool {
    world.owner.ask("DescribeImages", &[("ImageId", id), ("Status", "ALL")]).await.ok()["TotalCount"] == 1
}

async fn deletes(world: World) -> World {
    let snapshot = source(&world).await;
    let id = made(create(&world, &snapshot, &[("ImageName", "name")]).await);
    // also while it is being made
    delete(&world, &id, &[]).await.ok();
    assert!(!is_there(&world, &id).await);
    world.settle().await;
    let again = made(create(&world, &snapshot, &[("ImageName", "name")]).await);
    world.settle().await;
    delete(&world, &again, &[]).await.ok();
    assert!(!is_there(&world, &again).await);
    made(create(&world, &snapshot, &[]).await);
    for gone in [again.as_str(), "m-0000000000000000000000000", "nonsense"] {
        delete(&world, gone, &[]).await.ok();
    }
    for status in Status::ALL {
        let id = world.image(|image| image.status = status).await;
        delete(&world, &id, &[]).await.ok();
        assert!(!is_there(&world, &id).await, "{status}");
    }
    world
}

async fn force(world: World) -> World {
    let id = world.image(|_| {}).await;
    world.instance(&id, |_| {}).await;
    let answer = delete(&world, &id, &[("Force", "False")]).await;
    assert_eq!(answer.status, 403);
    answer.refused("ImageUsingByInstance");
    delete(&world, &id, &[("Force", "True")]).await.ok();
    assert!(!is_there(&world, &id).await);
    world
}

async fn shared(world: World) -> World {
    let id = world.image(|_| {}).await;
    let account = world.other.account.clone();
    world.owner.ask("ModifyImageSharePermission", &[("ImageId", &id), ("AddAccount.1", &account)]).await.ok();
    let message = delete(&world, &id, &[("Force", "true")]).await.refused("ImageUseShared");
    assert_eq!(
        message,
        "The specified image has been shared to others. You can use the DescribeImageSharePermission API to query the \
         users who have been shared."
    );
    world.owner.ask("ModifyImageSharePermission", &[("ImageId", &id), ("RemoveAccount.1", &account)]).await.ok();
    delete(&world, &id, &[]).await.ok();
    for visibility in [Visibility::Community, Visibility::Public] {
        let public = world.image(|image| image.visibility = visibility).await;
        let message = delete(&world, &public, &[("Force", "true")]).await.refused("ImageIsPublic");
        assert_eq!(message, "You can not delete public image, please modify it to private.");
    }
    world
}

async fn whose(world: World) -> World {
    let id = world.image(|_| {}).await;
    world.other.ask("DeleteImage", &[("ImageId", &id)]).await.ok();
    world.root.ask("DeleteImage", &[("ImageId", &id)]).await.ok();
    delete(&world, &id, &[("RegionId", "local-2")]).await.ok();
    delete(&world, &id, &[("DryRun", "true")]).await.refused("DryRunOperation");
    delete(&world, "m-0000000000000000000000000", &[("DryRun", "true")]).await.refused("DryRunOperation");
    world.owner.ask("DeleteImage", &[]).await.refused("MissingParameter");
    assert!(is_there(&world, &id).await);
    let other = world.project("other").await;
    let seen = world.image(|image| (image.owner, image.visibility) = (other, Visibility::Community)).await;
    delete(&world, &seen, &[]).await.ok();
    assert_eq!(
        world.owner.ask("DescribeImages", &[("ImageOwnerAlias", "others"), ("IsPublic", "true")]).await.ok()["TotalCount"],
        1
    );
    delete(&world, &id, &[]).await.ok();
    world
}
