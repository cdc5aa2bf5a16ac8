//! Domains: name spaces of users and projects.

use super::select::Select;
use crate::{Error, Row, Tx};

/// One domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    /// Id.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether anybody of it may log in.
    pub enabled: bool,
    /// Further attributes: a JSON object.
    pub extra: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, name, description, enabled, extra, created_at FROM identity_domains";

impl DomainRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            enabled: row.get(3)?,
            extra: row.get(4)?,
            created_at: row.get(5)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name or id that is taken, or the engine's.
pub fn insert_domain(tx: &mut Tx<'_>, row: &DomainRow) -> Result<(), Error> {
    let DomainRow { id, name, description, enabled, extra, created_at } = row;
    tx.execute(
        "INSERT INTO identity_domains (id, name, description, enabled, extra, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[id.into(), name.into(), description.into(), (*enabled).into(), extra.into(), (*created_at).into()],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn domain(tx: &mut Tx<'_>, id: &str) -> Result<Option<DomainRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(DomainRow::read).transpose()
}

/// One by name.
///
/// # Errors
/// The engine's.
pub fn domain_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<DomainRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE name = ?1"), &[name.into()])?.as_ref().map(DomainRow::read).transpose()
}

/// All that have this name and state, if given.
///
/// # Errors
/// The engine's.
pub fn list_domains(tx: &mut Tx<'_>, name: Option<&str>, enabled: Option<bool>) -> Result<Vec<DomainRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE 1 = 1"))
        .equals("name", name)
        .equals("enabled", enabled)
        .rows(tx, "name, id")?
        .iter()
        .map(DomainRow::read)
        .collect()
}

/// Writes everything but the id and the time of making. Returns whether it was there.
///
/// # Errors
/// A name that is taken, or the engine's.
pub fn update_domain(tx: &mut Tx<'_>, row: &DomainRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_domains SET name = ?2, description = ?3, enabled = ?4, extra = ?5 WHERE id = ?1",
        &[(&row.id).into(), (&row.name).into(), (&row.description).into(), row.enabled.into(), (&row.extra).into()],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_domain(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_domains WHERE id = ?1", &[id.into()])? > 0)
}
