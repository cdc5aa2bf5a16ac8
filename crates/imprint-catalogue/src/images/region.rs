//! Regions of images that are older than regions.

use crate::{Error, Tx, params};

/// Gives images that have no region yet, being older than regions, the region `home`; returns how many. Until then
/// their region is the empty text. To be called once at start: costs nothing when there is none.
///
/// # Errors
/// The engine's.
pub fn adopt_region(tx: &mut Tx<'_>, home: &str) -> Result<u64, Error> {
    let adopted = tx.execute("UPDATE image SET region = ?1 WHERE region = ''", params![home])?;
    if adopted > 0 {
        tx.execute("UPDATE image_member SET image_region = ?1 WHERE image_region = ''", params![home])?;
        let rest = "label, owner, visibility, hidden, status, architecture, os_type, resource_group";
        let text = format!(
            "INSERT INTO image_count ({rest}, region, images) SELECT {rest}, ?1, images FROM image_count \
             WHERE region = '' ON CONFLICT (label, owner, visibility, hidden, status, region, architecture, os_type, \
             resource_group) DO UPDATE SET images = image_count.images + excluded.images"
        );
        tx.execute(&text, params![home])?;
        tx.execute("DELETE FROM image_count WHERE region = ''", &[])?;
    }
    Ok(adopted)
}
