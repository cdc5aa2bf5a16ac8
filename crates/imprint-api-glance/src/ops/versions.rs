//! `GET /`, `GET /versions`: which versions there are. `GET /v2`: where the API is.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;

use super::{Act, Outcome, Row, asked, fallback};
use crate::parts::Parts;
use crate::versions;

pub(super) const OPS: &[Row] = &[
    Op::new(
        "root",
        Method::GET,
        "/",
        Act::Open(|parts, request| Box::pin(async move { fallback::choose_version(&parts, &request) })),
    ),
    Op::new(
        "list_versions",
        Method::GET,
        "/versions",
        Act::Open(|parts, request| Box::pin(async move { list_versions(&parts, &request) })),
    ),
    Op::new("find_api", Method::GET, "/v2", asked!(find_api)),
];

fn list_versions(parts: &Parts, request: &Request) -> Response {
    Response::full(StatusCode::OK, "application/json", versions::document(&parts.base_url(request)))
}

async fn find_api(parts: Arc<Parts>, _caller: Caller, request: Request) -> Outcome {
    let location = format!("{}/v2/", parts.base_url(&request));
    Ok(Response::new(StatusCode::FOUND).with_text_header(header::LOCATION, &location))
}
