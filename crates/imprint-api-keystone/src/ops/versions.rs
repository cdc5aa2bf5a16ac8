//! What clients fetch first, without a token: which version there is and where.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use serde_json::{Value, json};

use super::{Act, Outcome, Row};
use crate::parts::Parts;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Op::new("list_versions", Method::GET, "/identity", Act::Open(|parts, request| Box::pin(list(parts, request)))),
        Op::new(
            "show_version",
            Method::GET,
            "/identity/v3",
            Act::Open(|parts, request| Box::pin(show(parts, request))),
        ),
    ]
}

async fn list(parts: Arc<Parts>, request: Request) -> Outcome {
    let body = json!({"versions": {"values": [version(&parts, &request)]}});
    Ok(Response::json(StatusCode::MULTIPLE_CHOICES, &body))
}

async fn show(parts: Arc<Parts>, request: Request) -> Outcome {
    Ok(Response::json(StatusCode::OK, &json!({"version": version(&parts, &request)})))
}

fn version(parts: &Parts, request: &Request) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{}/", parts.v3_url(request))}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}
