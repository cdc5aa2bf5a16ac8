//! Taking machines away, with those of their disks that go along.

use imprint_catalogue::{Tx, disks, instances, machines};
use imprint_model::{Caller, Disk, DiskEvent, DiskStatus, Instance, InstanceId, InstanceStatus};

use super::attach::let_go;
use super::instances::MACHINES_AT_ONCE_MAX;
use super::snapshots::require_no_snapshotting;
use super::{Errand, step};
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
            errand.service.machines.give_up_bytes(&disk);
            disks::delete(tx, disk.id)?;
        } else {
            give_up(errand, &instance, &mut disk)?;
            disks::update(tx, &disk)?;
        }
    }
    instances::delete(tx, id)?;
    if let Some(node) = instance.node.as_ref().filter(|node| errand.service.machines.is_kept(Some(node))) {
        machines::leave(tx, id, node)?;
    }
    errand.note(tx, "delete instance", id)
}

/// A disk that stays behind is free once nothing can write to it any more.
fn give_up(errand: &Errand, instance: &Instance, disk: &mut Disk) -> Result<(), Error> {
    match disk.status {
        DiskStatus::Detaching => {}
        DiskStatus::Attaching => {
            step(disk, DiskEvent::Attached)?;
            step(disk, DiskEvent::BeginDetach)?;
        }
        _ => step(disk, DiskEvent::BeginDetach)?,
    }
    let ended = instance.status == InstanceStatus::Stopped;
    if ended || !errand.service.machines.is_kept(instance.node.as_ref()) { let_go(disk) } else { Ok(()) }
}
