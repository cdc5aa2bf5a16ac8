//! What a client is told when something cannot be done.

use std::time::Duration;

use http::StatusCode;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use imprint_http::{BodyError, Response};
use imprint_identity::{Error, Unauthenticated};
use serde_json::json;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
    fault: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None, fault: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "The request you have made requires authentication.")
    }

    pub(crate) fn forbidden(action: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            format!("You are not authorized to perform the requested action: identity:{action}."),
        )
    }

    /// `kind` as this API calls it.
    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let id: String = id.chars().take(255).collect();
        Self::new(StatusCode::NOT_FOUND, format!("Could not find {kind}: {id}."))
    }

    /// The answer. `identity_url` is told to whom must log in first.
    pub(crate) fn render(self, identity_url: Option<&str>) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = json!({"error": {"code": self.status.as_u16(), "message": self.message, "title": title}});
        let mut response = Response::json(self.status, &body);
        if let (StatusCode::UNAUTHORIZED, Some(url)) = (self.status, identity_url) {
            response = response.with_text_header(WWW_AUTHENTICATE, &format!("Keystone uri=\"{url}\""));
        }
        if let Some(wait) = self.retry_after {
            response = response.with_text_header(RETRY_AFTER, &wait.as_secs().max(1).to_string());
        }
        match self.fault {
            Some(fault) => response.with_fault(fault),
            None => response,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => Self::unauthorized(),
            Error::Throttled { retry_after } => {
                let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string());
                Self { retry_after: Some(retry_after), ..refusal }
            }
            Error::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            Error::Duplicate { .. } | Error::InUse { .. } | Error::Limit { .. } => {
                Self::new(StatusCode::CONFLICT, error.to_string())
            }
            Error::Invalid(_) | Error::Document(_) => Self::bad_request(error.to_string()),
            Error::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            _ if error.is_conflict() => {
                Self::new(StatusCode::CONFLICT, "Conflict occurred attempting to store the resource.")
            }
            _ if error.is_passing() => {
                let message = "The service is currently unable to handle the request.";
                Self { fault: Some(Box::new(error)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
            }
            Error::Catalogue(_) | Error::Sealed(_) | Error::Internal(_) => {
                let message = "An unexpected error prevented the server from fulfilling your request.";
                Self { fault: Some(Box::new(error)), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message) }
            }
        }
    }
}

impl From<Unauthenticated> for Refusal {
    fn from(why: Unauthenticated) -> Self {
        Error::from(why).into()
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TimedOut { .. } => StatusCode::REQUEST_TIMEOUT,
            BodyError::Incomplete | BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}
