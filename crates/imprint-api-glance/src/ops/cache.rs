//! `/v2/cache`: which images this node has read through, for administrators.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Timestamp};
use imprint_service::{Error, WarmImage, WarmPart};
use serde_json::{Value, json};

use super::{Outcome, Row, asked, done, image_id};
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) const OPS: &[Row] = &[
    Op::new("list_cache", Method::GET, "/v2/cache", asked!(list)),
    Op::new("clear_cache", Method::DELETE, "/v2/cache", asked!(clear)),
    Op::new("clean_cache", Method::POST, "/v2/cache/clean", asked!(clean)),
    Op::new("prune_cache", Method::POST, "/v2/cache/prune", asked!(prune)),
    Op::new("show_cache_node", Method::GET, "/v2/cache/nodes/{id}", asked!(show_node)),
    Op::new("cache_image", Method::PUT, "/v2/cache/{id}", asked!(queue)),
    Op::new("uncache_image", Method::DELETE, "/v2/cache/{id}", asked!(forget)),
];

/// Which part of the cache to clear.
const TARGET_HEADER: &str = "x-image-cache-clear-target";

async fn list(parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    let (read, waiting) = parts.service.warm_images(&caller)?;
    let cached: Vec<Value> = read.iter().map(view).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "cached_images": cached, "queued_images": waiting })))
}

#[expect(clippy::cast_precision_loss, reason = "clients expect seconds as a floating-point number")]
fn view(image: &WarmImage) -> Value {
    let seconds = |at: Timestamp| at.0 as f64 / 1e6;
    json!({
        "image_id": image.image,
        "hits": image.hits,
        "last_accessed": image.last_accessed.map_or(0.0, seconds),
        "last_modified": seconds(image.read_at),
        "size": image.size_bytes,
    })
}

/// Each node knows its own cache only.
async fn show_node(parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    parts.service.warm_images(&caller)?;
    Err(Refusal::conflict("The cache is not kept centrally: its nodes are not known to each other."))
}

async fn queue(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let refusal = |error: Error| match error {
        Error::WrongStatus(_) => Refusal::bad_request("Only images with status active can be targeted for queueing"),
        other => other.into(),
    };
    parts.service.warm(&caller, image_id(&request)?).await.map_err(refusal)?;
    Ok(Response::new(StatusCode::ACCEPTED))
}

async fn forget(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    parts.service.cool(&caller, image_id(&request)?)?;
    Ok(done())
}

async fn clear(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let part = match request.header(TARGET_HEADER).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" => WarmPart::All,
        "cache" => WarmPart::Read,
        "queue" => WarmPart::Waiting,
        _ => return Err(Refusal::bad_request("If provided 'x-image-cache-clear-target' must be 'cache' or 'queue'")),
    };
    parts.service.cool_all(&caller, part)?;
    Ok(done())
}

/// Nothing is ever left half-read: there is nothing to clean.
async fn clean(parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    parts.service.warm_images(&caller)?;
    Ok(Response::new(StatusCode::OK))
}

/// No space of its own is used, so none is over its bound.
async fn prune(parts: Arc<Parts>, caller: Caller, _request: Request) -> Outcome {
    parts.service.warm_images(&caller)?;
    Ok(Response::json(StatusCode::OK, &json!({ "total_files_pruned": 0, "total_bytes_pruned": 0 })))
}
