//! `GET /v2/info/import`: ways to import.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use serde_json::json;

use super::{Outcome, Row, asked};
use crate::parts::Parts;
use crate::words;

pub(super) const OPS: &[Row] = &[Op::new("info_import", Method::GET, "/v2/info/import", asked!(info_import))];

async fn info_import(_parts: Arc<Parts>, _caller: Caller, _request: Request) -> Outcome {
    let methods = json!({
        "import-methods": {
            "description": "Import methods available.",
            "type": "array",
            "value": words::IMPORT_METHODS,
        },
    });
    Ok(Response::json(StatusCode::OK, &methods))
}
