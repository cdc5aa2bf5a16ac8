//! CancelCopyImage: an unfinished copy goes away again; what it was to be a copy of stays.

use imprint_model::ImageId;
use imprint_service::{Conflict, Error};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::op::{Effect, Op, Outcome, Parameter, Region};

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "CancelCopyImage",
    "Ends a copy that is under way and deletes what there is of it.",
    |call| Box::pin(cancel(call)),
)
.region(Region::OrElsewhere { missing: code::MISSING_PARAMETER, unknown: code::REGION_NOT_FOUND })
.parameters(&[
    Parameter::text("ImageId", "The copy; `RegionId` is its region, which may be another installation.").required()
])
.codes(&[
    conflict::IMAGE_NOT_COPY,
    conflict::COPY_FAILED,
    conflict::COPY_COMPLETED,
    CANNOT_CANCEL,
    code::IMAGE_NOT_FOUND,
])
.resources(|call| vec![call.resource("image", "ImageId")])
.faults(faults)];

const CANNOT_CANCEL: Code = Code::new(400, "CancelNotSupported", "The specified image coping can not be cancelled.");

async fn cancel(call: Call) -> Outcome {
    let id: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    if call.ask.dry_run {
        // the API knows no dry run of it; whoever asks for one wants nothing changed
        return Err(Error::DryRun.into());
    }
    match call.parts.service.is_elsewhere(&call.region) {
        true => call.parts.service.cancel_copy_elsewhere(&call.caller, &call.region, id).await?,
        false => call.parts.service.cancel_copy(&call.caller, &call.region, id).await?,
    }
    Ok(json!({}))
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    matches!(error, Error::Conflict(Conflict::JobNotStoppable)).then(|| CANNOT_CANCEL.fault())
}
