//! Attributes and their values.

use imprint_model::{Architecture, BootMode};
use imprint_service::{Change, FactChange};
use serde_json::{Value, json};

use super::change;
use crate::attributes::{self, EXCLUSIVE, Setter, TABLE};
use crate::tests::World;

/// The requirement's attributes and those of later revisions: name, a value, another, and how each is shown.
fn attributes() -> Vec<(&'static str, [Value; 2], [Value; 2])> {
    let mut all = vec![
        ("name", [json!("one"), json!("名-2.x_y z")], [json!("one"), json!("名-2.x_y z")]),
        ("min_ram", [json!(512), json!("1024")], [json!(512), json!(1024)]),
        ("max_ram", [json!(4096), json!("08192")], [json!("4096"), json!("8192")]),
        ("hw_firmware_type", [json!("uefi"), json!("bios")], [json!("uefi"), json!("bios")]),
        ("enterprise_project_id", [json!("0"), json!("0")], [json!("0"), json!("0")]),
    ];
    let texts = [
        ("__description", ["a text", ""]),
        ("__support_xen_gpu_type", ["M60_vGPU", "other"]),
        ("__support_kvm_gpu_type", ["V100_vGPU", "P4"]),
        ("extension", ["a", ""]),
        ("hw_disk-bus.x:y", ["virtio", "é"]),
    ];
    all.extend(texts.map(|(name, [one, other])| (name, [json!(one), json!(other)], [json!(one), json!(other)])));
    for name in [
        "__support_xen",
        "__support_largememory",
        "__support_diskintensive",
        "__support_highperformance",
        "__support_xen_hana",
        "__support_kvm",
        "__support_kvm_infiniband",
        "__support_kvm_hi1822_hisriov",
        "__support_kvm_hi1822_hivirtionet",
    ] {
        all.push((name, [json!("true"), json!("true")], [json!("true"), json!("true")]));
    }
    for name in
        ["hw_vif_multiqueue_enabled", "hw_firmware_uefi", "__is_config_init", "__support_fc_inject", "__support_amd"]
    {
        all.push((name, [json!("true"), json!("false")], [json!("true"), json!("false")]));
    }
    all
}

/// "You can modify the following attributes: name, __description, __support_xen, … hw_firmware_uefi. You can add or
/// delete extension attributes." Every op on every one of them, on an image of its own.
pub(super) async fn every_operation_on_every_attribute(world: World) -> World {
    for (name, [one, other], [shown_one, shown_other]) in attributes() {
        let path = format!("/v2/cloudimages/{}", world.image(|_| {}).await);
        let plain = world.owner.patch(&path, &json!([])).await.ok();
        let always = plain.get(name).is_some();
        // `replace` and `remove` want something that is there
        if !always {
            change(&world.owner, &path, "replace", name, &one).await.refused("IMG.0035");
            change(&world.owner, &path, "remove", name, &one).await.refused("IMG.0035");
            assert_eq!(world.owner.patch(&path, &json!([])).await.ok(), plain, "{name}");
        }
        // `add` on an existing attribute acts as `replace`
        for (op, value, shown) in
            [("add", &one, &shown_one), ("add", &other, &shown_other), ("replace", &one, &shown_one)]
        {
            let answer = change(&world.owner, &path, op, name, value).await.ok();
            assert_eq!(answer[name], *shown, "{op} {name}");
            let others = |shown: &Value| {
                let mut members = shown.as_object().expect("an object").clone();
                members.remove(name);
                members
            };
            assert_eq!(others(&answer), others(&plain), "{op} {name}");
        }
        let removed = world.owner.patch(&path, &json!([{ "op": "remove", "path": format!("/{name}") }])).await;
        if name == "name" {
            removed.refused("IMG.0001");
        } else {
            assert_eq!(removed.ok(), plain, "remove {name}");
        }
    }
    // nothing the table lets a patch set was left out
    let tried: Vec<_> = attributes().into_iter().map(|(name, ..)| name).collect();
    let left = TABLE.iter().filter(|row| row.setter == Setter::Patch && !tried.contains(&row.name));
    assert_eq!(left.map(|row| row.name).collect::<Vec<_>>(), Vec::<&str>::new());
    world
}

/// "Determined by the attribute value": types and rules of each value.
pub(super) async fn wrong_values(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let before = world.stored(id).await;
    let long = |count: usize| json!("x".repeat(count));
    let mut wrong = vec![
        ("name", json!(""), "IMG.0013"),
        ("name", long(129), "IMG.0002"),
        ("name", json!(" x"), "IMG.0003"),
        ("name", json!("x "), "IMG.0003"),
        ("name", json!("a\u{0}b"), "IMG.0003"),
        ("name", json!("a\nb"), "IMG.0003"),
        ("name", json!("a/b"), "IMG.0003"),
        ("name", json!("é"), "IMG.0003"),
        ("__description", long(1_025), "IMG.0004"),
        ("__description", json!("a\nb"), "IMG.0054"),
        ("__description", json!("a\rb"), "IMG.0054"),
        ("__description", json!("a<b"), "IMG.0054"),
        ("__description", json!("a>b"), "IMG.0054"),
        ("__description", json!("a\u{0}b"), "IMG.0054"),
        ("hw_firmware_type", json!("UEFI"), "IMG.0141"),
        ("hw_firmware_type", json!(true), "IMG.0141"),
        ("hw_firmware_type", json!("uefi_preferred"), "IMG.0141"),
        ("enterprise_project_id", json!("7e9c5d3a-0000-4000-8000-000000000001"), "IMG.0155"),
        ("enterprise_project_id", json!(""), "IMG.0155"),
        ("enterprise_project_id", long(65), "IMG.0155"),
        ("enterprise_project_id", json!(0), "IMG.0001"),
        ("extension", long(4_097), "IMG.0001"),
        ("extension", json!("a\u{0}b"), "IMG.0001"),
        ("extension", json!("a\tb"), "IMG.0001"),
    ];
    for name in ["min_ram", "max_ram"] {
        for value in [
            json!(-1),
            json!(1.5),
            json!(2_147_483_648_u64),
            json!(1e300),
            json!(""),
            json!("-1"),
            json!("1x"),
            json!("99999999999999999999999"),
            json!(true),
            json!(null),
            json!([1]),
        ] {
            wrong.push((name, value, "IMG.0055"));
        }
    }
    let text = TABLE
        .iter()
        .filter(|row| row.setter == Setter::Patch && !["min_ram", "max_ram", "hw_firmware_type"].contains(&row.name));
    for name in text.map(|row| row.name).chain(["extension"]) {
        // a type that the attribute does not have
        for value in [json!(true), json!(1), json!(null), json!(["true"]), json!({ "a": "true" })] {
            wrong.push((name, value, "IMG.0001"));
        }
        if name.starts_with("__support") && !name.ends_with("gpu_type") || name.ends_with("enabled") {
            for value in ["", "True", "yes", "1", " true"] {
                wrong.push((name, json!(value), "IMG.0001"));
            }
        }
    }
    for (name, value, code) in wrong {
        for op in ["add", "replace"] {
            let answer = change(&world.owner, &path, op, name, &value).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{op} {name} {value}");
        }
        assert_eq!(world.stored(id).await, before, "{name} {value}");
    }
    for (name, value) in [("name", long(128)), ("__description", long(1_024)), ("min_ram", json!(0))] {
        change(&world.owner, &path, "add", name, &value).await.ok();
    }
    world
}

/// Whatever the requirement does not name cannot be changed, and keeps its value.
pub(super) async fn unchangeable(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let before = world.stored(id).await;
    let table = TABLE.iter().filter(|row| row.setter != Setter::Patch).map(|row| row.name);
    let kept = ["__new", "imprint:import_task", "os_glance_x", "location", "os_distro", "os_hidden", "Upper", "ÄÖ"];
    for name in table.chain(kept) {
        for op in ["add", "replace", "remove"] {
            let answer = change(&world.owner, &path, op, name, &json!("true")).await;
            assert_eq!(answer.status, 400, "{op} {name}");
            answer.refused("IMG.0001");
        }
    }
    assert_eq!(world.stored(id).await, before);
    change(&world.owner, &path, "add", "lower", &json!("x")).await.ok();
    world
}

/// "This attribute cannot co-exist with __support_xen and __support_kvm", "… with __support_xen".
pub(super) async fn exclusive(world: World) -> World {
    for &(one, other) in EXCLUSIVE {
        for (first, second) in [(one, other), (other, one)] {
            let id = world.image(|_| {}).await;
            let path = format!("/v2/cloudimages/{id}");
            change(&world.owner, &path, "add", first, &json!("true")).await.ok();
            let before = world.stored(id).await;
            let message = change(&world.owner, &path, "add", second, &json!("true")).await.refused("IMG.0035");
            assert!(message.contains(other), "{message}");
            assert_eq!(world.stored(id).await, before);
            // only what is so after the whole request counts
            let swapped = json!([
                { "op": "add", "path": format!("/{second}"), "value": "true" },
                { "op": "remove", "path": format!("/{first}") },
            ]);
            let shown = world.owner.patch(&path, &swapped).await.ok();
            assert_eq!((shown.get(first), &shown[second]), (None, &json!("true")));
        }
    }
    // all other pairs may be on one image
    let path = format!("/v2/cloudimages/{}", world.image(|_| {}).await);
    let flags = ["__support_xen", "__support_kvm", "__support_largememory", "__support_diskintensive"];
    for name in flags {
        change(&world.owner, &path, "add", name, &json!("true")).await.ok();
    }
    // what another dialect wrote does not stand in the way of a new name
    let both = world
        .image(|image| {
            for name in [EXCLUSIVE[0].0, EXCLUSIVE[0].1] {
                image.properties.insert(name.to_owned(), Some("true".to_owned()));
            }
        })
        .await;
    let path = format!("/v2/cloudimages/{both}");
    change(&world.owner, &path, "replace", "name", &json!("new")).await.ok();
    // but of both being there nothing is made by setting one
    for name in [EXCLUSIVE[0].0, EXCLUSIVE[0].1] {
        change(&world.owner, &path, "replace", name, &json!("true")).await.refused("IMG.0035");
    }
    world
}

/// The facts are the same whichever dialect tells them.
pub(super) async fn other_dialects(world: World) -> World {
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    for (name, value) in [("__description", "from here"), ("hw_firmware_type", "uefi"), ("max_ram", "2048")] {
        change(&world.owner, &path, "add", name, &json!(value)).await.ok();
    }
    let stored = world.stored(id).await;
    assert_eq!(stored.facts.description.as_deref(), Some("from here"));
    assert_eq!(stored.facts.boot_mode, Some(BootMode::Uefi));
    assert_eq!(stored.properties["max_ram"].as_deref(), Some("2048"));
    let caller = imprint_service::testing::caller(stored.owner.as_str(), "member");
    let told = vec![
        Change::Fact(FactChange::Description(Some("from there".to_owned()))),
        Change::Fact(FactChange::BootMode(None)),
        Change::Fact(FactChange::Architecture(Some(Architecture::Arm64))),
        Change::Tags(["a=b".to_owned(), "c".to_owned()].into()),
    ];
    world.engine.service.update_image(&caller, id, told).await.expect("changed");
    let shown = world.owner.patch(&path, &json!([])).await.ok();
    for (name, value) in [
        ("__description", json!("from there")),
        ("hw_firmware_type", json!("uefi")),
        ("__support_arm", json!("true")),
        ("tags", json!(["a=b", "c"])),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    // the processor knows one firmware only
    change(&world.owner, &path, "replace", "hw_firmware_type", &json!("bios")).await.refused("IMG.0035");
    // a property that another dialect keeps under this API's own name is replaced, not doubled
    let plain = world
        .image(|image| {
            image.properties.insert("__description".to_owned(), Some("loose".to_owned()));
        })
        .await;
    let path = format!("/v2/cloudimages/{plain}");
    assert_eq!(world.owner.patch(&path, &json!([])).await.ok()["__description"], "loose");
    let shown = change(&world.owner, &path, "replace", "__description", &json!("kept")).await.ok();
    assert_eq!(shown["__description"], "kept");
    assert!(!world.stored(plain).await.properties.contains_key("__description"));
    assert!(attributes::named("__description").is_some());
    world
}
