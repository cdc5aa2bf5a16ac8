//! Changing the attributes of one image.

use http::Method;

use crate::answer;
use crate::call::Call;
use crate::fault::code;
use crate::op::{Family, IMAGE_ID, Op, Outcome, run};
use crate::view::{self, Look};

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Images,
    "update_image",
    Method::PATCH,
    "/v2/cloudimages/{image_id}",
    "Changes attributes of one image, all or none of them.",
    run!(update),
)
.parameters(&[IMAGE_ID])
.codes(&[code::EMPTY_BODY, code::IMAGE_NOT_FOUND])];

async fn update(call: Call) -> Outcome {
    let id = call.image_id()?;
    call.json()?;
    let image = call.parts.service.show_image(&call.caller, id).await?;
    let look = Look { project: call.caller.project.as_ref(), shared: false };
    Ok(answer::written(http::StatusCode::OK, view::image(&image, look)))
}
