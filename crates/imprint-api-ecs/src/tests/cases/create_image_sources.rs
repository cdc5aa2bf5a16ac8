//! CreateImage: what an image can be made of, and in which order the three ways to say it count.

use imprint_model::{
    Architecture, BootMode, DiskKind, DiskStatus, Facts, InstanceStatus, MetadataAccess, OsType, SnapshotId,
    SnapshotStatus, Timestamp,
};
use serde_json::{Value, json};

use super::create_image::{create, made, shown, source};
use super::{Case, case};
use crate::ids::WireId;
use crate::tests::{Answer, World};

pub(super) const CASES: &[Case] = &[
    case(
        "CreateImage",
        &["OK", "MissingParameter"],
        "[S] a machine goes before mappings, mappings before a snapshot, and what does not count is not looked at",
        |world| Box::pin(priority(world)),
    ),
    case(
        "CreateImage",
        &["OK", "InvalidInstanceId.NotFound"],
        "[S] of a machine, each disk is snapshotted, and the image takes over what is known of the machine's",
        |world| Box::pin(instance(world)),
    ),
    case(
        "CreateImage",
        &[
            "IncorrectInstanceStatus",
            "InstanceLockedForSecurity",
            "IncorrectInstanceStatus.NeedRestart",
            "InvalidInstance.NotFoundSystemDisk",
        ],
        "[S] a machine must be stopped or running, not locked, settled, and have a system disk",
        |world| Box::pin(instance_states(world)),
    ),
    case(
        "CreateImage",
        &["IncorrectDiskStatus", "IncorrectDiskStatus.CreatingSnapshot", "QuotaExceed.Snapshot"],
        "a machine's disks must be such that snapshots can be taken of them",
        |world| Box::pin(instance_disks(world)),
    ),
    case(
        "CreateImage",
        &["OK"],
        "[S] mappings name one system disk and up to sixteen data disks, empty ones included",
        |world| Box::pin(mappings(world)),
    ),
    case(
        "CreateImage",
        &["OperationDenied", "InvalidParameter"],
        "[S] mappings have exactly one system disk, and no seventeenth data disk",
        |world| Box::pin(mapping_counts(world)),
    ),
    case(
        "CreateImage",
        &[
            "InvalidSize.ValueNotSupported",
            "InvalidDevice.Malformed",
            "InvalidDevice.InUse",
            "InvalidDiskType.ValueNotSupported",
        ],
        "[S] a mapping's size, device and type are checked",
        |world| Box::pin(mapping_members(world)),
    ),
    case(
        "CreateImage",
        &["OK", "MissingParameter"],
        "[S] a data disk's snapshot makes a system disk when platform and architecture are told",
        |world| Box::pin(data_as_system(world)),
    ),
    case(
        "CreateImage",
        &["OperationDenied", "InvalidSnapshotId.NotReady", "InvalidSnapshotId.NotFound"],
        "[S] a snapshot must be one's own, complete, and of a system disk",
        |world| Box::pin(snapshots(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

const NOBODY: &str = "0000000000000000000000000";

async fn of_instance(world: &World, id: &str) -> Answer {
    world.owner.ask("CreateImage", &[("InstanceId", id)]).await
}

async fn of_disks(world: &World, disks: &[(&str, &str)]) -> Answer {
    let named: Vec<_> = disks.iter().map(|(name, value)| (format!("DiskDeviceMapping.{name}"), *value)).collect();
    let params: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    world.owner.ask("CreateImage", &params).await
}

fn column(image: &Value, key: &str) -> Vec<String> {
    let mappings = image["DiskDeviceMappings"]["DiskDeviceMapping"].as_array().expect("a list");
    mappings.iter().map(|mapping| mapping[key].as_str().expect("a text").to_owned()).collect()
}

async fn priority(world: World) -> World {
    let machine = world.machine(|_| {}).await;
    let snapshot = source(&world).await;
    let all = [
        ("InstanceId", machine.as_str()),
        ("DiskDeviceMapping.1.Size", "x"),
        ("DiskDeviceMapping.1.SnapshotId", "x"),
        ("SnapshotId", "x"),
    ];
    let id = made(world.owner.ask("CreateImage", &all).await);
    assert_eq!(column(&shown(&world, &id).await, "Type"), ["system", "data"]);
    let two = [("DiskDeviceMapping.1.SnapshotId", snapshot.as_str()), ("SnapshotId", "x")];
    let id = made(world.owner.ask("CreateImage", &two).await);
    assert_eq!(column(&shown(&world, &id).await, "SnapshotId"), [snapshot.as_str()]);
    for none in [&[][..], &[("InstanceId", ""), ("SnapshotId", ""), ("DiskDeviceMapping.1.SnapshotId", "")]] {
        let message = world.owner.ask("CreateImage", none).await.refused("MissingParameter");
        assert_eq!(
            message,
            "The input parameter SnapshotId or InstanceId or DiskDeviceMapping that is mandatory for processing this request is not supplied."
        );
    }
    world
}

async fn instance(world: World) -> World {
    let machine = world
        .machine(|image| {
            image.facts = Facts {
                architecture: Some(Architecture::Arm64),
                boot_mode: Some(BootMode::Uefi),
                platform: Some("Debian".to_owned()),
                os_type: Some(OsType::Linux),
                os_name: Some("Debian 12 64bit".to_owned()),
                nvme: Some(true),
                metadata_access: Some(MetadataAccess::TokenRequired),
                family: Some("of-the-machine".to_owned()),
                ..Facts::default()
            };
        })
        .await;
    let id = made(of_instance(&world, &machine).await);
    world.settle().await;
    let image = shown(&world, &id).await;
    for (key, value) in [
        ("Architecture", "arm64"),
        ("BootMode", "UEFI"),
        ("Platform", "Debian"),
        ("OSType", "linux"),
        ("OSName", "Debian 12 64bit"),
        ("ImageFamily", ""),
        ("Status", "Available"),
    ] {
        assert_eq!(image[key], value, "{key}");
    }
    assert_eq!(
        (&image["Features"]["NvmeSupport"], &image["Features"]["ImdsSupport"]),
        (&"supported".into(), &"v2".into())
    );
    assert_eq!(column(&image, "Device"), ["/dev/xvda", "/dev/xvdb"]);
    assert_eq!(column(&image, "Size"), ["40", "100"]);
    // the snapshots are there for all to see, and stay as long as the image
    for (snapshot, kind) in column(&image, "SnapshotId").iter().zip(["system", "data"]) {
        let seen = world.owner.ask("DescribeSnapshots", &[("SnapshotIds", &json!([snapshot]).to_string())]).await.ok();
        assert_eq!(seen["Snapshots"]["Snapshot"][0]["SourceDiskType"], kind, "{seen}");
        world
            .owner
            .ask("DeleteSnapshot", &[("SnapshotId", snapshot), ("Force", "true")])
            .await
            .refused("SnapshotCreatedImage");
    }
    let gone = format!("i-{NOBODY}");
    let answer = of_instance(&world, &gone).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.refused("InvalidInstanceId.NotFound"), format!("The specified instance {gone} does not exist."));
    let nonsense = of_instance(&world, "<nonsense>").await.refused("InvalidInstanceId.NotFound");
    assert_eq!(nonsense, "The specified instance <nonsense> does not exist.");
    world
}

async fn instance_states(world: World) -> World {
    let image = world.image(|_| {}).await;
    for status in [InstanceStatus::Pending, InstanceStatus::Starting, InstanceStatus::Stopping] {
        let machine = world.instance(&image, |machine| machine.status = status).await;
        world.disk(&machine, DiskKind::System, |_| {}).await;
        let answer = of_instance(&world, &machine).await;
        assert_eq!(answer.status, 400, "{status}");
        let message = answer.refused("IncorrectInstanceStatus");
        assert_eq!(message, "The current status of the instance does not support this operation.");
    }
    let locked = world.instance(&image, |machine| machine.locked = Some("security".to_owned())).await;
    world.disk(&locked, DiskKind::System, |_| {}).await;
    let message = of_instance(&world, &locked).await.refused("InstanceLockedForSecurity");
    assert_eq!(message, "The specified operation is denied as your instance is locked for security reasons.");
    let unsettled = world.machine(|_| {}).await;
    world
        .disk(&unsettled, DiskKind::Data, |disk| {
            disk.letter = Some('c');
            disk.attached_at = disk.attached_at.map(|Timestamp(at)| Timestamp(at + 1));
        })
        .await;
    let answer = of_instance(&world, &unsettled).await;
    assert_eq!(answer.status, 403);
    let message = answer.refused("IncorrectInstanceStatus.NeedRestart");
    assert_eq!(message, "The instance needs to be restarted after adding a disk in a shutdown status.");
    let bare = world.instance(&image, |_| {}).await;
    let message = of_instance(&world, &bare).await.refused("InvalidInstance.NotFoundSystemDisk");
    assert_eq!(message, "The specified instance does not have system disk.");
    world
}

async fn instance_disks(world: World) -> World {
    let image = world.image(|_| {}).await;
    let machine = world.instance(&image, |_| {}).await;
    world.disk(&machine, DiskKind::System, |disk| disk.status = DiskStatus::Detaching).await;
    let answer = of_instance(&world, &machine).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.refused("IncorrectDiskStatus"), "The current disk status does not support this operation.");
    let machine = world.instance(&image, |_| {}).await;
    let disk = world.disk(&machine, DiskKind::System, |_| {}).await;
    world
        .snapshot(DiskKind::System, |snapshot| {
            snapshot.disk = imprint_model::DiskId::read(&disk);
            snapshot.status = SnapshotStatus::Progressing;
        })
        .await;
    let message = of_instance(&world, &machine).await.refused("IncorrectDiskStatus.CreatingSnapshot");
    assert_eq!(message, "A previous snapshot creation is in process.");
    let machine = world.machine(|_| {}).await;
    world.limit("disk_snapshots", 0).await;
    assert_eq!(of_instance(&world, &machine).await.refused("QuotaExceed.Snapshot"), "The snapshot quota exceeds.");
    world
}

async fn mappings(world: World) -> World {
    let system = source(&world).await;
    let data = world.snapshot(DiskKind::Data, |snapshot| snapshot.size_gib = 100).await;
    let answer = of_disks(
        &world,
        &[
            ("1.SnapshotId", &data),
            ("1.Device", "/dev/vdd"),
            ("2.SnapshotId", &system),
            ("2.Size", "50"),
            ("4.DiskType", "data"),
            ("9.Size", "2000"),
            ("9.Device", "/dev/xvdb"),
        ],
    )
    .await;
    let image = shown(&world, &made(answer)).await;
    assert_eq!(column(&image, "Device"), ["/dev/xvda", "/dev/xvdb", "/dev/xvdc", "/dev/xvdd"]);
    assert_eq!(column(&image, "Size"), ["50", "2000", "20", "100"], "an empty disk has 20 GiB unless told");
    assert_eq!(column(&image, "SnapshotId"), [system.as_str(), "", "", data.as_str()]);
    assert_eq!(image["Size"], 50);
    // the system disk's snapshot alone is as good as `SnapshotId`
    let alone = shown(&world, &made(of_disks(&world, &[("1.SnapshotId", &system)]).await)).await;
    assert_eq!(column(&alone, "SnapshotId"), [system.as_str()]);
    let names: Vec<String> = (2..=17).map(|number| format!("{number}.DiskType")).collect();
    let mut most: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "data")).collect();
    most.push(("1.SnapshotId", &system));
    let image = shown(&world, &made(of_disks(&world, &most).await)).await;
    assert_eq!(column(&image, "Device").last().map(String::as_str), Some("/dev/xvdq"), "sixteen data disks");
    world
}

async fn mapping_counts(world: World) -> World {
    let (one, two) = (source(&world).await, source(&world).await);
    let data = world.snapshot(DiskKind::Data, |_| {}).await;
    let answer = of_disks(&world, &[("1.SnapshotId", &data)]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.refused("OperationDenied"),
        "The specified parameter DiskDeviceMapping.n.SnapshotId does not contain system disk snapshot."
    );
    of_disks(&world, &[("1.Size", "40"), ("1.DiskType", "system")]).await.refused("OperationDenied");
    for (name, value) in [("2.DiskType", ""), ("2.DiskType", "system")] {
        let message = of_disks(&world, &[("1.SnapshotId", &one), ("2.SnapshotId", &two), (name, value)])
            .await
            .refused("OperationDenied");
        assert_eq!(
            message,
            "The specified parameter DiskDeviceMapping.n.SnapshotId contains two or more system disk snapshots."
        );
    }
    let names: Vec<String> = (1..=18).map(|number| format!("{number}.DiskType")).collect();
    let mut many: Vec<(&str, &str)> = names[1..].iter().map(|name| (name.as_str(), "data")).collect();
    many.push(("1.SnapshotId", &one));
    of_disks(&world, &many).await.refused("InvalidParameter");
    of_disks(&world, &many[..16]).await.refused("OperationDenied");
    world
}

async fn mapping_members(world: World) -> World {
    let system = source(&world).await;
    for size in ["39", "0", "-1", "x", "99999", "99999999999"] {
        let answer = of_disks(&world, &[("1.SnapshotId", &system), ("1.Size", size)]).await;
        assert_eq!(answer.status, 400, "{size}");
        assert_eq!(
            answer.refused("InvalidSize.ValueNotSupported"),
            "The specified parameter DiskDeviceMapping.n.Size beyond the permitted range."
        );
    }
    for size in ["19", "32769"] {
        of_disks(&world, &[("1.SnapshotId", &system), ("2.Size", size)]).await.refused("InvalidSize.ValueNotSupported");
    }
    for device in ["/dev/xvdb", "/dev/sda", "xvda", "/dev/xvdA"] {
        let message = of_disks(&world, &[("1.SnapshotId", &system), ("1.Device", device)])
            .await
            .refused("InvalidDevice.Malformed");
        assert_eq!(message, "The specified parameter DiskDeviceMapping.n.Device is not valid.", "{device}");
    }
    let taken = [
        ("1.SnapshotId", system.as_str()),
        ("2.Size", "20"),
        ("2.Device", "/dev/xvdb"),
        ("3.Size", "20"),
        ("3.Device", "/dev/vdb"),
    ];
    let message = of_disks(&world, &taken).await.refused("InvalidDevice.InUse");
    assert_eq!(message, "The specified parameter DiskDeviceMapping.n.Device has been occupied.");
    let message = of_disks(&world, &[("1.SnapshotId", &system), ("1.DiskType", "System")])
        .await
        .refused("InvalidDiskType.ValueNotSupported");
    assert_eq!(message, "The specified disk type is not supported.");
    world
}

async fn data_as_system(world: World) -> World {
    let data = world.snapshot(DiskKind::Data, |_| {}).await;
    let mapping = [("DiskDeviceMapping.1.SnapshotId", data.as_str()), ("DiskDeviceMapping.1.DiskType", "system")];
    for untold in [&[][..], &[("Platform", "Debian")], &[("Architecture", "x86_64")]] {
        let answer = world.owner.ask("CreateImage", &[&mapping, untold].concat()).await;
        answer.refused("MissingParameter");
    }
    let told = [("Platform", "Debian"), ("Architecture", "x86_64")];
    let id = made(world.owner.ask("CreateImage", &[&mapping[..], &told].concat()).await);
    world.settle().await;
    let image = shown(&world, &id).await;
    assert_eq!((&image["Status"], &image["Platform"]), (&"Available".into(), &"Debian".into()));
    assert_eq!(column(&image, "Type"), ["system"]);
    world
}

async fn snapshots(world: World) -> World {
    let data = world.snapshot(DiskKind::Data, |_| {}).await;
    let answer = create(&world, &data, &[]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.refused("OperationDenied"), "The specified snapshot is not allowed to create image.");
    for status in [SnapshotStatus::Progressing, SnapshotStatus::Failed] {
        let unfinished = world.snapshot(DiskKind::System, |snapshot| snapshot.status = status).await;
        let answer = create(&world, &unfinished, &[]).await;
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.refused("InvalidSnapshotId.NotReady"),
            "The current status of the DiskDeviceMapping.n.SnapshotId or SnapshotId does not support this operation."
        );
    }
    let theirs = world.project("other").await;
    let foreign = world.snapshot(DiskKind::System, |snapshot| snapshot.owner = theirs).await;
    for unknown in [foreign, SnapshotId::random().wire(), "s-x".to_owned(), "m-x".to_owned()] {
        let answer = create(&world, &unknown, &[]).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.refused("InvalidSnapshotId.NotFound"), "The specified SnapshotId does not exist.");
    }
    world
}
