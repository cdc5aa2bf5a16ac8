//! Machines, their disks and what is kept of these.

use serde::{Deserialize, Serialize};

/// Machines to be made, alike, and started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInstances {
    /// From which image, by its id.
    pub image: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// The name each calls itself.
    #[serde(default)]
    pub host_name: Option<String>,
    /// Processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// Size of the disk each boots from, GiB; as small as the image allows when absent.
    #[serde(default)]
    pub system_disk_gib: Option<u32>,
    /// Sizes of empty data disks each gets besides those of the image, GiB.
    #[serde(default)]
    pub data_disks_gib: Vec<u32>,
    /// What the first boot is told, in Base64.
    #[serde(default)]
    pub user_data: Option<String>,
    /// Makes them without starting them.
    #[serde(default)]
    pub stopped: bool,
}

fn one() -> u32 {
    1
}

/// Machines that were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Their ids.
    pub ids: Vec<String>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// `pending`, `starting`, `running`, `stopping`, `stopped`.
    pub status: String,
    /// Whose.
    pub project_id: String,
    /// Where.
    pub region: String,
    /// The image it was made from.
    pub image_id: String,
    /// Its size, in the words of the API that made it.
    pub class: String,
    /// Processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// The name it calls itself.
    pub host_name: Option<String>,
    /// When it was made, ISO 8601.
    pub created_at: String,
    /// When it was last started, ISO 8601.
    pub started_at: Option<String>,
    /// Why it could not be started, or what went wrong when it last ran.
    pub failure: Option<String>,
}

/// How a machine is stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Whether it is cut off instead of asked.
    #[serde(default)]
    pub force: bool,
}

/// What a machine said on its serial console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Console {
    /// The last of it, at most 64 KiB, in Base64.
    pub output: String,
    /// When it was read, ISO 8601.
    pub read_at: String,
    /// What the machine does, as [`Instance::status`].
    pub status: String,
}

/// A disk to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateDisk {
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Size, GiB; the snapshot's when absent.
    #[serde(default)]
    pub size_gib: Option<u32>,
    /// The snapshot it begins as; empty when absent.
    #[serde(default)]
    pub snapshot: Option<String>,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// `creating`, `available`, `attaching`, `in_use`, `detaching`, `resetting`.
    pub status: String,
    /// `system` or `data`.
    pub kind: String,
    /// Size, GiB.
    pub size_gib: u32,
    /// The machine it is attached to.
    pub instance_id: Option<String>,
    /// Letter of its device there.
    pub letter: Option<char>,
    /// Whose.
    pub project_id: String,
    /// Where.
    pub region: String,
    /// When it was made, ISO 8601.
    pub created_at: String,
}

/// The machine that a disk is given to, or taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfInstance {
    /// Its id.
    pub instance: String,
}

/// A snapshot to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSnapshot {
    /// Of which disk.
    pub disk: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// `progressing`, `accomplished`, `failed`.
    pub status: String,
    /// The disk it was taken of.
    pub disk_id: Option<String>,
    /// `system` or `data`, as the disk was then.
    pub kind: String,
    /// Size of the disk, GiB.
    pub size_gib: u32,
    /// How many bytes were looked at, of `total_bytes`.
    pub done_bytes: u64,
    /// How many bytes have to be looked at, once that is known.
    pub total_bytes: Option<u64>,
    /// Why it could not be taken.
    pub failure: Option<String>,
    /// Whose.
    pub project_id: String,
    /// Where.
    pub region: String,
    /// When it was taken, ISO 8601.
    pub created_at: String,
}
