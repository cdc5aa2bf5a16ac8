//! Loading an image for a caller: absent and not yours answer alike.

use imprint_catalogue::{Tx, audit, images};
use imprint_model::{Action, Caller, Image, ImageId, Member, Timestamp, authorise};

use crate::error::{Error, Resource};

/// The image, when `caller` may do `action` to it.
pub(crate) fn load(tx: &mut Tx<'_>, caller: &Caller, action: Action, id: ImageId) -> Result<Image, Error> {
    load_with_membership(tx, caller, action, id).map(|(image, _)| image)
}

/// The image and the caller's own sharing of it, when `caller` may do `action` to it.
pub(crate) fn load_with_membership(
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: Action,
    id: ImageId,
) -> Result<(Image, Option<Member>), Error> {
    let found = images::get_with_member(tx, id, caller.project.as_ref())?;
    let (image, membership) = found.ok_or_else(|| Error::NotFound(Resource::Image(id.to_string())))?;
    permit(caller, action, &image, membership.as_ref())?;
    Ok((image, membership))
}

/// Asks the policy.
pub(crate) fn permit(caller: &Caller, action: Action, image: &Image, membership: Option<&Member>) -> Result<(), Error> {
    authorise(caller, action, image, membership).map_err(|refusal| {
        let what = match action {
            Action::Read => "reading the image",
            Action::Download => "reading the image's data",
            Action::Write => "changing the image",
            Action::Publish => "making the image public",
            Action::ChangeOwner => "giving the image to another owner",
            Action::Share => "sharing the image",
            Action::Operate => "operating on the image's storage",
        };
        Error::refused(refusal, image.id, what)
    })
}

/// Refuses a user bound by grants: those speak of images alone, so that nothing says what is permitted of `what`. A
/// dialect that asks them itself leaves them out of the caller.
pub(crate) fn require_unbound(caller: &Caller, what: &str) -> Result<(), Error> {
    if caller.grants.is_none() { Ok(()) } else { Err(Error::Denied(what.to_owned())) }
}

/// Notes in the same transaction who did what to which image.
pub(crate) fn note(tx: &mut Tx<'_>, caller: &Caller, at: Timestamp, action: &str, image: ImageId) -> Result<(), Error> {
    let entry = audit::AuditEntry {
        at,
        user: caller.user.clone(),
        project: caller.project.clone(),
        request_id: caller.request_id.clone(),
        action: action.to_owned(),
        resource: image.to_string(),
        detail: serde_json::Value::Null,
    };
    Ok(audit::record(tx, &entry)?)
}
