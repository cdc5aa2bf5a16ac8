//! A snapshot: what a disk held at one moment. Its bytes never change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::WrongStep;
use crate::{Content, DiskFormat, DiskId, DiskKind, ProjectId, SnapshotId, Timestamp};

crate::words! {
    /// How far a snapshot is.
    SnapshotStatus {
        /// Its bytes are being taken.
        Progressing = "progressing",
        /// Complete.
        Accomplished = "accomplished",
        /// Its bytes could not be taken.
        Failed = "failed",
    }
}

/// What can happen to a snapshot's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotEvent {
    /// All its bytes are durable.
    Taken,
    /// Its bytes could not be taken.
    GiveUp,
}

impl SnapshotStatus {
    /// The status after `event`.
    ///
    /// # Errors
    /// [`WrongStep`] when the event cannot happen to a snapshot in this status: one that has ended stays as it is.
    pub fn on(self, event: SnapshotEvent) -> Result<SnapshotStatus, WrongStep> {
        match (self, event) {
            (SnapshotStatus::Progressing, SnapshotEvent::Taken) => Ok(SnapshotStatus::Accomplished),
            (SnapshotStatus::Progressing, SnapshotEvent::GiveUp) => Ok(SnapshotStatus::Failed),
            (_, _) => Err(WrongStep),
        }
    }
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Whose.
    pub owner: ProjectId,
    /// Where.
    pub region: String,
    /// The disk it was taken of; none when it came with an imported or copied image.
    pub disk: Option<DiskId>,
    /// What that disk was for when it was taken.
    pub kind: DiskKind,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// How far it is.
    pub status: SnapshotStatus,
    /// Size of the disk, GiB.
    pub size_gib: u32,
    /// Its bytes, once they are complete; none for a disk that nothing was written to.
    pub content: Option<Content>,
    /// How the bytes encode the disk.
    pub disk_format: DiskFormat,
    /// Days to keep it; none for ever.
    pub retention_days: Option<u32>,
    /// The resource group it is in.
    pub resource_group: Option<String>,
    /// Labels, as on images.
    pub tags: BTreeSet<String>,
    /// When it was taken.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// The node that takes its bytes; none when there were none to take.
    pub node: Option<String>,
    /// The first of the snapshots that are taken at one instant.
    pub captured_with: Option<SnapshotId>,
    /// Which time's bytes of its disk it holds; see [`crate::Disk::generation`].
    pub generation: u32,
    /// How many bytes were looked at, of `total_bytes`.
    pub done_bytes: u64,
    /// How many bytes have to be looked at, once that is known.
    pub total_bytes: Option<u64>,
    /// Why it could not be taken.
    pub failure: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, one line a status: what each event leads to, `-` where it is refused.
    #[test]
    fn the_table_is_as_reviewed() {
        let mut table = String::new();
        for status in SnapshotStatus::ALL {
            let row = [SnapshotEvent::Taken, SnapshotEvent::GiveUp]
                .map(|event| status.on(event).map_or("-", SnapshotStatus::as_str));
            table += &format!("{status}: {}\n", row.join(" "));
        }
        assert_eq!(table, "progressing: accomplished failed\naccomplished: - -\nfailed: - -\n");
    }
}
