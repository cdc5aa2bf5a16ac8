//! A disk: bytes a machine writes to, or could.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::WrongStep;
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

/// What can happen to a disk's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskEvent {
    /// Its first bytes are there.
    Made,
    /// It is to be attached.
    BeginAttach,
    /// The machine has it, or did not let it go.
    Attached,
    /// It is to be taken from its machine.
    BeginDetach,
    /// The machine has let it go, or could not take it.
    Released,
    /// It is to be set back to bytes it had before.
    BeginReset,
    /// It has been set back, where it was attached.
    ResetInUse,
    /// It has been set back, attached to nothing.
    ResetAvailable,
}

impl DiskStatus {
    /// The status after `event`.
    ///
    /// # Errors
    /// [`WrongStep`] when the event cannot happen to a disk in this status.
    pub fn on(self, event: DiskEvent) -> Result<DiskStatus, WrongStep> {
        use DiskEvent as E;
        use DiskStatus as S;
        match (self, event) {
            (S::Creating, E::Made) => Ok(S::Available),
            (S::Available, E::BeginAttach) => Ok(S::Attaching),
            // a guest may refuse to let a disk go
            (S::Attaching | S::Detaching, E::Attached) => Ok(S::InUse),
            (S::InUse, E::BeginDetach) => Ok(S::Detaching),
            (S::Attaching | S::Detaching, E::Released) => Ok(S::Available),
            (S::Available | S::InUse, E::BeginReset) => Ok(S::Resetting),
            (S::Resetting, E::ResetInUse) => Ok(S::InUse),
            (S::Resetting, E::ResetAvailable) => Ok(S::Available),
            (_, _) => Err(WrongStep),
        }
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
    /// The node that keeps what was written to it; none before a machine with it was first started.
    pub node: Option<String>,
    /// Counts how often its bytes were replaced: what was written belongs to one of these times.
    pub generation: u32,
    /// Whether a machine may have written to it since its bytes were last replaced.
    pub written: bool,
    /// Whether it became larger than the machine that runs with it knows.
    pub grows: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, one line a status: what each event leads to, `-` where it is refused.
    #[test]
    fn the_table_is_as_reviewed() {
        use DiskEvent as E;
        let events = [
            E::Made,
            E::BeginAttach,
            E::Attached,
            E::BeginDetach,
            E::Released,
            E::BeginReset,
            E::ResetInUse,
            E::ResetAvailable,
        ];
        let mut table = String::new();
        for status in DiskStatus::ALL {
            let row: Vec<&str> = events.iter().map(|&event| status.on(event).map_or("-", DiskStatus::as_str)).collect();
            table += &format!("{status}: {}\n", row.join(" "));
        }
        assert_eq!(
            table,
            "creating: available - - - - - - -\n\
             available: - attaching - - - resetting - -\n\
             attaching: - - in_use - available - - -\n\
             in_use: - - - detaching - resetting - -\n\
             detaching: - - in_use - available - - -\n\
             resetting: - - - - - - in_use available\n"
        );
    }
}
