//! What a list of images is asked for: who looks, what must hold, in which order, and which page.

use crate::{
    ContainerFormat, DiskFormat, DiskKind, FactKey, ImageId, MemberStatus, ProjectId, SnapshotId, Status, Timestamp,
    Visibility,
};

/// Which images a caller can see at all. The union of all parts that are switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Every image there is, but for the community images of accounts other than `own` unless `community` is on too.
    pub everything: bool,
    /// The account whose own images are seen.
    pub own: Option<ProjectId>,
    /// Public images.
    pub public: bool,
    /// Community images of other accounts.
    pub community: bool,
    /// Images shared with an account, by its answers.
    pub shared: Option<SharedWith>,
}

/// Images shared with `project` that it has answered with one of `statuses`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWith {
    /// The account the images are shared with.
    pub project: ProjectId,
    /// Its answers that count.
    pub statuses: Vec<MemberStatus>,
}

/// How a time is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOp {
    /// Later than.
    Gt,
    /// Not before.
    Gte,
    /// Earlier than.
    Lt,
    /// Not after.
    Lte,
    /// Within the same second.
    Eq,
    /// Not within the same second.
    Neq,
}

/// A number that lists can be bounded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Length of the stored bytes.
    SizeBytes,
    /// Size of the guest's disk.
    VirtualSizeBytes,
    /// See [`crate::Image::min_disk_gib`].
    MinDiskGib,
    /// See [`crate::Image::min_ram_mib`].
    MinRamMib,
}

/// One condition; a list holds what meets all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// One of these ids.
    Ids(Vec<ImageId>),
    /// One of these names.
    Names(Vec<String>),
    /// One of these statuses.
    Statuses(Vec<Status>),
    /// One of these; `None` stands for an image without one.
    DiskFormats(Vec<DiskFormat>),
    /// One of these.
    ContainerFormats(Vec<ContainerFormat>),
    /// One of these statuses, each of images hidden or not, or both.
    States(Vec<(Status, Option<bool>)>),
    /// This visibility.
    Visibility(Visibility),
    /// One of these visibilities.
    Visibilities(Vec<Visibility>),
    /// Owned by this account.
    Owner(ProjectId),
    /// Hidden or not.
    Hidden(bool),
    /// Protected or not.
    Protected(bool),
    /// Has this tag.
    Tag(String),
    /// Has a tag with this key, whatever its value.
    TagKey(String),
    /// This fact has exactly this value.
    Fact(FactKey, String),
    /// This fact has one of these values; `None` stands for its absence.
    FactAmong(FactKey, Vec<Option<String>>),
    /// In one of these resource groups; `None` stands for the default group.
    ResourceGroups(Vec<Option<String>>),
    /// The name matches a pattern in which `*` stands for any text.
    NameLike(String),
    /// In this region.
    Region(String),
    /// Owned by another account than this one.
    NotOwner(ProjectId),
    /// One of its disks comes from this snapshot.
    Snapshot(SnapshotId),
    /// Whether a machine made from it exists.
    UsedByInstance(bool),
    /// Has this property with this value.
    Property(String, String),
    /// MD5 of the bytes, hexadecimal.
    Md5(String),
    /// Algorithm of the stronger digest.
    HashAlgorithm(String),
    /// Value of the stronger digest.
    HashValue(String),
    /// Bounds of a number, both inclusive.
    Between(Number, Option<u64>, Option<u64>),
    /// When the record was made.
    CreatedAt(TimeOp, Timestamp),
    /// When the record last changed.
    UpdatedAt(TimeOp, Timestamp),
    /// Single accounts have been given it, or not: it is of visibility shared and has members.
    Given(bool),
    /// Has any tag, or none.
    Tagged(bool),
    /// The first of the disks it describes is of this kind; one that describes none has none.
    FirstDisk(DiskKind),
    /// At least one of these.
    Any(Vec<Filter>),
    /// Each of these.
    All(Vec<Filter>),
    /// Not this. What an image does not have is not so either.
    Not(Box<Filter>),
}

crate::words! {
    /// What lists can be sorted by.
    SortKey {
        /// Time of the record's making.
        CreatedAt = "created_at",
        /// Time of the last change.
        UpdatedAt = "updated_at",
        /// Name.
        Name = "name",
        /// Status.
        Status = "status",
        /// Declared disk format.
        DiskFormat = "disk_format",
        /// Declared container format.
        ContainerFormat = "container_format",
        /// Length of the stored bytes.
        Size = "size",
        /// Id.
        Id = "id",
    }
}

use serde::{Deserialize, Serialize};

/// Which way a key sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Which part of the sorted list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// At most `limit` images that come after the image `after` in the list's order.
    After {
        /// The last image of the page before.
        after: Option<ImageId>,
        /// Most images to give.
        limit: u32,
    },
    /// The `number`th page (from 1) of `size` images each, and the total.
    Numbered {
        /// From 1.
        number: u32,
        /// Images a page.
        size: u32,
    },
}

/// A whole question. Ties are broken by `created_at`, then `id`, in the direction of the last key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageQuery {
    /// Who looks.
    pub reach: Reach,
    /// What must hold.
    pub filters: Vec<Filter>,
    /// In which order.
    pub sort: Vec<(SortKey, Direction)>,
    /// Which page.
    pub page: Page,
}
