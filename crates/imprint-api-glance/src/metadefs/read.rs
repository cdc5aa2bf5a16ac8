//! The bodies that write definitions.

use imprint_model::{ProjectId, Visibility};
use imprint_service::{
    DEFINITION_NAME_CHARS_MAX, DEFINITION_TEXT_CHARS_MAX, DefinitionKind, NamespaceDetails, NewDefinition,
    TEXT_CHARS_MAX,
};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::property;
use crate::error::Refusal;

/// Longest description of an object, in characters; the definition as a whole has a bound too.
const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Words for the visibilities that a namespace can have.
const VISIBILITIES: [&str; 2] = ["public", "private"];

/// A namespace, and what it is to hold from the start.
pub(crate) fn namespace(body: Map<String, Value>) -> Result<(NamespaceDetails, Vec<NewDefinition>), Refusal> {
    let mut fields = Fields::of_body("namespace", body)?;
    let details = NamespaceDetails {
        name: fields.required_text("namespace", DEFINITION_NAME_CHARS_MAX)?,
        display_name: fields.text("display_name", DEFINITION_NAME_CHARS_MAX)?,
        description: fields.text("description", DEFINITION_TEXT_CHARS_MAX)?,
        visibility: match fields.word("visibility", &VISIBILITIES)?.as_deref() {
            Some("public") => Visibility::Public,
            _ => Visibility::Private,
        },
        protected: fields.flag("protected")?.unwrap_or(false),
        owner: fields.text("owner", TEXT_CHARS_MAX)?.map(ProjectId),
    };
    let mut definitions = Vec::new();
    for association in fields.list("resource_type_associations")?.unwrap_or_default() {
        definitions.push(association_of(Fields::of_part("resource_type_association", association)?)?);
    }
    for (name, value) in fields.map("properties")?.unwrap_or_default() {
        let body = property::read_named(value)?;
        definitions.push(NewDefinition { kind: DefinitionKind::Property, name, body });
    }
    for object in fields.list("objects")?.unwrap_or_default() {
        definitions.push(object_of(Fields::of_part("object", object)?)?);
    }
    definitions.extend(tags_of(&mut fields)?.unwrap_or_default());
    fields.end()?;
    Ok((details, definitions))
}

/// An object.
pub(crate) fn object(body: Map<String, Value>) -> Result<NewDefinition, Refusal> {
    object_of(Fields::of_body("object", body)?)
}

/// A property with its name.
pub(crate) fn property(body: Map<String, Value>) -> Result<NewDefinition, Refusal> {
    let mut fields = Fields::of_body("property", body)?;
    let name = fields.required_text("name", DEFINITION_NAME_CHARS_MAX)?;
    Ok(NewDefinition { kind: DefinitionKind::Property, name, body: property::read(fields)? })
}

/// An association with a type of resource.
pub(crate) fn association(body: Map<String, Value>) -> Result<NewDefinition, Refusal> {
    association_of(Fields::of_body("resource_type_association", body)?)
}

/// A tag.
pub(crate) fn tag(body: Map<String, Value>) -> Result<NewDefinition, Refusal> {
    tag_of(Fields::of_body("tag", body)?)
}

/// A list of tags.
pub(crate) fn tags(body: Map<String, Value>) -> Result<Vec<NewDefinition>, Refusal> {
    let mut fields = Fields::of_body("tags", body)?;
    let tags = tags_of(&mut fields)?;
    let tags = tags.ok_or_else(|| fields.mismatch("tags", "'tags' is a required property"))?;
    fields.end()?;
    Ok(tags)
}

/// A tag that is nothing but its name.
pub(crate) fn tag_named(name: String) -> NewDefinition {
    NewDefinition { kind: DefinitionKind::Tag, name, body: json!({}) }
}

fn object_of(mut fields: Fields) -> Result<NewDefinition, Refusal> {
    let name = fields.required_text("name", DEFINITION_NAME_CHARS_MAX)?;
    let mut body = Map::new();
    if let Some(description) = fields.text("description", DESCRIPTION_CHARS_MAX)? {
        body.insert("description".to_owned(), Value::from(description));
    }
    if let Some(required) = fields.texts("required")? {
        body.insert("required".to_owned(), Value::from(required));
    }
    if let Some(properties) = fields.map("properties")? {
        let properties: Map<String, Value> = properties
            .into_iter()
            .map(|(name, value)| Ok((name, property::read_named(value)?)))
            .collect::<Result<_, Refusal>>()?;
        body.insert("properties".to_owned(), Value::Object(properties));
    }
    fields.end()?;
    Ok(NewDefinition { kind: DefinitionKind::Object, name, body: Value::Object(body) })
}

fn association_of(mut fields: Fields) -> Result<NewDefinition, Refusal> {
    let name = fields.required_text("name", DEFINITION_NAME_CHARS_MAX)?;
    let mut body = Map::new();
    for key in ["prefix", "properties_target"] {
        if let Some(text) = fields.text(key, DEFINITION_NAME_CHARS_MAX)? {
            body.insert(key.to_owned(), Value::from(text));
        }
    }
    fields.end()?;
    Ok(NewDefinition { kind: DefinitionKind::ResourceType, name, body: Value::Object(body) })
}

fn tags_of(fields: &mut Fields) -> Result<Option<Vec<NewDefinition>>, Refusal> {
    let Some(tags) = fields.list("tags")? else { return Ok(None) };
    tags.into_iter().map(|tag| tag_of(Fields::of_part("tag", tag)?)).collect::<Result<_, _>>().map(Some)
}

fn tag_of(mut fields: Fields) -> Result<NewDefinition, Refusal> {
    let name = fields.required_text("name", DEFINITION_NAME_CHARS_MAX)?;
    fields.end()?;
    Ok(tag_named(name))
}
