//! Whom an image is shared with.

use imprint_model::{ImageId, Member, ProjectId};

use crate::{Error, ErrorKind, Row, Tx, params};

const COLUMNS: &str = "SELECT image_id, project, status, created_at, updated_at FROM image_member";

/// Accounts listed for one image at most; quotas keep real images far below.
const LIST_MAX: u32 = 10_000;

fn read(row: &Row) -> Result<Member, Error> {
    Ok(Member {
        image: row.parse(0)?,
        project: row.get(1)?,
        status: row.parse(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
    })
}

/// One account's row.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, image: ImageId, project: &ProjectId) -> Result<Option<Member>, Error> {
    let row = tx.query_opt(&format!("{COLUMNS} WHERE image_id = ?1 AND project = ?2"), params![image, project])?;
    row.as_ref().map(read).transpose()
}

/// All rows of an image, oldest first.
///
/// # Errors
/// The engine's.
pub fn list(tx: &mut Tx<'_>, image: ImageId) -> Result<Vec<Member>, Error> {
    let text = format!("{COLUMNS} WHERE image_id = ?1 ORDER BY created_at, project LIMIT {LIST_MAX}");
    tx.query(&text, params![image])?.iter().map(read).collect()
}

/// How many accounts an image is shared with.
///
/// # Errors
/// The engine's.
pub fn count(tx: &mut Tx<'_>, image: ImageId) -> Result<u64, Error> {
    let row = tx.query_opt("SELECT COUNT(*) FROM image_member WHERE image_id = ?1", params![image])?;
    row.ok_or_else(|| Error::corrupt("a count gave no row"))?.get(0)
}

/// Adds a row to an image that is there.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when the account has one, [`ErrorKind::Reference`] when there is no such image.
pub fn insert(tx: &mut Tx<'_>, member: &Member) -> Result<(), Error> {
    let Member { image, project, status, created_at, updated_at } = member;
    let added = tx.execute(
        "INSERT INTO image_member (image_id, project, status, created_at, updated_at, image_created_at, image_owner, \
         image_visibility, image_hidden, image_status, image_region, image_number) SELECT i.id, ?2, ?3, ?4, ?5, \
         i.created_at, i.owner, i.visibility, i.hidden, i.status, i.region, i.number FROM image i WHERE i.id = ?1",
        params![image, project, status.as_str(), *created_at, *updated_at],
    )?;
    if added == 1 { Ok(()) } else { Err(Error::new(ErrorKind::Reference, format!("sharing image {image}"))) }
}

/// Replaces a row. False when there is none.
///
/// # Errors
/// The engine's.
pub fn update(tx: &mut Tx<'_>, member: &Member) -> Result<bool, Error> {
    let Member { image, project, status, created_at, updated_at } = member;
    let changed = tx.execute(
        "UPDATE image_member SET status = ?3, created_at = ?4, updated_at = ?5 WHERE image_id = ?1 AND project = ?2",
        params![image, project, status.as_str(), *created_at, *updated_at],
    )?;
    Ok(changed > 0)
}

/// Removes a row. False when there is none.
///
/// # Errors
/// The engine's.
pub fn delete(tx: &mut Tx<'_>, image: ImageId, project: &ProjectId) -> Result<bool, Error> {
    let removed =
        tx.execute("DELETE FROM image_member WHERE image_id = ?1 AND project = ?2", params![image, project])?;
    Ok(removed > 0)
}

/// Repeats beside an image's members what lists of offers ask about the image. To be called with every change of that.
pub(crate) fn follow(tx: &mut Tx<'_>, image: ImageId) -> Result<(), Error> {
    let of_image = |column: &str| format!("image_{column} = (SELECT i.{column} FROM image i WHERE i.id = ?1)");
    let sets = ["owner", "visibility", "hidden", "status", "region", "created_at"].map(of_image).join(", ");
    tx.execute(&format!("UPDATE image_member SET {sets} WHERE image_id = ?1"), params![image])?;
    Ok(())
}
