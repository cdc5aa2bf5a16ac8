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
    document!("schema_metadef_namespace", "/v2/schemas/metadefs/namespace", schema::metadefs::namespace),
    document!("schema_metadef_namespaces", "/v2/schemas/metadefs/namespaces", schema::metadefs::namespaces),
    document!("schema_metadef_resource_type", "/v2/schemas/metadefs/resource_type", schema::metadefs::resource_type),
    document!("schema_metadef_resource_types", "/v2/schemas/metadefs/resource_types", schema::metadefs::resource_types),
    document!("schema_metadef_object", "/v2/schemas/metadefs/object", schema::metadefs::object),
    document!("schema_metadef_objects", "/v2/schemas/metadefs/objects", schema::metadefs::objects),
    document!("schema_metadef_property", "/v2/schemas/metadefs/property", schema::metadefs::property),
    document!("schema_metadef_properties", "/v2/schemas/metadefs/properties", schema::metadefs::properties),
    document!("schema_metadef_tag", "/v2/schemas/metadefs/tag", schema::metadefs::tag),
    document!("schema_metadef_tags", "/v2/schemas/metadefs/tags", schema::metadefs::tags),
];
