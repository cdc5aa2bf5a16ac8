//! Users, for administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_identity::{DEFAULT_DOMAIN, Error, Kind, NewUser, Target, User, UserFilter};
use imprint_model::role;

use super::{Act, Outcome, Row, created, done, ok, read};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{view, wire};

pub(super) const OPS: &[Row] = &[
    Op::new("list_users", Method::GET, "/imprint/v1/users", Act::Admin(|parts, _| Box::pin(list(parts)))),
    Op::new(
        "create_user",
        Method::POST,
        "/imprint/v1/users",
        Act::Admin(|parts, request| Box::pin(create(parts, request))),
    ),
    Op::new(
        "delete_user",
        Method::DELETE,
        "/imprint/v1/users/{user}",
        Act::Admin(|parts, request| Box::pin(delete(parts, request))),
    ),
];

async fn list(parts: Arc<Parts>) -> Outcome {
    let users = parts.identity.list_users(UserFilter::default()).await?;
    ok(&wire::Items { items: users.into_iter().map(view::user).collect::<Vec<_>>() })
}

async fn create(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::CreateUser { name, password, account, role: role_name } = read(&mut request).await?;
    let account = match account {
        Some(named) => Some(parts.identity.account(&named).await?),
        None => None,
    };
    let role_name = role_name.unwrap_or_else(|| role::MEMBER.to_owned());
    let role = parts.identity.list_roles(Some(role_name.clone())).await?.into_iter().next();
    let role = role.ok_or_else(|| Refusal::invalid(format!("there is no role {role_name}")))?;
    let default_project_id = account.as_ref().map(|account| account.project_id.clone());
    let user = NewUser { password, default_project_id, ..NewUser::named(&name) };
    let user = parts.identity.create_user(user).await?;
    if let Some(account) = account {
        parts.identity.grant(&user.id, Target::Project(account.project_id), &role.id).await?;
    }
    created(&view::user(user))
}

async fn delete(parts: Arc<Parts>, request: Request) -> Outcome {
    let id = user_id(&parts, request.param("user")).await?;
    parts.identity.delete_user(&id).await?;
    done()
}

/// The id of a user that is named by it, or by its name in the default domain.
pub(super) async fn user_id(parts: &Parts, named: &str) -> Result<String, Refusal> {
    match parts.identity.user(named).await {
        Ok(user) => return Ok(user.id),
        Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let (name, domain_id) = (Some(named.to_owned()), Some(DEFAULT_DOMAIN.to_owned()));
    let found = parts.identity.list_users(UserFilter { name, domain_id, ..UserFilter::default() }).await?;
    let found: Option<User> = found.into_iter().next();
    Ok(found.ok_or_else(|| Error::NotFound { kind: Kind::User, id: named.to_owned() })?.id)
}
