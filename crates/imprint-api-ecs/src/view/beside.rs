//! Images together with what is known beside their records: who their owners are to this API, whether machines use
//! them, how far their jobs are. One look-up for a whole page, whatever its length.

use std::collections::BTreeMap;

use imprint_model::{Image, ProjectId, Visibility};
use imprint_service::Error;
use serde_json::{Map, Value};

use super::Beside;
use crate::call::Call;
use crate::error::Problem;

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
    let owners: Vec<&str> = images.iter().map(|image| image.owner.as_str()).collect();
    // accounts that only another identity service knows have no number here
    let numbers = call.parts.identity.account_numbers_of(&owners).await?;
    let suppliers = suppliers(call, images).await?;
    let checks = call.parts.service.check_outcomes(images).await?;
    let shown = images.iter().zip(&annotations).zip(&checks).map(|((image, annotation), check)| {
        let number = numbers.get(image.owner.as_str()).and_then(|number| number.parse().ok());
        let beside = Beside {
            viewer: &viewer,
            owner_number: number.unwrap_or(0),
            owner_name: suppliers.get(&image.owner).map_or("", String::as_str),
            annotation,
            check: check.as_ref(),
        };
        show(image, &beside)
    });
    Ok(shown.collect())
}

/// The names of those who give images to everybody.
async fn suppliers(call: &Call, images: &[Image]) -> Result<BTreeMap<ProjectId, String>, Problem> {
    let mut names = BTreeMap::new();
    for image in images.iter().filter(|image| image.visibility == Visibility::Community) {
        if !names.contains_key(&image.owner) {
            let account = known(call.parts.identity.account(image.owner.as_str()).await)?;
            names.insert(image.owner.clone(), account.map(|account| account.name).unwrap_or_default());
        }
    }
    Ok(names)
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
