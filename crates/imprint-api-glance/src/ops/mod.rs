//! The operations: a file each, holding how its request is read, which verb it is, and how it is answered. The
//! registry below is all there is: routing, metrics and the coverage test read it.

mod add_member;
mod add_tag;
mod cache;
mod create;
mod deactivate;
mod delete;
mod download;
pub(crate) mod fallback;
mod healthcheck;
mod image_tasks;
mod import_image;
mod info_import;
mod info_stores;
mod info_usage;
mod list;
mod list_members;
mod locations;
mod metadefs_namespaces;
mod metadefs_objects;
mod metadefs_properties;
mod metadefs_resource_types;
mod metadefs_tags;
mod reactivate;
mod remove_member;
mod remove_tag;
mod schemas;
mod set_member_status;
mod show;
mod show_member;
mod stage;
mod tasks;
mod update;
mod upload;
mod versions;

use std::sync::Arc;

use http::StatusCode;
use imprint_http::{BoxFuture, Op, Request, Response};
use imprint_model::{Caller, Image, ImageId};

use crate::error::Refusal;
use crate::parts::Parts;
use crate::view;

/// What becomes of a request.
pub(crate) type Outcome = Result<Response, Refusal>;

/// What carries an operation out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// For everybody.
    Open(fn(Arc<Parts>, Request) -> BoxFuture<'static, Response>),
    /// For those who prove who they are.
    Asked(fn(Arc<Parts>, Caller, Request) -> BoxFuture<'static, Outcome>),
}

/// A row of the registry.
pub(crate) type Row = Op<Act>;

/// An `async fn` as an operation for those who prove who they are.
macro_rules! asked {
    ($handler:expr) => {
        $crate::ops::Act::Asked(|parts, caller, request| Box::pin($handler(parts, caller, request)))
    };
}
pub(crate) use asked;

/// The rows of every file here.
const REGISTRY: &[&[Row]] = &[
    versions::OPS,
    healthcheck::OPS,
    list::OPS,
    create::OPS,
    show::OPS,
    update::OPS,
    delete::OPS,
    upload::OPS,
    download::OPS,
    stage::OPS,
    deactivate::OPS,
    reactivate::OPS,
    add_tag::OPS,
    remove_tag::OPS,
    list_members::OPS,
    add_member::OPS,
    show_member::OPS,
    set_member_status::OPS,
    remove_member::OPS,
    info_import::OPS,
    info_stores::OPS,
    info_usage::OPS,
    schemas::OPS,
    locations::OPS,
    import_image::OPS,
    image_tasks::OPS,
    tasks::OPS,
    cache::OPS,
    metadefs_namespaces::OPS,
    metadefs_objects::OPS,
    metadefs_properties::OPS,
    metadefs_tags::OPS,
    metadefs_resource_types::OPS,
];

/// The whole registry.
pub(crate) fn all() -> Vec<Row> {
    REGISTRY.concat()
}

/// The image a path names. What is no id names no image.
pub(crate) fn image_id(request: &Request) -> Result<ImageId, Refusal> {
    let text = request.param("id");
    text.parse().map_err(|_| Refusal::no_image(text))
}

/// An answer of one image.
pub(crate) fn image_response(status: StatusCode, image: &Image) -> Response {
    let mut out = Vec::with_capacity(view::IMAGE_BYTES_TYPICAL);
    view::write_image(&mut out, image);
    Response::full(status, "application/json", out)
}

/// An answer that says nothing but that it is done.
pub(crate) fn done() -> Response {
    Response::new(StatusCode::NO_CONTENT)
}
