//! Snapshots. Of a disk that no machine ever wrote to, at no cost: both name the same bytes. Of any other its node takes
//! what was written, later.

use std::collections::BTreeSet;

use imprint_catalogue::{Tx, images, jobs, snapshots};
use imprint_model::{
    Caller, Disk, DiskFormat, DiskId, DiskStatus, Instance, InstanceStatus, Snapshot, SnapshotEvent, SnapshotId,
    SnapshotStatus, Timestamp,
};

use super::Errand;
use crate::Service;
use crate::ask::Ask;
use crate::error::{Conflict, Error, Quota};
use crate::images::require_group;
use crate::limits::{most, within};

/// A snapshot that is wanted.
#[derive(Debug, Clone)]
pub struct CreateSnapshot {
    /// The id it will have.
    pub id: SnapshotId,
    /// Of which disk.
    pub disk: DiskId,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Days to keep it; none for ever.
    pub retention_days: Option<u32>,
    /// The resource group it will be in.
    pub resource_group: Option<String>,
    /// Labels.
    pub tags: BTreeSet<String>,
}

/// A snapshot to be deleted.
#[derive(Debug, Clone, Copy)]
pub struct DeleteSnapshot {
    /// Which.
    pub snapshot: SnapshotId,
    /// Whether disks that were made from it are no reason against it.
    pub force: bool,
}

/// What is to change of a snapshot; what is none stays.
#[derive(Debug, Clone)]
pub struct ChangeSnapshot {
    /// Which.
    pub snapshot: SnapshotId,
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// Days to keep it, or for ever.
    pub retention_days: Option<Option<u32>>,
}

impl Service {
    /// Takes a snapshot of a disk.
    ///
    /// # Errors
    /// [`Conflict::DiskNeverAttached`], [`Conflict::DiskStatus`], [`Conflict::DiskSnapshotting`],
    /// [`Conflict::InstanceStatus`], [`Quota::DiskSnapshots`], [`Error::Unsupported`] of a disk that was
    /// written to, or whose machine runs, where no hypervisor is any more; [`Error::NotFound`], [`Error::Invalid`].
    pub async fn create_snapshot(
        &self,
        caller: &Caller,
        wanted: CreateSnapshot,
        ask: Ask,
    ) -> Result<SnapshotId, Error> {
        self.run_errand(caller, ask, move |tx, errand| create(tx, errand, &wanted)).await
    }

    /// Deletes a snapshot.
    ///
    /// # Errors
    /// [`Conflict::SnapshotUsedByImage`] always, [`Conflict::SnapshotUsedByDisk`] unless forced,
    /// [`Conflict::SnapshotNotReady`] while it is being taken, [`Error::NotFound`].
    pub async fn delete_snapshot(&self, caller: &Caller, wanted: DeleteSnapshot, ask: Ask) -> Result<(), Error> {
        let delete = move |tx: &mut Tx<'_>, errand: &Errand| {
            let snapshot = errand.snapshot(tx, wanted.snapshot)?;
            if snapshot.status == SnapshotStatus::Progressing {
                return Err(Error::Conflict(Conflict::SnapshotNotReady));
            }
            if images::with_snapshot(tx, snapshot.id)? {
                return Err(Error::Conflict(Conflict::SnapshotUsedByImage));
            }
            if !wanted.force && snapshots::used_by_disks(tx, snapshot.id)? {
                return Err(Error::Conflict(Conflict::SnapshotUsedByDisk));
            }
            snapshots::delete(tx, snapshot.id)?;
            errand.note(tx, "delete snapshot", snapshot.id)
        };
        self.run_errand(caller, ask, delete).await
    }

    /// Gives up a snapshot that is being taken; it, and the images that are made of it, have failed then.
    ///
    /// # Errors
    /// [`Conflict::SnapshotNotReady`] of one that is not being taken, [`Error::NotFound`].
    pub async fn cancel_snapshot(&self, caller: &Caller, id: SnapshotId, ask: Ask) -> Result<(), Error> {
        let cancel = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut snapshot = errand.snapshot(tx, id)?;
            let given_up = snapshot.status.on(SnapshotEvent::GiveUp);
            snapshot.status = given_up.map_err(|_| Error::Conflict(Conflict::SnapshotNotReady))?;
            snapshot.failure = Some("it was cancelled".to_owned());
            snapshot.updated_at = errand.now;
            snapshots::update(tx, &snapshot)?;
            jobs::let_go_of(tx, id, errand.now)?;
            errand.note(tx, "cancel snapshot", id)
        };
        self.run_errand(caller, ask, cancel).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Changes what a snapshot says of itself.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn change_snapshot(&self, caller: &Caller, wanted: ChangeSnapshot, ask: Ask) -> Result<(), Error> {
        let change = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut snapshot = errand.snapshot(tx, wanted.snapshot)?;
            errand.require_name(wanted.name.as_ref())?;
            errand.require_description(wanted.description.as_ref())?;
            snapshot.name = wanted.name.clone().or(snapshot.name);
            snapshot.description = wanted.description.clone().or(snapshot.description);
            snapshot.retention_days = wanted.retention_days.unwrap_or(snapshot.retention_days);
            snapshot.updated_at = errand.now;
            Ok(snapshots::update(tx, &snapshot)?)
        };
        self.run_errand(caller, ask, change).await
    }
}

fn create(tx: &mut Tx<'_>, errand: &Errand, wanted: &CreateSnapshot) -> Result<SnapshotId, Error> {
    let disk = errand.disk(tx, wanted.disk)?;
    errand.require_name(wanted.name.as_ref())?;
    errand.require_description(wanted.description.as_ref())?;
    errand.require_tags(&wanted.tags)?;
    require_group(tx, &disk.owner, wanted.resource_group.as_deref())?;
    let attached = disk.instance.filter(|_| disk.status == DiskStatus::InUse);
    let instance = attached.map(|id| errand.instance(tx, id)).transpose()?;
    require_steady(tx, &errand.service, &disk, instance.as_ref())?;
    let told = Snapshot {
        name: wanted.name.clone(),
        description: wanted.description.clone(),
        retention_days: wanted.retention_days,
        resource_group: wanted.resource_group.clone(),
        tags: wanted.tags.clone(),
        ..snapshot_of(&errand.service, &disk, wanted.id, Instant::alone(errand.now))?
    };
    let snapshot = keep(tx, &errand.service, told)?;
    errand.note(tx, "create snapshot", snapshot.id)?;
    Ok(snapshot.id)
}

/// Snapshots are of disks that a machine had or has, and that neither come nor go now.
fn require_steady(tx: &mut Tx<'_>, service: &Service, disk: &Disk, instance: Option<&Instance>) -> Result<(), Error> {
    match (disk.status, instance) {
        (DiskStatus::Available, _) if !disk.was_attached => {
            return Err(Error::Conflict(Conflict::DiskNeverAttached));
        }
        (DiskStatus::Available, _) => {}
        (DiskStatus::InUse, Some(instance)) => match instance.status {
            InstanceStatus::Stopped => {}
            InstanceStatus::Running if service.is_live(instance) => {}
            InstanceStatus::Running => {
                return Err(Error::Unsupported("snapshots of the disks of running machines".to_owned()));
            }
            InstanceStatus::Pending | InstanceStatus::Starting | InstanceStatus::Stopping => {
                return Err(Error::Conflict(Conflict::InstanceStatus));
            }
        },
        _ => return Err(Error::Conflict(Conflict::DiskStatus)),
    }
    require_no_snapshotting(tx, disk.id)
}

/// Nothing is done to a disk that is being read for a snapshot.
pub(super) fn require_no_snapshotting(tx: &mut Tx<'_>, disk: DiskId) -> Result<(), Error> {
    if snapshots::progressing_of_disk(tx, disk)? { Err(Error::Conflict(Conflict::DiskSnapshotting)) } else { Ok(()) }
}

/// When a snapshot is taken, and with which others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant {
    pub(crate) now: Timestamp,
    /// The first of those that are taken at the same instant.
    pub(crate) with: Option<SnapshotId>,
}

impl Instant {
    fn alone(now: Timestamp) -> Self {
        Self { now, with: None }
    }
}

/// Takes a snapshot of a disk, unless another one is being taken; whether it may be taken otherwise has been decided
/// before.
pub(crate) fn take_snapshot(
    tx: &mut Tx<'_>,
    service: &Service,
    disk: &Disk,
    id: SnapshotId,
    instant: Instant,
) -> Result<Snapshot, Error> {
    require_no_snapshotting(tx, disk.id)?;
    keep(tx, service, snapshot_of(service, disk, id, instant)?)
}

/// Writes down a snapshot, when its disk may have one more.
fn keep(tx: &mut Tx<'_>, service: &Service, snapshot: Snapshot) -> Result<Snapshot, Error> {
    if let Some(disk) = snapshot.disk {
        let limit = most(tx, &snapshot.owner, "disk_snapshots", service.settings.limits.disk_snapshots)?;
        within(limit, snapshots::count_of_disk(tx, disk)? + 1, Quota::DiskSnapshots)?;
    }
    snapshots::insert(tx, &snapshot)?;
    Ok(snapshot)
}

/// What a disk holds now: what it began with, unless a machine may have written to it. Then its node finds out.
fn snapshot_of(service: &Service, disk: &Disk, id: SnapshotId, instant: Instant) -> Result<Snapshot, Error> {
    let taken = SnapshotStatus::Progressing.on(SnapshotEvent::Taken).unwrap_or(SnapshotStatus::Accomplished);
    let begun = Snapshot {
        id,
        owner: disk.owner.clone(),
        region: disk.region.clone(),
        disk: Some(disk.id),
        kind: disk.kind,
        name: None,
        description: None,
        status: taken,
        size_gib: disk.size_gib,
        content: disk.base.clone(),
        disk_format: disk.base_format,
        retention_days: None,
        resource_group: None,
        tags: BTreeSet::new(),
        created_at: instant.now,
        updated_at: instant.now,
        node: None,
        captured_with: None,
        generation: disk.generation,
        done_bytes: 0,
        total_bytes: None,
        failure: None,
    };
    if !disk.written {
        return Ok(begun);
    }
    if !service.machines.is_kept(disk.node.as_ref()) {
        return Err(Error::Unsupported("snapshots of disks that were written to: there is no hypervisor".to_owned()));
    }
    Ok(Snapshot {
        status: SnapshotStatus::Progressing,
        content: None,
        disk_format: DiskFormat::Raw,
        node: disk.node.clone(),
        captured_with: instant.with,
        ..begun
    })
}
