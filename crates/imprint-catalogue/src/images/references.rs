//! What images, snapshots and disks need of the content store: the roots that collection must keep, and the writers it must ask about.

use imprint_model::{ImageId, LeaseId, MapId};

use crate::{Error, Tx, params};

/// The columns that name maps.
pub(crate) const ROOTS: [(&str, &str); 4] =
    [("image", "content_map"), ("image", "staged_map"), ("snapshot", "content_map"), ("disk", "base_map")];

/// Every map that an image, a snapshot or a disk needs, once.
///
/// # Errors
/// The engine's.
pub fn maps(tx: &mut Tx<'_>) -> Result<Vec<MapId>, Error> {
    let selects = ROOTS.map(|(table, column)| format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL"));
    let rows = tx.query(&selects.join(" UNION "), &[])?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// Whether an image, a snapshot or a disk needs this map.
///
/// # Errors
/// The engine's.
pub fn uses_map(tx: &mut Tx<'_>, map: MapId) -> Result<bool, Error> {
    let selects = ROOTS.map(|(table, column)| format!("SELECT 1 FROM {table} WHERE {column} = ?1"));
    let rows = tx.query(&format!("{} LIMIT 1", selects.join(" UNION ALL ")), params![map])?;
    Ok(!rows.is_empty())
}

/// The images whose bytes are being written, and under which lease.
///
/// # Errors
/// The engine's.
pub fn writers(tx: &mut Tx<'_>) -> Result<Vec<(ImageId, LeaseId)>, Error> {
    let rows = tx.query("SELECT id, writer FROM image WHERE writer IS NOT NULL ORDER BY writer", &[])?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.parse(1)?))).collect()
}
