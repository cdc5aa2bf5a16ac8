//! Machines, disks and snapshots as this API shows them.

use std::collections::BTreeSet;

use imprint_model::{
    Disk, DiskCategory, DiskKind, DiskSource, Image, Instance, InstanceStatus, MetadataAccess, OsType, Snapshot,
    SnapshotStatus, Timestamp, split_tag,
};
use serde_json::{Map, Value, json};

use super::{sizes, words as inventory_words};
use crate::ids::WireId;
use crate::instance_types;
use crate::{view as image_view, words};

/// Tags as every resource shows them.
pub(crate) fn tags(tags: &BTreeSet<String>) -> Value {
    let pair = |tag: &String| {
        let (key, value) = split_tag(tag);
        json!({ "TagKey": key, "TagValue": value.unwrap_or_default() })
    };
    json!({ "Tag": tags.iter().map(pair).collect::<Vec<_>>() })
}

/// A disk.
pub(crate) fn disk(disk: &Disk) -> Value {
    let instance = disk.instance.map(WireId::wire);
    let device = disk.letter.filter(|_| instance.is_some()).map(words::device).unwrap_or_default();
    let attached = time(disk.attached_at.filter(|_| instance.is_some()));
    let mounted: Vec<Value> =
        instance.iter().map(|id| json!({ "InstanceId": id, "Device": device, "AttachedTime": attached })).collect();
    let (image, snapshot) = match disk.source {
        DiskSource::Empty => (String::new(), String::new()),
        DiskSource::Image(id) => (id.wire(), String::new()),
        DiskSource::Snapshot(id) => (String::new(), id.wire()),
    };
    let level = if disk.category == DiskCategory::Enhanced { sizes::LEVEL_DEFAULT } else { "" };
    json!({
        "DiskId": disk.id.wire(),
        "DiskName": disk.name.as_deref().unwrap_or_default(),
        "Description": disk.description.as_deref().unwrap_or_default(),
        "RegionId": disk.region,
        "ZoneId": inventory_words::zone(&disk.region),
        "Type": disk.kind.as_str(),
        "Category": words::disk_category(disk.category),
        "PerformanceLevel": level,
        "Size": disk.size_gib,
        "Status": inventory_words::disk_status(disk.status),
        "InstanceId": instance.unwrap_or_default(),
        "Device": device,
        "ImageId": image,
        "SourceSnapshotId": snapshot,
        "Portable": disk.kind == DiskKind::Data,
        "DeleteWithInstance": disk.delete_with_instance,
        "DeleteAutoSnapshot": false,
        "EnableAutoSnapshot": false,
        "Encrypted": false,
        "MultiAttach": "Disabled",
        "DiskChargeType": "PostPaid",
        "CreationTime": disk.created_at.to_rfc3339_seconds(),
        "AttachedTime": attached,
        "ExpiredTime": EXPIRES,
        "ResourceGroupId": disk.resource_group.as_deref().unwrap_or_default(),
        "MountInstanceNum": mounted.len(),
        "MountInstances": { "MountInstance": &mounted },
        "Attachments": { "Attachment": &mounted },
        "OperationLocks": { "OperationLock": [] },
        "Tags": tags(&disk.tags),
    })
}

/// What is paid by use has no end; this is the API's word for it.
const EXPIRES: &str = "2999-09-08T16:00Z";

/// A snapshot, and what uses it: images, disks.
pub(crate) fn snapshot(snapshot: &Snapshot, by_image: bool, by_disk: bool) -> Value {
    let usage = match (by_image, by_disk) {
        (true, true) => "image_disk",
        (true, false) => "image",
        (false, true) => "disk",
        (false, false) => "none",
    };
    let mut shown = json!({
        "SnapshotId": snapshot.id.wire(),
        "SnapshotName": snapshot.name.as_deref().unwrap_or_default(),
        "Description": snapshot.description.as_deref().unwrap_or_default(),
        "RegionId": snapshot.region,
        "Status": snapshot.status.as_str(),
        "Progress": format!("{}%", progress(snapshot)),
        "RemainTime": 0,
        "Available": snapshot.status == SnapshotStatus::Accomplished,
        "CreationTime": snapshot.created_at.to_rfc3339_seconds(),
        "LastModifiedTime": snapshot.updated_at.to_rfc3339_seconds(),
        "SourceDiskId": snapshot.disk.map(WireId::wire).unwrap_or_default(),
        "SourceDiskType": snapshot.kind.as_str(),
        "SourceDiskSize": snapshot.size_gib.to_string(),
        "SnapshotType": "user",
        "Category": "standard",
        "SourceStorageType": "disk",
        "ProductCode": "",
        "Usage": usage,
        "Encrypted": false,
        "InstantAccess": false,
        "ResourceGroupId": snapshot.resource_group.as_deref().unwrap_or_default(),
        "Tags": tags(&snapshot.tags),
    });
    // one that is kept for ever has none
    if let (Some(days), Some(fields)) = (snapshot.retention_days, shown.as_object_mut()) {
        fields.insert("RetentionDays".to_owned(), json!(days));
    }
    shown
}

/// How much of a snapshot is there, in hundredths; all of it only once it is complete.
fn progress(snapshot: &Snapshot) -> u64 {
    match (snapshot.status, snapshot.total_bytes) {
        (SnapshotStatus::Accomplished, _) => 100,
        (_, Some(total @ 1..)) => (u128::from(snapshot.done_bytes) * 100 / u128::from(total)).min(99) as u64,
        _ => 0,
    }
}

/// A machine; `image` is the one it was made from, when it is still there.
pub(crate) fn instance(instance: &Instance, image: Option<&Image>) -> Value {
    let mut shown = record(instance);
    shown.extend(of_image(image));
    shown.extend(of_network());
    Value::Object(shown)
}

/// What the machine's own record tells.
fn record(instance: &Instance) -> Map<String, Value> {
    let class = instance_types::named(&instance.class);
    let name = instance.name.clone().unwrap_or_else(|| instance.id.wire());
    let locks: Vec<Value> = instance.locked.iter().map(|why| json!({ "LockReason": why, "LockMsg": "" })).collect();
    members(json!({
        "InstanceId": instance.id.wire(),
        "InstanceName": name,
        "HostName": instance.host_name.as_deref().unwrap_or_default(),
        "Description": instance.description.as_deref().unwrap_or_default(),
        "Status": inventory_words::instance_status(instance.status),
        "RegionId": instance.region,
        "ZoneId": inventory_words::zone(&instance.region),
        "InstanceType": instance.class,
        "InstanceTypeFamily": class.map(|class| class.family.id).unwrap_or_default(),
        "Cpu": instance.cpus,
        "Memory": instance.memory_mib,
        "GPUAmount": 0,
        "GPUSpec": "",
        "ImageId": instance.image.wire(),
        "CreationTime": instance.created_at.to_rfc3339_seconds(),
        "StartTime": time(instance.started_at),
        "ExpiredTime": EXPIRES,
        "AutoReleaseTime": "",
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": "NoSpot",
        "StoppedMode": if instance.status == InstanceStatus::Stopped { "KeepCharging" } else { "Not-applicable" },
        "IoOptimized": true,
        "DeviceAvailable": true,
        "Recyclable": false,
        "SerialNumber": instance.id.to_string(),
        "KeyPairName": "",
        "DeletionProtection": instance.protected,
        "ResourceGroupId": instance.resource_group.as_deref().unwrap_or_default(),
        "OperationLocks": { "LockReason": locks },
        "Tags": tags(&instance.tags),
    }))
}

/// What the image tells of the system that runs there.
fn of_image(image: Option<&Image>) -> Map<String, Value> {
    let facts = image.map(|image| &image.facts);
    let nvme = facts.and_then(|facts| facts.nvme).unwrap_or(false);
    let closed = facts.is_some_and(|facts| facts.metadata_access == Some(MetadataAccess::TokenRequired));
    let non_root = facts.and_then(|facts| facts.login_as_non_root).unwrap_or(false);
    members(json!({
        "OSType": image.map_or(OsType::Linux.as_str(), image_view::os_type),
        "OSName": image.map(|image| image_view::os_name(image, "位")).unwrap_or_default(),
        "OSNameEn": image.map(|image| image_view::os_name(image, "bit")).unwrap_or_default(),
        "ImageOptions": { "LoginAsNonRoot": non_root, "CurrentOSNVMeSupported": nvme },
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": if closed { "required" } else { "optional" },
        },
    }))
}

/// Machines have no network here; clients look for these members all the same.
fn of_network() -> Map<String, Value> {
    members(json!({
        "InstanceNetworkType": "vpc",
        "InternetChargeType": "PayByTraffic",
        "InternetMaxBandwidthIn": 0,
        "InternetMaxBandwidthOut": 0,
        "SecurityGroupIds": { "SecurityGroupId": [] },
        "PublicIpAddress": { "IpAddress": [] },
        "InnerIpAddress": { "IpAddress": [] },
        "VpcAttributes": {
            "VpcId": "",
            "VSwitchId": "",
            "NatIpAddress": "",
            "PrivateIpAddress": { "IpAddress": [] },
        },
        "EipAddress": { "AllocationId": "", "IpAddress": "", "InternetChargeType": "" },
        "NetworkInterfaces": { "NetworkInterface": [] },
    }))
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A time, or the empty text.
fn time(at: Option<Timestamp>) -> String {
    at.map(Timestamp::to_rfc3339_seconds).unwrap_or_default()
}
