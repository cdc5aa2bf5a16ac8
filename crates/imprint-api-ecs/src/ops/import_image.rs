//! ImportImage: an image from files in buckets.

mod disks;

use imprint_model::{Architecture, Facts, ImageId, Licence, MetadataAccess, OsType};
use imprint_service::{Conflict, Error, Field, ImportObjects, Resource};
use serde_json::json;

use crate::call::Call;
use crate::error;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::image_codes::{self as codes, checked, word};
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region, TAG_KEY, TAG_VALUE};
use crate::params::Params;
use crate::{validate, words};

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "ImportImage",
    "Makes a custom image from files in buckets; a task that can be cancelled.",
    |call| Box::pin(import(call)),
)
.region(Region::Required { missing: codes::MISSING, unknown: codes::BAD_REGION })
.parameters(PARAMETERS)
.codes(CODES)
.token(code::IDEMPOTENCE_MISMATCH)
.resources(|_| vec!["image/*".to_owned()])
.faults(faults)];

const PARAMETERS: &[Parameter] = &[
    Parameter::text(
        "DiskDeviceMapping.N.OSSBucket",
        "The bucket; N=1 is the system disk, data disks follow, at most 16.",
    ),
    Parameter::text("DiskDeviceMapping.N.OSSObject", "The file's key in it."),
    Parameter::text("DiskDeviceMapping.N.Format", "`RAW`, `VHD`, `QCOW2` or `VMDK`; found out when left out."),
    Parameter::of(
        "DiskDeviceMapping.N.DiskImageSize",
        Kind::Number,
        "GiB of the disk, 1 to 2048; what the file holds when left out. `DiskImSize` is an alias.",
    ),
    Parameter::text("ImageName", "2 to 128 characters; the image's id when left out."),
    Parameter::text("Description", "2 to 256 characters."),
    Parameter::text("Architecture", "`x86_64` (when left out), `i386` or `arm64`."),
    Parameter::text("OSType", "`linux` or `windows`; what the platform is when left out."),
    Parameter::text("Platform", "The distribution; `Others Linux` when left out."),
    Parameter::text("BootMode", "`BIOS`, `UEFI` or `UEFI-Preferred`; `arm64` has `UEFI` alone."),
    Parameter::text("LicenseType", "`Auto` (when left out), `Aliyun` or `BYOL`."),
    Parameter::text("RoleName", "Has no effect: buckets are the operator's."),
    Parameter::text("ResourceGroupId", "The resource group to put it in."),
    TAG_KEY,
    TAG_VALUE,
    Parameter::text("DetectionStrategy", "`Standard` has its content checked once it is available."),
    Parameter::text("Features.NvmeSupport", "`supported` or `unsupported` (when left out)."),
    Parameter::text("Features.ImdsSupport", "`v1` (when left out) or `v2`."),
];

const NO_MAPPING: Code =
    Code::new(403, "MissingParameter.DiskDeviceMapping", "The specified parameter DiskDeviceMapping is not supplied.");
const UNSUPPORTED_SUFFIX: Code =
    Code::new(400, "UnsupportedSuffix.OSSObject", "The suffix of the specified OSS object is not supported.");
const DUPLICATE_NAME: Code = Code::new(400, "InvalidImageName.Duplicated", "The destination image is exist.");
const BAD_OBJECT: Code = Code::new(400, "InvalidOSSObject.Malformed", "The specified OSS object is wrongly formed.");
const BAD_BUCKET: Code = Code::new(400, "InvalidOSSBucket.Malformed", "The specified OSS bucket is wrongly formed.");
const EMPTY_OBJECT: Code = Code::new(400, "InvalidOSSObject.Size", "The specified OSS object size is zero.");
const BAD_DESCRIPTION: Code =
    Code::new(400, "InvalidDescription.Malformed", "The specified Image description is wrongly formed.");
const BAD_OS_TYPE: Code = Code::new(400, "InvalidOSType.Malformed", "The specified OSType is wrongly formed.");
const BAD_SYSTEM_SIZE: Code = Code::new(400, "InvalidImageSize", "%s");
const BAD_DATA_SIZE: Code =
    Code::new(400, "InvalidDataDiskSize", "The specified size of a data disk is beyond the permitted range.");
const BAD_BOOT_MODE: Code =
    Code::new(400, "InvalidBootMode.Malformed", "The specified parameter \"BootMode\" is malformed.");
const BAD_STRATEGY: Code =
    Code::new(400, "InvalidParameter.DetectionStrategy", "The specified parameter DetectionStrategy is invalid.");
const BAD_LICENCE: Code =
    Code::new(400, "InvalidLicenseType.NotSupported", "The specified LicenseType is not supported.");
const PLATFORM_FOR_ARCHITECTURE: Code = Code::new(
    403,
    "InvalidArchitecture.PlatformUnsupported",
    "The OS platform you selected does not support the specified architecture.",
);

const CODES: &[Code] = &[
    codes::MISSING,
    codes::BAD_REGION,
    NO_MAPPING,
    UNSUPPORTED_SUFFIX,
    codes::BAD_NAME,
    DUPLICATE_NAME,
    BAD_OBJECT,
    BAD_BUCKET,
    EMPTY_OBJECT,
    BAD_DESCRIPTION,
    codes::BAD_ARCHITECTURE,
    codes::BAD_PLATFORM,
    BAD_OS_TYPE,
    BAD_SYSTEM_SIZE,
    BAD_DATA_SIZE,
    error::BAD_FORMAT,
    code::BUCKET_NOT_FOUND,
    code::OBJECT_NOT_FOUND,
    BAD_LICENCE,
    BAD_BOOT_MODE,
    codes::BOOT_MODE_FOR_ARCHITECTURE,
    BAD_STRATEGY,
    code::BAD_CLIENT_TOKEN,
    codes::BAD_METADATA_ACCESS,
    code::QUOTA_IMAGES,
    codes::BAD_TAG_KEY,
    codes::BAD_TAG_VALUE,
    codes::DUPLICATE_TAG_KEY,
    code::QUOTA_TAGS,
    PLATFORM_FOR_ARCHITECTURE,
    code::RESOURCE_GROUP_NOT_FOUND,
];

async fn import(call: Call) -> Outcome {
    let params = &call.params;
    let disks = disks::read(params)?;
    let name = checked(params, "ImageName", validate::name, codes::BAD_NAME)?;
    let id = ImageId::random();
    let wanted = ImportObjects {
        id,
        region: call.region.clone(),
        name: Some(name.unwrap_or_else(|| id.wire())),
        facts: facts(params)?,
        tags: codes::tags(params)?,
        disks,
    };
    let (image, task) = call.parts.service.import_objects(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({ "ImageId": image.wire(), "TaskId": task.wire(), "RegionId": call.region }))
}

/// What the caller says of the image; what it leaves out has this API's defaults.
fn facts(params: &Params) -> Result<Facts, Fault> {
    let architecture = codes::architecture(params)?.unwrap_or(words::ARCHITECTURE_DEFAULT);
    let (platform, os_type) = system(params)?;
    if os_type == OsType::Windows && architecture == Architecture::Arm64 {
        return Err(PLATFORM_FOR_ARCHITECTURE.fault());
    }
    let strategy = word(params, "DetectionStrategy", |text| (text == "Standard").then_some(()), BAD_STRATEGY)?;
    let boot_mode = codes::boot_mode(params, BAD_BOOT_MODE)?;
    Ok(Facts {
        description: checked(params, "Description", validate::description, BAD_DESCRIPTION)?,
        architecture: Some(architecture),
        boot_mode: Some(boot_mode.unwrap_or_else(|| architecture.firmware())),
        os_type: Some(os_type),
        platform: Some(platform),
        nvme: Some(codes::supported(params, "Features.NvmeSupport")?.unwrap_or(false)),
        metadata_access: Some(codes::metadata_access(params)?.unwrap_or(MetadataAccess::Open)),
        licence: Some(word(params, "LicenseType", words::licence_named, BAD_LICENCE)?.unwrap_or(Licence::Auto)),
        resource_group: params.text("ResourceGroupId").map(str::to_owned),
        check_wanted: strategy.is_some(),
        ..Facts::default()
    })
}

/// The system inside: each of platform and kind says something of the other.
fn system(params: &Params) -> Result<(String, OsType), Fault> {
    let known =
        |text: &str| (words::PLATFORMS.contains(&text) || text == words::PLATFORM_IMPORT_ONLY).then(|| text.to_owned());
    let platform = word(params, "Platform", known, codes::BAD_PLATFORM)?;
    let os_type = word(params, "OSType", |text| text.parse::<OsType>().ok(), BAD_OS_TYPE)?;
    Ok(match (platform, os_type) {
        (Some(platform), os_type) => {
            let of_platform = words::os_type_of_platform(&platform);
            (platform, os_type.unwrap_or(of_platform))
        }
        (None, Some(OsType::Windows)) => (words::PLATFORM_IMPORT_ONLY.to_owned(), OsType::Windows),
        (None, _) => (words::PLATFORM_DEFAULT.to_owned(), OsType::Linux),
    })
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::Duplicate(_) => DUPLICATE_NAME,
        Error::Invalid { field: Field::Data, .. } => EMPTY_OBJECT,
        Error::Invalid { field: Field::Object, .. } => BAD_OBJECT,
        Error::NotFound(Resource::Bucket(_)) => code::BUCKET_NOT_FOUND,
        Error::Invalid { field: Field::DiskSize, why } => return Some(BAD_SYSTEM_SIZE.filled(&[why])),
        Error::Conflict(Conflict::DiskTooSmall) => {
            return Some(BAD_SYSTEM_SIZE.filled(&["The specified size is less than the size of the file's disk."]));
        }
        _ => return None,
    };
    Some(code.fault())
}
