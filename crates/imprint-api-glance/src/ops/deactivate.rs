//! `POST /v2/images/{id}/actions/deactivate`: keeps an image's data from all but administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, done, image_id};
use crate::error::status_forbids;
use crate::parts::Parts;

pub(super) const OPS: &[Row] =
    &[Op::new("deactivate_image", Method::POST, "/v2/images/{id}/actions/deactivate", asked!(deactivate))];

async fn deactivate(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let id = image_id(&request)?;
    parts.service.deactivate(&caller, id).await.map_err(status_forbids("Not allowed to deactivate image."))?;
    Ok(done())
}
