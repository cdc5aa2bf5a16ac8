//! `GET /healthcheck`: whether a load balancer should send requests here.

use http::{Method, StatusCode};
use imprint_http::{Op, Response};

use super::{Act, Row};

pub(super) const OPS: &[Row] = &[Op::new(
    "healthcheck",
    Method::GET,
    "/healthcheck",
    Act::Open(|_parts, _request| {
        Box::pin(async { Response::full(StatusCode::OK, "text/plain; charset=UTF-8", &b"OK"[..]) })
    }),
)];
