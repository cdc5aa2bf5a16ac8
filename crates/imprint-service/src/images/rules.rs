//! Rules that hold for a new or changed image whatever dialect asked, and those that only dialects with regions,
//! families and unique names ask for. Everything is checked in the transaction that depends on it.

use imprint_catalogue::{ErrorKind, Tx, images, instances, resource_groups};
use imprint_model::{Architecture, BootMode, Caller, Decision, Facts, Image, ImageId, MetadataAccess, ProjectId, role};

use super::new::NewImage;
use crate::Service;
use crate::access::note;
use crate::error::{Conflict, Error, Field, Quota, Resource};
use crate::limits::{Limits, most, within};

impl Service {
    /// Whether this installation has a region of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the region.
    pub fn require_region(&self, region: &str) -> Result<(), Error> {
        let known = self.settings.regions.iter().any(|known| known == region);
        if known { Ok(()) } else { Err(Error::NotFound(Resource::Region(region.to_owned()))) }
    }

    /// Writes the record of a new image of a dialect whose regions have room for so many.
    pub(crate) fn insert_counted(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        image: &Image,
        new: &NewImage,
    ) -> Result<(), Error> {
        let limits = &self.settings.limits;
        require_new(caller, image)?;
        check_texts(limits, image)?;
        limits.check(image)?;
        if !new.shares_name {
            require_free_name(tx, image)?;
        }
        require_place(tx, limits, image)?;
        check_facts(tx, None, image)?;
        require_family_place(tx, limits, None, image)?;
        insert(tx, image)?;
        note(tx, caller, image.created_at, "create", image.id)
    }
}

/// The account that a new image of `caller` belongs to.
pub(crate) fn account_of(caller: &Caller) -> Result<ProjectId, Error> {
    let owner = caller.project.clone().filter(|_| caller.has_role(role::MEMBER));
    owner.ok_or_else(|| Error::Denied("making an image".to_owned()))
}

/// Whoever the account's owner bound to grants needs one to make an image, too.
pub(super) fn require_new(caller: &Caller, image: &Image) -> Result<(), Error> {
    let grants = caller.grants.as_deref();
    let refused = grants.is_some_and(|grants| grants.permits_new(&image.region) != Decision::Allowed);
    if refused { Err(Error::Denied("making an image".to_owned())) } else { Ok(()) }
}

/// An image in another region is not there.
pub(crate) fn require_in(image: &Image, region: &str) -> Result<(), Error> {
    if image.region == region { Ok(()) } else { Err(absent(image.id)) }
}

/// Writes the record of a new image.
pub(super) fn insert(tx: &mut Tx<'_>, image: &Image) -> Result<(), Error> {
    images::insert(tx, image).map_err(|error| match error.kind() {
        ErrorKind::Duplicate => Error::Duplicate(Field::Id),
        _ => error.into(),
    })
}

/// No other image of the account has this name in this region, whatever its status.
pub(super) fn require_free_name(tx: &mut Tx<'_>, image: &Image) -> Result<(), Error> {
    let Some(name) = &image.name else { return Ok(()) };
    let taken = images::name_taken(tx, &image.owner, &image.region, name, Some(image.id))?;
    if taken { Err(Error::Duplicate(Field::Name)) } else { Ok(()) }
}

/// The account may have one more image, and one more in this region.
fn require_place(tx: &mut Tx<'_>, limits: &Limits, image: &Image) -> Result<(), Error> {
    if limits.account_images >= 0 {
        within(limits.account_images, images::usage(tx, &image.owner)?.images + 1, Quota::AccountImages)?;
    }
    let limit = most(tx, &image.owner, "region_images", limits.region_images)?;
    within(limit, images::region_count(tx, &image.owner, &image.region)? + 1, Quota::RegionImages)
}

/// What must be so of an image's facts, and what may become of them; `before` is none for a new image.
pub(super) fn check_facts(tx: &mut Tx<'_>, before: Option<&Image>, after: &Image) -> Result<(), Error> {
    let (old, new) = (before.map(|image| &image.facts), &after.facts);
    check_firmware(tx, before, after)?;
    let was_closed = old.is_some_and(|old| old.metadata_access == Some(MetadataAccess::TokenRequired));
    if was_closed && new.metadata_access != Some(MetadataAccess::TokenRequired) {
        return Err(Error::Conflict(Conflict::MetadataAccessOpened));
    }
    if old.map(|old| &old.resource_group) != Some(&new.resource_group) {
        require_group(tx, &after.owner, new.resource_group.as_deref())?;
    }
    Ok(())
}

fn check_firmware(tx: &mut Tx<'_>, before: Option<&Image>, after: &Image) -> Result<(), Error> {
    let (old, new) = (before.map(|image| &image.facts), &after.facts);
    let same = old.is_some_and(|old| (old.architecture, old.boot_mode) == (new.architecture, new.boot_mode));
    if same {
        return Ok(());
    }
    if new.architecture == Some(Architecture::Arm64) && new.boot_mode.is_some_and(|mode| mode != BootMode::Uefi) {
        return Err(Error::Conflict(Conflict::BootModeForArchitecture));
    }
    // to say what holds already changes nothing
    let told_other = |old: &Facts| old.boot_mode != new.boot_mode && old.firmware() != new.firmware();
    if old.is_some_and(told_other) && instances::of_image(tx, after.id)? {
        return Err(Error::Conflict(Conflict::ImageUsedByInstance));
    }
    Ok(())
}

/// A resource group must be there, and the account's.
pub(crate) fn require_group(tx: &mut Tx<'_>, owner: &ProjectId, group: Option<&str>) -> Result<(), Error> {
    let Some(id) = group else { return Ok(()) };
    let found = resource_groups::get(tx, owner, id)?;
    found.map(|_| ()).ok_or_else(|| Error::NotFound(Resource::ResourceGroup(id.to_owned())))
}

/// The family that the image comes to has room for it, and the account for the family.
pub(super) fn require_family_place(
    tx: &mut Tx<'_>,
    limits: &Limits,
    before: Option<&Image>,
    after: &Image,
) -> Result<(), Error> {
    let left = before.and_then(|before| before.facts.family.as_deref());
    let Some(family) = after.facts.family.as_deref().filter(|&family| Some(family) != left) else { return Ok(()) };
    let (owner, region) = (&after.owner, &after.region);
    let (members, families) = images::family_counts(tx, owner, region, family)?;
    let limit = most(tx, owner, "family_images", limits.family_images)?;
    within(limit, members + 1, Quota::FamilyImages)?;
    if members > 0 {
        return Ok(());
    }
    // a family is gone with its last image
    let gone = match left {
        Some(left) => u64::from(images::family_counts(tx, owner, region, left)?.0 == 1),
        None => 0,
    };
    let limit = most(tx, owner, "families", limits.families)?;
    within(limit, (families + 1).saturating_sub(gone), Quota::Families)
}

/// Every text of a record that a database must be able to store.
pub(super) fn check_texts(limits: &Limits, image: &Image) -> Result<(), Error> {
    let Facts { description, family, version, platform, os_name, resource_group, .. } = &image.facts;
    let texts = [
        (Field::Description, description),
        (Field::Family, family),
        (Field::Version, version),
        (Field::Platform, platform),
        (Field::Platform, os_name),
        (Field::Id, resource_group),
    ];
    if let Some(name) = &image.name {
        limits.text(Field::Name, name.clone())?;
    }
    texts
        .into_iter()
        .filter_map(|(field, text)| Some((field, text.as_ref()?)))
        .try_for_each(|(field, text)| limits.long_text(field, text))?;
    image.tags.iter().try_for_each(|tag| limits.long_text(Field::Tag, tag))
}

pub(crate) fn absent(id: ImageId) -> Error {
    Error::NotFound(Resource::Image(id.to_string()))
}
