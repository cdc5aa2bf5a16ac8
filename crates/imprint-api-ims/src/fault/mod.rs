//! What a caller is told when something cannot be done: status, code and message, as the API's tables list them, in one
//! of two bodies. Never here: which of them an engine's error becomes (`error.rs`), or how they are written
//! (`answer.rs`).

mod table;

use std::borrow::Cow;
use std::error::Error;

use http::StatusCode;

pub(crate) use table::img;

/// One line of the API's error tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// HTTP status.
    pub(crate) status: u16,
    /// The code that programs look at.
    pub(crate) code: &'static str,
    /// What people read.
    pub(crate) message: &'static str,
}

/// Which of the two bodies a refusal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{"error":{"message","code"}}`: the service's.
    Service,
    /// `{"error_msg","error_code","request_id"}`: what stands before the service, and knows nothing of images.
    Gateway,
}

impl Code {
    /// A code.
    pub(crate) const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }

    /// The same with another status.
    pub(crate) const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The refusal with this code.
    pub(crate) fn fault(self) -> Fault {
        self.with_message(self.message)
    }

    /// The refusal with this code and another message.
    pub(crate) fn with_message(self, message: impl Into<Cow<'static, str>>) -> Fault {
        let status = StatusCode::from_u16(self.status).expect("tables hold valid statuses");
        let form = if self.code.starts_with("APIGW.") { Form::Gateway } else { Form::Service };
        Fault { status, code: self.code, message: message.into(), form, cause: None }
    }
}

/// Why an operation does not give what was asked of it.
#[derive(Debug)]
pub(crate) struct Fault {
    /// HTTP status; 5xx for our own failures alone, because clients try again on them.
    pub(crate) status: StatusCode,
    /// The code.
    pub(crate) code: &'static str,
    /// The message.
    pub(crate) message: Cow<'static, str>,
    /// Its body.
    pub(crate) form: Form,
    /// What broke on our side; logged by the shell, never shown.
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// Keeps what broke for the log.
    pub(crate) fn caused_by(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }
}

/// Codes that more than one file speaks of.
pub(crate) mod code {
    use super::{Code, img};

    /// The content cannot be understood.
    pub(crate) const BAD_BODY: Code = img("IMG.0001");
    /// There is no content.
    pub(crate) const EMPTY_BODY: Code = img("IMG.0007");
    /// No such image, or not for this caller.
    pub(crate) const IMAGE_NOT_FOUND: Code = img("IMG.0027").status(404);
    /// The caller sees the image, but it is another's.
    pub(crate) const NOT_OWNER: Code = img("IMG.0047").status(403);
    /// Roles or policies forbid it.
    pub(crate) const FORBIDDEN: Code = img("IMG.0026").status(403);
    /// The image's status does not allow it.
    pub(crate) const IMAGE_UNAVAILABLE: Code = img("IMG.0046");
    /// Attributes get in each other's way, or one is not there.
    pub(crate) const ATTRIBUTE_CONFLICT: Code = img("IMG.0035");
    /// A name that is too long.
    pub(crate) const NAME_TOO_LONG: Code = img("IMG.0002");
    /// A name that cannot be.
    pub(crate) const NAME_FORMAT: Code = img("IMG.0003");
    /// A name is missing.
    pub(crate) const NAME_MISSING: Code = img("IMG.0013");
    /// A description that is too long.
    pub(crate) const DESCRIPTION_TOO_LONG: Code = img("IMG.0004");
    /// A description that cannot be.
    pub(crate) const DESCRIPTION_FORMAT: Code = img("IMG.0054");
    /// A size of memory or disk that cannot be.
    pub(crate) const BAD_SIZE: Code = img("IMG.0055");
    /// A firmware that is none.
    pub(crate) const BAD_FIRMWARE: Code = img("IMG.0141");
    /// The project of the path is not the caller's.
    pub(crate) const WRONG_PROJECT: Code = img("IMG.0030");
    /// No such enterprise project.
    pub(crate) const ENTERPRISE_PROJECT: Code = img("IMG.0155");
    /// Too much at one time.
    pub(crate) const FLOW_CONTROL: Code = img("IMG.0060");
    /// Too many images.
    pub(crate) const QUOTA_IMAGES: Code = img("IMG.0015");
    /// Shared with too many.
    pub(crate) const QUOTA_SHARED: Code = img("IMG.0088");
    /// Too many tags.
    pub(crate) const QUOTA_TAGS: Code = img("IMG.0116");
    /// A tag that cannot be.
    pub(crate) const BAD_TAG: Code = img("IMG.0115");
    /// A file that is too large.
    pub(crate) const FILE_TOO_LARGE: Code = img("IMG.0059");
    /// A file that cannot be an image.
    pub(crate) const BAD_FILE: Code = img("IMG.0057");
    /// Not offered by this installation.
    pub(crate) const UNSUPPORTED: Code = img("IMG.0105");
    /// A protected image.
    pub(crate) const PROTECTED: Code = img("IMG.0028");
    /// Something of ours broke.
    pub(crate) const INTERNAL: Code = img("IMG.0061").status(500);
    /// Something we stand on does not answer.
    pub(crate) const UNAVAILABLE: Code = img("IMG.0061").status(503);

    /// What any operation may answer beside its own codes.
    #[cfg(test)]
    pub(crate) const COMMON: &[Code] = &[FORBIDDEN, WRONG_PROJECT, BAD_BODY, INTERNAL, UNAVAILABLE];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_searched_by_code_and_the_body_follows_from_it() {
        let code = img("IMG.0198");
        assert_eq!((code.status, code.code), (400, "IMG.0198"));
        assert_eq!(code.fault().form, Form::Service);
        assert_eq!(Code::new(401, "APIGW.0301", "").fault().form, Form::Gateway);
    }
}
