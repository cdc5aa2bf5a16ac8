//! A machine, as far as images need it: which image it was made from, and which disks it has.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{ImageId, InstanceId, ProjectId, Timestamp};

crate::words! {
    /// How far a machine is.
    InstanceStatus {
        /// Being made.
        Pending = "pending",
        /// Being started.
        Starting = "starting",
        /// Running.
        Running = "running",
        /// Being stopped.
        Stopping = "stopping",
        /// Not running.
        Stopped = "stopped",
    }
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Whose.
    pub owner: ProjectId,
    /// Where.
    pub region: String,
    /// Name.
    pub name: Option<String>,
    /// The name it calls itself.
    pub host_name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// How far it is.
    pub status: InstanceStatus,
    /// Size class, in the words of the dialect that made it.
    pub class: String,
    /// The image it was made from; it may be gone.
    pub image: ImageId,
    /// Why it may not be used now, when it may not: `security`.
    pub locked: Option<String>,
    /// Refuses to be deleted.
    pub protected: bool,
    /// What the first boot is told.
    pub user_data: Option<String>,
    /// The resource group it is in.
    pub resource_group: Option<String>,
    /// Labels, as on images.
    pub tags: BTreeSet<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
}
