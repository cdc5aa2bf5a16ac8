//! Machines, asked about: by what filters, and how far they are.

use std::time::Duration;

use imprint_model::InstanceStatus;
use serde_json::json;

use super::disks::ids;
use super::{Case, case};
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case("DescribeInstances", &["OK"], "filters hold alone and together", |world| Box::pin(filters(world))),
    case(
        "DescribeInstances",
        &["InvalidParameter", "InvalidZoneId.NotFound", "InvalidTag.Mismatch", "DryRunOperation"],
        "words that are none are refused",
        |world| Box::pin(bad_filters(world)),
    ),
    case(
        "DescribeInstanceStatus",
        &["OK", "InvalidParameter", "InvalidZoneId.NotFound"],
        "only how far machines are, fifty at most",
        |world| Box::pin(statuses(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn filters(world: World) -> World {
    let image = world.image(|_| {}).await;
    let second_image = world.image(|_| {}).await;
    let first = world.instance(&image, |machine| machine.name = Some("web-1".to_owned())).await;
    world.engine.pass(Duration::from_secs(1));
    let second = world
        .instance(&second_image, |machine| {
            machine.name = Some("web-2".to_owned());
            machine.status = InstanceStatus::Running;
            machine.class = "ecs.c7.large".to_owned();
            machine.tags = ["k=v".to_owned()].into();
        })
        .await;
    for (params, wanted) in [
        (vec![], vec![&second, &first]),
        (vec![("ImageId", image.as_str())], vec![&first]),
        (vec![("ImageId", "m-1")], vec![]),
        (vec![("Status", "Running")], vec![&second]),
        (vec![("InstanceName", "web-*")], vec![&second, &first]),
        (vec![("InstanceName", "web-1")], vec![&first]),
        (vec![("InstanceType", "ecs.c7.large")], vec![&second]),
        (vec![("Tag.1.Key", "k"), ("Tag.1.Value", "v")], vec![&second]),
        (vec![("Tag.1.Key", "k"), ("Status", "Stopped")], vec![]),
        (vec![("ZoneId", "local-1-a"), ("InstanceName", "*1")], vec![&first]),
        (vec![("RegionId", "local-2")], vec![]),
        (vec![("MaxResults", "1")], vec![&second]),
        (vec![("MaxResults", "1"), ("NextToken", second.as_str())], vec![&first]),
        (vec![("InstanceIds", "[]")], vec![]),
    ] {
        let found = ids(&world, "Instance", &params).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{params:?}");
    }
    let both = format!("[\"{first}\",\"{second}\",\"i-1\"]");
    assert_eq!(ids(&world, "Instance", &[("InstanceIds", &both)]).await, [second, first]);
    world
}

async fn bad_filters(world: World) -> World {
    let ids = format!("[{}]", vec!["\"i-1\""; 101].join(","));
    for (name, value, code) in [
        ("Status", "running", "InvalidParameter"),
        ("InstanceIds", "[\"i-1\"", "InvalidParameter"),
        ("InstanceIds", &ids, "InvalidParameter"),
        ("ZoneId", "elsewhere", "InvalidZoneId.NotFound"),
        ("Tag.3.Value", "v", "InvalidTag.Mismatch"),
        ("PageSize", "0", "InvalidParameter"),
        ("DryRun", "TRUE", "DryRunOperation"),
    ] {
        world.owner.ask("DescribeInstances", &[(name, value)]).await.refused(code);
    }
    world
}

async fn statuses(world: World) -> World {
    let image = world.image(|_| {}).await;
    let first = world.instance(&image, |_| {}).await;
    world.engine.pass(Duration::from_secs(1));
    let second = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
    let body = world.owner.ask("DescribeInstanceStatus", &[]).await.ok();
    assert_eq!(
        body["InstanceStatuses"]["InstanceStatus"],
        json!([{ "InstanceId": second, "Status": "Running" }, { "InstanceId": first, "Status": "Stopped" }])
    );
    let one = world.owner.ask("DescribeInstanceStatus", &[("InstanceId.2", &first)]).await.ok();
    assert_eq!((&one["TotalCount"], &one["PageSize"]), (&json!(1), &json!(10)));
    let none = world.owner.ask("DescribeInstanceStatus", &[("InstanceId.1", "i-1")]).await.ok();
    assert_eq!(none["TotalCount"], 0);
    world.owner.ask("DescribeInstanceStatus", &[("PageSize", "51")]).await.refused("InvalidParameter");
    world.owner.ask("DescribeInstanceStatus", &[("ZoneId", "x")]).await.refused("InvalidZoneId.NotFound");
    world
}
