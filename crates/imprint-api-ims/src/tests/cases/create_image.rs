//! `create_image` of a server and of disks, and `create_whole_image`.

use imprint_model::{
    Architecture, DiskId, DiskKind, InstanceId, InstanceStatus, OsType, SnapshotId, SnapshotStatus, Status,
};
use serde_json::{Value, json};

use super::making::{done, image_of, job, server, snapshot};
use super::{Case, case};
use crate::tests::{Answer, Way, World};

pub(super) const CASES: &[Case] = &[
    case("create_image", &["OK"], "a stopped server's system disk becomes an image of that disk alone", |world| {
        Box::pin(of_server(world))
    }),
    case("create_image", &["OK"], "data disks become images beside the system disk's, or alone", |world| {
        Box::pin(data_disks(world))
    }),
    case("create_image", &["OK", "IMG.0056", "IMG.0024", "IMG.0111"], "a disk becomes a system image", |world| {
        Box::pin(of_volume(world))
    }),
    case("create_image_safely", &["OK", "IMG.0012"], "the other path does the same", |world| Box::pin(safely(world))),
    case(
        "create_image",
        &[
            "APIGW.0301",
            "IMG.0001",
            "IMG.0002",
            "IMG.0003",
            "IMG.0004",
            "IMG.0005",
            "IMG.0007",
            "IMG.0012",
            "IMG.0013",
            "IMG.0054",
            "IMG.0055",
            "IMG.0095",
            "IMG.0115",
            "IMG.0116",
            "IMG.0120",
            "IMG.0140",
            "IMG.0155",
        ],
        "what is said of the image is checked, and nothing is begun",
        |world| Box::pin(refusals(world)),
    ),
    case(
        "create_image",
        &["IMG.0008", "IMG.0010", "IMG.0022", "IMG.0060", "IMG.0111", "IMG.0119"],
        "servers and disks must hold still",
        |world| Box::pin(busy(world)),
    ),
    case("create_image", &["IMG.0015", "IMG.0026"], "a full region and whoever may only look", |world| {
        Box::pin(not_permitted(world))
    }),
    case("create_whole_image", &["OK"], "all disks of a server, or a backup, become an image", |world| {
        Box::pin(whole(world))
    }),
    case(
        "create_whole_image",
        &[
            "APIGW.0301",
            "IMG.0001",
            "IMG.0005",
            "IMG.0010",
            "IMG.0012",
            "IMG.0020",
            "IMG.0032",
            "IMG.0033",
            "IMG.0119",
            "IMG.0126",
        ],
        "servers must be stopped, and backups complete and of system disks",
        |world| Box::pin(whole_refusals(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

const PATH: &str = "/v2/cloudimages/action";
const WHOLE_PATH: &str = "/v1/cloudimages/wholeimages/action";

async fn create(world: &World, body: &Value) -> Answer {
    world.owner.post(PATH, body).await
}

async fn of_server(world: World) -> World {
    let server = server(&world, |_, _| {}).await;
    let body = json!({
        "name": "web 1", "instance_id": server.id, "description": "from a server", "min_ram": 512, "max_ram": "4096",
        "image_tags": [{ "key": "a", "value": "b" }, { "key": "bare" }],
        "enterprise_project_id": "0", "data_images": null,
    });
    for way in [Way::A, Way::B, Way::Token] {
        let answer = world.owner.by(way).post(PATH, &body).await;
        let ended = done(&world, answer, "imsCreateImageByInstance").await;
        let image = world.stored(image_of(&ended)).await;
        assert_eq!(ended["entities"], json!({ "image_id": image.id, "image_name": "web 1" }));
        assert_eq!((image.status, image.disks.len(), image.min_disk_gib), (Status::Available, 1, 40));
        assert_eq!((image.min_ram_mib, image.facts.platform.as_deref()), (512, Some("Debian")));
        let tags: Vec<&str> = image.tags.iter().map(String::as_str).collect();
        assert_eq!(tags, ["a=b", "bare"]);
        let property = |name: &str| image.properties[name].clone().expect("a value");
        assert_eq!(property("__data_origin"), format!("instance,{}", server.id));
        assert_eq!(property("max_ram"), "4096");
    }
    world
}

async fn data_disks(world: World) -> World {
    let server = server(&world, |_, _| {}).await;
    let data = json!([{ "name": "data", "volume_id": server.data, "description": "d", "tags": ["k.v.w", "only"] }]);
    let body = json!({ "name": "system", "instance_id": server.id, "data_images": data });
    let both = done(&world, create(&world, &body).await, "imsCreateImageByInstance").await;
    assert_eq!(both["entities"]["image_name"], "system");
    let sub = &both["entities"]["sub_jobs_result"][0];
    assert_eq!((&sub["status"], &sub["entities"]["image_name"]), (&json!("SUCCESS"), &json!("data")));

    // there may be two of one name
    let alone =
        done(&world, create(&world, &json!({ "data_images": data })).await, "imsVolumesToSysDataImagesJob").await;
    let sub = &alone["entities"]["sub_jobs_result"][0];
    assert_eq!(sub["job_type"], "imsCopyVolumeToImageJob");
    assert_eq!(alone["entities"]["sub_jobs_list"], json!([sub["job_id"]]));
    assert_eq!(alone["entities"].get("image_id"), None);
    let image = world.stored(image_of(sub)).await;
    assert_eq!(image.properties["virtual_env_type"].as_deref(), Some("DataImage"));
    assert_eq!(image.properties["__data_origin"], Some(format!("volume,{}", server.data)));
    assert_eq!(image.tags.iter().collect::<Vec<_>>(), ["k=v.w", "only"]);
    assert_eq!(job(&world, sub).await["job_id"], sub["job_id"], "a part can be asked for by itself");
    world
}

async fn of_volume(world: World) -> World {
    let large = DiskId::random();
    let server = server(&world, |machine, disks| {
        let spare = imprint_model::Disk { id: large, letter: Some('c'), size_gib: 2_000, ..disks[1].clone() };
        let _ = machine;
        disks.push(spare);
    })
    .await;
    let body = json!({ "name": "n", "volume_id": server.data, "os_version": "CentOS 7.6 64bit", "type": "Ironic" });
    let ended = done(&world, create(&world, &body).await, "imsVolumeCreateImageJob").await;
    let image = world.stored(image_of(&ended)).await;
    assert_eq!(
        (image.facts.os_name.as_deref(), image.facts.platform.as_deref()),
        (Some("CentOS 7.6 64bit"), Some("CentOS"))
    );
    assert_eq!((image.facts.os_type, image.facts.architecture), (Some(OsType::Linux), Some(Architecture::X86_64)));
    assert_eq!(image.disks[0].kind, DiskKind::System);
    for (change, code) in [
        (json!({ "os_version": null }), "IMG.0056"),
        (json!({ "os_version": " blank" }), "IMG.0056"),
        (json!({ "type": "IsoImage" }), "IMG.0024"),
        (json!({ "volume_id": large }), "IMG.0111"),
    ] {
        create(&world, &with(&body, &change)).await.refused(code);
    }
    world
}

async fn safely(world: World) -> World {
    let server = server(&world, |_, _| {}).await;
    let path = "/v2.1/cloudimages/action";
    let answer = world.owner.post(path, &json!({ "name": "n", "instance_id": server.id })).await;
    done(&world, answer, "imsCreateImageByInstance").await;
    world.owner.post(path, &json!({ "name": "n" })).await.refused("IMG.0012");
    world
}

/// A body with some members changed.
fn with(body: &Value, change: &Value) -> Value {
    let mut body = body.clone();
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

async fn refusals(world: World) -> World {
    let (one, two) = (server(&world, |_, _| {}).await, server(&world, |_, _| {}).await);
    let good = json!({ "name": "n", "instance_id": one.id });
    let data = |volume: Value| json!({ "data_images": [{ "name": "d", "volume_id": volume }] });
    for (change, code) in [
        (json!({ "name": null }), "IMG.0013"),
        (json!({ "name": "" }), "IMG.0013"),
        (json!({ "name": "x".repeat(129) }), "IMG.0002"),
        (json!({ "name": " n" }), "IMG.0003"),
        (json!({ "name": 7 }), "IMG.0001"),
        (json!({ "description": "x".repeat(1_025) }), "IMG.0004"),
        (json!({ "description": "a<b" }), "IMG.0054"),
        (json!({ "min_ram": -1 }), "IMG.0055"),
        (json!({ "max_ram": "much" }), "IMG.0055"),
        (json!({ "cmk_id": "key" }), "IMG.0095"),
        (json!({ "tags": ["a b"] }), "IMG.0115"),
        (json!({ "tags": ["a.1", "a.2"] }), "IMG.0115"),
        (json!({ "image_tags": [{ "key": "x".repeat(37) }] }), "IMG.0115"),
        (json!({ "image_tags": [{ "key": "k", "value": "x".repeat(44) }] }), "IMG.0115"),
        (json!({ "tags": (0..11).map(|n| format!("k{n}.v")).collect::<Vec<_>>() }), "IMG.0116"),
        (json!({ "tags": "a.b" }), "IMG.0001"),
        (json!({ "image_tags": ["a"] }), "IMG.0001"),
        (json!({ "tags": ["a.b"], "image_tags": [] }), "IMG.0001"),
        (json!({ "enterprise_project_id": "nowhere" }), "IMG.0155"),
        (json!({ "instance_id": InstanceId::random() }), "IMG.0005"),
        (json!({ "instance_id": "no id" }), "IMG.0005"),
        (json!({ "instance_id": "" }), "IMG.0012"),
        (json!({ "volume_id": one.data }), "IMG.0001"),
        (data(json!(DiskId::random())), "IMG.0120"),
        (data(json!("no id")), "IMG.0120"),
        (data(json!(two.data)), "IMG.0140"),
        (json!({ "data_images": "all" }), "IMG.0001"),
        (json!({ "data_images": vec![json!({}); 17] }), "IMG.0001"),
        (json!({ "instance_id": null, "data_images": [] }), "IMG.0012"),
    ] {
        create(&world, &with(&good, &change)).await.refused(code);
    }
    let mixed = json!({ "data_images": [
        { "name": "d", "volume_id": one.data }, { "name": "e", "volume_id": two.data },
    ] });
    create(&world, &mixed).await.refused("IMG.0140");
    world.owner.ask("POST", PATH, None).await.refused("IMG.0007");
    create(&world, &json!([])).await.refused("IMG.0001");
    world.other.post(PATH, &good).await.refused("IMG.0005");
    let mut nobody = world.owner.by(Way::Token);
    nobody.token.clear();
    nobody.post(PATH, &good).await.refused("APIGW.0301");
    world.settle().await;
    let query = imprint_service::JobQuery::of(world.owner.project.clone(), 1, 10);
    let jobs = world.put(move |tx| imprint_catalogue::jobs::search(tx, &query)).await;
    assert_eq!(jobs.total, 0, "nothing was begun");
    world
}

async fn busy(world: World) -> World {
    let wanted = |id: InstanceId| json!({ "name": "n", "instance_id": id });
    let running = server(&world, |machine, _| machine.status = InstanceStatus::Running).await;
    create(&world, &wanted(running.id)).await.refused("IMG.0008");
    let volume = json!({ "name": "n", "volume_id": running.data, "os_version": "Debian" });
    create(&world, &volume).await.refused("IMG.0022");
    let starting = server(&world, |machine, _| machine.status = InstanceStatus::Starting).await;
    create(&world, &wanted(starting.id)).await.refused("IMG.0010");
    let locked = server(&world, |machine, _| machine.locked = Some("security".to_owned())).await;
    create(&world, &wanted(locked.id)).await.refused("IMG.0010");
    let bare = server(&world, |_, disks| drop(disks.remove(0))).await;
    create(&world, &wanted(bare.id)).await.refused("IMG.0119");
    let detaching = server(&world, |_, disks| disks[0].status = imprint_model::DiskStatus::Detaching).await;
    create(&world, &wanted(detaching.id)).await.refused("IMG.0022");
    let large = server(&world, |_, disks| disks[0].size_gib = 1_025).await;
    create(&world, &wanted(large.id)).await.refused("IMG.0111");

    let worn = server(&world, |_, _| {}).await;
    let owner = world.owner.project.clone();
    world.put(move |tx| imprint_catalogue::quotas::set(tx, &owner, "disk_snapshots", Some(0))).await;
    create(&world, &wanted(worn.id)).await.refused("IMG.0060");
    world
}

async fn not_permitted(world: World) -> World {
    let server = server(&world, |_, _| {}).await;
    let body = json!({ "name": "n", "instance_id": server.id });
    let owner = world.owner.project.clone();
    world.put(move |tx| imprint_catalogue::quotas::set(tx, &owner, "region_images", Some(0))).await;
    create(&world, &body).await.refused("IMG.0015");
    super::making::looker(&world).await.post(PATH, &body).await.refused("IMG.0026");
    world
}

async fn whole(world: World) -> World {
    let server = server(&world, |_, _| {}).await;
    let body = json!({ "name": "all", "instance_id": server.id, "vault_id": "v", "max_ram": 1 });
    let ended = done(&world, world.owner.post(WHOLE_PATH, &body).await, "imsCreateWholeImageByInstanceJob").await;
    let image = world.stored(image_of(&ended)).await;
    assert_eq!(image.disks.iter().map(|disk| disk.kind).collect::<Vec<_>>(), [DiskKind::System, DiskKind::Data]);
    assert_eq!(image.properties["__whole_image"].as_deref(), Some("true"));

    let backup = snapshot(&world, |_| {}).await;
    let body = json!({ "name": "back", "backup_id": backup, "whole_image_type": "CBR" });
    let ended = done(&world, world.owner.post(WHOLE_PATH, &body).await, "imsCreateWholeImageByBackupJob").await;
    let image = world.stored(image_of(&ended)).await;
    assert_eq!(image.properties["__backup_id"], Some(backup.to_string()));
    world
}

async fn whole_refusals(world: World) -> World {
    let whole = async |body: Value| world.owner.post(WHOLE_PATH, &body).await;
    let running = server(&world, |machine, _| machine.status = InstanceStatus::Running).await;
    whole(json!({ "name": "n", "instance_id": running.id })).await.refused("IMG.0126");
    let locked = server(&world, |machine, _| machine.locked = Some("security".to_owned())).await;
    whole(json!({ "name": "n", "instance_id": locked.id })).await.refused("IMG.0010");
    let bare = server(&world, |_, disks| drop(disks.remove(0))).await;
    whole(json!({ "name": "n", "instance_id": bare.id })).await.refused("IMG.0119");
    whole(json!({ "name": "n" })).await.refused("IMG.0012");
    whole(json!({ "name": "n", "instance_id": InstanceId::random() })).await.refused("IMG.0005");
    whole(json!({ "name": "n", "backup_id": SnapshotId::random() })).await.refused("IMG.0020");
    let data = snapshot(&world, |snapshot| snapshot.kind = DiskKind::Data).await;
    whole(json!({ "name": "n", "backup_id": data })).await.refused("IMG.0033");
    let young = snapshot(&world, |snapshot| snapshot.status = SnapshotStatus::Progressing).await;
    whole(json!({ "name": "n", "backup_id": young })).await.refused("IMG.0032");
    whole(json!({ "name": "n", "backup_id": young, "instance_id": bare.id })).await.refused("IMG.0001");
    whole(json!({ "name": "n", "backup_id": young, "whole_image_type": "X" })).await.refused("IMG.0001");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.post(WHOLE_PATH, &json!({ "name": "n" })).await.refused("APIGW.0301");
    world
}
