//! The schema documents that clients build their options and checks from. What the service accepts is decided in
//! `attributes.rs`; a test holds the two against each other.

mod image;
mod member;
pub(crate) mod metadefs;
mod task;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use image::{image, images};
pub(crate) use member::{member, members};
pub(crate) use task::{task, tasks};

/// Text of every id.
const UUID_PATTERN: &str = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";

/// A document as it is sent: written once.
pub(crate) struct Document(LazyLock<Bytes>);

impl Document {
    /// A document that `make` makes when it is first asked for.
    pub(crate) const fn new(make: fn() -> Bytes) -> Self {
        Self(LazyLock::new(make))
    }

    /// The text.
    pub(crate) fn text(&self) -> Bytes {
        self.0.clone()
    }
}

/// The text of a schema.
pub(crate) fn written(schema: &Value) -> Bytes {
    schema.to_string().into()
}

/// A collection of `items` that has pages.
pub(crate) fn paged_collection(name: &str, items: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: {"type": "array", "items": items},
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

/// A collection of `items` that is always whole.
pub(crate) fn plain_collection(name: &str, items: &Value) -> Value {
    json!({
        "name": name,
        "properties": {name: {"type": "array", "items": items}, "schema": {"type": "string"}},
        "links": [{"rel": "describedby", "href": "{schema}"}],
    })
}
