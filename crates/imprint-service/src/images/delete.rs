//! Taking an image away. Its bytes become garbage; collection finds them.

use imprint_catalogue::images;
use imprint_model::{Action, Caller, ImageId};

use crate::Service;
use crate::access::{load, note};
use crate::error::Error;

impl Service {
    /// Deletes an image in any status; whoever is writing its bytes finds it gone.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Protected`].
    pub async fn delete_image(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        let (caller, clock) = (caller.clone(), self.clock.clone());
        self.catalogue
            .write(move |tx| {
                let image = load(tx, &caller, Action::Write, id)?;
                if image.protected {
                    return Err(Error::Protected);
                }
                let now = clock.now();
                images::delete(tx, id, now)?;
                note(tx, &caller, now, "delete", id)
            })
            .await
    }
}
