//! Groups that an account sorts its things into. Every account has a default group besides, which has no row.

use imprint_model::{ProjectId, Timestamp};

use crate::{Error, Row, Tx, params};

/// Groups listed at most; quotas keep real accounts far below.
const LIST_MAX: u32 = 10_000;

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroup {
    /// Its id, in the form of the dialect that made it.
    pub id: String,
    /// Whose.
    pub owner: ProjectId,
    /// Unique within the account.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "SELECT id, owner, name, display_name, created_at FROM resource_group";

fn read(row: &Row) -> Result<ResourceGroup, Error> {
    Ok(ResourceGroup {
        id: row.get(0)?,
        owner: row.get(1)?,
        name: row.get(2)?,
        display_name: row.get(3)?,
        created_at: row.get(4)?,
    })
}

/// Adds a group.
///
/// # Errors
/// [`crate::ErrorKind::Duplicate`] when the id or the account's name is taken.
pub fn insert(tx: &mut Tx<'_>, group: &ResourceGroup) -> Result<(), Error> {
    let ResourceGroup { id, owner, name, display_name, created_at } = group;
    tx.execute(
        "INSERT INTO resource_group (id, owner, name, display_name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, owner, name, display_name, *created_at],
    )?;
    Ok(())
}

/// One group of an account.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, owner: &ProjectId, id: &str) -> Result<Option<ResourceGroup>, Error> {
    let row = tx.query_opt(&format!("{COLUMNS} WHERE id = ?1 AND owner = ?2"), params![id, owner])?;
    row.as_ref().map(read).transpose()
}

/// All groups of an account, oldest first.
///
/// # Errors
/// The engine's.
pub fn list(tx: &mut Tx<'_>, owner: &ProjectId) -> Result<Vec<ResourceGroup>, Error> {
    let text = format!("{COLUMNS} WHERE owner = ?1 ORDER BY created_at, id LIMIT {LIST_MAX}");
    tx.query(&text, params![owner])?.iter().map(read).collect()
}

/// Removes a group of an account; what was in it still names it. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete(tx: &mut Tx<'_>, owner: &ProjectId, id: &str) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM resource_group WHERE id = ?1 AND owner = ?2", params![id, owner])? > 0)
}

/// Whether an image, snapshot, disk or machine of the account is in the group.
///
/// # Errors
/// The engine's.
pub fn is_used(tx: &mut Tx<'_>, owner: &ProjectId, id: &str) -> Result<bool, Error> {
    for table in ["image", "snapshot", "disk", "instance"] {
        let text = format!("SELECT 1 FROM {table} WHERE owner = ?1 AND resource_group = ?2 LIMIT 1");
        if !tx.query(&text, params![owner, id])?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
