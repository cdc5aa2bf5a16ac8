//! Roles, and which role includes which.

use super::select::Select;
use crate::{Error, Row, Tx};

/// One role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Id.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Further attributes: a JSON object.
    pub extra: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, name, description, extra, created_at FROM identity_roles";

impl RoleRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            extra: row.get(3)?,
            created_at: row.get(4)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name or id that is taken, or the engine's.
pub fn insert_role(tx: &mut Tx<'_>, row: &RoleRow) -> Result<(), Error> {
    let RoleRow { id, name, description, extra, created_at } = row;
    tx.execute(
        "INSERT INTO identity_roles (id, name, description, extra, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[id.into(), name.into(), description.into(), extra.into(), (*created_at).into()],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn role(tx: &mut Tx<'_>, id: &str) -> Result<Option<RoleRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(RoleRow::read).transpose()
}

/// One by name.
///
/// # Errors
/// The engine's.
pub fn role_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<RoleRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE name = ?1"), &[name.into()])?.as_ref().map(RoleRow::read).transpose()
}

/// All, or the one of this name.
///
/// # Errors
/// The engine's.
pub fn list_roles(tx: &mut Tx<'_>, name: Option<&str>) -> Result<Vec<RoleRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE 1 = 1"))
        .equals("name", name)
        .rows(tx, "name, id")?
        .iter()
        .map(RoleRow::read)
        .collect()
}

/// Writes name, description and further attributes. Returns whether it was there.
///
/// # Errors
/// A name that is taken, or the engine's.
pub fn update_role(tx: &mut Tx<'_>, row: &RoleRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_roles SET name = ?2, description = ?3, extra = ?4 WHERE id = ?1",
        &[(&row.id).into(), (&row.name).into(), (&row.description).into(), (&row.extra).into()],
    )?;
    Ok(changed > 0)
}

/// Removes one and what it includes or is included in. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_role(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    tx.execute("DELETE FROM identity_role_implications WHERE role_id = ?1 OR implied_role_id = ?1", &[id.into()])?;
    Ok(tx.execute("DELETE FROM identity_roles WHERE id = ?1", &[id.into()])? > 0)
}

/// Records that holding one role is holding the other too; again is no error.
///
/// # Errors
/// The engine's.
pub fn insert_implication(tx: &mut Tx<'_>, role_id: &str, implied_role_id: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO identity_role_implications (role_id, implied_role_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        &[role_id.into(), implied_role_id.into()],
    )?;
    Ok(())
}

/// Every pair of a role and one it includes.
///
/// # Errors
/// The engine's.
pub fn list_implications(tx: &mut Tx<'_>) -> Result<Vec<(String, String)>, Error> {
    Select::new("SELECT role_id, implied_role_id FROM identity_role_implications WHERE 1 = 1")
        .rows(tx, "role_id, implied_role_id")?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}
