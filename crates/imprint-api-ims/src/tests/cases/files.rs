//! Images of files in buckets: `create_image` of an object, `create_data_image`, `quick_import_image`, and
//! `register_image`.

use imprint_model::{Architecture, BootMode, DiskFormat, OsType, Status};
use serde_json::{Value, json};

use super::making::{BUCKET, bytes, done, fails, file, hollow_file, image_of, qcow2};
use super::{Case, case};
use crate::tests::{Answer, Way, World};

pub(super) const CASES: &[Case] = &[
    case("create_image", &["OK"], "a file becomes an image, with what is said of it", |world| Box::pin(of_file(world))),
    case("create_image", &["OK", "IMG.0123", "IMG.0001"], "data disks' files become images of their own", |world| {
        Box::pin(with_data_disks(world))
    }),
    case("create_image", &["OK", "IMG.0166"], "a disc becomes an image of a disc", |world| Box::pin(of_disc(world))),
    case("create_image", &["OK", "IMG.0158", "IMG.0159", "IMG.0072"], "the quick way wants a bitmap", |world| {
        Box::pin(quickly(world))
    }),
    case(
        "create_image",
        &[
            "IMG.0017", "IMG.0024", "IMG.0035", "IMG.0055", "IMG.0056", "IMG.0057", "IMG.0059", "IMG.0068", "IMG.0069",
            "IMG.0072", "IMG.0109", "IMG.0122", "IMG.0141", "IMG.0175", "IMG.0212",
        ],
        "the file must be there and be said right",
        |world| Box::pin(refusals(world)),
    ),
    case("create_image", &["OK"], "what a file turns out to be fails its job, with a code", |world| {
        Box::pin(failures(world))
    }),
    case(
        "create_data_image",
        &["OK", "IMG.0055", "IMG.0122", "APIGW.0301"],
        "a file becomes a data disk image",
        |world| Box::pin(data_image(world)),
    ),
    case("create_data_image_safely", &["OK", "IMG.0013"], "the other path does the same", |world| {
        Box::pin(data_image_safely(world))
    }),
    case(
        "quick_import_image",
        &["OK", "IMG.0024", "IMG.0059", "IMG.0072", "IMG.0158", "IMG.0159", "APIGW.0301"],
        "raw files with a bitmap are imported the quick way, data disks too",
        |world| Box::pin(quick_import(world)),
    ),
    case("quick_import_image_safely", &["OK", "IMG.0159"], "the other path does the same", |world| {
        Box::pin(quick_import_safely(world))
    }),
    case(
        "register_image",
        &["OK", "IMG.0046"],
        "an image that waits for its data gets a file's, and is active then",
        |world| Box::pin(registered(world)),
    ),
    case(
        "register_image",
        &["IMG.0007", "IMG.0017", "IMG.0027", "IMG.0047", "IMG.0057", "IMG.0069", "IMG.0072", "APIGW.0301"],
        "image and file must be there",
        |world| Box::pin(register_refusals(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

const PATH: &str = "/v2/cloudimages/action";
const DATA_PATH: &str = "/v1/cloudimages/dataimages/action";
const QUICK_PATH: &str = "/v2/cloudimages/quickimport/action";

async fn create(world: &World, body: &Value) -> Answer {
    world.owner.post(PATH, body).await
}

/// A body with some members changed.
fn with(body: &Value, change: &Value) -> Value {
    let mut body = body.clone();
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

async fn of_file(world: World) -> World {
    let url = file(&world, "dir/disk.raw", &bytes(1));
    let body = json!({
        "name": "from a file", "image_url": url, "min_disk": "40", "type": "ECS",
        "os_version": "Ubuntu 18.04 server 64bit",
        "description": "d", "hw_firmware_type": "uefi", "architecture": "arm", "is_config": "True", "max_ram": 8192,
        "min_ram": 1024, "tags": ["a.b"], "cmk_id": "",
    });
    let ended = done(&world, create(&world, &body).await, "imsImportImageJob").await;
    let image = world.stored(image_of(&ended)).await;
    assert_eq!(ended["entities"], json!({ "image_id": image.id, "image_name": "from a file" }));
    assert_eq!((image.status, image.disk_format, image.min_disk_gib), (Status::Available, Some(DiskFormat::Raw), 40));
    assert_eq!((image.facts.architecture, image.facts.boot_mode), (Some(Architecture::Arm64), Some(BootMode::Uefi)));
    assert_eq!((image.facts.os_type, image.facts.platform.as_deref()), (Some(OsType::Linux), Some("Ubuntu")));
    for (name, value) in [
        ("__root_origin", "file"),
        ("__data_origin", &*format!("file,{url}")),
        ("__is_config_init", "true"),
        ("max_ram", "8192"),
    ] {
        assert_eq!(image.properties[name].as_deref(), Some(value), "{name}");
    }
    // nothing is said of the system: it is found out by nobody
    let body = json!({ "name": "bare", "image_url": url, "min_disk": 1, "os_type": "Windows" });
    let ended = done(&world, create(&world, &body).await, "imsImportImageJob").await;
    let image = world.stored(image_of(&ended)).await;
    assert_eq!((image.facts.os_type, image.facts.platform), (Some(OsType::Windows), None));
    // arm boots from UEFI when nothing else is said, and a 32-bit system tells its width
    let arm = with(&body, &json!({ "architecture": "arm" }));
    let narrow = with(&body, &json!({ "os_version": "CentOS 6.9 32bit" }));
    for (body, architecture, boot_mode) in
        [(arm, Architecture::Arm64, Some(BootMode::Uefi)), (narrow, Architecture::I386, None)]
    {
        let ended = done(&world, create(&world, &body).await, "imsImportImageJob").await;
        let facts = world.stored(image_of(&ended)).await.facts;
        assert_eq!((facts.architecture, facts.boot_mode), (Some(architecture), boot_mode));
    }
    world
}

async fn with_data_disks(world: World) -> World {
    let (system, data) = (file(&world, "system.raw", &bytes(1)), file(&world, "data.qcow2", &qcow2(2 << 30)));
    let body = json!({
        "name": "all", "image_url": system, "min_disk": 1, "os_version": "Debian",
        "data_images": [{ "image_url": data, "min_disk": 2, "tags": ["k.v"] }],
    });
    let ended = done(&world, create(&world, &body).await, "imsImportOvaImageJob").await;
    let parts = ended["entities"]["sub_jobs_result"].as_array().expect("parts");
    let kinds: Vec<&Value> = parts.iter().map(|part| &part["job_type"]).collect();
    assert_eq!(kinds, ["imsImportImageJob", "imsImportDataImageJob"]);
    let image = world.stored(image_of(&parts[1])).await;
    assert_eq!((image.name.as_deref(), image.disk_format), (Some("all-data1"), Some(DiskFormat::Raw)));
    assert_eq!(image.properties["virtual_env_type"].as_deref(), Some("DataImage"));

    create(&world, &with(&body, &json!({ "image_url": data }))).await.refused("IMG.0123");
    let many = vec![json!({ "image_url": data, "min_disk": 2 }); 4];
    create(&world, &with(&body, &json!({ "data_images": many }))).await.refused("IMG.0001");
    // all or nothing
    let absent = json!({ "data_images": [{ "image_url": format!("{BUCKET}:absent"), "min_disk": 2 }] });
    create(&world, &with(&body, &absent)).await.refused("IMG.0057");
    let query = imprint_service::JobQuery::of(world.owner.project.clone(), 1, 10);
    assert_eq!(world.put(move |tx| imprint_catalogue::jobs::search(tx, &query)).await.total, 3);
    world
}

async fn of_disc(world: World) -> World {
    let mut disc = vec![0; 64 << 10];
    disc[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    let url = file(&world, "disc.iso", &disc);
    let body = json!({ "name": "disc", "image_url": url, "min_disk": 1, "type": "IsoImage", "os_version": "Debian" });
    let ended = done(&world, create(&world, &body).await, "imsImportImageJob").await;
    assert_eq!(world.stored(image_of(&ended)).await.disk_format, Some(DiskFormat::Iso));
    create(&world, &with(&body, &json!({ "os_version": null }))).await.refused("IMG.0166");
    fails(&world, create(&world, &with(&body, &json!({ "type": "ECS" }))).await, "IMG.0057").await;
    let disk = file(&world, "disk.raw", &bytes(1));
    fails(&world, create(&world, &with(&body, &json!({ "image_url": disk }))).await, "IMG.0057").await;
    world
}

async fn quickly(world: World) -> World {
    let url = file(&world, "a/disk.RAW", &bytes(1));
    let body =
        json!({ "name": "quick", "image_url": url, "min_disk": 1, "is_quick_import": true, "os_version": "Debian" });
    create(&world, &body).await.refused("IMG.0158");
    file(&world, "a/disk.mf", b"bits");
    done(&world, create(&world, &body).await, "imsImportImageJob").await;
    create(&world, &with(&body, &json!({ "os_version": "" }))).await.refused("IMG.0159");
    let url = file(&world, "disk.qed", &bytes(1));
    create(&world, &with(&body, &json!({ "image_url": url }))).await.refused("IMG.0072");
    world
}

async fn refusals(world: World) -> World {
    let good = json!({ "name": "n", "image_url": file(&world, "disk.raw", &bytes(1)), "min_disk": 1 });
    file(&world, "empty.raw", b"");
    for (change, code) in [
        (json!({ "image_url": "bucket" }), "IMG.0017"),
        (json!({ "image_url": "bucket-1:" }), "IMG.0017"),
        (json!({ "image_url": "https://bucket-1/disk.raw" }), "IMG.0017"),
        (json!({ "image_url": "bucket-1:../disk.raw" }), "IMG.0017"),
        (json!({ "image_url": format!("bucket-1:{}", "x".repeat(1_024)) }), "IMG.0017"),
        (json!({ "image_url": ":disk.raw" }), "IMG.0068"),
        (json!({ "image_url": "bucket-2:disk.raw" }), "IMG.0069"),
        (json!({ "image_url": "Bucket:disk.raw" }), "IMG.0109"),
        (json!({ "image_url": "bucket-1:a b.raw" }), "IMG.0175"),
        (json!({ "image_url": "bucket-1:absent.raw" }), "IMG.0057"),
        (json!({ "image_url": "bucket-1:empty.raw" }), "IMG.0057"),
        (json!({ "image_url": "bucket-1:disk.qcow" }), "IMG.0072"),
        (json!({ "image_url": hollow_file(&world, "large.raw", (128 << 30) + 1) }), "IMG.0059"),
        (json!({ "min_disk": null }), "IMG.0055"),
        (json!({ "min_disk": 0 }), "IMG.0055"),
        (json!({ "min_disk": 1_025 }), "IMG.0055"),
        (json!({ "min_disk": 1.5 }), "IMG.0055"),
        (json!({ "type": "Cloud" }), "IMG.0024"),
        (json!({ "os_type": "BeOS" }), "IMG.0122"),
        (json!({ "os_version": "a\u{7}b" }), "IMG.0056"),
        (json!({ "os_version": "x".repeat(256) }), "IMG.0056"),
        (json!({ "architecture": "mips" }), "IMG.0212"),
        (json!({ "hw_firmware_type": "openfirmware" }), "IMG.0141"),
        (json!({ "architecture": "arm", "hw_firmware_type": "bios" }), "IMG.0035"),
    ] {
        create(&world, &with(&good, &change)).await.refused(code);
    }
    world
}

async fn failures(world: World) -> World {
    let wanted = |url: &str| json!({ "name": "n", "image_url": url, "min_disk": 1 });
    let large = file(&world, "large.qcow2", &qcow2(2 << 30));
    fails(&world, create(&world, &wanted(&large)).await, "IMG.0055").await;
    let vanishing = file(&world, "vanishing.raw", &bytes(1));
    let begun = create(&world, &wanted(&vanishing)).await;
    std::fs::remove_file(world.buckets.path().join(BUCKET).join("vanishing.raw")).expect("there");
    fails(&world, begun, "IMG.0057").await;
    world
}

async fn data_image(world: World) -> World {
    let body = json!({ "name": "data", "image_url": file(&world, "data.raw", &bytes(2)), "min_disk": 2_048 });
    for way in [Way::A, Way::B, Way::Token] {
        let answer = world.owner.by(way).post(DATA_PATH, &body).await;
        let ended = done(&world, answer, "imsImportDataImageJob").await;
        let image = world.stored(image_of(&ended)).await;
        assert_eq!((image.facts.os_type, image.min_disk_gib), (Some(OsType::Linux), 2_048));
        assert_eq!(image.properties["virtual_env_type"].as_deref(), Some("DataImage"));
    }
    world.owner.post(DATA_PATH, &with(&body, &json!({ "min_disk": 2_049 }))).await.refused("IMG.0055");
    world.owner.post(DATA_PATH, &with(&body, &json!({ "os_type": "BeOS" }))).await.refused("IMG.0122");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.post(DATA_PATH, &body).await.refused("APIGW.0301");
    world
}

async fn data_image_safely(world: World) -> World {
    let path = "/v2.1/cloudimages/dataimages/action";
    let body = json!({ "name": "data", "image_url": file(&world, "data.raw", &bytes(2)), "min_disk": 1 });
    done(&world, world.owner.post(path, &body).await, "imsImportDataImageJob").await;
    world.owner.post(path, &with(&body, &json!({ "name": null }))).await.refused("IMG.0013");
    world
}

async fn quick_import(world: World) -> World {
    let quick = async |body: &Value| world.owner.post(QUICK_PATH, body).await;
    let url = file(&world, "disk.raw", &bytes(3));
    let body = json!({ "name": "q", "image_url": url, "min_disk": 1, "os_version": "Debian", "type": "BMS" });
    quick(&body).await.refused("IMG.0158");
    file(&world, "disk.mf", b"bits");
    let ended = done(&world, quick(&body).await, "imsImportImageJob").await;
    let image = world.stored(image_of(&ended)).await;
    assert_eq!(image.properties["virtual_env_type"].as_deref(), Some("Ironic"));
    let data =
        with(&body, &json!({ "type": "DataImage", "os_version": null, "os_type": "Windows", "min_disk": 2_048 }));
    let ended = done(&world, quick(&data).await, "imsImportDataImageJob").await;
    assert_eq!(world.stored(image_of(&ended)).await.facts.os_type, Some(OsType::Windows));
    let large = hollow_file(&world, "large.raw", (1 << 40) + 1);
    file(&world, "large.mf", b"bits");
    for (change, code) in [
        (json!({ "os_version": null }), "IMG.0159"),
        (json!({ "type": "IsoImage" }), "IMG.0024"),
        (json!({ "image_url": "bucket-1:disk.qed" }), "IMG.0072"),
        (json!({ "image_url": "bucket-1:disk.qcow2" }), "IMG.0158"),
        (json!({ "image_url": large }), "IMG.0059"),
    ] {
        quick(&with(&body, &change)).await.refused(code);
    }
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.post(QUICK_PATH, &body).await.refused("APIGW.0301");
    world
}

async fn quick_import_safely(world: World) -> World {
    let path = "/v2.1/cloudimages/quickimport/action";
    let url = file(&world, "disk.raw", &bytes(3));
    file(&world, "disk.mf", b"bits");
    let body = json!({ "name": "q", "image_url": url, "min_disk": 1, "os_version": "Debian" });
    done(&world, world.owner.post(path, &body).await, "imsImportImageJob").await;
    world.owner.post(path, &with(&body, &json!({ "os_version": null }))).await.refused("IMG.0159");
    world
}

/// The id of an image that waits for its data.
async fn queued(world: &World, format: Option<DiskFormat>) -> imprint_model::ImageId {
    let waiting = |image: &mut imprint_model::Image| {
        (image.status, image.content, image.disk_format) = (Status::Queued, None, format);
    };
    world.image(waiting).await
}

async fn register(world: &World, id: impl std::fmt::Display, url: &str) -> Answer {
    world.owner.put(&format!("/v1/cloudimages/{id}/upload"), &json!({ "image_url": url })).await
}

async fn registered(world: World) -> World {
    let disk = bytes(4);
    let raw = file(&world, "disk.raw", &disk);
    for declared in [None, Some(DiskFormat::Raw), Some(DiskFormat::Vhd)] {
        let id = queued(&world, declared).await;
        let ended = done(&world, register(&world, id, &raw).await, "imsNativeImportImageJob").await;
        assert_eq!(ended["entities"], json!({ "image_id": id }));
        let image = world.stored(id).await;
        assert_eq!((image.status, image.disk_format), (Status::Available, Some(DiskFormat::Raw)));
        assert_eq!(image.size_bytes(), Some(disk.len() as u64));
        register(&world, id, &raw).await.refused("IMG.0046");
    }
    let id = queued(&world, Some(DiskFormat::Qcow2)).await;
    let mut disc = vec![0; 64 << 10];
    disc[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    let disc = file(&world, "disc.iso", &disc);
    fails(&world, register(&world, id, &disc).await, "IMG.0057").await;
    assert_eq!(world.stored(id).await.status, Status::Queued, "another attempt may follow");
    world
}

async fn register_refusals(world: World) -> World {
    let id = queued(&world, None).await;
    let raw = file(&world, "disk.raw", &bytes(4));
    let path = format!("/v1/cloudimages/{id}/upload");
    world.owner.ask("PUT", &path, None).await.refused("IMG.0007");
    world.owner.put(&path, &json!({})).await.refused("IMG.0017");
    register(&world, imprint_model::ImageId::random(), &raw).await.refused("IMG.0027");
    register(&world, id, "bucket-1:absent").await.refused("IMG.0057");
    register(&world, id, "bucket-9:disk.raw").await.refused("IMG.0069");
    register(&world, id, "bucket-1:disk.qed").await.refused("IMG.0072");
    world.other.put(&path, &json!({ "image_url": raw })).await.refused("IMG.0027");
    let public = world.image(|image| image.visibility = imprint_model::Visibility::Public).await;
    world
        .other
        .put(&format!("/v1/cloudimages/{public}/upload"), &json!({ "image_url": raw }))
        .await
        .refused("IMG.0047");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.put(&path, &json!({ "image_url": raw })).await.refused("APIGW.0301");
    world
}
