//! Images that are found by their labels.

use http::Method;
use imprint_model::{Direction, Filter, Image, Page, SortKey, join_tag};
use imprint_service::{ListImages, Seen};
use serde_json::{Map, Value, json};

use super::native_update::bad_value;
use super::tags::PROJECT_ID;
use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Fault, code};
use crate::op::{Family, Op, Outcome, Parameter, run};
use crate::query::named;
use crate::{tag, words};

/// Most keys of one condition, and most values of one key.
const EACH_MAX: usize = 10;
/// Longest key that is looked for, and longest value, characters.
const CHARS_MAX: (usize, usize) = (128, 255);
/// Images on a page when the client does not say, and most.
const LIMIT_DEFAULT: u32 = 10;
const LIMIT_MAX: u32 = 1_000;

pub(super) const OPS: &[Op] = &[Op::new(
    Family::Tags,
    "find_tagged_images",
    Method::POST,
    "/v2/{project_id}/images/resource_instances/action",
    "Lists or counts images of the project by their tags. Several values of one key are alternatives; no value stands for \
     any.",
    run!(find),
)
.parameters(&[
    PROJECT_ID,
    Parameter::body("action", "`filter` or `count`.").required(),
    Parameter::body("limit", "As text: most images, 10 by default, up to 1,000."),
    Parameter::body("offset", "As text: how many images are skipped."),
    Parameter::body("tags", "`{key, values}` each; images have all of them."),
    Parameter::body("tags_any", "Images have any of them."),
    Parameter::body("not_tags", "Images do not have all of them."),
    Parameter::body("not_tags_any", "Images have none of them."),
    Parameter::body("without_any_tag", "Only images without tags; the four conditions above do not count then."),
    Parameter::body("matches", "`{key, value}` each; the key is `resource_name` (part of it) or `resource_id`."),
])
.codes(&[code::EMPTY_BODY, code::BAD_TAG])];

async fn find(call: Call) -> Outcome {
    let body = call.object()?;
    let filters = filters(&call, &body)?;
    match body.get("action").and_then(Value::as_str) {
        Some("count") => {
            let (_, total) = page(&call, &filters, 1, 1).await?;
            Ok(answer::ok(&json!({ "total_count": total })))
        }
        Some("filter") => {
            let limit = number(&body, "limit", LIMIT_DEFAULT)?;
            let offset = number(&body, "offset", 0)?;
            if !(1..=LIMIT_MAX).contains(&limit) {
                return Err(bad_value("limit").into());
            }
            let (mut images, total) = page(&call, &filters, offset / limit + 1, limit).await?;
            let skipped = offset % limit;
            if skipped > 0 {
                // the page lies across two of those that the engine gives
                images.extend(page(&call, &filters, offset / limit + 2, limit).await?.0);
            }
            let wanted = images.iter().skip(skipped as usize).take(limit as usize);
            let resources: Vec<Value> = wanted.map(shown).collect();
            Ok(answer::ok(&json!({ "total_count": total, "resources": resources })))
        }
        _ => Err(bad_value("action").into()),
    }
}

async fn page(call: &Call, filters: &[Filter], number: u32, size: u32) -> Result<(Vec<Image>, u64), Problem> {
    let list = ListImages {
        seen: Seen::Default,
        member_statuses: Vec::new(),
        filters: filters.to_vec(),
        sort: vec![(SortKey::CreatedAt, Direction::Descending)],
        page: Page::Numbered { number, size },
    };
    let found = call.parts.service.list_images(&call.caller, list).await?;
    Ok((found.images, found.total.unwrap_or_default()))
}

fn shown(image: &Image) -> Value {
    let tags: Vec<Value> = image.tags.iter().map(|tag| tag::object(tag)).collect();
    json!({
        "resource_id": image.id.to_string(),
        "resource_name": image.name.as_deref().unwrap_or_default(),
        "resource_detail": { "status": words::status(image.status) },
        "tags": tags,
    })
}

/// A number that clients write as text.
fn number(body: &Map<String, Value>, name: &str, usual: u32) -> Result<u32, Fault> {
    let number = match body.get(name) {
        None | Some(Value::Null) => Some(usual),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Some(_) => None,
    };
    number.ok_or_else(|| bad_value(name))
}

fn filters(call: &Call, body: &Map<String, Value>) -> Result<Vec<Filter>, Fault> {
    let mut filters = vec![Filter::Owner(call.project()?.clone()), Filter::Region(call.region.clone())];
    let [all, any, not_all, not_any] =
        [tagged(body, "tags")?, tagged(body, "tags_any")?, tagged(body, "not_tags")?, tagged(body, "not_tags_any")?];
    let untagged = match body.get("without_any_tag") {
        None | Some(Value::Null) => false,
        Some(value) => value.as_bool().ok_or_else(|| bad_value("without_any_tag"))?,
    };
    if untagged {
        filters.push(Filter::Tagged(false));
    } else {
        filters.extend(all);
        if !any.is_empty() {
            filters.push(Filter::Any(any));
        }
        if !not_all.is_empty() {
            filters.push(Filter::Not(Box::new(Filter::All(not_all))));
        }
        if !not_any.is_empty() {
            filters.push(Filter::Not(Box::new(Filter::Any(not_any))));
        }
    }
    filters.extend(matches(body)?);
    Ok(filters)
}

/// A condition for each key of a member.
fn tagged(body: &Map<String, Value>, name: &str) -> Result<Vec<Filter>, Fault> {
    let listed = list(body, name)?;
    let mut keys: Vec<&str> = Vec::new();
    let mut filters = Vec::new();
    for object in listed {
        let key = object.get("key").and_then(Value::as_str).unwrap_or_default();
        let values = match object.get("values") {
            None | Some(Value::Null) => &[],
            Some(values) => values.as_array().map(Vec::as_slice).ok_or_else(|| bad_value(name))?,
        };
        let fits = !key.is_empty() && key.chars().count() <= CHARS_MAX.0 && !keys.contains(&key);
        if !fits || values.len() > EACH_MAX {
            return Err(code::BAD_TAG.fault());
        }
        keys.push(key);
        let mut exact: Vec<Filter> = Vec::new();
        for value in values {
            let value = value.as_str().filter(|value| value.chars().count() <= CHARS_MAX.1);
            let filter = Filter::Tag(join_tag(key, value.ok_or_else(|| code::BAD_TAG.fault())?));
            if exact.contains(&filter) {
                return Err(code::BAD_TAG.fault());
            }
            exact.push(filter);
        }
        filters.push(match exact.len() {
            0 => Filter::TagKey(key.to_owned()),
            1 => exact.remove(0),
            _ => Filter::Any(exact),
        });
    }
    Ok(filters)
}

fn list<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Fault> {
    let listed = match body.get(name) {
        None | Some(Value::Null) => return Ok(&[]),
        Some(value) => value.as_array().ok_or_else(|| bad_value(name))?,
    };
    if listed.len() > EACH_MAX || !listed.iter().all(Value::is_object) {
        return Err(bad_value(name));
    }
    Ok(listed)
}

fn matches(body: &Map<String, Value>) -> Result<Vec<Filter>, Fault> {
    let mut filters = Vec::new();
    for object in list(body, "matches")? {
        let (key, value) = tag::halves(object)?;
        if value.chars().count() > CHARS_MAX.1 {
            return Err(bad_value("matches"));
        }
        filters.push(match (key.as_str(), value.as_str()) {
            ("resource_name", "") => named(""),
            ("resource_name", part) => Filter::NameLike(format!("*{part}*")),
            ("resource_id", id) => Filter::Ids(id.parse().into_iter().collect()),
            _ => return Err(bad_value("matches")),
        });
    }
    Ok(filters)
}
