//! Snapshots: taken, shown, changed, deleted.

use std::time::Duration;

use imprint_model::{DiskKind, DiskStatus, InstanceStatus, SnapshotStatus};
use serde_json::{Value, json};

use super::disks::{ids, list};
use super::{Case, case};
use crate::ids::WireId;
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case("CreateSnapshot", &["OK"], "a snapshot holds what its disk is, and shows all that was told", |world| {
        Box::pin(create(world))
    }),
    case(
        "CreateSnapshot",
        &[
            "InvalidDiskId.NotFound",
            "IncorrectDiskStatus.NeverAttached",
            "IncorrectDiskStatus.CreatingSnapshot",
            "IncorrectInstanceStatus",
            "IncorrectDiskStatus",
            "QuotaExceed.Snapshot",
        ],
        "a disk must have been attached, be still, and have room for one more",
        |world| Box::pin(disk_states(world)),
    ),
    case(
        "CreateSnapshot",
        &[
            "MissingParameter",
            "InvalidSnapshotName.Malformed",
            "InvalidDescription.Malformed",
            "InvalidRetentionDays.Malformed",
            "InvalidResourceGroup.NotFound",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
            "QuotaExceed.Tags",
        ],
        "what is told of a snapshot must be well-formed",
        |world| Box::pin(malformed(world)),
    ),
    case(
        "CreateSnapshot",
        &["OK", "IdempotentParameterMismatch", "DryRunOperation"],
        "one token makes one snapshot, and a dry run none",
        |world| Box::pin(once(world)),
    ),
    case("DescribeSnapshots", &["OK"], "filters hold alone and together", |world| Box::pin(filters(world))),
    case("DescribeSnapshots", &["OK"], "numbered pages and pages by token hold every snapshot once", |world| {
        Box::pin(pages(world))
    }),
    case(
        "DescribeSnapshots",
        &[
            "InvalidStatus.NotFound",
            "InvalidUsage",
            "InvalidSourceDiskType",
            "InvalidSnapshotType.NotFound",
            "InvalidTag.Mismatch",
            "InvalidTagCount",
            "InvalidParameter",
        ],
        "words that are none are refused",
        |world| Box::pin(bad_filters(world)),
    ),
    case(
        "ModifySnapshotAttribute",
        &["OK", "InvalidSnapshotId.NotFound", "InvalidSnapshotName.Malformed", "InvalidRetentionDays.Malformed"],
        "what is given changes, the rest stays",
        |world| Box::pin(modify(world)),
    ),
    case(
        "DeleteSnapshot",
        &["OK", "InvalidSnapshotId.NotFound", "SnapshotCreatedDisk", "InvalidSnapshotId.NotReady"],
        "one that disks were made from goes only by force, one that is being taken not at all",
        |world| Box::pin(delete(world)),
    ),
    case(
        "DeleteSnapshot",
        &["OK", "SnapshotCreatedImage"],
        "one that an image needs stays, even against force, until the image is gone",
        |world| Box::pin(needed_by_image(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// A machine's data disk.
async fn disk(world: &World) -> String {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    world.disk(&machine, DiskKind::Data, |disk| disk.size_gib = 25).await
}

async fn take(world: &World, params: &[(&str, &str)]) -> String {
    let body = world.owner.ask("CreateSnapshot", params).await.ok();
    body["SnapshotId"].as_str().expect("an id").to_owned()
}

async fn show(world: &World, id: &str) -> Value {
    let wanted = format!("[\"{id}\"]");
    let body = world.owner.ask("DescribeSnapshots", &[("SnapshotIds", &wanted)]).await.ok();
    assert_eq!(body["TotalCount"], 1, "{id}");
    body["Snapshots"]["Snapshot"][0].clone()
}

async fn create(world: World) -> World {
    let disk = disk(&world).await;
    let id = take(
        &world,
        &[
            ("DiskId", &disk),
            ("SnapshotName", "快照-1"),
            ("Description", "for people"),
            ("RetentionDays", "30"),
            ("Tag.1.Key", "k"),
            ("Tag.1.Value", ""),
        ],
    )
    .await;
    let shown = show(&world, &id).await;
    for (name, value) in [
        ("SnapshotName", json!("快照-1")),
        ("Description", json!("for people")),
        ("Status", json!("accomplished")),
        ("Progress", json!("100%")),
        ("SourceDiskId", json!(disk)),
        ("SourceDiskType", json!("data")),
        ("SourceDiskSize", json!("25")),
        ("RetentionDays", json!(30)),
        ("Usage", json!("none")),
        ("Tags", json!({ "Tag": [{ "TagKey": "k", "TagValue": "" }] })),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let other = world.other.ask("DescribeSnapshots", &[]).await.ok();
    assert_eq!(other["TotalCount"], 0, "what is another account's is not there");
    world
}

async fn disk_states(world: World) -> World {
    let refuse = async |id: &str, code: &str| {
        world.owner.ask("CreateSnapshot", &[("DiskId", id)]).await.refused(code);
    };
    for id in ["d-1", "d-0000000000000000000000000", "m-0000000000000000000000000"] {
        refuse(id, "InvalidDiskId.NotFound").await;
    }
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    let busy = world.instance(&image, |machine| machine.status = InstanceStatus::Starting).await;
    let fresh = world
        .disk("", DiskKind::Data, |disk| {
            (disk.status, disk.was_attached) = (DiskStatus::Available, false);
        })
        .await;
    refuse(&fresh, "IncorrectDiskStatus.NeverAttached").await;
    let moving = world.disk(&machine, DiskKind::Data, |disk| disk.status = DiskStatus::Detaching).await;
    refuse(&moving, "IncorrectDiskStatus").await;
    let starting = world.disk(&busy, DiskKind::Data, |_| {}).await;
    refuse(&starting, "IncorrectInstanceStatus").await;
    let read = world.disk(&machine, DiskKind::Data, |disk| disk.letter = Some('c')).await;
    let of = imprint_model::DiskId::read(&read);
    world
        .snapshot(DiskKind::Data, |snapshot| {
            (snapshot.disk, snapshot.status) = (of, SnapshotStatus::Progressing);
        })
        .await;
    refuse(&read, "IncorrectDiskStatus.CreatingSnapshot").await;
    let full = world.disk(&machine, DiskKind::Data, |disk| disk.letter = Some('d')).await;
    world.limit("disk_snapshots", 1).await;
    take(&world, &[("DiskId", &full)]).await;
    refuse(&full, "QuotaExceed.Snapshot").await;
    let theirs = world.other.ask("CreateSnapshot", &[("DiskId", &full)]).await;
    theirs.refused("InvalidDiskId.NotFound");
    world
}

async fn malformed(world: World) -> World {
    let disk = disk(&world).await;
    world.owner.ask("CreateSnapshot", &[]).await.refused("MissingParameter");
    let long = "n".repeat(129);
    for (name, value, code) in [
        ("SnapshotName", "auto-1", "InvalidSnapshotName.Malformed"),
        ("SnapshotName", "http://a", "InvalidSnapshotName.Malformed"),
        ("SnapshotName", &long, "InvalidSnapshotName.Malformed"),
        ("Description", "x", "InvalidDescription.Malformed"),
        ("RetentionDays", "0", "InvalidRetentionDays.Malformed"),
        ("RetentionDays", "65537", "InvalidRetentionDays.Malformed"),
        ("RetentionDays", "ten", "InvalidRetentionDays.Malformed"),
        ("ResourceGroupId", "rg-1", "InvalidResourceGroup.NotFound"),
        ("Tag.1.Key", "acs:k", "InvalidTagKey.Malformed"),
        ("Tag.1.Value", "v", "InvalidTagKey.Malformed"),
    ] {
        world.owner.ask("CreateSnapshot", &[("DiskId", &disk), (name, value)]).await.refused(code);
    }
    let base = ("DiskId", disk.as_str());
    let bad_value = [base, ("Tag.1.Key", "k"), ("Tag.1.Value", "acs:v")];
    world.owner.ask("CreateSnapshot", &bad_value).await.refused("InvalidTagValue.Malformed");
    let twice = [base, ("Tag.1.Key", "k"), ("Tag.2.Key", "k")];
    world.owner.ask("CreateSnapshot", &twice).await.refused("Duplicate.TagKey");
    let names: Vec<_> = (1..=21).map(|n| (format!("Tag.{n}.Key"), format!("k{n}"))).collect();
    let mut many = vec![base];
    many.extend(names.iter().map(|(name, key)| (name.as_str(), key.as_str())));
    world.owner.ask("CreateSnapshot", &many).await.refused("QuotaExceed.Tags");
    assert!(ids(&world, "Snapshot", &[]).await.is_empty());
    world
}

async fn once(world: World) -> World {
    let disk = disk(&world).await;
    let wanted = [("DiskId", disk.as_str()), ("ClientToken", "token-1"), ("SnapshotName", "first")];
    world
        .owner
        .ask("CreateSnapshot", &[("DiskId", &disk), ("ClientToken", "token-1"), ("DryRun", "true")])
        .await
        .refused("DryRunOperation");
    let first = take(&world, &wanted).await;
    assert_eq!(take(&world, &wanted).await, first);
    let other = [("DiskId", disk.as_str()), ("ClientToken", "token-1"), ("SnapshotName", "second")];
    let answer = world.owner.ask("CreateSnapshot", &other).await;
    assert_eq!(answer.status, 403);
    answer.refused("IdempotentParameterMismatch");
    assert_eq!(ids(&world, "Snapshot", &[]).await, [first]);
    world
}

async fn filters(world: World) -> World {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    let system = world.disk(&machine, DiskKind::System, |_| {}).await;
    let data = world.disk(&machine, DiskKind::Data, |_| {}).await;
    let of_system = take(&world, &[("DiskId", &system), ("SnapshotName", "nightly-system")]).await;
    world.engine.pass(Duration::from_secs(1));
    let tagged = [("Tag.1.Key", "stage"), ("Tag.1.Value", "prod"), ("Tag.2.Key", "x")];
    let wanted = [&[("DiskId", data.as_str()), ("SnapshotName", "nightly-data")][..], &tagged].concat();
    let of_data = take(&world, &wanted).await;
    world.engine.pass(Duration::from_secs(1));
    let alone = world.snapshot(DiskKind::Data, |snapshot| snapshot.status = SnapshotStatus::Failed).await;
    let of_disk = world.owner.ask("CreateDisk", &[("SnapshotId", &of_data)]).await.ok();
    assert!(of_disk["DiskId"].is_string());
    let both = [of_data.clone(), of_system.clone()];
    for (params, wanted) in [
        (vec![], vec![&alone, &of_data, &of_system]),
        (vec![("DiskId", system.as_str())], vec![&of_system]),
        (vec![("DiskId", "d-1")], vec![]),
        (vec![("InstanceId", machine.as_str())], both.iter().collect()),
        (vec![("SnapshotName", "nightly-*")], both.iter().collect()),
        (vec![("SnapshotName", "nightly")], vec![]),
        (vec![("Status", "failed")], vec![&alone]),
        (vec![("Status", "all"), ("SnapshotType", "user")], vec![&alone, &of_data, &of_system]),
        (vec![("SnapshotType", "auto")], vec![]),
        (vec![("SourceDiskType", "System")], vec![&of_system]),
        (vec![("Usage", "disk")], vec![&of_data]),
        (vec![("Usage", "none")], vec![&alone, &of_system]),
        (vec![("Usage", "image_disk")], vec![]),
        (vec![("Encrypted", "true")], vec![]),
        (vec![("Tag.1.Key", "stage")], vec![&of_data]),
        (vec![("Tag.1.key", "stage"), ("Tag.1.value", "prod"), ("Tag.4.Key", "x")], vec![&of_data]),
        (vec![("Tag.1.Key", "stage"), ("Tag.1.Value", "dev")], vec![]),
        (vec![("SourceDiskType", "data"), ("SnapshotName", "nightly*"), ("Usage", "disk")], vec![&of_data]),
        (vec![("RegionId", "local-2")], vec![]),
        (vec![("SnapshotIds", "[]")], vec![]),
    ] {
        let found = ids(&world, "Snapshot", &params).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{params:?}");
    }
    let two = format!("[\"{of_system}\", \"{alone}\", \"s-nosuch\"]");
    assert_eq!(ids(&world, "Snapshot", &[("SnapshotIds", &two)]).await, [alone, of_system]);
    world
}

async fn pages(world: World) -> World {
    for _ in 0..7 {
        world.snapshot(DiskKind::System, |_| {}).await;
        world.engine.pass(Duration::from_secs(1));
    }
    let all = ids(&world, "Snapshot", &[]).await;
    let mut numbered = Vec::new();
    for number in ["1", "2", "3", "4"] {
        let body = list(&world, "Snapshot", &[("PageNumber", number), ("PageSize", "3")]).await;
        assert_eq!((&body["TotalCount"], &body["PageSize"]), (&json!(7), &json!(3)));
        numbered.extend(ids(&world, "Snapshot", &[("PageNumber", number), ("PageSize", "3")]).await);
    }
    assert_eq!(numbered, all);
    let (mut by_token, mut token) = (Vec::new(), String::new());
    loop {
        let params = [("MaxResults", "3"), ("NextToken", token.as_str())];
        let body = list(&world, "Snapshot", &params).await;
        by_token.extend(ids(&world, "Snapshot", &params).await);
        token = body["NextToken"].as_str().expect("a token").to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(by_token, all);
    world
}

async fn bad_filters(world: World) -> World {
    let many: Vec<_> = (1..=21).map(|n| (format!("Tag.{n}.Key"), "k".to_owned())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let ids = format!("[{}]", vec!["\"s-1\""; 101].join(","));
    for (params, code) in [
        (vec![("Status", "Accomplished")], "InvalidStatus.NotFound"),
        (vec![("Usage", "instance")], "InvalidUsage"),
        (vec![("SourceDiskType", "both")], "InvalidSourceDiskType"),
        (vec![("SnapshotType", "manual")], "InvalidSnapshotType.NotFound"),
        (vec![("Tag.1.Value", "v")], "InvalidTag.Mismatch"),
        (many, "InvalidTagCount"),
        (vec![("SnapshotIds", "[\"s-1\"")], "InvalidParameter"),
        (vec![("SnapshotIds", "[1]")], "InvalidParameter"),
        (vec![("SnapshotIds", ids.as_str())], "InvalidParameter"),
        (vec![("PageSize", "101")], "InvalidParameter"),
        (vec![("PageNumber", "0")], "InvalidParameter"),
        (vec![("NextToken", "s-1")], "InvalidParameter"),
        (vec![("NextToken", "s-0000000000000000000000000")], "InvalidParameter"),
        (vec![("Encrypted", "maybe")], "InvalidParameter"),
    ] {
        world.owner.ask("DescribeSnapshots", &params).await.refused(code);
    }
    world
}

async fn modify(world: World) -> World {
    let id = world.snapshot(DiskKind::Data, |snapshot| snapshot.description = Some("old".to_owned())).await;
    let change = [("SnapshotId", id.as_str()), ("SnapshotName", "new-name"), ("RetentionDays", "7")];
    world.owner.ask("ModifySnapshotAttribute", &change).await.ok();
    let shown = show(&world, &id).await;
    assert_eq!(
        (&shown["SnapshotName"], &shown["Description"], &shown["RetentionDays"]),
        (&json!("new-name"), &json!("old"), &json!(7))
    );
    world.other.ask("ModifySnapshotAttribute", &change).await.refused("InvalidSnapshotId.NotFound");
    for (name, value, code) in [
        ("SnapshotName", "auto", "InvalidSnapshotName.Malformed"),
        ("RetentionDays", "-1", "InvalidRetentionDays.Malformed"),
    ] {
        let change = [("SnapshotId", id.as_str()), ("Description", "not kept"), (name, value)];
        world.owner.ask("ModifySnapshotAttribute", &change).await.refused(code);
    }
    assert_eq!(show(&world, &id).await["Description"], "old");
    world
}

async fn delete(world: World) -> World {
    let id = world.snapshot(DiskKind::Data, |_| {}).await;
    world.other.ask("DeleteSnapshot", &[("SnapshotId", &id)]).await.refused("InvalidSnapshotId.NotFound");
    world.owner.ask("CreateDisk", &[("SnapshotId", &id)]).await.ok();
    world.owner.ask("DeleteSnapshot", &[("SnapshotId", &id)]).await.refused("SnapshotCreatedDisk");
    world.owner.ask("DeleteSnapshot", &[("SnapshotId", &id), ("Force", "True")]).await.ok();
    world.owner.ask("DeleteSnapshot", &[("SnapshotId", &id)]).await.refused("InvalidSnapshotId.NotFound");
    let taking = world.snapshot(DiskKind::Data, |snapshot| snapshot.status = SnapshotStatus::Progressing).await;
    world.owner.ask("DeleteSnapshot", &[("SnapshotId", &taking)]).await.refused("InvalidSnapshotId.NotReady");
    world
}

async fn needed_by_image(world: World) -> World {
    let id = world.snapshot(DiskKind::System, |_| {}).await;
    let made = world.owner.ask("CreateImage", &[("SnapshotId", &id), ("ImageName", "from-snapshot")]).await.ok();
    let image = made["ImageId"].as_str().expect("an id").to_owned();
    world.settle().await;
    assert_eq!(show(&world, &id).await["Usage"], "image");
    assert_eq!(ids(&world, "Snapshot", &[("Usage", "image")]).await, std::slice::from_ref(&id));
    for force in ["false", "true"] {
        let params = [("SnapshotId", id.as_str()), ("Force", force)];
        world.owner.ask("DeleteSnapshot", &params).await.refused("SnapshotCreatedImage");
    }
    world.owner.ask("DeleteImage", &[("ImageId", &image)]).await.ok();
    world.owner.ask("DeleteSnapshot", &[("SnapshotId", &id)]).await.ok();
    world
}
