//! What images need of the content store: the roots that collection must keep, and the writers it must ask about.

use imprint_model::{ImageId, LeaseId, MapId};

use crate::{Error, Tx, params};

/// Every map that an image needs, once.
///
/// # Errors
/// The engine's.
pub fn maps(tx: &mut Tx<'_>) -> Result<Vec<MapId>, Error> {
    let rows = tx.query(
        "SELECT content_map FROM image WHERE content_map IS NOT NULL \
         UNION SELECT staged_map FROM image WHERE staged_map IS NOT NULL",
        &[],
    )?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// Whether an image needs this map.
///
/// # Errors
/// The engine's.
pub fn uses_map(tx: &mut Tx<'_>, map: MapId) -> Result<bool, Error> {
    let rows = tx.query(
        "SELECT 1 FROM image WHERE content_map = ?1 UNION ALL SELECT 1 FROM image WHERE staged_map = ?1 LIMIT 1",
        params![map],
    )?;
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
