//! Names under which disks are read over the network until some time. Only digests of names are kept.

use imprint_model::{ImageId, SnapshotId, Timestamp};

use crate::{Error, Tx, params};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// An image's disk.
    Image(ImageId),
    /// A snapshot's.
    Snapshot(SnapshotId),
}

/// Keeps a new name's digest until `expires`.
///
/// # Errors
/// The engine's.
pub fn add(tx: &mut Tx<'_>, digest: &str, named: Named, expires: Timestamp) -> Result<(), Error> {
    let (image, snapshot) = match named {
        Named::Image(id) => (Some(id), None),
        Named::Snapshot(id) => (None, Some(id)),
    };
    tx.execute(
        "INSERT INTO nbd_name (digest, image_id, snapshot_id, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![digest, image, snapshot, expires],
    )?;
    Ok(())
}

/// What the name of this digest stands for at this time.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, digest: &str, now: Timestamp) -> Result<Option<Named>, Error> {
    let text = "SELECT image_id, snapshot_id FROM nbd_name WHERE digest = ?1 AND expires_at > ?2";
    let Some(row) = tx.query_opt(text, params![digest, now])? else { return Ok(None) };
    match row.parse_opt(0)? {
        Some(id) => Ok(Some(Named::Image(id))),
        None => row.parse(1).map(|id| Some(Named::Snapshot(id))),
    }
}

/// Removes names that have expired by `now`; returns how many.
///
/// # Errors
/// The engine's.
pub fn expire(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM nbd_name WHERE expires_at <= ?1", params![now])
}
