//! Revocations: a numbered log that every node follows, saying which tokens no longer count.

use crate::{Error, Tx};

/// One revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRow {
    /// Its number. A higher one was committed later.
    pub id: i64,
    /// What `subject` names.
    pub kind: String,
    /// Whose tokens.
    pub subject: String,
}

/// Adds one and returns its number.
///
/// # Errors
/// The engine's.
pub fn insert_revocation(tx: &mut Tx<'_>, kind: &str, subject: &str, created_at: i64) -> Result<i64, Error> {
    // The counter's row stays locked until the transaction ends, so numbers become visible in order and a node that
    // has read up to a number has missed nothing below it.
    tx.execute("UPDATE identity_counters SET value = value + 1 WHERE name = 'revocations'", &[])?;
    let id = last_revocation(tx)?;
    tx.execute(
        "INSERT INTO identity_revocations (id, kind, subject, created_at) VALUES (?1, ?2, ?3, ?4)",
        &[id.into(), kind.into(), subject.into(), created_at.into()],
    )?;
    Ok(id)
}

/// The highest number given so far.
///
/// # Errors
/// The engine's.
pub fn last_revocation(tx: &mut Tx<'_>) -> Result<i64, Error> {
    match tx.query_opt("SELECT value FROM identity_counters WHERE name = 'revocations'", &[])? {
        Some(row) => row.get(0),
        None => Ok(0),
    }
}

/// At most `limit` revocations numbered above `after`, in order.
///
/// # Errors
/// The engine's.
pub fn revocations_after(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<Vec<RevocationRow>, Error> {
    tx.query(
        "SELECT id, kind, subject FROM identity_revocations WHERE id > ?1 ORDER BY id LIMIT ?2",
        &[after.into(), limit.into()],
    )?
    .iter()
    .map(|row| Ok(RevocationRow { id: row.get(0)?, kind: row.get(1)?, subject: row.get(2)? }))
    .collect()
}

/// Forgets revocations older than `before` (microseconds): every token they could hit has expired.
///
/// # Errors
/// The engine's.
pub fn prune_revocations(tx: &mut Tx<'_>, before: i64) -> Result<u64, Error> {
    tx.execute("DELETE FROM identity_revocations WHERE created_at < ?1", &[before.into()])
}
