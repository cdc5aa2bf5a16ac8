//! `DescribeTaskAttribute`: how far one import, export or copy to another installation is.

use imprint_model::JobId;

use crate::call::Call;
use crate::fault::code;
use crate::op::{Effect, Op, Outcome, Parameter, Region};
use crate::ops::describe_tasks::REGION_NOT_FOUND;
use crate::tasks::{self, TaskAction};

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[Op::ecs(
    Effect::Reads,
    "DescribeTaskAttribute",
    "How far one import, export or copy to another installation is.",
    |call| Box::pin(describe(call)),
)
// terraform leaves it out
.region(Region::Optional { unknown: REGION_NOT_FOUND })
.parameters(&[Parameter::text("TaskId", "The task.").required()])
.codes(&[REGION_NOT_FOUND, code::TASK_NOT_FOUND])];

async fn describe(call: Call) -> Outcome {
    let id: JobId = call.id("TaskId", code::TASK_NOT_FOUND)?;
    let job = call.parts.service.job(&call.caller, id).await?;
    let action = TaskAction::of(&job).ok_or_else(|| code::TASK_NOT_FOUND.fault())?;
    Ok(tasks::details(&job, action, &call.region))
}
