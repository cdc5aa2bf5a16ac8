//! Taking machines away, with those of their disks that go along.

use imprint_catalogue::{Tx, disks, instances};
use imprint_model::{Caller, InstanceId, InstanceStatus};

use super::Errand;
use super::attach::release;
use super::instances::MACHINES_AT_ONCE_MAX;
use super::snapshots::require_no_snapshotting;
use crate::Service;
use crate::ask::Ask;
use crate::error::{Conflict, Error, Field};

/// Machines to be deleted.
#[derive(Debug, Clone)]
pub struct DeleteInstances {
    /// Which.
    pub instances: Vec<InstanceId>,
    /// Whether one that runs is no reason against it.
    pub force: bool,
}

impl Service {
    /// Deletes machines: all of them, or none. Disks that do not go along stay behind as free data disks.
    ///
    /// # Errors
    /// [`Conflict::InstanceProtected`], [`Conflict::InstanceLocked`], [`Conflict::InstanceRunning`] unless forced,
    /// [`Conflict::InstanceStatus`] while it is being made, [`Conflict::DiskSnapshotting`], [`Error::NotFound`].
    pub async fn delete_instances(&self, caller: &Caller, wanted: DeleteInstances, ask: Ask) -> Result<(), Error> {
        let delete = move |tx: &mut Tx<'_>, errand: &Errand| {
            if wanted.instances.len() > MACHINES_AT_ONCE_MAX {
                return Err(Error::invalid(Field::Id, format!("more than {MACHINES_AT_ONCE_MAX} machines at once")));
            }
            wanted.instances.iter().try_for_each(|&id| delete_one(tx, errand, id, wanted.force))
        };
        self.run_errand(caller, ask, delete).await
    }
}

fn delete_one(tx: &mut Tx<'_>, errand: &Errand, id: InstanceId, force: bool) -> Result<(), Error> {
    let instance = errand.usable_instance(tx, id)?;
    if instance.protected {
        return Err(Error::Conflict(Conflict::InstanceProtected));
    }
    match instance.status {
        InstanceStatus::Stopped => {}
        InstanceStatus::Pending => return Err(Error::Conflict(Conflict::InstanceStatus)),
        InstanceStatus::Starting | InstanceStatus::Running | InstanceStatus::Stopping if force => {}
        InstanceStatus::Starting | InstanceStatus::Running | InstanceStatus::Stopping => {
            return Err(Error::Conflict(Conflict::InstanceRunning));
        }
    }
    for mut disk in disks::of_instance(tx, id)? {
        require_no_snapshotting(tx, disk.id)?;
        if disk.delete_with_instance {
            disks::delete(tx, disk.id)?;
        } else {
            release(&mut disk)?;
            disks::update(tx, &disk)?;
        }
    }
    instances::delete(tx, id)?;
    errand.note(tx, "delete instance", id)
}
