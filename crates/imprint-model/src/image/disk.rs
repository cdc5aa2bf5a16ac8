//! The disks an image describes. The system disk's bytes are the image's content; a data disk's are its snapshot's.

use serde::{Deserialize, Serialize};

use crate::{DiskKind, SnapshotId};

/// Most data disks of one image.
pub const DATA_DISKS_MAX: usize = 16;

/// One disk of an image: the system disk is the first, data disks follow in the order of their devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDisk {
    /// System or data.
    pub kind: DiskKind,
    /// Letter of the device: `a` for the first.
    pub letter: char,
    /// Size of the disk a machine gets, GiB.
    pub size_gib: u32,
    /// Where its bytes come from; none for an empty disk, and for a system disk that was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// The object that it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<ObjectPlace>,
}

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPlace {
    /// Name of the bucket, as the operator configured it.
    pub bucket: String,
    /// Key of the object.
    pub key: String,
}

/// A tag's two halves. Tags are stored as one text, `key=value`, or `key` alone when there is no value; the key is what
/// stands before the first `=`.
pub fn split_tag(tag: &str) -> (&str, Option<&str>) {
    tag.split_once('=').map_or((tag, None), |(key, value)| (key, Some(value)))
}

/// The tag that [`split_tag`] takes apart; an empty value is none. The key must not contain `=`.
pub fn join_tag(key: &str, value: &str) -> String {
    if value.is_empty() { key.to_owned() } else { format!("{key}={value}") }
}
