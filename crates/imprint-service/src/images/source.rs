//! What an image can be made of, and what becomes of that: its disks, and what it takes over.

use std::collections::BTreeSet;

use imprint_catalogue::{Tx, disks, images, instances, snapshots};
use imprint_model::{
    Architecture, BootMode, DATA_DISKS_MAX, Disk, DiskId, DiskKind, DiskSource, DiskStatus, Facts, ImageDisk, ImageId,
    Instance, InstanceId, InstanceStatus, ProjectId, Snapshot, SnapshotId, SnapshotStatus, Timestamp,
};

use super::make::MakeImage;
use crate::Service;
use crate::error::{Conflict, Error, Field, Quota, Resource};
use crate::inventory::{Instant, take_snapshot};

/// Letter of the system disk's device.
const SYSTEM_LETTER: char = 'a';
/// Smallest empty data disk, and its size when none is said, GiB.
const EMPTY_DISK_GIB: u32 = 20;
/// Largest disk, GiB.
const DISK_GIB_MAX: u32 = 32_768;

/// What an image is made of. Sources of other accounts or regions are [`Error::NotFound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A machine: a snapshot is taken of each of its disks. [`Conflict::InstanceStatus`],
    /// [`Conflict::InstanceLocked`], [`Conflict::InstanceNeedsRestart`], [`Conflict::NoSystemDisk`],
    /// [`Conflict::DiskStatus`], [`Conflict::DiskSnapshotting`]; [`Quota::DiskSnapshots`].
    Instance(InstanceId),
    /// The system disk of a machine alone; as a whole machine, but that nothing is asked of its other disks.
    SystemDisk(InstanceId),
    /// One disk, whatever it is for: a snapshot is taken of it, and it is the image's only one. As a machine; also of a
    /// disk that no machine has.
    Disk(DiskId),
    /// Disks, one of them for the system. [`Conflict::NoSystemSnapshot`], [`Conflict::TwoSystemSnapshots`],
    /// [`Conflict::DeviceTaken`], [`Conflict::SnapshotNotReady`]; [`Quota::DataDisks`]; [`Error::Invalid`] of
    /// [`Field::Device`] or [`Field::DiskSize`]; [`Error::Missing`] platform or architecture of a data disk's snapshot
    /// that is to be the system disk.
    Disks(Vec<DiskWanted>),
    /// A snapshot of a system disk. [`Conflict::SnapshotNotSystem`], [`Conflict::SnapshotNotReady`].
    Snapshot(SnapshotId),
}

/// One disk of an image that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskWanted {
    /// Where its bytes come from; an empty data disk otherwise.
    pub snapshot: Option<SnapshotId>,
    /// What it is for; as the snapshot's disk otherwise.
    pub kind: Option<DiskKind>,
    /// Letter of its device; the next free one otherwise.
    pub letter: Option<char>,
    /// Size, GiB; that of the snapshot's disk otherwise.
    pub size_gib: Option<u32>,
}

/// What an image will have of its source.
#[derive(Debug)]
pub(super) struct Source {
    /// The system disk first, then by letter.
    pub(super) disks: Vec<ImageDisk>,
    /// Where the system disk's bytes come from.
    pub(super) system: Snapshot,
    /// What is known of the system inside.
    pub(super) inherited: Facts,
    /// Whether snapshots that it is made of have yet to be taken.
    pub(super) waits: bool,
}

impl Source {
    /// Looks the source up, checks it, and takes the snapshots of a machine's disks.
    pub(super) fn of(
        tx: &mut Tx<'_>,
        service: &Service,
        owner: &ProjectId,
        wanted: &MakeImage,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let at = Place { owner, region: &wanted.region };
        match &wanted.source {
            ImageSource::Instance(id) => of_instance(tx, service, at, *id, Which::All, now),
            ImageSource::SystemDisk(id) => of_instance(tx, service, at, *id, Which::System, now),
            ImageSource::Disk(id) => of_disk(tx, service, at, *id, now),
            ImageSource::Disks(disks) => of_disks(tx, at, disks, &wanted.facts),
            ImageSource::Snapshot(id) => {
                let snapshot = at.snapshot(tx, *id)?;
                if snapshot.kind != DiskKind::System {
                    return Err(Error::Conflict(Conflict::SnapshotNotSystem));
                }
                let (kind, letter, size_gib) = (DiskKind::System, SYSTEM_LETTER, snapshot.size_gib);
                let disk = ImageDisk { kind, letter, size_gib, snapshot: Some(*id), imported_from: None };
                Ok(Self { disks: vec![disk], inherited: of_snapshot(tx, &snapshot)?, system: snapshot, waits: false })
            }
        }
    }

    pub(super) fn system_gib(&self) -> u32 {
        self.disks.first().map_or(self.system.size_gib, |disk| disk.size_gib)
    }

    pub(super) fn system_bytes(&self) -> u64 {
        self.system.content.as_ref().map_or(0, |content| content.size_bytes)
    }
}

/// Which disks of a machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    System,
}

/// Whose things, and where.
#[derive(Clone, Copy)]
struct Place<'a> {
    owner: &'a ProjectId,
    region: &'a str,
}

impl Place<'_> {
    /// A snapshot that images can be made of.
    fn snapshot(self, tx: &mut Tx<'_>, id: SnapshotId) -> Result<Snapshot, Error> {
        let own = |found: &Snapshot| found.owner == *self.owner && found.region == self.region;
        let found = snapshots::get(tx, id)?.filter(own);
        let snapshot = found.ok_or_else(|| Error::NotFound(Resource::Snapshot(id.to_string())))?;
        let ready = snapshot.status == SnapshotStatus::Accomplished;
        if ready { Ok(snapshot) } else { Err(Error::Conflict(Conflict::SnapshotNotReady)) }
    }

    /// A machine whose disks can be captured.
    fn instance(self, tx: &mut Tx<'_>, service: &Service, id: InstanceId) -> Result<Instance, Error> {
        let own = |found: &Instance| found.owner == *self.owner && found.region == self.region;
        let found = instances::get(tx, id)?.filter(own);
        let instance = found.ok_or_else(|| Error::NotFound(Resource::Instance(id.to_string())))?;
        if instance.locked.is_some() {
            return Err(Error::Conflict(Conflict::InstanceLocked));
        }
        match instance.status {
            InstanceStatus::Stopped => Ok(instance),
            InstanceStatus::Running if service.is_live(&instance) => Ok(instance),
            // what it has written is in nobody's reach
            InstanceStatus::Running => Err(Error::Unsupported("images of running machines".to_owned())),
            InstanceStatus::Pending | InstanceStatus::Starting | InstanceStatus::Stopping => {
                Err(Error::Conflict(Conflict::InstanceStatus))
            }
        }
    }
}

fn of_instance(
    tx: &mut Tx<'_>,
    service: &Service,
    at: Place<'_>,
    id: InstanceId,
    which: Which,
    now: Timestamp,
) -> Result<Source, Error> {
    let instance = at.instance(tx, service, id)?;
    let mut attached = disks::of_instance(tx, id)?;
    attached.sort_by_key(|disk| (disk.kind, disk.letter));
    if attached.first().is_none_or(|disk| disk.kind != DiskKind::System) {
        return Err(Error::Conflict(Conflict::NoSystemDisk));
    }
    if which == Which::System {
        attached.truncate(1);
    }
    attached.iter().try_for_each(|disk| require_settled(&instance, disk))?;
    let mut letters = Letters::default();
    let (mut made, mut system, mut waits) = (Vec::new(), None, false);
    let ids: Vec<SnapshotId> = attached.iter().map(|_| SnapshotId::random()).collect();
    let instant = Instant { now, with: ids.first().copied() };
    for (disk, &id) in attached.iter().zip(&ids) {
        let snapshot = take_snapshot(tx, service, disk, id, instant)?;
        made.push(ImageDisk {
            kind: disk.kind,
            letter: letters.take(disk.kind, disk.letter)?,
            size_gib: disk.size_gib,
            snapshot: Some(snapshot.id),
            imported_from: None,
        });
        waits |= snapshot.status == SnapshotStatus::Progressing;
        system.get_or_insert(snapshot);
    }
    let system = system.ok_or(Error::Conflict(Conflict::NoSystemDisk))?;
    // it may be gone
    let inherited = images::get(tx, instance.image)?.map(|image| image.facts).unwrap_or_default();
    Ok(Source { disks: made, system, inherited, waits })
}

/// An image of one disk. What its machine was made of tells what system is on a system disk.
fn of_disk(tx: &mut Tx<'_>, service: &Service, at: Place<'_>, id: DiskId, now: Timestamp) -> Result<Source, Error> {
    let own = |found: &Disk| found.owner == *at.owner && found.region == at.region;
    let found = disks::get(tx, id)?.filter(own);
    let disk = found.ok_or_else(|| Error::NotFound(Resource::Disk(id.to_string())))?;
    match (disk.status, disk.instance) {
        (DiskStatus::Available, _) => {}
        (DiskStatus::InUse, Some(instance)) => {
            at.instance(tx, service, instance)?;
        }
        _ => return Err(Error::Conflict(Conflict::DiskStatus)),
    }
    let system = take_snapshot(tx, service, &disk, SnapshotId::random(), Instant { now, with: None })?;
    let inherited = of_snapshot(tx, &system)?;
    let only = ImageDisk {
        kind: DiskKind::System,
        letter: SYSTEM_LETTER,
        size_gib: disk.size_gib,
        snapshot: Some(system.id),
        imported_from: None,
    };
    let waits = system.status == SnapshotStatus::Progressing;
    Ok(Source { disks: vec![only], system, inherited, waits })
}

/// A disk that was given to a stopped machine is known to its system only after the next start; one that was given to a
/// running machine at once.
fn require_settled(instance: &Instance, disk: &Disk) -> Result<(), Error> {
    if disk.status != DiskStatus::InUse {
        return Err(Error::Conflict(Conflict::DiskStatus));
    }
    let since = instance.ended_at.max(instance.started_at).unwrap_or(instance.created_at);
    let is_stopped = instance.status == InstanceStatus::Stopped;
    if is_stopped && disk.kind == DiskKind::Data && disk.attached_at.is_some_and(|at| at > since) {
        return Err(Error::Conflict(Conflict::InstanceNeedsRestart));
    }
    Ok(())
}

fn of_disks(tx: &mut Tx<'_>, at: Place<'_>, wanted: &[DiskWanted], told: &Facts) -> Result<Source, Error> {
    // bounds what is looked up
    if wanted.len() > DATA_DISKS_MAX + 1 {
        return Err(too_many());
    }
    let mut found = Vec::with_capacity(wanted.len());
    for disk in wanted {
        let snapshot = disk.snapshot.map(|id| at.snapshot(tx, id)).transpose()?;
        let kind = disk.kind.or(snapshot.as_ref().map(|snapshot| snapshot.kind)).unwrap_or(DiskKind::Data);
        found.push((kind, disk, snapshot));
    }
    let systems = found.iter().filter(|(kind, ..)| *kind == DiskKind::System).count();
    if systems > 1 {
        return Err(Error::Conflict(Conflict::TwoSystemSnapshots));
    }
    if found.len() - systems > DATA_DISKS_MAX {
        return Err(too_many());
    }
    // disks that name their letters come first, so that others get what is left
    found.sort_by_key(|(kind, disk, _)| (*kind, disk.letter.is_none()));
    let mut letters = Letters::default();
    let (mut made, mut system) = (Vec::new(), None);
    for (kind, disk, snapshot) in found {
        made.push(ImageDisk {
            kind,
            letter: letters.take(kind, disk.letter)?,
            size_gib: size_of(disk, snapshot.as_ref())?,
            snapshot: disk.snapshot,
            imported_from: None,
        });
        if kind == DiskKind::System {
            system = snapshot;
        }
    }
    let system = system.ok_or(Error::Conflict(Conflict::NoSystemSnapshot))?;
    if system.kind != DiskKind::System {
        require_told(told)?;
    }
    made.sort_by_key(|disk| (disk.kind, disk.letter));
    Ok(Source { disks: made, inherited: of_snapshot(tx, &system)?, system, waits: false })
}

/// Nobody knows what system is on a data disk.
fn require_told(facts: &Facts) -> Result<(), Error> {
    if facts.platform.is_none() {
        return Err(Error::Missing(Field::Platform));
    }
    if facts.architecture.is_none() {
        return Err(Error::Missing(Field::Architecture));
    }
    Ok(())
}

fn too_many() -> Error {
    Error::OverQuota(Quota::DataDisks, DATA_DISKS_MAX as u64)
}

fn size_of(wanted: &DiskWanted, snapshot: Option<&Snapshot>) -> Result<u32, Error> {
    let least = snapshot.map_or(EMPTY_DISK_GIB, |snapshot| snapshot.size_gib);
    let size_gib = wanted.size_gib.unwrap_or(least);
    if size_gib < least || size_gib > DISK_GIB_MAX.max(least) {
        return Err(Error::invalid(Field::DiskSize, format!("not between {least} and {DISK_GIB_MAX} GiB")));
    }
    Ok(size_gib)
}

/// Letters of devices that are taken.
#[derive(Default)]
struct Letters(BTreeSet<char>);

impl Letters {
    fn take(&mut self, kind: DiskKind, wanted: Option<char>) -> Result<char, Error> {
        let letter = match (kind, wanted) {
            (DiskKind::System, None | Some(SYSTEM_LETTER)) => SYSTEM_LETTER,
            (DiskKind::Data, Some(letter @ SYSTEM_LETTER..='z')) => letter,
            (DiskKind::Data, None) => ('b'..='z').find(|letter| !self.0.contains(letter)).unwrap_or('z'),
            _ => return Err(Error::invalid(Field::Device, "no such device for this disk")),
        };
        if self.0.insert(letter) { Ok(letter) } else { Err(Error::Conflict(Conflict::DeviceTaken)) }
    }
}

/// What is known of the system on a snapshot: what the image says that its disk was made from. How machines of that
/// image reach the metadata service says nothing about those of the new one.
fn of_snapshot(tx: &mut Tx<'_>, snapshot: &Snapshot) -> Result<Facts, Error> {
    let Some(origin) = snapshot.disk.map(|disk| origin_of(tx, disk)).transpose()?.flatten() else {
        return Ok(Facts::default());
    };
    let facts = images::get(tx, origin)?.map(|image| image.facts).unwrap_or_default();
    Ok(Facts { metadata_access: None, ..facts })
}

fn origin_of(tx: &mut Tx<'_>, disk: DiskId) -> Result<Option<ImageId>, Error> {
    Ok(disks::get(tx, disk)?.and_then(|disk| match disk.source {
        DiskSource::Image(image) => Some(image),
        DiskSource::Empty | DiskSource::Snapshot(_) => None,
    }))
}

/// What is said goes before what is taken over, and that before what holds otherwise. What is an image's own (its
/// description, family, version and group) is never taken over.
pub(super) fn merge_facts(told: &Facts, inherited: &Facts, otherwise: &Facts) -> Facts {
    // a name of another system than the one that was told
    let same_system = told.platform.is_none() || told.platform == inherited.platform;
    let architecture = told.architecture.or(inherited.architecture).or(otherwise.architecture);
    let fitting = if architecture == Some(Architecture::Arm64) { Some(BootMode::Uefi) } else { otherwise.boot_mode };
    Facts {
        description: told.description.clone().or_else(|| otherwise.description.clone()),
        family: told.family.clone(),
        version: told.version.clone(),
        architecture,
        boot_mode: told.boot_mode.or(inherited.boot_mode).or(fitting),
        os_type: told.os_type.or(inherited.os_type.filter(|_| same_system)).or(otherwise.os_type),
        platform: told.platform.clone().or_else(|| inherited.platform.clone()).or_else(|| otherwise.platform.clone()),
        os_name: told.os_name.clone().or_else(|| inherited.os_name.clone().filter(|_| same_system)),
        nvme: told.nvme.or(inherited.nvme).or(otherwise.nvme),
        metadata_access: told.metadata_access.or(inherited.metadata_access).or(otherwise.metadata_access),
        licence: told.licence.or(inherited.licence).or(otherwise.licence),
        secure_boot: told.secure_boot.or(inherited.secure_boot).or(otherwise.secure_boot),
        login_as_non_root: told.login_as_non_root.or(inherited.login_as_non_root).or(otherwise.login_as_non_root),
        resource_group: told.resource_group.clone(),
        copied_from: None,
        check_wanted: told.check_wanted,
    }
}
