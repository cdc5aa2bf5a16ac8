//! Access keys, for administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};

use super::users::user_id;
use super::{Act, Outcome, Row, created, done, ok, read};
use crate::parts::Parts;
use crate::{view, wire};

pub(super) const OPS: &[Row] = &[
    Op::new("list_keys", Method::GET, "/imprint/v1/keys", Act::Admin(|parts, request| Box::pin(list(parts, request)))),
    Op::new(
        "create_key",
        Method::POST,
        "/imprint/v1/keys",
        Act::Admin(|parts, request| Box::pin(create(parts, request))),
    ),
    Op::new(
        "switch_key",
        Method::PATCH,
        "/imprint/v1/keys/{key}",
        Act::Admin(|parts, request| Box::pin(switch(parts, request))),
    ),
    Op::new(
        "delete_key",
        Method::DELETE,
        "/imprint/v1/keys/{key}",
        Act::Admin(|parts, request| Box::pin(delete(parts, request))),
    ),
];

async fn list(parts: Arc<Parts>, request: Request) -> Outcome {
    let user = match request.query_first("user") {
        Some(named) => Some(user_id(&parts, named).await?),
        None => None,
    };
    let project = match request.query_first("account") {
        Some(named) => Some(parts.identity.account(named).await?.project_id),
        None => None,
    };
    let keys = parts.identity.list_access_keys(user, project).await?;
    ok(&wire::Items { items: keys.into_iter().map(view::access_key).collect::<Vec<_>>() })
}

async fn create(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::CreateKey { account, user } = read(&mut request).await?;
    let account = parts.identity.account(&account).await?;
    let user_id = user_id(&parts, user.as_deref().unwrap_or(&account.name)).await?;
    let key = parts.identity.create_access_key(&user_id, &account.project_id).await?;
    created(&wire::NewKey {
        access_key_id: key.id,
        access_key_secret: key.secret,
        user_id,
        project_id: account.project_id,
    })
}

async fn switch(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::Switch { enabled } = read(&mut request).await?;
    let key = request.param("key");
    parts.identity.set_access_key_enabled(key, enabled).await?;
    ok(&view::access_key(parts.identity.access_key(key).await?))
}

async fn delete(parts: Arc<Parts>, request: Request) -> Outcome {
    parts.identity.delete_access_key(request.param("key")).await?;
    done()
}
