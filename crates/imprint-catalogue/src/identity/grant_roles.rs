//! Roles of an account that others may take on for a while.

use super::select::{LIST_MAX, Select};
use crate::{Error, Row, Tx};

/// One such role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRoleRow {
    /// Id.
    pub id: String,
    /// Whose.
    pub project_id: String,
    /// Unique within the account.
    pub name: String,
    /// Who may take it on: a document that nobody here looks into.
    pub trust_document: String,
    /// For people.
    pub description: String,
    /// How long it can be taken on, seconds.
    pub max_session_secs: i64,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, project_id, name, trust_document, description, max_session_secs, created_at \
                       FROM identity_grant_roles";

impl GrantRoleRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            project_id: row.get(1)?,
            name: row.get(2)?,
            trust_document: row.get(3)?,
            description: row.get(4)?,
            max_session_secs: row.get(5)?,
            created_at: row.get(6)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name or id that is taken, or the engine's.
pub fn insert_grant_role(tx: &mut Tx<'_>, row: &GrantRoleRow) -> Result<(), Error> {
    let GrantRoleRow { id, project_id, name, trust_document, description, max_session_secs, created_at } = row;
    tx.execute(
        "INSERT INTO identity_grant_roles \
         (id, project_id, name, trust_document, description, max_session_secs, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            id.into(),
            project_id.into(),
            name.into(),
            trust_document.into(),
            description.into(),
            (*max_session_secs).into(),
            (*created_at).into(),
        ],
    )?;
    Ok(())
}

/// One by id.
///
/// # Errors
/// The engine's.
pub fn grant_role(tx: &mut Tx<'_>, id: &str) -> Result<Option<GrantRoleRow>, Error> {
    tx.query_opt(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?.as_ref().map(GrantRoleRow::read).transpose()
}

/// One by its account and name.
///
/// # Errors
/// The engine's.
pub fn grant_role_by_name(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<Option<GrantRoleRow>, Error> {
    let text = format!("{COLUMNS} WHERE project_id = ?1 AND name = ?2");
    tx.query_opt(&text, &[project_id.into(), name.into()])?.as_ref().map(GrantRoleRow::read).transpose()
}

/// Roles of an account by name: the first `limit` whose name comes after `after`.
///
/// # Errors
/// The engine's.
pub fn list_grant_roles(
    tx: &mut Tx<'_>,
    project_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<GrantRoleRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE project_id = ?1"))
        .bound(project_id)
        .after("name", after)
        .first(limit.min(LIST_MAX))
        .rows(tx, "name")?
        .iter()
        .map(GrantRoleRow::read)
        .collect()
}

/// How many roles an account has.
///
/// # Errors
/// The engine's.
pub fn count_grant_roles(tx: &mut Tx<'_>, project_id: &str) -> Result<u64, Error> {
    super::select::count(tx, "SELECT COUNT(*) FROM identity_grant_roles WHERE project_id = ?1", project_id)
}

/// Writes who may take it on, the description and the time it can be taken on. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn update_grant_role(tx: &mut Tx<'_>, row: &GrantRoleRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_grant_roles SET trust_document = ?2, description = ?3, max_session_secs = ?4 WHERE id = ?1",
        &[(&row.id).into(), (&row.trust_document).into(), (&row.description).into(), row.max_session_secs.into()],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_grant_role(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_grant_roles WHERE id = ?1", &[id.into()])? > 0)
}
