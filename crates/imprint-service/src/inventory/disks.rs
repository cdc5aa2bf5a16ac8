//! Disks by themselves: made, changed, grown, deleted. Attaching is in `attach.rs`, what they hold in `disk_bytes.rs`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use imprint_catalogue::{Tx, disks};
use imprint_model::{
    Caller, Disk, DiskCategory, DiskEvent, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus, InstanceId, Snapshot,
    SnapshotId, SnapshotStatus,
};

use super::attach::attach;
use super::snapshots::require_no_snapshotting;
use super::{Errand, least_gib, step};
use crate::Service;
use crate::ask::Ask;
use crate::error::{Conflict, Error, Field, Resource};
use crate::images::require_group;

/// The sizes, in GiB, that a dialect allows of each category.
pub type SizesOf = fn(DiskCategory) -> RangeInclusive<u32>;

/// A disk that is wanted.
#[derive(Debug, Clone)]
pub struct CreateDisk {
    /// The id it will have.
    pub id: DiskId,
    /// Where.
    pub region: String,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// How fast it is meant to be.
    pub category: DiskCategory,
    /// Size, GiB; that of the snapshot when it is not given.
    pub size_gib: Option<u32>,
    /// The sizes, in GiB, that are allowed.
    pub sizes: RangeInclusive<u32>,
    /// What it begins as; empty otherwise.
    pub snapshot: Option<SnapshotId>,
    /// The machine it is attached to at once.
    pub instance: Option<InstanceId>,
    /// The resource group it will be in.
    pub resource_group: Option<String>,
    /// Labels.
    pub tags: BTreeSet<String>,
}

/// A disk to grow.
#[derive(Debug, Clone, Copy)]
pub struct ResizeDisk {
    /// Which.
    pub disk: DiskId,
    /// New size, GiB.
    pub size_gib: u32,
    /// The sizes that are allowed.
    pub sizes: SizesOf,
}

/// What is to change of a disk; what is none stays.
#[derive(Debug, Clone)]
pub struct ChangeDisk {
    /// Which.
    pub disk: DiskId,
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// Whether it goes with its machine.
    pub delete_with_instance: Option<bool>,
}

impl Service {
    /// Makes a data disk.
    ///
    /// # Errors
    /// [`Error::Missing`] of [`Field::DiskSize`] with neither size nor snapshot, [`Error::Invalid`] of it for a size
    /// outside the range, [`Conflict::DiskTooSmall`] below the snapshot's, [`Conflict::SnapshotNotReady`],
    /// [`Error::NotFound`], and those of attaching.
    pub async fn create_disk(&self, caller: &Caller, wanted: CreateDisk, ask: Ask) -> Result<DiskId, Error> {
        self.run_errand(caller, ask, move |tx, errand| create(tx, errand, &wanted)).await
    }

    /// Deletes a disk that is attached to nothing; its snapshots stay.
    ///
    /// # Errors
    /// [`Conflict::DiskAttached`], [`Conflict::DiskStatus`], [`Conflict::DiskSnapshotting`], [`Error::NotFound`].
    pub async fn delete_disk(&self, caller: &Caller, id: DiskId, ask: Ask) -> Result<(), Error> {
        let delete = move |tx: &mut Tx<'_>, errand: &Errand| {
            let disk = errand.disk(tx, id)?;
            match disk.status {
                DiskStatus::Available => {}
                DiskStatus::InUse => return Err(Error::Conflict(Conflict::DiskAttached)),
                _ => return Err(Error::Conflict(Conflict::DiskStatus)),
            }
            require_no_snapshotting(tx, id)?;
            errand.service.machines.give_up_bytes(&disk);
            disks::delete(tx, id)?;
            errand.note(tx, "delete disk", id)
        };
        self.run_errand(caller, ask, delete).await
    }

    /// Makes a disk larger.
    ///
    /// # Errors
    /// [`Conflict::DiskTooSmall`] unless it grows, [`Error::Invalid`] of [`Field::DiskSize`] outside the range,
    /// [`Conflict::DiskStatus`], [`Conflict::InstanceStatus`], [`Conflict::InstanceLocked`],
    /// [`Conflict::DiskSnapshotting`], [`Error::NotFound`].
    pub async fn resize_disk(&self, caller: &Caller, wanted: ResizeDisk, ask: Ask) -> Result<(), Error> {
        let resize = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut disk = errand.disk(tx, wanted.disk)?;
            if !matches!(disk.status, DiskStatus::Available | DiskStatus::InUse) {
                return Err(Error::Conflict(Conflict::DiskStatus));
            }
            let instance = disk.instance.map(|id| errand.usable_instance(tx, id)).transpose()?;
            if instance.as_ref().is_some_and(|instance| !instance.status.is_settled()) {
                return Err(Error::Conflict(Conflict::InstanceStatus));
            }
            if wanted.size_gib <= disk.size_gib {
                return Err(Error::Conflict(Conflict::DiskTooSmall));
            }
            require_size(wanted.size_gib, &(wanted.sizes)(disk.category))?;
            require_no_snapshotting(tx, disk.id)?;
            disk.size_gib = wanted.size_gib;
            disk.grows = instance.is_some_and(|instance| errand.service.is_live(&instance));
            disks::update(tx, &disk)?;
            errand.note(tx, "resize disk", disk.id)
        };
        self.run_errand(caller, ask, resize).await
    }

    /// Changes what a disk says of itself.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn change_disk(&self, caller: &Caller, wanted: ChangeDisk, ask: Ask) -> Result<(), Error> {
        let change = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut disk = errand.disk(tx, wanted.disk)?;
            errand.require_name(wanted.name.as_ref())?;
            errand.require_description(wanted.description.as_ref())?;
            disk.name = wanted.name.clone().or(disk.name);
            disk.description = wanted.description.clone().or(disk.description);
            disk.delete_with_instance = wanted.delete_with_instance.unwrap_or(disk.delete_with_instance);
            Ok(disks::update(tx, &disk)?)
        };
        self.run_errand(caller, ask, change).await
    }
}

fn create(tx: &mut Tx<'_>, errand: &Errand, wanted: &CreateDisk) -> Result<DiskId, Error> {
    let owner = errand.account()?;
    errand.service.require_region(&wanted.region)?;
    errand.require_name(wanted.name.as_ref())?;
    errand.require_description(wanted.description.as_ref())?;
    errand.require_tags(&wanted.tags)?;
    require_group(tx, &owner, wanted.resource_group.as_deref())?;
    let snapshot = wanted.snapshot.map(|id| ready_snapshot(tx, errand, id, &wanted.region)).transpose()?;
    let size_gib = size_from(wanted.size_gib, snapshot.as_ref().map(snapshot_gib), &wanted.sizes)?;
    let mut disk = Disk {
        id: wanted.id,
        owner,
        region: wanted.region.clone(),
        kind: DiskKind::Data,
        name: wanted.name.clone(),
        description: wanted.description.clone(),
        status: DiskStatus::Creating,
        category: wanted.category,
        size_gib,
        source: snapshot.as_ref().map_or(DiskSource::Empty, |snapshot| DiskSource::Snapshot(snapshot.id)),
        base_format: snapshot.as_ref().map_or(DiskFormat::Raw, |snapshot| snapshot.disk_format),
        base: snapshot.and_then(|snapshot| snapshot.content),
        instance: None,
        letter: None,
        was_attached: false,
        delete_with_instance: wanted.instance.is_some(),
        resource_group: wanted.resource_group.clone(),
        tags: wanted.tags.clone(),
        created_at: errand.now,
        attached_at: None,
        node: None,
        generation: 0,
        written: false,
        grows: false,
    };
    step(&mut disk, DiskEvent::Made)?;
    if let Some(instance) = wanted.instance {
        attach(tx, errand, &mut disk, instance, None)?;
    }
    disks::insert(tx, &disk)?;
    errand.note(tx, "create disk", disk.id)?;
    Ok(disk.id)
}

/// A snapshot of the caller's in `region` that is complete.
pub(super) fn ready_snapshot(
    tx: &mut Tx<'_>,
    errand: &Errand,
    id: SnapshotId,
    region: &str,
) -> Result<Snapshot, Error> {
    let snapshot = errand.snapshot(tx, id)?;
    if snapshot.region != region {
        return Err(Error::NotFound(Resource::Snapshot(id.to_string())));
    }
    if snapshot.status == SnapshotStatus::Accomplished {
        Ok(snapshot)
    } else {
        Err(Error::Conflict(Conflict::SnapshotNotReady))
    }
}

/// The smallest disk for a snapshot: as large as the one it was taken of.
pub(super) fn snapshot_gib(snapshot: &Snapshot) -> u32 {
    snapshot.size_gib.max(least_gib(snapshot.content.as_ref()))
}

/// The size a disk gets that holds `least` GiB or more: what is wanted, or else the smallest that is allowed.
pub(super) fn size_from(wanted: Option<u32>, least: Option<u32>, sizes: &RangeInclusive<u32>) -> Result<u32, Error> {
    let size_gib = match (wanted, least) {
        (Some(wanted), _) => wanted,
        (None, Some(least)) => least.max(*sizes.start()),
        (None, None) => return Err(Error::Missing(Field::DiskSize)),
    };
    require_size(size_gib, sizes)?;
    if least.is_some_and(|least| size_gib < least) {
        Err(Error::Conflict(Conflict::DiskTooSmall))
    } else {
        Ok(size_gib)
    }
}

fn require_size(size_gib: u32, sizes: &RangeInclusive<u32>) -> Result<(), Error> {
    if sizes.contains(&size_gib) {
        return Ok(());
    }
    Err(Error::invalid(Field::DiskSize, format!("{size_gib} GiB is not from {} to {} GiB", sizes.start(), sizes.end())))
}
