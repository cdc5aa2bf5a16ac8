//! Accounts, for administrators.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};

use super::{Act, Outcome, Row, created, ok, read};
use crate::parts::Parts;
use crate::{view, wire};

pub(super) const OPS: &[Row] = &[
    Op::new("list_accounts", Method::GET, "/imprint/v1/accounts", Act::Admin(|parts, _| Box::pin(list(parts)))),
    Op::new(
        "create_account",
        Method::POST,
        "/imprint/v1/accounts",
        Act::Admin(|parts, request| Box::pin(create(parts, request))),
    ),
    Op::new(
        "switch_account",
        Method::PATCH,
        "/imprint/v1/accounts/{account}",
        Act::Admin(|parts, request| Box::pin(switch(parts, request))),
    ),
];

async fn list(parts: Arc<Parts>) -> Outcome {
    let accounts = parts.identity.list_accounts().await?;
    ok(&wire::Items { items: accounts.into_iter().map(view::account).collect::<Vec<_>>() })
}

async fn create(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::CreateAccount { name } = read(&mut request).await?;
    created(&view::new_account(parts.identity.create_account(&name).await?))
}

async fn switch(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::Switch { enabled } = read(&mut request).await?;
    ok(&view::account(parts.identity.set_account_enabled(request.param("account"), enabled).await?))
}
