//! Users that an account's owner made: which account each belongs to, and its name there.

use super::select::{LIST_MAX, Select};
use crate::{Error, Row, Tx};

/// One user of an account. What else is known of it is in its user row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantUserRow {
    /// The user.
    pub user_id: String,
    /// The account it belongs to.
    pub project_id: String,
    /// Unique within the account.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// For people.
    pub comments: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT user_id, project_id, name, display_name, comments, created_at FROM identity_grant_users";

impl GrantUserRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            user_id: row.get(0)?,
            project_id: row.get(1)?,
            name: row.get(2)?,
            display_name: row.get(3)?,
            comments: row.get(4)?,
            created_at: row.get(5)?,
        })
    }
}

/// Adds one.
///
/// # Errors
/// A name or id that is taken, or the engine's.
pub fn insert_grant_user(tx: &mut Tx<'_>, row: &GrantUserRow) -> Result<(), Error> {
    let GrantUserRow { user_id, project_id, name, display_name, comments, created_at } = row;
    tx.execute(
        "INSERT INTO identity_grant_users (user_id, project_id, name, display_name, comments, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[user_id.into(), project_id.into(), name.into(), display_name.into(), comments.into(), (*created_at).into()],
    )?;
    Ok(())
}

/// One by its user.
///
/// # Errors
/// The engine's.
pub fn grant_user(tx: &mut Tx<'_>, user_id: &str) -> Result<Option<GrantUserRow>, Error> {
    let row = tx.query_opt(&format!("{COLUMNS} WHERE user_id = ?1"), &[user_id.into()])?;
    row.as_ref().map(GrantUserRow::read).transpose()
}

/// One by its account and name.
///
/// # Errors
/// The engine's.
pub fn grant_user_by_name(tx: &mut Tx<'_>, project_id: &str, name: &str) -> Result<Option<GrantUserRow>, Error> {
    let text = format!("{COLUMNS} WHERE project_id = ?1 AND name = ?2");
    tx.query_opt(&text, &[project_id.into(), name.into()])?.as_ref().map(GrantUserRow::read).transpose()
}

/// Users of an account by name: the first `limit` whose name comes after `after`.
///
/// # Errors
/// The engine's.
pub fn list_grant_users(
    tx: &mut Tx<'_>,
    project_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<GrantUserRow>, Error> {
    Select::new(&format!("{COLUMNS} WHERE project_id = ?1"))
        .bound(project_id)
        .after("name", after)
        .first(limit.min(LIST_MAX))
        .rows(tx, "name")?
        .iter()
        .map(GrantUserRow::read)
        .collect()
}

/// How many users an account has.
///
/// # Errors
/// The engine's.
pub fn count_grant_users(tx: &mut Tx<'_>, project_id: &str) -> Result<u64, Error> {
    super::select::count(tx, "SELECT COUNT(*) FROM identity_grant_users WHERE project_id = ?1", project_id)
}

/// Writes the names and comments. Returns whether it was there.
///
/// # Errors
/// A name that is taken, or the engine's.
pub fn update_grant_user(tx: &mut Tx<'_>, row: &GrantUserRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE identity_grant_users SET name = ?2, display_name = ?3, comments = ?4 WHERE user_id = ?1",
        &[(&row.user_id).into(), (&row.name).into(), (&row.display_name).into(), (&row.comments).into()],
    )?;
    Ok(changed > 0)
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_grant_user(tx: &mut Tx<'_>, user_id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM identity_grant_users WHERE user_id = ?1", &[user_id.into()])? > 0)
}
