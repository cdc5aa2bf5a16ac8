//! The labels of a new image: `tags`, texts `key.value`, or `image_tags`, objects of key and value.

use std::collections::BTreeSet;

use imprint_model::{join_tag, split_tag};
use serde_json::Value;

use super::body::{Members, bad};
use crate::fault::{Fault, code};

/// Most labels of one image.
const TAGS_MAX: usize = 10;
/// Longest key, characters.
const KEY_CHARS_MAX: usize = 36;
/// Longest value, characters.
const VALUE_CHARS_MAX: usize = 43;

/// The labels a body gives, as images have them: `key=value`.
pub(crate) fn read(members: Members<'_>) -> Result<BTreeSet<String>, Fault> {
    let pairs = match (members.get("tags"), members.get("image_tags")) {
        (Some(_), Some(_)) => return Err(bad("tags together with image_tags")),
        (Some(texts), None) => as_texts(texts)?,
        (None, Some(objects)) => as_objects(objects)?,
        (None, None) => return Ok(BTreeSet::new()),
    };
    if pairs.len() > TAGS_MAX {
        return Err(code::QUOTA_TAGS.fault());
    }
    let mut tags: BTreeSet<String> = BTreeSet::new();
    for (key, value) in pairs {
        let (key, value) = (key.trim(), value.trim());
        let twice = tags.iter().any(|tag| split_tag(tag).0 == key);
        if twice || !is_key(key) || !is_value(value) {
            return Err(code::BAD_TAG.fault());
        }
        tags.insert(join_tag(key, value));
    }
    Ok(tags)
}

/// `key.value`, and `key=value` as images show it: the first of the two signs counts.
fn as_texts(texts: &Value) -> Result<Vec<(&str, &str)>, Fault> {
    let texts = texts.as_array().ok_or_else(|| bad("tags"))?;
    // bounds what is looked at: one too many is enough to know
    texts.iter().take(TAGS_MAX + 1).map(|text| text.as_str().map(text_halves).ok_or_else(|| bad("tags"))).collect()
}

fn as_objects(objects: &Value) -> Result<Vec<(&str, &str)>, Fault> {
    let objects = objects.as_array().ok_or_else(|| bad("image_tags"))?;
    let pair = |object| Ok((half(object, "key")?, half(object, "value")?));
    objects.iter().take(TAGS_MAX + 1).map(pair).collect()
}

fn half<'a>(object: &'a Value, name: &str) -> Result<&'a str, Fault> {
    match &object[name] {
        Value::String(text) if object.is_object() => Ok(text),
        Value::Null if object.is_object() => Ok(""),
        _ => Err(bad("image_tags")),
    }
}

/// The two halves of a label in one text.
fn text_halves(text: &str) -> (&str, &str) {
    text.split_once(['.', '=']).unwrap_or((text, ""))
}

fn is_key(key: &str) -> bool {
    let good = |character: char| character.is_alphanumeric() || "_-".contains(character);
    !key.is_empty() && key.chars().count() <= KEY_CHARS_MAX && key.chars().all(good)
}

fn is_value(value: &str) -> bool {
    let good = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    value.chars().count() <= VALUE_CHARS_MAX && value.chars().all(good)
}
