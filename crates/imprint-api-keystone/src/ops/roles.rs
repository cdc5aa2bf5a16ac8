//! Roles.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::{NewRole, RolePatch};

use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::error::Refusal;
use crate::fields::{Fields, filter};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_roles", GET, "/roles", list),
        asked!("create_role", POST, "/roles", create),
        asked!("show_role", GET, "/roles/{id}", show),
        asked!("update_role", PATCH, "/roles/{id}", update),
        asked!("delete_role", DELETE, "/roles/{id}", delete),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_roles")?;
    let url = parts.v3_url(&request);
    // every role here is of the whole installation, none of a domain
    if request.query_first("domain_id").is_some_and(|domain| !domain.is_empty()) {
        return listed(&parts, &request, "roles", Vec::new());
    }
    let rows = parts.identity.list_roles(filter(&request, "name")).await?;
    listed(&parts, &request, "roles", rows.iter().map(|row| view::role(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_role")?;
    let mut fields = Fields::read(&mut request, "role").await?;
    if fields.text("domain_id")?.is_some() {
        return Err(Refusal::bad_request("Invalid input for field 'domain_id': roles of a domain are not supported"));
    }
    let new = NewRole {
        name: fields.needed_text("name")?,
        description: fields.text("description")?.unwrap_or_default(),
        extra: fields.rest(),
    };
    let row = parts.identity.create_role(new).await?;
    made("role", view::role(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("get_role")?;
    let row = parts.identity.role(request.param("id")).await?;
    shown("role", view::role(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_role")?;
    let mut fields = Fields::read(&mut request, "role").await?;
    let patch =
        RolePatch { name: fields.text("name")?, description: fields.text("description")?, extra: fields.rest() };
    let row = parts.identity.update_role(request.param("id"), patch).await?;
    shown("role", view::role(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_role")?;
    parts.identity.delete_role(request.param("id")).await?;
    done()
}
