//! `DescribeRegions`: where this installation keeps things.

use serde_json::json;

use crate::call::Call;
use crate::op::{Effect, Op, Outcome, Parameter, Region};

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeRegions", "The regions of this installation.", |call| {
        Box::pin(async move { describe(&call) })
    })
    .region(Region::Ignored)
    .parameters(&[
        Parameter::text("InstanceChargeType", "Accepted; every region serves every kind."),
        Parameter::text("ResourceType", "Accepted; every region serves every kind."),
        Parameter::text("AcceptLanguage", "Accepted; names are not translated."),
    ])];

fn describe(call: &Call) -> Outcome {
    let shown = |region: &String| json!({ "RegionId": region, "LocalName": region, "RegionEndpoint": call.host, "Status": "available" });
    let regions: Vec<_> = call.parts.regions().iter().map(shown).collect();
    Ok(json!({ "Regions": { "Region": regions } }))
}
