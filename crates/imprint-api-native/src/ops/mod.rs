//! The operations: a file for each kind of thing, holding how a request is read, which verb it is, and how it is
//! answered. The registry below is all there is: routing, metrics and the coverage test read it.

mod accounts;
mod bound_users;
mod check;
mod chunks;
mod console;
mod content;
mod disks;
mod export;
mod extents;
mod images;
mod instances;
mod jobs;
mod keys;
mod login;
mod nbd;
mod policies;
mod quotas;
mod snapshots;
mod store;
mod users;

use std::str::FromStr;
use std::sync::Arc;

use http::StatusCode;
use imprint_http::{BoxFuture, Op, Request, Response};
use imprint_model::{Caller, ImageId, ProjectId};
use imprint_service::ItemPage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Refusal;
use crate::parts::Parts;

/// Longest JSON body, bytes.
const JSON_BYTES_MAX: u64 = 64 << 10;
/// Machines, disks or snapshots of one page at most, and when nothing is said.
const PAGE_MAX: u32 = 1_000;
const PAGE_DEFAULT: u32 = 100;

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
        nbd::OPS,
        instances::OPS,
        console::OPS,
        disks::OPS,
        snapshots::OPS,
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

/// The thing of this kind that a path names. What is no id names nothing.
fn item_id<T: FromStr>(request: &Request, kind: &str) -> Result<T, Refusal> {
    named(request.param("id"), kind)
}

/// The thing of this kind that has this id.
fn named<T: FromStr>(text: &str, kind: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(format!("there is no {kind} {text}")))
}

/// The thing of this kind that a list shall be about.
fn about<T: FromStr>(request: &Request, kind: &str) -> Result<Option<T>, Refusal> {
    request.query_first(kind).map(|text| named(text, kind)).transpose()
}

/// The page of a list of machines and what belongs to them: `limit`, and `after`, the last of the page before.
fn page<T: FromStr>(request: &Request, kind: &str) -> Result<ItemPage<T>, Refusal> {
    let after = request.query_first("after").map(|text| named(text, kind)).transpose()?;
    Ok(ItemPage::After { after, limit: number(request, "limit", PAGE_DEFAULT)?.clamp(1, PAGE_MAX) })
}

/// The region a list is of: `region`, or this installation's first.
fn region(parts: &Parts, request: &Request) -> String {
    request.query_first("region").unwrap_or_else(|| parts.service.settings().home_region()).to_owned()
}

/// The account of whoever asks.
fn account(caller: &Caller) -> Result<ProjectId, Refusal> {
    caller.project.clone().ok_or_else(|| Refusal::denied("this is for those who act for an account"))
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
