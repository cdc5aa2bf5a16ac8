//! Definitions as they are shown.

use imprint_model::Timestamp;
use imprint_service::{Definition, DefinitionKind, Namespace, NamespaceContent};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// What a segment of a path holds as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// The path of a namespace.
pub(crate) fn namespace_path(name: &str) -> String {
    format!("/v2/metadefs/namespaces/{}", utf8_percent_encode(name, SEGMENT))
}

/// A namespace without what it holds.
pub(crate) fn namespace(namespace: &Namespace) -> Value {
    let Namespace { name, display_name, description, visibility, protected, owner, created_at, updated_at } = namespace;
    let mut shown = json!({ "namespace": name });
    for (key, text) in [("display_name", display_name), ("description", description)] {
        if let Some(text) = text {
            shown[key] = json!(text);
        }
    }
    shown["visibility"] = json!(visibility);
    shown["protected"] = json!(protected);
    shown["owner"] = json!(owner);
    shown["self"] = json!(namespace_path(name));
    shown["schema"] = json!("/v2/schemas/metadefs/namespace");
    shown["created_at"] = json!(created_at.to_rfc3339_seconds());
    shown["updated_at"] = json!(updated_at.to_rfc3339_seconds());
    shown
}

/// A namespace with what it holds: a key for each kind of which there is one. Names of properties are given the prefix
/// that goes with a type of resource.
pub(crate) fn content(content: &NamespaceContent, resource_type: Option<&str>) -> Value {
    let mut shown = namespace(&content.namespace);
    let prefix = resource_type.map_or("", |wanted| prefix_for(&content.definitions, wanted));
    let of_kind = |kind: DefinitionKind| content.definitions.iter().filter(move |held| held.kind == kind);
    let all = |kind: DefinitionKind, view: fn(&Definition) -> Value| of_kind(kind).map(view).collect::<Vec<_>>();
    let associations = all(DefinitionKind::ResourceType, association);
    let properties = properties(of_kind(DefinitionKind::Property), prefix);
    let objects: Vec<Value> = of_kind(DefinitionKind::Object).map(|held| prefixed(object(held), prefix)).collect();
    let tags = all(DefinitionKind::Tag, tag_name);
    for (key, list) in [("resource_type_associations", associations), ("objects", objects), ("tags", tags)] {
        if !list.is_empty() {
            shown[key] = Value::from(list);
        }
    }
    if !properties.is_empty() {
        shown["properties"] = Value::Object(properties);
    }
    shown
}

/// An object.
pub(crate) fn object(definition: &Definition) -> Value {
    let mut shown = json!({ "name": definition.name });
    for key in ["description", "required", "properties"] {
        if let Some(value) = definition.body.get(key) {
            shown[key] = value.clone();
        }
    }
    let name = utf8_percent_encode(&definition.name, SEGMENT);
    shown["self"] = json!(format!("{}/objects/{name}", namespace_path(&definition.namespace)));
    shown["schema"] = json!("/v2/schemas/metadefs/object");
    with_times(shown, definition.created_at, definition.updated_at)
}

/// A property.
pub(crate) fn property(definition: &Definition) -> Value {
    let mut shown = definition.body.clone();
    shown["name"] = json!(definition.name);
    shown
}

/// Properties by name; in a collection the name is the key alone.
pub(crate) fn properties<'a>(all: impl Iterator<Item = &'a Definition>, prefix: &str) -> Map<String, Value> {
    all.map(|definition| (format!("{prefix}{}", definition.name), definition.body.clone())).collect()
}

/// An association with a type of resource.
pub(crate) fn association(definition: &Definition) -> Value {
    let mut shown = json!({ "name": definition.name });
    for key in ["prefix", "properties_target"] {
        if let Some(value) = definition.body.get(key) {
            shown[key] = value.clone();
        }
    }
    with_times(shown, definition.created_at, definition.updated_at)
}

/// A tag.
pub(crate) fn tag(definition: &Definition) -> Value {
    with_times(tag_name(definition), definition.created_at, definition.updated_at)
}

/// A tag in a list.
pub(crate) fn tag_name(definition: &Definition) -> Value {
    json!({ "name": definition.name })
}

/// The prefix of properties that belong to a resource of this type.
pub(crate) fn prefix_of(association: &Definition) -> &str {
    association.body.get("prefix").and_then(Value::as_str).unwrap_or_default()
}

fn prefix_for<'a>(definitions: &'a [Definition], resource_type: &str) -> &'a str {
    let mut associations = definitions.iter().filter(|held| held.kind == DefinitionKind::ResourceType);
    associations.find(|association| association.name == resource_type).map_or("", prefix_of)
}

fn prefixed(mut object: Value, prefix: &str) -> Value {
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        *properties = std::mem::take(properties)
            .into_iter()
            .map(|(name, property)| (format!("{prefix}{name}"), property))
            .collect();
    }
    if let Some(Value::Array(required)) = object.get_mut("required") {
        for name in required {
            *name = json!(format!("{prefix}{}", name.as_str().unwrap_or_default()));
        }
    }
    object
}

fn with_times(mut shown: Value, created_at: Timestamp, updated_at: Timestamp) -> Value {
    shown["created_at"] = json!(created_at.to_rfc3339_seconds());
    shown["updated_at"] = json!(updated_at.to_rfc3339_seconds());
    shown
}
