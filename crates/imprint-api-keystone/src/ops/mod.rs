//! The operations, one file per resource, and the registry that lists them all.

mod app_credentials;
mod assignments;
mod domains;
mod endpoints;
mod groups;
mod projects;
mod reach;
mod regions;
mod roles;
mod services;
mod tokens;
mod users;
mod versions;

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{BoxFuture, Op, Request, Response};
use serde_json::{Map, Value};

use crate::auth::Asker;
use crate::error::Refusal;
use crate::parts::Parts;

/// What an operation comes to.
pub(crate) type Outcome = Result<Response, Refusal>;

/// What carries an operation out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// Needs no token.
    Open(fn(Arc<Parts>, Request) -> BoxFuture<'static, Outcome>),
    /// Needs one.
    Asked(fn(Arc<Parts>, Asker, Request) -> BoxFuture<'static, Outcome>),
}

/// One row of the registry.
pub(crate) type Row = Op<Act>;

/// A row whose operation needs a token: `asked!("list_users", GET, "/users", list)`. Paths begin after the version.
macro_rules! asked {
    ($name:literal, $method:ident, $path:literal, $handler:path) => {
        imprint_http::Op::new(
            $name,
            http::Method::$method,
            concat!("/identity/v3", $path),
            $crate::ops::Act::Asked(|parts, asker, request| Box::pin($handler(parts, asker, request))),
        )
    };
}
use asked;

/// Every operation.
pub(crate) fn all() -> Vec<Row> {
    [
        versions::rows(),
        tokens::rows(),
        reach::rows(),
        users::rows(),
        app_credentials::rows(),
        groups::rows(),
        projects::rows(),
        domains::rows(),
        roles::rows(),
        assignments::rows(),
        services::rows(),
        endpoints::rows(),
        regions::rows(),
    ]
    .concat()
}

/// 200 with `body` under `name`.
fn shown(name: &str, body: Value) -> Outcome {
    Ok(Response::json(StatusCode::OK, &under(name, body)))
}

/// 201 with `body` under `name`.
fn made(name: &str, body: Value) -> Outcome {
    Ok(Response::json(StatusCode::CREATED, &under(name, body)))
}

fn under(name: &str, body: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), body)])
}

/// 204.
fn done() -> Outcome {
    Ok(Response::new(StatusCode::NO_CONTENT))
}

/// 200 with a list under `name`.
fn listed(parts: &Parts, request: &Request, name: &str, members: Vec<Value>) -> Outcome {
    let own_url = format!("{}{}", parts.root_url(request), request.uri);
    Ok(Response::json(StatusCode::OK, &crate::view::list(name, members, &own_url)))
}

/// Drops the content of an answer to `HEAD`.
fn headless(method: &Method, outcome: Outcome) -> Outcome {
    if *method == Method::HEAD { outcome.map(Response::without_content) } else { outcome }
}
