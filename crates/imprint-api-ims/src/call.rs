//! One call of an operation: who asks for what, on which parts. Never here: how that was found out (`auth/`).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Uri};
use imprint_http::Body;
use imprint_model::{Caller, ImageId, ProjectId};
use serde_json::{Map, Value};

use crate::body;
use crate::fault::{Fault, code};
use crate::parts::Parts;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    /// What it works with.
    pub(crate) parts: Arc<Parts>,
    /// Who asks: bound to one project (none for open operations), never with the powers of an installation's
    /// administrator. Grants of a bound user are in it: the engine asks them.
    pub(crate) caller: Caller,
    /// The region this endpoint is of: the first of the installation.
    pub(crate) region: String,
    /// The request target as it was sent.
    pub(crate) uri: Uri,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// Parameters of the path, decoded.
    pub(crate) params: Vec<(String, String)>,
    /// Parameters of the query, decoded, in the order sent.
    pub(crate) query: Vec<(String, String)>,
    /// The whole content; empty for operations that stream.
    pub(crate) content: Bytes,
    /// The content of operations that stream; empty for others.
    pub(crate) stream: Body,
}

impl Call {
    /// A parameter of the path; the empty text when the template has none of this name.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The image that the path names. A text that is no id names no image.
    ///
    /// # Errors
    /// 404 `IMG.0027`.
    pub(crate) fn image_id(&self) -> Result<ImageId, Fault> {
        self.param("image_id").parse().map_err(|_| code::IMAGE_NOT_FOUND.fault())
    }

    /// The first value of a query parameter; an empty one counts.
    pub(crate) fn query_first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.query_all(name).next()
    }

    /// All values of a query parameter, in the order sent.
    pub(crate) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The project asked for; every call but an open one has it.
    ///
    /// # Errors
    /// 403 `IMG.0026`.
    pub(crate) fn project(&self) -> Result<&ProjectId, Fault> {
        self.caller.project.as_ref().ok_or_else(|| code::FORBIDDEN.fault())
    }

    /// The content, any JSON.
    ///
    /// # Errors
    /// `IMG.0007` when it is empty, `IMG.0001` when it is not JSON.
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        body::json(&self.content)
    }

    /// The content, a JSON object.
    ///
    /// # Errors
    /// `IMG.0007` when it is empty, `IMG.0001` when it is anything else.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Fault> {
        body::object(&self.content)
    }
}
