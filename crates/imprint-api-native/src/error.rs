//! What a caller is told when something cannot be done: one match from each layer's errors to status, code and text.

use std::fmt::Display;

use http::{HeaderValue, StatusCode, header};
use imprint_http::{BodyError, Rejection, Response};
use imprint_identity::Unauthenticated;
use imprint_service::{Error, Field, Quota, Resource};

use crate::wire::{ErrorBody, ErrorText};

/// Why an operation does not give what was asked of it.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after_secs: Option<u64>,
    fault: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal of this status; `code` is for programs, `message` for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Display) -> Self {
        Self { status, code, message: message.to_string(), retry_after_secs: None, fault: None }
    }

    /// 400: the request itself is wrong.
    pub(crate) fn invalid(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    /// 403.
    pub(crate) fn denied(message: impl Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "denied", message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 416.
    pub(crate) fn unsatisfiable(message: impl Display) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", message)
    }

    fn conflict(code: &'static str, message: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "the token or key is missing, wrong or no longer valid")
    }

    fn unavailable(what: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", format!("temporarily unavailable: {what}"))
    }

    fn internal(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let refusal = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an unexpected error happened");
        Self { fault: Some(fault.into()), ..refusal }
    }

    /// A request that never reached an operation.
    pub(crate) fn of_shell(rejection: &Rejection) -> Self {
        let code = match rejection {
            Rejection::UnknownPath => "not_found",
            Rejection::WrongMethod { .. } => "wrong_method",
            Rejection::BadPath | Rejection::BadQuery | Rejection::TargetTooLong => "invalid",
            Rejection::Broken => "internal",
        };
        Self::new(rejection.status(), code, rejection)
    }

    /// The answer.
    pub(crate) fn render(self) -> Response {
        let body = ErrorBody { error: ErrorText { code: self.code.to_owned(), message: self.message } };
        let mut response = Response::json(self.status, &body);
        if let Some(secs) = self.retry_after_secs {
            response = response.with_header(header::RETRY_AFTER, HeaderValue::from(secs));
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
            Error::Missing(field) => Self::invalid(format!("{} must be given", word(field))),
            Error::Invalid { field, why } => Self::invalid(format!("{}: {why}", word(field))),
            Error::NotFound(resource) => Self::not_found(absence(&resource)),
            Error::Duplicate(field) => Self::conflict("duplicate", format!("this {} exists already", word(field))),
            Error::PropertyAbsent(name) => Self::conflict("property_absent", format!("there is no property {name}")),
            Error::PropertyPresent(name) => {
                Self::conflict("property_present", format!("there is a property {name} already"))
            }
            Error::WrongStatus(status) => {
                Self::conflict("wrong_status", format!("this cannot be done while the image is {status}"))
            }
            Error::Gone => Self::new(StatusCode::GONE, "gone", "the image was deleted meanwhile"),
            Error::Protected => Self::denied("the image is protected"),
            Error::Conflict(conflict) => Self::conflict("conflict", format!("in the way: {conflict:?}")),
            Error::TokenReused => Self::conflict("token_reused", "the token was used for another request"),
            Error::DryRun => Self::invalid("all checks passed; nothing was changed, as asked"),
            Error::InUse(what) => Self::conflict("in_use", format!("in use: {what}")),
            Error::OverQuota(quota, limit) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "over_quota",
                format!("the limit on {} is reached: {limit}", limited(quota)),
            ),
            Error::FormatMismatch { declared, found } => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "format_mismatch",
                format!("the image is declared as {declared}, but its bytes are {found}"),
            ),
            Error::Unsafe(why) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsafe", format!("the image data is refused: {why}"))
            }
            Error::Incomplete(why) => Self::conflict("incomplete", why),
            Error::Denied(what) => Self::denied(what),
            Error::Unsupported(what) => Self::invalid(format!("not supported: {what}")),
            Error::StoreFull => Self::new(StatusCode::INSUFFICIENT_STORAGE, "store_full", "the store is full"),
            Error::Unavailable(what) => Self::unavailable(what),
            Error::Internal(fault) => Self::internal(fault),
        }
    }
}

impl From<imprint_identity::Error> for Refusal {
    fn from(error: imprint_identity::Error) -> Self {
        use imprint_identity::Error as E;
        match error {
            E::Unauthenticated => Self::unauthenticated(),
            E::Throttled { retry_after } => {
                let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", &error);
                Self { retry_after_secs: Some(retry_after.as_secs().max(1)), ..refusal }
            }
            E::Unavailable(what) => Self::unavailable(what),
            E::NotFound { kind, id } => Self::not_found(format!("there is no {kind} {id}")),
            E::Duplicate { kind, name } => Self::conflict("duplicate", format!("there is a {kind} {name} already")),
            E::InUse { .. } => Self::conflict("in_use", error.to_string()),
            E::Limit { .. } => Self::conflict("limit", error.to_string()),
            E::Document(why) => Self::invalid(why.to_string()),
            E::Invalid(why) => Self::invalid(why),
            E::Forbidden(why) => Self::denied(why),
            E::Catalogue(error) => imprint_service::Error::from(error).into(),
            E::Sealed(_) | E::Internal(_) => Self::internal(error),
        }
    }
}

impl From<Unauthenticated> for Refusal {
    fn from(error: Unauthenticated) -> Self {
        match error {
            Unauthenticated::Rejected => Self::unauthenticated(),
            Unauthenticated::Unavailable(what) => Self::unavailable(what),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error),
            BodyError::Incomplete | BodyError::TimedOut { .. } | BodyError::Broken(_) => Self::invalid(error),
        }
    }
}

/// The word for a field.
fn word(field: Field) -> &'static str {
    match field {
        Field::Id => "id",
        Field::Name => "name",
        Field::Visibility => "visibility",
        Field::Owner => "owner",
        Field::DiskFormat => "disk format",
        Field::ContainerFormat => "container format",
        Field::Tag => "tag",
        Field::Property => "property",
        Field::Member => "member",
        Field::Data => "data",
        Field::Source => "source",
        Field::Marker => "marker",
        Field::Definition => "definition",
        Field::Description => "description",
        Field::Family => "family",
        Field::Version => "version",
        Field::Architecture => "architecture",
        Field::Platform => "platform",
        Field::Device => "device",
        Field::DiskSize => "size of a disk",
        Field::Object => "object",
    }
}

/// What a limit is on.
fn limited(quota: Quota) -> &'static str {
    match quota {
        Quota::Properties => "properties of an image",
        Quota::Tags => "tags of an image",
        Quota::Members => "accounts an image is shared with",
        Quota::ImageBytes => "bytes of an image",
        Quota::AccountBytes => "bytes of an account's images",
        Quota::AccountImages => "images of an account",
        Quota::AccountUploads => "uploads of an account at one time",
        Quota::RegionImages => "images of an account in a region",
        Quota::FamilyImages => "images of a family",
        Quota::Families => "families of an account in a region",
        Quota::DiskSnapshots => "snapshots of a disk",
        Quota::DataDisks => "data disks",
    }
}

fn absence(resource: &Resource) -> String {
    match resource {
        Resource::Image(id) => format!("there is no image {id}"),
        Resource::Member(project) => format!("the image is not shared with {project}"),
        Resource::Tag(tag) => format!("the image has no tag {tag}"),
        Resource::Job(id) => format!("there is no job {id}"),
        Resource::Definition(kind, name) => format!("there is no {kind} {name}"),
        Resource::Snapshot(id) => format!("there is no snapshot {id}"),
        Resource::Disk(id) => format!("there is no disk {id}"),
        Resource::Instance(id) => format!("there is no instance {id}"),
        Resource::Region(name) => format!("there is no region {name}"),
        Resource::ResourceGroup(id) => format!("there is no resource group {id}"),
        Resource::Bucket(name) => format!("there is no bucket {name}"),
        Resource::Object(key) => format!("there is no object {key}"),
    }
}
