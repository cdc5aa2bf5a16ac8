//! Starting and stopping machines: the rules. Rows say what is to be; the keeper of the machine's node makes it so.

use std::time::Duration;

use imprint_catalogue::{Tx, disks, instances};
use imprint_model::{Caller, DiskEvent, DiskStatus, Instance, InstanceEvent, InstanceId, InstanceStatus, Timestamp};

use super::attach::let_go;
use super::disk_bytes::system_disk;
use super::instances::after;
use super::{Errand, step};
use crate::Service;
use crate::ask::Ask;
use crate::error::{Conflict, Error};
use crate::machines::required_of;

/// A machine to be stopped.
#[derive(Debug, Clone, Copy)]
pub struct StopInstance {
    /// Which.
    pub instance: InstanceId,
    /// Whether it is not asked to shut down first.
    pub force: bool,
}

/// A machine to be stopped and started.
#[derive(Debug, Clone, Copy)]
pub struct RebootInstance {
    /// Which.
    pub instance: InstanceId,
    /// Whether it is not asked to shut down first.
    pub force: bool,
}

impl Service {
    /// Starts a stopped machine.
    ///
    /// # Errors
    /// [`Conflict::InstanceStatus`], [`Conflict::InstanceLocked`], [`Conflict::NoSystemDisk`],
    /// [`Conflict::DiskElsewhere`], [`Error::NotFound`]; [`Error::Unsupported`] where nothing runs such machines.
    pub async fn start_instance(&self, caller: &Caller, id: InstanceId, ask: Ask) -> Result<(), Error> {
        let start = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut instance = errand.usable_instance(tx, id)?;
            after(instance.status, InstanceEvent::BeginStart)?;
            system_disk(tx, &instance)?;
            begin_start(tx, &errand.service, &mut instance, errand.now)?;
            errand.note(tx, "start instance", instance.id)
        };
        self.run_errand(caller, ask, start).await
    }

    /// Stops a machine that runs.
    ///
    /// # Errors
    /// [`Conflict::InstanceStatus`] of one that does not, [`Error::NotFound`].
    pub async fn stop_instance(&self, caller: &Caller, wanted: StopInstance, ask: Ask) -> Result<(), Error> {
        let stop = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut instance = errand.instance(tx, wanted.instance)?;
            begin_stop(tx, errand, &mut instance, wanted.force)?;
            errand.note(tx, "stop instance", instance.id)
        };
        self.run_errand(caller, ask, stop).await
    }

    /// Stops and starts a machine that runs.
    ///
    /// # Errors
    /// As [`Service::stop_instance`] and [`Service::start_instance`].
    pub async fn reboot_instance(&self, caller: &Caller, wanted: RebootInstance, ask: Ask) -> Result<(), Error> {
        let reboot = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut instance = errand.usable_instance(tx, wanted.instance)?;
            after(instance.status, InstanceEvent::BeginStop)?;
            errand.service.machines.place(&instance)?;
            instance.restart = true;
            begin_stop(tx, errand, &mut instance, wanted.force)?;
            errand.note(tx, "reboot instance", instance.id)
        };
        self.run_errand(caller, ask, reboot).await
    }
}

/// Writes that a stopped machine is to run. Its disks are its node's from now on: they will be written to.
pub(crate) fn begin_start(
    tx: &mut Tx<'_>,
    service: &Service,
    instance: &mut Instance,
    now: Timestamp,
) -> Result<(), Error> {
    let node = service.machines.place(instance)?;
    required_of(service, instance)?;
    instance.status = after(instance.status, InstanceEvent::BeginStart)?;
    for mut disk in disks::of_instance(tx, instance.id)? {
        if disk.node.as_ref().is_some_and(|keeps| *keeps != node) {
            return Err(Error::Conflict(Conflict::DiskElsewhere));
        }
        (disk.node, disk.written, disk.grows) = (Some(node.clone()), true, false);
        disks::update(tx, &disk)?;
    }
    instance.node = Some(node);
    instance.started_at = Some(now);
    (instance.stop_by, instance.restart, instance.failure) = (None, false, None);
    Ok(instances::update(tx, instance)?)
}

/// Writes that a machine is to end; where no keeper looks after it, it has ended.
fn begin_stop(tx: &mut Tx<'_>, errand: &Errand, instance: &mut Instance, force: bool) -> Result<(), Error> {
    instance.status = after(instance.status, InstanceEvent::BeginStop)?;
    if !errand.service.machines.is_kept(instance.node.as_ref()) {
        return end(tx, &errand.service, instance, None, errand.now);
    }
    let wait = if force { 0 } else { errand.service.settings.machine_stop_secs };
    instance.stop_by = Some(errand.now.after(Duration::from_secs(wait)));
    Ok(instances::update(tx, instance)?)
}

/// Writes that a machine does not run any more, or could not be started, and what that means for its disks: what was to
/// be given to it is its, and what was to be taken from it is free. One that was to start again does.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    service: &Service,
    instance: &mut Instance,
    failure: Option<String>,
    now: Timestamp,
) -> Result<(), Error> {
    let again = instance.restart && service.machines.hypervisor.is_some();
    // one that never came to run knows of no more disks than before
    if instance.status != InstanceStatus::Starting {
        instance.ended_at = Some(now);
    }
    instance.status = after(instance.status, InstanceEvent::Ended)?;
    (instance.stop_by, instance.restart, instance.failure) = (None, false, failure);
    settle_disks(tx, instance.id)?;
    instances::update(tx, instance)?;
    if !again {
        return Ok(());
    }
    match begin_start(tx, service, &mut instance.clone(), now) {
        Err(error @ (Error::Conflict(_) | Error::Unsupported(_))) => {
            instance.failure = Some(error.to_string());
            Ok(instances::update(tx, instance)?)
        }
        started => started,
    }
}

/// The disks of a machine that does not run are its, or free.
pub(crate) fn settle_disks(tx: &mut Tx<'_>, instance: InstanceId) -> Result<(), Error> {
    for mut disk in disks::of_instance(tx, instance)? {
        match disk.status {
            DiskStatus::Attaching => step(&mut disk, DiskEvent::Attached)?,
            DiskStatus::Detaching => let_go(&mut disk)?,
            _ if disk.grows => {}
            _ => continue,
        }
        disk.grows = false;
        disks::update(tx, &disk)?;
    }
    Ok(())
}
