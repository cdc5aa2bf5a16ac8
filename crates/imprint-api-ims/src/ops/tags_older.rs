//! Labels of images by the two older families of paths, one of which knows labels as single texts.

use std::collections::BTreeSet;

use http::Method;
use imprint_model::Image;
use imprint_service::{Error, TagChange};
use serde_json::{Value, json};

use super::native_update::bad_value;
use super::tags::{CODES, PROJECT_ID, adding, objects, removing, retag};
use crate::access::{own_image, settle};
use crate::answer;
use crate::call::Call;
use crate::fault::{Code, code};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};
use crate::query::{self, Asker, BAD_ARCHITECTURE, BAD_FLAVOR, BAD_TYPE, LIMIT_MAX};
use crate::tag;

/// Longest label without a value on the native path, characters.
const NATIVE_CHARS_MAX: usize = 255;
/// A label that is not there.
const NO_SUCH_TAG: Code = code::BAD_TAG.status(404);
const TAG: Parameter = Parameter::path("tag", "A key without a value.");

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Tags,
        "put_tag",
        Method::PUT,
        "/v1/cloudimages/tags",
        "Adds a tag to an image; it takes the place of one of the same key.",
        run!(put),
    )
    .success(204)
    .parameters(&[
        Parameter::body("image_id", "The image.").required(),
        Parameter::body("tag", "`key.value`; the first dot counts."),
        Parameter::body("image_tag", "`{key, value}`, instead of `tag`."),
    ])
    .codes(CODES),
    Op::new(
        Family::Tags,
        "list_image_tags",
        Method::GET,
        "/v1/cloudimages/tags",
        "Lists the tags of the images that `GET /v2/cloudimages` lists, each once.",
        run!(list),
    )
    .parameters(&[
        Parameter::query("limit", "Most tags of the page; all by default."),
        Parameter::query("page", "The page, from 1."),
        Parameter::query("…", "Any condition of `GET /v2/cloudimages`."),
    ])
    .codes(&[BAD_TYPE, BAD_ARCHITECTURE, BAD_FLAVOR]),
    Op::new(
        Family::Tags,
        "delete_tags",
        Method::DELETE,
        "/v1/{project_id}/cloudimages/{image_id}/tags/delete",
        "Takes the tags of these keys from an image.",
        run!(remove),
    )
    .success(204)
    .parameters(&[PROJECT_ID, IMAGE_ID, Parameter::body("tags", "`{key}` each.").required()])
    .codes(&[code::EMPTY_BODY, code::IMAGE_NOT_FOUND, code::NOT_OWNER, code::BAD_TAG]),
    Op::new(
        Family::Tags,
        "native_add_tag",
        Method::PUT,
        "/v2/images/{image_id}/tags/{tag}",
        "Adds a tag without a value to an image.",
        run!(put_native),
    )
    .success(204)
    .parameters(&[IMAGE_ID, TAG])
    .codes(&[code::IMAGE_NOT_FOUND, code::NOT_OWNER, code::BAD_TAG, code::QUOTA_TAGS]),
    Op::new(
        Family::Tags,
        "native_delete_tag",
        Method::DELETE,
        "/v2/images/{image_id}/tags/{tag}",
        "Takes a tag without a value from an image.",
        run!(remove_native),
    )
    .success(204)
    .parameters(&[IMAGE_ID, TAG])
    .codes(&[code::IMAGE_NOT_FOUND, code::NOT_OWNER, NO_SUCH_TAG]),
];

async fn put(call: Call) -> Outcome {
    let body = call.object()?;
    let id = body.get("image_id").and_then(Value::as_str).ok_or_else(|| bad_value("image_id"))?;
    let id = id.parse().map_err(|_| code::IMAGE_NOT_FOUND.fault())?;
    let tag = match (body.get("tag"), body.get("image_tag")) {
        (Some(Value::String(text)), None) => tag::of_text(text)?,
        (None, Some(object)) => tag::of_object(object)?,
        _ => return Err(bad_value("tag").into()),
    };
    let image = own_image(&call, id).await?;
    retag(&call, &image, adding(vec![tag])?).await?;
    Ok(answer::done())
}

async fn list(call: Call) -> Outcome {
    let number = |name: &'static str| match call.query_first(name) {
        None => Ok(None),
        Some(text) => {
            let number = text.trim().parse::<usize>().ok().filter(|&number| number > 0);
            number.map(Some).ok_or_else(|| bad_value(name))
        }
    };
    let (limit, page) = (number("limit")?.unwrap_or(usize::MAX), number("page")?.unwrap_or(1));
    let asker = Asker { project: call.project()?, region: &call.region };
    let question = query::read(&call.query, asker, LIMIT_MAX, &["limit", "page", "marker"])?;
    let mut found: BTreeSet<String> = BTreeSet::new();
    question.walk(&call, |image: Image| found.extend(image.tags)).await?;
    let tags: Vec<&String> = found.iter().skip((page - 1).saturating_mul(limit)).take(limit).collect();
    Ok(answer::ok(&json!({ "tags": tags })))
}

async fn remove(call: Call) -> Outcome {
    let id = call.image_id()?;
    let change = removing(objects(&call.object()?)?)?;
    let image = own_image(&call, id).await?;
    retag(&call, &image, change).await?;
    Ok(answer::done())
}

async fn put_native(call: Call) -> Outcome {
    let text = call.param("tag");
    if text.contains('=') || text.chars().count() > NATIVE_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(code::BAD_TAG.fault().into());
    }
    let image = own_image(&call, call.image_id()?).await?;
    let change = TagChange::Add(BTreeSet::from([text.to_owned()]), tag::TAGS_MAX);
    retag(&call, &image, change).await?;
    Ok(answer::done())
}

async fn remove_native(call: Call) -> Outcome {
    let id = call.image_id()?;
    own_image(&call, id).await?;
    match call.parts.service.remove_tag(&call.caller, id, call.param("tag")).await {
        Ok(()) => Ok(answer::done()),
        Err(error @ Error::NotFound(_)) => Err(error.into()),
        Err(error) => Err(settle(&call, id, error).await),
    }
}
