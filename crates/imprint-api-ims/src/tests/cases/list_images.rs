//! `list_images`: every condition is compared with what images show.

use std::collections::{BTreeMap, BTreeSet};

use imprint_catalogue::members;
use imprint_model::{
    Architecture, BootMode, ContainerFormat, DiskFormat, DiskKind, Image, ImageDisk, Member, MemberStatus, OsType,
    ProjectId, Status, Timestamp, Visibility,
};
use serde_json::Value;

use super::{Case, case};
use crate::tests::{Client, Way, World};

pub(super) const CASES: &[Case] = &[
    case("list_images", &["OK"], "every condition, alone and with another, gives the images that show it", |world| {
        Box::pin(every_condition(world))
    }),
    case("list_images", &["OK", "IMG.0001"], "pages follow one another to an empty one, in every order", |world| {
        Box::pin(pages(world))
    }),
    case("list_images", &["OK"], "what is shared is told apart by its owner and by the answer", |world| {
        Box::pin(shared(world))
    }),
    case("list_images", &["OK"], "an image is shown by its id wherever it is, and an unknown one is none", |world| {
        Box::pin(by_id(world))
    }),
    case(
        "list_images",
        &["IMG.0001", "IMG.0024", "IMG.0192", "IMG.0212", "APIGW.0301"],
        "values that cannot be are refused",
        |world| Box::pin(refused(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// Images as different as they can be, some with as little as possible.
async fn stock(world: &World) {
    let names =
        ["Ubuntu 18.04 server 64bit", "CentOS 6.3 32bit", "Windows 7 Professional 32bit", "Haiku", "FreeBSD 13"];
    let platforms =
        [None, Some("Ubuntu"), Some("Windows Server 2022"), Some("ubuntu"), Some("Others Linux"), Some("AlmaLinux")];
    let other = world.project("other").await;
    for number in 0..60_usize {
        let (friend, owner) = (other.clone(), world.project("acme").await);
        let id = world
            .image(|image| {
                vary(image, number);
                image.facts.os_name = (!number.is_multiple_of(3)).then(|| names[number % names.len()].to_owned());
                image.facts.platform = platforms[number % platforms.len()].map(str::to_owned);
                if number % 7 == 6 {
                    image.owner = friend;
                }
            })
            .await;
        let to = if number % 7 == 6 { owner } else { other.clone() };
        if number % 5 < 2 {
            offer(world, id, to, MemberStatus::ALL[number % 3]).await;
        }
    }
}

fn vary(image: &mut Image, number: usize) {
    let pick = |step: usize, of: usize| (number / step + number) % of;
    image.name = (!number.is_multiple_of(11)).then(|| format!("image {}", pick(3, 4)));
    image.visibility = Visibility::ALL[pick(5, 4)];
    image.status = Status::ALL[pick(2, Status::ALL.len())];
    image.hidden = number % 13 == 12;
    image.protected = pick(2, 2) == 1;
    image.disk_format = [None, Some(DiskFormat::Vhd), Some(DiskFormat::Iso), Some(DiskFormat::Raw)][pick(4, 4)];
    image.container_format = [None, Some(ContainerFormat::Bare), Some(ContainerFormat::Ova)][pick(7, 3)];
    image.min_disk_gib = [0, 1, 2, 40][pick(3, 4)];
    image.min_ram_mib = [0, 1024][pick(2, 2)];
    let content = image.content.as_mut().expect("there");
    content.size_bytes = [1, 1 << 30, (1 << 30) + 1, 41 << 30][pick(2, 4)];
    content.virtual_size_bytes = [None, Some(1), Some(2 << 30), Some(40 << 30)][pick(11, 4)];
    if number % 10 == 9 {
        image.content = None;
    }
    image.facts.architecture =
        [None, Some(Architecture::X86_64), Some(Architecture::Arm64), Some(Architecture::I386)][pick(6, 4)];
    image.facts.os_type = [None, Some(OsType::Linux), Some(OsType::Windows)][pick(3, 3)];
    image.facts.boot_mode = [None, Some(BootMode::Uefi), Some(BootMode::Bios)][pick(9, 3)];
    if number % 4 == 3 {
        let kind = DiskKind::ALL[pick(2, 2)];
        image.disks = vec![ImageDisk { kind, letter: 'a', size_gib: 1, snapshot: None, imported_from: None }];
    }
    let mut set = |name: &str, value: Option<&str>| {
        image.properties.extend(value.map(|value| (name.to_owned(), Some(value.to_owned()))));
    };
    set("virtual_env_type", [None, None, Some("DataImage"), Some("Ironic"), Some("FusionCompute")][pick(2, 5)]);
    set("__whole_image", [None, None, Some("true")][pick(5, 3)]);
    set("__system__cmkid", [None, Some("a-key")][pick(7, 2)]);
    set("__support_kvm", [None, Some("true")][pick(3, 2)]);
    set("__support_xen_gpu_type", [None, Some("M60_vGPU")][pick(8, 2)]);
    set("__backup_id", [None, Some("a-backup"), Some("")][pick(4, 3)]);
    set("color", [None, Some("red"), Some("blue")][pick(2, 3)]);
    image.tags.extend([None, Some("a=b"), Some("bare")][pick(2, 3)].map(str::to_owned));
    image.created_at = Timestamp(image.created_at.0 + i64::try_from(number).expect("small") * 700_000);
    image.updated_at = image.created_at;
}

async fn offer(world: &World, image: imprint_model::ImageId, project: ProjectId, status: MemberStatus) {
    let at = Timestamp(5);
    let member = Member { image, project, status, created_at: at, updated_at: at };
    world.put(move |tx| members::insert(tx, &member)).await;
}

async fn list(client: &Client, query: &str) -> Vec<Value> {
    let shown = client.get(&format!("/v2/cloudimages?{query}")).await.ok();
    shown["images"].as_array().expect("an array").clone()
}

fn ids(images: &[Value]) -> Vec<String> {
    images.iter().map(|image| image["id"].as_str().expect("text").to_owned()).collect()
}

/// What an image shows under a name, as text; the names of conditions that are not attributes too.
fn shown(image: &Value, name: &str) -> Option<String> {
    let arm = image["__support_arm"] == "true";
    match (name, &image[name]) {
        ("architecture", _) => Some(if arm { "arm" } else { "x86" }.to_owned()),
        ("__whole_image", value) => Some((value == "true").to_string()),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Number(number)) => Some(number.to_string()),
        (_, Value::Bool(truth)) => Some(truth.to_string()),
        _ => None,
    }
}

const CONDITIONS: [&str; 29] = [
    "__imagetype",
    "visibility",
    "owner",
    "id",
    "name",
    "status",
    "protected",
    "__isregistered",
    "__whole_image",
    "__system__cmkid",
    "container_format",
    "disk_format",
    "min_ram",
    "min_disk",
    "__os_bit",
    "__os_type",
    "__platform",
    "__os_version",
    "virtual_env_type",
    "architecture",
    "enterprise_project_id",
    "__support_kvm",
    "__support_xen_gpu_type",
    "__backup_id",
    "hw_firmware_type",
    "__support_arm",
    "size",
    "checksum",
    "color",
];

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

async fn every_condition(world: World) -> World {
    stock(&world).await;
    for client in [&world.owner, &world.other] {
        let all = list(client, "limit=1000").await;
        assert!(all.len() > 8, "{}", all.len());
        let mut values: Vec<(&str, String)> = Vec::new();
        for name in CONDITIONS {
            let found: BTreeSet<String> = all.iter().filter_map(|image| shown(image, name)).collect();
            for value in found {
                values.push((name, value));
            }
        }
        let meets = |image: &&Value, name: &str, value: &str| shown(image, name).as_deref() == Some(value);
        let mut earlier: Vec<(&str, String)> = Vec::new();
        for (name, value) in values {
            let query = format!("limit=1000&{}={}", encoded(name), encoded(&value));
            // by its id an image is found that lists leave out; those are not in `all`
            let expected: Vec<Value> = all.iter().filter(|image| meets(image, name, &value)).cloned().collect();
            assert_eq!(ids(&list(client, &query).await), ids(&expected), "{query}");
            for (other, wanted) in earlier.iter().rev().step_by(7).take(3) {
                let query = format!("{query}&{}={}", encoded(other), encoded(wanted));
                let both: Vec<Value> = expected.iter().filter(|image| meets(image, other, wanted)).cloned().collect();
                assert_eq!(ids(&list(client, &query).await), ids(&both), "{query}");
            }
            earlier.push((name, value));
        }
        for tag in ["a=b", "bare"] {
            let tagged: Vec<Value> = all
                .iter()
                .filter(|image| image["tags"].as_array().expect("an array").contains(&Value::from(tag)))
                .cloned()
                .collect();
            assert_eq!(ids(&list(client, &format!("limit=1000&tag={}", encoded(tag))).await), ids(&tagged));
        }
        for nothing in ["__imagetype=market", "status=deleted", "__isregistered=False", "min_disk=0", "__os_bit=16"] {
            assert_eq!(list(client, nothing).await, Vec::<Value>::new(), "{nothing}");
        }
        let same = |one: &'static str, other: &'static str| async move {
            assert_eq!(ids(&list(client, one).await), ids(&list(client, other).await), "{one} {other}");
        };
        same("protected=True&limit=900", "protected=true&limit=900").await;
        same("__platform=Red%20Hat", "__platform=RedHat").await;
        same("__platform=ubuntu", "__platform=Ubuntu").await;
        same("enterprise_project_id=all_granted_eps", "").await;
        let flavor = list(client, "flavor_id=kc1.large.2").await;
        assert!(flavor.iter().all(|image| image["visibility"] == "public" && image["__support_arm"] == "true"));
        for (op, fits) in [
            ("gt", [false, false, true]),
            ("gte", [false, true, true]),
            ("lt", [true, false, false]),
            ("lte", [true, true, false]),
            ("eq", [false, true, false]),
            ("neq", [true, false, true]),
        ] {
            let moment = all[all.len() / 2]["created_at"].as_str().expect("text");
            let blank = moment.replace('T', " ").replace('Z', "");
            // in the catalogue seconds have parts
            if matches!(op, "eq" | "neq") {
                let found = list(client, &format!("limit=1000&created_at={op}:{}", encoded(&blank))).await;
                let expected = all.iter().filter(|image| {
                    let order = image["created_at"].as_str().expect("text").cmp(moment);
                    fits[usize::try_from(order as i8 + 1).expect("one of three")]
                });
                assert_eq!(ids(&found), ids(&expected.cloned().collect::<Vec<_>>()), "{op}");
            } else {
                list(client, &format!("updated_at={op}:{}", encoded(moment))).await;
            }
        }
    }
    world
}

async fn pages(world: World) -> World {
    stock(&world).await;
    for sort in ["", "&sort_key=name&sort_dir=asc", "&sort_key=size", "&sort_key=id&sort_dir=desc", "&__os_type=Linux"]
    {
        let all = ids(&list(&world.owner, &format!("limit=1000{sort}")).await);
        let mut walked: Vec<String> = Vec::new();
        loop {
            let marker = walked.last().map(|last| format!("&marker={last}")).unwrap_or_default();
            let page = ids(&list(&world.owner, &format!("limit=7{sort}{marker}")).await);
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        assert_eq!(walked, all, "{sort}");
    }
    assert_eq!(list(&world.owner, "limit=0").await.len(), 0);
    for way in [Way::AGo, Way::B, Way::Token] {
        assert_eq!(list(&world.owner.by(way), "limit=3").await.len(), 3);
    }
    let foreign = world.image(|image| image.owner = ProjectId::random()).await;
    world.owner.get(&format!("/v2/cloudimages?marker={foreign}")).await.refused("IMG.0001");
    world
}

async fn shared(world: World) -> World {
    let (acme, other) = (world.owner.project.clone(), world.other.project.clone());
    let mine = world.image(|image| image.visibility = Visibility::Shared).await;
    let lonely = world.image(|image| image.visibility = Visibility::Shared).await;
    offer(&world, mine, other.clone(), MemberStatus::Pending).await;
    let mut theirs = BTreeMap::new();
    for &status in MemberStatus::ALL {
        let owner = other.clone();
        let id = world.image(|image| (image.owner, image.visibility) = (owner, Visibility::Shared)).await;
        offer(&world, id, acme.clone(), status).await;
        theirs.insert(status.as_str(), id.to_string());
    }
    let found = |query: &'static str| {
        let client = world.owner.clone();
        async move { ids(&list(&client, query).await).into_iter().collect::<BTreeSet<_>>() }
    };
    let of = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
    let (mine, lonely) = (mine.to_string(), lonely.to_string());
    assert_eq!(found("__imagetype=shared").await, of(&[&mine, &theirs["accepted"]]));
    assert_eq!(found("__imagetype=private").await, of(&[&lonely]));
    for status in ["pending", "rejected", "accepted"] {
        let query = format!("member_status={status}&visibility=shared&__imagetype=shared");
        assert_eq!(ids(&list(&world.owner, &query).await), [theirs[status].clone()], "{query}");
    }
    assert_eq!(found("member_status=all&visibility=shared").await.len(), 4);
    let kinds = list(&world.owner, "").await;
    assert!(kinds.iter().all(|image| image["__imagetype"] == image["visibility"]));
    world
}

async fn by_id(world: World) -> World {
    let far = world.image(|image| (image.region, image.hidden) = ("local-2".to_owned(), true)).await;
    assert_eq!(list(&world.owner, &format!("id={far}")).await.len(), 1);
    assert_eq!(list(&world.owner, "").await.len(), 0);
    for unknown in ["33ad552d-1149-471c-8190-ff6776174a00", "nonsense", ""] {
        assert_eq!(list(&world.owner, &format!("id={unknown}")).await.len(), 0);
    }
    assert_eq!(list(&world.other, &format!("id={far}")).await.len(), 0, "another's private image is none");
    world
}

async fn refused(world: World) -> World {
    for (query, code) in [
        ("__imagetype=odd", "IMG.0024"),
        ("architecture=vax", "IMG.0212"),
        ("flavor_id=no", "IMG.0192"),
        ("visibility=odd", "IMG.0001"),
        ("limit=many", "IMG.0001"),
        ("limit=-1", "IMG.0001"),
        ("marker=nonsense", "IMG.0001"),
        ("sort_key=odd", "IMG.0001"),
        ("sort_dir=up", "IMG.0001"),
        ("member_status=odd", "IMG.0001"),
        ("protected=odd", "IMG.0001"),
        ("min_ram=x", "IMG.0001"),
        ("min_disk=-1", "IMG.0001"),
        ("created_at=ge:2018-10-28T10:00:00Z", "IMG.0001"),
        ("updated_at=yesterday", "IMG.0001"),
        ("Upper=1", "IMG.0001"),
    ] {
        world.owner.get(&format!("/v2/cloudimages?{query}")).await.refused(code);
    }
    let long = format!("name={}", "x".repeat(5_000));
    world.owner.get(&format!("/v2/cloudimages?{long}")).await.refused("IMG.0001");
    let many = vec!["tag=a"; 250].join("&");
    world.owner.get(&format!("/v2/cloudimages?{many}")).await.refused("IMG.0001");
    let mut forged = world.owner.clone();
    forged.secret.push('x');
    forged.get("/v2/cloudimages").await.refused("APIGW.0301");
    world
}
