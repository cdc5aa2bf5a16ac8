//! JSON patch of an image in both of its media types, turned into changes of the model. What the changes may do is
//! the service's to decide.

use imprint_service::{Change, Presence};
use serde_json::{Map, Value};

use crate::error::Refusal;
use crate::{attributes, facts, words};

/// Both media types, as `Accept-Patch` lists them.
pub(crate) const MEDIA_TYPES: &str =
    "application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch";

/// Most operations in one patch. All properties and base keys of an image can be changed twice over.
const OPERATIONS_MAX: usize = 1_000;

/// The two ways to write an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// `{"add": "/path", "value": …}`.
    V20,
    /// `{"op": "add", "path": "/path", "value": …}`.
    V21,
}

impl Grammar {
    /// The grammar of a media type.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/openstack-images-v2.0-json-patch" => Some(Self::V20),
            "application/openstack-images-v2.1-json-patch" => Some(Self::V21),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Remove,
    Replace,
}

const VERBS: [(&str, Verb); 3] = [("add", Verb::Add), ("remove", Verb::Remove), ("replace", Verb::Replace)];

/// The changes a patch asks for, in order.
pub(crate) fn read(grammar: Grammar, body: Value) -> Result<Vec<Change>, Refusal> {
    let Value::Array(operations) = body else {
        return Err(Refusal::bad_request("Request body must be a JSON array of operation objects."));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(Refusal::bad_request(format!("A patch has at most {OPERATIONS_MAX} operations.")));
    }
    let mut changes = Vec::with_capacity(operations.len());
    for operation in operations {
        changes.extend(read_operation(grammar, operation)?);
    }
    Ok(changes)
}

fn read_operation(grammar: Grammar, operation: Value) -> Result<Vec<Change>, Refusal> {
    let Value::Object(mut operation) = operation else {
        return Err(Refusal::bad_request("Operations must be JSON objects."));
    };
    let (verb, pointer) = match grammar {
        Grammar::V20 => verb_and_pointer_v20(&operation)?,
        Grammar::V21 => verb_and_pointer_v21(&operation)?,
    };
    let path = decode_pointer(pointer)?;
    check_depth(verb, &path)?;
    let key = path.into_iter().next().expect("a pointer has a first token");
    let value = match verb {
        Verb::Remove => None,
        Verb::Add | Verb::Replace => Some(operation.remove("value").ok_or_else(|| {
            let name = if verb == Verb::Add { "add" } else { "replace" };
            Refusal::bad_request(format!("Operation \"{name}\" requires a member named \"value\"."))
        })?),
    };
    if key == "id" {
        return Err(Refusal::forbidden("Attribute 'id' is read-only."));
    }
    attributes::check_writable(&key)?;
    changes(grammar, verb, key, value)
}

fn changes(grammar: Grammar, verb: Verb, key: String, value: Option<Value>) -> Result<Vec<Change>, Refusal> {
    let base = words::is_base(&key);
    let Some(value) = value else {
        return match facts::key(&key) {
            _ if base => Err(Refusal::forbidden(format!("Property {key} may not be removed."))),
            Some(fact) => Ok(facts::remove(&key, fact)),
            None => Ok(vec![Change::RemoveProperty(key)]),
        };
    };
    let expects = match (verb, grammar) {
        (Verb::Replace, _) => Presence::Present,
        (_, Grammar::V20) => Presence::Absent,
        (_, Grammar::V21) => Presence::Any,
    };
    let changes = attributes::changes(&key, value, expects)?;
    if base && expects == Presence::Absent {
        return Err(Refusal::conflict(format!("Property {key} already present.")));
    }
    Ok(changes)
}

fn verb_and_pointer_v21(operation: &Map<String, Value>) -> Result<(Verb, &str), Refusal> {
    let known = "It must be one of the following: add, remove, replace.";
    let Some(op) = operation.get("op") else {
        return Err(Refusal::bad_request(format!("Unable to find `op` in JSON Schema change. {known}")));
    };
    let verb = VERBS.iter().find(|(name, _)| op.as_str() == Some(name)).map(|(_, verb)| *verb);
    let verb = verb.ok_or_else(|| Refusal::bad_request(format!("Invalid operation in `op`. {known}")))?;
    let pointer = operation.get("path").and_then(Value::as_str);
    pointer
        .map(|pointer| (verb, pointer))
        .ok_or_else(|| Refusal::bad_request("Unable to find 'path' in JSON Schema change"))
}

fn verb_and_pointer_v20(operation: &Map<String, Value>) -> Result<(Verb, &str), Refusal> {
    let mut present = VERBS.iter().filter_map(|(name, verb)| Some((*verb, operation.get(*name)?)));
    let (verb, pointer) = match (present.next(), present.next()) {
        (Some(only), None) => only,
        _ => {
            return Err(Refusal::bad_request(
                "Operation objects must contain exactly one member named \"add\", \"remove\", or \"replace\".",
            ));
        }
    };
    let pointer = pointer.as_str().ok_or_else(|| Refusal::bad_request("The path of an operation must be a string."))?;
    Ok((verb, pointer))
}

/// The tokens of a JSON pointer (RFC 6901).
fn decode_pointer(pointer: &str) -> Result<Vec<String>, Refusal> {
    let Some(tokens) = pointer.strip_prefix('/') else {
        return Err(Refusal::bad_request(format!("Pointer `{}` does not start with \"/\".", shown(pointer))));
    };
    if tokens.split('/').any(|token| token.trim().is_empty()) {
        return Err(Refusal::bad_request(format!("Pointer `{}` contains an empty token.", shown(pointer))));
    }
    tokens.split('/').map(|token| decode_token(pointer, token)).collect()
}

fn decode_token(pointer: &str, token: &str) -> Result<String, Refusal> {
    let mut decoded = String::with_capacity(token.len());
    let mut characters = token.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            '~' => match characters.next() {
                Some('0') => decoded.push('~'),
                Some('1') => decoded.push('/'),
                _ => {
                    let pointer = shown(pointer);
                    let text = format!("Pointer `{pointer}` contains \"~\" not part of a recognized escape sequence.");
                    return Err(Refusal::bad_request(text));
                }
            },
            other => decoded.push(other),
        }
    }
    Ok(decoded)
}

/// Only the list of locations has places inside.
fn check_depth(verb: Verb, path: &[String]) -> Result<(), Refusal> {
    let depth = if path[0] == "locations" && verb != Verb::Replace { 2 } else { 1 };
    if path.len() == depth {
        return Ok(());
    }
    Err(Refusal::bad_request(format!("Invalid JSON pointer for this resource: '/{}'", shown(&path.join("/")))))
}

fn shown(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use imprint_model::Visibility;
    use serde_json::json;

    use super::*;

    fn set(name: &str, value: &str, expects: Presence) -> Change {
        Change::SetProperty { name: name.to_owned(), value: Some(value.to_owned()), expects }
    }

    fn status(grammar: Grammar, body: &Value) -> StatusCode {
        read(grammar, body.clone()).expect_err(&body.to_string()).status
    }

    #[test]
    fn both_grammars_say_the_same_things_but_differ_in_what_add_expects() {
        let v21 = json!([
            {"op": "replace", "path": "/name", "value": "new"},
            {"op": "add", "path": "/a~1b~0c", "value": "1"},
            {"op": "replace", "path": "/visibility", "value": "private"},
            {"op": "remove", "path": "/old"},
        ]);
        let v20 = json!([
            {"replace": "/name", "value": "new"},
            {"add": "/a~1b~0c", "value": "1"},
            {"replace": "/visibility", "value": "private"},
            {"remove": "/old"},
        ]);
        let expected = |add| {
            vec![
                Change::Name(Some("new".to_owned())),
                set("a/b~c", "1", add),
                Change::Visibility(Visibility::Private),
                Change::RemoveProperty("old".to_owned()),
            ]
        };
        assert_eq!(read(Grammar::V21, v21).expect("valid"), expected(Presence::Any));
        assert_eq!(read(Grammar::V20, v20).expect("valid"), expected(Presence::Absent));
    }

    #[test]
    fn what_is_no_patch_is_a_bad_request() {
        for body in [
            json!({}),
            json!([1]),
            json!([{"op": "move", "path": "/name", "value": "x"}]),
            json!([{"path": "/name", "value": "x"}]),
            json!([{"op": "add", "value": "x"}]),
            json!([{"op": "add", "path": "/name"}]),
            json!([{"op": "add", "path": "name", "value": "x"}]),
            json!([{"op": "add", "path": "/", "value": "x"}]),
            json!([{"op": "add", "path": "/a//b", "value": "x"}]),
            json!([{"op": "add", "path": "/a/", "value": "x"}]),
            json!([{"op": "add", "path": "/a~2", "value": "x"}]),
            json!([{"op": "add", "path": "/a~", "value": "x"}]),
            json!([{"op": "add", "path": "/tags/-", "value": "x"}]),
            json!([{"op": "add", "path": "/locations", "value": []}]),
            json!([{"op": "replace", "path": "/min_disk", "value": "1"}]),
        ] {
            assert_eq!(status(Grammar::V21, &body), StatusCode::BAD_REQUEST);
        }
        for body in [json!([{"value": 1}]), json!([{"add": "/a", "remove": "/a"}]), json!([{"add": 5, "value": 1}])] {
            assert_eq!(status(Grammar::V20, &body), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn what_nobody_may_do_is_forbidden_and_what_exists_cannot_be_added_by_the_old_grammar() {
        for (op, path) in [
            ("replace", "/id"),
            ("replace", "/status"),
            ("add", "/os_glance_x"),
            ("remove", "/imprint:x"),
            ("remove", "/name"),
            ("add", "/deleted"),
            ("add", "/locations/-"),
            ("replace", "/locations"),
        ] {
            let body = json!([{"op": op, "path": path, "value": "x"}]);
            assert_eq!(status(Grammar::V21, &body), StatusCode::FORBIDDEN, "{op} {path}");
        }
        assert_eq!(status(Grammar::V20, &json!([{"add": "/name", "value": "x"}])), StatusCode::CONFLICT);
    }
}
