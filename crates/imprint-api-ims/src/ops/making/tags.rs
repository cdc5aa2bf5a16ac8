//! The labels of a new image: `tags`, texts `key.value`, or `image_tags`, objects of key and value.

use std::collections::BTreeSet;

use imprint_model::split_tag;
use serde_json::Value;

use super::body::{Members, bad};
use crate::fault::{Fault, code};
use crate::tag::{self, TAGS_MAX};

/// The labels a body gives, as images have them; no two of one key.
pub(crate) fn read(members: Members<'_>) -> Result<BTreeSet<String>, Fault> {
    let tags = match (members.get("tags"), members.get("image_tags")) {
        (Some(_), Some(_)) => return Err(bad("tags together with image_tags")),
        (Some(texts), None) => each("tags", texts, |text| tag::of_text(text.as_str().ok_or_else(|| bad("tags"))?))?,
        (None, Some(objects)) => each("image_tags", objects, tag::of_object)?,
        (None, None) => Vec::new(),
    };
    let mut keys = BTreeSet::new();
    if !tags.iter().all(|tag| keys.insert(split_tag(tag).0)) {
        return Err(code::BAD_TAG.fault());
    }
    Ok(tags.into_iter().collect())
}

fn each(name: &str, list: &Value, one: impl Fn(&Value) -> Result<String, Fault>) -> Result<Vec<String>, Fault> {
    let list = list.as_array().ok_or_else(|| bad(name))?;
    if list.len() as u64 > TAGS_MAX {
        return Err(code::QUOTA_TAGS.fault());
    }
    list.iter().map(one).collect()
}
