//! A property's definition: a fragment of JSON schema with a few keys of its own.

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::error::Refusal;

/// Types that a property can have.
pub(crate) const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Longest title, description and pattern, in characters; the definition as a whole has a bound too.
const TEXT_CHARS_MAX: usize = 10_000;

/// What the value of a key must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// One of [`TYPES`].
    Type,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// A whole number from 0 on.
    Count,
    /// What the elements of an array must be: a type and the values allowed.
    Items,
    /// Anything: it depends on the property's type.
    Anything,
}

/// Every key but the name, in the order shown.
pub(crate) const KEYS: [(&str, Rule); 19] = [
    ("type", Rule::Type),
    ("title", Rule::Text),
    ("description", Rule::Text),
    ("operators", Rule::Texts),
    ("default", Rule::Anything),
    ("readonly", Rule::Flag),
    ("confidential", Rule::Flag),
    ("required", Rule::Texts),
    ("minimum", Rule::Number),
    ("maximum", Rule::Number),
    ("enum", Rule::Texts),
    ("pattern", Rule::Text),
    ("minLength", Rule::Count),
    ("maxLength", Rule::Count),
    ("items", Rule::Items),
    ("uniqueItems", Rule::Flag),
    ("minItems", Rule::Count),
    ("maxItems", Rule::Count),
    ("additionalItems", Rule::Flag),
];

/// Keys that must be there.
pub(crate) const REQUIRED: [&str; 2] = ["title", "type"];

/// A definition under a name that is known already.
pub(crate) fn read_named(value: Value) -> Result<Value, Refusal> {
    let mut fields = Fields::of_part("property", value)?;
    // exports of other installations repeat the name inside
    fields.take("name");
    read(fields)
}

/// A definition, all but its name.
pub(crate) fn read(mut fields: Fields) -> Result<Value, Refusal> {
    let mut body = Map::new();
    for (key, rule) in KEYS {
        let value = match rule {
            Rule::Type => fields.word(key, &TYPES)?.map(Value::from),
            Rule::Text => fields.text(key, TEXT_CHARS_MAX)?.map(Value::from),
            Rule::Texts => fields.texts(key)?.map(Value::from),
            Rule::Flag => fields.flag(key)?.map(Value::from),
            Rule::Number => fields.number(key)?,
            Rule::Count => fields.count(key)?,
            Rule::Items => fields.take(key).map(items).transpose()?,
            Rule::Anything => fields.take(key),
        };
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    }
    if let Some(key) = REQUIRED.iter().find(|key| !body.contains_key(**key)) {
        return Err(fields.mismatch(key, format!("'{key}' is a required property")));
    }
    fields.end()?;
    Ok(Value::Object(body))
}

fn items(value: Value) -> Result<Value, Refusal> {
    let mut fields = Fields::of_part("items", value)?;
    let mut body = Map::new();
    if let Some(word) = fields.word("type", &TYPES)? {
        body.insert("type".to_owned(), Value::from(word));
    }
    if let Some(allowed) = fields.texts("enum")? {
        body.insert("enum".to_owned(), Value::from(allowed));
    }
    fields.end()?;
    Ok(Value::Object(body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_key_cannot_be_is_refused_by_its_name() {
        let refused = [
            ("type", json!("file")),
            ("title", json!(5)),
            ("description", json!("x".repeat(10_001))),
            ("operators", json!("<in>")),
            ("enum", json!(["a", 1])),
            ("readonly", json!("true")),
            ("minimum", json!("1")),
            ("maxLength", json!(-1)),
            ("items", json!({"type": "file"})),
            ("items", json!({"other": 1})),
            ("unknown", json!(1)),
        ];
        for (key, value) in refused {
            let mut body = json!({"title": "T", "type": "string"});
            body[key] = value;
            let refusal = read_named(body.clone()).expect_err(key);
            assert_eq!(refusal.status, http::StatusCode::BAD_REQUEST, "{body}");
        }
        for key in REQUIRED {
            let mut body = json!({"title": "T", "type": "string"});
            body.as_object_mut().expect("an object").remove(key);
            assert!(read_named(body).expect_err(key).text.contains(key));
        }
        assert!(read_named(json!(["title"])).is_err());
    }

    #[test]
    fn what_is_accepted_is_kept_as_it_was() {
        let body = json!({
            "type": "array", "title": "T", "default": ["a"], "minimum": 0.5, "minItems": 1,
            "items": {"type": "string", "enum": ["a", "b"]}, "uniqueItems": true,
        });
        assert_eq!(read_named(body.clone()).expect("accepted"), body);
    }
}
