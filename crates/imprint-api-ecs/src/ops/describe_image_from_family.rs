//! DescribeImageFromFamily: the image that a family stands for now.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::op::{Effect, Op, Outcome, Parameter};
use crate::view;

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Reads,
    "DescribeImageFromFamily",
    "Shows the newest available image of a family: one's own before those of others.",
    |call| Box::pin(describe(call)),
)
.parameters(&[Parameter::text("ImageFamily", "The family.").required()])];

async fn describe(call: Call) -> Outcome {
    let family = call.params.need("ImageFamily")?;
    let newest = call.parts.service.image_of_family(&call.caller, &call.region, family).await?;
    let image = match newest {
        Some(image) => view::of_family(&call, image).await?,
        // clients look for an image without an id
        None => Map::new(),
    };
    Ok(json!({ "Image": Value::Object(image) }))
}
