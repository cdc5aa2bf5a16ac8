//! `PUT /v2/images/{id}/members/{member}`: what a project makes of an image that was offered to it.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, MemberStatus, ProjectId};
use serde_json::{Map, Value};

use super::list_members::member_response;
use super::{Outcome, Row, asked, image_id};
use crate::body;
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] =
    &[Op::new("set_member_status", Method::PUT, "/v2/images/{id}/members/{member}", asked!(set_member_status))];

async fn set_member_status(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let status = read(&body::read_object(&mut request).await?)?;
    let project = ProjectId(request.param("member").to_owned());
    let member = parts.service.set_member_status(&caller, image_id(&request)?, &project, status).await?;
    Ok(member_response(&member))
}

fn read(object: &Map<String, Value>) -> Result<MemberStatus, Refusal> {
    let status = object.get("status").ok_or_else(|| Refusal::bad_request("Status not specified"))?;
    status.as_str().and_then(|word| word.parse().ok()).ok_or_else(|| {
        Refusal::bad_request("Incorrect request: status must be \"pending\", \"accepted\" or \"rejected\".")
    })
}
