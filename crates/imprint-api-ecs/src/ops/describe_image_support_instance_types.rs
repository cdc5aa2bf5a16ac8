//! DescribeImageSupportInstanceTypes: the sizes of machines an image runs on.

use imprint_model::{Facts, ImageId};
use serde_json::json;

use crate::call::Call;
use crate::fault::code;
use crate::instance_types;
use crate::op::{Effect, Op, Outcome, Parameter};

pub(super) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeImageSupportInstanceTypes", "Lists the types that an image runs on.", |call| {
        Box::pin(describe(call))
    })
    .parameters(&[
        Parameter::text("ImageId", "The image; without one, every type is listed."),
        Parameter::text("ActionType", "`CreateEcs` or `ChangeOS`; the same types serve both."),
        Parameter::text("Filter.N.Key", "Has no effect."),
        Parameter::text("Filter.N.Value", "Has no effect."),
    ])
    .codes(&[code::IMAGE_NOT_FOUND])
    .resources(|call| vec![call.resource("image", "ImageId")])];

async fn describe(call: Call) -> Outcome {
    let facts = facts(&call).await?;
    let types: Vec<_> = instance_types::all()
        .iter()
        .filter(|known| facts.as_ref().is_none_or(|facts| known.runs(facts)))
        .map(|known| {
            json!({
                "InstanceTypeId": known.id,
                "InstanceTypeFamily": known.family.id,
                "CpuCoreCount": known.cpus,
                "MemorySize": known.memory_gib(),
            })
        })
        .collect();
    Ok(json!({
        "ImageId": call.params.text("ImageId").unwrap_or_default(),
        "RegionId": call.region,
        "InstanceTypes": { "InstanceType": types },
    }))
}

async fn facts(call: &Call) -> Result<Option<Facts>, crate::error::Problem> {
    if call.params.text("ImageId").is_none() {
        return Ok(None);
    }
    let id: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let image = call.parts.service.show_image(&call.caller, id).await?;
    if image.region == call.region { Ok(Some(image.facts)) } else { Err(code::IMAGE_NOT_FOUND.fault().into()) }
}
