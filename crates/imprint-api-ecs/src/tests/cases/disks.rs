//! Disks: made, attached, grown, set back, shown, deleted.

use std::time::Duration;

use imprint_model::{DiskId, DiskKind, DiskStatus, InstanceStatus, SnapshotStatus};
use serde_json::{Value, json};

use super::{Case, case};
use crate::ids::WireId;
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case("CreateDisk", &["OK"], "a disk is made as told, empty or of a snapshot, attached or free", |world| {
        Box::pin(create(world))
    }),
    case(
        "CreateDisk",
        &["OK", "InvalidSize.ValueNotSupported", "InvalidDiskSize.TooSmall", "MissingParameter"],
        "each category and level has its sizes, and a snapshot must fit",
        |world| Box::pin(sizes(world)),
    ),
    case(
        "CreateDisk",
        &[
            "InvalidDiskName.Malformed",
            "InvalidDescription.Malformed",
            "InvalidDiskCategory.ValueNotSupported",
            "InvalidPerformanceLevel.Malformed",
            "InvalidZoneId.NotFound",
            "InvalidSnapshotId.NotFound",
            "InvalidInstanceId.NotFound",
            "InvalidSnapshot.NotReady",
            "InvalidResourceGroup.NotFound",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
        ],
        "what is told of a disk must be well-formed, and what it names must be there",
        |world| Box::pin(malformed(world)),
    ),
    case(
        "CreateDisk",
        &["OK", "IdempotentParameterMismatch", "DryRunOperation", "InvalidClientToken.Malformed"],
        "one token makes one disk, and a dry run none",
        |world| Box::pin(once(world)),
    ),
    case("AttachDisk", &["OK"], "a disk gets the device that is asked for, or the first that is free", |world| {
        Box::pin(attach(world))
    }),
    case(
        "AttachDisk",
        &[
            "InvalidDiskId.NotFound",
            "InvalidInstanceId.NotFound",
            "IncorrectDiskStatus",
            "IncorrectInstanceStatus",
            "InvalidDevice.Malformed",
            "InvalidDevice.InUse",
            "InstanceDiskLimitExceeded",
        ],
        "disk, machine and device must be free for it",
        |world| Box::pin(attach_refused(world)),
    ),
    case(
        "DetachDisk",
        &[
            "OK",
            "InvalidDiskId.NotFound",
            "InvalidInstanceId.NotFound",
            "DependencyViolation",
            "DiskTypeViolation",
            "IncorrectInstanceStatus",
        ],
        "a data disk is taken from the machine it is attached to",
        |world| Box::pin(detach(world)),
    ),
    case(
        "DeleteDisk",
        &["OK", "InvalidDiskId.NotFound", "DiskStillAttached", "IncorrectDiskStatus", "DiskCreatingSnapshot"],
        "only a free disk goes",
        |world| Box::pin(delete(world)),
    ),
    case(
        "ResizeDisk",
        &[
            "OK",
            "InvalidDiskId.NotFound",
            "InvalidDiskSize.TooSmall",
            "InvalidSize.ValueNotSupported",
            "IncorrectDiskStatus",
            "IdempotentParameterMismatch",
            "InvalidParameter",
        ],
        "a disk grows within its category, and never shrinks",
        |world| Box::pin(resize(world)),
    ),
    case(
        "ResetDisk",
        &[
            "OK",
            "InvalidDiskId.NotFound",
            "InvalidSnapshotId.NotFound",
            "InvalidParameter.Mismatch",
            "IncorrectInstanceStatus",
        ],
        "a disk goes back to one of its own snapshots, while its machine is stopped",
        |world| Box::pin(reset(world)),
    ),
    case(
        "ReInitDisk",
        &["OK", "InvalidDiskId.NotFound", "InvalidImageId.NotFound", "IncorrectInstanceStatus"],
        "a disk goes back to what it came from, if that is still there",
        |world| Box::pin(reinit(world)),
    ),
    case(
        "ModifyDiskAttribute",
        &["OK", "InvalidDiskId.NotFound", "InvalidDiskName.Malformed", "InvalidDescription.Malformed"],
        "what is given changes, the rest stays",
        |world| Box::pin(modify(world)),
    ),
    case("DescribeDisks", &["OK"], "filters hold alone and together", |world| Box::pin(filters(world))),
    case(
        "DescribeDisks",
        &[
            "InvalidDiskType.ValueNotSupported",
            "InvalidStatus.NotFound",
            "InvalidDiskCategory.ValueNotSupported",
            "InvalidZoneId.NotFound",
            "InvalidTag.Mismatch",
            "InvalidParameter",
            "DryRunOperation",
        ],
        "words that are none are refused",
        |world| Box::pin(bad_filters(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// A list of `Disk`, `Snapshot` or `Instance`.
pub(super) async fn list(world: &World, kind: &str, params: &[(&str, &str)]) -> Value {
    world.owner.ask(&format!("Describe{kind}s"), params).await.ok()
}

/// The ids of a list.
pub(super) async fn ids(world: &World, kind: &str, params: &[(&str, &str)]) -> Vec<String> {
    let body = list(world, kind, params).await;
    let found = body[format!("{kind}s")][kind].as_array().expect("a list");
    found.iter().map(|found| found[format!("{kind}Id")].as_str().expect("an id").to_owned()).collect()
}

async fn make(world: &World, params: &[(&str, &str)]) -> String {
    let body = world.owner.ask("CreateDisk", params).await.ok();
    body["DiskId"].as_str().expect("an id").to_owned()
}

async fn show(world: &World, id: &str) -> Value {
    let wanted = format!("[\"{id}\"]");
    let body = list(world, "Disk", &[("DiskIds", &wanted)]).await;
    assert_eq!(body["TotalCount"], 1, "{id}");
    body["Disks"]["Disk"][0].clone()
}

/// A stopped machine without disks.
async fn machine(world: &World) -> String {
    let image = world.image(|_| {}).await;
    world.instance(&image, |_| {}).await
}

async fn create(world: World) -> World {
    let id = make(
        &world,
        &[
            ("ZoneId", "local-1-a"),
            ("DiskName", "数据盘"),
            ("Description", "for people"),
            ("DiskCategory", "cloud_essd"),
            ("PerformanceLevel", "PL0"),
            ("Size", "2"),
            ("Tag.1.Key", "k"),
            ("Tag.1.Value", "v=1"),
        ],
    )
    .await;
    let shown = show(&world, &id).await;
    for (name, value) in [
        ("DiskName", json!("数据盘")),
        ("Description", json!("for people")),
        ("Category", json!("cloud_essd")),
        ("Size", json!(2)),
        ("Type", json!("data")),
        ("Status", json!("Available")),
        ("Portable", json!(true)),
        ("RegionId", json!("local-1")),
        ("ZoneId", json!("local-1-a")),
        ("Attachments", json!({ "Attachment": [] })),
        ("Tags", json!({ "Tag": [{ "TagKey": "k", "TagValue": "v=1" }] })),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let snapshot = world.snapshot(DiskKind::Data, |_| {}).await;
    let machine = machine(&world).await;
    let attached = make(&world, &[("SnapshotId", &snapshot), ("InstanceId", &machine)]).await;
    let shown = show(&world, &attached).await;
    assert_eq!((&shown["SourceSnapshotId"], &shown["Size"]), (&json!(snapshot), &json!(40)));
    assert_eq!((&shown["Status"], &shown["InstanceId"]), (&json!("In_use"), &json!(machine)));
    let other = world.other.ask("DescribeDisks", &[]).await.ok();
    assert_eq!(other["TotalCount"], 0, "what is another account's is not there");
    world
}

async fn sizes(world: World) -> World {
    let bounds = [
        ("cloud", None, 5, 2000),
        ("cloud_efficiency", None, 20, 32_768),
        ("cloud_ssd", None, 20, 32_768),
        ("cloud_auto", None, 1, 65_536),
        ("cloud_essd", None, 20, 65_536),
        ("cloud_essd", Some("PL0"), 1, 65_536),
        ("cloud_essd", Some("PL2"), 461, 65_536),
        ("cloud_essd", Some("PL3"), 1261, 65_536),
    ];
    for (category, level, least, most) in bounds {
        for (size, fits) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let size = size.to_string();
            let mut params = vec![("DiskCategory", category), ("Size", size.as_str())];
            params.extend(level.map(|level| ("PerformanceLevel", level)));
            let answer = world.owner.ask("CreateDisk", &params).await;
            let code = if fits { "OK" } else { "InvalidSize.ValueNotSupported" };
            assert_eq!(answer.code(), code, "{params:?}");
        }
    }
    let message = world.owner.ask("CreateDisk", &[]).await.refused("MissingParameter");
    assert_eq!(message, "The input parameter either \"SnapshotId\" or \"Size\" should be specified.");
    let snapshot = world.snapshot(DiskKind::Data, |_| {}).await;
    let below = [("SnapshotId", snapshot.as_str()), ("Size", "39")];
    world.owner.ask("CreateDisk", &below).await.refused("InvalidDiskSize.TooSmall");
    make(&world, &[("SnapshotId", &snapshot), ("Size", "41")]).await;
    world
}

async fn malformed(world: World) -> World {
    let taking = world.snapshot(DiskKind::Data, |snapshot| snapshot.status = SnapshotStatus::Progressing).await;
    let elsewhere = world.snapshot(DiskKind::Data, |snapshot| snapshot.region = "local-2".to_owned()).await;
    let before = ids(&world, "Disk", &[]).await;
    for (name, value, code) in [
        ("DiskName", "1disk", "InvalidDiskName.Malformed"),
        ("DiskName", "https://x", "InvalidDiskName.Malformed"),
        ("Description", "http://x", "InvalidDescription.Malformed"),
        ("DiskCategory", "Cloud", "InvalidDiskCategory.ValueNotSupported"),
        ("PerformanceLevel", "PL9", "InvalidPerformanceLevel.Malformed"),
        ("ZoneId", "local-2-a", "InvalidZoneId.NotFound"),
        ("SnapshotId", "s-1", "InvalidSnapshotId.NotFound"),
        ("SnapshotId", &elsewhere, "InvalidSnapshotId.NotFound"),
        ("SnapshotId", &taking, "InvalidSnapshot.NotReady"),
        ("InstanceId", "i-1", "InvalidInstanceId.NotFound"),
        ("InstanceId", "i-0000000000000000000000000", "InvalidInstanceId.NotFound"),
        ("ResourceGroupId", "rg-1", "InvalidResourceGroup.NotFound"),
        ("Tag.2.Key", "aliyun", "InvalidTagKey.Malformed"),
    ] {
        world.owner.ask("CreateDisk", &[("Size", "20"), (name, value)]).await.refused(code);
    }
    let bad_value = [("Size", "20"), ("Tag.1.Key", "k"), ("Tag.1.Value", "http://v")];
    world.owner.ask("CreateDisk", &bad_value).await.refused("InvalidTagValue.Malformed");
    let twice = [("Size", "20"), ("Tag.1.Key", "k"), ("Tag.2.key", "k")];
    world.owner.ask("CreateDisk", &twice).await.refused("Duplicate.TagKey");
    assert_eq!(ids(&world, "Disk", &[]).await, before);
    world
}

async fn once(world: World) -> World {
    let wanted = [("Size", "20"), ("ClientToken", "token-1")];
    let dry = [("Size", "20"), ("ClientToken", "token-1"), ("DryRun", "true")];
    world.owner.ask("CreateDisk", &dry).await.refused("DryRunOperation");
    let first = make(&world, &wanted).await;
    assert_eq!(make(&world, &wanted).await, first);
    let other = [("Size", "21"), ("ClientToken", "token-1")];
    let answer = world.owner.ask("CreateDisk", &other).await;
    assert_eq!(answer.status, 400);
    answer.refused("IdempotentParameterMismatch");
    // another account's tokens, and another region's, are other tokens
    world.other.ask("CreateDisk", &other).await.ok();
    world.owner.ask("CreateDisk", &[&other[..], &[("RegionId", "local-2")]].concat()).await.ok();
    assert_eq!(ids(&world, "Disk", &[]).await, [first]);
    for token in ["é", &"t".repeat(65)] {
        let params = [("Size", "20"), ("ClientToken", token)];
        world.owner.ask("CreateDisk", &params).await.refused("InvalidClientToken.Malformed");
    }
    world
}

async fn attach(world: World) -> World {
    let machine = machine(&world).await;
    let third = make(&world, &[("Size", "20")]).await;
    let params = [("InstanceId", machine.as_str()), ("DiskId", &third), ("Device", "/dev/vdc")];
    world.owner.ask("AttachDisk", &[&params[..], &[("DeleteWithInstance", "True")]].concat()).await.ok();
    let shown = show(&world, &third).await;
    for (name, value) in [
        ("Status", json!("In_use")),
        ("Device", json!("/dev/xvdc")),
        ("InstanceId", json!(machine)),
        ("DeleteWithInstance", json!(true)),
        ("AttachedTime", json!("2026-11-22T01:28:36Z")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert_eq!(shown["Attachments"]["Attachment"][0]["Device"], "/dev/xvdc");
    for device in ["/dev/xvdb", "/dev/xvdd"] {
        let disk = make(&world, &[("Size", "20")]).await;
        world.owner.ask("AttachDisk", &[("InstanceId", &machine), ("DiskId", &disk)]).await.ok();
        assert_eq!(show(&world, &disk).await["Device"], device);
    }
    let system = make(&world, &[("Size", "20")]).await;
    let params = [("InstanceId", machine.as_str()), ("DiskId", &system), ("Bootable", "true")];
    world.owner.ask("AttachDisk", &params).await.ok();
    let shown = show(&world, &system).await;
    assert_eq!((&shown["Device"], &shown["Type"]), (&json!("/dev/xvda"), &json!("system")));
    world
}

async fn attach_refused(world: World) -> World {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    let starting = world.instance(&image, |machine| machine.status = InstanceStatus::Starting).await;
    let elsewhere = world.instance(&image, |machine| machine.region = "local-2".to_owned()).await;
    let disk = make(&world, &[("Size", "20")]).await;
    let used = make(&world, &[("Size", "20"), ("InstanceId", &machine)]).await;
    let refuse = async |params: &[(&str, &str)], code: &str| {
        world.owner.ask("AttachDisk", params).await.refused(code);
    };
    refuse(&[("InstanceId", &machine)], "MissingParameter").await;
    refuse(&[("InstanceId", &machine), ("DiskId", "d-1")], "InvalidDiskId.NotFound").await;
    refuse(&[("InstanceId", "i-1"), ("DiskId", &disk)], "InvalidInstanceId.NotFound").await;
    refuse(&[("InstanceId", &elsewhere), ("DiskId", &disk)], "InvalidInstanceId.NotFound").await;
    refuse(&[("InstanceId", &machine), ("DiskId", &used)], "IncorrectDiskStatus").await;
    refuse(&[("InstanceId", &starting), ("DiskId", &disk)], "IncorrectInstanceStatus").await;
    let base = [("InstanceId", machine.as_str()), ("DiskId", disk.as_str())];
    for device in ["/dev/xvda", "/dev/sdb", "xvdb", "/dev/xvdbb"] {
        refuse(&[&base[..], &[("Device", device)]].concat(), "InvalidDevice.Malformed").await;
    }
    refuse(&[&base[..], &[("Device", "/dev/vdb")]].concat(), "InvalidDevice.InUse").await;
    refuse(&[&base[..], &[("Bootable", "perhaps")]].concat(), "InvalidParameter").await;
    for _ in 0..15 {
        make(&world, &[("Size", "20"), ("InstanceId", &machine)]).await;
    }
    refuse(&base, "InstanceDiskLimitExceeded").await;
    assert_eq!(show(&world, &disk).await["Status"], "Available");
    world
}

async fn detach(world: World) -> World {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    let other = world.instance(&image, |_| {}).await;
    let starting = world.instance(&image, |machine| machine.status = InstanceStatus::Starting).await;
    let system = world.disk(&machine, DiskKind::System, |_| {}).await;
    let data = world.disk(&machine, DiskKind::Data, |_| {}).await;
    let busy = world.disk(&starting, DiskKind::Data, |_| {}).await;
    for (machine, disk, code) in [
        (machine.as_str(), "d-1", "InvalidDiskId.NotFound"),
        ("i-1", &data, "InvalidInstanceId.NotFound"),
        (&other, &data, "DependencyViolation"),
        (&machine, &system, "DiskTypeViolation"),
        (&starting, &busy, "IncorrectInstanceStatus"),
    ] {
        let params = [("InstanceId", machine), ("DiskId", disk)];
        world.owner.ask("DetachDisk", &params).await.refused(code);
    }
    let params = [("InstanceId", machine.as_str()), ("DiskId", data.as_str())];
    world.other.ask("DetachDisk", &params).await.refused("InvalidInstanceId.NotFound");
    world.owner.ask("DetachDisk", &params).await.ok();
    let shown = show(&world, &data).await;
    assert_eq!(
        (&shown["Status"], &shown["InstanceId"], &shown["Device"]),
        (&json!("Available"), &json!(""), &json!(""))
    );
    world
}

async fn delete(world: World) -> World {
    let machine = machine(&world).await;
    let attached = world.disk(&machine, DiskKind::Data, |_| {}).await;
    let moving = world.disk(&machine, DiskKind::Data, |disk| disk.status = DiskStatus::Detaching).await;
    let free = make(&world, &[("Size", "20")]).await;
    let read = make(&world, &[("Size", "20")]).await;
    let of = DiskId::read(&read);
    world
        .snapshot(DiskKind::Data, |snapshot| {
            (snapshot.disk, snapshot.status) = (of, SnapshotStatus::Progressing);
        })
        .await;
    for (disk, code) in [
        ("d-1", "InvalidDiskId.NotFound"),
        (&attached, "DiskStillAttached"),
        (&moving, "IncorrectDiskStatus"),
        (&read, "DiskCreatingSnapshot"),
    ] {
        world.owner.ask("DeleteDisk", &[("DiskId", disk)]).await.refused(code);
    }
    world.other.ask("DeleteDisk", &[("DiskId", &free)]).await.refused("InvalidDiskId.NotFound");
    world.owner.ask("DeleteDisk", &[("DiskId", &free), ("DryRun", "true")]).await.refused("DryRunOperation");
    world.owner.ask("DeleteDisk", &[("DiskId", &free)]).await.ok();
    world.owner.ask("DeleteDisk", &[("DiskId", &free)]).await.refused("InvalidDiskId.NotFound");
    world
}

async fn resize(world: World) -> World {
    let disk = make(&world, &[("Size", "20"), ("DiskCategory", "cloud")]).await;
    for (params, code) in [
        ([("DiskId", "d-1"), ("NewSize", "30"), ("Type", "offline")], "InvalidDiskId.NotFound"),
        ([("DiskId", &disk), ("NewSize", "20"), ("Type", "offline")], "InvalidDiskSize.TooSmall"),
        ([("DiskId", &disk), ("NewSize", "19"), ("Type", "")], "InvalidDiskSize.TooSmall"),
        ([("DiskId", &disk), ("NewSize", "2001"), ("Type", "online")], "InvalidSize.ValueNotSupported"),
        ([("DiskId", &disk), ("NewSize", "big"), ("Type", "online")], "InvalidSize.ValueNotSupported"),
        ([("DiskId", &disk), ("NewSize", "30"), ("Type", "soon")], "InvalidParameter"),
    ] {
        world.owner.ask("ResizeDisk", &params).await.refused(code);
    }
    let wanted = [("DiskId", disk.as_str()), ("NewSize", "30"), ("ClientToken", "grow")];
    world.owner.ask("ResizeDisk", &wanted).await.ok();
    world.owner.ask("ResizeDisk", &wanted).await.ok();
    let other = [("DiskId", disk.as_str()), ("NewSize", "40"), ("ClientToken", "grow")];
    world.owner.ask("ResizeDisk", &other).await.refused("IdempotentParameterMismatch");
    assert_eq!(show(&world, &disk).await["Size"], 30);
    let machine = machine(&world).await;
    let moving = world.disk(&machine, DiskKind::Data, |disk| disk.status = DiskStatus::Attaching).await;
    world.owner.ask("ResizeDisk", &[("DiskId", &moving), ("NewSize", "50")]).await.refused("IncorrectDiskStatus");
    world
}

async fn reset(world: World) -> World {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
    let disk = world.disk(&machine, DiskKind::Data, |_| {}).await;
    let busy = world.disk(&running, DiskKind::Data, |_| {}).await;
    let own = |disk: &str| DiskId::read(disk);
    let (of_disk, of_busy) = (own(&disk), own(&busy));
    let snapshot = world.snapshot(DiskKind::Data, |snapshot| snapshot.disk = of_disk).await;
    let of_running = world.snapshot(DiskKind::Data, |snapshot| snapshot.disk = of_busy).await;
    for (disk, snapshot, code) in [
        ("d-1", snapshot.as_str(), "InvalidDiskId.NotFound"),
        (&disk, "s-1", "InvalidSnapshotId.NotFound"),
        (&disk, &of_running, "InvalidParameter.Mismatch"),
        (&busy, &of_running, "IncorrectInstanceStatus"),
    ] {
        world.owner.ask("ResetDisk", &[("DiskId", disk), ("SnapshotId", snapshot)]).await.refused(code);
    }
    world.owner.ask("ResetDisk", &[("DiskId", &disk), ("SnapshotId", &snapshot)]).await.ok();
    assert_eq!(show(&world, &disk).await["Status"], "In_use");
    world
}

async fn reinit(world: World) -> World {
    let image = world.image(|_| {}).await;
    let source = imprint_model::ImageId::read(&image).expect("an id");
    let machine = world.instance(&image, |_| {}).await;
    let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
    let from = imprint_model::DiskSource::Image(source);
    let disk = world.disk(&machine, DiskKind::System, |disk| disk.source = from).await;
    let busy = world.disk(&running, DiskKind::System, |disk| disk.source = from).await;
    world.owner.ask("ReInitDisk", &[("DiskId", &disk)]).await.ok();
    world.owner.ask("ReInitDisk", &[("DiskId", "d-1")]).await.refused("InvalidDiskId.NotFound");
    world.owner.ask("ReInitDisk", &[("DiskId", &busy)]).await.refused("IncorrectInstanceStatus");
    world.owner.ask("DeleteImage", &[("ImageId", &image), ("Force", "true")]).await.ok();
    world.owner.ask("ReInitDisk", &[("DiskId", &disk)]).await.refused("InvalidImageId.NotFound");
    world
}

async fn modify(world: World) -> World {
    let disk = make(&world, &[("Size", "20"), ("DiskName", "before")]).await;
    let change = [("DiskId", disk.as_str()), ("Description", "told later"), ("DeleteWithInstance", "true")];
    world.owner.ask("ModifyDiskAttribute", &change).await.ok();
    let shown = show(&world, &disk).await;
    assert_eq!((&shown["DiskName"], &shown["Description"]), (&json!("before"), &json!("told later")));
    assert_eq!(shown["DeleteWithInstance"], true);
    world.other.ask("ModifyDiskAttribute", &change).await.refused("InvalidDiskId.NotFound");
    let bad = [("DiskId", disk.as_str()), ("DiskName", "x")];
    world.owner.ask("ModifyDiskAttribute", &bad).await.refused("InvalidDiskName.Malformed");
    let bad = [("DiskId", disk.as_str()), ("Description", "x")];
    world.owner.ask("ModifyDiskAttribute", &bad).await.refused("InvalidDescription.Malformed");
    world
}

async fn filters(world: World) -> World {
    let machine = machine(&world).await;
    let system = world.disk(&machine, DiskKind::System, |_| {}).await;
    world.engine.pass(Duration::from_secs(1));
    let snapshot = world.snapshot(DiskKind::Data, |_| {}).await;
    let attached = make(&world, &[("SnapshotId", &snapshot), ("InstanceId", &machine), ("DiskName", "web-1")]).await;
    world.engine.pass(Duration::from_secs(1));
    let tagged = [("Size", "20"), ("DiskCategory", "cloud_ssd"), ("DiskName", "web-2"), ("Tag.1.Key", "k")];
    let free = make(&world, &tagged).await;
    for (params, wanted) in [
        (vec![], vec![&free, &attached, &system]),
        (vec![("DiskType", "all"), ("Status", "All"), ("Category", "all")], vec![&free, &attached, &system]),
        (vec![("InstanceId", machine.as_str())], vec![&attached, &system]),
        (vec![("InstanceId", "i-1")], vec![]),
        (vec![("DiskType", "system")], vec![&system]),
        (vec![("Status", "In_use")], vec![&attached, &system]),
        (vec![("Status", "In_Use"), ("DiskType", "data")], vec![&attached]),
        (vec![("Status", "Available")], vec![&free]),
        (vec![("Category", "cloud_ssd")], vec![&free]),
        (vec![("DiskName", "web-*")], vec![&free, &attached]),
        (vec![("DiskName", "web")], vec![]),
        (vec![("SnapshotId", snapshot.as_str())], vec![&attached]),
        (vec![("Tag.1.Key", "k"), ("Tag.1.Value", "")], vec![&free]),
        (vec![("ZoneId", "local-1-a"), ("Tag.1.Key", "k"), ("DiskType", "system")], vec![]),
        (vec![("RegionId", "local-2")], vec![]),
        (vec![("ResourceGroupId", "rg-none")], vec![]),
        (vec![("PageNumber", "2"), ("PageSize", "2")], vec![&system]),
    ] {
        let found = ids(&world, "Disk", &params).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{params:?}");
    }
    let one = format!("[\"{system}\",\"d-1\"]");
    assert_eq!(ids(&world, "Disk", &[("DiskIds", &one)]).await, [system]);
    world
}

async fn bad_filters(world: World) -> World {
    for (name, value, code) in [
        ("DiskType", "System", "InvalidDiskType.ValueNotSupported"),
        ("Status", "Busy", "InvalidStatus.NotFound"),
        ("Category", "ssd", "InvalidDiskCategory.ValueNotSupported"),
        ("ZoneId", "local-2-a", "InvalidZoneId.NotFound"),
        ("Tag.1.Value", "v", "InvalidTag.Mismatch"),
        ("DiskIds", "[\"d-1\",]", "InvalidParameter"),
        ("MaxResults", "101", "InvalidParameter"),
        ("PageSize", "1.5", "InvalidParameter"),
        ("DryRun", "true", "DryRunOperation"),
    ] {
        world.owner.ask("DescribeDisks", &[(name, value)]).await.refused(code);
    }
    world
}
