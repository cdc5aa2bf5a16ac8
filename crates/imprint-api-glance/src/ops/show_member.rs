//! `GET /v2/images/{id}/members/{member}`: one sharing.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, ProjectId};
use imprint_service::{Error, Resource};

use super::list_members::member_response;
use super::{Outcome, Row, asked, image_id};
use crate::parts::Parts;

pub(super) const OPS: &[Row] =
    &[Op::new("show_member", Method::GET, "/v2/images/{id}/members/{member}", asked!(show_member))];

async fn show_member(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let project = ProjectId(request.param("member").to_owned());
    let member = parts.service.member(&caller, image_id(&request)?, &project).await.map_err(|error| match error {
        // who may not look is not told whether there is something to see
        Error::Denied(_) => Error::NotFound(Resource::Member(project.to_string())),
        other => other,
    })?;
    Ok(member_response(&member))
}
