//! Machines, disks and snapshots, where something runs them.

use http::StatusCode;
use imprint_model::{Caller, DiskCategory, DiskId, ImageId, InstanceId, SnapshotId};
use imprint_service::testing::World;
use imprint_service::{
    Ask, CreateDisk, CreateSnapshot, DataDisk, DiskQuery, ItemPage, Keeper, MakeInstances, NewMachine, Service,
    SystemDisk,
};
use serde_json::{Value, json};

use super::{Case, Fixture, NOBODY, case};
use crate::wire;

/// What is there before anything is asked.
pub(super) struct Put {
    image: ImageId,
    /// Stopped, with a data disk.
    still: InstanceId,
    disk: DiskId,
    /// Of that disk.
    snapshot: SnapshotId,
    /// Of its system disk, which is not empty.
    full: SnapshotId,
    /// Running.
    running: [InstanceId; 2],
    /// Of a disk of one of these, being taken.
    begun: SnapshotId,
    /// Attached to nothing.
    free: DiskId,
}

/// An image of no bytes, and machines of it.
pub(super) async fn put(world: &World, caller: &Caller) -> Put {
    let (service, ask) = (&world.service, Ask::default);
    let region = service.settings().home_region().to_owned();
    let image = super::queued(world, caller).await;
    let image = service.push_content(caller, image.id, 0, Vec::new()).await.expect("pushed");
    let still = machines(&region, image.id, 1, false);
    let still = service.create_instances(caller, still, ask()).await.expect("made")[0];
    let disk = disk_of(service, caller, still, 'b').await;
    let snapshot = service.create_snapshot(caller, snapshot_of(disk), ask()).await.expect("taken");
    let full = snapshot_of(disk_of(service, caller, still, 'a').await);
    let full = service.create_snapshot(caller, full, ask()).await.expect("taken");
    let running = machines(&region, image.id, 2, true);
    let running = service.create_instances(caller, running, ask()).await.expect("made");
    Keeper::new(service.clone()).settle().await.expect("they start");
    let begun = snapshot_of(disk_of(service, caller, running[0], 'b').await);
    let begun = service.create_snapshot(caller, begun, ask()).await.expect("begun");
    let free = CreateDisk {
        id: DiskId::random(),
        region,
        name: None,
        description: None,
        category: DiskCategory::Auto,
        size_gib: Some(1),
        sizes: 1..=9,
        snapshot: None,
        instance: None,
        resource_group: None,
        tags: Default::default(),
    };
    let free = service.create_disk(caller, free, ask()).await.expect("made");
    Put { image: image.id, still, disk, snapshot, full, running: [running[0], running[1]], begun, free }
}

async fn disk_of(service: &Service, caller: &Caller, instance: InstanceId, letter: char) -> DiskId {
    let owner = caller.project.clone().expect("an account");
    let page = ItemPage::After { after: None, limit: 9 };
    let mut query = DiskQuery::of(owner, service.settings().home_region(), page);
    query.instance = Some(instance);
    let disks = service.list_disks(caller, query).await.expect("listed").items;
    disks.iter().find(|disk| disk.letter == Some(letter)).expect("such a disk").id
}

fn snapshot_of(disk: DiskId) -> CreateSnapshot {
    CreateSnapshot {
        id: SnapshotId::random(),
        disk,
        name: None,
        description: None,
        retention_days: None,
        resource_group: None,
        tags: Default::default(),
    }
}

/// Machines with a data disk each.
fn machines(region: &str, image: ImageId, count: usize, start: bool) -> MakeInstances {
    let machine = || NewMachine { id: InstanceId::random(), name: None, host_name: None };
    let category = DiskCategory::Auto;
    MakeInstances {
        machines: std::iter::repeat_with(machine).take(count).collect(),
        region: region.to_owned(),
        image,
        description: None,
        class: "1x512".to_owned(),
        cpus: 1,
        memory_mib: 512,
        start,
        user_data: None,
        protected: false,
        resource_group: None,
        tags: Default::default(),
        system: SystemDisk {
            category,
            size_gib: None,
            sizes: 1..=9,
            name: None,
            description: None,
            delete_with_instance: true,
        },
        data: vec![DataDisk {
            category,
            size_gib: Some(1),
            sizes: 1..=9,
            snapshot: None,
            letter: None,
            name: None,
            description: None,
            delete_with_instance: true,
        }],
    }
}

/// For every operation a request that is done and one that is refused. What is begun here is never ended.
pub(super) fn cases(fixture: &Fixture) -> Vec<Case> {
    let Put { image, still, disk, snapshot, full, running: [first, second], begun, free } = &fixture.machines;
    let v1 = |rest: &str| format!("/imprint/v1/{rest}");
    let one = |id: &InstanceId, rest: &str| v1(&format!("instances/{id}{rest}"));
    let none = || json!({});
    let run = |change: Value| {
        let mut body = json!({ "image": image.to_string(), "cpus": 2, "memory_mib": 1024, "user_data": "QQ==" });
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    let size = |gib: u32| json!({ "size_gib": gib });
    let of = |id: &str| json!({ "instance": id });
    let the = still.to_string();
    vec![
        case("run_instances", "POST", v1("instances"), run(json!({ "count": 2, "data_disks_gib": [1] })), 201),
        case("run_instances", "POST", v1("instances"), run(json!({ "image": NOBODY })), 404),
        case("run_instances", "POST", v1("instances"), run(json!({ "count": 101 })), 400),
        case("run_instances", "POST", v1("instances"), run(json!({ "cpus": 0 })), 400),
        case("run_instances", "POST", v1("instances"), run(json!({ "user_data": "?" })), 400),
        case("list_instances", "GET", v1("instances?status=starting&limit=1"), none(), 200),
        case("list_instances", "GET", v1("instances?status=asleep"), none(), 400),
        case("show_instance", "GET", one(still, ""), none(), 200),
        case("show_instance", "GET", v1(&format!("instances/{NOBODY}")), none(), 404),
        case("show_console", "GET", one(first, "/console"), none(), 200),
        case("show_console", "GET", v1("instances/nobody/console"), none(), 404),
        case("type_in_console", "POST", one(first, "/console"), b"ls\r".to_vec(), 204),
        case("type_in_console", "POST", one(still, "/console"), b"ls\r".to_vec(), 409),
        case("type_in_console", "POST", one(first, "/console"), vec![b'x'; 5000], 413),
        case("reboot_instance", "POST", one(first, "/reboot"), none(), 202),
        case("reboot_instance", "POST", one(first, "/reboot"), json!({ "force": 1 }), 400),
        case("stop_instance", "POST", one(second, "/stop"), json!({ "force": true }), 202),
        case("stop_instance", "POST", one(second, "/stop"), none(), 409),
        case("create_disk", "POST", v1("disks"), size(1), 201),
        case("create_disk", "POST", v1("disks"), size(0), 400),
        case("list_disks", "GET", v1(&format!("disks?instance={still}")), none(), 200),
        case("list_disks", "GET", v1("disks?instance=nobody"), none(), 404),
        case("show_disk", "GET", v1(&format!("disks/{disk}")), none(), 200),
        case("show_disk", "GET", v1(&format!("disks/{NOBODY}")), none(), 404),
        case("delete_disk", "DELETE", v1(&format!("disks/{disk}")), none(), 409),
        case("delete_disk", "DELETE", v1(&format!("disks/{free}")), none(), 204),
        case("attach_disk", "POST", v1(&format!("disks/{disk}/attach")), of(&the), 409),
        case("detach_disk", "POST", v1(&format!("disks/{disk}/detach")), of(&the), 204),
        case("detach_disk", "POST", v1(&format!("disks/{disk}/detach")), of(&the), 409),
        case("attach_disk", "POST", v1(&format!("disks/{disk}/attach")), of(&the), 204),
        case("create_snapshot", "POST", v1("snapshots"), json!({ "disk": disk.to_string() }), 201),
        case("create_snapshot", "POST", v1("snapshots"), json!({ "disk": NOBODY }), 404),
        case("list_snapshots", "GET", v1(&format!("snapshots?disk={disk}")), none(), 200),
        case("list_snapshots", "GET", v1("snapshots?limit=few"), none(), 400),
        case("show_snapshot", "GET", v1(&format!("snapshots/{snapshot}")), none(), 200),
        case("show_snapshot", "GET", v1(&format!("snapshots/{NOBODY}")), none(), 404),
        case("delete_snapshot", "DELETE", v1(&format!("snapshots/{snapshot}")), none(), 204),
        case("delete_snapshot", "DELETE", v1(&format!("snapshots/{snapshot}?force")), none(), 404),
        case("offer_snapshot_nbd", "POST", v1(&format!("snapshots/{full}/nbd")), none(), 201),
        case("cancel_snapshot", "POST", v1(&format!("snapshots/{begun}/cancel")), none(), 204),
        case("cancel_snapshot", "POST", v1(&format!("snapshots/{NOBODY}/cancel")), none(), 404),
        case("start_instance", "POST", one(still, "/start"), none(), 202),
        case("start_instance", "POST", one(still, "/start"), none(), 409),
        case("delete_instance", "DELETE", one(still, ""), none(), 409),
        case("delete_instance", "DELETE", one(still, "?force"), none(), 204),
    ]
}

/// Policies speak of images alone here, so that nothing permits a user whom they bind what is done with machines.
#[tokio::test]
async fn whoever_policies_bind_has_no_machines_here() {
    let fixture = Fixture::new().await;
    let (status, body) =
        fixture.ask("POST", "/imprint/v1/accounts/acme/users", &fixture.admin, json!({ "name": "ann" })).await;
    assert_eq!(status, StatusCode::CREATED, "{body:?}");
    let ann: wire::NewBoundUser = serde_json::from_slice(&body).expect("a user");
    let keys = (ann.access_key_id.as_str(), ann.access_key_secret.as_str());
    let token = super::log_in(&fixture.dialect, &fixture.world, keys, "nonce-of-ann").await;
    let everything = "/imprint/v1/accounts/acme/users/ann/policies/AdministratorAccess?kind=System";
    for permitted in [false, true] {
        if permitted {
            let (status, body) = fixture.ask("PUT", everything, &fixture.admin, json!({})).await;
            assert_eq!(status, StatusCode::NO_CONTENT, "{body:?}");
        }
        for Case { op, method, path, body, status: done } in cases(&fixture) {
            if done.is_success() {
                let (status, body) = fixture.ask(method, &path, &token, body).await;
                let refused = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status);
                assert!(refused, "{op} {path} gave {status}: {}", String::from_utf8_lossy(&body));
            }
        }
    }
}
