//! From a patch to the engine's changes: its shape, its operations, and whether an attribute may be changed at all. What
//! a value must look like is in `values.rs`.

use imprint_service::{Change, FactChange, Presence};
use serde_json::Value;

use crate::attributes::{self, Attribute, Named, Place, Setter, Values};
use crate::call::Call;
use crate::fault::{Fault, code};
use crate::values;

/// Most elements of one patch. An image has far fewer attributes.
const ELEMENTS_MAX: usize = 1_000;
/// Media types a patch may have; none counts as the first.
const MEDIA_TYPES: [&str; 2] = ["application/json", "application/openstack-images-v2.1-json-patch"];
/// How much of a refused name a message repeats, characters.
const SHOWN_CHARS_MAX: usize = 64;

/// What is to be done with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// The changes a call asks for.
///
/// # Errors
/// `IMG.0007`, `IMG.0001`, and what `values.rs` says of values.
pub(super) fn changes(call: &Call) -> Result<Vec<Change>, Fault> {
    let (_, elements) = elements(call, &MEDIA_TYPES, "JSON")?;
    let mut changes = Vec::with_capacity(elements.len());
    for element in elements {
        element_changes(element, &mut changes)?;
    }
    Ok(changes)
}

/// The elements of a patch, and its media type in small letters: one of `known`, of which none counts as the first. They
/// are types of a `kind`, which a message says.
///
/// # Errors
/// `IMG.0007`, `IMG.0001`.
pub(crate) fn elements(call: &Call, known: &[&str], kind: &str) -> Result<(String, Vec<Value>), Fault> {
    let media_type = call.header("content-type").or(known.first().copied()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !known.contains(&media_type.as_str()) {
        return Err(bad(&format!("the content is not of a {kind} type")));
    }
    let Value::Array(elements) = call.json()? else { return Err(bad("the content is not an array")) };
    if elements.len() > ELEMENTS_MAX {
        return Err(bad(&format!("there are more than {ELEMENTS_MAX} elements")));
    }
    Ok((media_type, elements))
}

/// `IMG.0001` with a reason.
pub(crate) fn bad(why: &str) -> Fault {
    code::BAD_BODY.with_message(format!("The request message format is invalid: {why}."))
}

/// The changes that one element asks for.
///
/// # Errors
/// As [`changes`].
pub(crate) fn element_changes(element: Value, changes: &mut Vec<Change>) -> Result<(), Fault> {
    let Value::Object(mut members) = element else { return Err(bad("an element is not an object")) };
    let verb = match members.get("op").and_then(Value::as_str) {
        Some("add") => Verb::Add,
        Some("replace") => Verb::Replace,
        Some("remove") => Verb::Remove,
        _ => return Err(bad("op is not one of add, replace, remove")),
    };
    let Some(Value::String(path)) = members.remove("path") else { return Err(bad("path is not a string")) };
    let name = path.strip_prefix('/').ok_or_else(|| bad("path does not begin with /"))?;
    let value = members.remove("value");
    match (attributes::look_up(name), verb, value) {
        (Named::Known(attribute), ..) if attribute.setter != Setter::Patch => Err(unchangeable(name)),
        (Named::Kept, ..) => Err(unchangeable(name)),
        (Named::Malformed, ..) => Err(bad("path is not / and the name of an attribute, in small letters")),
        (_, Verb::Add | Verb::Replace, None) => Err(bad(&format!("{} has no value", shown(name)))),
        (Named::Known(attribute), Verb::Remove, _) => remove(attribute, changes),
        (Named::Known(attribute), _, Some(value)) => set(attribute, &value, verb, changes),
        (Named::Extension, Verb::Remove, _) => {
            changes.push(Change::RemoveProperty(name.to_owned()));
            Ok(())
        }
        (Named::Extension, _, Some(value)) => {
            let value = values::text(name, &value, Values::Any)?;
            changes.push(property(name, value, verb));
            Ok(())
        }
    }
}

/// An attribute that is there, but not to be changed in this way.
fn unchangeable(name: &str) -> Fault {
    bad(&format!("the attribute {} cannot be changed", shown(name)))
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN_CHARS_MAX).collect()
}

/// What `replace` expects to find; `add` takes whatever there is.
fn presence(verb: Verb) -> Presence {
    if verb == Verb::Replace { Presence::Present } else { Presence::Any }
}

fn property(name: &str, value: String, verb: Verb) -> Change {
    Change::SetProperty { name: name.to_owned(), value: Some(value), expects: presence(verb) }
}

fn set(attribute: &Attribute, value: &Value, verb: Verb, changes: &mut Vec<Change>) -> Result<(), Fault> {
    let name = attribute.name;
    match (name, attribute.place) {
        ("name", _) => changes.push(Change::Name(Some(values::name(value)?))),
        ("min_ram", _) => changes.push(Change::MinRamMib(values::memory(value)?)),
        ("max_ram", _) => changes.push(property(name, values::memory(value)?.to_string(), verb)),
        ("__description", _) => {
            let text = values::description(value)?;
            expect_description(verb, changes);
            changes.push(Change::Fact(FactChange::Description(Some(text))));
            changes.push(Change::ForgetProperty(name.to_owned()));
        }
        ("hw_firmware_type", _) => {
            let mode = values::firmware(value)?;
            changes.push(Change::Fact(FactChange::BootMode(Some(mode))));
            changes.push(Change::ForgetProperty(name.to_owned()));
        }
        ("enterprise_project_id", _) => {
            changes.push(Change::Fact(FactChange::ResourceGroup(values::group(value)?)));
        }
        (_, Place::Property) => changes.push(property(name, values::text(name, value, attribute.values)?, verb)),
        (_, Place::Record | Place::Fact) => return Err(unchangeable(name)),
    }
    Ok(())
}

fn remove(attribute: &Attribute, changes: &mut Vec<Change>) -> Result<(), Fault> {
    let name = attribute.name;
    match (name, attribute.place) {
        // always there, with a default to go back to
        ("min_ram", _) => changes.push(Change::MinRamMib(0)),
        ("hw_firmware_type", _) => {
            changes.push(Change::Fact(FactChange::BootMode(None)));
            changes.push(Change::ForgetProperty(name.to_owned()));
        }
        ("enterprise_project_id", _) => changes.push(Change::Fact(FactChange::ResourceGroup(None))),
        ("__description", _) => {
            expect_description(Verb::Remove, changes);
            changes.push(Change::Fact(FactChange::Description(None)));
            changes.push(Change::ForgetProperty(name.to_owned()));
        }
        (_, Place::Property) => changes.push(Change::RemoveProperty(name.to_owned())),
        // the name
        (_, Place::Record | Place::Fact) => return Err(unchangeable(name)),
    }
    Ok(())
}

/// What is replaced or removed must be there, wherever another dialect has put it.
fn expect_description(verb: Verb, changes: &mut Vec<Change>) {
    if verb != Verb::Add {
        changes.push(Change::Expect {
            property: "__description".to_owned(),
            fact: imprint_model::FactKey::Description,
            presence: Presence::Present,
        });
    }
}
