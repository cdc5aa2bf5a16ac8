//! Images. One row holds the whole record, so that one statement shows it; labels and sums beside it are kept by the
//! functions that write the row and by nothing else.

mod count;
mod label;
mod list;
mod lookup;
mod record;
mod references;
mod region;
mod upgrade;
mod usage;

use imprint_model::{Image, ImageId, Member, ProjectId, Timestamp};

pub(crate) use label::of_snapshot as label_of_snapshot;
pub use list::{Listing, VALUES_MAX, list};
pub use lookup::{
    family_counts, name_taken, newest_of_family, region_count, shared, tagged, used_by_instances, with_snapshot,
};
pub(crate) use references::ROOTS;
pub use references::{maps, uses_map, writers};
pub use region::adopt_region;
pub(crate) use upgrade::label_and_count;
pub use usage::{Usage, usage, usage_all};

use crate::{Error, ErrorKind, Tx, members, params};
use record::{COLUMN_COUNT, Shadow};

/// Adds an image.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when its id is taken, or was by an image that is gone.
pub fn insert(tx: &mut Tx<'_>, image: &Image) -> Result<(), Error> {
    if was_deleted(tx, image.id)? {
        return Err(Error::duplicate("image(id)", "adding an image whose id another one had"));
    }
    tx.execute(&record::INSERT, &record::values(image)?)?;
    let shadow = Shadow::of(image);
    label::insert(tx, image.id, &shadow, shadow.labels.keys())?;
    count::change(tx, None, Some(&shadow))?;
    usage::change(tx, None, Some(&shadow))
}

/// One image.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, id: ImageId) -> Result<Option<Image>, Error> {
    let row = tx.query_opt(&record::SELECT, params![id])?;
    row.as_ref().map(record::read).transpose()
}

/// One image, and what it is to `project`: one statement, for it is what nearly every request begins with.
///
/// # Errors
/// The engine's.
pub fn get_with_member(
    tx: &mut Tx<'_>,
    id: ImageId,
    project: Option<&ProjectId>,
) -> Result<Option<(Image, Option<Member>)>, Error> {
    let Some(project) = project else {
        return Ok(get(tx, id)?.map(|image| (image, None)));
    };
    let Some(row) = tx.query_opt(&record::SELECT_WITH_MEMBER, params![id, project])? else { return Ok(None) };
    let image = record::read(&row)?;
    let member = match row.parse_opt(COLUMN_COUNT)? {
        None => None,
        Some(status) => Some(Member {
            image: id,
            project: project.clone(),
            status,
            created_at: row.get(COLUMN_COUNT + 1)?,
            updated_at: row.get(COLUMN_COUNT + 2)?,
        }),
    };
    Ok(Some((image, member)))
}

/// Replaces the whole record of an image that the same transaction has read.
///
/// # Errors
/// [`ErrorKind::Other`] when there is no such image.
pub fn update(tx: &mut Tx<'_>, image: &Image) -> Result<(), Error> {
    let row = tx
        .query_opt(&record::SELECT_WHOLE, params![image.id])?
        .ok_or_else(|| Error::new(ErrorKind::Other, format!("changing image {}, which is not there", image.id)))?;
    let before = Shadow::of(&record::read(&row)?);
    record::replace(tx, &row, image)?;
    let after = Shadow::of(image);
    label::update(tx, image.id, &before, &after)?;
    if !before.same_offer(&after) {
        members::follow(tx, image.id)?;
    }
    count::change(tx, Some(&before), Some(&after))?;
    usage::change(tx, Some(&before), Some(&after))
}

/// Removes an image with its members, and remembers its id for ever. False when there is no such image.
///
/// # Errors
/// The engine's.
pub fn delete(tx: &mut Tx<'_>, id: ImageId, now: Timestamp) -> Result<bool, Error> {
    let Some(before) = Shadow::load(tx, id)? else { return Ok(false) };
    tx.execute("DELETE FROM image_label WHERE image_id = ?1", params![id])?;
    tx.execute("DELETE FROM image_member WHERE image_id = ?1", params![id])?;
    tx.execute("DELETE FROM image WHERE id = ?1", params![id])?;
    tx.execute("INSERT INTO image_gone (id, deleted_at) VALUES (?1, ?2)", params![id, now])?;
    count::change(tx, Some(&before), None)?;
    usage::change(tx, Some(&before), None)?;
    Ok(true)
}

/// Whether an image of this id was there and is gone.
///
/// # Errors
/// The engine's.
pub fn was_deleted(tx: &mut Tx<'_>, id: ImageId) -> Result<bool, Error> {
    Ok(tx.query_opt("SELECT 1 FROM image_gone WHERE id = ?1", params![id])?.is_some())
}
