//! `GET /v2/images/{id}/members`: who an image is shared with.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Member};

use super::{Outcome, Row, asked, image_id};
use crate::parts::Parts;
use crate::view;

pub(super) const OPS: &[Row] = &[Op::new("list_members", Method::GET, "/v2/images/{id}/members", asked!(list))];

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let members = parts.service.members(&caller, image_id(&request)?).await?;
    let mut out = b"{\"members\":[".to_vec();
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        view::write_member(&mut out, member);
    }
    out.extend_from_slice(b"],\"schema\":\"/v2/schemas/members\"}");
    Ok(Response::full(StatusCode::OK, "application/json", out))
}

/// An answer of one sharing.
pub(super) fn member_response(member: &Member) -> Response {
    let mut out = Vec::new();
    view::write_member(&mut out, member);
    Response::full(StatusCode::OK, "application/json", out)
}
