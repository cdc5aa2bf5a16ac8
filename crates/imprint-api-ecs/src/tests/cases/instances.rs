//! Machines: made, shown, changed, deleted. None of them runs: those that do are in `machines.rs`.

use std::time::Duration;

use imprint_model::{Architecture, Content, DiskKind, Image, InstanceStatus, MapId, MetadataAccess, SnapshotStatus};
use serde_json::{Value, json};

use super::disks::{ids, list};
use super::{Case, case};
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case("CreateInstance", &["OK"], "a machine is stopped and has its image's disks and those asked for", |world| {
        Box::pin(create(world))
    }),
    case("CreateInstance", &["OK", "InvalidImageId.NotFound"], "a family stands for its newest image", |world| {
        Box::pin(family(world))
    }),
    case(
        "CreateInstance",
        &[
            "MissingParameter",
            "InvalidImageId.NotFound",
            "IncorrectImageStatus",
            "ImageNotSupportInstanceType",
            "InvalidInstanceType.ValueNotSupported",
            "InvalidParameter",
        ],
        "image, type and access to metadata must fit",
        |world| Box::pin(bad_image(world)),
    ),
    case(
        "CreateInstance",
        &[
            "InvalidZoneId.NotFound",
            "InvalidInstanceName.Malformed",
            "InvalidHostName.Malformed",
            "InvalidDescription.Malformed",
            "InvalidUserData.Base64FormatInvalid",
            "InvalidUserData.SizeExceeded",
            "InvalidInstanceChargeType.ValueNotSupported",
            "InvalidResourceGroup.NotFound",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
        ],
        "what is told of a machine must be well-formed",
        |world| Box::pin(malformed(world)),
    ),
    case(
        "CreateInstance",
        &[
            "InvalidSystemDiskCategory.ValueNotSupported",
            "InvalidSystemDiskSize.ValueNotSupported",
            "InvalidSystemDiskSize.LessThanImageSize",
            "InvalidDataDiskCategory.ValueNotSupported",
            "InvalidDataDiskSize.ValueNotSupported",
            "InvalidDiskName.Malformed",
            "InvalidSnapshotId.NotFound",
            "InvalidSnapshot.NotReady",
            "InvalidDevice.Malformed",
            "InvalidDevice.InUse",
            "InstanceDiskLimitExceeded",
        ],
        "its disks must be such that they can be made",
        |world| Box::pin(bad_disks(world)),
    ),
    case(
        "CreateInstance",
        &["OK", "IdempotentParameterMismatch", "DryRunOperation"],
        "one token makes one machine, and a dry run none",
        |world| Box::pin(once(world)),
    ),
    case(
        "RunInstances",
        &["OperationDenied", "InvalidImageId.NotFound", "InvalidParameter"],
        "nothing runs here, which is said once everything else is right",
        |world| Box::pin(run(world)),
    ),
    case(
        "StartInstance",
        &[
            "OperationDenied",
            "InvalidInstanceId.NotFound",
            "IncorrectInstanceStatus",
            "InstanceLockedForSecurity",
            "InvalidInstance.NotFoundSystemDisk",
        ],
        "a machine that could be started is not, and it is said why",
        |world| Box::pin(power(world, "StartInstance")),
    ),
    case(
        "StopInstance",
        &["OK", "InvalidInstanceId.NotFound", "IncorrectInstanceStatus", "InvalidParameter", "DryRunOperation"],
        "a machine that is stopped already is not stopped again",
        |world| Box::pin(power(world, "StopInstance")),
    ),
    case(
        "RebootInstance",
        &["OperationDenied", "InvalidInstanceId.NotFound", "IncorrectInstanceStatus"],
        "a machine that is stopped is not started again, nor is any other",
        |world| Box::pin(power(world, "RebootInstance")),
    ),
    case(
        "StartInstances",
        &["OK", "OperationDenied", "InvalidInstanceId.NotFound", "MissingParameter"],
        "all together or each by itself",
        |world| Box::pin(power_of_many(world, "StartInstances")),
    ),
    case(
        "StopInstances",
        &["OK", "IncorrectInstanceStatus", "InvalidInstanceId.NotFound", "MissingParameter"],
        "all together or each by itself",
        |world| Box::pin(power_of_many(world, "StopInstances")),
    ),
    case(
        "RebootInstances",
        &["OK", "IncorrectInstanceStatus", "InvalidInstanceId.NotFound", "MissingParameter"],
        "all together or each by itself",
        |world| Box::pin(power_of_many(world, "RebootInstances")),
    ),
    case(
        "DeleteInstance",
        &[
            "OK",
            "InvalidInstanceId.NotFound",
            "IncorrectInstanceStatus",
            "IncorrectInstanceStatus.Initializing",
            "InvalidOperation.DeletionProtection",
            "InstanceLockedForSecurity",
        ],
        "a machine goes with the disks that go along, the others are free then",
        |world| Box::pin(delete(world)),
    ),
    case(
        "DeleteInstances",
        &["OK", "InvalidInstanceId.NotFound", "InvalidParameter", "MissingParameter", "DryRunOperation"],
        "all go or none",
        |world| Box::pin(delete_many(world)),
    ),
    case(
        "ModifyInstanceAttribute",
        &["OK", "InvalidInstanceId.NotFound", "InvalidInstanceName.Malformed", "IncorrectInstanceStatus"],
        "what is given changes, the rest stays",
        |world| Box::pin(modify(world)),
    ),
    case(
        "ReplaceSystemDisk",
        &[
            "OK",
            "InvalidInstanceId.NotFound",
            "InvalidImageId.NotFound",
            "IncorrectInstanceStatus",
            "OperationDenied",
            "ImageNotSupportInstanceType",
            "InvalidSystemDiskSize.LessThanImageSize",
            "InvalidSystemDiskSize.ValueNotSupported",
            "IdempotentParameterMismatch",
        ],
        "a stopped machine gets a new system disk of another image",
        |world| Box::pin(replace(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// An image that machines can be made of: it has bytes, though nobody reads them.
pub(super) async fn bootable(world: &World, change: impl FnOnce(&mut Image)) -> String {
    let content =
        Content { map: MapId([7; 32]), size_bytes: 1 << 20, virtual_size_bytes: Some(30 << 30), md5: None, hash: None };
    world
        .image(|image| {
            image.content = Some(content);
            change(image);
        })
        .await
}

pub(super) async fn make(world: &World, params: &[(&str, &str)]) -> String {
    let body = world.owner.ask("CreateInstance", params).await.ok();
    body["InstanceId"].as_str().expect("an id").to_owned()
}

pub(super) async fn show(world: &World, id: &str) -> Value {
    let wanted = format!("[\"{id}\"]");
    let body = list(world, "Instance", &[("InstanceIds", &wanted)]).await;
    assert_eq!(body["TotalCount"], 1, "{id}");
    body["Instances"]["Instance"][0].clone()
}

async fn create(world: World) -> World {
    let image = bootable(&world, |image| {
        image.facts.platform = Some("Debian".to_owned());
        image.facts.metadata_access = Some(MetadataAccess::TokenRequired);
    })
    .await;
    let snapshot = world.snapshot(DiskKind::Data, |_| {}).await;
    let id = make(
        &world,
        &[
            ("ImageId", &image),
            ("InstanceType", "ecs.g7.large"),
            ("ZoneId", "local-1-a"),
            ("InstanceName", "web-1"),
            ("HostName", "web-1.example"),
            ("Description", "for people"),
            ("UserData", "IyEvYmluL3No"),
            ("HttpTokens", "required"),
            ("DeletionProtection", "True"),
            ("SystemDisk.Category", "cloud_essd"),
            ("SystemDisk.Size", "60"),
            ("SystemDisk.DiskName", "system-of-web"),
            ("DataDisk.1.Category", "cloud"),
            ("DataDisk.1.Size", "5"),
            ("DataDisk.1.Device", "/dev/xvdc"),
            ("DataDisk.1.DeleteWithInstance", "false"),
            ("DataDisk.3.SnapshotId", &snapshot),
            ("Tag.1.Key", "k"),
            ("Tag.1.Value", "v"),
            ("SecurityGroupId", "sg-unknown"),
            ("VSwitchId", "vsw-unknown"),
        ],
    )
    .await;
    let shown = show(&world, &id).await;
    for (name, value) in [
        ("InstanceName", json!("web-1")),
        ("HostName", json!("web-1.example")),
        ("Description", json!("for people")),
        ("Status", json!("Stopped")),
        ("ImageId", json!(image)),
        ("InstanceType", json!("ecs.g7.large")),
        ("Cpu", json!(2)),
        ("Memory", json!(8192)),
        ("OSType", json!("linux")),
        ("DeletionProtection", json!(true)),
        ("CreationTime", json!("2026-11-22T01:28:36Z")),
        ("OperationLocks", json!({ "LockReason": [] })),
        ("Tags", json!({ "Tag": [{ "TagKey": "k", "TagValue": "v" }] })),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert!(shown["OSNameEn"].as_str().expect("a name").starts_with("Debian"));
    assert_eq!(shown["MetadataOptions"]["HttpTokens"], "required");
    let disks = list(&world, "Disk", &[("InstanceId", &id)]).await;
    let mut disks: Vec<_> = disks["Disks"]["Disk"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|disk| (disk["Device"].clone(), disk["Size"].clone(), disk["DeleteWithInstance"].clone()))
        .collect();
    disks.sort_by_key(|(device, ..)| device.to_string());
    assert_eq!(
        disks,
        [
            (json!("/dev/xvda"), json!(60), json!(true)),
            (json!("/dev/xvdb"), json!(40), json!(true)),
            (json!("/dev/xvdc"), json!(5), json!(false)),
        ]
    );
    let other = world.other.ask("DescribeInstances", &[]).await.ok();
    assert_eq!(other["TotalCount"], 0, "what is another account's is not there");
    world
}

async fn family(world: World) -> World {
    let of_family = |image: &mut Image| image.facts.family = Some("web".to_owned());
    bootable(&world, of_family).await;
    world.engine.pass(Duration::from_secs(1));
    let newest = bootable(&world, of_family).await;
    let id = make(&world, &[("ImageFamily", "web"), ("InstanceType", "ecs.g7.large")]).await;
    assert_eq!(show(&world, &id).await["ImageId"], newest);
    let none = [("ImageFamily", "nosuch"), ("InstanceType", "ecs.g7.large")];
    world.owner.ask("CreateInstance", &none).await.refused("InvalidImageId.NotFound");
    world
}

async fn bad_image(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let arm = bootable(&world, |image| image.facts.architecture = Some(Architecture::Arm64)).await;
    let empty = world.image(|_| {}).await;
    let making = bootable(&world, |image| image.status = imprint_model::Status::Importing).await;
    let elsewhere = bootable(&world, |image| image.region = "local-2".to_owned()).await;
    for (image, class, code) in [
        (image.as_str(), "", "MissingParameter"),
        ("", "ecs.g7.large", "MissingParameter"),
        ("m-1", "ecs.g7.large", "InvalidImageId.NotFound"),
        (&elsewhere, "ecs.g7.large", "InvalidImageId.NotFound"),
        (&making, "ecs.g7.large", "IncorrectImageStatus"),
        (&empty, "ecs.g7.large", "IncorrectImageStatus"),
        (&arm, "ecs.g7.large", "ImageNotSupportInstanceType"),
        (&image, "ecs.g8y.large", "ImageNotSupportInstanceType"),
        (&image, "ecs.g8i.large", "ImageNotSupportInstanceType"),
        (&image, "g7.large", "InvalidInstanceType.ValueNotSupported"),
    ] {
        let params = [("ImageId", image), ("InstanceType", class)];
        world.owner.ask("CreateInstance", &params).await.refused(code);
    }
    let params = [("ImageId", image.as_str()), ("InstanceType", "ecs.g7.large"), ("HttpTokens", "required")];
    world.owner.ask("CreateInstance", &params).await.refused("InvalidParameter");
    let theirs = [("ImageId", image.as_str()), ("InstanceType", "ecs.g7.large")];
    world.other.ask("CreateInstance", &theirs).await.refused("InvalidImageId.NotFound");
    assert!(ids(&world, "Instance", &[]).await.is_empty());
    world
}

/// Insists that a machine is refused for what is added to a good request.
async fn refuse(world: &World, image: &str, more: &[(&str, &str)], code: &str) {
    let base = [("ImageId", image), ("InstanceType", "ecs.g7.large")];
    world.owner.ask("CreateInstance", &[&base[..], more].concat()).await.refused(code);
}

async fn malformed(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let large = "QUFB".repeat(12_000);
    for (name, value, code) in [
        ("ZoneId", "local-1-b", "InvalidZoneId.NotFound"),
        ("InstanceName", "1", "InvalidInstanceName.Malformed"),
        ("HostName", "-web", "InvalidHostName.Malformed"),
        ("Description", "http://x", "InvalidDescription.Malformed"),
        ("UserData", "not base64!", "InvalidUserData.Base64FormatInvalid"),
        ("UserData", &large, "InvalidUserData.SizeExceeded"),
        ("InstanceChargeType", "Free", "InvalidInstanceChargeType.ValueNotSupported"),
        ("ResourceGroupId", "rg-none", "InvalidResourceGroup.NotFound"),
        ("Tag.1.Key", "aliyun-x", "InvalidTagKey.Malformed"),
        ("DeletionProtection", "1", "InvalidParameter"),
    ] {
        // a form: the longest value does not fit into a query
        let base = [("ImageId", image.as_str()), ("InstanceType", "ecs.g7.large"), (name, value)];
        world.owner.styled(crate::tests::Style::V3Form).ask("CreateInstance", &base).await.refused(code);
    }
    refuse(&world, &image, &[("Tag.1.Key", "k"), ("Tag.1.Value", "acs:")], "InvalidTagValue.Malformed").await;
    refuse(&world, &image, &[("Tag.1.Key", "k"), ("Tag.2.Key", "k")], "Duplicate.TagKey").await;
    assert!(ids(&world, "Instance", &[]).await.is_empty());
    world
}

async fn bad_disks(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let snapshot = world.snapshot(DiskKind::Data, |_| {}).await;
    let taking = world.snapshot(DiskKind::Data, |snapshot| snapshot.status = SnapshotStatus::Progressing).await;
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("SystemDisk.Category", "fast")], "InvalidSystemDiskCategory.ValueNotSupported"),
        (&[("SystemDisk.Size", "19")], "InvalidSystemDiskSize.ValueNotSupported"),
        (&[("SystemDisk.Size", "2049")], "InvalidSystemDiskSize.ValueNotSupported"),
        (&[("SystemDisk.Size", "501"), ("SystemDisk.Category", "cloud")], "InvalidSystemDiskSize.ValueNotSupported"),
        (&[("SystemDisk.Size", "29")], "InvalidSystemDiskSize.LessThanImageSize"),
        (&[("SystemDisk.DiskName", "1")], "InvalidDiskName.Malformed"),
        (&[("DataDisk.1.Category", "fast")], "InvalidDataDiskCategory.ValueNotSupported"),
        (&[("DataDisk.1.Size", "19")], "InvalidDataDiskSize.ValueNotSupported"),
        (&[("DataDisk.1.Category", "cloud")], "InvalidDataDiskSize.ValueNotSupported"),
        (&[("DataDisk.1.SnapshotId", "s-1")], "InvalidSnapshotId.NotFound"),
        (&[("DataDisk.1.SnapshotId", &snapshot), ("DataDisk.1.Size", "39")], "InvalidDataDiskSize.ValueNotSupported"),
        (&[("DataDisk.1.SnapshotId", &taking)], "InvalidSnapshot.NotReady"),
        (&[("DataDisk.1.Size", "20"), ("DataDisk.1.Device", "/dev/xvda")], "InvalidDevice.Malformed"),
        (&[("DataDisk.1.Size", "20"), ("DataDisk.1.Device", "sdb")], "InvalidDevice.Malformed"),
        (
            &[
                ("DataDisk.1.Size", "20"),
                ("DataDisk.1.Device", "/dev/xvdb"),
                ("DataDisk.2.Size", "20"),
                ("DataDisk.2.Device", "/dev/vdb"),
            ],
            "InvalidDevice.InUse",
        ),
    ];
    for (more, code) in cases {
        refuse(&world, &image, more, code).await;
    }
    let names: Vec<_> = (1..=17).map(|n| format!("DataDisk.{n}.Size")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "20")).collect();
    refuse(&world, &image, &many, "InstanceDiskLimitExceeded").await;
    assert!(ids(&world, "Disk", &[]).await.is_empty());
    world
}

async fn once(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let base = [("ImageId", image.as_str()), ("InstanceType", "ecs.g7.large"), ("ClientToken", "token-1")];
    world.owner.ask("CreateInstance", &[&base[..], &[("DryRun", "true")]].concat()).await.refused("DryRunOperation");
    let first = make(&world, &base).await;
    assert_eq!(make(&world, &base).await, first);
    let other = [&base[..], &[("InstanceName", "another")]].concat();
    world.owner.ask("CreateInstance", &other).await.refused("IdempotentParameterMismatch");
    assert_eq!(ids(&world, "Instance", &[]).await, [first]);
    world
}

async fn run(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let good = [("ImageId", image.as_str()), ("InstanceType", "ecs.g7.large"), ("Amount", "2")];
    let answer = world.owner.ask("RunInstances", &good).await;
    assert_eq!(answer.status, 403);
    let message = answer.refused("OperationDenied");
    assert!(message.contains("cannot be started"), "{message}");
    world.owner.ask("RunInstances", &[&good[..], &[("DryRun", "true")]].concat()).await.refused("OperationDenied");
    for (name, value, code) in [
        ("ImageId", "m-1", "InvalidImageId.NotFound"),
        ("Amount", "0", "InvalidParameter"),
        ("Amount", "101", "InvalidParameter"),
    ] {
        let params: Vec<_> = good.iter().map(|&pair| if pair.0 == name { (name, value) } else { pair }).collect();
        world.owner.ask("RunInstances", &params).await.refused(code);
    }
    assert!(ids(&world, "Instance", &[]).await.is_empty());
    world
}

async fn power(world: World, action: &'static str) -> World {
    let image = world.image(|_| {}).await;
    let stopped = world.instance(&image, |_| {}).await;
    world.disk(&stopped, DiskKind::System, |_| {}).await;
    let pending = world.instance(&image, |machine| machine.status = InstanceStatus::Pending).await;
    let ask = async |params: &[(&str, &str)], code: &str| {
        world.owner.ask_plainly(action, params).await.refused(code);
    };
    ask(&[("InstanceId", "i-1")], "InvalidInstanceId.NotFound").await;
    ask(&[], "MissingParameter").await;
    ask(&[("InstanceId", &pending)], "IncorrectInstanceStatus").await;
    world.other.ask_plainly(action, &[("InstanceId", &stopped)]).await.refused("InvalidInstanceId.NotFound");
    let code = if action == "StartInstance" { "OperationDenied" } else { "IncorrectInstanceStatus" };
    ask(&[("InstanceId", &stopped)], code).await;
    assert_eq!(show(&world, &stopped).await["Status"], "Stopped");
    match action {
        "StartInstance" => {
            let locked = world.instance(&image, |machine| machine.locked = Some("security".to_owned())).await;
            ask(&[("InstanceId", &locked)], "InstanceLockedForSecurity").await;
            let bare = world.instance(&image, |_| {}).await;
            ask(&[("InstanceId", &bare)], "InvalidInstance.NotFoundSystemDisk").await;
        }
        "StopInstance" => {
            ask(&[("InstanceId", &stopped), ("ForceStop", "now")], "InvalidParameter").await;
            ask(&[("InstanceId", &stopped), ("StoppedMode", "Never")], "InvalidParameter").await;
            // left over from when something ran machines
            let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
            ask(&[("InstanceId", &running), ("DryRun", "true")], "DryRunOperation").await;
            world.owner.ask_plainly(action, &[("InstanceId", &running), ("ForceStop", "true")]).await.ok();
            assert_eq!(show(&world, &running).await["Status"], "Stopped");
        }
        _ => {
            let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
            ask(&[("InstanceId", &running)], "OperationDenied").await;
        }
    }
    world
}

async fn power_of_many(world: World, action: &'static str) -> World {
    let image = world.image(|_| {}).await;
    let first = world.instance(&image, |_| {}).await;
    let second = world.instance(&image, |_| {}).await;
    for machine in [&first, &second] {
        world.disk(machine, DiskKind::System, |_| {}).await;
    }
    let code = if action == "StartInstances" { "OperationDenied" } else { "IncorrectInstanceStatus" };
    let both = [("InstanceId.1", first.as_str()), ("InstanceId.2", second.as_str())];
    world.owner.ask(action, &both).await.refused(code);
    world.owner.ask(action, &[]).await.refused("MissingParameter");
    world.owner.ask(action, &[("InstanceId.1", "i-1")]).await.refused("InvalidInstanceId.NotFound");
    world.owner.ask(action, &[("InstanceId.1", &first), ("BatchOptimization", "x")]).await.refused("InvalidParameter");
    let each = [&both[..], &[("InstanceId.3", &first), ("BatchOptimization", "SuccessFirst")]].concat();
    let body = world.owner.ask(action, &each).await.ok();
    let responses = body["InstanceResponses"]["InstanceResponse"].as_array().expect("a list");
    assert_eq!(responses.len(), 2, "each once");
    for (response, id) in responses.iter().zip([&first, &second]) {
        assert_eq!((&response["InstanceId"], &response["Code"]), (&json!(id), &json!(code)));
        assert_eq!((&response["PreviousStatus"], &response["CurrentStatus"]), (&json!("Stopped"), &json!("Stopped")));
    }
    world
}

async fn delete(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let base = [("ImageId", image.as_str()), ("InstanceType", "ecs.g7.large")];
    let kept = [("DataDisk.1.Size", "20"), ("DataDisk.1.DeleteWithInstance", "false"), ("DataDisk.2.Size", "21")];
    let id = make(&world, &[&base[..], &kept].concat()).await;
    let protected = make(&world, &[&base[..], &[("DeletionProtection", "true")]].concat()).await;
    let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
    let pending = world.instance(&image, |machine| machine.status = InstanceStatus::Pending).await;
    let locked = world.instance(&image, |machine| machine.locked = Some("security".to_owned())).await;
    for (id, code) in [
        ("i-1", "InvalidInstanceId.NotFound"),
        (protected.as_str(), "InvalidOperation.DeletionProtection"),
        (&running, "IncorrectInstanceStatus"),
        (&pending, "IncorrectInstanceStatus.Initializing"),
        (&locked, "InstanceLockedForSecurity"),
    ] {
        world.owner.ask("DeleteInstance", &[("InstanceId", id)]).await.refused(code);
    }
    world.other.ask("DeleteInstance", &[("InstanceId", &id)]).await.refused("InvalidInstanceId.NotFound");
    world.owner.ask("DeleteInstance", &[("InstanceId", &running), ("Force", "true")]).await.ok();
    world.owner.ask("DeleteInstance", &[("InstanceId", &id)]).await.ok();
    world.owner.ask("DeleteInstance", &[("InstanceId", &id)]).await.refused("InvalidInstanceId.NotFound");
    let free = list(&world, "Disk", &[("Status", "Available")]).await;
    assert_eq!((&free["TotalCount"], &free["Disks"]["Disk"][0]["Size"]), (&json!(1), &json!(20)));
    let off = [("InstanceId", protected.as_str()), ("DeletionProtection", "false")];
    world.owner.ask("ModifyInstanceAttribute", &off).await.ok();
    world.owner.ask("DeleteInstance", &[("InstanceId", &protected)]).await.ok();
    world
}

async fn delete_many(world: World) -> World {
    let image = world.image(|_| {}).await;
    let first = world.instance(&image, |_| {}).await;
    let second = world.instance(&image, |_| {}).await;
    let both = [("InstanceId.1", first.as_str()), ("InstanceId.2", second.as_str())];
    world.owner.ask("DeleteInstances", &[]).await.refused("MissingParameter");
    world.owner.ask("DeleteInstances", &[&both[..], &[("DryRun", "true")]].concat()).await.refused("DryRunOperation");
    let strange = [&both[..], &[("InstanceId.3", "i-0000000000000000000000000")]].concat();
    world.owner.ask("DeleteInstances", &strange).await.refused("InvalidInstanceId.NotFound");
    assert_eq!(ids(&world, "Instance", &[]).await.len(), 2);
    let names: Vec<_> = (1..=101).map(|n| format!("InstanceId.{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "i-1")).collect();
    world.owner.ask("DeleteInstances", &many).await.refused("InvalidParameter");
    let wanted = [&both[..], &[("ClientToken", "t")]].concat();
    world.owner.ask("DeleteInstances", &wanted).await.ok();
    world.owner.ask("DeleteInstances", &wanted).await.ok();
    assert!(ids(&world, "Instance", &[]).await.is_empty());
    world
}

async fn modify(world: World) -> World {
    let image = world.image(|_| {}).await;
    let id = world.instance(&image, |machine| machine.name = Some("before".to_owned())).await;
    let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
    let change = [("InstanceId", id.as_str()), ("HostName", "host-1"), ("Description", "told later")];
    world.owner.ask("ModifyInstanceAttribute", &change).await.ok();
    let shown = show(&world, &id).await;
    assert_eq!((&shown["InstanceName"], &shown["HostName"]), (&json!("before"), &json!("host-1")));
    world.other.ask("ModifyInstanceAttribute", &change).await.refused("InvalidInstanceId.NotFound");
    let bad = [("InstanceId", id.as_str()), ("InstanceName", "x")];
    world.owner.ask("ModifyInstanceAttribute", &bad).await.refused("InvalidInstanceName.Malformed");
    let late = [("InstanceId", running.as_str()), ("UserData", "QQ==")];
    world.owner.ask("ModifyInstanceAttribute", &late).await.refused("IncorrectInstanceStatus");
    world
}

async fn replace(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let next = bootable(&world, |_| {}).await;
    let arm = bootable(&world, |image| image.facts.architecture = Some(Architecture::Arm64)).await;
    let with_data = bootable(&world, |image| {
        let system = imprint_model::ImageDisk {
            kind: DiskKind::System,
            letter: 'a',
            size_gib: 30,
            snapshot: None,
            imported_from: None,
        };
        let data = imprint_model::ImageDisk { kind: DiskKind::Data, letter: 'b', ..system.clone() };
        image.disks = vec![system, data];
    })
    .await;
    let id = make(&world, &[("ImageId", &image), ("InstanceType", "ecs.g7.large")]).await;
    let old = ids(&world, "Disk", &[("InstanceId", &id)]).await;
    let running = world.instance(&image, |machine| machine.status = InstanceStatus::Running).await;
    for (instance, image, size, code) in [
        ("i-1", next.as_str(), "", "InvalidInstanceId.NotFound"),
        (&id, "m-1", "", "InvalidImageId.NotFound"),
        (&running, &next, "", "IncorrectInstanceStatus"),
        (&id, &with_data, "", "OperationDenied"),
        (&id, &arm, "", "ImageNotSupportInstanceType"),
        (&id, &next, "29", "InvalidSystemDiskSize.LessThanImageSize"),
        (&id, &next, "2049", "InvalidSystemDiskSize.ValueNotSupported"),
        (&id, &next, "x", "InvalidSystemDiskSize.ValueNotSupported"),
    ] {
        let params = [("InstanceId", instance), ("ImageId", image), ("SystemDisk.Size", size)];
        world.owner.ask("ReplaceSystemDisk", &params).await.refused(code);
    }
    let wanted =
        [("InstanceId", id.as_str()), ("ImageId", next.as_str()), ("SystemDisk.Size", "50"), ("ClientToken", "t")];
    let body = world.owner.ask("ReplaceSystemDisk", &wanted).await.ok();
    let disk = body["DiskId"].as_str().expect("an id").to_owned();
    assert_eq!(world.owner.ask("ReplaceSystemDisk", &wanted).await.ok()["DiskId"], disk);
    let other = [("InstanceId", id.as_str()), ("ImageId", next.as_str()), ("ClientToken", "t")];
    world.owner.ask("ReplaceSystemDisk", &other).await.refused("IdempotentParameterMismatch");
    assert_eq!(show(&world, &id).await["ImageId"], next);
    assert_eq!(ids(&world, "Disk", &[("InstanceId", &id)]).await, std::slice::from_ref(&disk));
    assert_ne!(old, [disk]);
    world
}
