//! Which policies hold for whom.

use super::select::Select;
use crate::{Error, Row, Tx};

/// A policy that holds for a user or a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantAttachmentRow {
    /// Whose users and roles.
    pub project_id: String,
    /// Whether everybody has the policy or the account wrote it, in the identity crate's words.
    pub policy_kind: String,
    /// Its name.
    pub policy_name: String,
    /// Whether the principal is a user or a role, in the identity crate's words.
    pub principal_kind: String,
    /// The user or the role.
    pub principal_id: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT project_id, policy_kind, policy_name, principal_kind, principal_id, created_at \
                       FROM identity_grant_attachments WHERE 1 = 1";

impl GrantAttachmentRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get(0)?,
            policy_kind: row.get(1)?,
            policy_name: row.get(2)?,
            principal_kind: row.get(3)?,
            principal_id: row.get(4)?,
            created_at: row.get(5)?,
        })
    }
}

/// Adds one. False when it was there, and is left as it was.
///
/// # Errors
/// The engine's.
pub fn insert_grant_attachment(tx: &mut Tx<'_>, row: &GrantAttachmentRow) -> Result<bool, Error> {
    let GrantAttachmentRow { project_id, policy_kind, policy_name, principal_kind, principal_id, created_at } = row;
    let added = tx.execute(
        "INSERT INTO identity_grant_attachments \
         (project_id, policy_kind, policy_name, principal_kind, principal_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        &[
            project_id.into(),
            policy_kind.into(),
            policy_name.into(),
            principal_kind.into(),
            principal_id.into(),
            (*created_at).into(),
        ],
    )?;
    Ok(added > 0)
}

/// Removes one, whenever it was made. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn delete_grant_attachment(tx: &mut Tx<'_>, row: &GrantAttachmentRow) -> Result<bool, Error> {
    let GrantAttachmentRow { project_id, policy_kind, policy_name, principal_kind, principal_id, created_at: _ } = row;
    let removed = tx.execute(
        "DELETE FROM identity_grant_attachments WHERE project_id = ?1 AND policy_kind = ?2 AND policy_name = ?3 \
         AND principal_kind = ?4 AND principal_id = ?5",
        &[project_id.into(), policy_kind.into(), policy_name.into(), principal_kind.into(), principal_id.into()],
    )?;
    Ok(removed > 0)
}

/// All of one user or role, in the order they were made.
///
/// # Errors
/// The engine's.
pub fn grant_attachments_of(
    tx: &mut Tx<'_>,
    principal_kind: &str,
    principal_id: &str,
) -> Result<Vec<GrantAttachmentRow>, Error> {
    Select::new(COLUMNS)
        .equals("principal_kind", Some(principal_kind))
        .equals("principal_id", Some(principal_id))
        .rows(tx, "created_at, policy_kind, policy_name")?
        .iter()
        .map(GrantAttachmentRow::read)
        .collect()
}

/// All of one policy among an account's users and roles, in the order they were made.
///
/// # Errors
/// The engine's.
pub fn grant_attachments_of_policy(
    tx: &mut Tx<'_>,
    project_id: &str,
    policy_kind: &str,
    policy_name: &str,
) -> Result<Vec<GrantAttachmentRow>, Error> {
    Select::new(COLUMNS)
        .equals("project_id", Some(project_id))
        .equals("policy_kind", Some(policy_kind))
        .equals("policy_name", Some(policy_name))
        .rows(tx, "created_at, principal_kind, principal_id")?
        .iter()
        .map(GrantAttachmentRow::read)
        .collect()
}

/// Removes all of one user or role; returns how many.
///
/// # Errors
/// The engine's.
pub fn delete_grant_attachments_of(tx: &mut Tx<'_>, principal_kind: &str, principal_id: &str) -> Result<u64, Error> {
    tx.execute(
        "DELETE FROM identity_grant_attachments WHERE principal_kind = ?1 AND principal_id = ?2",
        &[principal_kind.into(), principal_id.into()],
    )
}

/// Removes an account's policies and roles, and what holds for whom in it. Its users go one by one.
///
/// # Errors
/// The engine's.
pub fn delete_grants_of_project(tx: &mut Tx<'_>, project_id: &str) -> Result<(), Error> {
    for table in ["identity_grant_attachments", "identity_grant_roles", "identity_grant_policies"] {
        tx.execute(&format!("DELETE FROM {table} WHERE project_id = ?1"), &[project_id.into()])?;
    }
    Ok(())
}
