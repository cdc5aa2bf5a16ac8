//! How images look.

use std::collections::BTreeSet;

use imprint_model::{
    Architecture, BootMode, Content, DiskFormat, Facts, ImageId, Licence, MapId, MetadataAccess, ObjectPlace,
    SnapshotId, Timestamp,
};

use serde_json::json;

use super::*;

fn bare() -> Image {
    let id = ImageId("7e9c5d3a-0000-4000-8000-000000000001".parse().expect("an id"));
    Image::blank(id, "me".into(), "local-1".to_owned(), Timestamp(1_795_310_916_447_974))
}

fn annotation() -> Annotation {
    Annotation { progress: None, used_by_instance: false, shared: false }
}

fn show(shown: &Image, viewer: &str, annotation: &Annotation) -> Value {
    let viewer = ProjectId::from(viewer);
    image(
        shown,
        &Beside {
            viewer: &viewer,
            owner_number: 1_234_567_890_123_456,
            owner_name: "Me & Co",
            annotation,
            check: None,
        },
    )
}

fn content(size_bytes: u64, virtual_size_bytes: Option<u64>) -> Content {
    Content { map: MapId([7; 32]), size_bytes, virtual_size_bytes, md5: None, hash: None }
}

#[test]
fn an_image_of_which_nothing_is_known_has_every_key_in_its_type() {
    let shown = show(&bare(), "me", &annotation());
    for key in
        ["ImageName", "ImageFamily", "ImageVersion", "Description", "ResourceGroupId", "ProductCode", "SupplierName"]
    {
        assert_eq!(shown[key], "", "{key}");
    }
    assert_eq!(shown["ImageOwnerId"], 1_234_567_890_123_456_u64);
    assert_eq!((&shown["Size"], &shown["Progress"], &shown["Status"]), (&json!(0), &json!("0%"), &json!("Waiting")));
    assert_eq!(shown["DiskDeviceMappings"], json!({ "DiskDeviceMapping": [] }));
    assert_eq!(shown["Tags"], json!({ "Tag": [] }));
    for (key, usual) in [
        ("Platform", "Others Linux"),
        ("OSType", "linux"),
        ("Architecture", "x86_64"),
        ("BootMode", "BIOS"),
        ("OSNameEn", "Others Linux 64bit"),
        ("OSName", "Others Linux 64位"),
        ("LicenseType", "Auto"),
    ] {
        assert_eq!(shown[key], usual, "{key}");
    }
    let platform = Some("Windows Server 2022".to_owned());
    let named = Image { facts: Facts { platform, ..Facts::default() }, ..bare() };
    assert_eq!(show(&named, "me", &annotation())["OSType"], "linux", "as lists find it");
    assert_eq!(shown["Features"]["NvmeSupport"], "unsupported");
    assert_eq!(shown["Features"]["ImdsSupport"], "v1");
    assert_eq!((shown.get("DetectionOptions"), shown.get("SecureBootOptions")), (None, None));
}

#[test]
fn what_was_told_is_shown() {
    let facts = Facts {
        description: Some("<a & b>".to_owned()),
        family: Some("fam".to_owned()),
        version: Some("2".to_owned()),
        architecture: Some(Architecture::Arm64),
        boot_mode: Some(BootMode::UefiPreferred),
        platform: Some("Debian".to_owned()),
        os_name: Some("Debian 12 64bit".to_owned()),
        nvme: Some(true),
        metadata_access: Some(MetadataAccess::TokenRequired),
        licence: Some(Licence::Own),
        secure_boot: Some(true),
        resource_group: Some("rg-1".to_owned()),
        copied_from: Some(ImageId::random()),
        check_wanted: true,
        ..Facts::default()
    };
    let tags = BTreeSet::from(["alone".to_owned(), "k=v=w".to_owned()]);
    let (name, status) = (Some("名".to_owned()), Status::Available);
    let shown = show(&Image { facts, tags, name, status, ..bare() }, "me", &annotation());
    assert_eq!(shown["ImageName"], "名");
    assert_eq!(shown["BootMode"], "UEFI-Preferred");
    assert_eq!(shown["OSName"], "Debian 12 64bit");
    assert_eq!(shown["LicenseType"], "BYOL");
    assert_eq!(shown["Features"]["ImdsSupport"], "v2");
    assert_eq!(shown["SecureBootOptions"], json!({ "SecureBootSupport": "supported" }));
    assert_eq!(shown["IsCopied"], true);
    let tags = json!([{ "TagKey": "alone", "TagValue": "" }, { "TagKey": "k", "TagValue": "v=w" }]);
    assert_eq!(shown["Tags"]["Tag"], tags);
    assert_eq!(shown["DetectionOptions"]["Status"], "Finished");
}

#[test]
fn sizes_are_whole_gibibytes_and_never_too_small() {
    let size = |size, inner| {
        let image = Image { content: Some(content(size, inner)), status: Status::Available, ..bare() };
        let shown = show(&image, "me", &annotation());
        let mapping = &shown["DiskDeviceMappings"]["DiskDeviceMapping"][0];
        assert_eq!(mapping["Size"], shown["Size"].to_string(), "a text here, a number there");
        shown["Size"].clone()
    };
    assert_eq!(size(1, None), 1);
    assert_eq!(size(1 << 30, None), 1);
    assert_eq!(size((1 << 30) + 1, None), 2);
    assert_eq!(size(5, Some(40 << 30)), 40, "the disk that a machine sees");
    let wanted = Image { content: Some(content(5, None)), min_disk_gib: 3, ..bare() };
    assert_eq!(show(&wanted, "me", &annotation())["Size"], 3, "the smallest disk it fits on");
}

#[test]
fn disks_are_shown_in_order_with_where_they_come_from() {
    let snapshot = SnapshotId::random();
    let place = ObjectPlace { bucket: "b".to_owned(), key: "k".to_owned() };
    let disk =
        |kind, letter, size_gib, snapshot, imported_from| ImageDisk { kind, letter, size_gib, snapshot, imported_from };
    let disks = vec![
        disk(DiskKind::System, 'a', 40, None, Some(place)),
        disk(DiskKind::Data, 'b', 100, Some(snapshot), None),
        disk(DiskKind::Data, 'c', 20, None, None),
    ];
    let image = Image { disks, disk_format: Some(DiskFormat::Qcow2), status: Status::Available, ..bare() };
    let shown = show(&image, "me", &annotation());
    let mappings = shown["DiskDeviceMappings"]["DiskDeviceMapping"].as_array().expect("a list");
    assert_eq!(shown["Size"], 40, "the system disk alone");
    let devices: Vec<_> = mappings.iter().map(|mapping| (&mapping["Device"], &mapping["Type"])).collect();
    assert_eq!(json!(devices), json!([["/dev/xvda", "system"], ["/dev/xvdb", "data"], ["/dev/xvdc", "data"]]));
    assert_eq!((&mappings[0]["ImportOSSBucket"], &mappings[0]["ImportOSSObject"]), (&json!("b"), &json!("k")));
    assert_eq!(mappings[1]["SnapshotId"], snapshot.wire());
    assert_eq!((&mappings[2]["SnapshotId"], &mappings[2]["Format"]), (&json!(""), &json!("")));
    assert!(mappings.iter().all(|mapping| mapping.get("Progress").is_none()), "nothing is being copied");
}

#[test]
fn only_an_image_with_its_data_is_at_the_end() {
    let progress = |status, done_bytes, total_bytes| {
        let progress = Some(Progress { done_bytes, total_bytes, remaining_secs: Some(233) });
        let facts = Facts { copied_from: Some(ImageId::random()), ..Facts::default() };
        let disks =
            vec![ImageDisk { kind: DiskKind::System, letter: 'a', size_gib: 1, snapshot: None, imported_from: None }];
        let shown = show(&Image { status, facts, disks, ..bare() }, "me", &Annotation { progress, ..annotation() });
        let mapping = &shown["DiskDeviceMappings"]["DiskDeviceMapping"][0];
        (shown["Progress"].clone(), mapping.get("Progress").cloned(), mapping.get("RemainTime").cloned())
    };
    let copying = |text: &str| (json!(text), Some(json!(text)), Some(json!(233)));
    assert_eq!(progress(Status::Importing, 1, Some(3)), copying("33%"));
    assert_eq!(progress(Status::Importing, 3, Some(3)), copying("99%"));
    assert_eq!(progress(Status::Importing, 3, None), copying("0%"));
    assert_eq!(progress(Status::Available, 1, Some(3)), (json!("100%"), None, None));
    assert_eq!(progress(Status::Failed, 1, Some(3)), (json!("0%"), None, None));
}

#[test]
fn whose_it_is_depends_on_who_looks() {
    let alias = |visibility, viewer| {
        let shown = show(&Image { visibility, ..bare() }, viewer, &Annotation { shared: true, ..annotation() });
        let text = |key: &str| shown[key].as_str().expect("a text").to_owned();
        (text("ImageOwnerAlias"), text("IsSelfShared"), shown["IsPublic"] == true, text("SupplierName"))
    };
    let of = |alias: &str, shared: &str, public, supplier: &str| {
        (alias.to_owned(), shared.to_owned(), public, supplier.to_owned())
    };
    assert_eq!(alias(Visibility::Shared, "me"), of("self", "true", false, ""));
    assert_eq!(alias(Visibility::Shared, "other"), of("others", "", false, ""));
    assert_eq!(alias(Visibility::Community, "other"), of("others", "", true, "Me & Co"));
    assert_eq!(alias(Visibility::Public, "me"), of("system", "true", true, ""));
    assert_eq!(show(&bare(), "me", &annotation())["IsSelfShared"], "false");
}

#[test]
fn a_check_that_was_asked_for_runs_after_the_image_is_complete() {
    let check = |status| {
        let facts = Facts { check_wanted: true, ..Facts::default() };
        show(&Image { facts, status, ..bare() }, "me", &annotation())["DetectionOptions"].clone()
    };
    assert_eq!(check(Status::Importing), json!({ "Status": "Processing", "Items": { "Item": [] } }));
    assert_eq!(check(Status::Available), json!({ "Status": "Finished", "Items": { "Item": [] } }));
}
