//! Sharing an image with other accounts, and their answers.

use imprint_catalogue::{ErrorKind, Tx, members};
use imprint_model::{Action, Caller, Image, ImageId, Member, MemberStatus, ProjectId, Visibility, role};

use crate::Service;
use crate::access::{load, load_with_membership, note};
use crate::error::{Error, Field, Quota, Resource};
use crate::limits::{most, within};

impl Service {
    /// Offers the image to `project`, which need not exist here.
    ///
    /// # Errors
    /// [`Error::Denied`] also when the image is not of visibility shared, [`Error::Duplicate`], [`Error::OverQuota`].
    pub async fn add_member(&self, caller: &Caller, id: ImageId, project: ProjectId) -> Result<Member, Error> {
        let limits = &self.settings.limits;
        let project = ProjectId(limits.text(Field::Member, project.0)?);
        if project.0.is_empty() {
            return Err(Error::Missing(Field::Member));
        }
        let (caller, now, limit) = (caller.clone(), self.clock.now(), limits.image_members);
        self.catalogue
            .write(move |tx| {
                let image = load(tx, &caller, Action::Share, id)?;
                require_shared(&image)?;
                let limit = most(tx, &image.owner, "image_members", limit)?;
                within(limit, members::count(tx, id)? + 1, Quota::Members)?;
                let status = MemberStatus::Pending;
                let member = Member { image: id, project: project.clone(), status, created_at: now, updated_at: now };
                members::insert(tx, &member).map_err(|error| match error.kind() {
                    ErrorKind::Duplicate => Error::Duplicate(Field::Member),
                    _ => error.into(),
                })?;
                note(tx, &caller, now, "share", id)?;
                Ok(member)
            })
            .await
    }

    /// Who the image is shared with: everybody for its owner, itself for a member.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] when the image is not of visibility shared.
    pub async fn members(&self, caller: &Caller, id: ImageId) -> Result<Vec<Member>, Error> {
        let caller = caller.clone();
        self.catalogue
            .scan(move |tx| {
                let (image, own) = load_with_membership(tx, &caller, Action::Read, id)?;
                require_shared(&image)?;
                if sees_all(&caller, &image) { Ok(members::list(tx, id)?) } else { Ok(own.into_iter().collect()) }
            })
            .await
    }

    /// One sharing.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the image or of the member: an image that is no longer of visibility shared has none,
    /// though the rows stay for when it is again.
    pub async fn member(&self, caller: &Caller, id: ImageId, project: &ProjectId) -> Result<Member, Error> {
        let (caller, project) = (caller.clone(), project.clone());
        self.catalogue
            .read(move |tx| {
                let image = load(tx, &caller, Action::Read, id)?;
                let seen = sees_all(&caller, &image) || caller.acts_for(&project);
                if !seen || image.visibility != Visibility::Shared {
                    return Err(absent(&project));
                }
                find(tx, id, &project)
            })
            .await
    }

    /// The answer of an account to an offer; its own, or an administrator's in its place.
    ///
    /// # Errors
    /// [`Error::Denied`] for the owner, [`Error::NotFound`].
    pub async fn set_member_status(
        &self,
        caller: &Caller,
        id: ImageId,
        project: &ProjectId,
        status: MemberStatus,
    ) -> Result<Member, Error> {
        let (caller, project, now) = (caller.clone(), project.clone(), self.clock.now());
        self.catalogue
            .write(move |tx| {
                let image = load(tx, &caller, Action::Read, id)?;
                if !may_answer(&caller, &project) {
                    return Err(Error::Denied("answering for another account".into()));
                }
                require_shared(&image)?;
                let mut member = find(tx, id, &project)?;
                member.status = status;
                member.updated_at = now;
                members::update(tx, &member)?;
                note(tx, &caller, now, "answer share", id)?;
                Ok(member)
            })
            .await
    }

    /// Takes an offer back.
    ///
    /// # Errors
    /// [`Error::Denied`] for anybody but the owner, [`Error::NotFound`].
    pub async fn remove_member(&self, caller: &Caller, id: ImageId, project: &ProjectId) -> Result<(), Error> {
        let (caller, project, now) = (caller.clone(), project.clone(), self.clock.now());
        self.catalogue
            .write(move |tx| {
                let image = load(tx, &caller, Action::Share, id)?;
                require_shared(&image)?;
                find(tx, id, &project)?;
                members::delete(tx, id, &project)?;
                note(tx, &caller, now, "unshare", id)
            })
            .await
    }
}

/// A user bound by policies answers for nobody: no operation of theirs stands for that.
pub(super) fn may_answer(caller: &Caller, project: &ProjectId) -> bool {
    caller.is_admin() || caller.acts_for(project) && caller.has_role(role::MEMBER) && caller.grants.is_none()
}

fn sees_all(caller: &Caller, image: &Image) -> bool {
    caller.is_admin() || caller.acts_for(&image.owner)
}

fn find(tx: &mut Tx<'_>, id: ImageId, project: &ProjectId) -> Result<Member, Error> {
    members::get(tx, id, project)?.ok_or_else(|| absent(project))
}

fn absent(project: &ProjectId) -> Error {
    Error::NotFound(Resource::Member(project.to_string()))
}

fn require_shared(image: &Image) -> Result<(), Error> {
    if image.visibility == Visibility::Shared {
        Ok(())
    } else {
        Err(Error::Denied("Only shared images have members.".into()))
    }
}
