//! What an account's images take, kept as sums: a quota is checked on every upload and must not look at every image.

use imprint_model::{ProjectId, Status};

use super::record::Shadow;
use crate::{Error, Row, Tx, Value, params};

/// Sums over the images of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Images, whatever their status.
    pub images: u64,
    /// Bytes of complete content, counted for each image that has it.
    pub bytes: u64,
    /// Bytes put aside for imports.
    pub staged_bytes: u64,
    /// Images whose data is on its way.
    pub uploading: u64,
}

/// What the images of `owner` take.
///
/// # Errors
/// The engine's.
pub fn usage(tx: &mut Tx<'_>, owner: &ProjectId) -> Result<Usage, Error> {
    let row = tx
        .query_opt("SELECT images, bytes, staged_bytes, uploading FROM image_usage WHERE owner = ?1", params![owner])?;
    row.as_ref().map_or(Ok(Usage::default()), |row| read(row, 0))
}

/// What the images of every account take that has or had some, by account.
///
/// # Errors
/// The engine's.
pub fn usage_all(tx: &mut Tx<'_>) -> Result<Vec<(ProjectId, Usage)>, Error> {
    let rows = tx.query("SELECT owner, images, bytes, staged_bytes, uploading FROM image_usage ORDER BY owner", &[])?;
    rows.iter().map(|row| Ok((row.get(0)?, read(row, 1)?))).collect()
}

fn read(row: &Row, first: usize) -> Result<Usage, Error> {
    Ok(Usage {
        images: row.get(first)?,
        bytes: row.get(first + 1)?,
        staged_bytes: row.get(first + 2)?,
        uploading: row.get(first + 3)?,
    })
}

/// Takes what an image counted before, and adds what it counts now.
pub(super) fn change(tx: &mut Tx<'_>, before: Option<&Shadow>, after: Option<&Shadow>) -> Result<(), Error> {
    if let (Some(before), Some(after)) = (before, after)
        && before.cell.owner == after.cell.owner
    {
        let (old, new) = (counted(before), counted(after));
        return add(tx, &after.cell.owner, std::array::from_fn(|index| new[index] - old[index]));
    }
    if let Some(before) = before {
        add(tx, &before.cell.owner, counted(before).map(|number| -number))?;
    }
    after.map_or(Ok(()), |after| add(tx, &after.cell.owner, counted(after)))
}

fn counted(image: &Shadow) -> [i64; 4] {
    let bytes = |bytes: Option<u64>| i64::try_from(bytes.unwrap_or(0)).unwrap_or(i64::MAX);
    let uploading = matches!(image.cell.status, Status::Saving | Status::Importing);
    [1, bytes(image.content_bytes), bytes(image.staged_bytes), uploading.into()]
}

fn add(tx: &mut Tx<'_>, owner: &ProjectId, change: [i64; 4]) -> Result<(), Error> {
    if change == [0; 4] {
        return Ok(());
    }
    let [images, bytes, staged_bytes, uploading] = change.map(Value::from);
    tx.execute(
        "INSERT INTO image_usage (owner, images, bytes, staged_bytes, uploading) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (owner) DO UPDATE SET images = image_usage.images + excluded.images, \
         bytes = image_usage.bytes + excluded.bytes, \
         staged_bytes = image_usage.staged_bytes + excluded.staged_bytes, \
         uploading = image_usage.uploading + excluded.uploading",
        &[owner.into(), images, bytes, staged_bytes, uploading],
    )?;
    Ok(())
}
