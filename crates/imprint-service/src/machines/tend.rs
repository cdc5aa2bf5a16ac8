//! One machine brought together with its rows. Every step may happen twice, and each writes its outcome only where the
//! row still wants it.

use imprint_catalogue::{Tx, disks, instances, machines};
use imprint_machine::{Hypervisor, MachineState};
use imprint_model::{Disk, DiskEvent, DiskId, DiskStatus, Instance, InstanceEvent, InstanceId, InstanceStatus};

use super::capture::capture_key;
use super::keeper::Keeper;
use super::kind::required_of;
use super::spec::{self, Rows, machine_disk, overlay};
use crate::error::Error;
use crate::inventory::{end, let_go, settle_disks, step};

impl Keeper {
    /// Whether anything changed.
    pub(super) async fn tend(&self, id: InstanceId) -> Result<bool, Error> {
        let (hypervisor, node) = self.parts()?;
        let _alone = self.lock(id.to_string()).await;
        let Rows { instance, disks } = self.service.rows_of(id).await?;
        let name = id.to_string();
        let runs = hypervisor.state(&name).await == MachineState::Running;
        let Some(instance) = instance.filter(|instance| instance.node.as_ref() == Some(&node)) else {
            return self.leave(hypervisor.as_ref(), id).await;
        };
        match instance.status {
            InstanceStatus::Starting if runs => self.started(id).await,
            InstanceStatus::Starting => self.start(hypervisor.as_ref(), &instance, &disks).await,
            InstanceStatus::Running if runs => self.tend_disks(hypervisor.as_ref(), &instance, disks).await,
            InstanceStatus::Running => {
                tracing::info!(instance = %id, "a machine has ended by itself");
                self.ended(id, None).await
            }
            InstanceStatus::Stopping if runs => self.stop(hypervisor.as_ref(), &instance).await,
            InstanceStatus::Stopping => self.ended(id, None).await,
            InstanceStatus::Stopped | InstanceStatus::Pending => {
                if runs {
                    hypervisor.kill(&name).await?;
                }
                self.settle_stopped(id).await.map(|changed| changed || runs)
            }
        }
    }

    /// A machine whose row is gone, or another node's.
    async fn leave(&self, hypervisor: &dyn Hypervisor, id: InstanceId) -> Result<bool, Error> {
        hypervisor.kill(&id.to_string()).await?;
        hypervisor.forget(&id.to_string()).await?;
        let leave = move |tx: &mut Tx<'_>| {
            machines::forget_left(tx, id)?;
            if instances::get(tx, id)?.is_none() { settle_disks(tx, id) } else { Ok(()) }
        };
        self.service.catalogue.write(leave).await?;
        Ok(true)
    }

    async fn start(&self, hypervisor: &dyn Hypervisor, instance: &Instance, disks: &[Disk]) -> Result<bool, Error> {
        // one that was free may still be read for a snapshot that was given up
        let held: Option<Vec<_>> = disks.iter().map(|disk| self.try_lock(disk.id.to_string())).collect();
        let Some(_held) = held else { return Ok(false) };
        match self.launch(hypervisor, instance, disks).await {
            Ok(()) => self.started(instance.id).await,
            Err(error) => {
                tracing::warn!(instance = %instance.id, %error, "a machine could not be started");
                hypervisor.kill(&instance.id.to_string()).await?;
                self.ended(instance.id, Some(error.to_string())).await
            }
        }
    }

    async fn launch(&self, hypervisor: &dyn Hypervisor, instance: &Instance, disks: &[Disk]) -> Result<(), Error> {
        let firmware = required_of(&self.service, instance)?
            .ok_or_else(|| Error::internal("a machine of another node is started here"))?;
        let machine = spec::machine(&self.service, instance, disks, firmware);
        for disk in &machine.disks {
            hypervisor.prepare(&disk.overlay).await?;
        }
        Ok(hypervisor.start(&machine).await?)
    }

    async fn started(&self, id: InstanceId) -> Result<bool, Error> {
        let started = move |tx: &mut Tx<'_>| {
            let Some(mut instance) = instances::get(tx, id)? else { return Ok::<_, Error>(()) };
            if let Ok(status) = instance.status.on(InstanceEvent::Started) {
                instance.status = status;
                instances::update(tx, &instance)?;
            }
            Ok(())
        };
        self.service.catalogue.write(started).await?;
        Ok(true)
    }

    /// Asks again at every look: guests do not listen yet while they boot.
    async fn stop(&self, hypervisor: &dyn Hypervisor, instance: &Instance) -> Result<bool, Error> {
        let name = instance.id.to_string();
        let now = self.service.clock.now();
        if instance.stop_by.is_none_or(|stop_by| stop_by <= now) {
            hypervisor.kill(&name).await?;
        } else if let Err(error) = hypervisor.shut_down(&name).await {
            tracing::info!(instance = %instance.id, %error, "a machine cannot be asked to shut down");
        }
        match hypervisor.state(&name).await {
            MachineState::Gone => self.ended(instance.id, None).await,
            MachineState::Running => Ok(false),
        }
    }

    async fn ended(&self, id: InstanceId, failure: Option<String>) -> Result<bool, Error> {
        let service = self.service.clone();
        let ended = move |tx: &mut Tx<'_>| match instances::get(tx, id)? {
            Some(mut instance) if instance.status.on(InstanceEvent::Ended).is_ok() => {
                end(tx, &service, &mut instance, failure.clone(), service.clock.now())
            }
            _ => Ok(()),
        };
        self.service.catalogue.write(ended).await?;
        Ok(true)
    }

    async fn settle_stopped(&self, id: InstanceId) -> Result<bool, Error> {
        let settle = move |tx: &mut Tx<'_>| {
            let stopped = instances::get(tx, id)?.is_some_and(|instance| instance.status == InstanceStatus::Stopped);
            let open = |disk: &Disk| disk.grows || matches!(disk.status, DiskStatus::Attaching | DiskStatus::Detaching);
            if !stopped || !disks::of_instance(tx, id)?.iter().any(open) {
                return Ok::<_, Error>(false);
            }
            settle_disks(tx, id)?;
            Ok(true)
        };
        self.service.catalogue.write(settle).await
    }

    async fn tend_disks(
        &self,
        hypervisor: &dyn Hypervisor,
        instance: &Instance,
        disks: Vec<Disk>,
    ) -> Result<bool, Error> {
        let mut changed = false;
        for disk in disks {
            let name = instance.id.to_string();
            changed |= match disk.status {
                DiskStatus::Attaching => {
                    // it may still be read for a snapshot that was given up
                    let Some(_held) = self.try_lock(disk.id.to_string()) else { continue };
                    let event = attach(hypervisor, &name, &disk).await?;
                    self.note(disk.id, DiskStatus::Attaching, event).await?
                }
                DiskStatus::Detaching => {
                    // while some disk is captured, none goes or grows
                    let Some(_turn) = self.try_lock(capture_key(&name)) else { continue };
                    let event = detach(hypervisor, &name, &disk).await?;
                    self.note(disk.id, DiskStatus::Detaching, event).await?
                }
                DiskStatus::InUse if disk.grows => {
                    let Some(_turn) = self.try_lock(capture_key(&name)) else { continue };
                    hypervisor.grow(&name, &overlay(&disk).name, overlay(&disk).size_bytes).await?;
                    self.grown(disk.id, disk.size_gib).await?
                }
                _ => false,
            };
            if hypervisor.state(&name).await == MachineState::Gone {
                return Ok(true);
            }
        }
        Ok(changed)
    }

    /// Writes what became of a disk, where its row still waits for it.
    async fn note(&self, id: DiskId, waits: DiskStatus, event: Option<DiskEvent>) -> Result<bool, Error> {
        let Some(event) = event else { return Ok(true) };
        let note = move |tx: &mut Tx<'_>| {
            let Some(mut disk) = disks::get(tx, id)?.filter(|disk| disk.status == waits) else { return Ok(()) };
            match event {
                DiskEvent::Released => let_go(&mut disk)?,
                event => step(&mut disk, event)?,
            }
            Ok::<_, Error>(disks::update(tx, &disk)?)
        };
        self.service.catalogue.write(note).await?;
        Ok(true)
    }

    async fn grown(&self, id: DiskId, size_gib: u32) -> Result<bool, Error> {
        let grown = move |tx: &mut Tx<'_>| {
            let Some(mut disk) = disks::get(tx, id)?.filter(|disk| disk.size_gib == size_gib) else { return Ok(()) };
            disk.grows = false;
            Ok::<_, Error>(disks::update(tx, &disk)?)
        };
        self.service.catalogue.write(grown).await?;
        Ok(true)
    }
}

/// Gives a disk to a running machine; what that means for the disk, unless the machine has ended.
async fn attach(hypervisor: &dyn Hypervisor, machine: &str, disk: &Disk) -> Result<Option<DiskEvent>, Error> {
    let told = machine_disk(disk);
    // what was begun before a crash may have been done
    let given = match hypervisor.attach(machine, &told).await {
        Err(imprint_machine::Error::Missing(_) | imprint_machine::Error::Refused(_)) => {
            match hypervisor.prepare(&told.overlay).await {
                Ok(()) => hypervisor.attach(machine, &told).await,
                Err(error) => Err(error),
            }
        }
        given => given,
    };
    match given {
        Ok(()) => Ok(Some(DiskEvent::Attached)),
        Err(_) if hypervisor.state(machine).await == MachineState::Gone => Ok(None),
        Err(error @ imprint_machine::Error::Io { .. }) => Err(error.into()),
        Err(error) => {
            tracing::warn!(machine, disk = %disk.id, %error, "a disk could not be attached");
            Ok(Some(DiskEvent::Released))
        }
    }
}

/// Takes a disk from a running machine; what that means for the disk, unless the machine has ended.
async fn detach(hypervisor: &dyn Hypervisor, machine: &str, disk: &Disk) -> Result<Option<DiskEvent>, Error> {
    match hypervisor.detach(machine, &overlay(disk).name).await {
        Ok(()) => Ok(Some(DiskEvent::Released)),
        Err(_) if hypervisor.state(machine).await == MachineState::Gone => Ok(None),
        Err(imprint_machine::Error::Missing(_)) => Ok(Some(DiskEvent::Released)),
        Err(error @ imprint_machine::Error::Refused(_)) => {
            tracing::info!(machine, disk = %disk.id, %error, "a guest does not let a disk go");
            Ok(Some(DiskEvent::Attached))
        }
        Err(error) => Err(error.into()),
    }
}
