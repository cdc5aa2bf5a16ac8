//! A machine, as far as images need it: which image it was made from, and which disks it has.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::WrongStep;
use crate::{Architecture, BootMode, ImageId, InstanceId, ProjectId, Timestamp};

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

/// What can happen to a machine's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstanceEvent {
    /// Its disks are there.
    Made,
    /// It is told to start.
    BeginStart,
    /// It runs.
    Started,
    /// It is told to stop.
    BeginStop,
    /// It does not run any more, or could not be started.
    Ended,
}

impl InstanceStatus {
    /// The status after `event`.
    ///
    /// # Errors
    /// [`WrongStep`] when the event cannot happen to a machine in this status.
    pub fn on(self, event: InstanceEvent) -> Result<InstanceStatus, WrongStep> {
        use InstanceEvent as E;
        use InstanceStatus as S;
        match (self, event) {
            (S::Pending, E::Made) => Ok(S::Stopped),
            (S::Stopped, E::BeginStart) => Ok(S::Starting),
            (S::Starting, E::Started) => Ok(S::Running),
            (S::Starting | S::Running, E::BeginStop) => Ok(S::Stopping),
            (S::Starting | S::Running | S::Stopping, E::Ended) => Ok(S::Stopped),
            (_, _) => Err(WrongStep),
        }
    }

    /// Whether its disks may be attached, detached and snapshotted: it neither begins nor ends to run.
    pub fn is_settled(self) -> bool {
        matches!(self, InstanceStatus::Running | InstanceStatus::Stopped)
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
    /// When it last ended; none before.
    pub ended_at: Option<Timestamp>,
    /// The node it runs on, or ran last; none before its first start.
    pub node: Option<String>,
    /// Processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// What its image says of the processor.
    pub architecture: Architecture,
    /// What its image says of the firmware.
    pub boot_mode: BootMode,
    /// Whether its disks are NVMe.
    pub nvme: bool,
    /// While it is being stopped: when it is cut off.
    pub stop_by: Option<Timestamp>,
    /// While it is being stopped: whether it is started again afterwards.
    pub restart: bool,
    /// Why it could not be started, or what else went wrong when it last ran.
    pub failure: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, one line a status: what each event leads to, `-` where it is refused.
    #[test]
    fn the_table_is_as_reviewed() {
        use InstanceEvent as E;
        let events = [E::Made, E::BeginStart, E::Started, E::BeginStop, E::Ended];
        let mut table = String::new();
        for status in InstanceStatus::ALL {
            let row: Vec<&str> =
                events.iter().map(|&event| status.on(event).map_or("-", InstanceStatus::as_str)).collect();
            table += &format!("{status}: {}\n", row.join(" "));
        }
        assert_eq!(
            table,
            "pending: stopped - - - -\n\
             starting: - - running stopping stopped\n\
             running: - - - stopping stopped\n\
             stopping: - - - - stopped\n\
             stopped: - starting - - -\n"
        );
    }
}
