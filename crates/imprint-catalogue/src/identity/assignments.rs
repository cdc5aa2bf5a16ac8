//! Which user holds which role where.

use super::select::Select;
use crate::{Error, Tx, Value};

/// A user holds a role on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentRow {
    /// Who.
    pub user_id: String,
    /// `project`, `domain` or `system`.
    pub target_kind: String,
    /// The project's or domain's id, or `all`.
    pub target_id: String,
    /// Which role.
    pub role_id: String,
}

/// What a list of assignments is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct AssignmentFilter {
    /// Held by this user.
    pub user_id: Option<String>,
    /// On this kind of target.
    pub target_kind: Option<String>,
    /// On the target with this id.
    pub target_id: Option<String>,
    /// Of this role.
    pub role_id: Option<String>,
}

impl AssignmentRow {
    fn values(&self) -> [Value; 4] {
        let Self { user_id, target_kind, target_id, role_id } = self;
        [user_id.into(), target_kind.into(), target_id.into(), role_id.into()]
    }
}

/// Adds one; again is no error.
///
/// # Errors
/// The engine's.
pub fn insert_assignment(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO identity_assignments (user_id, target_kind, target_id, role_id) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO NOTHING",
        &row.values(),
    )?;
    Ok(())
}

/// Whether it is there.
///
/// # Errors
/// The engine's.
pub fn has_assignment(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<bool, Error> {
    let found = tx.query_opt(
        "SELECT role_id FROM identity_assignments \
         WHERE user_id = ?1 AND target_kind = ?2 AND target_id = ?3 AND role_id = ?4",
        &row.values(),
    )?;
    Ok(found.is_some())
}

/// Removes one. Returns whether it was there.
///
/// # Errors
/// The engine's.
pub fn remove_assignment(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<bool, Error> {
    let changed = tx.execute(
        "DELETE FROM identity_assignments WHERE user_id = ?1 AND target_kind = ?2 AND target_id = ?3 AND role_id = ?4",
        &row.values(),
    )?;
    Ok(changed > 0)
}

/// All that meet the filter.
///
/// # Errors
/// The engine's.
pub fn list_assignments(tx: &mut Tx<'_>, filter: &AssignmentFilter) -> Result<Vec<AssignmentRow>, Error> {
    let AssignmentFilter { user_id, target_kind, target_id, role_id } = filter;
    Select::new("SELECT user_id, target_kind, target_id, role_id FROM identity_assignments WHERE 1 = 1")
        .equals("user_id", user_id.as_deref())
        .equals("target_kind", target_kind.as_deref())
        .equals("target_id", target_id.as_deref())
        .equals("role_id", role_id.as_deref())
        .rows(tx, "target_kind, target_id, user_id, role_id")?
        .iter()
        .map(|row| {
            Ok(AssignmentRow {
                user_id: row.get(0)?,
                target_kind: row.get(1)?,
                target_id: row.get(2)?,
                role_id: row.get(3)?,
            })
        })
        .collect()
}

/// Removes all that a user holds.
///
/// # Errors
/// The engine's.
pub fn delete_assignments_of_user(tx: &mut Tx<'_>, user_id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_assignments WHERE user_id = ?1", &[user_id.into()])?;
    Ok(())
}

/// Removes all on a target.
///
/// # Errors
/// The engine's.
pub fn delete_assignments_of_target(tx: &mut Tx<'_>, target_kind: &str, target_id: &str) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM identity_assignments WHERE target_kind = ?1 AND target_id = ?2",
        &[target_kind.into(), target_id.into()],
    )?;
    Ok(())
}

/// Removes all of a role.
///
/// # Errors
/// The engine's.
pub fn delete_assignments_of_role(tx: &mut Tx<'_>, role_id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_assignments WHERE role_id = ?1", &[role_id.into()])?;
    Ok(())
}
