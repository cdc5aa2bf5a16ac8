//! `/v2/metadefs/resource_types` and `/v2/metadefs/namespaces/{namespace}/resource_types`: what kinds of resource a
//! namespace is meant for.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use imprint_service::{DefinitionKind, Present};
use serde_json::{Value, json};

use super::{Outcome, Row, asked, done};
use crate::body;
use crate::metadefs::{read, refused, view};
use crate::parts::Parts;

const ALL: &str = "/v2/metadefs/namespaces/{namespace}/resource_types";
const ONE: &str = "/v2/metadefs/namespaces/{namespace}/resource_types/{resource_type}";

pub(super) const OPS: &[Row] = &[
    Op::new("list_metadef_resource_types", Method::GET, "/v2/metadefs/resource_types", asked!(list_known)),
    Op::new("list_metadef_associations", Method::GET, ALL, asked!(list)),
    Op::new("create_metadef_association", Method::POST, ALL, asked!(create)),
    Op::new("delete_metadef_association", Method::DELETE, ONE, asked!(delete)),
];

/// The types that clients of this API know without anybody having named them here.
const WELL_KNOWN: [&str; 6] = [
    "OS::Glance::Image",
    "OS::Cinder::Volume",
    "OS::Nova::Flavor",
    "OS::Nova::Aggregate",
    "OS::Nova::Server",
    "OS::Trove::Instance",
];

const KIND: DefinitionKind = DefinitionKind::ResourceType;

async fn list_known(parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    let named = parts.service.resource_types(&caller).await.map_err(refused("resource type"))?;
    let unnamed = WELL_KNOWN.iter().filter(|known| named.iter().all(|(name, _)| name != *known));
    let mut shown: Vec<Value> = unnamed.map(|name| json!({ "name": name })).collect();
    shown.extend(named.iter().map(|(name, at)| {
        let at = at.to_rfc3339_seconds();
        json!({ "name": name, "created_at": at, "updated_at": at })
    }));
    Ok(Response::json(StatusCode::OK, &json!({ "resource_types": shown })))
}

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let all = parts.service.definitions(&caller, request.param("namespace"), KIND).await;
    let shown: Vec<Value> = all.map_err(refused("resource type"))?.iter().map(view::association).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "resource_type_associations": shown })))
}

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = vec![read::association(body::read_object(&mut request).await?)?];
    let namespace = request.param("namespace");
    let added = parts.service.add_definitions(&caller, namespace, KIND, wanted, Present::Kept).await;
    let shown = added.map_err(refused("resource type"))?.first().map(view::association);
    Ok(Response::json(StatusCode::CREATED, &shown))
}

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let (namespace, name) = (request.param("namespace"), request.param("resource_type"));
    parts.service.delete_definition(&caller, namespace, KIND, name).await.map_err(refused("resource type"))?;
    Ok(done())
}
