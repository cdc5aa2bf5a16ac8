//! The stored part of the service list: regions, services, endpoints that an operator adds to the built-in ones.

use super::select::Select;
use crate::{Error, Row, Tx};

/// One region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionRow {
    /// Id, which is its name too.
    pub id: String,
    /// Free text.
    pub description: String,
    /// The region above it.
    pub parent_region_id: Option<String>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRow {
    /// Id.
    pub id: String,
    /// What it does: `image`, `identity`, …
    pub kind: String,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it is shown to clients.
    pub enabled: bool,
}

/// One endpoint of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// Id.
    pub id: String,
    /// Whose.
    pub service_id: String,
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// Where.
    pub region_id: Option<String>,
    /// Base address.
    pub url: String,
    /// Whether it is shown to clients.
    pub enabled: bool,
}

impl RegionRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self { id: row.get(0)?, description: row.get(1)?, parent_region_id: row.get(2)? })
    }
}

impl ServiceRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            name: row.get(2)?,
            description: row.get(3)?,
            enabled: row.get(4)?,
        })
    }
}

impl EndpointRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            service_id: row.get(1)?,
            interface: row.get(2)?,
            region_id: row.get(3)?,
            url: row.get(4)?,
            enabled: row.get(5)?,
        })
    }
}

/// Adds a region.
///
/// # Errors
/// An id that is taken, or the engine's.
pub fn insert_region(tx: &mut Tx<'_>, row: &RegionRow) -> Result<(), Error> {
    let RegionRow { id, description, parent_region_id } = row;
    tx.execute(
        "INSERT INTO identity_regions (id, description, parent_region_id) VALUES (?1, ?2, ?3)",
        &[id.into(), description.into(), parent_region_id.as_deref().into()],
    )?;
    Ok(())
}

/// Every stored region.
///
/// # Errors
/// The engine's.
pub fn list_regions(tx: &mut Tx<'_>) -> Result<Vec<RegionRow>, Error> {
    Select::new("SELECT id, description, parent_region_id FROM identity_regions WHERE 1 = 1")
        .rows(tx, "id")?
        .iter()
        .map(RegionRow::read)
        .collect()
}

/// Writes everything but the id. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn update_region(tx: &mut Tx<'_>, row: &RegionRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_regions SET description = ?2, parent_region_id = ?3 WHERE id = ?1",
        &[(&row.id).into(), (&row.description).into(), row.parent_region_id.as_deref().into()],
    )?;
    Ok(changed > 0)
}

/// Removes a region. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_region(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_regions WHERE id = ?1", &[id.into()])? > 0)
}

/// Adds a service.
///
/// # Errors
/// An id that is taken, or the engine's.
pub fn insert_service(tx: &mut Tx<'_>, row: &ServiceRow) -> Result<(), Error> {
    let ServiceRow { id, kind, name, description, enabled } = row;
    tx.execute(
        "INSERT INTO identity_services (id, kind, name, description, enabled) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[id.into(), kind.into(), name.into(), description.into(), (*enabled).into()],
    )?;
    Ok(())
}

/// Every stored service.
///
/// # Errors
/// The engine's.
pub fn list_services(tx: &mut Tx<'_>) -> Result<Vec<ServiceRow>, Error> {
    Select::new("SELECT id, kind, name, description, enabled FROM identity_services WHERE 1 = 1")
        .rows(tx, "kind, name, id")?
        .iter()
        .map(ServiceRow::read)
        .collect()
}

/// Writes everything but the id. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn update_service(tx: &mut Tx<'_>, row: &ServiceRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_services SET kind = ?2, name = ?3, description = ?4, enabled = ?5 WHERE id = ?1",
        &[(&row.id).into(), (&row.kind).into(), (&row.name).into(), (&row.description).into(), row.enabled.into()],
    )?;
    Ok(changed > 0)
}

/// Removes a service and its endpoints. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_service(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    tx.execute("DELETE FROM identity_endpoints WHERE service_id = ?1", &[id.into()])?;
    Ok(tx.execute("DELETE FROM identity_services WHERE id = ?1", &[id.into()])? > 0)
}

/// Adds an endpoint.
///
/// # Errors
/// An id that is taken, or the engine's.
pub fn insert_endpoint(tx: &mut Tx<'_>, row: &EndpointRow) -> Result<(), Error> {
    let EndpointRow { id, service_id, interface, region_id, url, enabled } = row;
    tx.execute(
        "INSERT INTO identity_endpoints (id, service_id, interface, region_id, url, enabled) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[id.into(), service_id.into(), interface.into(), region_id.as_deref().into(), url.into(), (*enabled).into()],
    )?;
    Ok(())
}

/// Every stored endpoint.
///
/// # Errors
/// The engine's.
pub fn list_endpoints(tx: &mut Tx<'_>) -> Result<Vec<EndpointRow>, Error> {
    Select::new("SELECT id, service_id, interface, region_id, url, enabled FROM identity_endpoints WHERE 1 = 1")
        .rows(tx, "service_id, region_id, interface, id")?
        .iter()
        .map(EndpointRow::read)
        .collect()
}

/// Writes everything but the id. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn update_endpoint(tx: &mut Tx<'_>, row: &EndpointRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_endpoints SET service_id = ?2, interface = ?3, region_id = ?4, url = ?5, enabled = ?6 \
         WHERE id = ?1",
        &[
            (&row.id).into(),
            (&row.service_id).into(),
            (&row.interface).into(),
            row.region_id.as_deref().into(),
            (&row.url).into(),
            row.enabled.into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Removes an endpoint. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_endpoint(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_endpoints WHERE id = ?1", &[id.into()])? > 0)
}
