//! Labels of images by the paths under a project: one at a time, several at once, and all there are.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use imprint_model::{Filter, Image, split_tag};
use imprint_service::{Ask, TagChange, Tagged};
use serde_json::{Map, Value, json};

use super::native_update::bad_value;
use crate::access::own_image;
use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};
use crate::query::{Asker, Question};
use crate::tag;

pub(super) const PROJECT_ID: Parameter = Parameter::path("project_id", "The caller's project.");
/// A label that is not there.
const NO_SUCH_TAG: Code = code::BAD_TAG.status(404);
/// Most labels taken away by one request.
const REMOVED_MAX: usize = 100;
/// Longest key, and longest value, of a label that is taken away, characters.
const REMOVED_CHARS_MAX: (usize, usize) = (127, 255);

/// What changing labels is refused for.
pub(super) const CODES: &[Code] =
    &[code::EMPTY_BODY, code::IMAGE_NOT_FOUND, code::NOT_OWNER, code::BAD_TAG, code::QUOTA_TAGS];

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Tags,
        "add_tag",
        Method::POST,
        "/v2/{project_id}/images/{image_id}/tags",
        "Adds a tag to an image; it takes the place of one of the same key.",
        run!(add),
    )
    .success(204)
    .parameters(&[PROJECT_ID, IMAGE_ID, Parameter::body("tag", "`{key, value}`.").required()])
    .codes(CODES),
    Op::new(
        Family::Tags,
        "list_tags",
        Method::GET,
        "/v2/{project_id}/images/{image_id}/tags",
        "Lists the tags of an image.",
        run!(list),
    )
    .parameters(&[PROJECT_ID, IMAGE_ID])
    .codes(&[code::IMAGE_NOT_FOUND]),
    Op::new(
        Family::Tags,
        "delete_tag",
        Method::DELETE,
        "/v2/{project_id}/images/{image_id}/tags/{key}",
        "Takes the tag of a key from an image.",
        run!(remove),
    )
    .success(204)
    .parameters(&[PROJECT_ID, IMAGE_ID, Parameter::path("key", "The key.")])
    .codes(&[code::IMAGE_NOT_FOUND, code::NOT_OWNER, NO_SUCH_TAG]),
    Op::new(
        Family::Tags,
        "change_tags",
        Method::POST,
        "/v2/{project_id}/images/{image_id}/tags/action",
        "Adds tags to an image, or takes tags of these keys from it.",
        run!(act),
    )
    .success(204)
    .parameters(&[
        PROJECT_ID,
        IMAGE_ID,
        Parameter::body("action", "`create` or `delete`.").required(),
        Parameter::body("tags", "`{key, value}` each; to take away, the value may be missing.").required(),
    ])
    .codes(CODES),
    Op::new(
        Family::Tags,
        "list_project_tags",
        Method::GET,
        "/v2/{project_id}/images/tags",
        "Lists the tags of all images of the project, by key.",
        run!(list_all),
    )
    .parameters(&[PROJECT_ID]),
];

/// Changes the labels of an image that is the caller's.
pub(super) async fn retag(call: &Call, image: &Image, change: TagChange) -> Result<(), Problem> {
    let things = vec![Tagged::Image(image.id)];
    call.parts.service.change_tags(&call.caller, &image.region, things, change, Ask::default()).await?;
    Ok(())
}

/// The change that adds these labels.
///
/// # Errors
/// `IMG.0115` when a key comes twice.
pub(super) fn adding(tags: Vec<String>) -> Result<TagChange, Fault> {
    let keys: BTreeSet<&str> = tags.iter().map(|tag| split_tag(tag).0).collect();
    if keys.len() < tags.len() {
        return Err(code::BAD_TAG.fault());
    }
    Ok(TagChange::Add(tags.into_iter().collect(), tag::TAGS_MAX))
}

/// The change that takes away the labels of the keys of these objects.
///
/// # Errors
/// `IMG.0001`, `IMG.0115`.
pub(super) fn removing(objects: &[Value]) -> Result<TagChange, Fault> {
    if objects.len() > REMOVED_MAX {
        return Err(bad_value("tags"));
    }
    let mut keys = BTreeSet::new();
    for object in objects {
        let (key, value) = tag::halves(object)?;
        let (key_most, value_most) = REMOVED_CHARS_MAX;
        let fits = !key.trim().is_empty() && key.chars().count() <= key_most && value.chars().count() <= value_most;
        if !fits {
            return Err(code::BAD_TAG.fault());
        }
        keys.insert(key.trim().to_owned());
    }
    Ok(TagChange::RemoveKeys(keys))
}

/// `tags`, which must be there.
pub(super) fn objects(body: &Map<String, Value>) -> Result<&[Value], Fault> {
    let listed = body.get("tags").and_then(Value::as_array).filter(|listed| !listed.is_empty());
    listed.map(Vec::as_slice).ok_or_else(|| bad_value("tags"))
}

async fn add(call: Call) -> Outcome {
    let id = call.image_id()?;
    let body = call.object()?;
    let tag = tag::of_object(body.get("tag").ok_or_else(|| bad_value("tag"))?)?;
    let image = own_image(&call, id).await?;
    retag(&call, &image, adding(vec![tag])?).await?;
    Ok(answer::done())
}

async fn list(call: Call) -> Outcome {
    let image = call.parts.service.show_image(&call.caller, call.image_id()?).await?;
    let tags: Vec<Value> = image.tags.iter().map(|tag| tag::object(tag)).collect();
    Ok(answer::ok(&json!({ "tags": tags })))
}

async fn remove(call: Call) -> Outcome {
    let key = call.param("key").trim().to_owned();
    let image = own_image(&call, call.image_id()?).await?;
    if !image.tags.iter().any(|tag| split_tag(tag).0 == key) {
        return Err(NO_SUCH_TAG.fault().into());
    }
    retag(&call, &image, TagChange::RemoveKeys(BTreeSet::from([key]))).await?;
    Ok(answer::done())
}

async fn act(call: Call) -> Outcome {
    let id = call.image_id()?;
    let body = call.object()?;
    let listed = objects(&body)?;
    let change = match body.get("action").and_then(Value::as_str) {
        Some("create") if listed.len() as u64 > tag::TAGS_MAX => return Err(code::QUOTA_TAGS.fault().into()),
        Some("create") => adding(listed.iter().map(tag::of_object).collect::<Result<_, _>>()?)?,
        Some("delete") => removing(listed)?,
        _ => return Err(bad_value("action").into()),
    };
    let image = own_image(&call, id).await?;
    retag(&call, &image, change).await?;
    Ok(answer::done())
}

async fn list_all(call: Call) -> Outcome {
    let asker = Asker { project: call.project()?, region: &call.region };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let note = |image: Image| {
        for tag in &image.tags {
            let (key, value) = split_tag(tag);
            found.entry(key.to_owned()).or_default().insert(value.unwrap_or_default().to_owned());
        }
    };
    Question::own(asker, vec![Filter::Tagged(true)]).walk(&call, note).await?;
    let tags: Vec<Value> = found.iter().map(|(key, values)| json!({ "key": key, "values": values })).collect();
    Ok(answer::ok(&json!({ "tags": tags })))
}
