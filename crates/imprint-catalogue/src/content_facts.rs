//! What was found out about stored bytes, kept with the bytes: a row for a map and the name of what was found out. What
//! a value means is decided above.

use std::collections::BTreeMap;

use imprint_model::{MapId, Timestamp};

use crate::images::ROOTS;
use crate::{Error, ErrorKind, Tx, Value, params};

/// Maps of one [`of_maps`] at most.
pub const MAPS_MAX: usize = 1_000;

/// What is kept of `map` under `name`.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, map: MapId, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.query_opt("SELECT value FROM content_fact WHERE map = ?1 AND name = ?2", params![map, name])?;
    row.map(|row| row.get(0)).transpose()
}

/// What is kept of each of these maps under `name`.
///
/// # Errors
/// [`ErrorKind::Other`] for more than [`MAPS_MAX`] maps.
pub fn of_maps(tx: &mut Tx<'_>, maps: &[MapId], name: &str) -> Result<BTreeMap<MapId, Vec<u8>>, Error> {
    if maps.is_empty() {
        return Ok(BTreeMap::new());
    }
    if maps.len() > MAPS_MAX {
        return Err(Error::new(ErrorKind::Other, format!("a question names more than {MAPS_MAX} maps")));
    }
    let mut values: Vec<Value> = vec![name.into()];
    values.extend(maps.iter().map(Value::from));
    let places: Vec<String> = (2..=values.len()).map(|place| format!("?{place}")).collect();
    let text = format!("SELECT map, value FROM content_fact WHERE name = ?1 AND map IN ({})", places.join(", "));
    tx.query(&text, &values)?.iter().map(|row| Ok((row.parse(0)?, row.get(1)?))).collect()
}

/// Keeps `value` of `map` under `name`, whatever was there.
///
/// # Errors
/// The engine's.
pub fn put(tx: &mut Tx<'_>, map: MapId, name: &str, value: &[u8], now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO content_fact (map, name, value, created_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (map, name) DO UPDATE SET value = excluded.value, created_at = excluded.created_at",
        params![map, name, value, now],
    )?;
    Ok(())
}

/// Forgets everything kept of bytes that no image, snapshot or disk names any more; returns how much that was.
///
/// # Errors
/// The engine's.
pub fn remove_unused(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let unused = ROOTS
        .map(|(table, column)| format!("NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{column} = content_fact.map)"));
    tx.execute(&format!("DELETE FROM content_fact WHERE {}", unused.join(" AND ")), &[])
}
