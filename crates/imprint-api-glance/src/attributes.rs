//! One key of an image as a client writes it: whether it may be written, and what its value must look like. Rules that
//! hold for every image are the service's; here is only what this API alone demands.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use imprint_model::{ContainerFormat, ImageId, ProjectId, Visibility};
use imprint_service::{Change, Presence, TEXT_CHARS_MAX};
use serde_json::Value;

use crate::error::Refusal;
use crate::{facts, words};

/// Largest `min_disk` and `min_ram`: what a signed 32-bit column holds.
const MINIMUM_MAX: u64 = i32::MAX as u64;
/// How much of a refused value a message repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// Refuses keys that a client may never write.
pub(crate) fn check_writable(name: &str) -> Result<(), Refusal> {
    if words::is_read_only(name) {
        return Err(Refusal::forbidden(format!("Attribute '{name}' is read-only.")));
    }
    if words::is_reserved_property(name) {
        return Err(Refusal::forbidden(format!("Attribute '{name}' is reserved.")));
    }
    if name == "locations" {
        return Err(Refusal::forbidden("It's not allowed to add locations if locations are invisible."));
    }
    Ok(())
}

/// The changes that give a writable key a value.
pub(crate) fn changes(name: &str, value: Value, expects: Presence) -> Result<Vec<Change>, Refusal> {
    match facts::key(name) {
        Some(key) => Ok(facts::set(name, key, extra_value(name, value)?, expects)),
        None => Ok(vec![change(name, value, expects)?]),
    }
}

fn change(name: &str, value: Value, expects: Presence) -> Result<Change, Refusal> {
    match name {
        "name" => Ok(Change::Name(text_or_null("name", value)?)),
        "visibility" => Ok(Change::Visibility(word::<Visibility>("visibility", &value, Visibility::ALL)?)),
        "os_hidden" => Ok(Change::Hidden(boolean("os_hidden", &value)?)),
        "protected" => Ok(Change::Protected(boolean("protected", &value)?)),
        "owner" => Ok(Change::Owner(owner(value)?.ok_or_else(|| mismatch("owner", "None is not of type 'string'"))?)),
        "disk_format" => Ok(Change::DiskFormat(word_or_null("disk_format", &value, &words::DISK_FORMATS)?)),
        "container_format" => {
            Ok(Change::ContainerFormat(word_or_null("container_format", &value, ContainerFormat::ALL)?))
        }
        "min_disk" => Ok(Change::MinDiskGib(minimum("min_disk", &value)?)),
        "min_ram" => Ok(Change::MinRamMib(minimum("min_ram", &value)?)),
        "tags" => Ok(Change::Tags(tags(value)?)),
        extra => {
            let value = extra_value(extra, value)?;
            Ok(Change::SetProperty { name: extra.to_owned(), value, expects })
        }
    }
}

/// The id a client chose for a new image.
pub(crate) fn id(value: &Value) -> Result<ImageId, Refusal> {
    let text = value.as_str().ok_or_else(|| wrong_type("id", value, "'string'"))?;
    // the schema admits capitals; inside there is one spelling
    text.to_ascii_lowercase().parse().map_err(|_| mismatch("id", format!("{} is not a UUID", shown(value))))
}

/// The owner a client named; none when it is null.
pub(crate) fn owner(value: Value) -> Result<Option<ProjectId>, Refusal> {
    Ok(text_or_null("owner", value)?.map(ProjectId))
}

/// One tag.
pub(crate) fn tag(value: Value) -> Result<String, Refusal> {
    bounded_text("tags", value)
}

fn tags(value: Value) -> Result<BTreeSet<String>, Refusal> {
    match value {
        Value::Array(values) => values.into_iter().map(tag).collect(),
        other => Err(wrong_type("tags", &other, "'array'")),
    }
}

fn extra_value(name: &str, value: Value) -> Result<Option<String>, Refusal> {
    if name.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::bad_request("Custom property should not be greater than 255 characters."));
    }
    match value {
        Value::Null if words::is_known_extra(name) => Ok(None),
        Value::String(text) => {
            if matches!(name, "kernel_id" | "ramdisk_id") && text.to_ascii_lowercase().parse::<ImageId>().is_err() {
                return Err(mismatch(name, format!("{} is not a UUID", shown(&Value::String(text)))));
            }
            Ok(Some(text))
        }
        other if words::is_known_extra(name) => Err(wrong_type(name, &other, "'null', 'string'")),
        other => Err(wrong_type(name, &other, "'string'")),
    }
}

fn text_or_null(name: &str, value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::String(_) => bounded_text(name, value).map(Some),
        other => Err(wrong_type(name, &other, "'null', 'string'")),
    }
}

fn bounded_text(name: &str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) if text.chars().count() <= TEXT_CHARS_MAX => Ok(text),
        Value::String(_) => Err(mismatch(name, format!("{} is too long", shown(&value)))),
        other => Err(wrong_type(name, &other, "'string'")),
    }
}

fn boolean(name: &str, value: &Value) -> Result<bool, Refusal> {
    value.as_bool().ok_or_else(|| wrong_type(name, value, "'boolean'"))
}

fn minimum(name: &str, value: &Value) -> Result<u32, Refusal> {
    if value.as_i64().is_some_and(|number| number < 0) {
        let text = format!("Invalid value '{value}' for parameter '{name}': Cannot be a negative value");
        return Err(Refusal::bad_request(text));
    }
    if !value.is_u64() {
        return Err(wrong_type(name, value, "'integer'"));
    }
    let fits = value.as_u64().filter(|&number| number <= MINIMUM_MAX).and_then(|number| u32::try_from(number).ok());
    fits.ok_or_else(|| mismatch(name, format!("{} is greater than the maximum of {MINIMUM_MAX}", shown(value))))
}

fn word_or_null<W: FromStr + Display + PartialEq>(name: &str, value: &Value, all: &[W]) -> Result<Option<W>, Refusal> {
    if value.is_null() { Ok(None) } else { word(name, value, all).map(Some) }
}

/// One of these words; the model may know more.
fn word<W: FromStr + Display + PartialEq>(name: &str, value: &Value, all: &[W]) -> Result<W, Refusal> {
    let text = value.as_str().ok_or_else(|| wrong_type(name, value, "'string'"))?;
    text.parse().ok().filter(|word| all.contains(word)).ok_or_else(|| {
        let all: Vec<_> = all.iter().map(|word| format!("'{word}'")).collect();
        mismatch(name, format!("{} is not one of [{}]", shown(value), all.join(", ")))
    })
}

fn wrong_type(name: &str, value: &Value, wanted: &str) -> Refusal {
    mismatch(name, format!("{} is not of type {wanted}", shown(value)))
}

fn mismatch(name: &str, why: impl Display) -> Refusal {
    let name = shown_text(name);
    Refusal::bad_request(format!("Provided object does not match schema 'image': {why}. Failed for '{name}'."))
}

/// A value as a message repeats it: in part.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", shown_text(text)),
        Value::Array(_) => "[...]".to_owned(),
        Value::Object(_) => "{...}".to_owned(),
        other => shown_text(&other.to_string()),
    }
}

fn shown_text(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(name: &str, value: Value) -> String {
        let refusal = changes(name, value, Presence::Any).expect_err(name);
        assert_eq!(refusal.status, http::StatusCode::BAD_REQUEST, "{name}");
        assert!(refusal.text.contains(name), "{} does not name {name}", refusal.text);
        refusal.text.into_owned()
    }

    #[test]
    fn wrong_types_and_words_are_refused_by_name() {
        refused("name", json!(5));
        refused("name", json!("x".repeat(256)));
        refused("visibility", json!("secret"));
        refused("visibility", json!(null));
        refused("protected", json!("true"));
        refused("os_hidden", json!(1));
        refused("disk_format", json!("qcow3"));
        refused("container_format", json!(["bare"]));
        refused("min_disk", json!(-1));
        refused("min_ram", json!(true));
        refused("min_ram", json!(1.5));
        refused("min_ram", json!(u64::MAX));
        refused("tags", json!("one"));
        refused("tags", json!(["x".repeat(256)]));
        refused("kernel_id", json!("not-a-uuid"));
        for value in [json!(null), json!(5), json!(true), json!({"a": 1})] {
            refused("hw_disk_bus", value);
        }
    }

    #[test]
    fn a_refused_value_is_repeated_only_in_part() {
        assert!(refused("name", json!("y".repeat(100_000))).len() < 300);
    }

    #[test]
    fn null_is_a_value_of_known_keys_alone() {
        for name in ["kernel_id", "os_version"] {
            let expected = Change::SetProperty { name: name.to_owned(), value: None, expects: Presence::Any };
            assert_eq!(change(name, json!(null), Presence::Any).expect(name), expected);
        }
        assert_eq!(change("name", json!(null), Presence::Any).expect("null is a name"), Change::Name(None));
        assert_eq!(
            change("disk_format", json!(null), Presence::Any).expect("null is no format"),
            Change::DiskFormat(None)
        );
    }

    #[test]
    fn names_of_the_service_are_not_a_clients_to_write() {
        for name in ["size", "status", "self", "stores", "os_glance_import_task", "imprint:x", "deleted", "locations"] {
            let refusal = check_writable(name).expect_err(name);
            assert_eq!(refusal.status, http::StatusCode::FORBIDDEN);
        }
        assert!(check_writable("hw_disk_bus").is_ok());
    }
}
