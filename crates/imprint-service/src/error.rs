//! The one error that leaves the service. Variants say what the caller can do about it; every dialect chooses its own
//! words for each, in one `match` without a catch-all.

use std::fmt;

use imprint_model::{Refusal, Status, WrongStatus};

/// What an error is about. Dialects name it in their own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The image's id.
    Id,
    /// Its name.
    Name,
    /// Its visibility.
    Visibility,
    /// Its owner.
    Owner,
    /// Its disk format.
    DiskFormat,
    /// Its container format.
    ContainerFormat,
    /// A tag.
    Tag,
    /// A property.
    Property,
    /// A sharing.
    Member,
    /// The bytes.
    Data,
    /// Where to fetch bytes from.
    Source,
    /// The image a page starts after.
    Marker,
    /// A name of a definition.
    Definition,
    /// A description.
    Description,
    /// The line of images it continues.
    Family,
    /// Its version.
    Version,
    /// Its processor.
    Architecture,
    /// The distribution inside.
    Platform,
    /// The letter of a disk's device.
    Device,
    /// The size of a disk.
    DiskSize,
    /// A bucket or an object in it.
    Object,
}

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// An image by its id, as the caller wrote it.
    Image(String),
    /// A sharing, by the account.
    Member(String),
    /// A tag.
    Tag(String),
    /// A job by its id.
    Job(String),
    /// A metadata definition of some kind, by name.
    Definition(&'static str, String),
    /// A snapshot by its id.
    Snapshot(String),
    /// A disk by its id.
    Disk(String),
    /// A machine by its id.
    Instance(String),
    /// A region by its name.
    Region(String),
    /// A resource group by its id.
    ResourceGroup(String),
    /// A bucket by its name.
    Bucket(String),
    /// An object by its key.
    Object(String),
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quota {
    /// Properties of one image.
    Properties,
    /// Tags of one image.
    Tags,
    /// Accounts one image is shared with.
    Members,
    /// Bytes of one image.
    ImageBytes,
    /// Bytes of all images of one account.
    AccountBytes,
    /// Images of one account.
    AccountImages,
    /// Uploads of one account at one time.
    AccountUploads,
    /// Images of one account in one region, where a dialect asks for this limit.
    RegionImages,
    /// Images of one family.
    FamilyImages,
    /// Families of one account in one region.
    Families,
    /// Snapshots of one disk.
    DiskSnapshots,
    /// Data disks of one image or machine.
    DataDisks,
}

/// What stands in the way of a change: something else is so, and may be changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Conflict {
    /// The image still gets its data.
    ImageCreating,
    /// The image is not usable, or no longer offered.
    ImageNotAvailable,
    /// The image is offered, so it cannot be offered again.
    ImageNotDeprecated,
    /// The image is no longer offered, so it cannot be shared.
    ImageDeprecated,
    /// The image is shared with others.
    ImageShared,
    /// The image is everybody's.
    ImagePublic,
    /// A machine was made from the image.
    ImageUsedByInstance,
    /// The image is being copied.
    ImageCopying,
    /// The image is being imported.
    ImageImporting,
    /// The image is being exported.
    ImageExporting,
    /// The image is no copy.
    ImageNotCopy,
    /// The copy has ended well.
    CopyCompleted,
    /// The copy has failed.
    CopyFailed,
    /// Images that are shared with the caller are copied within their region only.
    SharedImageToOtherRegion,
    /// Everybody's images are not copied.
    CommunityImageCopied,
    /// The metadata service was closed to requests without a token, and stays so.
    MetadataAccessOpened,
    /// The firmware does not fit the processor.
    BootModeForArchitecture,
    /// The machine's status does not allow it.
    InstanceStatus,
    /// The machine was given a disk while it was stopped, and has not been started since.
    InstanceNeedsRestart,
    /// The machine is locked for security.
    InstanceLocked,
    /// The machine refuses to be deleted.
    InstanceProtected,
    /// The machine has no system disk.
    NoSystemDisk,
    /// The disk's status does not allow it.
    DiskStatus,
    /// The disk was never attached.
    DiskNeverAttached,
    /// The disk is still attached.
    DiskAttached,
    /// The disk is not attached to that machine.
    DiskNotAttached,
    /// The disk is a system disk.
    DiskIsSystem,
    /// A snapshot of the disk is being taken.
    DiskSnapshotting,
    /// What was written to a disk is kept on another node than the machine's.
    DiskElsewhere,
    /// The snapshot is of another disk.
    SnapshotOfOtherDisk,
    /// The snapshot is not complete.
    SnapshotNotReady,
    /// The snapshot is not of a system disk.
    SnapshotNotSystem,
    /// The snapshots include none of a system disk.
    NoSystemSnapshot,
    /// The snapshots include two of system disks.
    TwoSystemSnapshots,
    /// Images were made from the snapshot.
    SnapshotUsedByImage,
    /// Disks were made from the snapshot.
    SnapshotUsedByDisk,
    /// The job cannot be stopped any more, or never could.
    JobNotStoppable,
    /// Two disks want one device.
    DeviceTaken,
    /// The disk would be smaller than it is, or than what it is to hold.
    DiskTooSmall,
    /// The image has data disks, which have no place here.
    ImageHasDataDisks,
    /// The image has more, or larger, data disks than are exported.
    ExportTooLarge,
    /// The machine runs.
    InstanceRunning,
    /// Sharing with oneself.
    SharedWithSelf,
}

/// Everything that can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that must be given is not.
    #[error("{0:?} must be given")]
    Missing(Field),
    /// Something is given that cannot be.
    #[error("{field:?}: {why}")]
    Invalid {
        /// What.
        field: Field,
        /// Why not.
        why: String,
    },
    /// It does not exist, or the caller may not know that it does.
    #[error("no {0:?}")]
    NotFound(Resource),
    /// It exists already.
    #[error("{0:?} exists already")]
    Duplicate(Field),
    /// A change expected a property that is not there.
    #[error("there is no property {0}")]
    PropertyAbsent(String),
    /// A change expected a property not to be there.
    #[error("there is a property {0} already")]
    PropertyPresent(String),
    /// Not in this status.
    #[error("not while the image is {0}")]
    WrongStatus(Status),
    /// It was deleted while the caller was at it.
    #[error("the image was deleted meanwhile")]
    Gone,
    /// The image refuses to be deleted.
    #[error("the image is protected")]
    Protected,
    /// Something else is so that it cannot be done now.
    #[error("in the way: {0:?}")]
    Conflict(Conflict),
    /// The token of a request was used before, for something else.
    #[error("the token was used for another request")]
    TokenReused,
    /// All checks passed, and nothing was to be changed.
    #[error("all checks passed; nothing was changed, as asked")]
    DryRun,
    /// Something else needs it.
    #[error("in use: {0}")]
    InUse(String),
    /// A limit is reached.
    #[error("limit reached: {0:?} (at most {1})")]
    OverQuota(Quota, u64),
    /// The bytes are not what they were declared to be.
    #[error("image disk_format {declared} does not match stream data {found}")]
    FormatMismatch {
        /// What was declared.
        declared: String,
        /// What they are.
        found: String,
    },
    /// The bytes could harm whoever uses them.
    #[error("the image data is refused: {0}")]
    Unsafe(String),
    /// The bytes did not all come.
    #[error("the data ended early: {0}")]
    Incomplete(String),
    /// The caller may see it but not do this.
    #[error("not permitted: {0}")]
    Denied(String),
    /// Not offered by this installation.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// No room for more bytes.
    #[error("the store is full")]
    StoreFull,
    /// Something Imprint stands on does not answer; try again.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// A fault of Imprint's own. Logged once, by the shell; never shown.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Shorthand for [`Error::Invalid`].
    pub fn invalid(field: Field, why: impl Into<String>) -> Self {
        Self::Invalid { field, why: why.into() }
    }

    /// Whether trying again later may help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::StoreFull)
    }

    /// A fault of Imprint's own, from a description.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::Internal(what.to_string().into())
    }

    /// The refusal of an image, in the service's words.
    pub(crate) fn refused(refusal: Refusal, id: impl fmt::Display, what: &str) -> Self {
        match refusal {
            Refusal::Absent => Self::NotFound(Resource::Image(id.to_string())),
            Refusal::Forbidden => Self::Denied(what.to_owned()),
        }
    }
}

impl From<WrongStatus> for Error {
    fn from(wrong: WrongStatus) -> Self {
        Self::WrongStatus(wrong.status)
    }
}

impl From<imprint_catalogue::Error> for Error {
    fn from(error: imprint_catalogue::Error) -> Self {
        use imprint_catalogue::ErrorKind as K;
        match error.kind() {
            K::Full => Self::StoreFull,
            K::Busy | K::Unavailable => Self::Unavailable(format!("database: {error}")),
            _ => Self::Internal(Box::new(error)),
        }
    }
}

impl From<imprint_store::Error> for Error {
    fn from(error: imprint_store::Error) -> Self {
        use imprint_store::Kind as K;
        match error.kind() {
            K::Full => Self::StoreFull,
            K::Unavailable | K::LeaseLost => Self::Unavailable(format!("store: {error}")),
            K::Invalid => Self::invalid(Field::Data, error.to_string()),
            _ => Self::Internal(Box::new(error)),
        }
    }
}
