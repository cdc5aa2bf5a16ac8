//! Reading a definition's JSON object key by key, with the type each key must have. What nobody took is refused.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::attributes::shown;
use crate::error::Refusal;

/// Keys that only the service writes.
const READ_ONLY: [&str; 4] = ["self", "schema", "created_at", "updated_at"];
/// Elements of one list.
const LIST_MAX: usize = 1_000;

/// The keys of an object that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Fields {
    schema: &'static str,
    object: Map<String, Value>,
}

impl Fields {
    /// Of the body of a request, where read-only keys are forbidden.
    pub(crate) fn of_body(schema: &'static str, object: Map<String, Value>) -> Result<Self, Refusal> {
        match READ_ONLY.iter().find(|key| object.contains_key(**key)) {
            Some(key) => Err(Refusal::forbidden(format!("Attribute '{key}' is read-only."))),
            None => Ok(Self { schema, object }),
        }
    }

    /// Of an object inside of another. Read-only keys say nothing there, so that what was shown can be written again.
    pub(crate) fn of_part(schema: &'static str, value: Value) -> Result<Self, Refusal> {
        match value {
            Value::Object(mut object) => {
                object.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
                Ok(Self { schema, object })
            }
            other => Err(mismatch(schema, schema, format!("{} is not of type 'object'", shown(&other)))),
        }
    }

    /// A text of at most `chars_max` characters.
    pub(crate) fn text(&mut self, key: &str, chars_max: usize) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= chars_max => Ok(Some(text)),
            Some(long @ Value::String(_)) => Err(self.mismatch(key, format!("{} is too long", shown(&long)))),
            Some(other) => Err(self.wrong_type(key, &other, "string")),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, key: &str, chars_max: usize) -> Result<String, Refusal> {
        let text = self.text(key, chars_max)?;
        text.ok_or_else(|| self.mismatch(key, format!("'{key}' is a required property")))
    }

    /// One of some words.
    pub(crate) fn word(&mut self, key: &str, words: &[&str]) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(word)) if words.contains(&word.as_str()) => Ok(Some(word)),
            Some(other) => {
                let why = format!("{} is not one of [{}]", shown(&other), words.join(", "));
                Err(self.mismatch(key, why))
            }
        }
    }

    /// True or false.
    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong_type(key, &other, "boolean")),
        }
    }

    /// Any number.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<Value>, Refusal> {
        match self.take(key) {
            Some(other) if !other.is_number() => Err(self.wrong_type(key, &other, "number")),
            number => Ok(number),
        }
    }

    /// A whole number from 0 on.
    pub(crate) fn count(&mut self, key: &str) -> Result<Option<Value>, Refusal> {
        match self.take(key) {
            Some(other) if !other.is_u64() => Err(self.mismatch(key, format!("{} is no count", shown(&other)))),
            number => Ok(number),
        }
    }

    /// A list of texts. One may come twice: definitions that are in use everywhere have such lists.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(values) = self.list(key)? else { return Ok(None) };
        let texts = values.into_iter().map(|value| match value {
            Value::String(text) => Ok(text),
            other => Err(self.wrong_type(key, &other, "string")),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A list.
    pub(crate) fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Array(values)) if values.len() <= LIST_MAX => Ok(Some(values)),
            Some(Value::Array(_)) => Err(self.mismatch(key, format!("more than {LIST_MAX} elements"))),
            Some(other) => Err(self.wrong_type(key, &other, "array")),
        }
    }

    /// An object whose keys are names.
    pub(crate) fn map(&mut self, key: &str) -> Result<Option<Map<String, Value>>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(object)) if object.len() <= LIST_MAX => Ok(Some(object)),
            Some(Value::Object(_)) => Err(self.mismatch(key, format!("more than {LIST_MAX} elements"))),
            Some(other) => Err(self.wrong_type(key, &other, "object")),
        }
    }

    /// Whatever it is.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.object.shift_remove(key)
    }

    /// Refuses keys that mean nothing here.
    pub(crate) fn end(self) -> Result<(), Refusal> {
        match self.object.keys().next() {
            Some(key) => Err(self.mismatch(key, "Additional properties are not allowed")),
            None => Ok(()),
        }
    }

    /// The refusal of a key's value.
    pub(crate) fn mismatch(&self, key: &str, why: impl Display) -> Refusal {
        mismatch(self.schema, key, why)
    }

    fn wrong_type(&self, key: &str, value: &Value, wanted: &str) -> Refusal {
        self.mismatch(key, format!("{} is not of type '{wanted}'", shown(value)))
    }
}

fn mismatch(schema: &str, key: &str, why: impl Display) -> Refusal {
    let key = shown(&Value::from(key));
    Refusal::bad_request(format!("Provided object does not match schema '{schema}': {why}. Failed for {key}."))
}
