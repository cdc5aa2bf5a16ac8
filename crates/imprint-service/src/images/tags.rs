//! One tag at a time.

use imprint_catalogue::images;
use imprint_model::{Action, Caller, Image, ImageId};

use crate::Service;
use crate::access::{load, note};
use crate::error::{Error, Field, Resource};

impl Service {
    /// Adds a tag; adding it twice is fine.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Invalid`], [`Error::OverQuota`].
    pub async fn add_tag(&self, caller: &Caller, id: ImageId, tag: String) -> Result<(), Error> {
        let limits = self.settings.limits.clone();
        let tag = limits.text(Field::Tag, tag)?;
        let change = move |image: &mut Image| {
            image.tags.insert(tag.clone());
            limits.check(image)
        };
        self.change_tag(caller, id, "add tag", change).await
    }

    /// Takes a tag away.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the image or of the tag, [`Error::Denied`].
    pub async fn remove_tag(&self, caller: &Caller, id: ImageId, tag: &str) -> Result<(), Error> {
        let tag = tag.to_owned();
        let change = move |image: &mut Image| {
            if image.tags.remove(&tag) { Ok(()) } else { Err(Error::NotFound(Resource::Tag(tag.clone()))) }
        };
        self.change_tag(caller, id, "remove tag", change).await
    }

    async fn change_tag(
        &self,
        caller: &Caller,
        id: ImageId,
        action: &'static str,
        mut change: impl FnMut(&mut Image) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (caller, clock) = (caller.clone(), self.clock.clone());
        self.catalogue
            .write(move |tx| {
                let mut image = load(tx, &caller, Action::Write, id)?;
                change(&mut image)?;
                image.updated_at = clock.now();
                images::update(tx, &image)?;
                note(tx, &caller, image.updated_at, action, id)
            })
            .await
    }
}
