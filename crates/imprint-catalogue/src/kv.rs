//! Small things that other crates keep in the catalogue, such as sealed signing keys. Never a plain secret.

use imprint_model::Timestamp;

use crate::{Error, Tx, params};

/// What is kept under `key`.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.query_opt("SELECT value FROM kv WHERE key = ?1", params![key])?;
    row.map(|row| row.get(0)).transpose()
}

/// Keeps `value` under `key`, whatever was there.
///
/// # Errors
/// The engine's.
pub fn put(tx: &mut Tx<'_>, key: &str, value: &[u8], now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kv (key, value, updated_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        params![key, value, now],
    )?;
    Ok(())
}

/// Keeps `value` under `key` unless something is there; returns what is kept in the end.
///
/// # Errors
/// The engine's.
pub fn put_if_absent(tx: &mut Tx<'_>, key: &str, value: &[u8], now: Timestamp) -> Result<Vec<u8>, Error> {
    let added = tx.execute(
        "INSERT INTO kv (key, value, updated_at) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO NOTHING",
        params![key, value, now],
    )?;
    if added > 0 {
        return Ok(value.to_vec());
    }
    get(tx, key)?.ok_or_else(|| Error::corrupt(format!("{key} is neither absent nor there")))
}
