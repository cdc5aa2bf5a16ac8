//! Policies that an account's owner wrote: documents that nobody here looks into.

use super::select::{LIST_MAX, Select};
use crate::{Error, Row, Tx};

/// One policy of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantPolicyRow {
    /// Whose.
    pub project_id: String,
    /// Unique within the account.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it says.
    pub document: String,
    /// Microseconds since 1970.
    pub created_at: i64,
    /// Microseconds since 1970.
    pub updated_at: i64,
}

const COLUMNS: &str =
    "SELECT project_id, name, description, document, created_at, updated_at FROM identity_grant_policies";

impl GrantPolicyRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            document: row.get(3)?,
            created_at: row.get(4)?,
            updated_at: row.get(5)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name that is taken, or the engine's.
pub fn insert_grant_policy(tx: &mut Tx<'_>, row: &GrantPolicyRow) -> Result<(), Error> {
    let GrantPolicyRow { project_id, name, description, document, created_at, updated_at } = row;
    tx.execute(
        "INSERT INTO identity_grant_policies (project_id, name, description, document, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            project_id.into(),
            name.into(),
            description.into(),
            document.into(),
            (*created_at).into(),
            (*updated_at).into(),
        ],
    )?;
    Ok(())
}

/// One by its account and name.
///
/// # Errors
/// The engine's.
pub fn grant_policy(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<Option<GrantPolicyRow>, Error> {
    let text = format!("{COLUMNS} WHERE project_id = ?1 AND name = ?2");
    tx.query_opt(&text, &[project_id.into(), name.into()])?.as_ref().map(GrantPolicyRow::read).transpose()
}

/// Policies of an account by name: the first `limit` whose name comes after `after`.
///
/// # Errors
/// The engine's.
pub fn list_grant_policies(
    tx: &mut Tx<'_>,
    project_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<GrantPolicyRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE project_id = ?1"))
        .bound(project_id)
        .after("name", after)
        .first(limit.min(LIST_MAX))
        .rows(tx, "name")?
        .iter()
        .map(GrantPolicyRow::read)
        .collect()
}

/// How many policies an account has.
///
/// # Errors
/// The engine's.
pub fn count_grant_policies(tx: &mut Tx<'_>, project_id: &str) -> Result<u64, Error> {
    super::select::count(tx, "SELECT COUNT(*) FROM identity_grant_policies WHERE project_id = ?1", project_id)
}

/// Writes the description, the document and the time of the change. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn update_grant_policy(tx: &mut Tx<'_>, row: &GrantPolicyRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_grant_policies SET description = ?3, document = ?4, updated_at = ?5 \
         WHERE project_id = ?1 AND name = ?2",
        &[
            (&row.project_id).into(),
            (&row.name).into(),
            (&row.description).into(),
            (&row.document).into(),
            row.updated_at.into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_grant_policy(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<bool, Error> {
    let text = "DELETE FROM identity_grant_policies WHERE project_id = ?1 AND name = ?2";
    Ok(tx.execute(text, &[project_id.into(), name.into()])? > 0)
}
