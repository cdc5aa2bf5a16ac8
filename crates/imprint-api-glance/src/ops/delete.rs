//! `DELETE /v2/images/{id}`: takes an image away.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;
use imprint_service::Error;

use super::{Outcome, Row, asked, done, image_id};
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new("delete_image", Method::DELETE, "/v2/images/{id}", asked!(delete))];

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let id = image_id(&request)?;
    parts.service.delete_image(&caller, id).await.map_err(|error| match error {
        Error::Protected => Refusal::forbidden(format!("Image {id} is protected and cannot be deleted.")),
        other => other.into(),
    })?;
    Ok(done())
}
