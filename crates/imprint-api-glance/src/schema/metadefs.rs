//! Metadata definitions.

use serde_json::{Map, Value, json};

use super::paged_collection;
use crate::metadefs::property::{KEYS, REQUIRED, Rule, TYPES};

/// One namespace, with all that it may hold.
pub(crate) fn namespace() -> Value {
    json!({
        "name": "namespace",
        "required": ["namespace"],
        "properties": {
            "namespace": {"type": "string", "description": "Unique name of the namespace", "maxLength": 80},
            "display_name": {"type": "string", "description": "Name for people", "maxLength": 80},
            "description": {"type": "string", "description": "What it is about, for people", "maxLength": 500},
            "visibility": {
                "type": "string",
                "description": "Who can see it",
                "enum": ["public", "private"],
            },
            "protected": {"type": "boolean", "description": "Nothing of it can be deleted"},
            "owner": {"type": "string", "description": "Project that owns it", "maxLength": 255},
            "created_at": time("When it was made"),
            "updated_at": time("When it last changed"),
            "self": {"type": "string", "readOnly": true},
            "schema": {"type": "string", "readOnly": true},
            "resource_type_associations": {"type": "array", "items": part(resource_type())},
            "properties": properties_by_name(),
            "objects": {"type": "array", "items": part(object())},
            "tags": {"type": "array", "items": part(tag())},
        },
    })
}

/// Many.
pub(crate) fn namespaces() -> Value {
    paged_collection("namespaces", &namespace())
}

/// One association with a type of resource.
pub(crate) fn resource_type() -> Value {
    json!({
        "name": "resource_type_association",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "Type of resource", "maxLength": 80},
            "prefix": {
                "type": "string",
                "description": "What names of properties begin with on a resource of this type",
                "maxLength": 80,
            },
            "properties_target": {
                "type": "string",
                "description": "Which properties of the resource are meant, when it has more than one kind",
                "maxLength": 80,
            },
            "created_at": time("When it was made"),
            "updated_at": time("When it last changed"),
        },
    })
}

/// Many.
pub(crate) fn resource_types() -> Value {
    paged_collection("resource_type_associations", &resource_type())
}

/// One object.
pub(crate) fn object() -> Value {
    json!({
        "name": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "Name of the object", "maxLength": 80},
            "description": {"type": "string", "description": "What it is about, for people"},
            "required": texts(),
            "properties": properties_by_name(),
            "created_at": time("When it was made"),
            "updated_at": time("When it last changed"),
            "self": {"type": "string", "readOnly": true},
            "schema": {"type": "string", "readOnly": true},
        },
    })
}

/// Many.
pub(crate) fn objects() -> Value {
    paged_collection("objects", &object())
}

/// One property.
pub(crate) fn property() -> Value {
    let mut properties = Map::new();
    properties.insert("name".to_owned(), json!({"type": "string", "maxLength": 80}));
    properties.extend(fragment_keys());
    json!({ "name": "property", "required": ["name", "title", "type"], "properties": properties })
}

/// Many, by name.
pub(crate) fn properties() -> Value {
    json!({
        "name": "properties",
        "properties": {
            "properties": properties_by_name(),
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

/// One tag.
pub(crate) fn tag() -> Value {
    json!({
        "name": "tag",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "The tag", "maxLength": 80},
            "created_at": time("When it was made"),
            "updated_at": time("When it last changed"),
        },
    })
}

/// Many.
pub(crate) fn tags() -> Value {
    paged_collection("tags", &tag())
}

/// A document as part of another: without its name.
fn part(mut document: Value) -> Value {
    if let Some(document) = document.as_object_mut() {
        document.shift_remove("name");
        document.insert("type".to_owned(), json!("object"));
    }
    document
}

fn properties_by_name() -> Value {
    let property = json!({
        "type": "object",
        "required": REQUIRED,
        "properties": fragment_keys(),
    });
    json!({ "type": "object", "additionalProperties": property })
}

fn fragment_keys() -> Map<String, Value> {
    KEYS.iter().map(|&(key, rule)| (key.to_owned(), of_rule(rule))).collect()
}

fn of_rule(rule: Rule) -> Value {
    match rule {
        Rule::Type => json!({"type": "string", "enum": TYPES}),
        Rule::Text => json!({"type": "string"}),
        Rule::Texts => texts(),
        Rule::Flag => json!({"type": "boolean"}),
        Rule::Number => json!({"type": "number"}),
        Rule::Count => json!({"type": "integer", "minimum": 0}),
        Rule::Items => {
            json!({"type": "object", "properties": {"type": {"type": "string", "enum": TYPES}, "enum": texts()}})
        }
        Rule::Anything => json!({}),
    }
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn time(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": description, "readOnly": true})
}
