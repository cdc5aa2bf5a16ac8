//! `GET /v2/images/{id}`: one image.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, image_id, image_response};
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new("show_image", Method::GET, "/v2/images/{id}", asked!(show))];

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let image = parts.service.show_image(&caller, image_id(&request)?).await?;
    Ok(image_response(StatusCode::OK, &image))
}
