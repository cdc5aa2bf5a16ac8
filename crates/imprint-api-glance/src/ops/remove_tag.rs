//! `DELETE /v2/images/{id}/tags/{tag}`: one tag less.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, done, image_id};
use crate::parts::Parts;

pub(super) const OPS: &[Row] =
    &[Op::new("remove_tag", Method::DELETE, "/v2/images/{id}/tags/{tag}", asked!(remove_tag))];

async fn remove_tag(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.remove_tag(&caller, image_id(&request)?, request.param("tag")).await?;
    Ok(done())
}
