//! Endpoints of services.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::Endpoint;

use super::services::must_be_stored;
use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::catalogue::ServiceList;
use crate::error::Refusal;
use crate::fields::{Fields, filter};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_endpoints", GET, "/endpoints", list),
        asked!("create_endpoint", POST, "/endpoints", create),
        asked!("show_endpoint", GET, "/endpoints/{id}", show),
        asked!("update_endpoint", PATCH, "/endpoints/{id}", update),
        asked!("delete_endpoint", DELETE, "/endpoints/{id}", delete),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_endpoints")?;
    let service = filter(&request, "service_id");
    let interface = filter(&request, "interface");
    let region = filter(&request, "region_id").or_else(|| filter(&request, "region"));
    let all = ServiceList::load(&parts, &request).await?.endpoints;
    let wanted = |row: &&Endpoint| {
        service.as_ref().is_none_or(|service| row.service_id == *service)
            && interface.as_ref().is_none_or(|interface| row.interface == *interface)
            && region.as_ref().is_none_or(|region| row.region_id.as_ref() == Some(region))
    };
    let url = parts.v3_url(&request);
    listed(&parts, &request, "endpoints", all.iter().filter(wanted).map(|row| view::endpoint(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_endpoint")?;
    let mut fields = Fields::read(&mut request, "endpoint").await?;
    let new = Endpoint {
        id: String::new(),
        service_id: fields.needed_text("service_id")?,
        interface: fields.needed_text("interface")?,
        region_id: read_region(&mut fields)?,
        url: fields.needed_text("url")?,
        enabled: fields.flag("enabled")?.unwrap_or(true),
    };
    let known = ServiceList::load(&parts, &request).await?;
    check_references(&known, &new)?;
    let row = parts.identity.create_endpoint(new).await?;
    made("endpoint", view::endpoint(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("get_endpoint")?;
    let row = find(ServiceList::load(&parts, &request).await?, request.param("id"))?;
    shown("endpoint", view::endpoint(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_endpoint")?;
    let mut fields = Fields::read(&mut request, "endpoint").await?;
    let mut row = find(ServiceList::load(&parts, &request).await?, request.param("id"))?;
    must_be_stored(&row.id)?;
    row.service_id = fields.text("service_id")?.unwrap_or(row.service_id);
    row.interface = fields.text("interface")?.unwrap_or(row.interface);
    row.region_id = read_region(&mut fields)?.or(row.region_id);
    row.url = fields.text("url")?.unwrap_or(row.url);
    row.enabled = fields.flag("enabled")?.unwrap_or(row.enabled);
    check_references(&ServiceList::load(&parts, &request).await?, &row)?;
    let row = parts.identity.update_endpoint(row).await?;
    shown("endpoint", view::endpoint(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_endpoint")?;
    must_be_stored(request.param("id"))?;
    parts.identity.delete_endpoint(request.param("id")).await?;
    done()
}

/// Old clients say `region`, new ones `region_id`.
fn read_region(fields: &mut Fields) -> Result<Option<String>, Refusal> {
    let new = fields.text("region_id")?;
    Ok(new.or(fields.text("region")?))
}

fn check_references(known: &ServiceList, row: &Endpoint) -> Result<(), Refusal> {
    if !known.services.iter().any(|service| service.id == row.service_id) {
        return Err(Refusal::bad_request(format!("Could not find service: {}.", row.service_id)));
    }
    match &row.region_id {
        Some(id) if !known.regions.iter().any(|region| region.id == *id) => {
            Err(Refusal::bad_request(format!("Could not find region: {id}.")))
        }
        _ => Ok(()),
    }
}

fn find(all: ServiceList, id: &str) -> Result<Endpoint, Refusal> {
    all.endpoints.into_iter().find(|row| row.id == id).ok_or_else(|| Refusal::not_found("endpoint", id))
}
