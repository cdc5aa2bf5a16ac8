//! Labels in this API's words: a key and a value, kept as the text `key=value`, or the key alone. Never here: where they
//! are put.

use imprint_model::{join_tag, split_tag};
use serde_json::{Value, json};

use crate::fault::{Fault, code};

/// Most labels of one image.
pub(crate) const TAGS_MAX: u64 = 10;
/// Longest key, characters.
const KEY_CHARS_MAX: usize = 36;
/// Longest value, characters.
const VALUE_CHARS_MAX: usize = 43;

/// The text of a label by this API's rules; blanks around key and value do not count.
///
/// # Errors
/// `IMG.0115`.
pub(crate) fn joined(key: &str, value: &str) -> Result<String, Fault> {
    let (key, value) = (key.trim(), value.trim());
    let key_fits = !key.is_empty() && key.chars().count() <= KEY_CHARS_MAX && key.chars().all(is_key_character);
    let value_character = |character| is_key_character(character) || character == '.';
    let value_fits = value.chars().count() <= VALUE_CHARS_MAX && value.chars().all(value_character);
    if key_fits && value_fits { Ok(join_tag(key, value)) } else { Err(code::BAD_TAG.fault()) }
}

fn is_key_character(character: char) -> bool {
    character.is_alphanumeric() || "_-".contains(character)
}

/// The label that `{"key", "value"}` says.
///
/// # Errors
/// `IMG.0001` for anything else, `IMG.0115`.
pub(crate) fn of_object(object: &Value) -> Result<String, Fault> {
    let (key, value) = halves(object)?;
    joined(&key, &value)
}

/// Key and value of an object; the value may be missing.
///
/// # Errors
/// `IMG.0001`.
pub(crate) fn halves(object: &Value) -> Result<(String, String), Fault> {
    let bad =
        || code::BAD_BODY.with_message("The request message format is invalid: a tag is an object of key and value.");
    let members = object.as_object().ok_or_else(bad)?;
    let half = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(bad()),
    };
    Ok((half("key")?, half("value")?))
}

/// The label that the text `key=value` says, as images show it, or `key.value`, as requests write it: the first of the
/// two signs counts.
///
/// # Errors
/// `IMG.0115`.
pub(crate) fn of_text(text: &str) -> Result<String, Fault> {
    let (key, value) = text.split_once(['=', '.']).unwrap_or((text, ""));
    joined(key, value)
}

/// A stored label as an object.
pub(crate) fn object(tag: &str) -> Value {
    let (key, value) = split_tag(tag);
    json!({ "key": key, "value": value.unwrap_or_default() })
}
