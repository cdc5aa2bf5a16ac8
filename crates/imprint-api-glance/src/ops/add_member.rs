//! `POST /v2/images/{id}/members`: offers an image to another project.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, ProjectId};
use imprint_service::{Error, Field};
use serde_json::{Map, Value};

use super::list_members::member_response;
use super::{Outcome, Row, asked, image_id};
use crate::body;
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[Op::new("add_member", Method::POST, "/v2/images/{id}/members", asked!(add_member))];

async fn add_member(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let project = read(&body::read_object(&mut request).await?)?;
    let id = image_id(&request)?;
    let member = parts.service.add_member(&caller, id, project.clone()).await.map_err(|error| match error {
        Error::Duplicate(Field::Member) => Refusal::conflict(format!("Member {project} is duplicated for image {id}")),
        other => other.into(),
    })?;
    Ok(member_response(&member))
}

fn read(object: &Map<String, Value>) -> Result<ProjectId, Refusal> {
    match object.get("member") {
        None => Err(Refusal::bad_request("Member to be added not specified")),
        Some(Value::String(member)) if member.is_empty() => Err(Refusal::bad_request("Member can't be empty")),
        Some(Value::String(member)) => Ok(ProjectId(member.clone())),
        Some(_) => Err(Refusal::bad_request("Expected a member in the form: {\"member\": \"project id\"}")),
    }
}
