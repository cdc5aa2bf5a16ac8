//! What is done with a disk that is there: `AttachDisk`, `DetachDisk`, `DeleteDisk`, `ResizeDisk`, `ResetDisk`,
//! `ReInitDisk`, `ModifyDiskAttribute`.

use imprint_model::{DiskId, DiskKind, InstanceId, SnapshotId};
use imprint_service::{AttachDisk, ChangeDisk, Conflict, DetachDisk, Error, Field, Quota, ResetDisk, ResizeDisk};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::inventory::codes::{BAD_DESCRIPTION, BAD_DEVICE, DEVICE_IN_USE, DISK_LIMIT, description, name};
use crate::inventory::sizes;
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region};
use crate::ops::disks_create::{BAD_NAME, BAD_SIZE, TOO_SMALL};
use crate::params::invalid;
use crate::words;

const DISK: Parameter = Parameter::text("DiskId", "The disk.").required();
const INSTANCE: Parameter = Parameter::text("InstanceId", "The machine.").required();

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::ecs(Effect::Changes, "AttachDisk", "Attaches a disk to a machine.", |call| Box::pin(attach(call)))
        .region(Region::Ignored)
        .parameters(&[
            INSTANCE,
            DISK,
            Parameter::text("Device", "The device, `/dev/xvdb` to `/dev/xvdz`; else the next that is free."),
            Parameter::of("DeleteWithInstance", Kind::Truth, "Whether the disk goes when the machine is deleted."),
            Parameter::of("Bootable", Kind::Truth, "Whether it becomes the system disk of a machine without one."),
        ])
        .codes(&[
            code::INSTANCE_NOT_FOUND,
            code::DISK_NOT_FOUND,
            conflict::DISK_STATUS,
            conflict::INSTANCE_STATUS,
            BAD_DEVICE,
            DEVICE_IN_USE,
            DISK_LIMIT,
        ])
        .resources(|call| vec![call.resource("instance", "InstanceId"), call.resource("disk", "DiskId")])
        .faults(|error| match error {
            Error::Invalid { field: Field::Device, .. } => Some(BAD_DEVICE.fault()),
            Error::Conflict(Conflict::DeviceTaken) => Some(DEVICE_IN_USE.fault()),
            Error::Conflict(Conflict::DiskAttached) => Some(conflict::DISK_STATUS.fault()),
            Error::OverQuota(Quota::DataDisks, _) => Some(DISK_LIMIT.fault()),
            _ => None,
        }),
    Op::ecs(Effect::Changes, "DetachDisk", "Takes a disk from a machine.", |call| Box::pin(detach(call)))
        .region(Region::Ignored)
        .parameters(&[
            INSTANCE,
            DISK,
            Parameter::of("DeleteWithInstance", Kind::Truth, "Accepted; a data disk that is detached is kept."),
        ])
        .codes(&[
            code::INSTANCE_NOT_FOUND,
            code::DISK_NOT_FOUND,
            conflict::DISK_STATUS,
            conflict::INSTANCE_STATUS,
            DEPENDENCY_VIOLATION,
            DISK_TYPE_VIOLATION,
        ])
        .resources(|call| vec![call.resource("instance", "InstanceId"), call.resource("disk", "DiskId")])
        .faults(|error| match error {
            Error::Conflict(Conflict::DiskNotAttached) => Some(DEPENDENCY_VIOLATION.fault()),
            Error::Conflict(Conflict::DiskIsSystem) => Some(DISK_TYPE_VIOLATION.fault()),
            _ => None,
        }),
    Op::ecs(Effect::Changes, "DeleteDisk", "Deletes a disk that is attached to nothing.", |call| {
        Box::pin(delete(call))
    })
    .region(Region::Ignored)
    .parameters(&[DISK])
    .codes(&[code::DISK_NOT_FOUND, conflict::DISK_STATUS, conflict::DISK_ATTACHED, CREATING_SNAPSHOT])
    .resources(|call| vec![call.resource("disk", "DiskId")])
    .faults(|error| match error {
        Error::Conflict(Conflict::DiskAttached) => Some(conflict::DISK_ATTACHED.fault()),
        Error::Conflict(Conflict::DiskSnapshotting) => Some(CREATING_SNAPSHOT.fault()),
        _ => None,
    }),
    Op::ecs(Effect::Changes, "ResizeDisk", "Makes a disk larger.", |call| Box::pin(resize(call)))
        .region(Region::Ignored)
        .parameters(&[
            DISK,
            Parameter::of("NewSize", Kind::Number, "The size it shall have, GiB; not below the one it has.").required(),
            Parameter::text("Type", "`offline` (default) or `online`; here they are the same."),
        ])
        .codes(&[code::DISK_NOT_FOUND, conflict::DISK_STATUS, TOO_SMALL, BAD_SIZE])
        .token(code::IDEMPOTENT_MISMATCH)
        .resources(|call| vec![call.resource("disk", "DiskId")])
        .faults(size_faults),
    Op::ecs(Effect::Changes, "ResetDisk", "Sets a disk back to one of its snapshots.", |call| Box::pin(reset(call)))
        .region(Region::Ignored)
        .parameters(&[DISK, Parameter::text("SnapshotId", "A snapshot of this disk.").required()])
        .codes(&[
            code::DISK_NOT_FOUND,
            code::SNAPSHOT_NOT_FOUND,
            conflict::DISK_STATUS,
            conflict::INSTANCE_STATUS,
            SNAPSHOT_MISMATCH,
        ])
        .resources(|call| vec![call.resource("disk", "DiskId"), call.resource("snapshot", "SnapshotId")])
        .faults(|error| match error {
            Error::Conflict(Conflict::SnapshotOfOtherDisk) => Some(SNAPSHOT_MISMATCH.fault()),
            _ => None,
        }),
    Op::ecs(Effect::Changes, "ReInitDisk", "Sets a disk back to the image or snapshot it came from.", |call| {
        Box::pin(reinit(call))
    })
    .region(Region::Ignored)
    .parameters(&[DISK])
    .codes(&[
        code::DISK_NOT_FOUND,
        code::IMAGE_NOT_FOUND,
        code::SNAPSHOT_NOT_FOUND,
        conflict::DISK_STATUS,
        conflict::INSTANCE_STATUS,
    ])
    .resources(|call| vec![call.resource("disk", "DiskId")]),
    Op::ecs(
        Effect::Changes,
        "ModifyDiskAttribute",
        "Changes what a disk is called, and whether it goes with its \
        machine.",
        |call| Box::pin(modify(call)),
    )
    .region(Region::Ignored)
    .parameters(&[
        DISK,
        Parameter::text("DiskName", "Its name; absent keeps it."),
        Parameter::text("Description", "For people; absent keeps it."),
        Parameter::of("DeleteWithInstance", Kind::Truth, "Whether it goes when its machine is deleted."),
    ])
    .codes(&[code::DISK_NOT_FOUND, BAD_NAME, BAD_DESCRIPTION])
    .resources(|call| vec![call.resource("disk", "DiskId")]),
];

const CREATING_SNAPSHOT: Code =
    Code::new(403, "DiskCreatingSnapshot", "The operation is denied due to a snapshot of the disk is not created.");
const DEPENDENCY_VIOLATION: Code =
    Code::new(403, "DependencyViolation", "The specified disk has not been attached on the specified instance.");
const DISK_TYPE_VIOLATION: Code =
    Code::new(403, "DiskTypeViolation", "The specified disk does not support the operation because of its type.");
const SNAPSHOT_MISMATCH: Code =
    Code::new(403, "InvalidParameter.Mismatch", "The specified snapshot is not from the specified disk.");

async fn attach(call: Call) -> Outcome {
    let instance: InstanceId = call.id("InstanceId", code::INSTANCE_NOT_FOUND)?;
    let disk: DiskId = call.id("DiskId", code::DISK_NOT_FOUND)?;
    let device = call.params.text("Device");
    let letter = device.map(|name| words::device_letter(name).ok_or_else(|| BAD_DEVICE.fault())).transpose()?;
    let kind = if call.params.flag("Bootable")? { DiskKind::System } else { DiskKind::Data };
    let delete_with_instance = call.params.truth("DeleteWithInstance")?;
    let wanted = AttachDisk { disk, instance, letter, delete_with_instance, kind };
    call.parts.service.attach_disk(&call.caller, wanted, call.ask).await?;
    Ok(json!({}))
}

async fn detach(call: Call) -> Outcome {
    let instance: InstanceId = call.id("InstanceId", code::INSTANCE_NOT_FOUND)?;
    let disk: DiskId = call.id("DiskId", code::DISK_NOT_FOUND)?;
    call.params.truth("DeleteWithInstance")?;
    call.parts.service.detach_disk(&call.caller, DetachDisk { disk, instance }, call.ask).await?;
    Ok(json!({}))
}

async fn delete(call: Call) -> Outcome {
    let disk: DiskId = call.id("DiskId", code::DISK_NOT_FOUND)?;
    call.parts.service.delete_disk(&call.caller, disk, call.ask).await?;
    Ok(json!({}))
}

async fn resize(call: Call) -> Outcome {
    let disk: DiskId = call.id("DiskId", code::DISK_NOT_FOUND)?;
    if !matches!(call.params.text("Type"), None | Some("offline" | "online")) {
        return Err(invalid("Type").into());
    }
    let size_gib = call.params.within("NewSize", 1..=u32::MAX, BAD_SIZE)?;
    let size_gib = size_gib.ok_or_else(|| crate::params::missing("NewSize"))?;
    let wanted = ResizeDisk { disk, size_gib, sizes: sizes::any };
    call.parts.service.resize_disk(&call.caller, wanted, call.ask).await?;
    Ok(json!({ "OrderId": "" }))
}

async fn reset(call: Call) -> Outcome {
    let disk: DiskId = call.id("DiskId", code::DISK_NOT_FOUND)?;
    let snapshot: SnapshotId = call.id("SnapshotId", code::SNAPSHOT_NOT_FOUND)?;
    call.parts.service.reset_disk(&call.caller, ResetDisk { disk, snapshot }, call.ask).await?;
    Ok(json!({}))
}

async fn reinit(call: Call) -> Outcome {
    let disk: DiskId = call.id("DiskId", code::DISK_NOT_FOUND)?;
    call.parts.service.reinit_disk(&call.caller, disk, call.ask).await?;
    Ok(json!({}))
}

async fn modify(call: Call) -> Outcome {
    let params = &call.params;
    let wanted = ChangeDisk {
        disk: call.id("DiskId", code::DISK_NOT_FOUND)?,
        name: name(params.text("DiskName"), BAD_NAME)?,
        description: description(params.text("Description"))?,
        delete_with_instance: params.truth("DeleteWithInstance")?,
    };
    call.parts.service.change_disk(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({}))
}

fn size_faults(error: &Error) -> Option<Fault> {
    match error {
        Error::Invalid { field: Field::DiskSize, .. } => Some(BAD_SIZE.fault()),
        Error::Conflict(Conflict::DiskTooSmall) => Some(TOO_SMALL.fault()),
        _ => None,
    }
}
