//! The operations: a file for each kind of thing, holding how a request is read, which verb it is, and how it is
//! answered. The registry below is all there is: routing, metrics and the coverage test read it.

mod accounts;
mod bound_users;
mod check;
mod chunks;
mod content;
mod export;
mod extents;
mod images;
mod jobs;
mod keys;
mod login;
mod policies;
mod quotas;
mod store;
mod users;

use std::sync::Arc;

use http::StatusCode;
use imprint_http::{BoxFuture, Op, Request, Response};
use imprint_model::{Caller, ImageId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Refusal;
use crate::parts::Parts;

/// Longest JSON body, bytes.
const JSON_BYTES_MAX: u64 = 64 << 10;

/// What becomes of a request.
pub(crate) type Outcome = Result<Response, Refusal>;

/// What carries an operation out, and for whom it does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// For everybody.
    Open(fn(Arc<Parts>, Request) -> BoxFuture<'static, Outcome>),
    /// For those who prove who they are.
    Asked(fn(Arc<Parts>, Caller, Request) -> BoxFuture<'static, Outcome>),
    /// For administrators.
    Admin(fn(Arc<Parts>, Request) -> BoxFuture<'static, Outcome>),
}

/// A row of the registry.
pub(crate) type Row = Op<Act>;

/// The whole registry.
pub(crate) fn all() -> Vec<Row> {
    [
        login::OPS,
        accounts::OPS,
        keys::OPS,
        users::OPS,
        bound_users::OPS,
        policies::OPS,
        quotas::OPS,
        store::OPS,
        jobs::OPS,
        images::OPS,
        chunks::OPS,
        content::OPS,
        extents::OPS,
        export::OPS,
        check::OPS,
    ]
    .concat()
}

/// Finds out who asks, as far as the operation wants to know, and has it carried out.
pub(crate) async fn carry_out(parts: Arc<Parts>, act: Act, request: Request) -> Outcome {
    match act {
        Act::Open(handler) => handler(parts, request).await,
        Act::Asked(handler) => {
            let caller = authenticate(&parts, &request).await?;
            handler(parts, caller, request).await
        }
        Act::Admin(handler) => {
            if !authenticate(&parts, &request).await?.is_admin() {
                return Err(Refusal::denied("this is for administrators"));
            }
            handler(parts, request).await
        }
    }
}

async fn authenticate(parts: &Parts, request: &Request) -> Result<Caller, Refusal> {
    let token = request.header("x-auth-token").unwrap_or_default();
    Ok(parts.identity.authenticate_token(token, &request.request_id).await?)
}

/// The image a path names. What is no id names no image.
fn image_id(request: &Request) -> Result<ImageId, Refusal> {
    let text = request.param("id");
    text.parse().map_err(|_| Refusal::not_found(format!("there is no image {text}")))
}

/// The JSON body.
async fn read<T: DeserializeOwned>(request: &mut Request) -> Result<T, Refusal> {
    let body = request.body.read_all(JSON_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| Refusal::invalid(format!("the body: {error}")))
}

/// A query parameter that is a number.
fn number<T: std::str::FromStr>(request: &Request, name: &str, default: T) -> Result<T, Refusal> {
    let Some(text) = request.query_first(name) else { return Ok(default) };
    text.parse().map_err(|_| Refusal::invalid(format!("{name} must be a whole number, not {text:?}")))
}

fn ok(body: &impl Serialize) -> Outcome {
    Ok(Response::json(StatusCode::OK, body))
}

fn created(body: &impl Serialize) -> Outcome {
    Ok(Response::json(StatusCode::CREATED, body))
}

fn done() -> Outcome {
    Ok(Response::new(StatusCode::NO_CONTENT))
}
