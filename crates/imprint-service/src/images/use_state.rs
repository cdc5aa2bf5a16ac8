//! Taking an image's data out of use and back.

use imprint_catalogue::images;
use imprint_model::{Action, Caller, Event, ImageId};

use super::safety::KEY_CONCERNS;
use crate::Service;
use crate::access::{load, note};
use crate::error::Error;

impl Service {
    /// Keeps the data from everybody but administrators. Doing so twice is fine.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::WrongStatus`] for an image without data.
    pub async fn deactivate(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        self.change_use(caller, id, Event::Deactivate, "deactivate").await
    }

    /// Undoes [`Service::deactivate`]. Doing so twice is fine. What the safety rules speak against is an administrator's
    /// to allow.
    ///
    /// # Errors
    /// As [`Service::deactivate`].
    pub async fn reactivate(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        self.change_use(caller, id, Event::Reactivate, "reactivate").await
    }

    async fn change_use(&self, caller: &Caller, id: ImageId, event: Event, action: &'static str) -> Result<(), Error> {
        let (caller, clock) = (caller.clone(), self.clock.clone());
        self.catalogue
            .write(move |tx| {
                let mut image = load(tx, &caller, Action::Write, id)?;
                let before = image.status;
                if event == Event::Reactivate && image.properties.contains_key(KEY_CONCERNS) && !caller.is_admin() {
                    return Err(Error::Denied("using what the safety rules speak against".to_owned()));
                }
                image.apply(event)?;
                if image.status == before {
                    return Ok(());
                }
                image.updated_at = clock.now();
                images::update(tx, &image)?;
                note(tx, &caller, image.updated_at, action, id)
            })
            .await
    }
}
