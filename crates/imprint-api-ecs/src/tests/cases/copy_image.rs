//! CopyImage and CancelCopyImage: copies within and between regions, and what ends them early.

use imprint_model::{Status, Visibility};

use super::create_image::{create, made, shown, source};
use super::{Case, case};
use crate::tests::{Answer, World};

pub(super) const CASES: &[Case] = &[
    case(
        "CopyImage",
        &["OK", "DryRunOperation", "IdempotenceParamNotMatch"],
        "a copy is an image of its own, without a family, in the same region or another",
        |world| Box::pin(copies(world)),
    ),
    case(
        "CopyImage",
        &[
            "InvalidImageName.Malformed",
            "InvalidImageName.Duplicated",
            "InvalidDescription.Malformed",
            "DestinationRegion.NotFound",
            "SourceRegion.NotFound",
            "InvalidImageId.NotFound",
            "InvalidParameter.EncryptedIllegal",
            "InvalidParameter.KMSKeyId.NotFound",
            "UnsupportedParameter",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
            "QuotaExceed.Tags",
            "InvalidResourceGroup.NotFound",
            "QuotaExceed.Image",
        ],
        "what the copy is to be is checked, in this operation's words",
        |world| Box::pin(refusals(world)),
    ),
    case(
        "CopyImage",
        &["OK", "IncorrectImageStatus", "OperationDenied.SameRegionOnly", "OperationDenied.CommunityImage"],
        "available images are copied: one's own anywhere, shared ones within their region, community images not",
        |world| Box::pin(sources(world)),
    ),
    case(
        "CancelCopyImage",
        &["OK", "ImageCreatedNotFromCopy", "IncorrectImageStatus", "InvalidImageId.NotFound"],
        "an unfinished copy is deleted, and nothing else is",
        |world| Box::pin(cancels(world)),
    ),
    case("DeleteImage", &["OperationDenied.ImageCopying"], "a copy under way is cancelled, not deleted", |world| {
        Box::pin(deletes_no_copy_under_way(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

/// An image of the first account's, with its data.
async fn original(world: &World, name: &str) -> String {
    let snapshot = source(world).await;
    let id =
        made(create(world, &snapshot, &[("ImageName", name), ("ImageFamily", "fam"), ("Platform", "Debian")]).await);
    world.settle().await;
    id
}

async fn copy(world: &World, id: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("ImageId", id)];
    params.extend_from_slice(more);
    world.owner.ask("CopyImage", &params).await
}

async fn shown_there(world: &World, id: &str) -> serde_json::Value {
    let params = [("ImageId", id), ("Status", "ALL"), ("RegionId", "local-2")];
    world.owner.ask("DescribeImages", &params).await.ok()["Images"]["Image"][0].clone()
}

async fn copies(world: World) -> World {
    let id = original(&world, "first").await;
    let asked = [
        ("DestinationRegionId", "local-2"),
        ("DestinationImageName", "first"),
        ("DestinationDescription", "a copy"),
        ("Tag.1.Key", "k"),
        ("ClientToken", "t"),
    ];
    copy(&world, &id, &[&asked[..], &[("DryRun", "true")]].concat()).await.refused("DryRunOperation");
    let there = made(copy(&world, &id, &asked).await);
    assert_eq!(made(copy(&world, &id, &asked).await), there, "one token, one copy");
    copy(&world, &id, &[("ClientToken", "t"), ("DestinationRegionId", "local-1")])
        .await
        .refused("IdempotenceParamNotMatch");
    let pending = shown_there(&world, &there).await;
    assert!(["Creating", "Waiting"].contains(&pending["Status"].as_str().expect("a status")), "{pending}");
    assert_eq!(pending["DiskDeviceMappings"]["DiskDeviceMapping"][0]["Progress"], "0%");
    world.settle().await;
    let image = shown_there(&world, &there).await;
    for (key, value) in [
        ("Status", "Available"),
        ("ImageName", "first"),
        ("Description", "a copy"),
        ("ImageFamily", ""),
        ("Platform", "Debian"),
        ("ImageOwnerAlias", "self"),
    ] {
        assert_eq!(image[key], value, "{key}");
    }
    assert_eq!(
        (&image["IsCopied"], &image["Size"], &image["Tags"]["Tag"][0]["TagKey"]),
        (&true.into(), &40.into(), &"k".into())
    );
    // without a destination: in the same region, under its id
    let here = made(copy(&world, &id, &[]).await);
    world.settle().await;
    assert_eq!(shown(&world, &here).await["ImageName"], here.as_str());
    // deleting the original does not matter to its copies
    world.owner.ask("DeleteImage", &[("ImageId", &id)]).await.ok();
    assert_eq!(shown_there(&world, &there).await["Status"], "Available");
    world
}

async fn refusals(world: World) -> World {
    let id = original(&world, "first").await;
    for (name, value, code, message) in [
        (
            "DestinationImageName",
            "1",
            "InvalidImageName.Malformed",
            "The specified destination image name is wrongly formed.",
        ),
        (
            "DestinationImageName",
            "first",
            "InvalidImageName.Duplicated",
            "The specified image name is already in use in the target region. Please try a different one.",
        ),
        (
            "DestinationDescription",
            "x",
            "InvalidDescription.Malformed",
            "The specified destination description is wrongly formed.",
        ),
        ("DestinationRegionId", "local-9", "DestinationRegion.NotFound", "The destination region not found."),
        ("RegionId", "local-9", "SourceRegion.NotFound", "The source region not found."),
        ("RegionId", "local-2", "InvalidImageId.NotFound", "The specified ImageId does not exist."),
        (
            "KMSKeyId",
            "k",
            "InvalidParameter.EncryptedIllegal",
            "The specified parameter Encrypted must be true when kmsKeyId is not empty.",
        ),
        ("Encrypted", "True", "UnsupportedParameter", "The specified parameter \"Encrypted\" is not supported."),
        ("Tag.1.Key", "acs:k", "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid."),
        (
            "ResourceGroupId",
            "rg-none",
            "InvalidResourceGroup.NotFound",
            "The ResourceGroup provided does not exist in our records.",
        ),
    ] {
        assert_eq!(copy(&world, &id, &[(name, value)]).await.refused(code), message, "{name}");
    }
    copy(&world, &id, &[("Encrypted", "true"), ("KMSKeyId", "k")]).await.refused("InvalidParameter.KMSKeyId.NotFound");
    copy(&world, &id, &[("Tag.1.Key", "k"), ("Tag.1.Value", "acs:v")]).await.refused("InvalidTagValue.Malformed");
    copy(&world, &id, &[("Tag.1.Key", "k"), ("Tag.2.Key", "k")]).await.refused("Duplicate.TagKey");
    let names: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    copy(&world, &id, &many).await.refused("QuotaExceed.Tags");
    copy(&world, "m-none", &[]).await.refused("InvalidImageId.NotFound");
    world.limit("region_images", 1).await;
    assert_eq!(
        copy(&world, &id, &[]).await.refused("QuotaExceed.Image"),
        "The number of images exceeds the limit (1)."
    );
    made(copy(&world, &id, &[("DestinationRegionId", "local-2")]).await);
    world
}

async fn sources(world: World) -> World {
    for (status, hidden) in
        [(Status::Available, true), (Status::Importing, false), (Status::Deactivated, false), (Status::Failed, false)]
    {
        let id = world.image(|image| (image.status, image.hidden) = (status, hidden)).await;
        let answer = copy(&world, &id, &[]).await;
        assert_eq!(answer.status, 400, "{status}");
        assert_eq!(answer.refused("IncorrectImageStatus"), "The image not available.");
    }
    let id = original(&world, "first").await;
    let account = world.other.account.clone();
    world.other.ask("CopyImage", &[("ImageId", &id)]).await.refused("InvalidImageId.NotFound");
    world.owner.ask("ModifyImageSharePermission", &[("ImageId", &id), ("AddAccount.1", &account)]).await.ok();
    let elsewhere = world.other.ask("CopyImage", &[("ImageId", &id), ("DestinationRegionId", "local-2")]).await;
    assert_eq!(elsewhere.status, 403);
    elsewhere.refused("OperationDenied.SameRegionOnly");
    let theirs = made(world.other.ask("CopyImage", &[("ImageId", &id)]).await);
    world.settle().await;
    let found = world.other.ask("DescribeImages", &[("ImageId", &theirs)]).await.ok();
    assert_eq!(found["Images"]["Image"][0]["ImageOwnerAlias"], "self");
    let other = world.project("other").await;
    let community = world.image(|image| (image.owner, image.visibility) = (other, Visibility::Community)).await;
    copy(&world, &community, &[]).await.refused("OperationDenied.CommunityImage");
    world
}

async fn cancels(world: World) -> World {
    let id = original(&world, "first").await;
    let there = made(copy(&world, &id, &[("DestinationRegionId", "local-2")]).await);
    let cancel = |id: String, region: &'static str| {
        let owner = world.owner.clone();
        async move { owner.ask("CancelCopyImage", &[("ImageId", id.as_str()), ("RegionId", region)]).await }
    };
    cancel(there.clone(), "local-1").await.refused("InvalidImageId.NotFound");
    world
        .other
        .ask("CancelCopyImage", &[("ImageId", &there), ("RegionId", "local-2")])
        .await
        .refused("InvalidImageId.NotFound");
    let dry = [("ImageId", there.as_str()), ("RegionId", "local-2"), ("DryRun", "true")];
    world.owner.ask("CancelCopyImage", &dry).await.refused("DryRunOperation");
    cancel(there.clone(), "local-2").await.ok();
    cancel(there, "local-2").await.refused("InvalidImageId.NotFound");
    world.settle().await;
    assert_eq!(shown(&world, &id).await["Status"], "Available", "the original stays");
    let message = cancel(id.clone(), "local-1").await.refused("ImageCreatedNotFromCopy");
    assert_eq!(message, "The specified image is not the target image of a copy action.");
    let done = made(copy(&world, &id, &[]).await);
    world.settle().await;
    assert_eq!(cancel(done, "local-1").await.refused("IncorrectImageStatus"), "The image copy has completed.");
    let source = imprint_model::ImageId::random();
    let failed = world.image(|image| (image.status, image.facts.copied_from) = (Status::Failed, Some(source))).await;
    assert_eq!(cancel(failed, "local-1").await.refused("IncorrectImageStatus"), "The Image copy has been failed.");
    world
}

async fn deletes_no_copy_under_way(world: World) -> World {
    let id = original(&world, "first").await;
    let unfinished = made(copy(&world, &id, &[]).await);
    let message = world.owner.ask("DeleteImage", &[("ImageId", &unfinished), ("Force", "true")]).await;
    let message = message.refused("OperationDenied.ImageCopying");
    assert_eq!(message, "The image is being copied. Please use the CancelCopyImage API.");
    world.settle().await;
    world.owner.ask("DeleteImage", &[("ImageId", &unfinished)]).await.ok();
    world
}
