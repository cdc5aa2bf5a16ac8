//! What the value of an attribute must look like in this API, with the code for one that does not. Making images reads
//! names, descriptions and sizes by the same rules.

use imprint_model::BootMode;
use serde_json::Value;

use crate::attributes::Values;
use crate::fault::{Fault, code};

/// Longest name, characters.
const NAME_CHARS_MAX: usize = 128;
/// Longest description, characters.
const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// Longest value of any other attribute, bytes.
const TEXT_BYTES_MAX: usize = 4_096;
/// Longest id of an enterprise project, bytes.
const GROUP_BYTES_MAX: usize = 64;
/// Most memory, MiB: what a signed 32-bit column holds.
const MEMORY_MAX: u64 = i32::MAX as u64;
/// The enterprise project of all that are in no other.
const DEFAULT_GROUP: &str = "0";

/// `IMG.0001` for an attribute.
fn bad(name: &str, why: &str) -> Fault {
    let shown: String = name.chars().take(64).collect();
    code::BAD_BODY.with_message(format!("The request message format is invalid: {shown} {why}."))
}

/// A name.
///
/// # Errors
/// `IMG.0001` for what is no text, `IMG.0013`, `IMG.0002`, `IMG.0003`.
pub(crate) fn name(value: &Value) -> Result<String, Fault> {
    let text = value.as_str().ok_or_else(|| bad("name", "is not a string"))?;
    if text.is_empty() {
        return Err(code::NAME_MISSING.fault());
    }
    if text.chars().count() > NAME_CHARS_MAX {
        return Err(code::NAME_TOO_LONG.fault());
    }
    let good =
        |character: char| character.is_ascii_alphanumeric() || "-._ ".contains(character) || is_ideograph(character);
    if text.trim() != text || !text.chars().all(good) {
        return Err(code::NAME_FORMAT.fault());
    }
    Ok(text.to_owned())
}

/// Whether a character is one of those that Chinese is written with.
fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// A description.
///
/// # Errors
/// `IMG.0001` for what is no text, `IMG.0004`, `IMG.0054`.
pub(crate) fn description(value: &Value) -> Result<String, Fault> {
    let text = value.as_str().ok_or_else(|| bad("__description", "is not a string"))?;
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(code::DESCRIPTION_TOO_LONG.fault());
    }
    if text.contains(['<', '>']) || text.chars().any(char::is_control) {
        return Err(code::DESCRIPTION_FORMAT.fault());
    }
    Ok(text.to_owned())
}

/// Memory in mebibytes, as a number or as digits.
///
/// # Errors
/// `IMG.0055`.
pub(crate) fn memory(value: &Value) -> Result<u32, Fault> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    let number = number.filter(|&number| number <= MEMORY_MAX).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| code::BAD_SIZE.fault())
}

/// A firmware.
///
/// # Errors
/// `IMG.0141`.
pub(crate) fn firmware(value: &Value) -> Result<BootMode, Fault> {
    match value.as_str() {
        Some("bios") => Ok(BootMode::Bios),
        Some("uefi") => Ok(BootMode::Uefi),
        _ => Err(code::BAD_FIRMWARE.fault()),
    }
}

/// An enterprise project; none for the default one.
///
/// # Errors
/// `IMG.0001` for what is no text, `IMG.0155` for what cannot be one.
pub(crate) fn group(value: &Value) -> Result<Option<String>, Fault> {
    let text = value.as_str().ok_or_else(|| bad("enterprise_project_id", "is not a string"))?;
    if text.is_empty() || text.len() > GROUP_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(code::ENTERPRISE_PROJECT.fault());
    }
    Ok((text != DEFAULT_GROUP).then(|| text.to_owned()))
}

/// The value of an attribute that is text.
///
/// # Errors
/// `IMG.0001`.
pub(crate) fn text(name: &str, value: &Value, values: Values) -> Result<String, Fault> {
    let text = value.as_str().ok_or_else(|| bad(name, "is not a string"))?;
    let among = |known: &[&str]| known.contains(&text);
    let fits = match values {
        Values::OnlyTrue => among(&["true"]),
        Values::TrueOrFalse => among(&["true", "false"]),
        // those with a type of their own are read by it
        Values::Any | Values::Firmware | Values::Memory | Values::Name | Values::Description | Values::Group => {
            text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
        }
    };
    if fits { Ok(text.to_owned()) } else { Err(bad(name, "has no value that it may have")) }
}
