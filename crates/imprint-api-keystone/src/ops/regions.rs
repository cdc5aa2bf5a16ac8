//! Regions.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::Region;

use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::catalogue::ServiceList;
use crate::error::Refusal;
use crate::fields::{Fields, filter};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_regions", GET, "/regions", list),
        asked!("create_region", POST, "/regions", create),
        asked!("show_region", GET, "/regions/{id}", show),
        asked!("update_region", PATCH, "/regions/{id}", update),
        asked!("delete_region", DELETE, "/regions/{id}", delete),
    ]
}

async fn list(parts: Arc<Parts>, _: Asker, request: Request) -> Outcome {
    let parent = filter(&request, "parent_region_id");
    let all = ServiceList::load(&parts, &request).await?.regions;
    let wanted = |row: &&Region| parent.as_ref().is_none_or(|parent| row.parent_region_id.as_ref() == Some(parent));
    let url = parts.v3_url(&request);
    listed(&parts, &request, "regions", all.iter().filter(wanted).map(|row| view::region(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_region")?;
    let mut fields = Fields::read(&mut request, "region").await?;
    let new = Region {
        id: fields.text("id")?.unwrap_or_default(),
        description: fields.text("description")?.unwrap_or_default(),
        parent_region_id: fields.text("parent_region_id")?,
    };
    let known = ServiceList::load(&parts, &request).await?.regions;
    if known.iter().any(|row| row.id == new.id) {
        return Err(Refusal::new(http::StatusCode::CONFLICT, format!("Duplicate ID, {}.", new.id)));
    }
    check_parent(&known, &new)?;
    let row = parts.identity.create_region(new).await?;
    made("region", view::region(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, _: Asker, request: Request) -> Outcome {
    let row = find(ServiceList::load(&parts, &request).await?.regions, request.param("id"))?;
    shown("region", view::region(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_region")?;
    let mut fields = Fields::read(&mut request, "region").await?;
    let known = ServiceList::load(&parts, &request).await?.regions;
    let mut row = find(known.clone(), request.param("id"))?;
    must_be_stored(&parts, &row.id)?;
    row.description = fields.text("description")?.unwrap_or(row.description);
    row.parent_region_id = fields.nullable_text("parent_region_id")?.unwrap_or(row.parent_region_id);
    check_parent(&known, &row)?;
    let row = parts.identity.update_region(row).await?;
    shown("region", view::region(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_region")?;
    must_be_stored(&parts, request.param("id"))?;
    parts.identity.delete_region(request.param("id")).await?;
    done()
}

fn must_be_stored(parts: &Parts, id: &str) -> Result<(), Refusal> {
    if parts.regions.iter().any(|configured| configured == id) {
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, "This region follows the configuration of the service."));
    }
    Ok(())
}

fn check_parent(known: &[Region], row: &Region) -> Result<(), Refusal> {
    match &row.parent_region_id {
        Some(parent) if *parent == row.id || !known.iter().any(|region| region.id == *parent) => {
            Err(Refusal::bad_request(format!("Could not find region: {parent}.")))
        }
        _ => Ok(()),
    }
}

fn find(all: Vec<Region>, id: &str) -> Result<Region, Refusal> {
    all.into_iter().find(|row| row.id == id).ok_or_else(|| Refusal::not_found("region", id))
}
