//! How answers are written: JSON, the two kinds of refusals, and the request's id on each. Never here: what is answered.

use http::{HeaderName, StatusCode};
use imprint_http::Response;
use serde::Serialize;
use serde_json::json;

use crate::fault::{Fault, Form};

/// The header that tells a client which request this was.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The media type of all answers.
pub(crate) const JSON: &str = "application/json";

/// An answer with JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    Response::json(status, value)
}

/// 200 with JSON.
pub(crate) fn ok(value: &impl Serialize) -> Response {
    json(StatusCode::OK, value)
}

/// 200 with JSON that is written already.
pub(crate) fn written(status: StatusCode, text: Vec<u8>) -> Response {
    Response::full(status, JSON, text)
}

/// 204.
pub(crate) fn done() -> Response {
    Response::new(StatusCode::NO_CONTENT)
}

/// A refusal.
pub(crate) fn refusal(fault: Fault, request_id: &str) -> Response {
    let Fault { status, code, message, form, cause } = fault;
    let response = match form {
        Form::Service => json(status, &json!({ "error": { "message": message, "code": code } })),
        Form::Gateway => json(status, &json!({ "error_msg": message, "error_code": code, "request_id": request_id })),
    };
    match cause {
        Some(cause) => response.with_fault(cause),
        None => response,
    }
}

/// Puts the request's id on an answer.
pub(crate) fn labelled(response: Response, request_id: &str) -> Response {
    response.with_text_header(REQUEST_ID, request_id)
}

/// A request's id as this API writes it: 32 hexadecimal digits.
pub(crate) fn wire_request_id(id: &str) -> String {
    id.strip_prefix("req-").unwrap_or(id).replace('-', "").to_ascii_lowercase()
}
