//! `POST /v2/images/{id}/actions/reactivate`: gives a deactivated image's data out again.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, done, image_id};
use crate::error::status_forbids;
use crate::parts::Parts;

pub(super) const OPS: &[Row] =
    &[Op::new("reactivate_image", Method::POST, "/v2/images/{id}/actions/reactivate", asked!(reactivate))];

async fn reactivate(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let id = image_id(&request)?;
    parts.service.reactivate(&caller, id).await.map_err(status_forbids("Not allowed to reactivate image."))?;
    Ok(done())
}
