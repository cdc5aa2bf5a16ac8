//! Limits that differ from the defaults, by account. What they mean is decided above.

use imprint_model::ProjectId;

use crate::{Error, Tx, params};

/// The limit `name` of `project`, if it has one of its own.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, project: &ProjectId, name: &str) -> Result<Option<i64>, Error> {
    let row = tx.query_opt("SELECT most FROM quota WHERE project = ?1 AND name = ?2", params![project, name])?;
    row.map(|row| row.get(0)).transpose()
}

/// Gives `project` a limit of its own, or takes it away.
///
/// # Errors
/// The engine's.
pub fn set(tx: &mut Tx<'_>, project: &ProjectId, name: &str, most: Option<i64>) -> Result<(), Error> {
    match most {
        Some(most) => tx.execute(
            "INSERT INTO quota (project, name, most) VALUES (?1, ?2, ?3) \
             ON CONFLICT (project, name) DO UPDATE SET most = excluded.most",
            params![project, name, most],
        )?,
        None => tx.execute("DELETE FROM quota WHERE project = ?1 AND name = ?2", params![project, name])?,
    };
    Ok(())
}

/// All limits that `project` has of its own, by name.
///
/// # Errors
/// The engine's.
pub fn list(tx: &mut Tx<'_>, project: &ProjectId) -> Result<Vec<(String, i64)>, Error> {
    let rows = tx.query("SELECT name, most FROM quota WHERE project = ?1 ORDER BY name", params![project])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
