//! Sharing: with accounts, with everybody, and who gets to know of it.

use imprint_model::Visibility;
use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::{Answer, World};

pub(super) const CASES: &[Case] = &[
    case(
        "ModifyImageSharePermission",
        &["OK"],
        "an account that was given an image sees, but does not own it; adding twice and removing what is not there are fine",
        |world| Box::pin(with_accounts(world)),
    ),
    case(
        "ModifyImageSharePermission",
        &[
            "InvalidAccount.NotFound",
            "InvalidAccount.Forbbiden",
            "MissingParameter",
            "InvalidImageId.NotFound",
            "DryRunOperation",
            "QuotaExceed.ShareImageUser",
        ],
        "accounts must exist and be others', and are limited in number",
        |world| Box::pin(refusals(world)),
    ),
    case(
        "ModifyImageSharePermission",
        &["OK", "Image.Public", "InvalidParameter.IsPublic", "ImageUseShared", "OperationDenied.InvalidImageStatus"],
        "an image is given to everybody or to accounts, not both",
        |world| Box::pin(with_everybody(world)),
    ),
    case(
        "ModifyImageShareGroupPermission",
        &["OK", "InvalidGroup.Malformed", "MissingParameter"],
        "the one group is everybody",
        |world| Box::pin(group(world)),
    ),
    case(
        "DescribeImageSharePermission",
        &["OK", "InvalidImageId.NotFound", "InvalidParamter"],
        "the owner, and nobody else, learns whom an image is shared with, page by page",
        |world| Box::pin(describes(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn modify(world: &World, id: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("ImageId", id)];
    params.extend_from_slice(more);
    world.owner.ask("ModifyImageSharePermission", &params).await
}

async fn permission(world: &World, id: &str) -> (Vec<String>, Value) {
    let answer = world.owner.ask("DescribeImageSharePermission", &[("ImageId", id)]).await.ok();
    let accounts = answer["Accounts"]["Account"].as_array().expect("a list");
    assert_eq!(answer["TotalCount"], accounts.len());
    let ids = accounts.iter().map(|account| account["AliyunId"].as_str().expect("a text").to_owned()).collect();
    (ids, answer["ShareGroups"]["ShareGroup"].clone())
}

async fn others_see(world: &World, public: &str) -> Vec<String> {
    let params = [("ImageOwnerAlias", "others"), ("IsPublic", public)];
    let answer = world.other.ask("DescribeImages", &params).await.ok();
    let images = answer["Images"]["Image"].as_array().expect("a list");
    images.iter().map(|image| image["ImageId"].as_str().expect("an id").to_owned()).collect()
}

async fn with_accounts(world: World) -> World {
    let id = world.image(|_| {}).await;
    let other = world.other.account.clone();
    let root = world.root.account.clone();
    modify(&world, &id, &[("AddAccount.3", &other), ("AddAccount.7", &other)]).await.ok();
    modify(&world, &id, &[("AddAccount.1", &other), ("RemoveAccount.1", &root)]).await.ok();
    assert_eq!(permission(&world, &id).await, (vec![other.clone()], json!([])));
    assert_eq!(others_see(&world, "false").await, [id.as_str()]);
    let own = world.owner.ask("DescribeImages", &[("ImageId", &id)]).await.ok();
    assert_eq!(own["Images"]["Image"][0]["IsSelfShared"], "true");
    // the grantee cannot change, share or delete it
    for (action, more) in [
        ("ModifyImageAttribute", ("Description", "mine now")),
        ("ModifyImageSharePermission", ("AddAccount.1", root.as_str())),
    ] {
        world.other.ask(action, &[("ImageId", &id), more]).await.refused("InvalidImageId.NotFound");
    }
    modify(&world, &id, &[("RemoveAccount.1", &other)]).await.ok();
    assert!(others_see(&world, "false").await.is_empty());
    assert_eq!(permission(&world, &id).await.0, Vec::<String>::new());
    world
}

async fn refusals(world: World) -> World {
    let id = world.image(|_| {}).await;
    let own = world.owner.account.clone();
    for unknown in ["1234567890123456", "0", "x", "-1", "99999999999999999999999"] {
        let answer = modify(&world, &id, &[("AddAccount.1", unknown)]).await;
        assert_eq!(answer.status, 404);
        assert_eq!(
            answer.refused("InvalidAccount.NotFound"),
            format!(
                "The specified account {unknown} in parameter \"AddAccount.n\" or \"RemoveAccount.n\" does not exist."
            )
        );
    }
    let answer = modify(&world, &id, &[("AddAccount.1", &own)]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.refused("InvalidAccount.Forbbiden"), "The specified Account does not yourself.");
    modify(&world, &id, &[]).await.refused("MissingParameter");
    let other = world.other.account.clone();
    modify(&world, "m-none", &[("AddAccount.1", &other)]).await.refused("InvalidImageId.NotFound");
    world
        .root
        .ask("ModifyImageSharePermission", &[("ImageId", &id), ("AddAccount.1", &other)])
        .await
        .refused("InvalidImageId.NotFound");
    modify(&world, &id, &[("AddAccount.1", &other), ("DryRun", "true")]).await.refused("DryRunOperation");
    assert!(permission(&world, &id).await.0.is_empty());
    world.limit("image_members", 1).await;
    modify(&world, &id, &[("AddAccount.1", &other)]).await.ok();
    let root = world.root.account.clone();
    let answer = modify(&world, &id, &[("AddAccount.1", &root)]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.refused("QuotaExceed.ShareImageUser"), "The shared Image user Quota exceeds.");
    assert_eq!(permission(&world, &id).await.0, [other.as_str()]);
    // ten of a call count, the rest is left out in silence
    let names: Vec<String> = (1..=10).map(|number| format!("AddAccount.{number}")).collect();
    let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), other.as_str())).collect();
    many.push(("AddAccount.11", "x"));
    modify(&world, &id, &many).await.ok();
    world
}

async fn with_everybody(world: World) -> World {
    let id = world.image(|_| {}).await;
    let other = world.other.account.clone();
    modify(&world, &id, &[("IsPublic", "false")]).await.ok();
    modify(&world, &id, &[("IsPublic", "True")]).await.ok();
    assert_eq!(permission(&world, &id).await, (Vec::new(), json!([{ "Group": "all" }])));
    assert_eq!(others_see(&world, "true").await, [id.as_str()]);
    assert!(others_see(&world, "false").await.is_empty());
    let answer = modify(&world, &id, &[("AddAccount.1", &other)]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.refused("Image.Public"), "The specified image is public image.");
    modify(&world, &id, &[("IsPublic", "true")]).await.refused("Image.Public");
    // leaving it out does not take it back
    modify(&world, &id, &[("RemoveAccount.1", &other)]).await.ok();
    assert_eq!(others_see(&world, "true").await, [id.as_str()]);
    modify(&world, &id, &[("IsPublic", "False")]).await.ok();
    assert!(others_see(&world, "true").await.is_empty());
    modify(&world, &id, &[("AddAccount.1", &other)]).await.ok();
    modify(&world, &id, &[("IsPublic", "true")]).await.refused("ImageUseShared");
    let both = [("IsPublic", "true"), ("AddAccount.1", other.as_str())];
    modify(&world, &id, &both).await.refused("InvalidParameter.IsPublic");
    let deprecated = world.image(|image| image.hidden = true).await;
    for more in [("AddAccount.1", other.as_str()), ("IsPublic", "true")] {
        modify(&world, &deprecated, &[more]).await.refused("OperationDenied.InvalidImageStatus");
    }
    world
}

async fn group(world: World) -> World {
    let id = world.image(|_| {}).await;
    let ask = |name: &'static str, value: &'static str| {
        let (owner, id) = (world.owner.clone(), id.clone());
        async move { owner.ask("ModifyImageShareGroupPermission", &[("ImageId", id.as_str()), (name, value)]).await }
    };
    ask("AddGroup.1", "all").await.ok();
    assert_eq!(others_see(&world, "true").await, [id.as_str()]);
    ask("RemoveGroup.1", "all").await.ok();
    assert!(others_see(&world, "true").await.is_empty());
    ask("AddGroup.1", "some").await.refused("InvalidGroup.Malformed");
    ask("AddGroup.1", "").await.refused("MissingParameter");
    world
}

async fn describes(world: World) -> World {
    let id = world.image(|_| {}).await;
    let ask = |params: Vec<(&'static str, &'static str)>| {
        let (owner, id) = (world.owner.clone(), id.clone());
        async move {
            let params: Vec<_> = [("ImageId", id.as_str())].into_iter().chain(params).collect();
            owner.ask("DescribeImageSharePermission", &params).await
        }
    };
    let accounts = [world.other.account.clone(), world.root.account.clone()];
    modify(&world, &id, &[("AddAccount.1", &accounts[0]), ("AddAccount.2", &accounts[1])]).await.ok();
    let mut seen = Vec::new();
    for page in ["1", "2"] {
        let answer = ask(vec![("PageNumber", page), ("PageSize", "1")]).await.ok();
        assert_eq!(
            (&answer["TotalCount"], &answer["PageSize"], &answer["ImageId"]),
            (&2.into(), &1.into(), &id.clone().into())
        );
        assert!(answer["Accounts"]["Account"][0]["SharedTime"].as_str().expect("a time").ends_with('Z'));
        seen.push(answer["Accounts"]["Account"][0]["AliyunId"].as_str().expect("a text").to_owned());
    }
    seen.sort_unstable();
    let mut expected = accounts.to_vec();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert_eq!(ask(vec![("PageNumber", "3"), ("PageSize", "1")]).await.ok()["Accounts"], json!({ "Account": [] }));
    ask(vec![("PageSize", "101")]).await.refused("InvalidParamter");
    let answer = world.other.ask("DescribeImageSharePermission", &[("ImageId", &id)]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.refused("InvalidImageId.NotFound"), format!("The specified image {id} does not exist."));
    let other = world.project("other").await;
    let community = world.image(|image| (image.owner, image.visibility) = (other, Visibility::Community)).await;
    world
        .owner
        .ask("DescribeImageSharePermission", &[("ImageId", &community)])
        .await
        .refused("InvalidImageId.NotFound");
    let unknown = world.owner.ask("DescribeImageSharePermission", &[("ImageId", "x")]).await;
    assert_eq!(unknown.refused("InvalidImageId.NotFound"), "The specified image x does not exist.");
    world
}
