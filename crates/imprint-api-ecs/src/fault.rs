//! What a caller is told when something cannot be done: status, code and message, as the API's tables list them.
//! Never here: which of them an engine's error becomes (`error.rs`), or how they are written (`answer.rs`).

use std::borrow::Cow;
use std::error::Error;

use http::StatusCode;
use serde_json::Value;

/// One line of the API's error tables. Its spelling is contract, mistakes included. `%s` in a message is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// HTTP status.
    pub(crate) status: u16,
    /// The code that programs look at.
    pub(crate) code: &'static str,
    /// What people read.
    pub(crate) message: &'static str,
}

impl Code {
    /// A code.
    pub(crate) const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }

    /// The refusal with this code.
    pub(crate) fn fault(self) -> Fault {
        self.with_message(self.message)
    }

    /// The refusal with this code, its message's `%s` filled in one after the other.
    pub(crate) fn filled(self, values: &[&str]) -> Fault {
        let mut parts = self.message.split("%s");
        let mut message = parts.next().unwrap_or_default().to_owned();
        let mut values = values.iter();
        for part in parts {
            message.push_str(values.next().copied().unwrap_or_default());
            message.push_str(part);
        }
        self.with_message(message)
    }

    /// The refusal with this code and another message.
    pub(crate) fn with_message(self, message: impl Into<Cow<'static, str>>) -> Fault {
        let status = StatusCode::from_u16(self.status).expect("tables hold valid statuses");
        Fault { status, code: self.code, message: message.into(), denied: None, cause: None }
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
    /// `AccessDeniedDetail`, for refusals by access rules.
    pub(crate) denied: Option<Box<Value>>,
    /// What broke on our side; logged by the shell, never shown.
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// Keeps what broke for the log.
    pub(crate) fn caused_by(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }
}

/// Codes that every operation may answer with.
pub(crate) mod code {
    use super::Code;

    /// A parameter that must be there is not; the message names it.
    pub(crate) const MISSING_PARAMETER: Code = Code::new(
        400,
        "MissingParameter",
        "The input parameter \"%s\" that is mandatory for processing this request is not supplied.",
    );
    /// A value of the wrong kind, where the operation has no code of its own.
    pub(crate) const INVALID_PARAMETER: Code =
        Code::new(400, "InvalidParameter", "The specified parameter is not valid");
    /// The same, spelt as some operations spell it.
    pub(crate) const INVALID_PARAMTER: Code = Code::new(400, "InvalidParamter", "Invalid Parameter.");
    /// Unknown region.
    pub(crate) const REGION_NOT_FOUND: Code =
        Code::new(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.");
    /// All checks of a dry run passed.
    pub(crate) const DRY_RUN: Code =
        Code::new(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.");
    /// A client token that cannot be one.
    pub(crate) const BAD_CLIENT_TOKEN: Code =
        Code::new(400, "InvalidClientToken.Malformed", "The specified parameter clientToken is not valid.");
    /// A client token that was used for another request: image operations.
    pub(crate) const IDEMPOTENCE_MISMATCH: Code = Code::new(
        400,
        "IdempotenceParamNotMatch",
        "Request uses a client token in a previous request but is not identical to that request.",
    );
    /// The same, for the compute side.
    pub(crate) const IDEMPOTENT_MISMATCH: Code =
        Code::new(400, "IdempotentParameterMismatch", "The request is retried with updated parameters.");
    /// Access rules forbid it.
    pub(crate) const FORBIDDEN_RAM: Code = Code::new(
        403,
        "Forbidden.RAM",
        "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    );
    /// Roles forbid it.
    pub(crate) const FORBIDDEN: Code =
        Code::new(403, "Forbidden.Unauthorized", "User not authorized to operate on the specified resource.");
    /// Two requests got in each other's way.
    pub(crate) const CONFLICT: Code =
        Code::new(409, "OperationConflict", "Request was denied due to conflict with a previous request.");
    /// Not offered by this installation.
    pub(crate) const UNSUPPORTED: Code =
        Code::new(400, "UnsupportedParameter", "The specified parameter is not supported.");
    /// Too many requests of one account to one operation.
    pub(crate) const THROTTLING_API: Code =
        Code::new(400, "Throttling.Api", "Request was denied due to api flow control.");
    /// Too many requests of one account.
    pub(crate) const THROTTLING_USER: Code =
        Code::new(400, "Throttling.User", "Request was denied due to user flow control.");
    /// Something of ours broke.
    pub(crate) const INTERNAL: Code =
        Code::new(500, "InternalError", "The request processing has failed due to some unknown error.");
    /// Something we stand on does not answer.
    pub(crate) const UNAVAILABLE: Code =
        Code::new(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.");
    /// No such image.
    pub(crate) const IMAGE_NOT_FOUND: Code =
        Code::new(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.");
    /// No such machine.
    pub(crate) const INSTANCE_NOT_FOUND: Code =
        Code::new(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.");
    /// No such disk.
    pub(crate) const DISK_NOT_FOUND: Code =
        Code::new(404, "InvalidDiskId.NotFound", "The specified DiskId does not exist.");
    /// No such snapshot.
    pub(crate) const SNAPSHOT_NOT_FOUND: Code =
        Code::new(404, "InvalidSnapshotId.NotFound", "The specified SnapshotId does not exist.");
    /// No such resource group.
    pub(crate) const RESOURCE_GROUP_NOT_FOUND: Code =
        Code::new(404, "InvalidResourceGroup.NotFound", "The ResourceGroup provided does not exist in our records.");
    /// No such task.
    pub(crate) const TASK_NOT_FOUND: Code =
        Code::new(400, "InvalidTaskId.NotFound", "The specified \"TaskId\" is not found.");
    /// No such account.
    pub(crate) const ACCOUNT_NOT_FOUND: Code =
        Code::new(404, "InvalidAccount.NotFound", "The specified account does not exist.");
    /// No such bucket.
    pub(crate) const BUCKET_NOT_FOUND: Code =
        Code::new(400, "InvalidOSSBucket.NotFound", "The specified OSS bucket does not exist in this region.");
    /// No such object.
    pub(crate) const OBJECT_NOT_FOUND: Code =
        Code::new(400, "InvalidOSSObject.NotFound", "The specified OSS object does not exist in this region.");
    /// Too many images.
    pub(crate) const QUOTA_IMAGES: Code = Code::new(403, "QuotaExceed.Image", "The Image Quota exceeds.");
    /// Too many tags.
    pub(crate) const QUOTA_TAGS: Code =
        Code::new(403, "QuotaExceed.Tags", "The number of tags on the resource exceeds the limit (%s).");
    /// Too many snapshots.
    pub(crate) const QUOTA_SNAPSHOTS: Code = Code::new(403, "QuotaExceed.Snapshot", "The snapshot quota exceeds.");
    /// Shared with too many.
    pub(crate) const QUOTA_SHARES: Code =
        Code::new(403, "QuotaExceed.ShareImageUser", "The shared Image user Quota exceeds.");
    /// Too many images of one family.
    pub(crate) const QUOTA_FAMILY: Code = Code::new(
        400,
        "ImageQuotaExceed.ImageFamily",
        "The specified image family exceeds the maximum number of images for one image family.",
    );
    /// Too many families.
    pub(crate) const QUOTA_FAMILIES: Code =
        Code::new(400, "ImageFamilyQuotaExceed", "The number of image families exceeds the limit in the region.");
    /// An image that still gets its data.
    pub(crate) const IMAGE_CREATING: Code = Code::new(
        403,
        "InvalidStatus.ImageIsCreating",
        "The operation cannot be performed because the image is creating. Please wait until the creation is complete \
         and try again.",
    );

    /// What any operation may answer beside its own codes.
    #[cfg(test)]
    pub(crate) const COMMON: &[Code] = &[
        MISSING_PARAMETER,
        INVALID_PARAMETER,
        REGION_NOT_FOUND,
        FORBIDDEN_RAM,
        FORBIDDEN,
        CONFLICT,
        THROTTLING_API,
        THROTTLING_USER,
        INTERNAL,
        UNAVAILABLE,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_filled_in_and_values_are_never_read_as_patterns() {
        let code = Code::new(404, "X", "the %s of %s.");
        assert_eq!(code.filled(&["%s", "b"]).message, "the %s of b.");
        assert_eq!(code.filled(&["a"]).message, "the a of .");
        assert_eq!(Code::new(404, "X", "plain").filled(&["a"]).message, "plain");
    }
}
