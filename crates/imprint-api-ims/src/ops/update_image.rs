//! Changing the attributes of one image. Every error in a request is found before anything is changed, and all of it is
//! carried out in one transaction: all or nothing.

pub(super) mod read;

use http::{Method, StatusCode};
use imprint_model::{Image, ImageId};
use imprint_service::{Ask, Error, UpdateRules};

use crate::answer;
use crate::attributes::EXCLUSIVE;
use crate::call::Call;
use crate::fault::{Fault, code};
use crate::op::{Family, IMAGE_ID, Op, Outcome, run};
use crate::view::{self, Look};

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Images,
    "update_image",
    Method::PATCH,
    "/v2/cloudimages/{image_id}",
    "Changes attributes of one image, all or none of them: the body is an array of `{op, path, value}`, in which `op` is \
     `add`, `replace` or `remove`, and `path` is `/` and the name of an attribute.",
    run!(update),
)
.parameters(&[IMAGE_ID])
.codes(&[
    code::EMPTY_BODY,
    code::NAME_TOO_LONG,
    code::NAME_FORMAT,
    code::NAME_MISSING,
    code::DESCRIPTION_TOO_LONG,
    code::DESCRIPTION_FORMAT,
    code::BAD_SIZE,
    code::BAD_FIRMWARE,
    code::ENTERPRISE_PROJECT,
    code::ATTRIBUTE_CONFLICT,
    code::IMAGE_UNAVAILABLE,
    code::IMAGE_NOT_FOUND,
    code::NOT_OWNER,
    code::FORBIDDEN,
])
.faults(faults)];

async fn update(call: Call) -> Outcome {
    let id = call.image_id()?;
    let changes = read::changes(&call)?;
    let rules = UpdateRules { only_available: true, exclusive: EXCLUSIVE, ..UpdateRules::default() };
    let changed = call.parts.service.update_image_as(&call.caller, id, changes, rules, Ask::default()).await;
    let image = match changed {
        Ok(image) => image,
        Err(Error::Denied(_)) => return Err(denied(&call, id).await.into()),
        Err(error) => return Err(error.into()),
    };
    let written = show(&call, &image).await?;
    Ok(answer::written(StatusCode::OK, written))
}

/// The image as it is now.
async fn show(call: &Call, image: &Image) -> Result<Vec<u8>, Error> {
    let known = call.parts.service.annotate(&call.caller, std::slice::from_ref(image)).await?;
    let shared = known.first().is_some_and(|known| known.shared);
    Ok(view::image(image, Look { project: call.caller.project.as_ref(), shared }))
}

/// Why a caller who sees the image may not change it: it is another's, or policies or roles forbid it.
async fn denied(call: &Call, id: ImageId) -> Fault {
    match call.parts.service.show_image(&call.caller, id).await {
        Ok(image) if call.caller.acts_for(&image.owner) => code::FORBIDDEN.fault(),
        Ok(_) => code::NOT_OWNER.fault(),
        Err(error) => error.into(),
    }
}

pub(super) fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::PropertyPresent(name) => {
            Some(code::ATTRIBUTE_CONFLICT.with_message(format!("The attribute {name} cannot be on the same image.")))
        }
        // the engine counts machines that were made of the image
        Error::Conflict(imprint_service::Conflict::ImageUsedByInstance) => Some(
            code::ATTRIBUTE_CONFLICT.with_message("The boot mode of an image that a server uses cannot be changed."),
        ),
        _ => None,
    }
}
