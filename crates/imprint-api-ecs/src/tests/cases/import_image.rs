//! ImportImage and ExportImage: files in buckets become images and images files, with their real bytes.

use std::path::PathBuf;

use imprint_model::Visibility;

use super::create_image::{create, made, shown, source};
use super::{Case, case};
use crate::tests::{Answer, World};

pub(super) const CASES: &[Case] = &[
    case(
        "ImportImage",
        &["OK", "IdempotenceParamNotMatch"],
        "files become an image's disks, by a task, with what is said of them and the documented defaults",
        |world| Box::pin(imports(world)),
    ),
    case(
        "ImportImage",
        &[
            "MissingParameter",
            "MissingParameter.DiskDeviceMapping",
            "InvalidRegionId.NotFound",
            "InvalidOSSBucket.Malformed",
            "InvalidOSSBucket.NotFound",
            "InvalidOSSObject.Malformed",
            "InvalidOSSObject.NotFound",
            "InvalidOSSObject.Size",
            "UnsupportedSuffix.OSSObject",
            "InvalidImageFormat.Malformed",
            "InvalidImageSize",
            "InvalidDataDiskSize",
        ],
        "the files must be there and be disks",
        |world| Box::pin(files(world)),
    ),
    case(
        "ImportImage",
        &[
            "InvalidImageName.Malformed",
            "InvalidImageName.Duplicated",
            "InvalidDescription.Malformed",
            "InvalidArchitecture.Malformed",
            "InvalidPlatform.Malformed",
            "InvalidOSType.Malformed",
            "InvalidBootMode.Malformed",
            "InvalidBootMode.NotSupport",
            "InvalidLicenseType.NotSupported",
            "InvalidParameter.DetectionStrategy",
            "InvalidParameter.FeaturesImdsSupport",
            "InvalidParameter",
            "InvalidArchitecture.PlatformUnsupported",
            "InvalidTagKey.Malformed",
            "InvalidTagValue.Malformed",
            "Duplicate.TagKey",
            "QuotaExceed.Tags",
            "InvalidResourceGroup.NotFound",
            "InvalidClientToken.Malformed",
            "DryRunOperation",
            "QuotaExceed.Image",
        ],
        "what is said of the image is checked, in this operation's words",
        |world| Box::pin(refusals(world)),
    ),
    case("DeleteImage", &["ImageIsImporting"], "an image that is being imported is not deleted", |world| {
        Box::pin(importing_is_kept(world))
    }),
    case("ExportImage", &["OK", "DryRunOperation"], "an image's bytes come out as they went in", |world| {
        Box::pin(exports(world))
    }),
    case("ExportImage", &["OK"], "an image comes out in every format, and goes in again as the same disk", |world| {
        Box::pin(exports_in_every_format(world))
    }),
    case(
        "ExportImage",
        &[
            "MissingParameter",
            "InvalidRegionId.NotFound",
            "InvalidOSSPrefix.Malformed",
            "InvalidImageFormat.Malformed",
            "InvalidOSSBucket.NotFound",
            "IncorrectImageStatus",
            "InvalidImageId.NotFound",
            "InvalidImageCategory.NotSupported",
            "InvalidImage.DiskAmountOrSize",
            "ImageIsExporting",
        ],
        "what can be exported, as what, and where to",
        |world| Box::pin(export_refusals(world)),
    ),
    case("DeleteImage", &["ImageIsExporting"], "an image that is being exported is not deleted", |world| {
        Box::pin(exporting_is_kept(world))
    }),
];

#[tokio::test]
async fn holds() {
    super::prove(CASES).await;
}

const BUCKET: &str = "bucket-1";

/// Puts a file into the bucket.
fn put(world: &World, key: &str, bytes: &[u8]) -> PathBuf {
    let path = world.buckets.path().join(BUCKET).join(key);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    std::fs::write(&path, bytes).expect("written");
    path
}

/// A disk of one MiB that no other has.
fn disk(seed: u8) -> Vec<u8> {
    (0..1_u32 << 20)
        .map(|place| seed ^ u8::try_from(place.wrapping_mul(2_654_435_761) >> 24).expect("a byte"))
        .collect()
}

async fn import(world: &World, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("DiskDeviceMapping.1.OSSBucket", BUCKET), ("DiskDeviceMapping.1.OSSObject", "dir/disk.raw")];
    params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    params.extend_from_slice(more);
    world.owner.ask("ImportImage", &params).await
}

async fn imports(world: World) -> World {
    put(&world, "dir/disk.raw", &disk(1));
    put(&world, "data.raw", &disk(2));
    let asked = [
        ("DiskDeviceMapping.1.Format", "RAW"),
        ("DiskDeviceMapping.1.DiskImageSize", "40"),
        ("DiskDeviceMapping.2.OSSBucket", BUCKET),
        ("DiskDeviceMapping.2.OSSObject", "data.raw"),
        ("DiskDeviceMapping.2.DiskImSize", "60"),
        ("ImageName", "imported"),
        ("Description", "from <files>"),
        ("Platform", "Windows Server 2022"),
        ("BootMode", "UEFI"),
        ("LicenseType", "BYOL"),
        ("Features.NvmeSupport", "supported"),
        ("Features.ImdsSupport", "v2"),
        ("DetectionStrategy", "Standard"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
        ("RoleName", "ignored"),
        ("ClientToken", "t"),
    ];
    let answer = import(&world, &asked).await.ok();
    let (id, task) = (answer["ImageId"].as_str().expect("an id").to_owned(), answer["TaskId"].clone());
    assert!(task.as_str().is_some_and(|task| task.starts_with("t-")) && answer["RegionId"] == "local-1", "{answer}");
    let again = import(&world, &asked).await.ok();
    assert_eq!((&again["ImageId"], &again["TaskId"]), (&answer["ImageId"], &task));
    import(&world, &[("ClientToken", "t")]).await.refused("IdempotenceParamNotMatch");
    assert_eq!(shown(&world, &id).await["Status"], "Creating");
    world.settle().await;
    let image = shown(&world, &id).await;
    for (key, value) in [
        ("Status", "Available"),
        ("ImageName", "imported"),
        ("Description", "from <files>"),
        ("OSType", "windows"),
        ("BootMode", "UEFI"),
        ("LicenseType", "BYOL"),
    ] {
        assert_eq!(image[key], value, "{key}: {image}");
    }
    // looked into, and nothing that starts was found
    let check = &image["DetectionOptions"];
    assert_eq!(check["Status"], "Finished");
    let items = check["Items"]["Item"].as_array().expect("a list");
    assert!(items.iter().any(|item| item["RiskLevel"] == "High" && item["RiskCode"].is_string()), "{check}");
    assert!(items.iter().all(|item| item["Name"].as_str().is_some_and(|name| name.starts_with("GUESTOS."))));
    let mappings = image["DiskDeviceMappings"]["DiskDeviceMapping"].as_array().expect("a list").clone();
    assert_eq!((&mappings[0]["Size"], &mappings[0]["ImportOSSObject"]), (&"40".into(), &"dir/disk.raw".into()));
    assert_eq!((&mappings[1]["Size"], &mappings[1]["ImportOSSBucket"]), (&"60".into(), &BUCKET.into()));
    assert_ne!(mappings[1]["SnapshotId"], "");
    // what is not said
    let plain = made(import(&world, &[]).await);
    world.settle().await;
    let image = shown(&world, &plain).await;
    for (key, value) in [
        ("Platform", "Others Linux"),
        ("OSType", "linux"),
        ("Architecture", "x86_64"),
        ("BootMode", "BIOS"),
        ("LicenseType", "Auto"),
        ("ImageName", plain.as_str()),
    ] {
        assert_eq!(image[key], value, "{key}");
    }
    assert_eq!(
        (&image["Size"], &image["Features"]["NvmeSupport"], &image["Features"]["ImdsSupport"]),
        (&1.into(), &"unsupported".into(), &"v1".into())
    );
    let arm = made(import(&world, &[("Architecture", "arm64"), ("OSType", "linux")]).await);
    assert_eq!(shown(&world, &arm).await["BootMode"], "UEFI");
    let windows = made(import(&world, &[("OSType", "windows")]).await);
    assert_eq!(shown(&world, &windows).await["Platform"], "Other Windows");
    world.settle().await;
    world
}

async fn files(world: World) -> World {
    put(&world, "dir/disk.raw", &disk(1));
    put(&world, "empty", &[]);
    let (bucket, object) = ("DiskDeviceMapping.1.OSSBucket", "DiskDeviceMapping.1.OSSObject");
    for (name, value, code, message) in [
        (
            bucket,
            "",
            "MissingParameter",
            "An input parameter \"DiskDeviceMapping.1.OSSBucket\" that is mandatory for processing the request is not supplied.",
        ),
        (
            object,
            "",
            "MissingParameter",
            "An input parameter \"DiskDeviceMapping.1.OSSObject\" that is mandatory for processing the request is not supplied.",
        ),
        (bucket, "Bucket", "InvalidOSSBucket.Malformed", "The specified OSS bucket is wrongly formed."),
        (bucket, "..", "InvalidOSSBucket.Malformed", "The specified OSS bucket is wrongly formed."),
        (bucket, "bucket-2", "InvalidOSSBucket.NotFound", "The specified OSS bucket does not exist in this region."),
        (object, "/etc/passwd", "InvalidOSSObject.Malformed", "The specified OSS object is wrongly formed."),
        (object, "../../imprint.db", "InvalidOSSObject.Malformed", "The specified OSS object is wrongly formed."),
        (object, "none", "InvalidOSSObject.NotFound", "The specified OSS object does not exist in this region."),
        (object, "empty", "InvalidOSSObject.Size", "The specified OSS object size is zero."),
        (
            "DiskDeviceMapping.1.Format",
            "iso",
            "InvalidImageFormat.Malformed",
            "The specified Image Format is wrongly formed.",
        ),
        ("RegionId", "local-9", "InvalidRegionId.NotFound", "The specified RegionId does not exist."),
    ] {
        let answer = import(&world, &[(name, value)]).await;
        assert_eq!(answer.status, 400, "{name} {value}");
        assert_eq!(answer.refused(code), message, "{name} {value}");
    }
    import(&world, &[(object, "disc.ISO")]).await.refused("UnsupportedSuffix.OSSObject");
    for size in ["0", "2049", "x"] {
        import(&world, &[("DiskDeviceMapping.1.DiskImageSize", size)]).await.refused("InvalidImageSize");
        let second = [
            ("DiskDeviceMapping.2.OSSBucket", BUCKET),
            ("DiskDeviceMapping.2.OSSObject", "dir/disk.raw"),
            ("DiskDeviceMapping.2.DiskImageSize", size),
        ];
        import(&world, &second).await.refused("InvalidDataDiskSize");
    }
    let answer = world.owner.ask("ImportImage", &[]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.refused("MissingParameter.DiskDeviceMapping"),
        "The specified parameter DiskDeviceMapping is not supplied."
    );
    let message =
        world.owner.ask_plainly("ImportImage", &[(bucket, BUCKET), (object, "x")]).await.refused("MissingParameter");
    assert_eq!(
        message,
        "An input parameter \"RegionId\" that is mandatory for processing the request is not supplied."
    );
    world
}

async fn refusals(world: World) -> World {
    put(&world, "dir/disk.raw", &disk(1));
    made(import(&world, &[("ImageName", "taken")]).await);
    let long = "t".repeat(65);
    for (name, value, code) in [
        ("ImageName", "1", "InvalidImageName.Malformed"),
        ("Description", "x", "InvalidDescription.Malformed"),
        ("Architecture", "x86", "InvalidArchitecture.Malformed"),
        ("Platform", "Windows", "InvalidPlatform.Malformed"),
        ("OSType", "Windows", "InvalidOSType.Malformed"),
        ("BootMode", "uefi", "InvalidBootMode.Malformed"),
        ("LicenseType", "byol", "InvalidLicenseType.NotSupported"),
        ("DetectionStrategy", "Deep", "InvalidParameter.DetectionStrategy"),
        ("Features.ImdsSupport", "v3", "InvalidParameter.FeaturesImdsSupport"),
        ("Features.NvmeSupport", "yes", "InvalidParameter"),
        ("Tag.1.Key", "aliyun", "InvalidTagKey.Malformed"),
        ("ResourceGroupId", "rg-none", "InvalidResourceGroup.NotFound"),
        ("ClientToken", &long, "InvalidClientToken.Malformed"),
        ("DryRun", "True", "DryRunOperation"),
    ] {
        import(&world, &[(name, value)]).await.refused(code);
    }
    assert_eq!(
        import(&world, &[("ImageName", "taken")]).await.refused("InvalidImageName.Duplicated"),
        "The destination image is exist."
    );
    assert_eq!(
        import(&world, &[("Description", "http://x")]).await.refused("InvalidDescription.Malformed"),
        "The specified Image description is wrongly formed."
    );
    import(&world, &[("Architecture", "arm64"), ("BootMode", "BIOS")]).await.refused("InvalidBootMode.NotSupport");
    let answer = import(&world, &[("Architecture", "arm64"), ("OSType", "windows")]).await;
    assert_eq!(answer.status, 403);
    answer.refused("InvalidArchitecture.PlatformUnsupported");
    import(&world, &[("Tag.1.Key", "k"), ("Tag.1.Value", "acs:v")]).await.refused("InvalidTagValue.Malformed");
    import(&world, &[("Tag.1.Key", "k"), ("Tag.2.Key", "k")]).await.refused("Duplicate.TagKey");
    let names: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    import(&world, &many).await.refused("QuotaExceed.Tags");
    world.limit("region_images", 1).await;
    import(&world, &[]).await.refused("QuotaExceed.Image");
    world
}

async fn importing_is_kept(world: World) -> World {
    put(&world, "dir/disk.raw", &disk(1));
    let id = made(import(&world, &[]).await);
    let answer = world.owner.ask("DeleteImage", &[("ImageId", &id), ("Force", "true")]).await;
    assert_eq!(answer.refused("ImageIsImporting"), "The specified Image is importing.");
    world.settle().await;
    world.owner.ask("DeleteImage", &[("ImageId", &id)]).await.ok();
    world
}

async fn imported(world: &World) -> String {
    put(world, "dir/disk.raw", &disk(1));
    let id = made(import(world, &[("DiskDeviceMapping.1.Format", "RAW")]).await);
    world.settle().await;
    id
}

async fn export(world: &World, id: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("ImageId", id), ("OSSBucket", BUCKET)];
    params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    params.extend_from_slice(more);
    world.owner.ask("ExportImage", &params).await
}

async fn exports(world: World) -> World {
    let id = imported(&world).await;
    export(&world, &id, &[("DryRun", "true")]).await.refused("DryRunOperation");
    let answer = export(&world, &id, &[("OSSPrefix", "backup1"), ("ImageFormat", "RAW")]).await.ok();
    assert!(answer["TaskId"].as_str().is_some_and(|task| task.starts_with("t-")), "{answer}");
    world.settle().await;
    let file = world.buckets.path().join(BUCKET).join(format!("backup1_{id}_system.raw"));
    assert!(std::fs::read(&file).expect("written") == disk(1), "every byte as it came");
    world
}

async fn exports_in_every_format(world: World) -> World {
    let id = imported(&world).await;
    for (format, beginning) in
        [("vhd", &b"conectix"[..]), ("qcow2", b"QFI\xfb"), ("vmdk", b"KDMV"), ("VDI", b"<<< "), ("raw", b"")]
    {
        export(&world, &id, &[("ImageFormat", format), ("OSSPrefix", "again")]).await.ok();
        world.settle().await;
        let name = format!("again_{id}_system.{}", format.to_lowercase());
        let file = std::fs::read(world.buckets.path().join(BUCKET).join(&name)).expect("written");
        assert!(file.starts_with(beginning), "{format}");
        let word = if format == "VDI" { "" } else { format };
        let again = [("DiskDeviceMapping.1.OSSObject", name.as_str()), ("DiskDeviceMapping.1.Format", word)];
        let again = made(import(&world, &again).await);
        world.settle().await;
        let image = shown(&world, &again).await;
        let mapping = &image["DiskDeviceMappings"]["DiskDeviceMapping"][0];
        assert_eq!((&image["Status"], &mapping["Format"]), (&"Available".into(), &"raw".into()), "{format}: {image}");
        let prefix = format!("back{}", format.to_lowercase());
        export(&world, &again, &[("OSSPrefix", &prefix)]).await.ok();
        world.settle().await;
        let back = world.buckets.path().join(BUCKET).join(format!("{prefix}_{again}_system.raw"));
        assert!(std::fs::read(back).expect("written")[..1 << 20] == disk(1), "{format}");
    }
    world
}

async fn export_refusals(world: World) -> World {
    let id = imported(&world).await;
    for (name, value, code) in [
        ("ImageId", "", "MissingParameter"),
        ("OSSBucket", "", "MissingParameter"),
        ("OSSPrefix", "a/b", "InvalidOSSPrefix.Malformed"),
        ("ImageFormat", "iso", "InvalidImageFormat.Malformed"),
        ("ImageFormat", "zvhd2", "InvalidImageFormat.Malformed"),
        ("OSSBucket", "bucket-2", "InvalidOSSBucket.NotFound"),
        ("OSSBucket", "../x", "InvalidOSSBucket.NotFound"),
        ("ImageId", "m-none", "InvalidImageId.NotFound"),
        ("RegionId", "local-9", "InvalidRegionId.NotFound"),
    ] {
        let answer = export(&world, &id, &[(name, value)]).await;
        assert_eq!(answer.status, if name == "ImageId" && !value.is_empty() { 404 } else { 400 }, "{name} {value}");
        answer.refused(code);
    }
    let message = export(&world, &id, &[("OSSBucket", "")]).await.refused("MissingParameter");
    assert_eq!(
        message,
        "An input parameter \"OSSBucket\" that is mandatory for processing the request is not supplied."
    );
    let snapshot = source(&world).await;
    let creating = made(create(&world, &snapshot, &[]).await);
    assert_eq!(
        export(&world, &creating, &[]).await.refused("IncorrectImageStatus"),
        "The specified Image is not available."
    );
    let root = world.project("admin").await;
    let public = world.image(|image| (image.owner, image.visibility) = (root, Visibility::Public)).await;
    export(&world, &public, &[]).await.refused("InvalidImageCategory.NotSupported");
    let names: Vec<String> = (2..=6).map(|number| format!("DiskDeviceMapping.{number}.DiskType")).collect();
    let mut disks: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "data")).collect();
    disks.push(("DiskDeviceMapping.1.SnapshotId", &snapshot));
    let large = made(world.owner.ask("CreateImage", &disks).await);
    world.settle().await;
    export(&world, &large, &[]).await.refused("InvalidImage.DiskAmountOrSize");
    export(&world, &id, &[]).await.ok();
    export(&world, &id, &[("OSSPrefix", "again")]).await.refused("ImageIsExporting");
    world
}

async fn exporting_is_kept(world: World) -> World {
    let id = imported(&world).await;
    export(&world, &id, &[]).await.ok();
    world.owner.ask("DeleteImage", &[("ImageId", &id), ("Force", "true")]).await.refused("ImageIsExporting");
    world.settle().await;
    world.owner.ask("DeleteImage", &[("ImageId", &id)]).await.ok();
    world
}
