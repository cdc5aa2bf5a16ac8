//! DescribeImageFromFamily and DescribeImageSupportInstanceTypes.

use imprint_model::{Architecture, Image, Status, Timestamp, Visibility};
use serde_json::json;

use super::{Case, case};
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case(
        "DescribeImageFromFamily",
        &["OK", "MissingParameter", "InvalidRegionId.NotFound"],
        "the newest available image of a family, one's own before others', and an empty one for none",
        |world| Box::pin(newest(world)),
    ),
    case(
        "DescribeImageSupportInstanceTypes",
        &["OK", "InvalidImageId.NotFound"],
        "the types an image runs on",
        |world| Box::pin(types(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// An image of the family, made `seconds` after the beginning.
async fn member(world: &World, name: &str, seconds: i64, change: impl FnOnce(&mut Image)) -> String {
    let name = name.to_owned();
    world
        .image(|image| {
            image.name = Some(name);
            image.facts.family = Some("fam".to_owned());
            image.created_at = Timestamp(image.created_at.0 + seconds * 1_000_000);
            change(image);
        })
        .await
}

async fn newest(world: World) -> World {
    let root = world.project("admin").await;
    let ask = || world.owner.ask("DescribeImageFromFamily", &[("ImageFamily", "fam")]);
    let none = ask().await.ok();
    assert_eq!(none["Image"], json!({}), "clients look for an image without an id");
    member(&world, "public", 100, |image| (image.owner, image.visibility) = (root, Visibility::Public)).await;
    assert_eq!(ask().await.ok()["Image"]["ImageName"], "public");
    member(&world, "old", 1, |_| {}).await;
    member(&world, "new", 2, |_| {}).await;
    member(&world, "newer-deprecated", 3, |image| image.hidden = true).await;
    member(&world, "newer-creating", 4, |image| image.status = Status::Importing).await;
    member(&world, "newer-elsewhere", 5, |image| "local-2".clone_into(&mut image.region)).await;
    member(&world, "newer-other", 6, |image| image.facts.family = Some("fam2".to_owned())).await;
    let found = ask().await.ok();
    assert_eq!((&found["Image"]["ImageName"], &found["Image"]["ImageOwnerAlias"]), (&"new".into(), &"self".into()));
    for absent in
        ["BootMode", "Features", "IsPublic", "ImageOwnerId", "ResourceGroupId", "OSNameEn", "DetectionOptions"]
    {
        assert_eq!(found["Image"].get(absent), None, "{absent}");
    }
    assert_eq!(found["Image"]["DiskDeviceMappings"], json!({ "DiskDeviceMapping": [] }));
    world.owner.ask("DescribeImageFromFamily", &[]).await.refused("MissingParameter");
    let nowhere = [("ImageFamily", "fam"), ("RegionId", "nowhere")];
    world.owner.ask("DescribeImageFromFamily", &nowhere).await.refused("InvalidRegionId.NotFound");
    world
}

async fn types(world: World) -> World {
    let ids = |answer: serde_json::Value| -> Vec<String> {
        let types = answer["InstanceTypes"]["InstanceType"].as_array().expect("a list");
        assert!(types.iter().all(|known| known["CpuCoreCount"].is_u64() && known["MemorySize"].is_f64()));
        types.iter().map(|known| known["InstanceTypeId"].as_str().expect("an id").to_owned()).collect()
    };
    let action = "DescribeImageSupportInstanceTypes";
    let arm = world
        .image(|image| (image.facts.architecture, image.facts.nvme) = (Some(Architecture::Arm64), Some(true)))
        .await;
    let found = ids(world.owner.ask(action, &[("ImageId", &arm), ("ActionType", "ChangeOS")]).await.ok());
    assert!(found.contains(&"ecs.g8y.large".to_owned()) && !found.contains(&"ecs.g7.large".to_owned()), "{found:?}");
    let plain = world.image(|_| {}).await;
    let found = ids(world.owner.ask(action, &[("ImageId", &plain)]).await.ok());
    assert!(found.contains(&"ecs.g7.large".to_owned()) && !found.contains(&"ecs.g8i.large".to_owned()), "{found:?}");
    assert!(ids(world.owner.ask(action, &[]).await.ok()).len() > found.len());
    let there = world.image(|image| "local-2".clone_into(&mut image.region)).await;
    for unknown in [there.as_str(), "m-none"] {
        let answer = world.owner.ask(action, &[("ImageId", unknown)]).await;
        assert_eq!(answer.status, 404);
        answer.refused("InvalidImageId.NotFound");
    }
    world.other.ask(action, &[("ImageId", &plain)]).await.refused("InvalidImageId.NotFound");
    world
}
