//! Machines where something runs them: what verbs begin, and how what is under way is shown. That it comes to its end is
//! the engine's to prove.

use imprint_machine::{Architecture, Firmware, Hypervisor, MachineSpec};
use imprint_model::{DiskId, DiskStatus, InstanceId, InstanceStatus, SnapshotId, SnapshotStatus};
use serde_json::{Value, json};

use super::disks::{ids, list};
use super::instances::{bootable, make, show};
use super::{Case, case};
use crate::ids::WireId;
use crate::tests::World;

pub(super) const CASES: &[Case] = &[
    case(
        "RunInstances",
        &["OK", "DryRunOperation", "IdempotentParameterMismatch"],
        "machines begin to start",
        |world| Box::pin(run(world.with_hypervisor())),
    ),
    case(
        "StartInstance",
        &["OK", "DryRunOperation", "IncorrectInstanceStatus"],
        "a stopped machine begins to start",
        |world| Box::pin(start(world.with_hypervisor())),
    ),
    case("StopInstance", &["OK"], "a machine that runs begins to stop", |world| {
        Box::pin(stop(world.with_hypervisor(), "StopInstance"))
    }),
    case("RebootInstance", &["OK"], "a machine that runs begins to stop, and will start again", |world| {
        Box::pin(stop(world.with_hypervisor(), "RebootInstance"))
    }),
    case("StartInstances", &["OK", "IncorrectInstanceStatus"], "all begin to start, or none", |world| {
        Box::pin(start_many(world.with_hypervisor()))
    }),
    case(
        "GetInstanceConsoleOutput",
        &["OK", "InvalidInstanceId.NotFound", "MissingParameter", "InvalidParameter"],
        "what a machine said can be read, with or without what steers a terminal",
        |world| Box::pin(console(world.with_hypervisor())),
    ),
    case(
        "GetInstanceConsoleOutput",
        &["OperationDenied"],
        "where nothing runs machines, none says anything",
        |world| Box::pin(no_console(world)),
    ),
    case(
        "CreateSnapshot",
        &["OK", "IncorrectDiskStatus.CreatingSnapshot", "IncorrectInstanceStatus"],
        "of a disk that is written to, one after the other",
        |world| Box::pin(snapshot(world.with_hypervisor())),
    ),
    case("DescribeSnapshots", &["OK"], "it is shown how much of a snapshot is there", |world| {
        Box::pin(progress(world.with_hypervisor()))
    }),
    case("DeleteSnapshot", &["InvalidSnapshotId.NotReady"], "not while it is being taken", |world| {
        Box::pin(not_ready(world.with_hypervisor()))
    }),
    case("AttachDisk", &["OK", "IncorrectDiskStatus"], "to a running machine, once", |world| {
        Box::pin(attach(world.with_hypervisor()))
    }),
    case("DetachDisk", &["OK"], "from a running machine, which has to let it go", |world| {
        Box::pin(detach(world.with_hypervisor()))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

const TYPE: (&str, &str) = ("InstanceType", "ecs.t6-c4m1.large");

/// A machine that was started and runs, as the keeper of its node would have it.
async fn running(world: &World) -> String {
    let image = bootable(world, |_| {}).await;
    let id = make(world, &[("ImageId", &image), TYPE, ("DataDisk.1.Size", "20")]).await;
    world.owner.ask("StartInstance", &[("InstanceId", &id)]).await.ok();
    settle(world, &id, InstanceStatus::Running).await;
    id
}

async fn settle(world: &World, id: &str, status: InstanceStatus) {
    let id = InstanceId::read(id).expect("an id");
    world
        .put(move |tx| {
            let mut instance = imprint_catalogue::instances::get(tx, id)?.expect("there");
            instance.status = status;
            imprint_catalogue::instances::update(tx, &instance)
        })
        .await;
}

async fn settle_disk(world: &World, id: &str, status: DiskStatus) {
    let id = DiskId::read(id).expect("an id");
    world
        .put(move |tx| {
            let mut disk = imprint_catalogue::disks::get(tx, id)?.expect("there");
            disk.status = status;
            imprint_catalogue::disks::update(tx, &disk)
        })
        .await;
}

async fn status(world: &World, id: &str) -> Value {
    show(world, id).await["Status"].clone()
}

async fn data_disk(world: &World, instance: &str) -> String {
    ids(world, "Disk", &[("InstanceId", instance), ("DiskType", "data")]).await.remove(0)
}

async fn run(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let two = [("ImageId", image.as_str()), TYPE, ("Amount", "2"), ("UserData", "IyEvYmluL3No"), ("ClientToken", "t")];
    world.owner.ask("RunInstances", &[&two[..4], &[("DryRun", "true")]].concat()).await.refused("DryRunOperation");
    let body = world.owner.ask("RunInstances", &two).await.ok();
    let made = body["InstanceIdSets"]["InstanceIdSet"].as_array().expect("a list").clone();
    assert_eq!(made.len(), 2);
    assert_eq!(world.owner.ask("RunInstances", &two).await.ok()["InstanceIdSets"], body["InstanceIdSets"]);
    let other = [&two[..2], &[("Amount", "3"), ("ClientToken", "t")]].concat();
    world.owner.ask("RunInstances", &other).await.refused("IdempotentParameterMismatch");
    assert_eq!(ids(&world, "Instance", &[]).await.len(), 2);
    let shown = show(&world, made[0].as_str().expect("an id")).await;
    for (name, value) in [
        ("Status", json!("Starting")),
        ("Cpu", json!(2)),
        ("Memory", json!(512)),
        ("StartTime", json!("2026-11-22T01:28:36Z")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    world
}

async fn start(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let id = make(&world, &[("ImageId", &image), TYPE]).await;
    let named = [("InstanceId", id.as_str())];
    world.owner.ask("StartInstance", &[named[0], ("DryRun", "true")]).await.refused("DryRunOperation");
    assert_eq!(status(&world, &id).await, "Stopped");
    world.owner.ask("StartInstance", &named).await.ok();
    assert_eq!(status(&world, &id).await, "Starting");
    world.owner.ask("StartInstance", &named).await.refused("IncorrectInstanceStatus");
    let asked = [("InstanceId.1", id.as_str())];
    let body = world.owner.ask("DescribeInstanceStatus", &asked).await.ok();
    assert_eq!(body["InstanceStatuses"]["InstanceStatus"][0]["Status"], "Starting");
    world
}

async fn stop(world: World, action: &'static str) -> World {
    let id = running(&world).await;
    world.owner.ask(action, &[("InstanceId", &id), ("ForceStop", "true")]).await.ok();
    assert_eq!(status(&world, &id).await, "Stopping");
    world.owner.ask(action, &[("InstanceId", &id)]).await.refused("IncorrectInstanceStatus");
    world
}

async fn start_many(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let first = make(&world, &[("ImageId", &image), TYPE]).await;
    let second = make(&world, &[("ImageId", &image), TYPE]).await;
    let both = [("InstanceId.1", first.as_str()), ("InstanceId.2", second.as_str())];
    let body = world.owner.ask("StartInstances", &both).await.ok();
    for response in body["InstanceResponses"]["InstanceResponse"].as_array().expect("a list") {
        assert_eq!(
            (&response["Code"], &response["PreviousStatus"], &response["CurrentStatus"]),
            (&json!("200"), &json!("Stopped"), &json!("Starting"))
        );
    }
    world.owner.ask("StartInstances", &both).await.refused("IncorrectInstanceStatus");
    world
}

async fn console(world: World) -> World {
    let id = running(&world).await;
    let named = [("InstanceId", id.as_str())];
    assert_eq!(world.owner.ask("GetInstanceConsoleOutput", &named).await.ok()["ConsoleOutput"], "");
    let name = InstanceId::read(&id).expect("an id").to_string();
    let hypervisor = world.hypervisor.as_ref().expect("one");
    let spec = MachineSpec {
        name: name.clone(),
        architecture: Architecture::X86_64,
        firmware: Firmware::Bios,
        cpus: 1,
        memory_mib: 512,
        nvme: false,
        disks: Vec::new(),
        host_name: String::new(),
        user_data: None,
    };
    hypervisor.start(&spec).await.expect("starts");
    hypervisor.type_in(&name, "\u{1b}[1mlogin:\r\n".into()).await.expect("types");
    let read = async |params: &[(&str, &str)]| {
        let body = world.owner.ask("GetInstanceConsoleOutput", params).await.ok();
        assert_eq!((&body["InstanceId"], &body["LastUpdateTime"]), (&json!(id), &json!("2026-11-22 09:28:36")));
        let said = body["ConsoleOutput"].as_str().expect("text").as_bytes();
        String::from_utf8(data_encoding::BASE64.decode(said).expect("Base64")).expect("text")
    };
    assert!(read(&named).await.ends_with("\u{1b}[1mlogin:\r\n"));
    assert!(read(&[named[0], ("RemoveSymbols", "true")]).await.ends_with("login:\n"));
    world.owner.ask("GetInstanceConsoleOutput", &[named[0], ("RemoveSymbols", "x")]).await.refused("InvalidParameter");
    world.owner.ask("GetInstanceConsoleOutput", &[]).await.refused("MissingParameter");
    world.other.ask("GetInstanceConsoleOutput", &named).await.refused("InvalidInstanceId.NotFound");
    world
}

async fn no_console(world: World) -> World {
    let image = bootable(&world, |_| {}).await;
    let id = world.instance(&image, |machine| machine.node = Some("elsewhere".to_owned())).await;
    world.owner.ask("GetInstanceConsoleOutput", &[("InstanceId", &id)]).await.refused("OperationDenied");
    world
}

async fn begin_snapshot(world: &World) -> (String, String) {
    let id = running(world).await;
    let disk = data_disk(world, &id).await;
    let body = world.owner.ask("CreateSnapshot", &[("DiskId", &disk)]).await.ok();
    (disk, body["SnapshotId"].as_str().expect("an id").to_owned())
}

async fn snapshot(world: World) -> World {
    let (disk, taken) = begin_snapshot(&world).await;
    let shown = list(&world, "Snapshot", &[("DiskId", &disk)]).await["Snapshots"]["Snapshot"][0].clone();
    assert_eq!((&shown["SnapshotId"], &shown["Status"]), (&json!(taken), &json!("progressing")));
    world.owner.ask("CreateSnapshot", &[("DiskId", &disk)]).await.refused("IncorrectDiskStatus.CreatingSnapshot");
    let image = bootable(&world, |_| {}).await;
    let starting = make(&world, &[("ImageId", &image), TYPE]).await;
    world.owner.ask("StartInstance", &[("InstanceId", &starting)]).await.ok();
    let of_starting = ids(&world, "Disk", &[("InstanceId", &starting)]).await.remove(0);
    world.owner.ask("CreateSnapshot", &[("DiskId", &of_starting)]).await.refused("IncorrectInstanceStatus");
    world
}

async fn progress(world: World) -> World {
    let (disk, taken) = begin_snapshot(&world).await;
    let taken = SnapshotId::read(&taken).expect("an id");
    for (done, total, status, shown) in [
        (0, None, SnapshotStatus::Progressing, "0%"),
        (0, Some(0), SnapshotStatus::Progressing, "0%"),
        (1 << 20, Some(3 << 20), SnapshotStatus::Progressing, "33%"),
        (u64::MAX, Some(u64::MAX), SnapshotStatus::Progressing, "99%"),
        (1 << 20, Some(3 << 20), SnapshotStatus::Failed, "33%"),
        (0, Some(0), SnapshotStatus::Accomplished, "100%"),
    ] {
        world
            .put(move |tx| {
                let mut snapshot = imprint_catalogue::snapshots::get(tx, taken)?.expect("there");
                (snapshot.done_bytes, snapshot.total_bytes, snapshot.status) =
                    (done.min(i64::MAX as u64), total.map(|total: u64| total.min(i64::MAX as u64)), status);
                imprint_catalogue::snapshots::update(tx, &snapshot)
            })
            .await;
        let found = list(&world, "Snapshot", &[("DiskId", &disk)]).await["Snapshots"]["Snapshot"][0].clone();
        assert_eq!((&found["Progress"], &found["Status"]), (&json!(shown), &json!(status.as_str())));
        assert_eq!(found["Available"], status == SnapshotStatus::Accomplished);
    }
    world
}

async fn not_ready(world: World) -> World {
    let (_, taken) = begin_snapshot(&world).await;
    let force = [("SnapshotId", taken.as_str()), ("Force", "true")];
    world.owner.ask("DeleteSnapshot", &force).await.refused("InvalidSnapshotId.NotReady");
    world
}

async fn attach(world: World) -> World {
    let id = running(&world).await;
    let body = world.owner.ask("CreateDisk", &[("ZoneId", "local-1-a"), ("Size", "20")]).await.ok();
    let disk = body["DiskId"].as_str().expect("an id").to_owned();
    let pair = [("InstanceId", id.as_str()), ("DiskId", disk.as_str())];
    world.owner.ask("AttachDisk", &pair).await.ok();
    let wanted = format!("[\"{disk}\"]");
    let shown = list(&world, "Disk", &[("DiskIds", &wanted)]).await["Disks"]["Disk"][0].clone();
    assert_eq!((&shown["Status"], &shown["Device"]), (&json!("Attaching"), &json!("/dev/xvdc")));
    world.owner.ask("AttachDisk", &pair).await.refused("IncorrectDiskStatus");
    settle_disk(&world, &disk, DiskStatus::InUse).await;
    world.owner.ask("AttachDisk", &pair).await.refused("IncorrectDiskStatus");
    world
}

async fn detach(world: World) -> World {
    let id = running(&world).await;
    let disk = data_disk(&world, &id).await;
    world.owner.ask("DetachDisk", &[("InstanceId", &id), ("DiskId", &disk)]).await.ok();
    let wanted = format!("[\"{disk}\"]");
    let shown = list(&world, "Disk", &[("DiskIds", &wanted)]).await["Disks"]["Disk"][0].clone();
    assert_eq!(shown["Status"], "Detaching");
    world
}
