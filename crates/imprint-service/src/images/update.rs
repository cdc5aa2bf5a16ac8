//! Changing an image's record.

use imprint_catalogue::{Tx, images, members};
use imprint_model::{Action, Caller, Image, ImageId, Status, Visibility};

use super::change::Change;
use super::copy::require_own;
use super::rules::{check_facts, check_texts, require_family_place, require_free_name, require_in};
use crate::Service;
use crate::access::{load, note, permit};
use crate::ask::{Ask, asked};
use crate::error::{Conflict, Error};

/// What a dialect asks of a change besides what holds for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateRules {
    /// The region the image must be in.
    pub region: Option<String>,
    /// To others than its owner the image is not there.
    pub own: bool,
    /// Not while the image has no data yet.
    pub not_while_creating: bool,
    /// A new name is one that no other image of the account has in its region.
    pub unique_name: bool,
    /// Families have room for so many images, and accounts for so many families.
    pub family_limits: bool,
    /// Only while the image is usable.
    pub only_available: bool,
    /// Pairs of properties of which an image has at most one. An image that has both already may keep them while
    /// neither is set.
    pub exclusive: &'static [(&'static str, &'static str)],
}

impl Service {
    /// Applies `changes` in order; all or none of them. Without changes the image is answered as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], and whatever a change refuses.
    pub async fn update_image(&self, caller: &Caller, id: ImageId, changes: Vec<Change>) -> Result<Image, Error> {
        self.update_image_as(caller, id, changes, UpdateRules::default(), Ask::default()).await
    }

    /// [`Service::update_image`] under a dialect's further rules.
    ///
    /// # Errors
    /// Also [`Error::Duplicate`] of the name, [`Error::OverQuota`] of families, [`Conflict::ImageCreating`],
    /// [`Conflict::ImageNotAvailable`], [`Conflict::ImageNotDeprecated`], [`Conflict::ImageShared`],
    /// [`Conflict::ImageUsedByInstance`], [`Conflict::MetadataAccessOpened`], [`Conflict::BootModeForArchitecture`],
    /// [`Error::WrongStatus`] where only a usable image may be changed, [`Error::PropertyPresent`] of one that excludes
    /// another, [`Error::DryRun`].
    pub async fn update_image_as(
        &self,
        caller: &Caller,
        id: ImageId,
        changes: Vec<Change>,
        rules: UpdateRules,
        ask: Ask,
    ) -> Result<Image, Error> {
        if let Some(region) = &rules.region {
            self.require_region(region)?;
        }
        let (service, caller) = (self.clone(), caller.clone());
        let update = move |tx: &mut Tx<'_>| {
            let mut changed = None;
            asked(tx, &caller, &ask, service.clock.now(), |tx| {
                changed = Some(service.change_record(tx, &caller, id, &changes, &rules)?);
                Ok(())
            })?;
            // a request that was answered before changes nothing now
            changed.map_or_else(|| load(tx, &caller, Action::Read, id), Ok)
        };
        self.catalogue.write(update).await
    }

    fn change_record(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        id: ImageId,
        changes: &[Change],
        rules: &UpdateRules,
    ) -> Result<Image, Error> {
        let before = load_for_change(tx, caller, id, rules)?;
        if changes.is_empty() {
            return Ok(before);
        }
        let (limits, mut image) = (&self.settings.limits, before.clone());
        permit_changes(caller, &before, changes)?;
        for change in changes.iter().cloned() {
            if let Change::Deprecated(deprecated) = change {
                require_deprecation(tx, &image, deprecated)?;
            }
            change.apply(&mut image, limits)?;
        }
        limits.check(&image)?;
        check_texts(limits, &image)?;
        check_facts(tx, Some(&before), &image)?;
        check_exclusive(&before, &image, changes, rules.exclusive)?;
        if rules.unique_name && image.name != before.name {
            require_free_name(tx, &image)?;
        }
        if rules.family_limits {
            require_family_place(tx, limits, Some(&before), &image)?;
        }
        image.updated_at = self.clock.now();
        images::update(tx, &image)?;
        note(tx, caller, image.updated_at, "update", id)?;
        Ok(image)
    }
}

fn load_for_change(tx: &mut Tx<'_>, caller: &Caller, id: ImageId, rules: &UpdateRules) -> Result<Image, Error> {
    let action = if rules.own { Action::Read } else { Action::Write };
    let image = load(tx, caller, action, id)?;
    if rules.own {
        // before anything that would tell that the image is there
        require_own(caller, &image)?;
        permit(caller, Action::Write, &image, None)?;
    }
    if let Some(region) = &rules.region {
        require_in(&image, region)?;
    }
    let creating = matches!(image.status, Status::Queued | Status::Saving | Status::Staged | Status::Importing);
    if rules.not_while_creating && creating {
        return Err(Error::Conflict(Conflict::ImageCreating));
    }
    if rules.only_available && image.status != Status::Available {
        return Err(Error::WrongStatus(image.status));
    }
    Ok(image)
}

/// Of two properties that exclude one another an image does not come to have both, and where it has, neither is set.
fn check_exclusive(before: &Image, after: &Image, changes: &[Change], pairs: &[(&str, &str)]) -> Result<(), Error> {
    let has_both = |image: &Image, (one, other): (&str, &str)| {
        image.properties.contains_key(one) && image.properties.contains_key(other)
    };
    let sets = |(one, other): (&str, &str)| {
        let is_one =
            |change: &Change| matches!(change, Change::SetProperty { name, .. } if name == one || name == other);
        changes.iter().any(is_one)
    };
    let broken = pairs.iter().find(|&&pair| has_both(after, pair) && (!has_both(before, pair) || sets(pair)));
    broken.map_or(Ok(()), |&(_, other)| Err(Error::PropertyPresent(other.to_owned())))
}

/// An image that is offered and that nobody else was given can be withdrawn; one that was withdrawn offered again.
fn require_deprecation(tx: &mut Tx<'_>, image: &Image, deprecated: bool) -> Result<(), Error> {
    let usable = image.status == Status::Available;
    if !deprecated {
        return if usable && image.hidden { Ok(()) } else { Err(Error::Conflict(Conflict::ImageNotDeprecated)) };
    }
    if !usable || image.hidden {
        return Err(Error::Conflict(Conflict::ImageNotAvailable));
    }
    if is_shared(tx, image)? { Err(Error::Conflict(Conflict::ImageShared)) } else { Ok(()) }
}

/// Whether other accounts have been given the image.
pub(super) fn is_shared(tx: &mut Tx<'_>, image: &Image) -> Result<bool, Error> {
    Ok(match image.visibility {
        Visibility::Community => true,
        Visibility::Shared => members::count(tx, image.id)? > 0,
        Visibility::Private | Visibility::Public => false,
    })
}

fn change_visibility(image: &Image, change: &Change) -> bool {
    matches!(change, Change::Visibility(wanted) if *wanted != image.visibility)
}

/// Some changes ask for more than the right to write.
fn permit_changes(caller: &Caller, image: &Image, changes: &[Change]) -> Result<(), Error> {
    for change in changes {
        match change {
            Change::Visibility(Visibility::Public) if image.visibility != Visibility::Public => {
                permit(caller, Action::Publish, image, None)?;
            }
            // it gives the image to others, as sharing does
            Change::Visibility(Visibility::Community | Visibility::Shared) if change_visibility(image, change) => {
                permit(caller, Action::Share, image, None)?;
            }
            Change::Owner(owner) if *owner != image.owner => permit(caller, Action::ChangeOwner, image, None)?,
            _ => {}
        }
    }
    Ok(())
}
