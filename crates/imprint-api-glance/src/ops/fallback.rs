//! What is answered when no path of the registry fits: the choice of versions outside of the API, and inside of it a
//! refusal that only the authenticated learn.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;

use super::{Act, Outcome, Row, asked};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::versions;

/// Place of the answer to an unknown path of the API.
pub(crate) const UNKNOWN_PATH: usize = 0;
/// Place of the answer to a known path with a method it does not answer.
pub(crate) const WRONG_METHOD: usize = 1;
/// Place of the answer to any other path.
pub(crate) const CHOOSE_VERSION: usize = 2;

/// The parameter that carries the methods a path does answer.
pub(crate) const ALLOW: &str = "allow";

/// The rows, by their places. Their paths are for documentation: routing does not read them.
pub(crate) fn rows() -> [Row; 3] {
    [
        Op::new("unknown_path", Method::GET, "/v2/{*any}", asked!(unknown_path)),
        Op::new("wrong_method", Method::HEAD, "/v2/images", asked!(wrong_method)),
        Op::new(
            "choose_version",
            Method::GET,
            "/{*any}",
            Act::Open(|parts, request| Box::pin(async move { choose_version(&parts, &request) })),
        ),
    ]
}

async fn unknown_path(_parts: Arc<Parts>, _caller: Caller, _request: Request) -> Outcome {
    Err(Refusal::not_found("The resource could not be found."))
}

async fn wrong_method(_parts: Arc<Parts>, _caller: Caller, request: Request) -> Outcome {
    let refusal = Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("The method {} is not allowed for this resource.", request.method),
    );
    match HeaderValue::from_str(request.param(ALLOW)) {
        Ok(allow) => Err(refusal.with_header(header::ALLOW, allow)),
        Err(_) => Err(refusal),
    }
}

/// The version document as a choice to make.
pub(crate) fn choose_version(parts: &Parts, request: &Request) -> Response {
    Response::full(StatusCode::MULTIPLE_CHOICES, "application/json", versions::document(&parts.base_url(request)))
}
