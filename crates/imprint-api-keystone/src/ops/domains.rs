//! Domains.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::{DomainPatch, NewDomain, Target};

use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::error::Refusal;
use crate::fields::{Fields, filter, filter_flag};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_domains", GET, "/domains", list),
        asked!("create_domain", POST, "/domains", create),
        asked!("show_domain", GET, "/domains/{id}", show),
        asked!("update_domain", PATCH, "/domains/{id}", update),
        asked!("delete_domain", DELETE, "/domains/{id}", delete),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_domains")?;
    let rows = parts.identity.list_domains(filter(&request, "name"), filter_flag(&request, "enabled")).await?;
    let url = parts.v3_url(&request);
    listed(&parts, &request, "domains", rows.iter().map(|row| view::domain(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_domain")?;
    let mut fields = Fields::read(&mut request, "domain").await?;
    let new = NewDomain {
        name: fields.needed_text("name")?,
        description: fields.text("description")?.unwrap_or_default(),
        enabled: fields.flag("enabled")?.unwrap_or(true),
        extra: fields.rest(),
    };
    let row = parts.identity.create_domain(new).await?;
    made("domain", view::domain(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let id = request.param("id");
    let claims = &asker.claims;
    let own = claims.user_domain_id == id
        || match &claims.scope {
            imprint_identity::Scope::Project { domain_id, .. } => domain_id == id,
            imprint_identity::Scope::Domain { id: scoped } => scoped == id,
            imprint_identity::Scope::Unscoped | imprint_identity::Scope::System => false,
        };
    if !own && !asker.sees_all() {
        return Err(Refusal::forbidden("get_domain"));
    }
    let row = parts.identity.domain(id).await?;
    shown("domain", view::domain(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_domain")?;
    let mut fields = Fields::read(&mut request, "domain").await?;
    let patch = DomainPatch {
        name: fields.text("name")?,
        description: fields.text("description")?,
        enabled: fields.flag("enabled")?,
        extra: fields.rest(),
    };
    let row = parts.identity.update_domain(request.param("id"), patch).await?;
    shown("domain", view::domain(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_domain")?;
    parts.identity.delete_domain(request.param("id")).await?;
    done()
}

/// Users and projects stay in the domain they were made in.
pub(super) fn must_not_move(fields: &mut Fields) -> Result<(), Refusal> {
    match fields.text("domain_id")? {
        None => Ok(()),
        Some(_) => Err(Refusal::bad_request("Cannot change Domain ID")),
    }
}

/// A domain as the target of a role.
pub(super) fn target(request: &Request) -> Target {
    Target::Domain(request.param("domain").to_owned())
}
