//! Resource groups by themselves; what is in them is proved beside the tags.

use serde_json::json;

use super::{Case, case};
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case(
        "CreateResourceGroup",
        &[
            "OK",
            "MissingParameter",
            "InvalidParameter.Name",
            "InvalidParameter.DisplayName",
            "EntityAlreadyExists.ResourceGroup",
        ],
        "a group has an identifier that is unique within its account",
        |world| Box::pin(create(world)),
    ),
    case("GetResourceGroup", &["OK", "EntityNotExists.ResourceGroup"], "a group is its account's alone", |world| {
        Box::pin(show(world))
    }),
    case("ListResourceGroups", &["OK", "InvalidParameter"], "oldest first, by name or page", |world| {
        Box::pin(list(world))
    }),
    case(
        "DeleteResourceGroup",
        &["OK", "EntityNotExists.ResourceGroup", "DeleteConflict.ResourceGroup.Resource"],
        "only an empty group goes",
        |world| Box::pin(delete(world)),
    ),
    case("CreateDisk", &["OK"], "what is made in a group is found in it", |world| Box::pin(within(world))),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn make(world: &World, name: &str) -> String {
    let body = world.owner.ask("CreateResourceGroup", &[("Name", name), ("DisplayName", "Für Leute")]).await.ok();
    body["ResourceGroup"]["Id"].as_str().expect("an id").to_owned()
}

async fn create(world: World) -> World {
    let id = make(&world, "web-1").await;
    assert!(id.starts_with("rg-"), "{id}");
    let ask = async |name: &str, display: &str, code: &str| {
        world.owner.ask("CreateResourceGroup", &[("Name", name), ("DisplayName", display)]).await.refused(code);
    };
    ask("", "x", "MissingParameter").await;
    for bad in ["ab", "a_b", "größe", &"a".repeat(51)] {
        ask(bad, "x", "InvalidParameter.Name").await;
    }
    ask("web-2", &"ü".repeat(51), "InvalidParameter.DisplayName").await;
    ask("web-1", "x", "EntityAlreadyExists.ResourceGroup").await;
    world.other.ask("CreateResourceGroup", &[("Name", "web-1"), ("DisplayName", "x")]).await.ok();
    world
}

async fn show(world: World) -> World {
    let id = make(&world, "web-1").await;
    let body = world.owner.ask("GetResourceGroup", &[("ResourceGroupId", &id)]).await.ok();
    let group = &body["ResourceGroup"];
    assert_eq!((&group["Name"], &group["DisplayName"]), (&json!("web-1"), &json!("Für Leute")));
    assert_eq!((&group["AccountId"], &group["Status"]), (&json!(world.owner.account), &json!("OK")));
    world.other.ask("GetResourceGroup", &[("ResourceGroupId", &id)]).await.refused("EntityNotExists.ResourceGroup");
    world
}

async fn list(world: World) -> World {
    let mut all = Vec::new();
    for name in ["web-1", "web-2", "web-3"] {
        all.push(make(&world, name).await);
        world.engine.pass(std::time::Duration::from_secs(1));
    }
    for (params, wanted) in [
        (vec![], &all[..]),
        (vec![("PageSize", "2"), ("PageNumber", "2")], &all[2..]),
        (vec![("Name", "web-2")], &all[1..2]),
        (vec![("ResourceGroupId", all[0].as_str())], &all[..1]),
        (vec![("Name", "web")], &[]),
    ] {
        let body = world.owner.ask("ListResourceGroups", &params).await.ok();
        let groups = body["ResourceGroups"]["ResourceGroup"].as_array().expect("a list");
        let found: Vec<_> = groups.iter().map(|group| &group["Id"]).collect();
        assert_eq!(json!(found), json!(wanted), "{params:?}");
    }
    world.owner.ask("ListResourceGroups", &[("PageSize", "0")]).await.refused("InvalidParameter");
    world
}

async fn delete(world: World) -> World {
    let id = make(&world, "web-1").await;
    let disk = world.owner.ask("CreateDisk", &[("Size", "20"), ("ResourceGroupId", &id)]).await.ok();
    let disk = disk["DiskId"].as_str().expect("an id").to_owned();
    let group = [("ResourceGroupId", id.as_str())];
    world.owner.ask("DeleteResourceGroup", &group).await.refused("DeleteConflict.ResourceGroup.Resource");
    world.other.ask("DeleteResourceGroup", &group).await.refused("EntityNotExists.ResourceGroup");
    world.owner.ask("DeleteDisk", &[("DiskId", &disk)]).await.ok();
    world.owner.ask("DeleteResourceGroup", &group).await.ok();
    world.owner.ask("DeleteResourceGroup", &group).await.refused("EntityNotExists.ResourceGroup");
    world
}

async fn within(world: World) -> World {
    let id = make(&world, "web-1").await;
    let made = world.owner.ask("CreateDisk", &[("Size", "20"), ("ResourceGroupId", &id)]).await.ok();
    world.owner.ask("CreateDisk", &[("Size", "20")]).await.ok();
    let found = super::disks::ids(&world, "Disk", &[("ResourceGroupId", &id)]).await;
    assert_eq!(json!(found), json!([made["DiskId"]]));
    world
}
