//! What is done with snapshots: `CreateSnapshot`, `ModifySnapshotAttribute`, `DeleteSnapshot`.

use imprint_model::{DiskId, SnapshotId};
use imprint_service::{ChangeSnapshot, Conflict, CreateSnapshot, DeleteSnapshot, Error, Quota};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::inventory::codes::{
    BAD_DESCRIPTION, BAD_TAG_KEY, BAD_TAG_VALUE, DUPLICATE_TAG_KEY, description, group, new_tags,
};
use crate::inventory::names;
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region, TAG_KEY, TAG_VALUE};

const SNAPSHOT: Parameter = Parameter::text("SnapshotId", "The snapshot.").required();

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::ecs(Effect::Changes, "CreateSnapshot", "Keeps what a disk holds now.", |call| Box::pin(create(call)))
        .region(Region::Ignored)
        .parameters(&[
            Parameter::text("DiskId", "The disk; it must have been attached once.").required(),
            Parameter::text("SnapshotName", "2 to 128 characters, beginning with a letter but not with `auto`."),
            Parameter::text("Description", "2 to 256 characters."),
            Parameter::of("RetentionDays", Kind::Number, "Days to keep it, 1 to 65536; for ever when absent."),
            Parameter::text("ResourceGroupId", "The resource group; else the default one."),
            TAG_KEY,
            TAG_VALUE,
        ])
        .codes(&[
            code::DISK_NOT_FOUND,
            BAD_NAME,
            BAD_DESCRIPTION,
            BAD_RETENTION,
            NEVER_ATTACHED,
            conflict::DISK_SNAPSHOTTING,
            conflict::DISK_STATUS,
            conflict::INSTANCE_STATUS,
            code::QUOTA_SNAPSHOTS,
            code::RESOURCE_GROUP_NOT_FOUND,
            BAD_TAG_KEY,
            BAD_TAG_VALUE,
            DUPLICATE_TAG_KEY,
            code::QUOTA_TAGS,
        ])
        .token(TOKEN_MISMATCH)
        .resources(|call| vec![call.resource("disk", "DiskId"), "snapshot/*".to_owned()])
        .faults(|error| match error {
            Error::Conflict(Conflict::DiskNeverAttached) => Some(NEVER_ATTACHED.fault()),
            Error::Conflict(Conflict::DiskSnapshotting) => Some(conflict::DISK_SNAPSHOTTING.fault()),
            Error::OverQuota(Quota::DiskSnapshots, _) => Some(code::QUOTA_SNAPSHOTS.fault()),
            _ => None,
        }),
    Op::ecs(Effect::Changes, "ModifySnapshotAttribute", "Changes what a snapshot says of itself.", |call| {
        Box::pin(modify(call))
    })
    .region(Region::Ignored)
    .parameters(&[
        SNAPSHOT,
        Parameter::text("SnapshotName", "Its name; absent keeps it."),
        Parameter::text("Description", "For people; absent keeps it."),
        Parameter::of("RetentionDays", Kind::Number, "Days to keep it, 1 to 65536; absent keeps it."),
    ])
    .codes(&[code::SNAPSHOT_NOT_FOUND, BAD_NAME, BAD_DESCRIPTION, BAD_RETENTION])
    .resources(|call| vec![call.resource("snapshot", "SnapshotId")]),
    Op::ecs(Effect::Changes, "DeleteSnapshot", "Deletes a snapshot that no image needs.", |call| {
        Box::pin(delete(call))
    })
    .region(Region::Ignored)
    .parameters(&[
        SNAPSHOT,
        Parameter::of("Force", Kind::Truth, "Delete it although disks were made from it; images prevent it always."),
    ])
    .codes(&[code::SNAPSHOT_NOT_FOUND, conflict::SNAPSHOT_USED_BY_IMAGE, conflict::SNAPSHOT_USED_BY_DISK, NOT_READY])
    .resources(|call| vec![call.resource("snapshot", "SnapshotId")])
    .faults(|error| match error {
        Error::Conflict(Conflict::SnapshotUsedByImage) => Some(conflict::SNAPSHOT_USED_BY_IMAGE.fault()),
        Error::Conflict(Conflict::SnapshotUsedByDisk) => Some(conflict::SNAPSHOT_USED_BY_DISK.fault()),
        Error::Conflict(Conflict::SnapshotNotReady) => Some(NOT_READY.fault()),
        _ => None,
    }),
];

const BAD_NAME: Code = Code::new(400, "InvalidSnapshotName.Malformed", "The specified SnapshotName is wrongly formed.");
const BAD_RETENTION: Code =
    Code::new(400, "InvalidRetentionDays.Malformed", "The specified RetentionDays is wrongly formed.");
const NEVER_ATTACHED: Code =
    Code::new(403, "IncorrectDiskStatus.NeverAttached", "The specified disk has never been attached to any instances.");
const TOKEN_MISMATCH: Code = Code::new(403, "IdempotentParameterMismatch", "The specified clientToken is used.");
const NOT_READY: Code = Code::new(403, "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet.");
/// Longest time a snapshot can be told to be kept.
const RETENTION_DAYS_MAX: u32 = 65_536;

async fn create(call: Call) -> Outcome {
    let params = &call.params;
    let wanted = CreateSnapshot {
        id: SnapshotId::random(),
        disk: call.id::<DiskId>("DiskId", code::DISK_NOT_FOUND)?,
        name: name(params.text("SnapshotName"))?,
        description: description(params.text("Description"))?,
        retention_days: params.within("RetentionDays", 1..=RETENTION_DAYS_MAX, BAD_RETENTION)?,
        resource_group: group(params),
        tags: new_tags(params)?,
    };
    let snapshot = call.parts.service.create_snapshot(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({ "SnapshotId": snapshot.wire() }))
}

async fn modify(call: Call) -> Outcome {
    let params = &call.params;
    let wanted = ChangeSnapshot {
        snapshot: call.id("SnapshotId", code::SNAPSHOT_NOT_FOUND)?,
        name: name(params.text("SnapshotName"))?,
        description: description(params.text("Description"))?,
        retention_days: params.within("RetentionDays", 1..=RETENTION_DAYS_MAX, BAD_RETENTION)?.map(Some),
    };
    call.parts.service.change_snapshot(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({}))
}

async fn delete(call: Call) -> Outcome {
    let snapshot: SnapshotId = call.id("SnapshotId", code::SNAPSHOT_NOT_FOUND)?;
    let wanted = DeleteSnapshot { snapshot, force: call.params.flag("Force")? };
    call.parts.service.delete_snapshot(&call.caller, wanted, call.ask).await?;
    Ok(json!({}))
}

fn name(text: Option<&str>) -> Result<Option<String>, Fault> {
    match text {
        Some(name) if !names::is_snapshot_name(name) => Err(BAD_NAME.fault()),
        name => Ok(name.map(str::to_owned)),
    }
}
