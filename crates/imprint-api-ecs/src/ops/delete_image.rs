//! DeleteImage: an image goes away; its snapshots stay.

use imprint_model::ImageId;
use imprint_service::{Conflict, Error, Resource};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::image_codes as codes;
use crate::op::{Effect, Kind, Op, Outcome, Parameter};

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "DeleteImage",
    "Deletes one's own image; one that does not exist is deleted already.",
    |call| Box::pin(delete(call)),
)
.parameters(&[
    Parameter::text("ImageId", "The image.").required(),
    Parameter::of("Force", Kind::Truth, "Also while machines of it exist; these cannot be set back to it afterwards."),
])
.codes(&[
    conflict::IMAGE_USED,
    SHARED,
    conflict::IMAGE_COPYING,
    codes::ALREADY_IMPORTING,
    conflict::IMAGE_EXPORTING,
    conflict::IMAGE_PUBLIC,
])
.impossible(&[(code::IMAGE_NOT_FOUND, "what is not there, or not the caller's, is deleted already")])
.resources(|call| vec![call.resource("image", "ImageId")])
.faults(faults)];

const SHARED: Code = Code::new(
    403,
    "ImageUseShared",
    "The specified image has been shared to others. You can use the DescribeImageSharePermission API to query the users \
     who have been shared.",
);

async fn delete(call: Call) -> Outcome {
    let force = call.params.flag("Force")?;
    let deleted = match ImageId::read(call.params.need("ImageId")?) {
        Some(id) => call.parts.service.delete_image_as(&call.caller, &call.region, id, force, call.ask.clone()).await,
        // what is no id names nothing
        None => Err(Error::NotFound(Resource::Image(String::new()))),
    };
    match deleted {
        Ok(()) => Ok(json!({})),
        Err(Error::NotFound(Resource::Image(_)) | Error::Gone) if call.ask.dry_run => Err(Error::DryRun.into()),
        Err(Error::NotFound(Resource::Image(_)) | Error::Gone) => Ok(json!({})),
        Err(error) => Err(error.into()),
    }
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    matches!(error, Error::Conflict(Conflict::ImageShared)).then(|| SHARED.fault())
}
