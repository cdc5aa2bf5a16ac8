//! Services that an operator adds to the list; what this installation offers itself is shown and cannot be changed.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::Service;

use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::catalogue::{ServiceList, is_built_in};
use crate::error::Refusal;
use crate::fields::{Fields, filter};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_services", GET, "/services", list),
        asked!("create_service", POST, "/services", create),
        asked!("show_service", GET, "/services/{id}", show),
        asked!("update_service", PATCH, "/services/{id}", update),
        asked!("delete_service", DELETE, "/services/{id}", delete),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_services")?;
    let (name, kind) = (filter(&request, "name"), filter(&request, "type"));
    let url = parts.v3_url(&request);
    let all = ServiceList::load(&parts, &request).await?.services;
    let wanted = |row: &&Service| {
        name.as_ref().is_none_or(|name| row.name == *name) && kind.as_ref().is_none_or(|kind| row.kind == *kind)
    };
    listed(&parts, &request, "services", all.iter().filter(wanted).map(|row| view::service(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_service")?;
    let mut fields = Fields::read(&mut request, "service").await?;
    let new = Service {
        id: String::new(),
        kind: fields.needed_text("type")?,
        name: fields.text("name")?.unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        enabled: fields.flag("enabled")?.unwrap_or(true),
    };
    let row = parts.identity.create_service(new).await?;
    made("service", view::service(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("get_service")?;
    let row = find(&parts, &request).await?;
    shown("service", view::service(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_service")?;
    let mut fields = Fields::read(&mut request, "service").await?;
    let mut row = find(&parts, &request).await?;
    must_be_stored(&row.id)?;
    row.kind = fields.text("type")?.unwrap_or(row.kind);
    row.name = fields.text("name")?.unwrap_or(row.name);
    row.description = fields.text("description")?.unwrap_or(row.description);
    row.enabled = fields.flag("enabled")?.unwrap_or(row.enabled);
    let row = parts.identity.update_service(row).await?;
    shown("service", view::service(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_service")?;
    must_be_stored(request.param("id"))?;
    parts.identity.delete_service(request.param("id")).await?;
    done()
}

async fn find(parts: &Parts, request: &Request) -> Result<Service, Refusal> {
    let id = request.param("id");
    let all = ServiceList::load(parts, request).await?.services;
    all.into_iter().find(|row| row.id == id).ok_or_else(|| Refusal::not_found("service", id))
}

/// # Errors
/// 403 for what this installation offers itself.
pub(super) fn must_be_stored(id: &str) -> Result<(), Refusal> {
    if is_built_in(id) {
        let message = "This entry stands for the service you are talking to and follows its configuration.";
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, message));
    }
    Ok(())
}
