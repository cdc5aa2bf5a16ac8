//! `DescribeRegions`: where this installation keeps things, and the other installations that it copies images to.

use serde_json::json;

use crate::call::Call;
use crate::op::{Effect, Op, Outcome, Parameter, Region};

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[Op::ecs(
    Effect::Reads,
    "DescribeRegions",
    "The regions of this installation, and the other installations that images can be copied to.",
    |call| Box::pin(async move { describe(&call) }),
)
.region(Region::Ignored)
.parameters(&[
    Parameter::text("InstanceChargeType", "Accepted; every region serves every kind."),
    Parameter::text("ResourceType", "Accepted; every region serves every kind."),
    Parameter::text("AcceptLanguage", "Accepted; names are not translated."),
])];

fn describe(call: &Call) -> Outcome {
    let shown = |region: &String| json!({ "RegionId": region, "LocalName": region, "RegionEndpoint": call.host, "Status": "available" });
    let elsewhere = |(region, url): (&str, &str)| json!({ "RegionId": region, "LocalName": region, "RegionEndpoint": host_of(url), "Status": "available" });
    let own = call.parts.regions().iter().map(shown);
    let regions: Vec<_> = own.chain(call.parts.service.regions_elsewhere().map(elsewhere)).collect();
    Ok(json!({ "Regions": { "Region": regions } }))
}

/// Host and port of a URL, as endpoints are told.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}
