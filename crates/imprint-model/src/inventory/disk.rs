//! A disk: bytes a machine writes to, or could.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Content, DiskFormat, DiskId, ImageId, InstanceId, ProjectId, SnapshotId, Timestamp};

crate::words! {
    /// What a disk is for.
    DiskKind {
        /// The machine boots from it.
        System = "system",
        /// Anything else.
        Data = "data",
    }
}

crate::words! {
    /// How far a disk is.
    DiskStatus {
        /// Being made.
        Creating = "creating",
        /// Attached to nothing.
        Available = "available",
        /// Being attached.
        Attaching = "attaching",
        /// Attached.
        InUse = "in_use",
        /// Being detached.
        Detaching = "detaching",
        /// Being set back to what it came from.
        Resetting = "resetting",
    }
}

crate::words! {
    /// How fast a disk is meant to be. Here all are alike; the sizes each allows are not.
    DiskCategory {
        /// Slowest, of old.
        Basic = "basic",
        /// Between.
        Efficiency = "efficiency",
        /// Fast.
        Ssd = "ssd",
        /// Fast, in levels.
        Enhanced = "enhanced",
        /// As fast as needed.
        Auto = "auto",
    }
}

/// What a disk begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskSource {
    /// Nothing.
    Empty,
    /// The system disk of an image.
    Image(ImageId),
    /// A snapshot.
    Snapshot(SnapshotId),
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its id.
    pub id: DiskId,
    /// Whose.
    pub owner: ProjectId,
    /// Where.
    pub region: String,
    /// What it is for; a system disk that was detached is a data disk from then on.
    pub kind: DiskKind,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// How far it is.
    pub status: DiskStatus,
    /// How fast it is meant to be.
    pub category: DiskCategory,
    /// Size, GiB.
    pub size_gib: u32,
    /// What it began as.
    pub source: DiskSource,
    /// The bytes it began with, kept as long as it is there.
    pub base: Option<Content>,
    /// How those bytes encode the disk.
    pub base_format: DiskFormat,
    /// The machine it is attached to.
    pub instance: Option<InstanceId>,
    /// Letter of its device there.
    pub letter: Option<char>,
    /// Whether it has ever been attached.
    pub was_attached: bool,
    /// Whether it goes with its machine.
    pub delete_with_instance: bool,
    /// The resource group it is in.
    pub resource_group: Option<String>,
    /// Labels, as on images.
    pub tags: BTreeSet<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last attached.
    pub attached_at: Option<Timestamp>,
}
