//! `/v2/metadefs/namespaces/{namespace}/tags`: words that images can be tagged with.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use imprint_service::{Definition, DefinitionKind, Present};
use serde_json::{Value, json};

use super::{Outcome, Row, asked, done};
use crate::body;
use crate::metadefs::page::Page;
use crate::metadefs::{read, refused, view};
use crate::parts::Parts;

const ALL: &str = "/v2/metadefs/namespaces/{namespace}/tags";
const ONE: &str = "/v2/metadefs/namespaces/{namespace}/tags/{tag}";
/// A header that says whether the tags sent come to those that are there, or in their place.
const APPEND: &str = "x-openstack-append";

pub(super) const OPS: &[Row] = &[
    Op::new("list_metadef_tags", Method::GET, ALL, asked!(list)),
    Op::new("create_metadef_tags", Method::POST, ALL, asked!(create_all)),
    Op::new("delete_metadef_tags", Method::DELETE, ALL, asked!(delete_all)),
    Op::new("create_metadef_tag", Method::POST, ONE, asked!(create)),
    Op::new("show_metadef_tag", Method::GET, ONE, asked!(show)),
    Op::new("update_metadef_tag", Method::PUT, ONE, asked!(update)),
    Op::new("delete_metadef_tag", Method::DELETE, ONE, asked!(delete)),
];

const KIND: DefinitionKind = DefinitionKind::Tag;

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let page = Page::of(&request.query)?;
    let all = parts.service.definitions(&caller, request.param("namespace"), KIND).await.map_err(refused("tag"))?;
    Ok(Response::json(StatusCode::OK, &shown(&page.cut(all)?)))
}

async fn create_all(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = read::tags(body::read_object(&mut request).await?)?;
    let present = if appends(request.header(APPEND)) { Present::Kept } else { Present::Replaced };
    let namespace = request.param("namespace");
    let added = parts.service.add_definitions(&caller, namespace, KIND, wanted, present).await;
    Ok(Response::json(StatusCode::CREATED, &shown(&added.map_err(refused("tag"))?)))
}

async fn delete_all(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let namespace = request.param("namespace");
    parts.service.delete_definitions(&caller, namespace, KIND).await.map_err(refused("tag"))?;
    Ok(done())
}

/// All that there is to say is in the path: a body, if one is sent, says nothing.
async fn create(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let wanted = vec![read::tag_named(request.param("tag").to_owned())];
    let namespace = request.param("namespace");
    let added = parts.service.add_definitions(&caller, namespace, KIND, wanted, Present::Kept).await;
    let shown = added.map_err(refused("tag"))?.first().map(view::tag);
    Ok(Response::json(StatusCode::CREATED, &shown))
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let (namespace, name) = (request.param("namespace"), request.param("tag"));
    let found = parts.service.definition(&caller, namespace, KIND, name).await.map_err(refused("tag"))?;
    Ok(Response::json(StatusCode::OK, &view::tag(&found)))
}

async fn update(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = read::tag(body::read_object(&mut request).await?)?;
    let (namespace, name) = (request.param("namespace"), request.param("tag"));
    let updated = parts.service.update_definition(&caller, namespace, name, wanted).await.map_err(refused("tag"))?;
    Ok(Response::json(StatusCode::OK, &view::tag(&updated)))
}

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let (namespace, name) = (request.param("namespace"), request.param("tag"));
    parts.service.delete_definition(&caller, namespace, KIND, name).await.map_err(refused("tag"))?;
    Ok(done())
}

fn shown(tags: &[Definition]) -> Value {
    json!({ "tags": tags.iter().map(view::tag_name).collect::<Vec<_>>() })
}

fn appends(header: Option<&str>) -> bool {
    let word = header.unwrap_or_default().trim().to_ascii_lowercase();
    matches!(word.as_str(), "true" | "t" | "1" | "on" | "yes" | "y")
}
