//! Regions, zones and the sizes machines come in.

use serde_json::json;

use super::{Case, case};
use crate::tests::World;
use crate::tests::client::HOST;

pub(super) const CASES: &[Case] = &[
    case("DescribeRegions", &["OK", "DryRunOperation"], "every region is told, with where to reach it", |world| {
        Box::pin(regions(world))
    }),
    case(
        "DescribeZones",
        &["OK", "MissingParameter", "InvalidRegionId.NotFound"],
        "a region has one zone, which has every type and category",
        |world| Box::pin(zones(world)),
    ),
    case("DescribeInstanceTypes", &["OK", "InvalidParameter"], "types are told apart by what filters ask", |world| {
        Box::pin(types(world))
    }),
    case(
        "DescribeInstanceTypes",
        &["OK", "InvalidNextToken.Malformed", "InvalidParameter.MaxResults"],
        "pages by token hold every type once",
        |world| Box::pin(type_pages(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn regions(world: World) -> World {
    let body = world.owner.ask_plainly("DescribeRegions", &[]).await.ok();
    let region = |id: &str| json!({ "RegionId": id, "LocalName": id, "RegionEndpoint": HOST, "Status": "available" });
    assert_eq!(body["Regions"]["Region"], json!([region("local-1"), region("local-2")]));
    world.owner.ask_plainly("DescribeRegions", &[("DryRun", "true")]).await.refused("DryRunOperation");
    world
}

async fn zones(world: World) -> World {
    let body = world.owner.ask("DescribeZones", &[("RegionId", "local-2")]).await.ok();
    let zone = &body["Zones"]["Zone"][0];
    assert_eq!(zone["ZoneId"], "local-2-a");
    assert_eq!(body["Zones"]["Zone"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        zone["AvailableDiskCategories"]["DiskCategories"],
        json!(["cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto"])
    );
    assert_eq!(zone["AvailableInstanceTypes"]["InstanceTypes"][0], "ecs.g7.large");
    world.owner.ask_plainly("DescribeZones", &[]).await.refused("MissingParameter");
    world.owner.ask("DescribeZones", &[("RegionId", "LOCAL-1")]).await.refused("InvalidRegionId.NotFound");
    world
}

/// The ids of the types that answer a question.
async fn ids(world: &World, params: &[(&str, &str)]) -> (Vec<String>, String) {
    let body = world.owner.ask("DescribeInstanceTypes", params).await.ok();
    let found = body["InstanceTypes"]["InstanceType"].as_array().expect("a list");
    let ids = found.iter().map(|found| found["InstanceTypeId"].as_str().expect("an id").to_owned()).collect();
    (ids, body["NextToken"].as_str().expect("a token").to_owned())
}

async fn types(world: World) -> World {
    let named = [("InstanceTypes.1", "ecs.g8y.large"), ("InstanceTypes.3", "ecs.nosuch.large")];
    let body = world.owner.ask("DescribeInstanceTypes", &named).await.ok();
    let found = &body["InstanceTypes"]["InstanceType"];
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["CpuArchitecture"], "ARM");
    assert_eq!(found[0]["CpuCoreCount"], 2);
    assert_eq!(found[0]["MemorySize"].as_f64(), Some(8.0));
    assert_eq!(found[0]["NvmeSupport"], "required");
    assert_eq!(found[0]["SupportedBootModes"]["SupportedBootMode"], json!(["UEFI"]));
    let (small, _) = ids(&world, &[("MaximumMemorySize", "0.5")]).await;
    assert_eq!(small, ["ecs.t6-c4m1.large"]);
    let large = [("CpuArchitecture", "X86"), ("MinimumCpuCoreCount", "32"), ("InstanceTypeFamily", "ecs.g7")];
    assert_eq!(ids(&world, &large).await.0, ["ecs.g7.8xlarge"]);
    let (none, _) = ids(&world, &[("CpuArchitecture", "ARM"), ("NvmeSupport", "unsupported")]).await;
    assert!(none.is_empty());
    for bad in [("CpuArchitecture", "arm"), ("NvmeSupport", "yes"), ("MinimumMemorySize", "NaN")] {
        world.owner.ask("DescribeInstanceTypes", &[bad]).await.refused("InvalidParameter");
    }
    world
}

async fn type_pages(world: World) -> World {
    let (all, end) = ids(&world, &[]).await;
    assert_eq!(end, "");
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = ids(&world, &[("MaxResults", "7"), ("NextToken", &token)]).await;
        assert!(page.len() <= 7);
        paged.extend(page);
        if next.is_empty() {
            break;
        }
        token = next;
    }
    assert_eq!(paged, all);
    world.owner.ask("DescribeInstanceTypes", &[("NextToken", "x")]).await.refused("InvalidNextToken.Malformed");
    world.owner.ask("DescribeInstanceTypes", &[("MaxResults", "0")]).await.refused("InvalidParameter.MaxResults");
    world
}
