//! `/v2/metadefs/namespaces/{namespace}/objects`: groups of properties.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use imprint_service::{DefinitionKind, Present};
use serde_json::{Value, json};

use super::{Outcome, Row, asked, done};
use crate::body;
use crate::metadefs::page::Page;
use crate::metadefs::{read, refused, view};
use crate::parts::Parts;

const ALL: &str = "/v2/metadefs/namespaces/{namespace}/objects";
const ONE: &str = "/v2/metadefs/namespaces/{namespace}/objects/{object}";

pub(super) const OPS: &[Row] = &[
    Op::new("list_metadef_objects", Method::GET, ALL, asked!(list)),
    Op::new("create_metadef_object", Method::POST, ALL, asked!(create)),
    Op::new("delete_metadef_objects", Method::DELETE, ALL, asked!(delete_all)),
    Op::new("show_metadef_object", Method::GET, ONE, asked!(show)),
    Op::new("update_metadef_object", Method::PUT, ONE, asked!(update)),
    Op::new("delete_metadef_object", Method::DELETE, ONE, asked!(delete)),
];

const KIND: DefinitionKind = DefinitionKind::Object;

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let page = Page::of(&request.query)?;
    let all = parts.service.definitions(&caller, request.param("namespace"), KIND).await.map_err(refused("object"))?;
    let objects: Vec<Value> = page.cut(all)?.iter().map(view::object).collect();
    // without the slash: this API's list of objects always named its schema so
    Ok(Response::json(StatusCode::OK, &json!({ "objects": objects, "schema": "v2/schemas/metadefs/objects" })))
}

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = vec![read::object(body::read_object(&mut request).await?)?];
    let namespace = request.param("namespace");
    let added = parts.service.add_definitions(&caller, namespace, KIND, wanted, Present::Kept).await;
    let shown = added.map_err(refused("object"))?.first().map(view::object);
    Ok(Response::json(StatusCode::CREATED, &shown))
}

async fn delete_all(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let namespace = request.param("namespace");
    parts.service.delete_definitions(&caller, namespace, KIND).await.map_err(refused("object"))?;
    Ok(done())
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let (namespace, name) = (request.param("namespace"), request.param("object"));
    let found = parts.service.definition(&caller, namespace, KIND, name).await.map_err(refused("object"))?;
    Ok(Response::json(StatusCode::OK, &view::object(&found)))
}

async fn update(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = read::object(body::read_object(&mut request).await?)?;
    let (namespace, name) = (request.param("namespace"), request.param("object"));
    let updated = parts.service.update_definition(&caller, namespace, name, wanted).await.map_err(refused("object"))?;
    Ok(Response::json(StatusCode::OK, &view::object(&updated)))
}

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let (namespace, name) = (request.param("namespace"), request.param("object"));
    parts.service.delete_definition(&caller, namespace, KIND, name).await.map_err(refused("object"))?;
    Ok(done())
}
