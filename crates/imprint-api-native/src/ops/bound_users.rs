//! Users of an account that may do only what policies permit, for administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_identity::{Identity, NewRamUser, PolicyHolder};

use super::{Act, Outcome, Row, created, done, ok, read};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{view, wire};

/// Users of one page of a look-up.
const PAGE: u32 = 1_000;

pub(super) const OPS: &[Row] = &[
    Op::new(
        "list_bound_users",
        Method::GET,
        "/imprint/v1/accounts/{account}/users",
        Act::Admin(|parts, request| Box::pin(list(parts, request))),
    ),
    Op::new(
        "create_bound_user",
        Method::POST,
        "/imprint/v1/accounts/{account}/users",
        Act::Admin(|parts, request| Box::pin(create(parts, request))),
    ),
    Op::new(
        "delete_bound_user",
        Method::DELETE,
        "/imprint/v1/accounts/{account}/users/{user}",
        Act::Admin(|parts, request| Box::pin(delete(parts, request))),
    ),
];

async fn list(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = project(&parts.identity, &request).await?;
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = parts.identity.list_ram_users(&project, after, PAGE).await?;
        after = page.last().map(|user| user.name.clone());
        let ended = page.len() < PAGE as usize;
        items.extend(page.into_iter().map(view::bound_user));
        if ended {
            return ok(&wire::Items { items });
        }
    }
}

async fn create(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::CreateBoundUser { name, display_name, password } = read(&mut request).await?;
    let project = project(&parts.identity, &request).await?;
    let display_name = display_name.unwrap_or_else(|| name.clone());
    let new = NewRamUser { name, display_name, comments: String::new(), password };
    let user = parts.identity.create_ram_user(&project, new).await?;
    let key = parts.identity.create_ram_key(&project, &user.name).await?;
    created(&wire::NewBoundUser {
        user_id: user.id,
        name: user.name,
        access_key_id: key.id,
        access_key_secret: key.secret,
    })
}

/// With its keys, and without its policies, which others may have.
async fn delete(parts: Arc<Parts>, request: Request) -> Outcome {
    let (identity, name) = (&parts.identity, request.param("user"));
    let project = project(identity, &request).await?;
    let holder = PolicyHolder::User(name.to_owned());
    for attached in identity.policies_of(&project, holder.clone()).await? {
        identity.detach_policy(&project, attached.policy.kind, &attached.policy.name, holder.clone()).await?;
    }
    for key in identity.list_ram_keys(&project, name).await? {
        identity.delete_ram_key(&project, name, &key.id).await?;
    }
    identity.delete_ram_user(&project, name).await?;
    done()
}

/// The project of the account that a path names by its number, project id or name.
pub(super) async fn project(identity: &Identity, request: &Request) -> Result<String, Refusal> {
    Ok(identity.account(request.param("account")).await?.project_id)
}
