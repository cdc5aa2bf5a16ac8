//! `/v2/images/{id}/locations`: where else an image's data is. It never is anywhere else: data is brought in, not pointed
//! to, and where the store keeps it is nobody's business.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Status, role};
use imprint_service::Error;
use serde_json::json;

use super::{Outcome, Row, asked, image_id};
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[
    Op::new("list_locations", Method::GET, "/v2/images/{id}/locations", asked!(list)),
    Op::new("add_location", Method::POST, "/v2/images/{id}/locations", asked!(add)),
];

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.show_image(&caller, image_id(&request)?).await?;
    if !caller.is_admin() && !caller.has_role(role::SERVICE) {
        return Err(Refusal::forbidden("You are not authorized to complete this action."));
    }
    Ok(Response::json(StatusCode::OK, &json!([])))
}

/// What is sent is not looked at: no location is one that could be added.
async fn add(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let image = parts.service.show_image(&caller, image_id(&request)?).await?;
    if image.status != Status::Queued {
        return Err(Error::WrongStatus(image.status).into());
    }
    Err(Refusal::forbidden("Locations cannot be added: no http store is configured."))
}
