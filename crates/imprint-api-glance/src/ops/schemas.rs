//! `GET /v2/schemas/…`: the documents clients build their options from.

use http::{Method, StatusCode};
use imprint_http::{Op, Response};

use super::{Act, Row};
use crate::schema::{self, Document};

/// A row that gives a document, written when it is first asked for.
macro_rules! document {
    ($name:literal, $path:literal, $schema:path) => {
        Op::new(
            $name,
            Method::GET,
            $path,
            Act::Asked(|_parts, _caller, _request| {
                static DOCUMENT: Document = Document::new(|| schema::written(&$schema()));
                Box::pin(async { Ok(Response::full(StatusCode::OK, "application/json", DOCUMENT.text())) })
            }),
        )
    };
}

pub(super) const OPS: &[Row] = &[
    document!("schema_image", "/v2/schemas/image", schema::image),
    document!("schema_images", "/v2/schemas/images", schema::images),
    document!("schema_member", "/v2/schemas/member", schema::member),
    document!("schema_members", "/v2/schemas/members", schema::members),
    document!("schema_task", "/v2/schemas/task", schema::task),
    document!("schema_tasks", "/v2/schemas/tasks", schema::tasks),
];
