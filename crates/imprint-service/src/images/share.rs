//! Sharing as dialects do it that ask nobody: what is offered counts as accepted, several accounts at once, all or
//! nothing. The rows are the same that `members.rs` writes one by one.

use std::collections::BTreeSet;

use imprint_catalogue::{Tx, images, members};
use imprint_model::{Action, Caller, Image, ImageId, Member, MemberStatus, ProjectId, Timestamp, Visibility};

use super::copy::require_own;
use super::rules::require_in;
use crate::Service;
use crate::access::{load, note, permit};
use crate::ask::{Ask, asked};
use crate::error::{Conflict, Error, Field, Quota};
use crate::limits::{Limits, most, within};

/// What is to change of whom an image is shared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Accounts that will have it.
    pub add: Vec<ProjectId>,
    /// Accounts that will not.
    pub remove: Vec<ProjectId>,
    /// Whether it will be everybody's; as it is otherwise.
    pub community: Option<bool>,
}

impl Service {
    /// Changes whom an image is shared with. Adding an account twice is fine, and so is removing one that is not there.
    ///
    /// # Errors
    /// [`Error::NotFound`] to anybody but its owner; [`Conflict::ImageDeprecated`], [`Conflict::ImagePublic`] when it is
    /// everybody's already, [`Conflict::ImageShared`] when it shall be while accounts have it,
    /// [`Conflict::SharedWithSelf`], [`Error::Invalid`] of [`Field::Visibility`] for both at once, [`Error::OverQuota`],
    /// [`Error::DryRun`].
    pub async fn share_image(
        &self,
        caller: &Caller,
        region: &str,
        id: ImageId,
        sharing: Sharing,
        ask: Ask,
    ) -> Result<(), Error> {
        self.require_region(region)?;
        let (service, caller, region) = (self.clone(), caller.clone(), region.to_owned());
        let share = move |tx: &mut Tx<'_>| {
            let now = service.clock.now();
            asked(tx, &caller, &ask, now, |tx| {
                let mut image = load_own(tx, &caller, &region, id)?;
                permit(&caller, Action::Share, &image, None)?;
                let before = image.visibility;
                change_members(tx, &service.settings.limits, &mut image, &sharing, now)?;
                change_reach(tx, &mut image, &sharing)?;
                if image.visibility != before {
                    image.updated_at = now;
                    images::update(tx, &image)?;
                }
                note(tx, &caller, now, "share", id)
            })
        };
        self.catalogue.write(share).await
    }

    /// An image of the caller's, and the accounts that have it besides, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] to anybody but its owner.
    pub async fn image_sharing(
        &self,
        caller: &Caller,
        region: &str,
        id: ImageId,
    ) -> Result<(Image, Vec<Member>), Error> {
        self.require_region(region)?;
        let (caller, region) = (caller.clone(), region.to_owned());
        self.catalogue
            .scan(move |tx| {
                let image = load_own(tx, &caller, &region, id)?;
                // rows of an image that is no longer shared have no effect
                let shared = image.visibility == Visibility::Shared;
                let members = if shared { members::list(tx, id)? } else { Vec::new() };
                Ok((image, members))
            })
            .await
    }
}

fn load_own(tx: &mut Tx<'_>, caller: &Caller, region: &str, id: ImageId) -> Result<Image, Error> {
    let image = load(tx, caller, Action::Read, id)?;
    require_own(caller, &image)?;
    require_in(&image, region)?;
    Ok(image)
}

fn change_members(
    tx: &mut Tx<'_>,
    limits: &Limits,
    image: &mut Image,
    sharing: &Sharing,
    now: Timestamp,
) -> Result<(), Error> {
    let added: BTreeSet<&ProjectId> = sharing.add.iter().collect();
    let removed: BTreeSet<&ProjectId> = sharing.remove.iter().collect();
    require_shareable(image, &added)?;
    forget_members(tx, image)?;
    for project in removed.difference(&added) {
        members::delete(tx, image.id, project)?;
    }
    for &project in &added {
        limits.text(Field::Member, project.0.clone())?;
        accept(tx, image.id, project, now)?;
    }
    if added.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let count = members::count(tx, image.id)?;
    if !added.is_empty() {
        within(most(tx, &image.owner, "image_members", limits.image_shares)?, count, Quota::Members)?;
    }
    image.visibility = match image.visibility {
        Visibility::Private | Visibility::Shared if count > 0 => Visibility::Shared,
        Visibility::Private | Visibility::Shared => Visibility::Private,
        wider => wider,
    };
    Ok(())
}

/// Removes what is left of an image's members once it was made private: whoever had it before does not have it again.
pub(super) fn forget_members(tx: &mut Tx<'_>, image: &Image) -> Result<(), Error> {
    if image.visibility != Visibility::Private {
        return Ok(());
    }
    for member in members::list(tx, image.id)? {
        members::delete(tx, image.id, &member.project)?;
    }
    Ok(())
}

/// What is offered to nobody any more, or to everybody, is not given to single accounts; nobody gives to itself.
fn require_shareable(image: &Image, added: &BTreeSet<&ProjectId>) -> Result<(), Error> {
    if added.is_empty() {
        return Ok(());
    }
    if added.contains(&image.owner) {
        return Err(Error::Conflict(Conflict::SharedWithSelf));
    }
    if image.hidden {
        return Err(Error::Conflict(Conflict::ImageDeprecated));
    }
    match image.visibility {
        Visibility::Public | Visibility::Community => Err(Error::Conflict(Conflict::ImagePublic)),
        Visibility::Private | Visibility::Shared => Ok(()),
    }
}

fn accept(tx: &mut Tx<'_>, image: ImageId, project: &ProjectId, now: Timestamp) -> Result<(), Error> {
    let found = members::get(tx, image, project)?;
    if found.as_ref().is_some_and(|member| member.status == MemberStatus::Accepted) {
        return Ok(());
    }
    let created_at = found.as_ref().map_or(now, |member| member.created_at);
    let (project, status) = (project.clone(), MemberStatus::Accepted);
    let member = Member { image, project, status, created_at, updated_at: now };
    if found.is_some() {
        members::update(tx, &member)?;
    } else {
        members::insert(tx, &member)?;
    }
    Ok(())
}

fn change_reach(tx: &mut Tx<'_>, image: &mut Image, sharing: &Sharing) -> Result<(), Error> {
    match (sharing.community, image.visibility) {
        (Some(true), _) if !sharing.add.is_empty() || !sharing.remove.is_empty() => {
            return Err(Error::invalid(Field::Visibility, "either everybody's or some accounts'"));
        }
        (Some(true), _) if image.hidden => return Err(Error::Conflict(Conflict::ImageDeprecated)),
        (Some(true), Visibility::Public | Visibility::Community) => {
            return Err(Error::Conflict(Conflict::ImagePublic));
        }
        (Some(true), _) if members::count(tx, image.id)? > 0 => {
            return Err(Error::Conflict(Conflict::ImageShared));
        }
        (Some(true), _) => image.visibility = Visibility::Community,
        (Some(false), Visibility::Community) => {
            let shared = members::count(tx, image.id)? > 0;
            image.visibility = if shared { Visibility::Shared } else { Visibility::Private };
        }
        // what everybody sees in lists is the operator's business, and what few see is not everybody's
        (Some(false) | None, _) => {}
    }
    Ok(())
}
