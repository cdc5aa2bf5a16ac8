//! Giving disks to machines and taking them back.

use std::collections::BTreeSet;

use imprint_catalogue::{Tx, disks, instances};
use imprint_model::{Caller, DATA_DISKS_MAX, Disk, DiskEvent, DiskId, DiskKind, Instance, InstanceId, InstanceStatus};

use super::snapshots::require_no_snapshotting;
use super::{Errand, step};
use crate::Service;
use crate::ask::Ask;
use crate::error::{Conflict, Error, Field, Quota, Resource};

/// Letter of a system disk's device.
pub(super) const SYSTEM_LETTER: char = 'a';

/// A disk to be given to a machine.
#[derive(Debug, Clone, Copy)]
pub struct AttachDisk {
    /// Which.
    pub disk: DiskId,
    /// To which machine.
    pub instance: InstanceId,
    /// Letter of its device there; the first free one otherwise.
    pub letter: Option<char>,
    /// Whether it goes with the machine from then on; as before otherwise.
    pub delete_with_instance: Option<bool>,
    /// What it is for there: a machine without a system disk can be given one.
    pub kind: DiskKind,
}

/// A disk to be taken from a machine.
#[derive(Debug, Clone, Copy)]
pub struct DetachDisk {
    /// Which.
    pub disk: DiskId,
    /// From which machine.
    pub instance: InstanceId,
}

impl Service {
    /// Gives a disk to a machine.
    ///
    /// # Errors
    /// [`Conflict::DiskStatus`] of a disk that is not free, [`Conflict::InstanceStatus`], [`Conflict::InstanceLocked`],
    /// [`Quota::DataDisks`], [`Conflict::DeviceTaken`], [`Error::Invalid`] of [`Field::Device`], [`Error::NotFound`].
    pub async fn attach_disk(&self, caller: &Caller, wanted: AttachDisk, ask: Ask) -> Result<(), Error> {
        let work = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut disk = errand.disk(tx, wanted.disk)?;
            disk.kind = wanted.kind;
            attach(tx, errand, &mut disk, wanted.instance, wanted.letter)?;
            disk.delete_with_instance = wanted.delete_with_instance.unwrap_or(disk.delete_with_instance);
            disks::update(tx, &disk)?;
            errand.note(tx, "attach disk", disk.id)
        };
        self.run_errand(caller, ask, work).await
    }

    /// Takes a data disk from its machine.
    ///
    /// # Errors
    /// [`Conflict::DiskNotAttached`], [`Conflict::DiskIsSystem`], [`Conflict::InstanceStatus`],
    /// [`Conflict::InstanceLocked`], [`Conflict::DiskStatus`], [`Conflict::DiskSnapshotting`], [`Error::NotFound`].
    pub async fn detach_disk(&self, caller: &Caller, wanted: DetachDisk, ask: Ask) -> Result<(), Error> {
        let work = move |tx: &mut Tx<'_>, errand: &Errand| {
            let instance = errand.usable_instance(tx, wanted.instance)?;
            let mut disk = errand.disk(tx, wanted.disk)?;
            if disk.instance != Some(instance.id) {
                return Err(Error::Conflict(Conflict::DiskNotAttached));
            }
            if disk.kind == DiskKind::System {
                return Err(Error::Conflict(Conflict::DiskIsSystem));
            }
            if !instance.status.is_settled() {
                return Err(Error::Conflict(Conflict::InstanceStatus));
            }
            require_no_snapshotting(tx, disk.id)?;
            step(&mut disk, DiskEvent::BeginDetach)?;
            // a running guest has to let it go first
            if !errand.service.is_live(&instance) {
                let_go(&mut disk)?;
            }
            disks::update(tx, &disk)?;
            errand.note(tx, "detach disk", disk.id)
        };
        self.run_errand(caller, ask, work).await
    }
}

/// Gives a free disk to a machine; its row is not written here.
pub(super) fn attach(
    tx: &mut Tx<'_>,
    errand: &Errand,
    disk: &mut Disk,
    instance: InstanceId,
    letter: Option<char>,
) -> Result<(), Error> {
    let machine = errand.usable_instance(tx, instance)?;
    if machine.owner != disk.owner || machine.region != disk.region {
        return Err(Error::NotFound(Resource::Instance(instance.to_string())));
    }
    step(disk, DiskEvent::BeginAttach)?;
    if !machine.status.is_settled() {
        return Err(Error::Conflict(Conflict::InstanceStatus));
    }
    if disk.kind == DiskKind::System && machine.status != InstanceStatus::Stopped {
        return Err(Error::Conflict(Conflict::InstanceStatus));
    }
    require_no_snapshotting(tx, disk.id)?;
    let present = disks::of_instance(tx, instance)?;
    let data = present.iter().filter(|disk| disk.kind == DiskKind::Data).count();
    if disk.kind == DiskKind::Data && data >= DATA_DISKS_MAX {
        return Err(Error::OverQuota(Quota::DataDisks, DATA_DISKS_MAX as u64));
    }
    let taken: BTreeSet<char> = present.iter().filter_map(|disk| disk.letter).collect();
    let letter = device_letter(disk.kind, letter, &taken)?;
    let live = errand.service.is_live(&machine);
    let runs = machine.node.clone();
    place(tx, disk, machine)?;
    if !live {
        return settle_in(disk, instance, letter, errand);
    }
    // the keeper gives it to the guest, which may write to it at once
    // its file may be shorter than it is by now
    disk.grows = disk.written;
    (disk.node, disk.written) = (runs, true);
    give(disk, instance, letter, errand);
    Ok(())
}

/// A disk whose attaching has begun is the machine's.
pub(super) fn settle_in(disk: &mut Disk, instance: InstanceId, letter: char, errand: &Errand) -> Result<(), Error> {
    give(disk, instance, letter, errand);
    step(disk, DiskEvent::Attached)
}

fn give(disk: &mut Disk, instance: InstanceId, letter: char, errand: &Errand) {
    disk.instance = Some(instance);
    disk.letter = Some(letter);
    disk.was_attached = true;
    disk.attached_at = Some(errand.now);
}

/// Brings a disk and its machine to one node, where either has been at one.
fn place(tx: &mut Tx<'_>, disk: &mut Disk, mut machine: Instance) -> Result<(), Error> {
    match (&machine.node, &disk.node) {
        (Some(runs), Some(keeps)) if runs != keeps => Err(Error::Conflict(Conflict::DiskElsewhere)),
        (None, Some(keeps)) => {
            machine.node = Some(keeps.clone());
            Ok(instances::update(tx, &machine)?)
        }
        _ => Ok(()),
    }
}

/// A disk that its machine has let go.
pub(crate) fn let_go(disk: &mut Disk) -> Result<(), Error> {
    step(disk, DiskEvent::Released)?;
    disk.grows = false;
    if !disk.written {
        disk.node = None;
    }
    disk.instance = None;
    disk.letter = None;
    disk.kind = DiskKind::Data;
    Ok(())
}

/// The letter of a device: the system disk's is the first, a data disk's one of the others that is free.
pub(super) fn device_letter(kind: DiskKind, wanted: Option<char>, taken: &BTreeSet<char>) -> Result<char, Error> {
    let letter = match (kind, wanted) {
        (DiskKind::System, None | Some(SYSTEM_LETTER)) => SYSTEM_LETTER,
        (DiskKind::Data, Some(letter @ 'b'..='z')) => letter,
        (DiskKind::Data, None) => ('b'..='z').find(|letter| !taken.contains(letter)).unwrap_or('z'),
        _ => return Err(Error::invalid(Field::Device, "no such device for this disk")),
    };
    if taken.contains(&letter) { Err(Error::Conflict(Conflict::DeviceTaken)) } else { Ok(letter) }
}
