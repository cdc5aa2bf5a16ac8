//! Whose an image is to whoever asks, as this API tells it apart: not there, another's, or not to be touched.

use imprint_model::{Image, ImageId};
use imprint_service::Error;

use crate::call::Call;
use crate::error::Problem;
use crate::fault::code;

/// An image that the caller's project owns.
///
/// # Errors
/// 404 `IMG.0027`, 403 `IMG.0047`.
pub(crate) async fn own_image(call: &Call, id: ImageId) -> Result<Image, Problem> {
    let image = call.parts.service.show_image(&call.caller, id).await?;
    if call.caller.acts_for(&image.owner) { Ok(image) } else { Err(code::NOT_OWNER.fault().into()) }
}

/// The same of an error of the engine: a refusal that comes of the image being another's says so.
pub(crate) async fn settle(call: &Call, id: ImageId, error: Error) -> Problem {
    if !matches!(error, Error::Denied(_)) {
        return error.into();
    }
    match own_image(call, id).await {
        Ok(_) => error.into(),
        Err(problem) => problem,
    }
}
