//! The older paths of images.

use imprint_model::{Status, Visibility};
use serde_json::{Value, json};

use super::{Case, case};
use crate::tests::{Way, World};

pub(super) const CASES: &[Case] = &[
    case("native_list_images", &["OK", "IMG.0001", "IMG.0024"], "a list links its pages", |world| {
        Box::pin(linked(world))
    }),
    case("native_create_image", &["OK"], "a record is made, filled, read and deleted", |world| Box::pin(life(world))),
    case("native_show_image", &["OK", "IMG.0027"], "a record is made, filled, read and deleted", |world| {
        Box::pin(life(world))
    }),
    case("native_upload_image", &["OK", "IMG.0046"], "a record is made, filled, read and deleted", |world| {
        Box::pin(life(world))
    }),
    case("native_download_image", &["OK", "IMG.0046"], "a record is made, filled, read and deleted", |world| {
        Box::pin(life(world))
    }),
    case("native_delete_image", &["OK", "IMG.0027"], "a record is made, filled, read and deleted", |world| {
        Box::pin(life(world))
    }),
    case(
        "native_create_image",
        &[
            "IMG.0001", "IMG.0003", "IMG.0004", "IMG.0007", "IMG.0026", "IMG.0054", "IMG.0055", "IMG.0056", "IMG.0072",
            "IMG.0115", "IMG.0116", "IMG.0141", "IMG.0155",
        ],
        "what cannot be made is refused",
        |world| Box::pin(not_made(world)),
    ),
    case("native_create_image", &["IMG.0015"], "no more images are made than there may be", |_| Box::pin(full())),
    case(
        "native_update_image",
        &["OK", "IMG.0035", "IMG.0046"],
        "both grammars change what only these paths change",
        |world| Box::pin(updated(world)),
    ),
    case(
        "native_update_image",
        &[
            "IMG.0001", "IMG.0003", "IMG.0007", "IMG.0026", "IMG.0027", "IMG.0047", "IMG.0055", "IMG.0072", "IMG.0115",
            "IMG.0116",
        ],
        "what cannot be changed is refused, and nothing is",
        |world| Box::pin(not_updated(world)),
    ),
    case(
        "native_delete_image",
        &["IMG.0001", "IMG.0028", "IMG.0090", "IMG.0092", "IMG.0094"],
        "what cannot be deleted stays",
        |world| Box::pin(not_deleted(world)),
    ),
    case(
        "native_upload_image",
        &["IMG.0001", "IMG.0027", "IMG.0047", "IMG.0057"],
        "a file that cannot be taken leaves the image waiting",
        |world| Box::pin(not_uploaded(world)),
    ),
    case("native_upload_image", &["IMG.0059"], "a file that is too large leaves the image waiting", |_| {
        Box::pin(too_large())
    }),
];

const OCTETS: &str = "application/octet-stream";
const V21: &str = "application/openstack-images-v2.1-json-patch";
const V20: &str = "application/openstack-images-v2.0-json-patch";

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn linked(world: World) -> World {
    for _ in 0..27 {
        world.image(|image| image.tags = ["a=b c".to_owned()].into()).await;
    }
    let owner = &world.owner;
    let first = owner.get("/v2/images?tag=a%3Db%20c&__imagetype=private").await.ok();
    assert_eq!(first["images"].as_array().expect("an array").len(), 25);
    assert_eq!(
        (&first["schema"], &first["first"]),
        (&json!("/v2/schemas/images"), &json!("/v2/images?tag=a%3Db+c&__imagetype=private"))
    );
    let rest = owner.get(first["next"].as_str().expect("a link")).await.ok();
    assert_eq!(rest["images"].as_array().expect("an array").len(), 2);
    assert_eq!((rest.get("next"), &rest["first"]), (None, &first["first"]));
    assert_eq!(rest["images"][0]["__imagetype"], "private");
    owner.get("/v2/images?limit=x").await.refused("IMG.0001");
    owner.get("/v2/images?__imagetype=x").await.refused("IMG.0024");
    world
}

async fn create(world: &World, body: &Value) -> Value {
    let answer = world.owner.post("/v2/images", body).await;
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
    answer.body()
}

async fn life(world: World) -> World {
    let owner = &world.owner;
    let body = json!({
        "__os_version": "Ubuntu 18.04 server 64bit",
        "name": "native image",
        "container_format": "bare",
        "disk_format": "raw",
        "visibility": "private",
        "min_disk": 2,
        "min_ram": 1024,
        "tags": ["key=value", "bare"],
        "protected": false,
        "hw_disk_bus": "scsi",
        "__description": "words",
    });
    let made = create(&world, &body).await;
    for (name, value) in [
        ("status", json!("queued")),
        ("__image_source_type", json!("uds")),
        ("__image_size", json!("0")),
        ("__isregistered", json!("true")),
        ("__os_type", json!("Linux")),
        ("__platform", json!("Ubuntu")),
        ("__os_bit", json!("64")),
        ("__imagetype", json!("private")),
        ("visibility", json!("private")),
        ("virtual_env_type", json!("FusionCompute")),
        ("__root_origin", json!("file")),
        ("tags", json!(["bare", "key=value"])),
        ("min_disk", json!(2)),
        ("hw_disk_bus", json!("scsi")),
        ("__description", json!("words")),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    let path = format!("/v2/images/{}", made["id"].as_str().expect("text"));
    let file = format!("{path}/file");
    owner.get(&file).await.refused("IMG.0046");
    let content: Vec<u8> = (0..200_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
    let sent = owner.ask_as("PUT", &file, OCTETS, content.clone()).await;
    assert_eq!(sent.status.as_u16(), 204, "{}", sent.text);
    owner.ask_as("PUT", &file, OCTETS, content.clone()).await.refused("IMG.0046");
    let shown = owner.get(&path).await.ok();
    assert_eq!((&shown["status"], &shown["__image_size"]), (&json!("active"), &json!("200000")));
    let listed = owner.get(&format!("/v2/cloudimages?id={}", made["id"].as_str().expect("text"))).await.ok();
    assert_eq!(listed["images"][0], shown);
    for way in [Way::A, Way::AGo, Way::B, Way::Token] {
        let got = owner.by(way).send(owner.by(way).request("GET", &file, "application/json", Vec::new())).await;
        assert_eq!((got.status.as_u16(), got.text.len()), (200, String::from_utf8_lossy(&content).len()));
    }
    let mut ranged = owner.request("GET", &file, "application/json", Vec::new());
    ranged.headers_mut().insert("range", "bytes=65-70".parse().expect("valid"));
    let got = owner.send(ranged).await;
    assert_eq!((got.status.as_u16(), got.text.as_str()), (206, "ABCDEF"));
    assert_eq!(got.headers["content-range"], "bytes 65-70/200000");
    world.other.get(&path).await.refused("IMG.0027");
    world.other.delete(&path).await.refused("IMG.0027");
    owner.ask("DELETE", &path, Some(&json!({ "delete_backup": true }))).await.done();
    owner.get(&path).await.refused("IMG.0027");
    owner.delete(&path).await.refused("IMG.0027");
    let plain = create(&world, &json!({ "name": "x" })).await;
    assert_eq!((&plain["disk_format"], &plain["__os_version"]), (&json!("zvhd2"), &json!("Other Linux(64 bit)")));
    owner.delete(&format!("/v2/images/{}", plain["id"].as_str().expect("text"))).await.done();
    world
}

async fn not_made(world: World) -> World {
    for (body, code) in [
        (json!([]), "IMG.0001"),
        (json!({ "visibility": "public" }), "IMG.0001"),
        (json!({ "protected": "yes" }), "IMG.0001"),
        (json!({ "id": "33ad552d-1149-471c-8190-ff6776174a00" }), "IMG.0001"),
        (json!({ "__image_size": "1" }), "IMG.0001"),
        (json!({ "Upper": "1" }), "IMG.0001"),
        (json!({ "name": "x".repeat(256) }), "IMG.0003"),
        (json!({ "name": "a\nb" }), "IMG.0003"),
        (json!({ "__description": "x".repeat(1025) }), "IMG.0004"),
        (json!({ "__description": "<" }), "IMG.0054"),
        (json!({ "min_disk": 0 }), "IMG.0055"),
        (json!({ "min_disk": 1025 }), "IMG.0055"),
        (json!({ "min_ram": -1 }), "IMG.0055"),
        (json!({ "__os_version": "x".repeat(256) }), "IMG.0056"),
        (json!({ "disk_format": "floppy" }), "IMG.0072"),
        (json!({ "tags": ["a=b=c d"] }), "IMG.0115"),
        (json!({ "tags": vec!["t"; 11] }), "IMG.0116"),
        (json!({ "hw_firmware_type": "coreboot" }), "IMG.0141"),
        (json!({ "enterprise_project_id": "not-there" }), "IMG.0155"),
    ] {
        world.owner.post("/v2/images", &body).await.refused(code);
    }
    world.owner.ask("POST", "/v2/images", None).await.refused("IMG.0007");
    assert_eq!(world.owner.get("/v2/images").await.ok()["images"], json!([]));
    let other = world.project("other").await;
    let (user, reader) = (world.user("acme").await, "reader");
    world.grant(&user, &other.0, reader).await;
    let mut guest = world.owner.clone();
    guest.project = other;
    guest.post("/v2/images", &json!({ "name": "x" })).await.refused("IMG.0026");
    world
}

async fn full() -> World {
    let world = World::with(|settings| settings.limits.account_images = 1).await;
    world.owner.post("/v2/images", &json!({ "name": "x" })).await;
    world.owner.post("/v2/images", &json!({ "name": "y" })).await.refused("IMG.0015");
    world
}

async fn updated(world: World) -> World {
    let id = world.image(|image| image.status = Status::Queued).await;
    let path = format!("/v2/images/{id}");
    let patch =
        async |kind: &str, body: Value| world.owner.ask_as("PATCH", &path, kind, body.to_string().into_bytes()).await;
    let body = json!([
        { "op": "replace", "path": "/name", "value": "a name, with a comma" },
        { "op": "replace", "path": "/visibility", "value": "shared" },
        { "op": "replace", "path": "/tags", "value": ["a=b", "c"] },
        { "op": "replace", "path": "/protected", "value": true },
        { "op": "replace", "path": "/min_disk", "value": 7 },
        { "op": "add", "path": "/disk_format", "value": "qcow2" },
        { "op": "add", "path": "/color", "value": "red" },
    ]);
    for kind in [V21, "application/json", "application/json;charset=utf-8"] {
        let shown = patch(kind, body.clone()).await.ok();
        assert_eq!((&shown["name"], &shown["tags"]), (&json!("a name, with a comma"), &json!(["a=b", "c"])));
        assert_eq!((&shown["protected"], &shown["min_disk"]), (&json!(true), &json!(7)));
        assert_eq!((&shown["disk_format"], &shown["color"]), (&json!("qcow2"), &json!("red")));
    }
    let body =
        json!([{ "replace": "/name", "value": "renamed" }, { "remove": "/color" }, { "add": "/max_ram", "value": 5 }]);
    let shown = patch(V20, body).await.ok();
    assert_eq!((&shown["name"], &shown["max_ram"], shown.get("color")), (&json!("renamed"), &json!("5"), None));
    patch(V20, json!([{ "remove": "/color" }])).await.refused("IMG.0035");
    let both = json!([{ "add": "/__support_xen", "value": "true" }, { "add": "/__support_xen_hana", "value": "true" }]);
    patch(V20, both).await.refused("IMG.0035");
    let active = world.image(|_| {}).await;
    let body = json!([{ "op": "replace", "path": "/disk_format", "value": "raw" }]);
    world.owner.patch(&format!("/v2/images/{active}"), &body).await.refused("IMG.0046");
    world
}

async fn not_updated(world: World) -> World {
    let (owner, id) = (&world.owner, world.image(|_| {}).await);
    let path = format!("/v2/images/{id}");
    let before = world.stored(id).await;
    let set = |path: &str, value: Value| {
        json!([
            { "op": "replace", "path": "/name", "value": "half" },
            { "op": "replace", "path": path, "value": value },
        ])
    };
    for (body, code) in [
        (json!({}), "IMG.0001"),
        (json!([5]), "IMG.0001"),
        (json!([{ "replace": "/name", "value": "v20 in v21" }]), "IMG.0001"),
        (set("/visibility", json!("community")), "IMG.0001"),
        (set("/visibility", json!("public")), "IMG.0026"),
        (set("/protected", json!("true")), "IMG.0001"),
        (set("/owner", json!("x")), "IMG.0001"),
        (set("/tags", json!("a")), "IMG.0001"),
        (set("/tags", json!(["a b c="])), "IMG.0115"),
        (set("/tags", json!(vec!["a"; 11])), "IMG.0116"),
        (set("/min_disk", json!("7")), "IMG.0055"),
        (set("/disk_format", json!("floppy")), "IMG.0072"),
        (set("/name", json!("a\nb")), "IMG.0003"),
        (json!(vec![json!({ "op": "add", "path": "/a", "value": "b" }); 1001]), "IMG.0001"),
    ] {
        owner.patch(&path, &body).await.refused(code);
    }
    owner.ask("PATCH", &path, None).await.refused("IMG.0007");
    owner.ask_as("PATCH", &path, "text/plain", b"[]".to_vec()).await.refused("IMG.0001");
    for body in [json!([{ "value": 1 }]), json!([{ "add": "/a", "remove": "/a" }]), json!([5])] {
        owner.ask_as("PATCH", &path, V20, body.to_string().into_bytes()).await.refused("IMG.0001");
    }
    assert_eq!(world.stored(id).await, before);
    let public = world.image(|image| image.visibility = Visibility::Public).await;
    world.other.patch(&format!("/v2/images/{public}"), &set("/color", json!("red"))).await.refused("IMG.0047");
    world.other.patch(&path, &set("/color", json!("red"))).await.refused("IMG.0027");
    world
}

async fn not_deleted(world: World) -> World {
    let owner = &world.owner;
    let protected = world.image(|image| image.protected = true).await;
    let public = world.image(|image| image.visibility = Visibility::Public).await;
    let saving = world.image(|image| image.status = Status::Importing).await;
    let shared = world.image(|_| {}).await;
    let path = |id: &dyn std::fmt::Display| format!("/v2/images/{id}");
    let offer = json!({ "images": [shared.to_string()], "projects": [world.other.project.0] });
    owner.post("/v1/cloudimages/members", &offer).await.ok();
    owner.delete(&path(&protected)).await.refused("IMG.0028");
    owner.delete(&path(&public)).await.refused("IMG.0094");
    owner.delete(&path(&saving)).await.refused("IMG.0090");
    world.other.delete(&path(&shared)).await.refused("IMG.0092");
    owner.ask("DELETE", &path(&shared), Some(&json!({ "delete_backup": "yes" }))).await.refused("IMG.0001");
    for id in [protected, public, saving, shared] {
        world.stored(id).await;
    }
    // what is shared with others is still its owner's to delete
    owner.delete(&path(&shared)).await.done();
    world
}

async fn not_uploaded(world: World) -> World {
    let owner = &world.owner;
    let made = create(&world, &json!({ "name": "x", "disk_format": "qcow2" })).await;
    let path = format!("/v2/images/{}", made["id"].as_str().expect("text"));
    let file = format!("{path}/file");
    owner.ask_as("PUT", &file, "text/plain", b"abc".to_vec()).await.refused("IMG.0001");
    owner.ask_as("PUT", &file, OCTETS, vec![b'x'; 70_000]).await.refused("IMG.0057");
    world.other.ask_as("PUT", &file, OCTETS, b"abc".to_vec()).await.refused("IMG.0027");
    let offer = json!({ "images": [made["id"]], "projects": [world.other.project.0] });
    owner.post("/v1/cloudimages/members", &offer).await.ok();
    world.other.ask_as("PUT", &file, OCTETS, b"abc".to_vec()).await.refused("IMG.0047");
    assert_eq!(owner.get(&path).await.ok()["status"], "queued");
    world
}

async fn too_large() -> World {
    let world = World::with(|settings| settings.limits.image_size_bytes = 1_000).await;
    let made = create(&world, &json!({ "name": "x", "disk_format": "raw" })).await;
    let file = format!("/v2/images/{}/file", made["id"].as_str().expect("text"));
    world.owner.ask_as("PUT", &file, OCTETS, vec![0; 1_001]).await.refused("IMG.0059");
    world
}
