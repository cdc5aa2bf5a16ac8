//! Application credentials: a part of a user's rights on one project, with a secret of its own.

use super::select::Select;
use crate::{Error, Row, Tx};

/// One application credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppCredentialRow {
    /// Id.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Where it acts.
    pub project_id: String,
    /// Unique for the user.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Hash of the secret.
    pub secret_hash: String,
    /// Ids of the roles it carries: a JSON array.
    pub role_ids: String,
    /// Whether it may make further credentials.
    pub unrestricted: bool,
    /// Microseconds since 1970.
    pub expires_at: Option<i64>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, user_id, project_id, name, description, secret_hash, role_ids, unrestricted, \
                       expires_at, created_at FROM identity_app_credentials";

impl AppCredentialRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            user_id: row.get(1)?,
            project_id: row.get(2)?,
            name: row.get(3)?,
            description: row.get(4)?,
            secret_hash: row.get(5)?,
            role_ids: row.get(6)?,
            unrestricted: row.get(7)?,
            expires_at: row.get(8)?,
            created_at: row.get(9)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name or id that is taken, or the engine's.
pub fn insert_app_credential(tx: &mut Tx<'_>, row: &AppCredentialRow) -> Result<(), Error> {
    let AppCredentialRow {
        id,
        user_id,
        project_id,
        name,
        description,
        secret_hash,
        role_ids,
        unrestricted,
        expires_at,
        created_at,
    } = row;
    tx.execute(
        "INSERT INTO identity_app_credentials \
         (id, user_id, project_id, name, description, secret_hash, role_ids, unrestricted, expires_at, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            id.into(),
            user_id.into(),
            project_id.into(),
            name.into(),
            description.into(),
            secret_hash.into(),
            role_ids.into(),
            (*unrestricted).into(),
            (*expires_at).into(),
            (*created_at).into(),
        ],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn app_credential(tx: &mut Tx<'_>, id: &str) -> Result<Option<AppCredentialRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(AppCredentialRow::read).transpose()
}

/// One by its user and name.
///
/// # Errors
/// The engine's.
pub fn app_credential_by_name(tx: &mut Tx<'_>, user_id: &str, name: &str) -> Result<Option<AppCredentialRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE user_id = ?1 AND name = ?2"), &[user_id.into(), name.into()])?
        .as_ref()
        .map(AppCredentialRow::read)
        .transpose()
}

/// All of a user, on a project, of a name: whatever is given.
///
/// # Errors
/// The engine's.
pub fn list_app_credentials(
    tx: &mut Tx<'_>,
    user_id: Option<&str>,
    project_id: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<AppCredentialRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE 1 = 1"))
        .equals("user_id", user_id)
        .equals("project_id", project_id)
        .equals("name", name)
        .rows(tx, "name, id")?
        .iter()
        .map(AppCredentialRow::read)
        .collect()
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_app_credential(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_app_credentials WHERE id = ?1", &[id.into()])? > 0)
}

/// Removes all of a user.
///
/// # Errors
/// The engine's.
pub fn delete_app_credentials_of_user(tx: &mut Tx<'_>, user_id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_app_credentials WHERE user_id = ?1", &[user_id.into()])?;
    Ok(())
}

/// Removes all on a project.
///
/// # Errors
/// The engine's.
pub fn delete_app_credentials_of_project(tx: &mut Tx<'_>, project_id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_app_credentials WHERE project_id = ?1", &[project_id.into()])?;
    Ok(())
}
