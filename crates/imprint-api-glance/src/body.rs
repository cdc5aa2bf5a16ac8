//! Reading a JSON body: bounded, complete, an object or an array. What is in it is judged elsewhere.

use imprint_http::Request;
use serde_json::{Map, Value};

use crate::error::Refusal;

/// Longest JSON body, bytes. Every call of this API that carries JSON fits many times over.
const JSON_BYTES_MAX: u64 = 1 << 20;

/// The body, an object or an array.
pub(crate) async fn read_json(request: &mut Request) -> Result<Value, Refusal> {
    let bytes = request.body.read_all(JSON_BYTES_MAX).await?;
    if bytes.is_empty() {
        return Err(Refusal::bad_request("Body expected in request."));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(_) => Err(Refusal::bad_request("Unexpected body type. Expected list/dict.")),
        Err(error) => Err(Refusal::bad_request(format!("Malformed JSON in request body: {error}"))),
    }
}

/// The body, an object.
pub(crate) async fn read_object(request: &mut Request) -> Result<Map<String, Value>, Refusal> {
    match read_json(request).await? {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal::bad_request("Request body must be a JSON object.")),
    }
}
