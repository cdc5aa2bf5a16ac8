//! Groups of users: there are none, and clients that look for them are told so.

use std::sync::Arc;

use imprint_http::Request;

use super::{Outcome, Row, asked, listed};
use crate::auth::Asker;
use crate::error::Refusal;
use crate::parts::Parts;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_groups", GET, "/groups", list),
        asked!("show_group", GET, "/groups/{id}", show),
        asked!("list_user_groups", GET, "/users/{id}/groups", of_user),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_groups")?;
    listed(&parts, &request, "groups", Vec::new())
}

async fn show(_: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("get_group")?;
    Err(Refusal::not_found("group", request.param("id")))
}

async fn of_user(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_user(request.param("id"), "list_groups_for_user")?;
    parts.identity.user(request.param("id")).await?;
    listed(&parts, &request, "groups", Vec::new())
}
