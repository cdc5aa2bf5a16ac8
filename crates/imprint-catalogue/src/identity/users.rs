//! Users and the hashes of their passwords.

use super::select::Select;
use crate::{Error, Row, Tx, Value};

/// One user, without the password's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Id.
    pub id: String,
    /// Its domain.
    pub domain_id: String,
    /// Unique within the domain.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Address.
    pub email: Option<String>,
    /// Whether the user may log in.
    pub enabled: bool,
    /// The project meant when none is named.
    pub default_project_id: Option<String>,
    /// Further attributes: a JSON object.
    pub extra: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// What a list of users is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// This name.
    pub name: Option<String>,
    /// In this domain.
    pub domain_id: Option<String>,
    /// In this state.
    pub enabled: Option<bool>,
}

const COLUMNS: &str = "SELECT id, domain_id, name, description, email, enabled, default_project_id, extra, created_at \
                       FROM identity_users";

impl UserRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            domain_id: row.get(1)?,
            name: row.get(2)?,
            description: row.get(3)?,
            email: row.get(4)?,
            enabled: row.get(5)?,
            default_project_id: row.get(6)?,
            extra: row.get(7)?,
            created_at: row.get(8)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name or id that is taken, or the engine's.
pub fn insert_user(tx: &mut Tx<'_>, row: &UserRow, password_hash: Option<&str>) -> Result<(), Error> {
    let UserRow { id, domain_id, name, description, email, enabled, default_project_id, extra, created_at } = row;
    tx.execute(
        "INSERT INTO identity_users \
         (id, domain_id, name, description, email, enabled, default_project_id, extra, created_at, password_hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            id.into(),
            domain_id.into(),
            name.into(),
            description.into(),
            email.as_deref().into(),
            (*enabled).into(),
            default_project_id.as_deref().into(),
            extra.into(),
            (*created_at).into(),
            password_hash.into(),
        ],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn user(tx: &mut Tx<'_>, id: &str) -> Result<Option<UserRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(UserRow::read).transpose()
}

/// One by its domain and name.
///
/// # Errors
/// The engine's.
pub fn user_by_name(tx: &mut Tx<'_>, domain_id: &str, name: &str) -> Result<Option<UserRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE domain_id = ?1 AND name = ?2"), &[domain_id.into(), name.into()])?
        .as_ref()
        .map(UserRow::read)
        .transpose()
}

/// The hash of a user's password; `None` when there is no such user or no password.
///
/// # Errors
/// The engine's.
pub fn password_hash(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>, Error> {
    match tx.query_opt("SELECT password_hash FROM identity_users WHERE id = ?1", &[id.into()])? {
        Some(row) => row.get(0),
        None => Ok(None),
    }
}

/// Replaces the hash of a user's password. Returns whether the user was there.
///
/// # Errors
/// The engine's.
pub fn set_password_hash(tx: &mut Tx<'_>, id: &str, hash: Option<&str>) -> Result<bool, Error> {
    let values: [Value; 2] = [id.into(), hash.into()];
    Ok(tx.execute("UPDATE identity_users SET password_hash = ?2 WHERE id = ?1", &values)? > 0)
}

/// All that meet the filter.
///
/// # Errors
/// The engine's.
pub fn list_users(tx: &mut Tx<'_>, filter: &UserFilter) -> Result<Vec<UserRow>, Error> {
    let UserFilter { name, domain_id, enabled } = filter;
    Select::new(&format!("{COLUMNS} WHERE 1 = 1"))
        .equals("name", name.as_deref())
        .equals("domain_id", domain_id.as_deref())
        .equals("enabled", *enabled)
        .rows(tx, "name, id")?
        .iter()
        .map(UserRow::read)
        .collect()
}

/// Writes everything but the id, the domain, the time of making and the password. Returns whether it was there.
///
/// # Errors
/// A name that is taken, or the engine's.
pub fn update_user(tx: &mut Tx<'_>, row: &UserRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_users SET name = ?2, description = ?3, email = ?4, enabled = ?5, default_project_id = ?6, \
         extra = ?7 WHERE id = ?1",
        &[
            (&row.id).into(),
            (&row.name).into(),
            (&row.description).into(),
            row.email.as_deref().into(),
            row.enabled.into(),
            row.default_project_id.as_deref().into(),
            (&row.extra).into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_user(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_users WHERE id = ?1", &[id.into()])? > 0)
}
