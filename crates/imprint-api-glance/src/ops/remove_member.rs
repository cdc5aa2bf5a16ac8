//! `DELETE /v2/images/{id}/members/{member}`: takes an offer back.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, ProjectId};

use super::{Outcome, Row, asked, done, image_id};
use crate::parts::Parts;

pub(super) const OPS: &[Row] =
    &[Op::new("remove_member", Method::DELETE, "/v2/images/{id}/members/{member}", asked!(remove_member))];

async fn remove_member(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let project = ProjectId(request.param("member").to_owned());
    parts.service.remove_member(&caller, image_id(&request)?, &project).await?;
    Ok(done())
}
