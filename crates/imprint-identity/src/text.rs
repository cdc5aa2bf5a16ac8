//! Bounds of the texts that are stored, checked in one place.

use serde_json::{Map, Value};

use crate::{Error, Kind};

/// Longest description, in bytes.
const DESCRIPTION_MAX: usize = 65_535;
/// Longest JSON of further attributes, in bytes.
const EXTRA_MAX: usize = 65_535;

/// A name of 1 to `max` characters, not blank.
pub(crate) fn check_name(kind: Kind, name: &str, max: usize) -> Result<(), Error> {
    if name.trim().is_empty() || name.chars().take(max + 1).count() > max || name.contains('\0') {
        return Err(Error::Invalid(format!(
            "Invalid input for field 'name': a {kind} has a name of 1 to {max} characters"
        )));
    }
    Ok(())
}

pub(crate) fn check_description(text: &str) -> Result<(), Error> {
    if text.len() > DESCRIPTION_MAX || text.contains('\0') {
        return Err(Error::Invalid(format!("Invalid input for field 'description': at most {DESCRIPTION_MAX} bytes")));
    }
    Ok(())
}

/// An id that is kept in tokens and headers.
pub(crate) fn check_id(field: &str, id: &str) -> Result<(), Error> {
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        return Err(Error::Invalid(format!("Invalid input for field '{field}'")));
    }
    Ok(())
}

/// Further attributes as they are stored.
pub(crate) fn extra_text(extra: &Map<String, Value>) -> Result<String, Error> {
    let text = serde_json::to_string(extra).map_err(|why| Error::Internal(format!("attributes as JSON: {why}")))?;
    if text.len() > EXTRA_MAX || text.contains("\\u0000") {
        return Err(Error::Invalid(format!("further attributes take at most {EXTRA_MAX} bytes and no NUL")));
    }
    Ok(text)
}

/// Stored further attributes with some set anew.
pub(crate) fn merge_extra(stored: &str, changes: &Map<String, Value>) -> Result<String, Error> {
    let mut extra: Map<String, Value> =
        serde_json::from_str(stored).map_err(|why| Error::Internal(format!("stored attributes: {why}")))?;
    for (name, value) in changes {
        extra.insert(name.clone(), value.clone());
    }
    extra_text(&extra)
}
