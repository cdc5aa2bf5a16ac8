//! Access keys: an id, and a secret that only the identity crate can unseal.

use super::select::Select;
use crate::{Error, Row, Tx};

/// One access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyRow {
    /// Id, which is not secret.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// On behalf of which project it acts.
    pub project_id: String,
    /// The sealed secret.
    pub sealed_secret: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, user_id, project_id, sealed_secret, enabled, created_at FROM identity_access_keys";

impl AccessKeyRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            user_id: row.get(1)?,
            project_id: row.get(2)?,
            sealed_secret: row.get(3)?,
            enabled: row.get(4)?,
            created_at: row.get(5)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// An id that is taken, or the engine's.
pub fn insert_access_key(tx: &mut Tx<'_>, row: &AccessKeyRow) -> Result<(), Error> {
    let AccessKeyRow { id, user_id, project_id, sealed_secret, enabled, created_at } = row;
    tx.execute(
        "INSERT INTO identity_access_keys (id, user_id, project_id, sealed_secret, enabled, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[id.into(), user_id.into(), project_id.into(), sealed_secret.into(), (*enabled).into(), (*created_at).into()],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn access_key(tx: &mut Tx<'_>, id: &str) -> Result<Option<AccessKeyRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(AccessKeyRow::read).transpose()
}

/// All of a user or a project, or all there are.
///
/// # Errors
/// The engine's.
pub fn list_access_keys(
    tx: &mut Tx<'_>,
    user_id: Option<&str>,
    project_id: Option<&str>,
) -> Result<Vec<AccessKeyRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE 1 = 1"))
        .equals("user_id", user_id)
        .equals("project_id", project_id)
        .rows(tx, "created_at, id")?
        .iter()
        .map(AccessKeyRow::read)
        .collect()
}

/// Writes the sealed secret and the state. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn update_access_key(tx: &mut Tx<'_>, row: &AccessKeyRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_access_keys SET sealed_secret = ?2, enabled = ?3 WHERE id = ?1",
        &[(&row.id).into(), (&row.sealed_secret).into(), row.enabled.into()],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_access_key(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_access_keys WHERE id = ?1", &[id.into()])? > 0)
}

/// Removes all of a user.
///
/// # Errors
/// The engine's.
pub fn delete_access_keys_of_user(tx: &mut Tx<'_>, user_id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_access_keys WHERE user_id = ?1", &[user_id.into()])?;
    Ok(())
}

/// Removes all on a project.
///
/// # Errors
/// The engine's.
pub fn delete_access_keys_of_project(tx: &mut Tx<'_>, project_id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_access_keys WHERE project_id = ?1", &[project_id.into()])?;
    Ok(())
}
