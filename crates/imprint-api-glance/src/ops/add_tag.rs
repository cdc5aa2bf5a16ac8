//! `PUT /v2/images/{id}/tags/{tag}`: one more tag.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::Caller;

use super::{Outcome, Row, asked, done, image_id};
use crate::attributes;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new("add_tag", Method::PUT, "/v2/images/{id}/tags/{tag}", asked!(add_tag))];

async fn add_tag(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let tag = attributes::tag(request.param("tag").into())?;
    parts.service.add_tag(&caller, image_id(&request)?, tag).await?;
    Ok(done())
}
