//! `CreateDisk`: a data disk, empty or from a snapshot.

use imprint_model::{DiskCategory, DiskId, InstanceId, SnapshotId};
use imprint_service::{Conflict, CreateDisk, Error, Field, Quota};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, code};
use crate::ids::WireId;
use crate::inventory::codes::{
    BAD_CATEGORY, BAD_DESCRIPTION, BAD_TAG_KEY, BAD_TAG_VALUE, DISK_LIMIT, DUPLICATE_TAG_KEY, ZONE_NOT_FOUND,
    check_zone, description, group, name, new_tags,
};
use crate::inventory::sizes;
use crate::op::{Effect, Kind, Op, Outcome, Parameter, TAG_KEY, TAG_VALUE};
use crate::words;

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Changes, "CreateDisk", "Makes a data disk, empty or from a snapshot.", |call| {
        Box::pin(create(call))
    })
    .parameters(&[
        Parameter::text("ZoneId", "The zone; the region has one."),
        Parameter::text("InstanceId", "The machine it is attached to at once."),
        Parameter::text("DiskName", "2 to 128 characters, beginning with a letter."),
        Parameter::text("Description", "2 to 256 characters."),
        Parameter::text(
            "DiskCategory",
            "`cloud` (default), `cloud_efficiency`, `cloud_ssd`, `cloud_essd`, `cloud_auto`. All are equally fast \
             here; the sizes they come in differ.",
        ),
        Parameter::text("PerformanceLevel", "Of `cloud_essd`: `PL0` to `PL3`, `PL1` by default."),
        Parameter::of("Size", Kind::Number, "GiB; not below the snapshot's, whose size is the default."),
        Parameter::text("SnapshotId", "The snapshot it begins as."),
        Parameter::text("ResourceGroupId", "The resource group; else the default one."),
        TAG_KEY,
        TAG_VALUE,
    ])
    .codes(&[
        BAD_NAME,
        BAD_DESCRIPTION,
        BAD_CATEGORY,
        BAD_LEVEL,
        BAD_SIZE,
        TOO_SMALL,
        NO_SIZE,
        NOT_READY,
        ZONE_NOT_FOUND,
        code::SNAPSHOT_NOT_FOUND,
        code::INSTANCE_NOT_FOUND,
        conflict::INSTANCE_STATUS,
        DISK_LIMIT,
        code::RESOURCE_GROUP_NOT_FOUND,
        BAD_TAG_KEY,
        BAD_TAG_VALUE,
        DUPLICATE_TAG_KEY,
        code::QUOTA_TAGS,
    ])
    .token(code::IDEMPOTENT_MISMATCH)
    .resources(|call| match call.params.text("SnapshotId") {
        Some(snapshot) => vec!["disk/*".to_owned(), format!("snapshot/{snapshot}")],
        None => vec!["disk/*".to_owned()],
    })
    .faults(|error| match error {
        Error::Invalid { field: Field::DiskSize, .. } => Some(BAD_SIZE.fault()),
        Error::Conflict(Conflict::DiskTooSmall) => Some(TOO_SMALL.fault()),
        Error::OverQuota(Quota::DataDisks, _) => Some(DISK_LIMIT.fault()),
        Error::Conflict(Conflict::SnapshotNotReady) => Some(NOT_READY.fault()),
        _ => None,
    })];

/// A name that cannot be one.
pub(crate) const BAD_NAME: Code =
    Code::new(400, "InvalidDiskName.Malformed", "The specified disk name is wrongly formed.");
/// A size outside of what the category comes in.
pub(crate) const BAD_SIZE: Code =
    Code::new(400, "InvalidSize.ValueNotSupported", "The specified parameter Size beyond the permitted range.");
/// A size below what goes on the disk.
pub(crate) const TOO_SMALL: Code =
    Code::new(403, "InvalidDiskSize.TooSmall", "Specified disk size is less than the size of snapshot.");
const BAD_LEVEL: Code =
    Code::new(400, "InvalidPerformanceLevel.Malformed", "The specified parameter PerformanceLevel is not valid.");
const NO_SIZE: Code =
    Code::new(400, "MissingParameter", "The input parameter either \"SnapshotId\" or \"Size\" should be specified.");
/// A snapshot that is not complete.
pub(crate) const NOT_READY: Code =
    Code::new(403, "InvalidSnapshot.NotReady", "The specified snapshot creation is not completed yet.");

async fn create(call: Call) -> Outcome {
    let params = &call.params;
    check_zone(&call, "ZoneId")?;
    let category = match params.text("DiskCategory") {
        None => DiskCategory::Basic,
        Some(word) => words::disk_category_named(word).ok_or_else(|| BAD_CATEGORY.fault())?,
    };
    let sizes = sizes::data_disk(category, params.text("PerformanceLevel")).ok_or_else(|| BAD_LEVEL.fault())?;
    let snapshot = params.text("SnapshotId");
    let snapshot =
        snapshot.map(|text| SnapshotId::read(text).ok_or_else(|| code::SNAPSHOT_NOT_FOUND.fault())).transpose()?;
    let instance = params.text("InstanceId");
    let instance =
        instance.map(|text| InstanceId::read(text).ok_or_else(|| code::INSTANCE_NOT_FOUND.fault())).transpose()?;
    let size_gib = params.within("Size", 1..=u32::MAX, BAD_SIZE)?;
    if snapshot.is_none() && size_gib.is_none() {
        return Err(NO_SIZE.fault().into());
    }
    let wanted = CreateDisk {
        id: DiskId::random(),
        region: call.region.clone(),
        name: name(params.text("DiskName"), BAD_NAME)?,
        description: description(params.text("Description"))?,
        category,
        size_gib,
        sizes,
        snapshot,
        instance,
        resource_group: group(params),
        tags: new_tags(params)?,
    };
    let disk = call.parts.service.create_disk(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({ "DiskId": disk.wire(), "OrderId": "" }))
}
