//! An image: the record that everything else is about.

mod disk;
mod facts;
mod format;
mod platform;
mod share;
mod status;
mod visibility;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use disk::{DATA_DISKS_MAX, ImageDisk, ObjectPlace, join_tag, split_tag};
pub use facts::{Architecture, BootMode, FactKey, Facts, Licence, MetadataAccess, OsType};
pub use format::{ContainerFormat, DiskFormat};
pub use platform::{PLATFORMS, platform_word, platforms_of_word};
pub use share::{Member, MemberStatus};
pub use status::{Event, Status, WrongStatus};
pub use visibility::Visibility;

use crate::{ImageId, LeaseId, MapId, ProjectId, Timestamp};

/// The bytes of an image, as they came, and what was found out about them on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The map of the stored bytes.
    pub map: MapId,
    /// Length of the stored bytes.
    pub size_bytes: u64,
    /// Size of the disk that a guest sees, where the format tells it.
    pub virtual_size_bytes: Option<u64>,
    /// MD5 of the stored bytes in hexadecimal, as older clients compare it.
    pub md5: Option<String>,
    /// The stronger digest that clients compare.
    pub hash: Option<ContentHash>,
}

/// A digest over all bytes of an image, by an algorithm the operator chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentHash {
    /// `sha256`, `sha512`, ….
    pub algorithm: String,
    /// Lower-case hexadecimal.
    pub value: String,
}

/// One machine image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id; never used again, not even after the image is gone.
    pub id: ImageId,
    /// The account that owns it.
    pub owner: ProjectId,
    /// Where it is.
    pub region: String,
    /// What people call it; not unique, but where a dialect asks for it.
    pub name: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// Who may see it.
    pub visibility: Visibility,
    /// Left out of lists unless asked for: usable, but no longer offered.
    pub hidden: bool,
    /// Refuses to be deleted.
    pub protected: bool,
    /// How the bytes encode a disk, as declared.
    pub disk_format: Option<DiskFormat>,
    /// What the disk is wrapped in, as declared.
    pub container_format: Option<ContainerFormat>,
    /// Smallest disk it fits on, GiB.
    pub min_disk_gib: u32,
    /// Least memory it needs, MiB.
    pub min_ram_mib: u32,
    /// Its bytes, once they are complete.
    pub content: Option<Content>,
    /// Bytes put aside for an import that has not happened yet.
    pub staged: Option<Content>,
    /// The lease of whoever is writing its bytes now: when it has run out, the writer is dead.
    pub writer: Option<LeaseId>,
    /// What it is.
    pub facts: Facts,
    /// Its disks, where more is known of them than the content tells; the system disk first.
    pub disks: Vec<ImageDisk>,
    /// Free labels.
    pub tags: BTreeSet<String>,
    /// Facts that Imprint stores and does not interpret. `None` is a property that is known and has no value.
    pub properties: BTreeMap<String, Option<String>>,
    /// Why it failed, when it did.
    pub failure: Option<String>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
}

impl Image {
    /// A record without anything: queued, shared with nobody yet, made at `now` in `region`.
    pub fn blank(id: ImageId, owner: ProjectId, region: String, now: Timestamp) -> Self {
        Self {
            id,
            owner,
            region,
            name: None,
            status: Status::Queued,
            visibility: Visibility::Shared,
            hidden: false,
            protected: false,
            disk_format: None,
            container_format: None,
            min_disk_gib: 0,
            min_ram_mib: 0,
            content: None,
            staged: None,
            writer: None,
            facts: Facts::default(),
            disks: Vec::new(),
            tags: BTreeSet::new(),
            properties: BTreeMap::new(),
            failure: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Size of the bytes that are or will be the image's: complete ones first, staged ones else.
    pub fn size_bytes(&self) -> Option<u64> {
        self.content.as_ref().or(self.staged.as_ref()).map(|content| content.size_bytes)
    }

    /// Moves the image through the status table.
    ///
    /// # Errors
    /// [`WrongStatus`] when the event does not fit; the image is unchanged then.
    pub fn apply(&mut self, event: Event) -> Result<(), WrongStatus> {
        self.status = self.status.on(event)?;
        Ok(())
    }
}
