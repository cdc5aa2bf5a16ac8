//! Policies of an account, and whom they are attached to, for administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_identity::{NewPolicy, Policy, PolicyHolder, PolicyKind};

use super::bound_users::project;
use super::{Act, Outcome, Row, created, done, ok, read};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{view, wire};

/// Policies of one page of a look-up.
const PAGE: u32 = 1_000;

const ALL: &str = "/imprint/v1/accounts/{account}/policies";
const ONE: &str = "/imprint/v1/accounts/{account}/policies/{policy}";
const OF_USER: &str = "/imprint/v1/accounts/{account}/users/{user}/policies/{policy}";
const OF_ROLE: &str = "/imprint/v1/accounts/{account}/roles/{role}/policies/{policy}";

pub(super) const OPS: &[Row] = &[
    Op::new("list_policies", Method::GET, ALL, Act::Admin(|parts, request| Box::pin(list(parts, request)))),
    Op::new("create_policy", Method::POST, ALL, Act::Admin(|parts, request| Box::pin(create(parts, request)))),
    Op::new("show_policy", Method::GET, ONE, Act::Admin(|parts, request| Box::pin(show(parts, request)))),
    Op::new("change_policy", Method::PUT, ONE, Act::Admin(|parts, request| Box::pin(change(parts, request)))),
    Op::new("delete_policy", Method::DELETE, ONE, Act::Admin(|parts, request| Box::pin(delete(parts, request)))),
    Op::new("attach_user", Method::PUT, OF_USER, Act::Admin(|parts, request| Box::pin(attach(parts, request)))),
    Op::new("detach_user", Method::DELETE, OF_USER, Act::Admin(|parts, request| Box::pin(detach(parts, request)))),
    Op::new("attach_role", Method::PUT, OF_ROLE, Act::Admin(|parts, request| Box::pin(attach(parts, request)))),
    Op::new("detach_role", Method::DELETE, OF_ROLE, Act::Admin(|parts, request| Box::pin(detach(parts, request)))),
];

/// The account's own and everybody's, or those attached to a user or a role.
async fn list(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = project(&parts.identity, &request).await?;
    let named = |name| request.query_first(name).map(str::to_owned);
    let holder = match (named("user"), named("role")) {
        (Some(user), None) => Some(PolicyHolder::User(user)),
        (None, Some(role)) => Some(PolicyHolder::Role(role)),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Refusal::invalid("user and role exclude each other")),
    };
    let policies = match holder {
        Some(holder) => {
            parts.identity.policies_of(&project, holder).await?.into_iter().map(|attached| attached.policy).collect()
        }
        None => all(&parts, &project).await?,
    };
    ok(&wire::Items { items: policies.into_iter().map(view::policy).collect::<Vec<_>>() })
}

async fn all(parts: &Parts, project: &str) -> Result<Vec<Policy>, Refusal> {
    let mut policies = Vec::new();
    for kind in [PolicyKind::Custom, PolicyKind::System] {
        let mut after = None;
        loop {
            let page = parts.identity.list_policies(project, kind, after, PAGE).await?;
            after = page.last().map(|policy| policy.name.clone());
            let ended = page.len() < PAGE as usize;
            policies.extend(page);
            if ended {
                break;
            }
        }
    }
    Ok(policies)
}

async fn create(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::CreatePolicy { name, description, document } = read(&mut request).await?;
    let project = project(&parts.identity, &request).await?;
    created(&view::policy(parts.identity.create_policy(&project, NewPolicy { name, description, document }).await?))
}

async fn show(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = project(&parts.identity, &request).await?;
    ok(&view::policy(parts.identity.policy(&project, kind(&request)?, request.param("policy")).await?))
}

async fn change(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::ChangePolicy { document } = read(&mut request).await?;
    let project = project(&parts.identity, &request).await?;
    ok(&view::policy(parts.identity.update_policy(&project, request.param("policy"), document).await?))
}

async fn delete(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = project(&parts.identity, &request).await?;
    parts.identity.delete_policy(&project, request.param("policy")).await?;
    done()
}

async fn attach(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = project(&parts.identity, &request).await?;
    let (kind, policy) = (kind(&request)?, request.param("policy"));
    parts.identity.attach_policy(&project, kind, policy, holder(&request)).await?;
    done()
}

async fn detach(parts: Arc<Parts>, request: Request) -> Outcome {
    let project = project(&parts.identity, &request).await?;
    let (kind, policy) = (kind(&request)?, request.param("policy"));
    parts.identity.detach_policy(&project, kind, policy, holder(&request)).await?;
    done()
}

/// Whom a path names.
fn holder(request: &Request) -> PolicyHolder {
    match request.param("role") {
        "" => PolicyHolder::User(request.param("user").to_owned()),
        role => PolicyHolder::Role(role.to_owned()),
    }
}

/// Which of two policies of one name is meant: the account's own, unless the query says `kind=System`.
fn kind(request: &Request) -> Result<PolicyKind, Refusal> {
    let Some(text) = request.query_first("kind") else { return Ok(PolicyKind::Custom) };
    text.parse().map_err(|_| Refusal::invalid(format!("kind must be System or Custom, not {text:?}")))
}
