//! What an image is to be made from: of three ways to say it, the one with the highest priority counts, and the others
//! are not even looked at.

use imprint_model::{DATA_DISKS_MAX, InstanceId, SnapshotId};
use imprint_service::{DiskWanted, ImageSource};

use super::{INSTANCE_NOT_FOUND, NO_SOURCE};
use crate::error::{BAD_DEVICE, BAD_SIZE};
use crate::fault::{Fault, code};
use crate::ids::WireId;
use crate::inventory::codes::BAD_DISK_TYPE;
use crate::params::{Object, Params, invalid};
use crate::words;

const MEMBERS: [&str; 4] = ["SnapshotId", "Size", "Device", "DiskType"];

/// The source.
pub(super) fn read(params: &Params) -> Result<ImageSource, Fault> {
    if let Some(id) = params.text("InstanceId") {
        return InstanceId::read(id).map(ImageSource::Instance).ok_or_else(|| INSTANCE_NOT_FOUND.filled(&[id]));
    }
    let disks = mappings(params);
    if disks.len() > DATA_DISKS_MAX + 1 {
        return Err(invalid("DiskDeviceMapping"));
    }
    if !disks.is_empty() {
        let disks: Result<Vec<DiskWanted>, Fault> = disks.into_iter().map(disk).collect();
        return Ok(ImageSource::Disks(disks?));
    }
    match params.text("SnapshotId") {
        Some(id) => snapshot_id(id).map(ImageSource::Snapshot),
        None => Err(NO_SOURCE.fault()),
    }
}

/// The mappings that say anything; if there are any, they go before `SnapshotId`.
pub(super) fn mappings(params: &Params) -> Vec<Object<'_>> {
    let said = |disk: &Object<'_>| MEMBERS.iter().any(|member| disk.text(member).is_some());
    params.objects("DiskDeviceMapping").into_iter().filter(said).collect()
}

fn disk(disk: Object<'_>) -> Result<DiskWanted, Fault> {
    let snapshot = disk.text("SnapshotId").map(snapshot_id).transpose()?;
    let letter = |name| words::device_letter(name).ok_or_else(|| BAD_DEVICE.fault());
    let kind = |word| words::disk_kind_named(word).ok_or_else(|| BAD_DISK_TYPE.fault());
    Ok(DiskWanted {
        snapshot,
        kind: disk.text("DiskType").map(kind).transpose()?,
        letter: disk.text("Device").map(letter).transpose()?,
        size_gib: disk.within("Size", 0..=u32::MAX, BAD_SIZE)?,
    })
}

fn snapshot_id(text: &str) -> Result<SnapshotId, Fault> {
    SnapshotId::read(text).ok_or_else(|| code::SNAPSHOT_NOT_FOUND.fault())
}
