//! `/v2/metadefs/namespaces`: named sets of definitions.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Visibility};
use imprint_service::ListNamespaces;
use serde_json::{Value, json};

use super::{Outcome, Row, asked, done};
use crate::body;
use crate::error::Refusal;
use crate::metadefs::page::{self, Page};
use crate::metadefs::{read, refused, view};
use crate::parts::Parts;

const ALL: &str = "/v2/metadefs/namespaces";
const ONE: &str = "/v2/metadefs/namespaces/{namespace}";

pub(super) const OPS: &[Row] = &[
    Op::new("list_metadef_namespaces", Method::GET, ALL, asked!(list)),
    Op::new("create_metadef_namespace", Method::POST, ALL, asked!(create)),
    Op::new("show_metadef_namespace", Method::GET, ONE, asked!(show)),
    Op::new("update_metadef_namespace", Method::PUT, ONE, asked!(update)),
    Op::new("delete_metadef_namespace", Method::DELETE, ONE, asked!(delete)),
];

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let Page { limit, marker, sort, descending } = Page::of(&request.query)?;
    let limit = limit.unwrap_or(page::LIMIT_DEFAULT);
    let wanted = ListNamespaces {
        visibility: request.query_first("visibility").map(visibility).transpose()?,
        resource_types: resource_types(&request),
        sort,
        descending,
        after: marker,
        limit,
    };
    let found = parts.service.namespaces(&caller, wanted).await.map_err(refused("namespace"))?;
    let namespaces: Vec<Value> = found.iter().map(|content| view::content(content, None)).collect();
    let mut shown = json!({ "namespaces": namespaces, "first": page::link(ALL, &request.query, None) });
    // a page that is not full is the last one
    if let Some(last) = found.last().filter(|_| found.len() == limit as usize) {
        shown["next"] = json!(page::link(ALL, &request.query, Some(&last.namespace.name)));
    }
    shown["schema"] = json!("/v2/schemas/metadefs/namespaces");
    Ok(Response::json(StatusCode::OK, &shown))
}

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let (details, definitions) = read::namespace(body::read_object(&mut request).await?)?;
    let created = parts.service.create_namespace(&caller, details, definitions).await.map_err(refused("namespace"))?;
    let location = parts.base_url(&request) + &view::namespace_path(&created.namespace.name);
    let response = Response::json(StatusCode::CREATED, &view::content(&created, None));
    Ok(response.with_text_header(header::LOCATION, &location))
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let found = parts.service.namespace(&caller, request.param("namespace")).await.map_err(refused("namespace"))?;
    Ok(Response::json(StatusCode::OK, &view::content(&found, request.query_first("resource_type"))))
}

/// What the body says that the namespace should hold is checked but changes nothing: each kind has calls of its own.
async fn update(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let (details, _) = read::namespace(body::read_object(&mut request).await?)?;
    let name = request.param("namespace");
    let updated = parts.service.update_namespace(&caller, name, details).await.map_err(refused("namespace"))?;
    Ok(Response::json(StatusCode::OK, &view::namespace(&updated)))
}

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.delete_namespace(&caller, request.param("namespace")).await.map_err(refused("namespace"))?;
    Ok(done())
}

fn visibility(word: &str) -> Result<Visibility, Refusal> {
    match word {
        "public" => Ok(Visibility::Public),
        "private" => Ok(Visibility::Private),
        _ => Err(Refusal::bad_request("Invalid visibility value: it must be public or private.")),
    }
}

fn resource_types(request: &Request) -> Vec<String> {
    let lists = request.query_all("resource_types").flat_map(|list| list.split(','));
    lists.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
