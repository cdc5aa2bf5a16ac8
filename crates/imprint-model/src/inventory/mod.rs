//! What images are made from and what is made from images: machines, their disks, and snapshots of these.

mod disk;
mod instance;
mod snapshot;

pub use disk::{Disk, DiskCategory, DiskEvent, DiskKind, DiskSource, DiskStatus};
pub use instance::{Instance, InstanceEvent, InstanceStatus};
pub use snapshot::{Snapshot, SnapshotEvent, SnapshotStatus};

/// An event that does not fit the status of a disk, a snapshot or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the status does not allow it")]
pub struct WrongStep;
