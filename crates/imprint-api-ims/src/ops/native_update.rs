//! Changing an image by the older path, in both of its grammars: also what `PATCH /v2/cloudimages` does not change, and
//! of images that are not usable yet.

use http::{Method, StatusCode};
use imprint_model::Visibility;
use imprint_service::{Ask, Change, UpdateRules};
use serde_json::{Map, Value, json};

use super::native::{BAD_FORMAT, own_attribute, shown};
use super::update_image::faults;
use super::update_image::read::{bad, element_changes, elements};
use crate::access::settle;
use crate::answer;
use crate::attributes::EXCLUSIVE;
use crate::call::Call;
use crate::fault::{Fault, code};
use crate::op::{Family, IMAGE_ID, Op, Outcome, run};

/// The older of the two grammars.
const OLD: &str = "application/openstack-images-v2.0-json-patch";
/// The newer one, what counts as it, and the older.
const MEDIA_TYPES: [&str; 3] = ["application/openstack-images-v2.1-json-patch", "application/json", OLD];
/// What elements of the older grammar are called by.
const VERBS: [&str; 3] = ["add", "replace", "remove"];

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Native,
    "native_update_image",
    Method::PATCH,
    "/v2/images/{image_id}",
    "Changes an image, all or nothing: an array of `{op, path, value}`, or, as \
     `application/openstack-images-v2.0-json-patch`, of `{\"replace\": \"/name\", \"value\": …}`. Besides what \
     `update_image` changes: `/visibility`, `/tags`, `/protected`, `/min_disk`, and both formats before there is a file.",
    run!(update),
)
.parameters(&[IMAGE_ID])
.codes(&[
    code::EMPTY_BODY,
    code::NAME_FORMAT,
    code::DESCRIPTION_TOO_LONG,
    code::DESCRIPTION_FORMAT,
    code::BAD_SIZE,
    code::BAD_FIRMWARE,
    code::BAD_TAG,
    code::QUOTA_TAGS,
    code::ENTERPRISE_PROJECT,
    code::ATTRIBUTE_CONFLICT,
    code::IMAGE_UNAVAILABLE,
    code::IMAGE_NOT_FOUND,
    code::NOT_OWNER,
    BAD_FORMAT,
])
.faults(faults)];

/// `IMG.0001` of a member.
pub(super) fn bad_value(name: &str) -> Fault {
    let shown: String = name.chars().take(64).collect();
    code::BAD_BODY
        .with_message(format!("The request message format is invalid: {shown} has no value that it may have."))
}

async fn update(call: Call) -> Outcome {
    let id = call.image_id()?;
    let changes = read(&call)?;
    let rules = UpdateRules { exclusive: EXCLUSIVE, ..UpdateRules::default() };
    match call.parts.service.update_image_as(&call.caller, id, changes, rules, Ask::default()).await {
        Ok(image) => Ok(answer::written(StatusCode::OK, shown(&call, &image).await?)),
        Err(error) => Err(settle(&call, id, error).await),
    }
}

fn read(call: &Call) -> Result<Vec<Change>, Fault> {
    let (media_type, elements) = elements(call, &MEDIA_TYPES, "JSON patch's")?;
    let old = media_type == OLD;
    let mut changes = Vec::with_capacity(elements.len());
    for element in elements {
        let element = if old { renewed(element)? } else { element };
        match own_element(&element)? {
            Some(change) => changes.push(change),
            None => element_changes(element, &mut changes)?,
        }
    }
    Ok(changes)
}

/// An element of the older grammar in the newer one.
fn renewed(element: Value) -> Result<Value, Fault> {
    let Value::Object(mut members) = element else { return Err(bad("an element is not an object")) };
    let mut named = VERBS.iter().filter_map(|verb| Some((*verb, members.get(*verb)?.clone())));
    let (Some((verb, path)), None) = (named.next(), named.next()) else {
        return Err(bad("an element has not exactly one of add, replace, remove"));
    };
    let mut renewed = Map::from_iter([("op".to_owned(), json!(verb)), ("path".to_owned(), path)]);
    renewed.extend(members.remove("value").map(|value| ("value".to_owned(), value)));
    Ok(Value::Object(renewed))
}

/// The change of an attribute that only the older paths change.
fn own_element(element: &Value) -> Result<Option<Change>, Fault> {
    let (op, path) = (element["op"].as_str(), element["path"].as_str().and_then(|path| path.strip_prefix('/')));
    let (Some("add" | "replace"), Some(name), Some(value)) = (op, path, element.get("value")) else { return Ok(None) };
    if name != "visibility" {
        return own_attribute(name, value);
    }
    let visibility = match value.as_str() {
        Some("private") => Visibility::Private,
        Some("shared") => Visibility::Shared,
        Some("public") => Visibility::Public,
        _ => return Err(bad_value(name)),
    };
    Ok(Some(Change::Visibility(visibility)))
}
