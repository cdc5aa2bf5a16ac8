//! Reading JSON content. What is in it is judged elsewhere.

use serde_json::{Map, Value};

use crate::fault::{Fault, code};

/// Longest content that is read as a whole, bytes. Every call fits many times over, and what it is read into stays
/// small.
pub(crate) const JSON_BYTES_MAX: u64 = 1 << 20;

/// Any JSON.
///
/// # Errors
/// `IMG.0007` when there is nothing, `IMG.0001` when it is not JSON.
pub(crate) fn json(content: &[u8]) -> Result<Value, Fault> {
    if content.trim_ascii().is_empty() {
        return Err(code::EMPTY_BODY.fault());
    }
    serde_json::from_slice(content)
        .map_err(|error| code::BAD_BODY.with_message(format!("The request message format is invalid: {error}.")))
}

/// A JSON object.
///
/// # Errors
/// `IMG.0007` when there is nothing, `IMG.0001` when it is anything else.
pub(crate) fn object(content: &[u8]) -> Result<Map<String, Value>, Fault> {
    match json(content)? {
        Value::Object(members) => Ok(members),
        _ => Err(code::BAD_BODY.with_message("The request body must be a JSON object.")),
    }
}
