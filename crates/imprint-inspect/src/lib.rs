//! The image check: what is inside a disk, and whether it would start and can be reached.
//!
//! What lives here: readers of partition tables, volume managers and file systems, all read-only over
//! [`imprint_disk::ReadAt`]; the detection of the operating system; every item of the check; packages and left-over
//! secrets; the [`Report`]. What never does: mounting, other processes, the host's files, the network. Whatever a disk
//! claims, the work stays inside a [`Budget`].

mod boot;
pub mod btrfs;
mod budget;
mod content;
mod device;
mod drivers;
mod error;
mod ext;
mod fat;
mod fields;
mod file_system;
mod findings;
#[cfg(test)]
mod fixtures;
mod fstab;
mod guest;
mod guest_file;
mod initramfs;
mod inspect;
mod iso9660;
mod items;
mod labels;
mod lvm;
#[cfg(test)]
mod made;
mod md;
mod ntfs;
mod os;
pub mod packages;
mod partitions;
mod report;
mod report_text;
mod roots;
pub mod sbom;
mod settings;
mod source;
mod text;
mod tree;
pub mod volumes;
pub mod windows;
pub mod xfs;

pub use budget::{Budget, Held, Limits};
pub use error::{Error, Result};
pub use file_system::{Entry, FileSystem, Kind, Metadata, Node};
pub use inspect::inspect;
pub use report::{Finding, Item, ItemName, Os, Package, PackageFormat, Report, Risk, Volume};
pub use tree::{Place, Tree};
