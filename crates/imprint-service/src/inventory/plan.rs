//! The disks a new machine gets: its image's, and those that were asked for, in the order of their devices.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use imprint_catalogue::{Tx, snapshots};
use imprint_model::{
    Content, DATA_DISKS_MAX, Disk, DiskCategory, DiskEvent, DiskFormat, DiskId, DiskKind, DiskSource, DiskStatus,
    Image, ImageDisk, Instance, SnapshotId,
};

use super::attach::{SYSTEM_LETTER, device_letter, settle_in};
use super::disk_bytes::{base_format, image_gib};
use super::disks::{ready_snapshot, size_from, snapshot_gib};
use super::{Errand, step};
use crate::error::{Error, Quota};

/// The system disk of machines that are wanted.
#[derive(Debug, Clone)]
pub struct SystemDisk {
    /// How fast it is meant to be.
    pub category: DiskCategory,
    /// Size, GiB; as small as image and `sizes` allow otherwise.
    pub size_gib: Option<u32>,
    /// The sizes, in GiB, that are allowed.
    pub sizes: RangeInclusive<u32>,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it goes with its machine.
    pub delete_with_instance: bool,
}

/// A data disk of machines that are wanted: one more, or the image's own of that letter, made otherwise.
#[derive(Debug, Clone)]
pub struct DataDisk {
    /// How fast it is meant to be.
    pub category: DiskCategory,
    /// Size, GiB; the snapshot's otherwise.
    pub size_gib: Option<u32>,
    /// The sizes, in GiB, that are allowed.
    pub sizes: RangeInclusive<u32>,
    /// What it begins as.
    pub snapshot: Option<SnapshotId>,
    /// Letter of its device; the first free one otherwise.
    pub letter: Option<char>,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it goes with its machine.
    pub delete_with_instance: bool,
}

/// A disk that each of the machines gets.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    kind: DiskKind,
    letter: char,
    category: DiskCategory,
    size_gib: u32,
    source: DiskSource,
    base: Option<Content>,
    base_format: DiskFormat,
    name: Option<String>,
    description: Option<String>,
    delete_with_instance: bool,
}

/// What a data disk begins as, and the smallest it can be.
struct Beginning {
    source: DiskSource,
    base: Option<Content>,
    base_format: DiskFormat,
    least_gib: Option<u32>,
}

impl Planned {
    /// The disk, attached to `instance`.
    pub(super) fn make(&self, errand: &Errand, instance: &Instance) -> Result<Disk, Error> {
        let mut disk = Disk {
            id: DiskId::random(),
            owner: instance.owner.clone(),
            region: instance.region.clone(),
            kind: self.kind,
            name: self.name.clone(),
            description: self.description.clone(),
            status: DiskStatus::Creating,
            category: self.category,
            size_gib: self.size_gib,
            source: self.source,
            base: self.base.clone(),
            base_format: self.base_format,
            instance: None,
            letter: None,
            was_attached: false,
            delete_with_instance: self.delete_with_instance,
            resource_group: instance.resource_group.clone(),
            tags: BTreeSet::new(),
            created_at: errand.now,
            attached_at: None,
            node: None,
            generation: 0,
            written: false,
            grows: false,
        };
        step(&mut disk, DiskEvent::Made)?;
        step(&mut disk, DiskEvent::BeginAttach)?;
        settle_in(&mut disk, instance.id, self.letter, errand)?;
        Ok(disk)
    }
}

/// All disks of a machine made from `image`, the system disk first.
pub(super) fn plan(
    tx: &mut Tx<'_>,
    errand: &Errand,
    image: &Image,
    system: &SystemDisk,
    data: &[DataDisk],
) -> Result<Vec<Planned>, Error> {
    let mut planned = vec![plan_system(errand, image, system)?];
    let mut of_image: BTreeMap<char, &ImageDisk> =
        image.disks.iter().filter(|disk| disk.kind == DiskKind::Data).map(|disk| (disk.letter, disk)).collect();
    let mut taken: BTreeSet<char> = of_image.keys().copied().chain([SYSTEM_LETTER]).collect();
    // those with a letter first: the others take what is left
    for wanted in data.iter().filter(|wanted| wanted.letter.is_some()).chain(data.iter().filter(|w| w.letter.is_none()))
    {
        let own = wanted.letter.and_then(|letter| of_image.remove(&letter));
        if let Some(own) = own {
            taken.remove(&own.letter);
        }
        let letter = device_letter(DiskKind::Data, wanted.letter, &taken)?;
        taken.insert(letter);
        planned.push(plan_data(tx, errand, image, wanted, own, letter)?);
    }
    for own in of_image.into_values() {
        let beginning = beginning_of(tx, own)?;
        planned.push(Planned {
            kind: DiskKind::Data,
            letter: own.letter,
            category: system.category,
            size_gib: beginning.least_gib.unwrap_or_default().max(*system.sizes.start()),
            source: beginning.source,
            base: beginning.base,
            base_format: beginning.base_format,
            name: None,
            description: None,
            delete_with_instance: true,
        });
    }
    if planned.len() > 1 + DATA_DISKS_MAX {
        return Err(Error::OverQuota(Quota::DataDisks, DATA_DISKS_MAX as u64));
    }
    Ok(planned)
}

fn plan_system(errand: &Errand, image: &Image, wanted: &SystemDisk) -> Result<Planned, Error> {
    errand.require_name(wanted.name.as_ref())?;
    errand.require_description(wanted.description.as_ref())?;
    Ok(Planned {
        kind: DiskKind::System,
        letter: SYSTEM_LETTER,
        category: wanted.category,
        size_gib: size_from(wanted.size_gib, Some(image_gib(image)), &wanted.sizes)?,
        source: DiskSource::Image(image.id),
        base: image.content.clone(),
        base_format: base_format(image),
        name: wanted.name.clone(),
        description: wanted.description.clone(),
        delete_with_instance: wanted.delete_with_instance,
    })
}

fn plan_data(
    tx: &mut Tx<'_>,
    errand: &Errand,
    image: &Image,
    wanted: &DataDisk,
    own: Option<&ImageDisk>,
    letter: char,
) -> Result<Planned, Error> {
    errand.require_name(wanted.name.as_ref())?;
    errand.require_description(wanted.description.as_ref())?;
    let beginning = match (wanted.snapshot, own) {
        (Some(id), _) => {
            let snapshot = ready_snapshot(tx, errand, id, &image.region)?;
            Beginning {
                source: DiskSource::Snapshot(id),
                least_gib: Some(snapshot_gib(&snapshot)),
                base_format: snapshot.disk_format,
                base: snapshot.content,
            }
        }
        (None, Some(own)) => beginning_of(tx, own)?,
        (None, None) => empty(None),
    };
    Ok(Planned {
        kind: DiskKind::Data,
        letter,
        category: wanted.category,
        size_gib: size_from(wanted.size_gib, beginning.least_gib, &wanted.sizes)?,
        source: beginning.source,
        base: beginning.base,
        base_format: beginning.base_format,
        name: wanted.name.clone(),
        description: wanted.description.clone(),
        delete_with_instance: wanted.delete_with_instance,
    })
}

/// What an image's own data disk begins as. Whoever may use the image may use its snapshots, too.
fn beginning_of(tx: &mut Tx<'_>, own: &ImageDisk) -> Result<Beginning, Error> {
    let Some(id) = own.snapshot else { return Ok(empty(Some(own.size_gib))) };
    let found = snapshots::get(tx, id)?;
    let snapshot = found.ok_or_else(|| Error::internal(format!("snapshot {id} of an image is not there")))?;
    Ok(Beginning {
        source: DiskSource::Snapshot(id),
        least_gib: Some(own.size_gib.max(snapshot_gib(&snapshot))),
        base_format: snapshot.disk_format,
        base: snapshot.content,
    })
}

fn empty(least_gib: Option<u32>) -> Beginning {
    Beginning { source: DiskSource::Empty, base: None, base_format: DiskFormat::Raw, least_gib }
}
