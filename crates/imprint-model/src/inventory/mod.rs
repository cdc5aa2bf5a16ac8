//! What images are made from and what is made from images: machines, their disks, and snapshots of these.

mod disk;
mod instance;
mod snapshot;

pub use disk::{Disk, DiskCategory, DiskKind, DiskSource, DiskStatus};
pub use instance::{Instance, InstanceStatus};
pub use snapshot::{Snapshot, SnapshotStatus};
