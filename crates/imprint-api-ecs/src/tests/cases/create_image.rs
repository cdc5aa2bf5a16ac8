//! CreateImage: what is asked for and what becomes of it. Where a statement of the requirement is proved, the case says
//! so: `[S]`. Its sources are in `create_image_sources.rs`.

use imprint_model::{DiskKind, Status};
use serde_json::Value;

use super::{Case, case};
use crate::tests::{Answer, Style, World};

pub(super) const CASES: &[Case] = &[
    case(
        "CreateImage",
        &["OK"],
        "[S] creating an image is asynchronous: `Creating` at first, `Available` when its data is complete",
        |world| Box::pin(is_asynchronous(world)),
    ),
    case(
        "CreateImage",
        &["OK", "InvalidImageName.Malformed", "InvalidImageName.Duplicated"],
        "[S] names are formed by one rule and unique in account and region, and the id stands in for an absent one",
        |world| Box::pin(names(world)),
    ),
    case(
        "CreateImage",
        &[
            "InvalidImageFamily.Malformed",
            "InvalidDescription.Malformed",
            "InvalidImageVersion.Malformed",
            "InvalidPlatform.Malformed",
            "InvalidBootMode.Malformed",
            "InvalidArchitecture.Malformed",
            "InvalidDetectionStrategy.Malformed",
            "InvalidParameter.FeaturesImdsSupport",
        ],
        "[S] every text has its own code and message when it is malformed",
        |world| Box::pin(texts(world)),
    ),
    case(
        "CreateImage",
        &["OK", "InvalidBootMode.NotSupport"],
        "[S] what is not said has its documented default, and ARM boots by UEFI alone",
        |world| Box::pin(defaults(world)),
    ),
    case(
        "CreateImage",
        &["OK", "InvalidTagKey.Malformed", "InvalidTagValue.Malformed", "Duplicate.TagKey", "QuotaExceed.Tags"],
        "[S] up to twenty tags, in both spellings, with empty values",
        |world| Box::pin(tags(world)),
    ),
    case("CreateImage", &["InvalidResourceGroup.NotFound"], "[S] the resource group must be there", |world| {
        Box::pin(resource_group(world))
    }),
    case(
        "CreateImage",
        &["QuotaExceed.Image", "ImageQuotaExceed.ImageFamily", "ImageFamilyQuotaExceed"],
        "[S] quotas refuse before anything is made",
        |world| Box::pin(quotas(world)),
    ),
    case(
        "CreateImage",
        &["OK", "IdempotenceParamNotMatch", "InvalidClientToken.Malformed"],
        "[S] one token makes one image, and never two different ones",
        |world| Box::pin(tokens(world)),
    ),
    case(
        "CreateImage",
        &["DryRunOperation", "InvalidSnapshotId.NotFound"],
        "[S] a dry run checks everything and makes nothing",
        |world| Box::pin(dry_run(world)),
    ),
    case("CreateImage", &["OK", "MissingParameter"], "[S] the region must be given", |world| Box::pin(region(world))),
    case(
        "CreateImage",
        &["OK"],
        "the wire habits of real clients: forms, capitals of truths, metacharacters, any script",
        |world| Box::pin(wire_habits(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// A system disk's snapshot, which images can be made of.
pub(super) async fn source(world: &World) -> String {
    world.snapshot(DiskKind::System, |_| {}).await
}

/// Asks for an image of `snapshot`.
pub(super) async fn create(world: &World, snapshot: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("SnapshotId", snapshot)];
    params.extend_from_slice(more);
    world.owner.ask("CreateImage", &params).await
}

/// The id of what was made.
pub(super) fn made(answer: Answer) -> String {
    answer.ok()["ImageId"].as_str().expect("an id").to_owned()
}

/// An image as the first account sees it, whatever its status.
pub(super) async fn shown(world: &World, id: &str) -> Value {
    let answer = world.owner.ask("DescribeImages", &[("ImageId", id), ("Status", "ALL")]).await.ok();
    assert_eq!(answer["TotalCount"], 1, "{answer}");
    answer["Images"]["Image"][0].clone()
}

async fn count(world: &World) -> Value {
    world.owner.ask("DescribeImages", &[("Status", "ALL"), ("ImageOwnerAlias", "self")]).await.ok()["TotalCount"]
        .clone()
}

async fn is_asynchronous(world: World) -> World {
    let snapshot = source(&world).await;
    let id = made(create(&world, &snapshot, &[("ImageName", "web")]).await);
    let pending = shown(&world, &id).await;
    assert_eq!(
        (&pending["Status"], &pending["Progress"], &pending["Usable"]),
        (&"Creating".into(), &"0%".into(), &false.into())
    );
    let plainly = world.owner.ask("DescribeImages", &[("ImageId", &id)]).await.ok();
    assert_eq!(plainly["TotalCount"], 0, "only what is available is shown unless asked for: {plainly}");
    world.settle().await;
    let done = shown(&world, &id).await;
    assert_eq!(
        (&done["Status"], &done["Progress"], &done["Usable"]),
        (&"Available".into(), &"100%".into(), &true.into())
    );
    assert_eq!(
        (&done["Size"], &done["ImageName"], &done["ImageOwnerAlias"]),
        (&40.into(), &"web".into(), &"self".into())
    );
    let mapping = &done["DiskDeviceMappings"]["DiskDeviceMapping"][0];
    assert_eq!((&mapping["SnapshotId"], &mapping["Device"]), (&snapshot.into(), &"/dev/xvda".into()));
    world
}

async fn names(world: World) -> World {
    let snapshot = source(&world).await;
    for bad in ["a", "1abc", "a b", "aliyun-x", "ACS:x", "a<b>", "xhttp://y", &"a".repeat(129)] {
        let message = create(&world, &snapshot, &[("ImageName", bad)]).await.refused("InvalidImageName.Malformed");
        assert_eq!(message, "The specified Image name is wrongly formed.", "{bad}");
    }
    made(create(&world, &snapshot, &[("ImageName", "镜像.v1:a_b-c")]).await);
    let message =
        create(&world, &snapshot, &[("ImageName", "镜像.v1:a_b-c")]).await.refused("InvalidImageName.Duplicated");
    assert_eq!(message, "The specified image name is already in use.");
    // another account's names are its own
    let theirs = world.project("other").await;
    let foreign = world.snapshot(DiskKind::System, |snapshot| snapshot.owner = theirs).await;
    world.other.ask("CreateImage", &[("SnapshotId", &foreign), ("ImageName", "镜像.v1:a_b-c")]).await.ok();
    let there = world.snapshot(DiskKind::System, |snapshot| "local-2".clone_into(&mut snapshot.region)).await;
    let elsewhere = [("SnapshotId", there.as_str()), ("ImageName", "镜像.v1:a_b-c"), ("RegionId", "local-2")];
    world.owner.ask("CreateImage", &elsewhere).await.ok();
    let unnamed = made(create(&world, &snapshot, &[("ImageName", "")]).await);
    assert_eq!(shown(&world, &unnamed).await["ImageName"], unnamed.as_str());
    world
}

async fn texts(world: World) -> World {
    let snapshot = source(&world).await;
    let long = "v".repeat(256);
    for (name, value, code, message) in [
        ("ImageFamily", "1x", "InvalidImageFamily.Malformed", "The format of the specified image family is invalid."),
        ("Description", "http://x", "InvalidDescription.Malformed", "The specified description is wrongly formed."),
        ("Description", "x", "InvalidDescription.Malformed", "The specified description is wrongly formed."),
        (
            "ImageVersion",
            long.as_str(),
            "InvalidImageVersion.Malformed",
            "The specified ImageVersion is wrongly formed.",
        ),
        ("Platform", "debian", "InvalidPlatform.Malformed", "The specified Platform is wrongly formed."),
        ("Platform", "Other Windows", "InvalidPlatform.Malformed", "The specified Platform is wrongly formed."),
        (
            "BootMode",
            "bios",
            "InvalidBootMode.Malformed",
            "The specified parameter BootMode is invalid. Valid options are BIOS, UEFI, and UEFI-Preferred.",
        ),
        ("Architecture", "amd64", "InvalidArchitecture.Malformed", "The specified Architecture is wrongly formed."),
        (
            "DetectionStrategy",
            "standard",
            "InvalidDetectionStrategy.Malformed",
            "The specified value for parameter DetectionStrategy is not supported. Please refer to the documentation for accepted values.",
        ),
        (
            "Features.ImdsSupport",
            "v3",
            "InvalidParameter.FeaturesImdsSupport",
            "The specified parameter Features.ImdsSupport is not supported.",
        ),
    ] {
        let answer = create(&world, &snapshot, &[(name, value)]).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.refused(code), message, "{name}");
    }
    create(&world, &snapshot, &[("SecureBootOptions.SecureBootSupport", "yes")]).await.refused("InvalidParameter");
    assert_eq!(count(&world).await, 0);
    world
}

async fn defaults(world: World) -> World {
    let snapshot = source(&world).await;
    let plain = shown(&world, &made(create(&world, &snapshot, &[]).await)).await;
    for (key, value) in [
        ("Platform", "Others Linux"),
        ("Architecture", "x86_64"),
        ("BootMode", "BIOS"),
        ("OSType", "linux"),
        ("ImageFamily", ""),
        ("Description", ""),
    ] {
        assert_eq!(plain[key], value, "{key}");
    }
    assert_eq!(plain["Features"]["ImdsSupport"], "v1");
    assert_eq!(plain.get("DetectionOptions"), None, "no check unless asked for");
    let arm = shown(&world, &made(create(&world, &snapshot, &[("Architecture", "arm64")]).await)).await;
    assert_eq!((&arm["Architecture"], &arm["BootMode"]), (&"arm64".into(), &"UEFI".into()));
    let message = create(&world, &snapshot, &[("Architecture", "arm64"), ("BootMode", "BIOS")])
        .await
        .refused("InvalidBootMode.NotSupport");
    assert_eq!(message, "The specified parameter BootMode is not supported for current image architecture.");
    let all = [
        ("Platform", "Windows Server 2022"),
        ("BootMode", "UEFI-Preferred"),
        ("Features.ImdsSupport", "v2"),
        ("DetectionStrategy", "Standard"),
        ("ImageVersion", "2017011017"),
        ("ImageFamily", "hangzhou-daily-update"),
        ("SecureBootOptions.SecureBootSupport", "supported"),
    ];
    let id = made(create(&world, &snapshot, &all).await);
    assert_eq!(shown(&world, &id).await["DetectionOptions"]["Status"], "Processing");
    world.settle().await;
    let told = shown(&world, &id).await;
    for (key, value) in [
        ("OSType", "windows"),
        ("BootMode", "UEFI-Preferred"),
        ("ImageVersion", "2017011017"),
        ("ImageFamily", "hangzhou-daily-update"),
    ] {
        assert_eq!(told[key], value, "{key}");
    }
    assert_eq!(
        (&told["Features"]["ImdsSupport"], &told["DetectionOptions"]["Status"]),
        (&"v2".into(), &"Finished".into())
    );
    assert_eq!(told["SecureBootOptions"]["SecureBootSupport"], "supported");
    world
}

async fn tags(world: World) -> World {
    let snapshot = source(&world).await;
    for (key, value, code, message) in [
        ("aliyun", "v", "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid."),
        ("", "v", "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid."),
        ("k", "acs:v", "InvalidTagValue.Malformed", "The specified Tag.n.Value is not valid."),
    ] {
        assert_eq!(
            create(&world, &snapshot, &[("Tag.1.Key", key), ("Tag.1.Value", value)]).await.refused(code),
            message
        );
    }
    let twice = [("Tag.1.Key", "k"), ("Tag.2.key", "k"), ("Tag.2.value", "v")];
    assert_eq!(
        create(&world, &snapshot, &twice).await.refused("Duplicate.TagKey"),
        "The Tag.N.Key contain duplicate key."
    );
    let names: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let refused = create(&world, &snapshot, &many).await;
    assert_eq!(refused.status, 403);
    refused.refused("QuotaExceed.Tags");
    made(create(&world, &snapshot, &many[..20]).await);
    // the deprecated spelling, holes, the capitalised one winning, empty and longest values
    let (key, value) = ("k".repeat(128), "v".repeat(128));
    let mixed = [
        ("Tag.1.key", "a"),
        ("Tag.1.value", "1"),
        ("Tag.5.Key", "b"),
        ("Tag.5.key", "x"),
        ("Tag.5.Value", ""),
        ("Tag.7.Key", &key),
        ("Tag.7.Value", &value),
    ];
    let id = made(create(&world, &snapshot, &mixed).await);
    let tags = shown(&world, &id).await["Tags"]["Tag"].clone();
    let pairs: Vec<_> =
        tags.as_array().expect("a list").iter().map(|tag| (tag["TagKey"].as_str(), tag["TagValue"].as_str())).collect();
    assert_eq!(pairs, [(Some("a"), Some("1")), (Some("b"), Some("")), (Some(key.as_str()), Some(value.as_str()))]);
    world
}

async fn resource_group(world: World) -> World {
    let snapshot = source(&world).await;
    let answer = create(&world, &snapshot, &[("ResourceGroupId", "rg-none")]).await;
    assert_eq!(answer.status, 404);
    let message = answer.refused("InvalidResourceGroup.NotFound");
    assert_eq!(message, "The ResourceGroup provided does not exist in our records.");
    let id = made(create(&world, &snapshot, &[]).await);
    assert_eq!(shown(&world, &id).await["ResourceGroupId"], "", "the default group has no id");
    world.group("rg-mine", "acme").await;
    world.group("rg-theirs", "other").await;
    let id = made(create(&world, &snapshot, &[("ResourceGroupId", "rg-mine")]).await);
    assert_eq!(shown(&world, &id).await["ResourceGroupId"], "rg-mine");
    create(&world, &snapshot, &[("ResourceGroupId", "rg-theirs")]).await.refused("InvalidResourceGroup.NotFound");
    world
}

async fn quotas(world: World) -> World {
    let snapshot = source(&world).await;
    world.limit("family_images", 1).await;
    world.limit("families", 1).await;
    world.limit("region_images", 2).await;
    made(create(&world, &snapshot, &[("ImageFamily", "fam")]).await);
    let full = create(&world, &snapshot, &[("ImageFamily", "fam")]).await;
    assert_eq!(full.status, 400);
    assert_eq!(
        full.refused("ImageQuotaExceed.ImageFamily"),
        "The specified image family exceeds the maximum number of images for one image family."
    );
    let second = create(&world, &snapshot, &[("ImageFamily", "fam2")]).await.refused("ImageFamilyQuotaExceed");
    assert_eq!(second, "The number of image families exceeds the limit in the region.");
    made(create(&world, &snapshot, &[]).await);
    let over = create(&world, &snapshot, &[]).await;
    assert_eq!(over.status, 403);
    assert_eq!(over.refused("QuotaExceed.Image"), "The Image Quota exceeds.");
    assert_eq!(count(&world).await, 2);
    let machine = world.machine(|_| {}).await;
    let before = world.owner.ask("DescribeSnapshots", &[]).await.ok()["TotalCount"].clone();
    world.limit("region_images", 2).await;
    world.owner.ask("CreateImage", &[("InstanceId", &machine)]).await.refused("QuotaExceed.Image");
    let after = world.owner.ask("DescribeSnapshots", &[]).await.ok()["TotalCount"].clone();
    assert_eq!(after, before, "no snapshot is left of an image that is not made");
    world
}

async fn tokens(world: World) -> World {
    let snapshot = source(&world).await;
    let ask = [("ClientToken", "123e4567-e89b-12d3-a456-426655440000"), ("ImageName", "once")];
    let first = made(create(&world, &snapshot, &ask).await);
    assert_eq!(made(create(&world, &snapshot, &ask).await), first);
    // how it is sent does not count
    let form = world.owner.styled(Style::V1Form);
    let again = form.ask("CreateImage", &[("SnapshotId", &snapshot), ask[0], ask[1]]).await;
    assert_eq!(made(again), first);
    let other = create(&world, &snapshot, &[ask[0], ("ImageName", "twice")]).await;
    assert_eq!(other.status, 400);
    assert_eq!(
        other.refused("IdempotenceParamNotMatch"),
        "Request uses a client token in a previous request but is not identical to that request."
    );
    assert_eq!(count(&world).await, 1);
    // a request that failed has not used its token up
    create(&world, "s-none", &[("ClientToken", "t2")]).await.refused("InvalidSnapshotId.NotFound");
    made(create(&world, &snapshot, &[("ClientToken", "t2")]).await);
    create(&world, &snapshot, &[("ClientToken", "é")]).await.refused("InvalidClientToken.Malformed");
    world
}

async fn dry_run(world: World) -> World {
    let snapshot = source(&world).await;
    let answer = create(&world, &snapshot, &[("DryRun", "True"), ("ClientToken", "dry"), ("ImageName", "dry")]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.refused("DryRunOperation"), "Request validation has been passed with DryRun flag set.");
    assert_eq!(count(&world).await, 0);
    let unknown = "s-0000000000000000000000000";
    create(&world, unknown, &[("DryRun", "true")]).await.refused("InvalidSnapshotId.NotFound");
    // neither stores nor consumes the token
    made(create(&world, &snapshot, &[("DryRun", "False"), ("ClientToken", "dry"), ("ImageName", "wet")]).await);
    world
}

async fn region(world: World) -> World {
    let snapshot = source(&world).await;
    let message =
        world.owner.ask_plainly("CreateImage", &[("SnapshotId", &snapshot)]).await.refused("MissingParameter");
    assert_eq!(
        message,
        "The input parameter \"RegionId\" that is mandatory for processing this request is not supplied."
    );
    create(&world, &snapshot, &[("RegionId", "nowhere")]).await.refused("InvalidRegionId.NotFound");
    create(&world, &snapshot, &[("RegionId", "local-2")]).await.refused("InvalidSnapshotId.NotFound");
    made(create(&world, &snapshot, &[]).await);
    world
}

async fn wire_habits(world: World) -> World {
    let snapshot = source(&world).await;
    for (number, style) in
        [Style::V1Get, Style::V1Query, Style::V1Form, Style::V3Query, Style::V3Form].into_iter().enumerate()
    {
        let (name, description) = (format!("名-{number}"), format!("<a & 'b'> \"c\" + %20 {number}"));
        let client = world.owner.styled(style);
        let params = [
            ("SnapshotId", snapshot.as_str()),
            ("ImageName", &name),
            ("Description", &description),
            ("DryRun", "False"),
            ("ImageFamily", ""),
            ("OwnerId", "1"),
            ("Unknown.1.X", "y"),
        ];
        let id = made(client.ask("CreateImage", &params).await);
        let image = shown(&world, &id).await;
        assert_eq!((&image["ImageName"], &image["Description"]), (&name.into(), &description.into()));
    }
    let strange = world.image(|image| image.name = Some("<Images>&\u{1}]]>".to_owned())).await;
    let xml = world.owner.styled(Style::V1Get).ask("DescribeImages", &[("ImageId", &strange), ("Format", "XML")]).await;
    assert!(xml.text.contains("&lt;Images&gt;&amp;") && !xml.text.contains('\u{1}'), "{}", xml.text);
    let failed = world.image(|image| image.status = Status::Failed).await;
    assert_eq!(shown(&world, &failed).await["Status"], "CreateFailed");
    world
}
