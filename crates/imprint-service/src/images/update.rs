//! Changing an image's record.

use imprint_catalogue::images;
use imprint_model::{Action, Caller, Image, ImageId, Visibility};

use super::change::Change;
use crate::Service;
use crate::access::{load, note, permit};
use crate::error::Error;

impl Service {
    /// Applies `changes` in order; all or none of them. Without changes the image is answered as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], and whatever a change refuses.
    pub async fn update_image(&self, caller: &Caller, id: ImageId, changes: Vec<Change>) -> Result<Image, Error> {
        let (caller, limits, clock) = (caller.clone(), self.settings.limits.clone(), self.clock.clone());
        self.catalogue
            .write(move |tx| {
                let mut image = load(tx, &caller, Action::Write, id)?;
                if changes.is_empty() {
                    return Ok(image);
                }
                permit_changes(&caller, &image, &changes)?;
                for change in changes.iter().cloned() {
                    change.apply(&mut image, &limits)?;
                }
                limits.check(&image)?;
                image.updated_at = clock.now();
                images::update(tx, &image)?;
                note(tx, &caller, image.updated_at, "update", id)?;
                Ok(image)
            })
            .await
    }
}

/// Some changes ask for more than the right to write.
fn permit_changes(caller: &Caller, image: &Image, changes: &[Change]) -> Result<(), Error> {
    for change in changes {
        match change {
            Change::Visibility(Visibility::Public) if image.visibility != Visibility::Public => {
                permit(caller, Action::Publish, image, None)?;
            }
            Change::Owner(owner) if *owner != image.owner => permit(caller, Action::ChangeOwner, image, None)?,
            _ => {}
        }
    }
    Ok(())
}
