//! ModifyImageAttribute: what changes, what must be so before, and that it is all or nothing.

use imprint_model::{Architecture, BootMode, Facts, MetadataAccess, Status, Visibility};
use serde_json::Value;

use super::create_image::{create, made, shown, source};
use super::{Case, case};
use crate::tests::{Answer, World};

pub(super) const CASES: &[Case] = &[
    case(
        "ModifyImageAttribute",
        &["OK"],
        "[S] everything that is given changes, and what is absent or empty stays",
        |world| Box::pin(changes(world)),
    ),
    case(
        "ModifyImageAttribute",
        &[
            "InvalidImageName.Malformed",
            "InvalidImageName.Duplicated",
            "InvalidDescription.Malformed",
            "InvalidImageFamily.Malformed",
            "InvalidBootMode.NotSupport",
            "InvalidLicenseType.NotSupported",
            "InvalidParameter.FeaturesImdsSupport",
            "InvalidParameter",
        ],
        "[S] each attribute has its own code, and nothing changes when one is refused",
        |world| Box::pin(refusals(world)),
    ),
    case(
        "ModifyImageAttribute",
        &["MissingParameter", "InvalidImageId.NotFound"],
        "[S] region and image must be given, and the image be there, here, and one's own",
        |world| Box::pin(whose(world)),
    ),
    case(
        "ModifyImageAttribute",
        &["OK", "ImageStatus.NotAvailable", "ImageStatus.NotDeprecated", "ImageUseShared"],
        "[S] an available image that is not shared can be deprecated, and a deprecated one made available",
        |world| Box::pin(deprecation(world)),
    ),
    case(
        "ModifyImageAttribute",
        &["OperationDeined.ImageUsingByInstance", "InvalidBootMode.NotSupport"],
        "[S] the boot mode stays while machines of the image exist, and fits the processor",
        |world| Box::pin(boot_mode(world)),
    ),
    case(
        "ModifyImageAttribute",
        &["ImageQuotaFull.ImageFamily", "ImageFamilyQuotaFull"],
        "[S] families have their quotas, under codes of this operation's own",
        |world| Box::pin(families(world)),
    ),
    case(
        "ModifyImageAttribute",
        &["InvalidStatus.ImageIsCreating", "InvalidOperation.FeaturesImdsSupportNotMatch", "DryRunOperation"],
        "an image that is being made is left alone, tokens once required stay so, and a dry run changes nothing",
        |world| Box::pin(other_rules(world)),
    ),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

async fn modify(world: &World, id: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("ImageId", id)];
    params.extend_from_slice(more);
    world.owner.ask("ModifyImageAttribute", &params).await
}

/// What can be changed, as it is now.
async fn attributes(world: &World, id: &str) -> Vec<Value> {
    let image = shown(world, id).await;
    let keys = ["ImageName", "Description", "ImageFamily", "BootMode", "LicenseType", "Status", "Features"];
    keys.iter().map(|key| image[key].clone()).collect()
}

async fn changes(world: World) -> World {
    let id = world.image(|image| image.name = Some("before".to_owned())).await;
    let all = [
        ("ImageName", "名字"),
        ("Description", "<new & 'shiny'>"),
        ("ImageFamily", "fam"),
        ("BootMode", "UEFI"),
        ("LicenseType", "BYOL"),
        ("Features.NvmeSupport", "supported"),
        ("Features.ImdsSupport", "v2"),
    ];
    let answer = modify(&world, &id, &all).await.ok();
    assert_eq!(answer.as_object().expect("an object").keys().collect::<Vec<_>>(), ["RequestId"]);
    let image = shown(&world, &id).await;
    for (name, value) in all {
        let found = name.split('.').fold(&image, |found, part| &found[part]);
        assert_eq!(found, value, "{name}");
    }
    let before = attributes(&world, &id).await;
    let empty: Vec<_> = all.iter().map(|(name, _)| (*name, "")).collect();
    modify(&world, &id, &empty).await.ok();
    modify(&world, &id, &[]).await.ok();
    assert_eq!(attributes(&world, &id).await, before);
    // keeping its own name is no duplicate
    modify(&world, &id, &[("ImageName", "名字"), ("LicenseType", "Aliyun")]).await.ok();
    assert_eq!(shown(&world, &id).await["LicenseType"], "Aliyun");
    modify(
        &world,
        &id,
        &[("BootMode", "UEFI-Preferred"), ("LicenseType", "Auto"), ("Features.NvmeSupport", "unsupported")],
    )
    .await
    .ok();
    world
}

async fn refusals(world: World) -> World {
    world.image(|image| image.name = Some("taken".to_owned())).await;
    let id = world.image(|image| image.name = Some("mine".to_owned())).await;
    let before = attributes(&world, &id).await;
    for (name, value, code, message) in [
        ("ImageName", "aliyun.x", "InvalidImageName.Malformed", "The specified Image name is wrongly formed."),
        ("ImageName", "taken", "InvalidImageName.Duplicated", "The specified Image name has already bean used."),
        ("Description", "https://x", "InvalidDescription.Malformed", "The specified description is wrongly formed."),
        (
            "ImageFamily",
            "acs:x",
            "InvalidImageFamily.Malformed",
            "The specified parameter \"ImageFamily\" is malformed.",
        ),
        ("BootMode", "uefi", "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported."),
        (
            "LicenseType",
            "byol",
            "InvalidLicenseType.NotSupported",
            "The specified parameter LicenseType is not supported.",
        ),
        (
            "Features.ImdsSupport",
            "V2",
            "InvalidParameter.FeaturesImdsSupport",
            "The specified parameter Features.ImdsSupport is not supported.",
        ),
        (
            "Features.NvmeSupport",
            "yes",
            "InvalidParameter",
            "The specified parameter \"Features.NvmeSupport\" is not valid.",
        ),
        ("Status", "Waiting", "InvalidParameter", "The specified parameter \"Status\" is not valid."),
    ] {
        let good = if name == "Description" { ("ImageName", "other") } else { ("Description", "would be new") };
        let answer = modify(&world, &id, &[good, (name, value)]).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.refused(code), message, "{name}");
    }
    assert_eq!(attributes(&world, &id).await, before);
    world
}

async fn whose(world: World) -> World {
    let id = world.image(|_| {}).await;
    let message =
        world.owner.ask_plainly("ModifyImageAttribute", &[("ImageId", &id)]).await.refused("MissingParameter");
    assert_eq!(
        message,
        "The input parameter \"RegionId\" that is mandatory for processing this request is not supplied."
    );
    let message = world.owner.ask("ModifyImageAttribute", &[]).await.refused("MissingParameter");
    assert_eq!(
        message,
        "The input parameter \"ImageId\" that is mandatory for processing this request is not supplied."
    );
    let (other, root) = (world.project("other").await, world.project("admin").await);
    let foreign = world.image(|image| image.owner = other.clone()).await;
    let community = world.image(|image| (image.owner, image.visibility) = (other, Visibility::Community)).await;
    let public = world.image(|image| (image.owner, image.visibility) = (root, Visibility::Public)).await;
    let there = world.image(|image| "local-2".clone_into(&mut image.region)).await;
    for unknown in [foreign.as_str(), &community, &public, &there, "m-0000000000000000000000000", "x", "m-<&>"] {
        let answer = modify(&world, unknown, &[("Description", "would be new")]).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert_eq!(answer.refused("InvalidImageId.NotFound"), "The specified ImageId does not exist.");
    }
    let root = world.root.ask("ModifyImageAttribute", &[("ImageId", &id), ("Description", "would be new")]).await;
    root.refused("InvalidImageId.NotFound");
    world
}

async fn deprecation(world: World) -> World {
    let id = world.image(|image| image.facts.family = Some("fam".to_owned())).await;
    let (deprecate, restore) = ([("Status", "Deprecated")], [("Status", "Available")]);
    let not_deprecated = modify(&world, &id, &restore).await;
    assert_eq!(not_deprecated.status, 403);
    assert_eq!(not_deprecated.refused("ImageStatus.NotDeprecated"), "The specified image status is not deprecated.");
    modify(&world, &id, &deprecate).await.ok();
    assert_eq!(shown(&world, &id).await["Status"], "Deprecated");
    let plainly = world.owner.ask("DescribeImages", &[("ImageId", &id)]).await.ok();
    assert_eq!(plainly["TotalCount"], 0);
    let family = world.owner.ask("DescribeImageFromFamily", &[("ImageFamily", "fam")]).await.ok();
    assert_eq!(family["Image"], serde_json::json!({}), "it does not count for its family");
    let answer = modify(&world, &id, &deprecate).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.refused("ImageStatus.NotAvailable"), "The specified image status is not available.");
    let account = world.other.account.clone();
    let share = [("ImageId", id.as_str()), ("AddAccount.1", account.as_str())];
    world.owner.ask("ModifyImageSharePermission", &share).await.refused("OperationDenied.InvalidImageStatus");
    let copy = world.owner.ask("CopyImage", &[("ImageId", &id)]).await;
    assert_eq!(copy.status, 400);
    copy.refused("IncorrectImageStatus");
    // other attributes change all the same
    modify(&world, &id, &[("Description", "of old")]).await.ok();
    modify(&world, &id, &restore).await.ok();
    assert_eq!(shown(&world, &id).await["Status"], "Available");
    world.owner.ask("ModifyImageSharePermission", &share).await.ok();
    let shared = modify(&world, &id, &deprecate).await;
    assert_eq!(shared.status, 403);
    assert_eq!(
        shared.refused("ImageUseShared"),
        "The specified image has been shared to others, please remove shared accounts first."
    );
    let unshare = [("ImageId", id.as_str()), ("RemoveAccount.1", account.as_str())];
    world.owner.ask("ModifyImageSharePermission", &unshare).await.ok();
    modify(&world, &id, &deprecate).await.ok();
    // machines can still be made of it
    let snapshot = source(&world).await;
    let complete = made(create(&world, &snapshot, &[]).await);
    world.settle().await;
    modify(&world, &complete, &deprecate).await.ok();
    world.owner.ask("CreateInstance", &[("ImageId", &complete), ("InstanceType", "ecs.g7.large")]).await.ok();
    for status in [Status::Deactivated, Status::Failed] {
        let unusable = world.image(|image| image.status = status).await;
        modify(&world, &unusable, &deprecate).await.refused("ImageStatus.NotAvailable");
        modify(&world, &unusable, &restore).await.refused("ImageStatus.NotDeprecated");
    }
    world
}

async fn boot_mode(world: World) -> World {
    let id = world.image(|image| image.facts.boot_mode = Some(BootMode::Bios)).await;
    world.instance(&id, |_| {}).await;
    let answer = modify(&world, &id, &[("BootMode", "UEFI"), ("Description", "would be new")]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.refused("OperationDeined.ImageUsingByInstance"),
        "The boot mode of the image cannot be modified because it has associated instances."
    );
    assert_eq!(shown(&world, &id).await["Description"], "");
    modify(&world, &id, &[("BootMode", "BIOS"), ("Description", "the same boot mode")]).await.ok();
    let arm = Facts { architecture: Some(Architecture::Arm64), boot_mode: Some(BootMode::Uefi), ..Facts::default() };
    let id = world.image(|image| image.facts = arm).await;
    let answer = modify(&world, &id, &[("BootMode", "BIOS")]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.refused("InvalidBootMode.NotSupport"),
        "The specified parameter BootMode is not supported for current image architecture."
    );
    world
}

async fn families(world: World) -> World {
    world.limit("family_images", 1).await;
    world.limit("families", 1).await;
    world.image(|image| image.facts.family = Some("full".to_owned())).await;
    let id = world.image(|_| {}).await;
    let answer = modify(&world, &id, &[("ImageFamily", "full")]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.refused("ImageQuotaFull.ImageFamily"),
        "The specified image family has exceeded max number of images for one image family."
    );
    let answer = modify(&world, &id, &[("ImageFamily", "second")]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.refused("ImageFamilyQuotaFull"), "The specified region has exceeded max number of image family.");
    assert_eq!(shown(&world, &id).await["ImageFamily"], "");
    world
}

async fn other_rules(world: World) -> World {
    for status in [Status::Queued, Status::Saving, Status::Importing] {
        let creating = world.image(|image| image.status = status).await;
        let answer = modify(&world, &creating, &[("Description", "would be new")]).await;
        assert_eq!(answer.status, 403, "{status}");
        answer.refused("InvalidStatus.ImageIsCreating");
    }
    let id = world.image(|image| image.facts.metadata_access = Some(MetadataAccess::TokenRequired)).await;
    let answer = modify(&world, &id, &[("Features.ImdsSupport", "v1")]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.refused("InvalidOperation.FeaturesImdsSupportNotMatch"),
        "The specified parameter Features.ImdsSupport can not be set to v1 from v2."
    );
    modify(&world, &id, &[("Features.ImdsSupport", "v2")]).await.ok();
    modify(&world, &id, &[("Description", "would be new"), ("DryRun", "True")]).await.refused("DryRunOperation");
    assert_eq!(shown(&world, &id).await["Description"], "");
    world
}
