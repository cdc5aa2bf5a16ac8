//! `CancelTask`: stops an import, an export or a copy to another installation. An image that was being imported or
//! copied goes with its task.

use imprint_model::JobId;
use imprint_service::{Conflict, Error};
use serde_json::json;

use crate::call::Call;
use crate::fault::{Code, code};
use crate::image_codes as codes;
use crate::op::{Effect, Op, Outcome, Parameter, Region};
use crate::tasks::{self, TaskAction};

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "CancelTask",
    "Stops an import or a copy to another installation, whose image goes with it, or an export.",
    |call| Box::pin(cancel(call)),
)
.region(Region::Required { missing: code::MISSING_PARAMETER, unknown: codes::BAD_REGION })
.parameters(&[Parameter::text("TaskId", "The task.").required()])
.codes(&[codes::BAD_REGION, code::TASK_NOT_FOUND, WRONG_ACTION, WRONG_STATUS])
.impossible(&[(
    Code::new(403, "CancelTaskFailed", "The task is failed to cancel."),
    "a task that can be stopped is stopped",
)])
.faults(|error| match error {
    Error::Conflict(Conflict::JobNotStoppable) => Some(WRONG_STATUS.fault()),
    _ => None,
})];

const WRONG_ACTION: Code =
    Code::new(403, "InvalidTaskId.TaskActionNotSupport", "The specified task action does not support this operation.");
const WRONG_STATUS: Code =
    Code::new(403, "InvalidTaskId.IncorrectTaskStatus", "The specified task status does not support this operation.");

async fn cancel(call: Call) -> Outcome {
    let id: JobId = call.id("TaskId", code::TASK_NOT_FOUND)?;
    let job = call.parts.service.job(&call.caller, id).await?;
    TaskAction::of(&job).ok_or_else(|| code::TASK_NOT_FOUND.fault())?;
    if !tasks::kind_is_stoppable(&job) {
        return Err(WRONG_ACTION.fault().into());
    }
    if job.state.has_ended() {
        return Err(WRONG_STATUS.fault().into());
    }
    if call.ask.dry_run {
        return Err(Error::DryRun.into());
    }
    call.parts.service.cancel_job(&call.caller, id).await?;
    Ok(json!({}))
}
