//! Images together with what is known beside their records: who their owners are to this API, whether machines use
//! them, how far their jobs are. One look-up for a whole page, whatever its length.

use std::collections::BTreeMap;

use imprint_model::{Image, ProjectId, Visibility};
use imprint_service::Error;
use serde_json::{Map, Value};

use super::Beside;
use crate::call::Call;
use crate::error::Problem;

/// An owner as this API names it.
struct Owner {
    number: u64,
    name: String,
}

/// The account that looks.
///
/// # Errors
/// An internal one: every call is bound to an account.
pub(crate) fn viewer(call: &Call) -> Result<ProjectId, Problem> {
    call.caller.project.clone().ok_or_else(|| Error::internal("a call without an account").into())
}

/// The account of this number, if there is one.
///
/// # Errors
/// Those of the identity.
pub(crate) async fn account_of(call: &Call, number: u64) -> Result<Option<ProjectId>, Problem> {
    known(call.parts.identity.project_of_account(&number.to_string()).await).map(|project| project.map(ProjectId))
}

/// Images as a list shows them.
///
/// # Errors
/// Those of the engine and of the identity.
pub(crate) async fn images(call: &Call, images: &[Image]) -> Result<Vec<Value>, Problem> {
    shown(call, images, super::image).await
}

/// The newest image of a family, which is shown with fewer members.
///
/// # Errors
/// Those of the engine and of the identity.
pub(crate) async fn of_family(call: &Call, image: Image) -> Result<Map<String, Value>, Problem> {
    let mut shown = shown(call, &[image], super::described).await?;
    Ok(shown.pop().unwrap_or_default())
}

async fn shown<T>(call: &Call, images: &[Image], show: fn(&Image, &Beside<'_>) -> T) -> Result<Vec<T>, Problem> {
    let viewer = viewer(call)?;
    let annotations = call.parts.service.annotate(&call.caller, images).await?;
    let owners = owners(call, images).await?;
    let shown = images.iter().zip(&annotations).map(|(image, annotation)| {
        let owner = owners.get(&image.owner);
        let beside = Beside {
            viewer: &viewer,
            owner_number: owner.map_or(0, |owner| owner.number),
            owner_name: owner.map_or("", |owner| &owner.name),
            annotation,
        };
        show(image, &beside)
    });
    Ok(shown.collect())
}

async fn owners(call: &Call, images: &[Image]) -> Result<BTreeMap<ProjectId, Owner>, Problem> {
    let mut owners = BTreeMap::new();
    for image in images {
        let with_name = image.visibility == Visibility::Community;
        if owners.get(&image.owner).is_some_and(|known: &Owner| !with_name || !known.name.is_empty()) {
            continue;
        }
        let number = number_of(call, &image.owner).await?.parse().unwrap_or(0);
        let name = if with_name { name(call, &image.owner).await? } else { String::new() };
        owners.insert(image.owner.clone(), Owner { number, name });
    }
    Ok(owners)
}

async fn name(call: &Call, owner: &ProjectId) -> Result<String, Problem> {
    let account = known(call.parts.identity.account(owner.as_str()).await)?;
    Ok(account.map(|account| account.name).unwrap_or_default())
}

/// The number of an account; empty for one that only another identity service knows.
///
/// # Errors
/// Those of the identity.
pub(crate) async fn number_of(call: &Call, owner: &ProjectId) -> Result<String, Problem> {
    let number = known(call.parts.identity.account_number_of(owner.as_str()).await)?;
    Ok(number.unwrap_or_default())
}

/// What is not there, as nothing.
fn known<T>(found: Result<T, imprint_identity::Error>) -> Result<Option<T>, Problem> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(imprint_identity::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
