//! Making the record of an image that has no data yet.

use imprint_catalogue::images;
use imprint_model::{Action, Caller, Image, ImageId, ProjectId, Visibility, role};

use super::change::Change;
use super::rules::{check_facts, check_texts, insert, require_new};
use crate::Service;
use crate::access::{note, permit};
use crate::error::{Error, Field, Quota};
use crate::limits::within;

/// What is wanted of a new image.
#[derive(Debug, Clone)]
pub struct CreateImage {
    /// An id the caller chose; random otherwise.
    pub id: Option<ImageId>,
    /// The owner; the caller's account otherwise.
    pub owner: Option<ProjectId>,
    /// Applied in order to a blank, shared record.
    pub changes: Vec<Change>,
}

impl Service {
    /// Makes a queued image.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Duplicate`] for an id that lives or lived, [`Error::OverQuota`], [`Error::Invalid`].
    pub async fn create_image(&self, caller: &Caller, wanted: CreateImage) -> Result<Image, Error> {
        let image = self.blank_image(caller, &wanted)?;
        let (caller, limit) = (caller.clone(), self.settings.limits.account_images);
        self.catalogue
            .write(move |tx| {
                if limit >= 0 {
                    let used = images::usage(tx, &image.owner)?;
                    within(limit, used.images + 1, Quota::AccountImages)?;
                }
                check_facts(tx, None, &image)?;
                insert(tx, &image)?;
                note(tx, &caller, image.created_at, "create", image.id)?;
                Ok(image.clone())
            })
            .await
    }

    /// The record as wanted, once the caller may have it so.
    fn blank_image(&self, caller: &Caller, wanted: &CreateImage) -> Result<Image, Error> {
        let owner = wanted.owner.clone().or_else(|| caller.project.clone());
        let owner = owner.ok_or_else(|| Error::Denied("creating an image without an account".into()))?;
        let own = caller.acts_for(&owner) && caller.has_role(role::MEMBER);
        if !own && !caller.is_admin() {
            return Err(Error::Denied("creating an image for this owner".into()));
        }
        let limits = &self.settings.limits;
        let owner = ProjectId(limits.text(Field::Owner, owner.0)?);
        let (id, region) = (wanted.id.unwrap_or_else(ImageId::random), self.settings.home_region().to_owned());
        let mut image = Image::blank(id, owner, region, self.clock.now());
        for change in wanted.changes.iter().cloned() {
            change.apply(&mut image, limits)?;
        }
        limits.check(&image)?;
        check_texts(limits, &image)?;
        require_new(caller, &image)?;
        if image.visibility == Visibility::Public {
            permit(caller, Action::Publish, &image, None)?;
        }
        Ok(image)
    }
}
