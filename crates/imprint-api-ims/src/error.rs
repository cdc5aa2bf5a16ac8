//! What the engine's errors become. One match for each, without a catch-all: whoever adds an error chooses its code
//! here. Operations whose tables say otherwise override single errors (`Op::faults`).

#[cfg(test)]
mod tests;

use imprint_http::BodyError;
use imprint_service::{Conflict, Error, Field, Quota, Resource};

use crate::fault::{Code, Fault, code, img};
use crate::op::Op;

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
            Error::Missing(Field::Name) => code::NAME_MISSING.fault(),
            Error::Missing(field) => code::BAD_BODY.with_message(format!("{} must be given.", word(field))),
            Error::Invalid { field, why } => of_field(field, &why),
            Error::NotFound(resource) => absent(&resource).fault(),
            Error::Duplicate(Field::Name) => img("IMG.0009").fault(),
            Error::Duplicate(_) | Error::PropertyPresent(_) => code::ATTRIBUTE_CONFLICT.status(409).fault(),
            Error::PropertyAbsent(name) => {
                code::ATTRIBUTE_CONFLICT.with_message(format!("The image has no attribute {name}."))
            }
            Error::WrongStatus(_) | Error::Incomplete(_) => code::IMAGE_UNAVAILABLE.fault(),
            Error::Gone => code::IMAGE_NOT_FOUND.fault(),
            Error::Protected => code::PROTECTED.fault(),
            Error::Denied(_) => code::FORBIDDEN.fault(),
            Error::Conflict(conflict) => of_conflict(conflict).fault(),
            Error::TokenReused | Error::DryRun => code::BAD_BODY.fault(),
            Error::InUse(what) => code::IMAGE_UNAVAILABLE.status(409).with_message(format!("In use: {what}.")),
            Error::OverQuota(quota, _) => over(quota).fault(),
            Error::FormatMismatch { .. } | Error::Unsafe(_) => code::BAD_FILE.fault(),
            Error::Unsupported(what) => {
                code::UNSUPPORTED.with_message(format!("The operation is not supported: {what}."))
            }
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
            E::Throttled { .. } => code::FLOW_CONTROL.fault(),
            E::Unavailable(what) => code::UNAVAILABLE.fault().caused_by(what),
            E::NotFound { .. } => img("IMG.0108").fault(),
            E::Duplicate { .. } | E::InUse { .. } | E::Limit { .. } => code::ATTRIBUTE_CONFLICT.status(409).fault(),
            E::Document(why) => code::BAD_BODY.with_message(why.to_string()),
            E::Invalid(why) => code::BAD_BODY.with_message(why),
            E::Catalogue(error) => Error::from(error).into(),
            E::Sealed(_) | E::Internal(_) => code::INTERNAL.fault().caused_by(error),
        }
    }
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        code::BAD_BODY.with_message(format!("The request message cannot be read: {error}."))
    }
}

/// What clients know a field by.
fn word(field: Field) -> &'static str {
    match field {
        Field::Id => "image_id",
        Field::Name | Field::Definition => "name",
        Field::Visibility => "visibility",
        Field::Owner => "owner",
        Field::DiskFormat => "disk_format",
        Field::ContainerFormat => "container_format",
        Field::DiskSize => "min_disk",
        Field::Tag => "tags",
        Field::Property => "the attribute",
        Field::Member => "projects",
        Field::Data | Field::Source | Field::Object => "image_url",
        Field::Marker => "marker",
        Field::Description => "description",
        Field::Family | Field::Version => "the attribute",
        Field::Architecture => "architecture",
        Field::Platform => "os_version",
        Field::Device => "data_images",
    }
}

/// A field whose value cannot be.
fn of_field(field: Field, why: &str) -> Fault {
    match field {
        Field::Name => code::NAME_FORMAT.fault(),
        Field::Description => code::DESCRIPTION_FORMAT.fault(),
        Field::DiskSize => code::BAD_SIZE.fault(),
        Field::Tag => code::BAD_TAG.fault(),
        Field::Architecture => img("IMG.0212").fault(),
        Field::Platform => img("IMG.0056").fault(),
        Field::DiskFormat | Field::ContainerFormat => img("IMG.0072").fault(),
        Field::Data => code::BAD_FILE.fault(),
        Field::Object => img("IMG.0017").fault(),
        Field::Id => img("IMG.0066").fault(),
        Field::Member => img("IMG.0108").fault(),
        Field::Visibility
        | Field::Owner
        | Field::Property
        | Field::Source
        | Field::Marker
        | Field::Definition
        | Field::Family
        | Field::Version
        | Field::Device => code::BAD_BODY.with_message(format!("{} is not valid: {why}.", word(field))),
    }
}

/// Something that is not there, or not for this caller.
fn absent(resource: &Resource) -> Code {
    match resource {
        Resource::Image(_) => code::IMAGE_NOT_FOUND,
        Resource::Member(_) => img("IMG.0108").status(404),
        Resource::Tag(_) => code::BAD_TAG.status(404),
        Resource::Definition(..) => img("IMG.0121"),
        Resource::Job(_) => img("IMG.0023"),
        Resource::Snapshot(_) => img("IMG.0020"),
        Resource::Disk(_) => img("IMG.0120"),
        Resource::Instance(_) => img("IMG.0005"),
        Resource::Region(_) => img("IMG.0147"),
        Resource::ResourceGroup(_) => code::ENTERPRISE_PROJECT,
        Resource::Bucket(_) => img("IMG.0069"),
        Resource::Object(_) => code::BAD_FILE,
    }
}

/// A limit that is reached.
fn over(quota: Quota) -> Code {
    match quota {
        Quota::Properties => code::ATTRIBUTE_CONFLICT,
        Quota::Tags => code::QUOTA_TAGS,
        Quota::Members => code::QUOTA_SHARED,
        Quota::ImageBytes => code::FILE_TOO_LARGE,
        Quota::AccountBytes | Quota::AccountImages | Quota::RegionImages | Quota::FamilyImages | Quota::Families => {
            code::QUOTA_IMAGES
        }
        Quota::AccountUploads | Quota::DiskSnapshots => code::FLOW_CONTROL,
        Quota::DataDisks => code::BAD_BODY,
    }
}

/// Something that stands in the way.
fn of_conflict(conflict: Conflict) -> Code {
    use Conflict as C;
    match conflict {
        C::ImageCreating
        | C::ImageNotAvailable
        | C::ImageNotDeprecated
        | C::ImageDeprecated
        | C::ImageShared
        | C::ImageUsedByInstance
        | C::ImageCopying
        | C::ImageImporting
        | C::ImageNotCopy
        | C::CopyCompleted
        | C::CopyFailed => code::IMAGE_UNAVAILABLE,
        C::ImageExporting => img("IMG.0148"),
        C::ImagePublic => img("IMG.0083"),
        C::SharedImageToOtherRegion | C::CommunityImageCopied => img("IMG.0106"),
        C::MetadataAccessOpened | C::BootModeForArchitecture => code::ATTRIBUTE_CONFLICT,
        C::InstanceStatus | C::InstanceNeedsRestart | C::InstanceRunning => img("IMG.0008"),
        C::InstanceLocked | C::InstanceProtected => img("IMG.0010"),
        C::NoSystemDisk | C::NoSystemSnapshot => img("IMG.0119"),
        C::DiskStatus
        | C::DiskNeverAttached
        | C::DiskAttached
        | C::DiskNotAttached
        | C::DiskIsSystem
        | C::DiskSnapshotting
        | C::DiskElsewhere
        | C::DeviceTaken => img("IMG.0022"),
        C::SnapshotOfOtherDisk
        | C::SnapshotNotReady
        | C::SnapshotNotSystem
        | C::TwoSystemSnapshots
        | C::SnapshotUsedByImage
        | C::SnapshotUsedByDisk => img("IMG.0032"),
        C::JobNotStoppable => code::UNSUPPORTED,
        C::DiskTooSmall => code::BAD_SIZE,
        C::ImageHasDataDisks => img("IMG.0071"),
        C::ExportTooLarge => img("IMG.0160"),
        C::SharedWithSelf => img("IMG.0076"),
    }
}
