//! Reading the JSON of a request, field by field; what is left over is kept as further attributes.

use imprint_http::Request;
use serde_json::{Map, Value};

use crate::error::Refusal;

/// Longest body that is read, in bytes.
const BODY_MAX: u64 = 256 << 10;

/// A JSON object that is being taken apart.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object under `name` in the request's body.
    pub(crate) async fn read(request: &mut Request, name: &str) -> Result<Self, Refusal> {
        let content = request.body.read_all(BODY_MAX).await?;
        let mut body: Map<String, Value> = serde_json::from_slice(&content)
            .map_err(|why| Refusal::bad_request(format!("Expecting a JSON object in the body: {why}")))?;
        match body.remove(name) {
            Some(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(Refusal::bad_request(format!("Expecting to find an object {name} in the body."))),
        }
    }

    /// Takes a text out; absent and null are none.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// Takes a text out that may be set to null.
    pub(crate) fn nullable_text(&mut self, name: &str) -> Result<Option<Option<String>>, Refusal> {
        if self.0.contains_key(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// Takes a text out that must be there.
    pub(crate) fn needed_text(&mut self, name: &str) -> Result<String, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::bad_request(format!("'{name}' is a required property")))
    }

    /// Takes a flag out.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(wrong(name, "a boolean")),
        }
    }

    /// Takes an object out.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Fields>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields))),
            Some(_) => Err(wrong(name, "an object")),
        }
    }

    /// Takes an object out that must be there.
    pub(crate) fn needed_object(&mut self, name: &str) -> Result<Fields, Refusal> {
        self.object(name)?.ok_or_else(|| Refusal::bad_request(format!("'{name}' is a required property")))
    }

    /// Takes a list of texts out.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(list) = self.list(name)? else {
            return Ok(None);
        };
        let text = |value: Value| match value {
            Value::String(text) => Ok(text),
            _ => Err(wrong(name, "a list of strings")),
        };
        list.into_iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Takes a list of objects out.
    pub(crate) fn objects(&mut self, name: &str) -> Result<Option<Vec<Fields>>, Refusal> {
        let Some(list) = self.list(name)? else {
            return Ok(None);
        };
        let object = |value: Value| match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(wrong(name, "a list of objects")),
        };
        list.into_iter().map(object).collect::<Result<_, _>>().map(Some)
    }

    /// Takes a value out as it is.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// What was not taken, without what only answers carry.
    pub(crate) fn rest(mut self) -> Map<String, Value> {
        for shown_only in ["id", "links", "options", "password_expires_at", "is_domain", "domain"] {
            self.0.remove(shown_only);
        }
        self.0
    }

    fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(wrong(name, "a list")),
        }
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

fn wrong(name: &str, wanted: &str) -> Refusal {
    Refusal::bad_request(format!("Invalid input for field '{name}': it is not {wanted}"))
}

/// A query parameter as text.
pub(crate) fn filter(request: &Request, name: &str) -> Option<String> {
    request.query_first(name).map(str::to_owned)
}

/// A query parameter as a flag: present means yes, unless it says no.
pub(crate) fn switch(request: &Request, name: &str) -> bool {
    filter_flag(request, name).unwrap_or(false)
}

/// A query parameter as a flag that may be absent.
pub(crate) fn filter_flag(request: &Request, name: &str) -> Option<bool> {
    let value = request.query_first(name)?;
    Some(!(value == "0" || value.eq_ignore_ascii_case("false")))
}
