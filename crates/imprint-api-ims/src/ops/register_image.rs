//! A file for an image that has a record and waits for its data.

use http::Method;
use imprint_service::{Error, ImportImage, ImportSource, JobMark};
use serde_json::Value;

use super::jobs::{label, started};
use super::making::body::Members;
use super::making::place::{self, Speed};
use super::making::{count, joined};
use crate::call::Call;
use crate::fault::{Code, code};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Creation,
    "register_image",
    Method::PUT,
    "/v1/cloudimages/{image_id}/upload",
    "Gives an image that is queued the bytes of a file in a bucket; a job. What format the file has is found out, \
     whatever the image said of it before; a disc is one only where the image says so.",
    run!(register),
)
.parameters(&[IMAGE_ID, Parameter::body("image_url", "The file: `bucket:object`.").required()])
.codes(CODES)];

const LISTS: &[&[Code]] = &[
    place::SOURCE_CODES,
    &[code::EMPTY_BODY, code::IMAGE_NOT_FOUND, code::IMAGE_UNAVAILABLE, code::NOT_OWNER, code::FLOW_CONTROL],
];
const CODES: &[Code] = &joined::<{ count(LISTS) }>(LISTS);

async fn register(call: Call) -> Outcome {
    let id = call.image_id()?;
    let body = call.object()?;
    let place = place::source(Members(&body))?;
    let image = call.parts.service.show_image(&call.caller, id).await?;
    if !call.caller.acts_for(&image.owner) {
        return Err(code::NOT_OWNER.fault().into());
    }
    if image.status != imprint_model::Status::Queued {
        return Err(Error::WrongStatus(image.status).into());
    }
    super::making::body::require_maker(&call)?;
    place::check(&call, &place, Speed::Usual).await?;
    let wanted =
        ImportImage { source: ImportSource::Object { place, as_found: true }, request: Value::Null, credential: None };
    let mark = JobMark::new(label::REGISTER);
    let job = call.parts.service.import_image_as(&call.caller, id, wanted, mark).await?;
    Ok(started(job.id))
}
