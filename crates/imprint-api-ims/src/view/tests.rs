//! Images as they are shown: types, words, and what is left out. Which statement of the requirement a test proves is said
//! in its words.

use imprint_model::{
    Architecture, BootMode, ContainerFormat, Content, DiskFormat, DiskKind, Image, ImageDisk, ImageId, MapId,
    ObjectPlace, OsType, ProjectId, Status, Timestamp, Visibility,
};
use serde_json::{Value, json};

use super::*;
use crate::attributes::{Setter, TABLE, Values};

fn blank() -> Image {
    let at = Timestamp(1_449_546_649_900_000);
    Image::blank("7e9c5d3a-0000-4000-8000-000000000001".parse().expect("an id"), "p".into(), "here".to_owned(), at)
}

/// As its owner sees it.
fn shown(image: &Image) -> Value {
    seen(image, "p", false)
}

fn seen(image: &Image, project: &str, shared: bool) -> Value {
    let text = super::image(image, Look { project: Some(&ProjectId::from(project)), shared });
    serde_json::from_slice(&text).expect("valid JSON")
}

fn properties(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, Option<String>> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

/// "size Long, deleted Boolean, min_ram Integer, max_ram String, …": the JSON type of every attribute, whatever there is
/// of it.
#[test]
fn every_attribute_has_its_type() {
    let texts: Vec<(&str, &str)> = TABLE.iter().map(|row| (row.name, "true")).collect();
    let full = Image {
        name: Some("n".to_owned()),
        container_format: Some(ContainerFormat::Bare),
        disk_format: Some(DiskFormat::Qcow2),
        content: Some(content(5)),
        facts: imprint_model::Facts {
            description: Some("d".to_owned()),
            architecture: Some(Architecture::Arm64),
            ..Default::default()
        },
        properties: properties(&texts),
        ..blank()
    };
    for (image, full) in [(blank(), false), (full, true)] {
        let shown = shown(&image);
        for attribute in TABLE {
            let Some(value) = shown.get(attribute.name) else {
                assert!(!full && attribute.absent == Absent::Omitted, "{} is left out", attribute.name);
                continue;
            };
            let fits = match attribute.wire {
                Wire::Text => value.is_string() || (value.is_null() && attribute.absent == Absent::Null),
                Wire::Number => value.is_u64(),
                Wire::Truth => value.is_boolean(),
                Wire::Texts => value.is_array(),
            };
            assert!(fits, "{} is {value}", attribute.name);
        }
    }
}

fn content(size_bytes: u64) -> Content {
    Content { map: MapId([7; 32]), size_bytes, virtual_size_bytes: None, md5: Some("m".to_owned()), hash: None }
}

/// All parameters of the response are present for a plain image, but for those that are "not required".
#[test]
fn a_plain_image_has_every_member_of_the_response() {
    let shown = shown(&blank());
    for name in [
        "file",
        "owner",
        "id",
        "size",
        "self",
        "schema",
        "status",
        "tags",
        "visibility",
        "name",
        "checksum",
        "deleted",
        "protected",
        "container_format",
        "min_ram",
        "updated_at",
        "__os_bit",
        "__os_version",
        "disk_format",
        "__isregistered",
        "__platform",
        "__os_type",
        "min_disk",
        "virtual_env_type",
        "__image_source_type",
        "__imagetype",
        "created_at",
        "virtual_size",
        "deleted_at",
        "__originalimagename",
        "__backup_id",
        "__productcode",
        "__image_size",
        "__data_origin",
        "hw_firmware_type",
    ] {
        assert!(shown.get(name).is_some(), "{name}");
    }
    // "Otherwise, this attribute is not required": absent, not "false"
    for row in TABLE.iter().filter(|row| row.values == Values::OnlyTrue || row.name.ends_with("_gpu_type")) {
        assert_eq!(shown.get(row.name), None, "{}", row.name);
    }
    assert_eq!(shown.get("max_ram"), None, "not configured by default");
    assert_eq!((&shown["disk_format"], &shown["container_format"]), (&json!("vhd"), &json!("bare")));
    assert_eq!((&shown["deleted"], &shown["deleted_at"]), (&json!(false), &Value::Null));
    assert_eq!(shown["created_at"], "2015-12-08T03:50:49Z");
}

/// "queued … saving … deleted … killed … active".
#[test]
fn statuses_have_the_words_of_the_requirement() {
    let words = Status::ALL.map(|status| shown(&Image { status, ..blank() })["status"].as_str().map(str::to_owned));
    let words: Vec<_> = words.into_iter().flatten().collect();
    assert_eq!(words, ["queued", "saving", "queued", "saving", "active", "deactivated", "killed"]);
}

/// "private image … public image … shared image"; "gold … private … shared".
#[test]
fn visibility_and_type_follow_from_who_looks() {
    for (visibility, project, members, expected) in [
        (Visibility::Public, "p", false, ["public", "gold"]),
        (Visibility::Public, "q", false, ["public", "gold"]),
        (Visibility::Private, "p", false, ["private", "private"]),
        (Visibility::Shared, "p", false, ["private", "private"]),
        (Visibility::Shared, "p", true, ["shared", "shared"]),
        (Visibility::Shared, "q", false, ["shared", "shared"]),
        (Visibility::Community, "p", false, ["private", "private"]),
        (Visibility::Community, "q", false, ["shared", "shared"]),
    ] {
        let shown = seen(&Image { visibility, ..blank() }, project, members);
        assert_eq!([&shown["visibility"], &shown["__imagetype"]], expected, "{visibility:?} {project} {members}");
    }
}

/// "Specifies the size (bytes) of the image file", as text; "The value ranges from 1 GB".
#[test]
fn sizes_are_those_of_the_bytes() {
    let sizes = |image: &Image| {
        let shown = shown(image);
        ["size", "virtual_size", "__image_size", "min_disk", "checksum"].map(|name| shown[name].to_string()).join(" ")
    };
    assert_eq!(sizes(&blank()), r#"0 0 "0" 1 null"#);
    let small = Image { content: Some(content(5)), ..blank() };
    assert_eq!(sizes(&small), r#"5 0 "5" 1 "m""#);
    let large = Content { virtual_size_bytes: Some((3 << 30) + 1), ..content(5) };
    assert_eq!(sizes(&Image { content: Some(large.clone()), ..blank() }), r#"5 3221225473 "5" 4 "m""#);
    assert_eq!(sizes(&Image { content: Some(large), min_disk_gib: 40, ..blank() }), r#"5 3221225473 "5" 40 "m""#);
}

/// "The value can be Windows, Ubuntu, …", "Linux, Windows, or Other", "32 bit or 64 bit".
#[test]
fn the_system_follows_from_what_is_known_of_it() {
    let system = |facts| {
        let shown = shown(&Image { facts, ..blank() });
        ["__os_version", "__platform", "__os_type", "__os_bit"]
            .map(|name| shown[name].as_str().map(str::to_owned))
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("|")
    };
    let facts = imprint_model::Facts::default;
    assert_eq!(system(facts()), "Other Linux(64 bit)|Other|Linux|64");
    let named = imprint_model::Facts { os_name: Some("CentOS 7.0 32bit".to_owned()), ..facts() };
    assert_eq!(system(named), "CentOS 7.0 32bit|CentOS|Linux|32");
    let windows = imprint_model::Facts {
        os_type: Some(OsType::Windows),
        platform: Some("Windows Server 2022".to_owned()),
        architecture: Some(Architecture::X86_64),
        ..facts()
    };
    assert_eq!(system(windows), "Other_Windows (64_bit)|Windows|Windows|64");
    let old = imprint_model::Facts { architecture: Some(Architecture::I386), ..facts() };
    assert_eq!(system(old), "Other(32 bit)|Other|Other|32");
}

/// "bios indicates the BIOS boot mode. uefi indicates the UEFI boot mode."
#[test]
fn firmware_is_one_of_two_words() {
    let firmware = |boot_mode, architecture| {
        let facts = imprint_model::Facts { boot_mode, architecture, ..Default::default() };
        shown(&Image { facts, ..blank() })["hw_firmware_type"].clone()
    };
    assert_eq!(firmware(None, None), "bios");
    assert_eq!(firmware(Some(BootMode::Bios), None), "bios");
    assert_eq!(firmware(Some(BootMode::Uefi), None), "uefi");
    assert_eq!(firmware(Some(BootMode::UefiPreferred), None), "uefi");
    assert_eq!(firmware(None, Some(Architecture::Arm64)), "uefi");
}

/// "For an ECS image …, the value is FusionCompute. For a data disk image, set the value to DataImage."
#[test]
fn the_environment_follows_from_the_disks_unless_told() {
    let environment = |image: &Image| shown(image)["virtual_env_type"].clone();
    assert_eq!(environment(&blank()), "FusionCompute");
    assert_eq!(environment(&Image { disk_format: Some(DiskFormat::Iso), ..blank() }), "IsoImage");
    let disk = ImageDisk { kind: DiskKind::Data, letter: 'a', size_gib: 40, snapshot: None, imported_from: None };
    assert_eq!(environment(&Image { disks: vec![disk], ..blank() }), "DataImage");
    let told = properties(&[("virtual_env_type", "Ironic")]);
    assert_eq!(environment(&Image { properties: told, ..blank() }), "Ironic");
}

/// "Specifies the parent image ID. If the image is a public image or created from an image file, this value is left
/// empty." "If the image is a public image, this parameter is left empty."
#[test]
fn origins_are_told_of_ones_own_images() {
    let parent = ImageId::random();
    let place = ObjectPlace { bucket: "b".to_owned(), key: "k/x.vhd".to_owned() };
    let disk =
        ImageDisk { kind: DiskKind::System, letter: 'a', size_gib: 40, snapshot: None, imported_from: Some(place) };
    let facts = imprint_model::Facts { copied_from: Some(parent), ..Default::default() };
    let mut image = Image { facts, disks: vec![disk], ..blank() };
    let origins = |image: &Image| {
        let shown = shown(image);
        (shown["__originalimagename"].clone(), shown["__data_origin"].clone())
    };
    assert_eq!(origins(&image), (json!(parent.to_string()), json!("file,b:k/x.vhd")));
    image.properties = properties(&[("__data_origin", "instance,i")]);
    assert_eq!(origins(&image), (json!(parent.to_string()), json!("instance,i")));
    image.visibility = Visibility::Public;
    assert_eq!(origins(&image), (json!(""), Value::Null));
}

#[test]
fn properties_are_extension_attributes_but_never_contradict_the_image() {
    let mut own = properties(&[
        ("hw_disk_bus", "virtio"),
        ("owner_specified.openstack.md5", "0a"),
        ("status", "killed"),
        ("id", "other"),
        ("hw_firmware_type", "odd"),
        ("imprint:import_task", "secret"),
        ("os_glance_x", "x"),
        ("architecture", "x86_64"),
        ("__system_support_market", "true"),
    ]);
    own.insert("empty".to_owned(), None);
    let shown = shown(&Image { properties: own, tags: ["a=b".to_owned(), "c\"".to_owned()].into(), ..blank() });
    for (name, value) in [
        ("hw_disk_bus", json!("virtio")),
        ("owner_specified.openstack.md5", json!("0a")),
        ("status", json!("queued")),
        ("id", json!("7e9c5d3a-0000-4000-8000-000000000001")),
        ("hw_firmware_type", json!("bios")),
        ("__system_support_market", json!(true)),
        ("empty", json!("")),
        ("tags", json!(["a=b", "c\""])),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    for name in ["imprint:import_task", "import_task", "os_glance_x", "architecture"] {
        assert_eq!(shown.get(name), None, "{name}");
    }
    assert!(TABLE.iter().any(|row| row.setter == Setter::Service));
}
