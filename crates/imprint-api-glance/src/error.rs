//! What a caller is told when something cannot be done: one match from the service's errors to status and text, and
//! the three bodies this API knows.

use std::borrow::Cow;
use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use imprint_http::{BodyError, Response};
use imprint_service::{Error, Field, Resource};
use serde_json::json;

use crate::words;

/// Why an operation does not give what was asked of it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    fault: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal of this status, with a text for people.
    pub(crate) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), headers: Vec::new(), fault: None }
    }

    /// 400.
    pub(crate) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 403.
    pub(crate) fn forbidden(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub(crate) fn not_found(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 409.
    pub(crate) fn conflict(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    /// 404 of an image.
    pub(crate) fn no_image(id: &str) -> Self {
        Self::not_found(format!("No image found with ID {id}"))
    }

    /// The same with a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same, caused by a fault of ours that the shell logs.
    fn with_fault(mut self, fault: Box<dyn std::error::Error + Send + Sync>) -> Self {
        self.fault = Some(fault);
        self
    }

    /// The answer, in the body the caller accepts.
    pub(crate) fn render(self, style: Style) -> Response {
        let mut response = Response::full(self.status, style.content_type(), style.body(self.status, &self.text));
        response.headers.extend(self.headers);
        match self.fault {
            Some(fault) => response.with_fault(fault),
            None => response,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Missing(field @ (Field::DiskFormat | Field::ContainerFormat)) => {
                Self::bad_request(format!("Property {} must be set prior to saving data.", words::field(field)))
            }
            Error::Missing(field) => Self::bad_request(format!("'{}' must be given.", words::field(field))),
            Error::Invalid { field, why } => {
                Self::bad_request(format!("Invalid value for '{}': {why}", words::field(field)))
            }
            Error::NotFound(resource) => Self::not_found(absence(&resource)),
            Error::Duplicate(Field::Id) => Self::conflict("An image with this ID already exists!"),
            Error::Duplicate(field) => Self::conflict(format!("This {} already exists.", words::field(field))),
            Error::PropertyAbsent(name) => Self::conflict(format!("Property {name} does not exist.")),
            Error::PropertyPresent(name) => Self::conflict(format!("Property {name} already present.")),
            Error::WrongStatus(status) => {
                Self::conflict(format!("Image status {} does not allow this operation.", words::status(status)))
            }
            Error::Gone => Self::new(StatusCode::GONE, "The image was deleted during the operation."),
            Error::Protected => Self::forbidden("Image is protected and cannot be deleted."),
            Error::Conflict(conflict) => Self::conflict(words::conflict(conflict)),
            Error::TokenReused => Self::conflict("The token was used for another request."),
            Error::DryRun => Self::bad_request("All checks passed; nothing was changed."),
            Error::InUse(what) => Self::conflict(format!("Image could not be deleted because it is in use: {what}")),
            Error::OverQuota(quota, limit) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The limit has been exceeded on the {}. Maximum: {limit}", words::quota(quota)),
            ),
            Error::FormatMismatch { declared, found } => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("Image disk_format {declared} does not match stream data {found}"),
            ),
            Error::Unsafe(why) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("Image failed safety checks: {why}"))
            }
            Error::Incomplete(why) => Self::bad_request(format!("The image data is incomplete: {why}")),
            Error::Denied(what) => Self::forbidden(format!("You are not authorized to complete this action: {what}")),
            Error::Unsupported(what) => Self::bad_request(format!("Not supported: {what}")),
            Error::StoreFull => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Image storage media is full."),
            Error::Unavailable(what) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("The service is temporarily unavailable: {what}"))
            }
            Error::Internal(fault) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The server has encountered an error.").with_fault(fault)
            }
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("Request body: {error}")),
            BodyError::Incomplete | BodyError::TimedOut { .. } | BodyError::Broken(_) => {
                Self::bad_request(format!("Request body: {error}"))
            }
        }
    }
}

fn absence(resource: &Resource) -> String {
    match resource {
        Resource::Image(id) => format!("No image found with ID {id}"),
        Resource::Member(project) => format!("{project} not found in the member list of the image."),
        Resource::Tag(tag) => format!("The image has no tag {tag}."),
        Resource::Job(id) => format!("No task found with ID {id}"),
        Resource::Definition(kind, name) => format!("Metadata definition {kind} not found: {name}"),
        Resource::Snapshot(id)
        | Resource::Disk(id)
        | Resource::Instance(id)
        | Resource::Region(id)
        | Resource::ResourceGroup(id)
        | Resource::Bucket(id)
        | Resource::Object(id) => format!("{id} not found"),
    }
}

/// The same error where a status that does not fit is answered 403 and this text, not 409.
pub(crate) fn status_forbids(text: &'static str) -> impl FnOnce(Error) -> Refusal {
    move |error| match error {
        Error::WrongStatus(status) => {
            Refusal::forbidden(format!("{text} The image is in status '{}'.", words::status(status)))
        }
        other => other.into(),
    }
}

/// Which of the three error bodies a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Html,
    Plain,
}

impl Style {
    /// What the caller accepts.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut html = false;
        for accept in headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
            if accept.contains("application/json") {
                return Self::Json;
            }
            html |= accept.contains("text/html") || accept.contains("*/*");
        }
        if html { Self::Html } else { Self::Plain }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html; charset=UTF-8",
            Self::Plain => "text/plain; charset=UTF-8",
        }
    }

    fn body(self, status: StatusCode, text: &str) -> String {
        let code = format!("{} {}", status.as_u16(), title(status));
        match self {
            Self::Json => {
                // markup at the end and nothing escaped: that is how this API's JSON always was
                let message = format!("{text}<br /><br />\n\n\n");
                json!({ "message": message, "code": code, "title": title(status) }).to_string()
            }
            Self::Html => {
                let text = escape(text);
                format!(
                    "<html>\n <head>\n  <title>{code}</title>\n </head>\n <body>\n  <h1>{code}</h1>\n  \
                     {text}<br /><br />\n\n\n\n </body>\n</html>"
                )
            }
            Self::Plain => format!("{code}\n\n{text}\n\n\n"),
        }
    }
}

/// The status line's words as this API's clients know them, where today's differ.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        StatusCode::RANGE_NOT_SATISFIABLE => "Requested Range Not Satisfiable",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

/// Text that a browser would take for text: what a client sent comes back in messages.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' && c != '\t' => {
                write!(out, "&#{};", u32::from(c)).expect("a String takes everything");
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(accept: &'static str) -> Style {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Style::of(&headers)
    }

    #[test]
    fn the_body_is_chosen_by_what_is_accepted() {
        assert_eq!(style("text/html, application/json"), Style::Json);
        assert_eq!(style("text/html"), Style::Html);
        assert_eq!(style("*/*"), Style::Html);
        assert_eq!(style("application/octet-stream"), Style::Plain);
        assert_eq!(Style::of(&HeaderMap::new()), Style::Plain);
    }

    #[test]
    fn bodies_name_status_and_text_and_escape_what_a_client_sent() {
        let json = Style::Json.body(StatusCode::NOT_FOUND, "No image found with ID <x>");
        assert_eq!(
            json,
            r#"{"message":"No image found with ID <x><br /><br />\n\n\n","code":"404 Not Found","title":"Not Found"}"#
        );
        let html = Style::Html.body(StatusCode::PAYLOAD_TOO_LARGE, "<script>");
        assert!(html.contains("<title>413 Request Entity Too Large</title>") && html.contains("&lt;script&gt;"));
        assert_eq!(Style::Plain.body(StatusCode::CONFLICT, "Why."), "409 Conflict\n\nWhy.\n\n\n");
    }
}
