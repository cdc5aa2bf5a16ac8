//! DescribeImages: every filter alone and combined, what is seen by whom, pages and their totals.

use std::collections::BTreeSet;

use imprint_model::{
    Architecture, DiskKind, Facts, ImageDisk, ImageId, Member, MemberStatus, OsType, SnapshotId, Status, Timestamp,
    Visibility,
};
use serde_json::Value;

use super::{Case, case};
use crate::ids::WireId;
use crate::tests::{Client, Style, World};

pub(super) const CASES: &[Case] = &[
    case(
        "DescribeImages",
        &["OK", "InvalidParamter"],
        "[S] only available images unless statuses are asked for, several with commas, or `ALL`",
        |world| Box::pin(statuses(world)),
    ),
    case(
        "DescribeImages",
        &["OK", "InvalidImageOwnerAlias.ValueNotSupported", "InvalidImageOwnerAlias.PublicImageUnsupported"],
        "[S] `system`, `self`, `others` and `marketplace` say whose images; community images need `IsPublic` and `others`",
        |world| Box::pin(aliases(world)),
    ),
    case(
        "DescribeImages",
        &["OK"],
        "[S] the owner's account counts for images of others alone, and every image tells its owner",
        |world| Box::pin(owners(world)),
    ),
    case(
        "DescribeImages",
        &["OK", "InvalidUsage", "InvalidOSType", "InvalidArchitecture", "InvalidInstanceType.ValueNotSupported"],
        "[S] images by id, name, family, snapshot, use, system, processor and instance type; unknown ids are no error",
        |world| Box::pin(filters(world)),
    ),
    case(
        "DescribeImages",
        &["OK", "InvalidTag.Mismatch", "InvalidTagCount"],
        "[S] all tags that are asked for must be there, in both spellings",
        |world| Box::pin(tags(world)),
    ),
    case(
        "DescribeImages",
        &["OK", "InvalidFilterKey.NotFound", "InvalidFilterValue", "InvalidFilterValue.NetworkType"],
        "[S] images made after or before a time; a filter's value needs its key",
        |world| Box::pin(times(world)),
    ),
    case(
        "DescribeImages",
        &["OK"],
        "[S] images of the default resource group are listed whichever group is asked for",
        |world| Box::pin(resource_groups(world)),
    ),
    case(
        "DescribeImages",
        &["OK", "InvalidParamter"],
        "[S] pages from 1, of 10 entries unless told, of at most 100, newest first, with the exact total",
        |world| Box::pin(pages(world)),
    ),
    case(
        "DescribeImages",
        &["DryRunOperation", "MissingParameter", "InvalidRegionId.NotFound"],
        "[S] the region must be given and be there, and a dry run only checks",
        |world| Box::pin(region_and_dry_run(world)),
    ),
    case(
        "DescribeImages",
        &["OK"],
        "lists are wrapped in JSON and repeated in XML, even when they are empty",
        |world| Box::pin(encodings(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn ask(client: &Client, params: &[(&str, &str)]) -> Value {
    client.ask("DescribeImages", params).await.ok()
}

/// The names of what is found.
async fn names(client: &Client, params: &[(&str, &str)]) -> Vec<String> {
    let answer = ask(client, params).await;
    let images = answer["Images"]["Image"].as_array().expect("a list").clone();
    assert_eq!(answer["TotalCount"], images.len(), "{answer}");
    let mut names: Vec<String> =
        images.iter().map(|image| image["ImageName"].as_str().expect("a name").to_owned()).collect();
    names.sort_unstable();
    names
}

async fn named(world: &World, name: &str, change: impl FnOnce(&mut imprint_model::Image)) -> String {
    let name = name.to_owned();
    world
        .image(|image| {
            image.name = Some(name);
            change(image);
        })
        .await
}

async fn statuses(world: World) -> World {
    for (name, status) in [
        ("waiting", Status::Queued),
        ("saving", Status::Saving),
        ("importing", Status::Importing),
        ("available", Status::Available),
        ("unavailable", Status::Deactivated),
        ("failed", Status::Failed),
    ] {
        named(&world, name, |image| image.status = status).await;
    }
    named(&world, "deprecated", |image| image.hidden = true).await;
    named(&world, "hidden-waiting", |image| (image.status, image.hidden) = (Status::Queued, true)).await;
    let all = &world.owner;
    assert_eq!(names(all, &[]).await, ["available"]);
    assert_eq!(names(all, &[("Status", "Deprecated")]).await, ["deprecated"]);
    assert_eq!(names(all, &[("Status", "Creating , UnAvailable")]).await, ["importing", "saving", "unavailable"]);
    let mixed = names(all, &[("Status", "Deprecated,Waiting,CreateFailed")]).await;
    assert_eq!(mixed, ["deprecated", "failed", "hidden-waiting", "waiting"]);
    assert_eq!(names(all, &[("Status", "ALL")]).await.len(), 8);
    assert_eq!(
        names(all, &[("Status", "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated")]).await.len(),
        8
    );
    assert!(
        names(all, &[("Status", "available")]).await.is_empty(),
        "case matters, and an unknown one matches nothing"
    );
    assert_eq!(names(all, &[("Status", "ALL"), ("Usable", "true")]).await, ["available", "deprecated"]);
    assert_eq!(names(all, &[("Status", "Available,CreateFailed"), ("Usable", "False")]).await, ["failed"]);
    all.ask("DescribeImages", &[("Status", "ALL,Available")]).await.refused("InvalidParamter");
    all.ask("DescribeImages", &[("Usable", "true")]).await.refused("MissingParameter");
    for image in ask(all, &[("Status", "ALL")]).await["Images"]["Image"].as_array().expect("a list") {
        let (name, status) =
            (image["ImageName"].as_str().expect("a name"), image["Status"].as_str().expect("a status"));
        let found = names(all, &[("Status", status)]).await;
        assert!(found.contains(&name.to_owned()), "{name} is shown as {status} and found so");
    }
    world
}

/// One image of every kind that the first account may see, and some that it may not.
async fn everybody(world: &World) {
    let (own, other, root) = (world.project("acme").await, world.project("other").await, world.project("admin").await);
    named(world, "own", |_| {}).await;
    named(world, "own-community", |image| image.visibility = Visibility::Community).await;
    for (name, visibility) in [
        ("foreign", Visibility::Private),
        ("shared", Visibility::Shared),
        ("unshared", Visibility::Shared),
        ("community", Visibility::Community),
    ] {
        let owner = other.clone();
        let id = named(world, name, |image| (image.owner, image.visibility) = (owner, visibility)).await;
        if name == "shared" {
            share(world, &id, own.clone()).await;
        }
    }
    named(world, "public", |image| (image.owner, image.visibility) = (root, Visibility::Public)).await;
    let given = named(world, "own-shared", |image| image.visibility = Visibility::Shared).await;
    share(world, &given, other).await;
}

async fn share(world: &World, id: &str, project: imprint_model::ProjectId) {
    let at = Timestamp(0);
    let (image, status) = (ImageId::read(id).expect("an id"), MemberStatus::Accepted);
    let member = Member { image, project, status, created_at: at, updated_at: at };
    world.put(move |tx| imprint_catalogue::members::insert(tx, &member)).await;
}

async fn aliases(world: World) -> World {
    everybody(&world).await;
    let of = |alias: &'static str, public: &'static str| {
        let owner = world.owner.clone();
        async move { names(&owner, &[("ImageOwnerAlias", alias), ("IsPublic", public)]).await }
    };
    assert_eq!(of("", "").await, ["own", "own-community", "own-shared", "public", "shared"]);
    assert_eq!(of("system", "").await, ["public"]);
    assert_eq!(of("self", "false").await, ["own", "own-community", "own-shared"]);
    assert_eq!(of("others", "False").await, ["shared"]);
    assert_eq!(of("others", "True").await, ["community"]);
    assert!(of("marketplace", "").await.is_empty());
    // the administrator of the installation is one account among others here
    assert_eq!(names(&world.root, &[]).await, ["public"]);
    assert_eq!(names(&world.root, &[("ImageOwnerAlias", "system")]).await, ["public"]);
    assert!(names(&world.root, &[("ImageOwnerAlias", "self")]).await.is_empty());
    let message = world.owner.ask("DescribeImages", &[("ImageOwnerAlias", "mine")]).await;
    let message = message.refused("InvalidImageOwnerAlias.ValueNotSupported");
    assert_eq!(message, "The specified ImageOwnerAlias value is not supported.");
    for alias in ["", "self", "system"] {
        let answer = world.owner.ask("DescribeImages", &[("ImageOwnerAlias", alias), ("IsPublic", "true")]).await;
        assert_eq!(answer.status, 400);
        answer.refused("InvalidImageOwnerAlias.PublicImageUnsupported");
    }
    for image in ask(&world.owner, &[("PageSize", "100")]).await["Images"]["Image"].as_array().expect("a list") {
        let (alias, shared, public) = match image["ImageName"].as_str().expect("a name") {
            "own" => ("self", "false", false),
            "own-shared" => ("self", "true", false),
            "own-community" => ("self", "false", true),
            "shared" => ("others", "", false),
            _ => ("system", "", true),
        };
        assert_eq!((&image["ImageOwnerAlias"], &image["IsSelfShared"]), (&alias.into(), &shared.into()), "{image}");
        assert_eq!(image["IsPublic"], public, "{image}");
    }
    let community = ask(&world.owner, &[("ImageOwnerAlias", "others"), ("IsPublic", "true")]).await;
    assert_eq!(community["Images"]["Image"][0]["SupplierName"], "other");
    world
}

async fn owners(world: World) -> World {
    everybody(&world).await;
    let number = world.other.account.as_str();
    let others = |public| [("ImageOwnerAlias", "others"), ("ImageOwnerId", number), ("IsPublic", public)];
    assert_eq!(names(&world.owner, &others("false")).await, ["shared"]);
    assert_eq!(names(&world.owner, &others("true")).await, ["community"]);
    let stranger = [("ImageOwnerAlias", "others"), ("ImageOwnerId", "1234567890")];
    assert!(names(&world.owner, &stranger).await.is_empty());
    // of no effect where it is said already whose images
    let own = [("ImageOwnerAlias", "self"), ("ImageOwnerId", number)];
    assert_eq!(names(&world.owner, &own).await.len(), 3);
    let shared = ask(&world.owner, &others("false")).await;
    assert_eq!(shared["Images"]["Image"][0]["ImageOwnerId"].as_u64().expect("a number").to_string(), number);
    world
}

async fn filters(world: World) -> World {
    let snapshot = SnapshotId::random();
    let facts = |architecture, os_type, nvme: Option<bool>| Facts { architecture, os_type, nvme, ..Facts::default() };
    let one = named(&world, "ubuntu_22", |image| {
        image.facts = Facts { family: Some("fam".to_owned()), ..facts(None, None, None) };
        image.disks = vec![ImageDisk {
            kind: DiskKind::System,
            letter: 'a',
            size_gib: 1,
            snapshot: Some(snapshot),
            imported_from: None,
        }];
    })
    .await;
    named(&world, "ubuntu_24", |image| {
        image.facts = facts(Some(Architecture::X86_64), Some(OsType::Linux), Some(true))
    })
    .await;
    let windows =
        named(&world, "win", |image| image.facts = facts(Some(Architecture::I386), Some(OsType::Windows), None)).await;
    named(&world, "arm", |image| image.facts = facts(Some(Architecture::Arm64), None, Some(true))).await;
    world.instance(&windows, |_| {}).await;
    let client = world.owner.clone();
    let found = |params: &[(&'static str, String)]| {
        let (client, params) = (client.clone(), params.to_vec());
        async move {
            let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            names(&client, &params).await
        }
    };
    let by = |name, value: &str| found(&[(name, value.to_owned())]);
    assert_eq!(by("ImageId", &one).await, ["ubuntu_22"]);
    assert_eq!(by("ImageId", &format!("{one},{windows},m-x")).await, ["ubuntu_22", "win"]);
    assert!(by("ImageId", "m-0000000000000000000000000").await.is_empty(), "an unknown id is no error");
    assert_eq!(by("ImageName", "win").await, ["win"]);
    assert!(by("ImageName", "ubuntu").await.is_empty(), "names are whole");
    assert_eq!(by("ImageName", "ubuntu*").await, ["ubuntu_22", "ubuntu_24"]);
    assert_eq!(by("ImageFamily", "fam").await, ["ubuntu_22"]);
    assert_eq!(by("SnapshotId", &snapshot.wire()).await, ["ubuntu_22"]);
    assert_eq!(by("Usage", "instance").await, ["win"]);
    assert_eq!(by("Usage", "none").await, ["arm", "ubuntu_22", "ubuntu_24"]);
    assert_eq!(by("OSType", "windows").await, ["win"]);
    assert_eq!(by("OSType", "linux").await, ["arm", "ubuntu_22", "ubuntu_24"]);
    assert_eq!(by("Architecture", "i386").await, ["win"]);
    assert_eq!(by("Architecture", "x86_64").await, ["ubuntu_22", "ubuntu_24"], "also what nobody told");
    assert_eq!(by("InstanceType", "ecs.g7.large").await, ["ubuntu_22", "ubuntu_24"]);
    assert_eq!(by("InstanceType", "ecs.g8i.large").await, ["ubuntu_24"], "boots from NVMe");
    assert_eq!(by("InstanceType", "ecs.t6-c1m1.large").await, ["ubuntu_22", "ubuntu_24", "win"]);
    assert_eq!(by("InstanceType", "ecs.g8y.large").await, ["arm"]);
    assert_eq!(by("IsSupportCloudinit", "True").await.len(), 4);
    assert!(by("IsSupportIoOptimized", "false").await.is_empty());
    let combined = [
        ("ImageName", "ubuntu*".to_owned()),
        ("Architecture", "x86_64".to_owned()),
        ("InstanceType", "ecs.g8i.large".to_owned()),
        ("Usage", "none".to_owned()),
        ("ActionType", "ChangeOS".to_owned()),
        ("ShowExpired", "true".to_owned()),
    ];
    assert_eq!(found(&combined).await, ["ubuntu_24"]);
    for (name, value, status, code, message) in [
        ("Usage", "used", 404, "InvalidUsage", "The specified Usage is not valid."),
        ("OSType", "bsd", 404, "InvalidOSType", "The specified OSType is not valid."),
        ("Architecture", "mips", 404, "InvalidArchitecture", "The specified Architecture is not valid."),
        (
            "InstanceType",
            "ecs.x",
            400,
            "InvalidInstanceType.ValueNotSupported",
            "The specified InstanceType does not exist or beyond the permitted range.",
        ),
    ] {
        let answer = world.owner.ask("DescribeImages", &[(name, value)]).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.refused(code), message);
    }
    let used = ask(&world.owner, &[("Usage", "instance")]).await;
    assert_eq!(used["Images"]["Image"][0]["Usage"], "instance");
    world
}

async fn tags(world: World) -> World {
    let tagged = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<BTreeSet<_>>();
    named(&world, "both", |image| image.tags = tagged(&["a=1", "b=2"])).await;
    named(&world, "one", |image| image.tags = tagged(&["a=1"])).await;
    named(&world, "empty", |image| image.tags = tagged(&["a"])).await;
    let client = &world.owner;
    assert_eq!(names(client, &[("Tag.1.Key", "a"), ("Tag.1.Value", "1")]).await, ["both", "one"]);
    let both = [("Tag.1.key", "a"), ("Tag.1.value", "1"), ("Tag.9.Key", "b"), ("Tag.9.Value", "2")];
    assert_eq!(names(client, &both).await, ["both"]);
    assert_eq!(names(client, &[("Tag.1.Key", "a")]).await, ["both", "empty", "one"]);
    assert_eq!(names(client, &[("Tag.1.Key", "a"), ("Tag.1.Value", "")]).await, ["empty"]);
    assert!(names(client, &[("Tag.1.Key", "a"), ("Tag.1.Value", "2")]).await.is_empty());
    let message = client.ask("DescribeImages", &[("Tag.1.Value", "1")]).await.refused("InvalidTag.Mismatch");
    assert_eq!(message, "The specified Tag.n.Key and Tag.n.Value are not match.");
    let keys: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let many: Vec<_> = keys.iter().map(|name| (name.as_str(), "a")).collect();
    assert_eq!(names(client, &many[..20]).await.len(), 3);
    let message = client.ask("DescribeImages", &many).await.refused("InvalidTagCount");
    assert_eq!(message, "The specified tags are beyond the permitted range.");
    world
}

async fn times(world: World) -> World {
    const MINUTE: i64 = 60_000_000;
    for (name, minutes) in [("early", 0), ("middle", 10), ("late", 20)] {
        // the world begins at 2026-11-22T01:28:36Z
        named(&world, name, |image| image.created_at = Timestamp(image.created_at.0 + minutes * MINUTE)).await;
    }
    let client = &world.owner;
    let (start, end) = ("CreationStartTime", "CreationEndTime");
    let by = |key: &'static str, value: &'static str| async move {
        names(client, &[("Filter.1.Key", key), ("Filter.1.Value", value)]).await
    };
    assert_eq!(by(start, "2026-11-22T01:30Z").await, ["late", "middle"]);
    assert_eq!(by(end, "2026-11-22T01:40:00Z").await, ["early", "middle"]);
    let between = [
        ("Filter.1.Key", start),
        ("Filter.1.Value", "2026-11-22T01:30Z"),
        ("Filter.2.Key", end),
        ("Filter.2.Value", "2026-11-22T01:45Z"),
    ];
    assert_eq!(names(client, &between).await, ["middle"]);
    assert_eq!(by("NetworkType", "vpc").await.len(), 3);
    assert!(by("MemoryOnlineDowngrade", "supported").await.is_empty());
    for (key, value, status, code) in [
        ("", "2026-11-22T01:30Z", 404, "InvalidFilterKey.NotFound"),
        ("CreationTime", "2026-11-22T01:30Z", 404, "InvalidFilterKey.NotFound"),
        (start, "2026-11-22", 404, "InvalidFilterValue"),
        (start, "", 404, "InvalidFilterValue"),
        ("NetworkType", "x", 400, "InvalidFilterValue.NetworkType"),
    ] {
        let answer = client.ask("DescribeImages", &[("Filter.3.Key", key), ("Filter.3.Value", value)]).await;
        assert_eq!(answer.status, status, "{key} {value}");
        answer.refused(code);
    }
    world
}

async fn resource_groups(world: World) -> World {
    named(&world, "default", |_| {}).await;
    for (name, group) in [("one", "rg-1"), ("two", "rg-2")] {
        named(&world, name, |image| image.facts.resource_group = Some(group.to_owned())).await;
    }
    assert_eq!(names(&world.owner, &[]).await, ["default", "one", "two"]);
    assert_eq!(names(&world.owner, &[("ResourceGroupId", "rg-1")]).await, ["default", "one"]);
    assert_eq!(
        names(&world.owner, &[("ResourceGroupId", "rg-none")]).await,
        ["default"],
        "an unknown group is no error"
    );
    let answer = ask(&world.owner, &[("ImageName", "two")]).await;
    assert_eq!(answer["Images"]["Image"][0]["ResourceGroupId"], "rg-2");
    world
}

async fn pages(world: World) -> World {
    for number in 0..13_i64 {
        named(&world, &format!("image-{number:02}"), |image| image.created_at = Timestamp(image.created_at.0 + number))
            .await;
    }
    let page = |params: Vec<(&'static str, &'static str)>| {
        let client = world.owner.clone();
        async move {
            let answer = ask(&client, &params).await;
            assert_eq!(answer["TotalCount"], 13, "all that match, not the page");
            let images = answer["Images"]["Image"].as_array().expect("a list").clone();
            let names: Vec<_> =
                images.iter().map(|image| image["ImageName"].as_str().expect("a name").to_owned()).collect();
            (answer["PageNumber"].as_u64(), answer["PageSize"].as_u64(), names)
        }
    };
    let (number, size, first) = page(vec![]).await;
    assert_eq!((number, size, first.len()), (Some(1), Some(10), 10));
    assert_eq!((first[0].as_str(), first[9].as_str()), ("image-12", "image-03"), "newest first");
    assert_eq!(page(vec![("PageNumber", "2")]).await.2, ["image-02", "image-01", "image-00"]);
    assert_eq!(page(vec![("PageNumber", "5"), ("PageSize", "3")]).await.2, ["image-00"]);
    assert!(page(vec![("PageNumber", "4294967295"), ("PageSize", "100")]).await.2.is_empty());
    assert_eq!(page(vec![("PageSize", "100")]).await.2.len(), 13);
    for bad in [("PageNumber", "0"), ("PageNumber", "-1"), ("PageSize", "0"), ("PageSize", "101"), ("PageSize", "x")] {
        let answer = world.owner.ask("DescribeImages", &[bad]).await;
        assert_eq!(answer.status, 400, "{bad:?}");
        assert_eq!(answer.refused("InvalidParamter"), "Invalid Parameter.");
    }
    world
}

async fn region_and_dry_run(world: World) -> World {
    named(&world, "here", |_| {}).await;
    named(&world, "there", |image| "local-2".clone_into(&mut image.region)).await;
    assert_eq!(names(&world.owner, &[("RegionId", "local-2")]).await, ["there"]);
    assert_eq!(ask(&world.owner, &[("RegionId", "local-2")]).await["RegionId"], "local-2");
    let message = world.owner.ask_plainly("DescribeImages", &[]).await.refused("MissingParameter");
    assert_eq!(
        message,
        "The input parameter \"RegionId\" that is mandatory for processing this request is not supplied."
    );
    let answer = world.owner.ask("DescribeImages", &[("RegionId", "local-3")]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.refused("InvalidRegionId.NotFound"), "The specified RegionId does not exist.");
    let answer = world.owner.ask("DescribeImages", &[("DryRun", "True")]).await;
    assert_eq!(answer.status, 400);
    answer.refused("DryRunOperation");
    world.owner.ask("DescribeImages", &[("DryRun", "true"), ("Usage", "x")]).await.refused("InvalidUsage");
    world
}

async fn encodings(world: World) -> World {
    let empty = ask(&world.owner, &[]).await;
    assert_eq!(empty["Images"], serde_json::json!({ "Image": [] }));
    let xml = world.owner.styled(Style::V1Query);
    let text = xml.ask("DescribeImages", &[("Format", "xml")]).await.text;
    assert!(text.contains("<DescribeImagesResponse>") && text.contains("<TotalCount>0</TotalCount>"), "{text}");
    named(&world, "a&b", |image| image.tags = BTreeSet::from(["k=<v>".to_owned()])).await;
    let text = xml.ask("DescribeImages", &[("Format", "XML")]).await.text;
    for part in [
        "<ImageName>a&amp;b</ImageName>",
        "<Tags><Tag><TagKey>k</TagKey><TagValue>&lt;v&gt;</TagValue></Tag></Tags>",
        "<IsPublic>false</IsPublic>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let shown = ask(&world.owner, &[]).await["Images"]["Image"][0].clone();
    assert!(shown["Size"].is_u64() && shown["ImageOwnerId"].is_u64() && shown["IsSelfShared"].is_string(), "{shown}");
    assert!(
        shown["Progress"].is_string() && shown["ImageVersion"].is_string() && shown["Usable"].is_boolean(),
        "{shown}"
    );
    world
}
