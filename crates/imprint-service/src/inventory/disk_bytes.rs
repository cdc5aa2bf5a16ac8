//! What a disk holds: set back to a snapshot, set back to what it began as, or replaced by another image's.

use imprint_catalogue::{Tx, disks, images, instances};
use imprint_model::{
    Action, Caller, Content, Disk, DiskEvent, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus, Image, ImageId,
    Instance, InstanceId, InstanceStatus, SnapshotId, SnapshotStatus, Status,
};

use super::attach::{SYSTEM_LETTER, settle_in};
use super::disks::{SizesOf, size_from};
use super::snapshots::require_no_snapshotting;
use super::{Errand, least_gib, step};
use crate::Service;
use crate::access::load;
use crate::ask::Ask;
use crate::error::{Conflict, Error, Resource};
use crate::machines::describe;

/// A disk to be set back to what it held once.
#[derive(Debug, Clone, Copy)]
pub struct ResetDisk {
    /// Which.
    pub disk: DiskId,
    /// To which snapshot of it.
    pub snapshot: SnapshotId,
}

/// A machine that is to boot from another image.
#[derive(Debug, Clone, Copy)]
pub struct ReplaceSystemDisk {
    /// Which machine.
    pub instance: InstanceId,
    /// From which image.
    pub image: ImageId,
    /// The id of the new disk.
    pub disk: DiskId,
    /// Size of the new disk, GiB; that of the old one, or more if the image needs it, otherwise.
    pub size_gib: Option<u32>,
    /// The sizes that are allowed.
    pub sizes: SizesOf,
}

impl Service {
    /// Sets a disk back to a snapshot of it.
    ///
    /// # Errors
    /// [`Conflict::SnapshotOfOtherDisk`], [`Conflict::SnapshotNotReady`], [`Conflict::InstanceStatus`] unless the
    /// machine is stopped, [`Conflict::DiskStatus`], [`Conflict::DiskSnapshotting`], [`Error::NotFound`].
    pub async fn reset_disk(&self, caller: &Caller, wanted: ResetDisk, ask: Ask) -> Result<(), Error> {
        let work = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut disk = errand.disk(tx, wanted.disk)?;
            let snapshot = errand.snapshot(tx, wanted.snapshot)?;
            if snapshot.disk != Some(disk.id) {
                return Err(Error::Conflict(Conflict::SnapshotOfOtherDisk));
            }
            if snapshot.status != SnapshotStatus::Accomplished {
                return Err(Error::Conflict(Conflict::SnapshotNotReady));
            }
            rewrite(tx, errand, &mut disk, snapshot.content, snapshot.disk_format)?;
            errand.note(tx, "reset disk", disk.id)
        };
        self.run_errand(caller, ask, work).await
    }

    /// Sets a disk back to the image or snapshot it was made from.
    ///
    /// # Errors
    /// [`Error::NotFound`] when that is gone, or no longer the caller's to use; else as [`Service::reset_disk`].
    pub async fn reinit_disk(&self, caller: &Caller, id: DiskId, ask: Ask) -> Result<(), Error> {
        let work = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut disk = errand.disk(tx, id)?;
            let (base, format) = match disk.source {
                DiskSource::Empty => (None, DiskFormat::Raw),
                DiskSource::Image(image) => {
                    let image = load(tx, &errand.caller, Action::Download, image)?;
                    (image.content.clone(), base_format(&image))
                }
                DiskSource::Snapshot(snapshot) => began_as(tx, errand, snapshot)?,
            };
            rewrite(tx, errand, &mut disk, base, format)?;
            errand.note(tx, "re-initialise disk", disk.id)
        };
        self.run_errand(caller, ask, work).await
    }

    /// Puts a disk made from another image in the place of a stopped machine's system disk.
    ///
    /// # Errors
    /// [`Conflict::InstanceStatus`], [`Conflict::InstanceLocked`], [`Conflict::NoSystemDisk`],
    /// [`Conflict::ImageNotAvailable`], [`Conflict::ImageHasDataDisks`], [`Conflict::DiskTooSmall`],
    /// [`Error::Invalid`] of the size, [`Error::NotFound`].
    pub async fn replace_system_disk(
        &self,
        caller: &Caller,
        wanted: ReplaceSystemDisk,
        ask: Ask,
    ) -> Result<DiskId, Error> {
        self.run_errand(caller, ask, move |tx, errand| replace(tx, errand, &wanted)).await
    }
}

/// The snapshot a disk began as. It may have come with an image of another account, and then that account may have
/// deleted it only together with its image.
fn began_as(tx: &mut Tx<'_>, errand: &Errand, id: SnapshotId) -> Result<(Option<Content>, DiskFormat), Error> {
    let found = imprint_catalogue::snapshots::get(tx, id)?;
    let snapshot = found.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))?;
    if !errand.may_reach(&snapshot.owner) && !images::with_snapshot(tx, id)? {
        return Err(Error::NotFound(Resource::Snapshot(id.to_string())));
    }
    Ok((snapshot.content, snapshot.disk_format))
}

/// Gives a disk that nothing uses now other bytes.
fn rewrite(
    tx: &mut Tx<'_>,
    errand: &Errand,
    disk: &mut Disk,
    base: Option<Content>,
    format: DiskFormat,
) -> Result<(), Error> {
    let instance = disk.instance.map(|id| errand.usable_instance(tx, id)).transpose()?;
    if instance.as_ref().is_some_and(|instance| instance.status != InstanceStatus::Stopped) {
        return Err(Error::Conflict(Conflict::InstanceStatus));
    }
    step(disk, DiskEvent::BeginReset)?;
    require_no_snapshotting(tx, disk.id)?;
    disk.base = base;
    disk.base_format = format;
    // what was written belongs to the bytes before
    errand.service.machines.give_up_bytes(disk);
    disk.generation += 1;
    (disk.written, disk.grows, disk.node) = (false, false, None);
    step(disk, if instance.is_some() { DiskEvent::ResetInUse } else { DiskEvent::ResetAvailable })?;
    Ok(disks::update(tx, disk)?)
}

fn replace(tx: &mut Tx<'_>, errand: &Errand, wanted: &ReplaceSystemDisk) -> Result<DiskId, Error> {
    let mut instance = errand.usable_instance(tx, wanted.instance)?;
    if instance.status != InstanceStatus::Stopped {
        return Err(Error::Conflict(Conflict::InstanceStatus));
    }
    let image = bootable_image(tx, errand, wanted.image, &instance.region)?;
    if image.disks.iter().any(|disk| disk.kind == DiskKind::Data) {
        return Err(Error::Conflict(Conflict::ImageHasDataDisks));
    }
    let old = system_disk(tx, &instance)?;
    require_no_snapshotting(tx, old.id)?;
    let least = image_gib(&image);
    let sizes = (wanted.sizes)(old.category);
    let size_gib = match wanted.size_gib {
        Some(size_gib) => size_from(Some(size_gib), Some(least), &sizes)?,
        None => size_from(None, Some(least.max(old.size_gib)), &sizes)?,
    };
    let mut disk = Disk {
        id: wanted.disk,
        status: DiskStatus::Creating,
        size_gib,
        source: DiskSource::Image(image.id),
        base_format: base_format(&image),
        base: image.content.clone(),
        created_at: errand.now,
        node: None,
        generation: 0,
        written: false,
        grows: false,
        ..old.clone()
    };
    step(&mut disk, DiskEvent::Made)?;
    step(&mut disk, DiskEvent::BeginAttach)?;
    settle_in(&mut disk, instance.id, SYSTEM_LETTER, errand)?;
    errand.service.machines.give_up_bytes(&old);
    disks::delete(tx, old.id)?;
    disks::insert(tx, &disk)?;
    instance.image = image.id;
    describe(&mut instance, &image.facts);
    instances::update(tx, &instance)?;
    errand.note(tx, "replace system disk", instance.id)?;
    Ok(disk.id)
}

/// The disk a machine boots from.
pub(super) fn system_disk(tx: &mut Tx<'_>, instance: &Instance) -> Result<Disk, Error> {
    let mut disks = disks::of_instance(tx, instance.id)?.into_iter();
    disks.find(|disk| disk.kind == DiskKind::System).ok_or(Error::Conflict(Conflict::NoSystemDisk))
}

/// An image in `region` that machines can be made from now.
pub(super) fn bootable_image(tx: &mut Tx<'_>, errand: &Errand, id: ImageId, region: &str) -> Result<Image, Error> {
    let image = load(tx, &errand.caller, Action::Download, id)?;
    if image.region != region {
        return Err(Error::NotFound(Resource::Image(id.to_string())));
    }
    // one that is no longer offered still serves those who know its id
    if image.status == Status::Available && image.content.is_some() {
        Ok(image)
    } else {
        Err(Error::Conflict(Conflict::ImageNotAvailable))
    }
}

/// The smallest system disk for an image, GiB.
pub(super) fn image_gib(image: &Image) -> u32 {
    let told = image.disks.iter().find(|disk| disk.kind == DiskKind::System).map_or(0, |disk| disk.size_gib);
    told.max(image.min_disk_gib).max(least_gib(image.content.as_ref()))
}

pub(super) fn base_format(image: &Image) -> DiskFormat {
    image.disk_format.unwrap_or(DiskFormat::Raw)
}
