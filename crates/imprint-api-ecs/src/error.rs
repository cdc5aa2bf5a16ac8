//! What the engine's and the identity's errors become. One match for each, without a catch-all: whoever adds an error
//! chooses its code here. Operations whose tables say otherwise override single errors (`Op::faults`).

use imprint_service::{Error, Field, Quota, Resource};

use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::image_codes as codes;
use crate::op::Op;
use crate::params::{invalid, missing};

/// Why an operation gives no answer, before its own words for it were looked up.
#[derive(Debug)]
pub(crate) enum Problem {
    /// In this API's words already.
    Fault(Fault),
    /// The engine's.
    Service(Error),
}

impl Problem {
    /// In the words of the operation.
    pub(crate) fn settle(self, op: &Op) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Service(Error::TokenReused) => op.token.unwrap_or(code::IDEMPOTENT_MISMATCH).fault(),
            Self::Service(error) => (op.faults)(&error).unwrap_or_else(|| error.into()),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<imprint_identity::Error> for Problem {
    fn from(error: imprint_identity::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Missing(field) => missing(word(field)),
            Error::Invalid { field, why: _ } => of_field(field),
            Error::NotFound(resource) => absent(&resource),
            Error::Duplicate(Field::Name) => codes::DUPLICATE_NAME.fault(),
            Error::Duplicate(_) | Error::PropertyAbsent(_) | Error::PropertyPresent(_) => code::CONFLICT.fault(),
            Error::WrongStatus(_) | Error::Incomplete(_) => IMAGE_NOT_AVAILABLE.fault(),
            Error::Gone => code::IMAGE_NOT_FOUND.fault(),
            Error::Protected | Error::Denied(_) => code::FORBIDDEN.fault(),
            Error::Conflict(conflict) => conflict::code_of(conflict).fault(),
            Error::TokenReused => code::IDEMPOTENT_MISMATCH.fault(),
            Error::DryRun => code::DRY_RUN.fault(),
            Error::InUse(_) => code::CONFLICT.fault(),
            Error::OverQuota(quota, limit) => over(quota).filled(&[&limit.to_string()]),
            Error::FormatMismatch { .. } | Error::Unsafe(_) => BAD_FORMAT.fault(),
            Error::Unsupported(what) => code::UNSUPPORTED.with_message(format!("Not supported: {what}.")),
            Error::StoreFull => code::UNAVAILABLE.fault().caused_by("the store is full"),
            Error::Unavailable(what) => code::UNAVAILABLE.fault().caused_by(what),
            Error::Internal(cause) => code::INTERNAL.fault().caused_by(cause),
        }
    }
}

impl From<imprint_identity::Error> for Fault {
    fn from(error: imprint_identity::Error) -> Self {
        use imprint_identity::Error as E;
        match error {
            E::Unauthenticated | E::Forbidden(_) => code::FORBIDDEN.fault(),
            E::Throttled { .. } => code::THROTTLING_USER.fault(),
            E::Unavailable(what) => code::UNAVAILABLE.fault().caused_by(what),
            E::NotFound { .. } => code::ACCOUNT_NOT_FOUND.fault(),
            E::Duplicate { .. } | E::InUse { .. } | E::Limit { .. } => code::CONFLICT.fault(),
            E::Document(why) => code::INVALID_PARAMETER.with_message(why.to_string()),
            E::Invalid(why) => code::INVALID_PARAMETER.with_message(why),
            E::Catalogue(error) => Error::from(error).into(),
            E::Sealed(_) | E::Internal(_) => code::INTERNAL.fault().caused_by(error),
        }
    }
}

pub(crate) const IMAGE_NOT_AVAILABLE: Code =
    Code::new(400, "IncorrectImageStatus", "The specified Image is not available.");
pub(crate) const BAD_FORMAT: Code =
    Code::new(400, "InvalidImageFormat.Malformed", "The specified Image Format is wrongly formed.");

pub(crate) const BAD_DEVICE: Code =
    Code::new(400, "InvalidDevice.Malformed", "The specified parameter DiskDeviceMapping.n.Device is not valid.");
pub(crate) const BAD_SIZE: Code = Code::new(
    400,
    "InvalidSize.ValueNotSupported",
    "The specified parameter DiskDeviceMapping.n.Size beyond the permitted range.",
);

/// The parameter that most operations give a field by.
fn word(field: Field) -> &'static str {
    match field {
        Field::Id => "ImageId",
        Field::Name => "ImageName",
        Field::Visibility => "IsPublic",
        Field::Owner => "ImageOwnerId",
        Field::DiskFormat | Field::ContainerFormat | Field::Data => "DiskDeviceMapping.1.Format",
        Field::DiskSize => "DiskDeviceMapping.1.Size",
        Field::Property | Field::Definition => "ImageOptions",
        Field::Tag => "Tag",
        Field::Member => "AddAccount",
        Field::Source => "InstanceId",
        Field::Marker => "NextToken",
        Field::Description => "Description",
        Field::Family => "ImageFamily",
        Field::Version => "ImageVersion",
        Field::Architecture => "Architecture",
        Field::Platform => "Platform",
        Field::Device => "DiskDeviceMapping.1.Device",
        Field::Object => "DiskDeviceMapping.1.OSSObject",
    }
}

/// A field whose value cannot be.
fn of_field(field: Field) -> Fault {
    match field {
        Field::Name => codes::BAD_NAME.fault(),
        Field::Description => codes::BAD_DESCRIPTION.fault(),
        Field::Family => codes::BAD_FAMILY.fault(),
        Field::Version => codes::BAD_VERSION.fault(),
        Field::Architecture => codes::BAD_ARCHITECTURE.fault(),
        Field::Platform => codes::BAD_PLATFORM.fault(),
        Field::Device => BAD_DEVICE.fault(),
        Field::DiskSize => BAD_SIZE.fault(),
        Field::DiskFormat | Field::ContainerFormat => BAD_FORMAT.fault(),
        Field::Id
        | Field::Visibility
        | Field::Owner
        | Field::Tag
        | Field::Property
        | Field::Member
        | Field::Data
        | Field::Source
        | Field::Marker
        | Field::Definition
        | Field::Object => invalid(word(field)),
    }
}

/// Something that is not there, or not for this caller.
fn absent(resource: &Resource) -> Fault {
    match resource {
        Resource::Image(_) => code::IMAGE_NOT_FOUND.fault(),
        Resource::Member(_) => code::ACCOUNT_NOT_FOUND.fault(),
        Resource::Tag(_) | Resource::Definition(..) => code::INVALID_PARAMETER.fault(),
        Resource::Job(_) => code::TASK_NOT_FOUND.fault(),
        Resource::Snapshot(_) => code::SNAPSHOT_NOT_FOUND.fault(),
        Resource::Disk(_) => code::DISK_NOT_FOUND.fault(),
        Resource::Instance(_) => code::INSTANCE_NOT_FOUND.fault(),
        Resource::Region(_) => code::REGION_NOT_FOUND.fault(),
        Resource::ResourceGroup(_) => code::RESOURCE_GROUP_NOT_FOUND.fault(),
        Resource::Bucket(_) => code::BUCKET_NOT_FOUND.fault(),
        Resource::Object(_) => code::OBJECT_NOT_FOUND.fault(),
    }
}

/// A limit that is reached; its message may have a place for the limit.
fn over(quota: Quota) -> Code {
    match quota {
        Quota::Properties | Quota::Tags => code::QUOTA_TAGS,
        Quota::Members => code::QUOTA_SHARES,
        Quota::ImageBytes | Quota::AccountBytes | Quota::AccountImages | Quota::RegionImages => code::QUOTA_IMAGES,
        Quota::AccountUploads => code::THROTTLING_USER,
        Quota::FamilyImages => code::QUOTA_FAMILY,
        Quota::Families => code::QUOTA_FAMILIES,
        Quota::DiskSnapshots => code::QUOTA_SNAPSHOTS,
        Quota::DataDisks => code::INVALID_PARAMETER,
    }
}
