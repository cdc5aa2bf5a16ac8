//! The sealed keys that sign tokens, shared by all nodes.

use crate::{Error, Tx};

/// One signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKeyRow {
    /// Its number; a higher one is newer.
    pub id: i64,
    /// The sealed key.
    pub sealed_secret: String,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// Adds one.
///
/// # Errors
/// A number that is taken, or the engine's.
pub fn insert_token_key(tx: &mut Tx<'_>, row: &TokenKeyRow) -> Result<(), Error> {
    let TokenKeyRow { id, sealed_secret, created_at } = row;
    tx.execute(
        "INSERT INTO identity_token_keys (id, sealed_secret, created_at) VALUES (?1, ?2, ?3)",
        &[(*id).into(), sealed_secret.into(), (*created_at).into()],
    )?;
    Ok(())
}

/// All, oldest first. There are never more than a few.
///
/// # Errors
/// The engine's.
pub fn list_token_keys(tx: &mut Tx<'_>) -> Result<Vec<TokenKeyRow>, Error> {
    tx.query("SELECT id, sealed_secret, created_at FROM identity_token_keys ORDER BY id LIMIT 1000", &[])?
        .iter()
        .map(|row| Ok(TokenKeyRow { id: row.get(0)?, sealed_secret: row.get(1)?, created_at: row.get(2)? }))
        .collect()
}

/// Removes one.
///
/// # Errors
/// The engine's.
pub fn delete_token_key(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_token_keys WHERE id = ?1", &[id.into()])?;
    Ok(())
}
