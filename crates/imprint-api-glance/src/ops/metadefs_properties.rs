//! `/v2/metadefs/namespaces/{namespace}/properties`: what single properties mean.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use imprint_service::{DefinitionKind, Present};
use serde_json::json;

use super::{Outcome, Row, asked, done};
use crate::body;
use crate::error::Refusal;
use crate::metadefs::{read, refused, view};
use crate::parts::Parts;

const ALL: &str = "/v2/metadefs/namespaces/{namespace}/properties";
const ONE: &str = "/v2/metadefs/namespaces/{namespace}/properties/{property}";

pub(super) const OPS: &[Row] = &[
    Op::new("list_metadef_properties", Method::GET, ALL, asked!(list)),
    Op::new("create_metadef_property", Method::POST, ALL, asked!(create)),
    Op::new("delete_metadef_properties", Method::DELETE, ALL, asked!(delete_all)),
    Op::new("show_metadef_property", Method::GET, ONE, asked!(show)),
    Op::new("update_metadef_property", Method::PUT, ONE, asked!(update)),
    Op::new("delete_metadef_property", Method::DELETE, ONE, asked!(delete)),
];

const KIND: DefinitionKind = DefinitionKind::Property;

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let all =
        parts.service.definitions(&caller, request.param("namespace"), KIND).await.map_err(refused("property"))?;
    Ok(Response::json(StatusCode::OK, &json!({ "properties": view::properties(all.iter(), "") })))
}

async fn create(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = vec![read::property(body::read_object(&mut request).await?)?];
    let namespace = request.param("namespace");
    let added = parts.service.add_definitions(&caller, namespace, KIND, wanted, Present::Kept).await;
    let shown = added.map_err(refused("property"))?.first().map(view::property);
    Ok(Response::json(StatusCode::CREATED, &shown))
}

async fn delete_all(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let namespace = request.param("namespace");
    parts.service.delete_definitions(&caller, namespace, KIND).await.map_err(refused("property"))?;
    Ok(done())
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let namespace = request.param("namespace");
    let name = stored_name(&parts, &caller, &request).await?;
    let found = parts.service.definition(&caller, namespace, KIND, &name).await.map_err(refused("property"))?;
    Ok(Response::json(StatusCode::OK, &view::property(&found)))
}

/// The name without the prefix that it has on a type of resource, when the request names one.
async fn stored_name(parts: &Parts, caller: &Caller, request: &Request) -> Result<String, Refusal> {
    let (namespace, name) = (request.param("namespace"), request.param("property"));
    let Some(resource_type) = request.query_first("resource_type") else { return Ok(name.to_owned()) };
    let kind = DefinitionKind::ResourceType;
    let association = parts.service.definition(caller, namespace, kind, resource_type).await;
    let association = association.map_err(refused("property"))?;
    let prefix = view::prefix_of(&association);
    match name.strip_prefix(prefix) {
        Some(stored) if !prefix.is_empty() => Ok(stored.to_owned()),
        _ => Err(Refusal::not_found(format!(
            "Property {name} does not start with the expected resource type association prefix of '{prefix}'."
        ))),
    }
}

async fn update(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    let wanted = read::property(body::read_object(&mut request).await?)?;
    let (namespace, name) = (request.param("namespace"), request.param("property"));
    let updated =
        parts.service.update_definition(&caller, namespace, name, wanted).await.map_err(refused("property"))?;
    Ok(Response::json(StatusCode::OK, &view::property(&updated)))
}

async fn delete(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let (namespace, name) = (request.param("namespace"), request.param("property"));
    parts.service.delete_definition(&caller, namespace, KIND, name).await.map_err(refused("property"))?;
    Ok(done())
}
