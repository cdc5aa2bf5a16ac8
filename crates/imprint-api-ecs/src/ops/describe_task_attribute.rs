//! `DescribeTaskAttribute`: how far one import, export or copy to another installation is.

use imprint_model::JobId;

use crate::call::Call;
use crate::fault::code;
use crate::image_codes as codes;
use crate::op::{Effect, Op, Outcome, Parameter, Region};
use crate::tasks::{self, TaskAction};

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[Op::ecs(
    Effect::Reads,
    "DescribeTaskAttribute",
    "How far one import, export or copy to another installation is.",
    |call| Box::pin(describe(call)),
)
// terraform leaves it out
.region(Region::Optional { unknown: codes::BAD_REGION })
.parameters(&[Parameter::text("TaskId", "The task.").required()])
.codes(&[codes::BAD_REGION, code::TASK_NOT_FOUND])];

async fn describe(call: Call) -> Outcome {
    let id: JobId = call.id("TaskId", code::TASK_NOT_FOUND)?;
    let job = call.parts.service.job(&call.caller, id).await?;
    let action = TaskAction::of(&job).ok_or_else(|| code::TASK_NOT_FOUND.fault())?;
    Ok(tasks::details(&job, action, &call.region))
}
