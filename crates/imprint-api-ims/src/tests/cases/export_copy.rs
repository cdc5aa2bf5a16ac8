//! `export_image`, `copy_image` and `copy_image_to_region`.

use imprint_model::{DiskFormat, Image, ImageId, Status, Visibility};
use serde_json::{Value, json};

use super::making::{BUCKET, done, file, image_of, qcow2};
use super::{Case, case};
use crate::tests::{Answer, Way, World};

pub(super) const CASES: &[Case] = &[
    case(
        "export_image",
        &["OK", "IMG.0070", "IMG.0148"],
        "an image's bytes come out under the name that was told",
        |world| Box::pin(exported(world)),
    ),
    case("export_image_safely", &["OK", "IMG.0027"], "the other path does the same", |world| {
        Box::pin(exported_safely(world))
    }),
    case(
        "export_image",
        &[
            "APIGW.0301",
            "IMG.0001",
            "IMG.0007",
            "IMG.0017",
            "IMG.0027",
            "IMG.0046",
            "IMG.0047",
            "IMG.0068",
            "IMG.0069",
            "IMG.0071",
            "IMG.0072",
            "IMG.0073",
            "IMG.0074",
            "IMG.0075",
            "IMG.0077",
            "IMG.0109",
            "IMG.0128",
            "IMG.0160",
            "IMG.0167",
            "IMG.0175",
        ],
        "what can be exported, as what, and where to",
        |world| Box::pin(export_refusals(world)),
    ),
    case("copy_image", &["OK", "IMG.0196", "IMG.0015"], "own images and accepted ones are copied", |world| {
        Box::pin(copied(world))
    }),
    case("copy_image_safely", &["OK", "IMG.0013"], "the other path does the same", |world| {
        Box::pin(copied_safely(world))
    }),
    case(
        "copy_image",
        &[
            "APIGW.0301",
            "IMG.0002",
            "IMG.0003",
            "IMG.0004",
            "IMG.0007",
            "IMG.0013",
            "IMG.0027",
            "IMG.0046",
            "IMG.0054",
            "IMG.0083",
            "IMG.0095",
            "IMG.0106",
            "IMG.0130",
            "IMG.0155",
            "IMG.0167",
        ],
        "what can be copied, and what is said of the copy",
        |world| Box::pin(copy_refusals(world)),
    ),
    case("copy_image_to_region", &["OK"], "own images are copied to other regions", |world| {
        Box::pin(copied_across(world))
    }),
    case(
        "copy_image_to_region",
        &[
            "APIGW.0301",
            "IMG.0001",
            "IMG.0013",
            "IMG.0027",
            "IMG.0046",
            "IMG.0047",
            "IMG.0083",
            "IMG.0130",
            "IMG.0142",
            "IMG.0145",
            "IMG.0146",
            "IMG.0147",
            "IMG.0167",
        ],
        "where to, and which",
        |world| Box::pin(across_refusals(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

fn export_path(id: ImageId) -> String {
    format!("/v1/cloudimages/{id}/file")
}

async fn export(world: &World, id: ImageId, key: &str) -> Answer {
    let body = json!({ "bucket_url": format!("{BUCKET}:{key}"), "file_format": "qcow2" });
    world.owner.post(&export_path(id), &body).await
}

/// An image with the bytes of a file.
async fn imported(world: &World, disk: &[u8]) -> ImageId {
    let url = file(world, "source.qcow2", disk);
    let body = json!({ "name": "n", "image_url": url, "min_disk": 1 });
    image_of(&done(world, world.owner.post("/v2/cloudimages/action", &body).await, "imsImportImageJob").await)
}

async fn exported(world: World) -> World {
    let disk = qcow2(1 << 30);
    let id = imported(&world, &disk).await;
    let begun = export(&world, id, "out/disk.qcow2").await;
    export(&world, id, "out/second.qcow2").await.refused("IMG.0148");
    let ended = done(&world, begun, "imsNativeExportImageJob").await;
    assert_eq!(ended["entities"], json!({ "image_id": id }));
    let written = std::fs::read(world.buckets.path().join(BUCKET).join("out/disk.qcow2")).expect("a file");
    assert!(written.starts_with(b"QFI\xfb"));
    export(&world, id, "out/disk.qcow2").await.refused("IMG.0070");
    for (format, beginning) in [("vhd", &b"conectix"[..]), ("vmdk", b"KDMV"), ("zvhd", b"stream\0\0")] {
        let key = format!("out/disk.{format}");
        let body = json!({ "bucket_url": format!("{BUCKET}:{key}"), "file_format": format });
        done(&world, world.owner.post(&export_path(id), &body).await, "imsNativeExportImageJob").await;
        let written = std::fs::read(world.buckets.path().join(BUCKET).join(key)).expect("a file");
        assert!(written.starts_with(beginning), "{format}");
    }
    let body = json!({ "bucket_url": format!("{BUCKET}:quick.zvhd2"), "is_quick_export": true });
    done(&world, world.owner.post(&export_path(id), &body).await, "imsNativeExportImageJob").await;
    let body = json!({ "name": "back", "image_url": format!("{BUCKET}:quick.zvhd2"), "min_disk": 1,
                       "is_quick_import": true, "os_version": "Debian" });
    let back = done(&world, world.owner.post("/v2/cloudimages/action", &body).await, "imsImportImageJob").await;
    let back = world.stored(image_of(&back)).await;
    assert_eq!((back.disk_format, back.size_bytes()), (Some(DiskFormat::Raw), Some(1 << 30)));
    for (number, way) in [Way::B, Way::Token].into_iter().enumerate() {
        let body =
            json!({ "bucket_url": format!("{BUCKET}:{number}"), "file_format": "qcow2", "is_quick_export": false });
        let answer = world.owner.by(way).post(&export_path(id), &body).await;
        done(&world, answer, "imsNativeExportImageJob").await;
    }
    world
}

async fn exported_safely(world: World) -> World {
    let id = imported(&world, &qcow2(1 << 30)).await;
    let body = json!({ "bucket_url": format!("{BUCKET}:out.qcow2"), "file_format": "qcow2" });
    let path = format!("/v2.1/cloudimages/{id}/file");
    done(&world, world.owner.post(&path, &body).await, "imsNativeExportImageJob").await;
    world.other.post(&path, &body).await.refused("IMG.0027");
    world
}

async fn export_refusals(world: World) -> World {
    let id = world.image(|image| image.disk_format = Some(DiskFormat::Qcow2)).await;
    file(&world, "something", b"");
    let good = json!({ "bucket_url": format!("{BUCKET}:out"), "file_format": "qcow2" });
    let long = format!("{BUCKET}:{}", "x".repeat(1_024));
    for (name, value, code) in [
        ("bucket_url", json!(null), "IMG.0068"),
        ("bucket_url", json!(":out"), "IMG.0068"),
        ("bucket_url", json!("bucket-1"), "IMG.0017"),
        ("bucket_url", json!("bucket-1:"), "IMG.0073"),
        ("bucket_url", json!("bucket-1:dir/"), "IMG.0073"),
        ("bucket_url", json!(long), "IMG.0074"),
        ("bucket_url", json!("bucket-1:../out"), "IMG.0075"),
        ("bucket_url", json!("bucket-1:a?b"), "IMG.0075"),
        ("bucket_url", json!("bucket-1:a b"), "IMG.0175"),
        ("bucket_url", json!("BUCKET:out"), "IMG.0109"),
        ("bucket_url", json!("bucket-9:out"), "IMG.0069"),
        ("file_format", json!("raw"), "IMG.0072"),
        ("file_format", json!("vhdx"), "IMG.0072"),
        ("file_format", json!(null), "IMG.0072"),
        ("is_quick_export", json!(true), "IMG.0001"),
    ] {
        let mut body = good.clone();
        body[name] = value;
        world.owner.post(&export_path(id), &body).await.refused(code);
    }
    world.owner.ask("POST", &export_path(id), None).await.refused("IMG.0007");
    export(&world, ImageId::random(), "out").await.refused("IMG.0027");
    let changes: [Wrong; 6] = [
        (|image| image.visibility = Visibility::Public, "IMG.0077"),
        (|image| drop(image.properties.insert("__whole_image".to_owned(), Some("true".to_owned()))), "IMG.0128"),
        (|image| image.disk_format = Some(DiskFormat::Iso), "IMG.0167"),
        (|image| image.status = Status::Deactivated, "IMG.0046"),
        (|image| image.content.as_mut().expect("some").size_bytes = (128 << 30) + 1, "IMG.0160"),
        (|image| image.disks = vec![data_disk()], "IMG.0071"),
    ];
    for (change, code) in changes {
        let wrong = world.image(|image| {
            image.disk_format = Some(DiskFormat::Qcow2);
            change(image);
        });
        export(&world, wrong.await, "out").await.refused(code);
    }
    let lent = world.image(|image| image.visibility = Visibility::Shared).await;
    share(&world, lent, imprint_model::MemberStatus::Accepted).await;
    world.other.post(&export_path(lent), &good).await.refused("IMG.0047");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.post(&export_path(id), &good).await.refused("APIGW.0301");
    world
}

fn data_disk() -> imprint_model::ImageDisk {
    let (kind, letter) = (imprint_model::DiskKind::Data, 'b');
    imprint_model::ImageDisk { kind, letter, size_gib: 20, snapshot: None, imported_from: None }
}

/// Gives an image to the second project, which says this of it.
async fn share(world: &World, image: ImageId, status: imprint_model::MemberStatus) {
    let (project, at) = (world.other.project.clone(), imprint_service::testing::START);
    let member = imprint_model::Member { image, project, status, created_at: at, updated_at: at };
    world.put(move |tx| imprint_catalogue::members::insert(tx, &member)).await;
}

async fn copied(world: World) -> World {
    let id = world
        .image(|image| {
            image.disk_format = Some(DiskFormat::Qcow2);
            image.min_ram_mib = 7;
            image.properties.insert("max_ram".to_owned(), Some("9".to_owned()));
        })
        .await;
    let path = format!("/v1/cloudimages/{id}/copy");
    let body = json!({ "name": "a copy", "description": "d", "enterprise_project_id": "0" });
    for way in [Way::A, Way::B, Way::Token] {
        let ended = done(&world, world.owner.by(way).post(&path, &body).await, "imsCopyImageInRegionJob").await;
        let copy = world.stored(image_of(&ended)).await;
        assert_eq!(ended["entities"], json!({ "image_id": copy.id, "image_name": "a copy" }));
        assert_eq!((copy.facts.copied_from, copy.facts.description.as_deref()), (Some(id), Some("d")));
        assert_eq!((copy.status, copy.min_ram_mib, copy.region.as_str()), (Status::Available, 7, "local-1"));
        assert_eq!(copy.properties["max_ram"].as_deref(), Some("9"));
    }
    // another's, once it was accepted
    for (status, code) in [
        (imprint_model::MemberStatus::Pending, "IMG.0196"),
        (imprint_model::MemberStatus::Rejected, "IMG.0196"),
        (imprint_model::MemberStatus::Accepted, "OK"),
    ] {
        let lent = world.image(|image| image.visibility = Visibility::Shared).await;
        share(&world, lent, status).await;
        let answer = world.other.post(&format!("/v1/cloudimages/{lent}/copy"), &body).await;
        assert_eq!(answer.code(), code);
    }
    let owner = world.owner.project.clone();
    world.put(move |tx| imprint_catalogue::quotas::set(tx, &owner, "region_images", Some(1))).await;
    world.owner.post(&path, &body).await.refused("IMG.0015");
    world
}

async fn copied_safely(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2.1/cloudimages/{id}/copy");
    done(&world, world.owner.post(&path, &json!({ "name": "c" })).await, "imsCopyImageInRegionJob").await;
    world.owner.post(&path, &json!({})).await.refused("IMG.0013");
    world
}

async fn copy_refusals(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v1/cloudimages/{id}/copy");
    for (body, code) in [
        (json!({}), "IMG.0013"),
        (json!({ "name": "x".repeat(129) }), "IMG.0002"),
        (json!({ "name": "a/b" }), "IMG.0003"),
        (json!({ "name": "n", "description": "x".repeat(1_025) }), "IMG.0004"),
        (json!({ "name": "n", "description": "a\nb" }), "IMG.0054"),
        (json!({ "name": "n", "cmk_id": "key" }), "IMG.0095"),
        (json!({ "name": "n", "enterprise_project_id": "nowhere" }), "IMG.0155"),
    ] {
        world.owner.post(&path, &body).await.refused(code);
    }
    world.owner.ask("POST", &path, None).await.refused("IMG.0007");
    let good = json!({ "name": "n" });
    world.other.post(&path, &good).await.refused("IMG.0027");
    for (change, code) in UNCOPIED {
        let wrong = world.image(change).await;
        world.owner.post(&format!("/v1/cloudimages/{wrong}/copy"), &good).await.refused(code);
    }
    let community = world.image(|image| image.visibility = Visibility::Community).await;
    world.owner.post(&format!("/v1/cloudimages/{community}/copy"), &good).await.refused("IMG.0106");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.post(&path, &good).await.refused("APIGW.0301");
    world
}

/// How an image is wrong, and the code of that.
type Wrong = (fn(&mut Image), &'static str);

/// Images that cannot be copied, and why.
const UNCOPIED: [Wrong; 4] = [
    (|image| image.visibility = Visibility::Public, "IMG.0083"),
    (|image| drop(image.properties.insert("__whole_image".to_owned(), Some("true".to_owned()))), "IMG.0130"),
    (|image| image.disk_format = Some(DiskFormat::Iso), "IMG.0167"),
    (|image| (image.status, image.content) = (Status::Queued, None), "IMG.0046"),
];

/// A request for a copy in the other region.
fn across(more: &Value) -> Value {
    let mut body = json!({ "name": "far", "region": "local-2", "project_name": "local-2", "agency_name": "any" });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

async fn copied_across(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v1/cloudimages/{id}/cross_region_copy");
    for project in ["local-2", "local-2_sub", "acme"] {
        let body = across(&json!({ "project_name": project }));
        let ended = done(&world, world.owner.post(&path, &body).await, "imsCopyImageCrossRegionJob").await;
        let copy = world.stored(image_of(&ended)).await;
        assert_eq!((copy.region.as_str(), copy.facts.copied_from), ("local-2", Some(id)));
    }
    world
}

async fn across_refusals(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v1/cloudimages/{id}/cross_region_copy");
    for (more, code) in [
        (json!({ "name": null }), "IMG.0013"),
        (json!({ "region": "nowhere" }), "IMG.0147"),
        (json!({ "region": null }), "IMG.0147"),
        (json!({ "region": "local-1" }), "IMG.0142"),
        (json!({ "project_name": "local-1" }), "IMG.0145"),
        (json!({ "project_name": null }), "IMG.0145"),
        (json!({ "agency_name": null }), "IMG.0001"),
    ] {
        world.owner.post(&path, &across(&more)).await.refused(code);
    }
    let good = across(&json!({}));
    world.other.post(&path, &good).await.refused("IMG.0027");
    let large = world.image(|image| image.content.as_mut().expect("some").size_bytes = (128 << 30) + 1).await;
    world.owner.post(&format!("/v1/cloudimages/{large}/cross_region_copy"), &good).await.refused("IMG.0146");
    for (change, code) in UNCOPIED {
        let wrong = world.image(change).await;
        world.owner.post(&format!("/v1/cloudimages/{wrong}/cross_region_copy"), &good).await.refused(code);
    }
    let lent = world.image(|image| image.visibility = Visibility::Shared).await;
    share(&world, lent, imprint_model::MemberStatus::Accepted).await;
    world.other.post(&format!("/v1/cloudimages/{lent}/cross_region_copy"), &good).await.refused("IMG.0047");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.post(&path, &good).await.refused("APIGW.0301");
    world
}
