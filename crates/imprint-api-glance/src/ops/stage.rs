//! `PUT /v2/images/{id}/stage`: bytes put aside for a later import.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, done, image_id};
use crate::data;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new("stage_image", Method::PUT, "/v2/images/{id}/stage", asked!(stage))];

async fn stage(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    data::require_octets(&request)?;
    let declared_bytes = data::declared_bytes(&request)?;
    let upload = parts.service.begin_staging(&caller, image_id(&request)?, declared_bytes).await?;
    // by itself on the heap: it holds all that writes, which is too large to be moved about
    Box::pin(data::receive(request, upload)).await?;
    Ok(done())
}
