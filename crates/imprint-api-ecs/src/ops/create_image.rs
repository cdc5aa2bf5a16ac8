//! CreateImage: a custom image from a machine, from snapshots of several disks, or from one snapshot.

mod impossible;
mod source;

use imprint_model::{Facts, ImageId, InstanceId, MetadataAccess, OsType};
use imprint_service::{Conflict, Error, MakeImage, Quota, Resource};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::error;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::image_codes::{self as codes, checked, word};
use crate::inventory::codes::BAD_DISK_TYPE;
use crate::op::{Effect, Kind, Op, Outcome, Parameter, TAG_KEY, TAG_VALUE};
use crate::params::{Params, invalid};
use crate::{validate, words};

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "CreateImage",
    "Makes a custom image; it is `Creating` at first and `Available` when its data is complete.",
    |call| Box::pin(create(call)),
)
.parameters(PARAMETERS)
.codes(CODES)
.impossible(impossible::CODES)
.token(code::IDEMPOTENCE_MISMATCH)
.resources(resources)
.faults(faults)];

const PARAMETERS: &[Parameter] = &[
    Parameter::text("InstanceId", "The machine to make it from. Goes before both others."),
    Parameter::text(
        "DiskDeviceMapping.N.SnapshotId",
        "Snapshots to make it from; an entry without one is an empty data disk. Goes before `SnapshotId`.",
    ),
    Parameter::of(
        "DiskDeviceMapping.N.Size",
        Kind::Number,
        "GiB; from the snapshot's disk on, without one 20 to 32768 (20).",
    ),
    Parameter::text(
        "DiskDeviceMapping.N.Device",
        "`/dev/xvda` for the system disk, `/dev/xvdb` to `/dev/xvdz` for data disks; assigned in order when left out.",
    ),
    Parameter::text(
        "DiskDeviceMapping.N.DiskType",
        "`system` or `data`; what the snapshot's disk was when left out. With `system`, a data disk's snapshot makes a system disk; `Platform` and `Architecture` must say what it holds then.",
    ),
    Parameter::text("SnapshotId", "A system disk's snapshot to make it from."),
    Parameter::text("ImageName", "2 to 128 characters; the image's id when left out."),
    Parameter::text("ImageFamily", "The line of images it continues."),
    Parameter::text("ImageVersion", "Free text."),
    Parameter::text("Description", "2 to 256 characters."),
    Parameter::text("Platform", "The distribution; that of the machine's image, else `Others Linux`."),
    Parameter::text(
        "BootMode",
        "`BIOS`, `UEFI` or `UEFI-Preferred`; that of the machine's image, else what fits the processor.",
    ),
    Parameter::text("Architecture", "`i386`, `x86_64` or `arm64`; that of the machine's image, else `x86_64`."),
    Parameter::text("ResourceGroupId", "The resource group to put it in; the default one when left out."),
    TAG_KEY,
    TAG_VALUE,
    Parameter::text("DetectionStrategy", "`Standard` has its content checked once it is available."),
    Parameter::text("Features.ImdsSupport", "`v1` or `v2`; that of the machine's image, else `v1`."),
    Parameter::text("SecureBootOptions.SecureBootSupport", "`supported` or `unsupported`."),
];

const NO_SOURCE: Code = Code::new(
    400,
    "MissingParameter",
    "The input parameter SnapshotId or InstanceId or DiskDeviceMapping that is mandatory for processing this request is \
     not supplied.",
);
const INSTANCE_STATUS: Code =
    Code::new(400, "IncorrectInstanceStatus", "The current status of the instance does not support this operation.");
const INSTANCE_NOT_FOUND: Code =
    Code::new(404, "InvalidInstanceId.NotFound", "The specified instance %s does not exist.");
const BAD_BOOT_MODE: Code = Code::new(
    400,
    "InvalidBootMode.Malformed",
    "The specified parameter BootMode is invalid. Valid options are BIOS, UEFI, and UEFI-Preferred.",
);
const BAD_DETECTION_STRATEGY: Code = Code::new(
    400,
    "InvalidDetectionStrategy.Malformed",
    "The specified value for parameter DetectionStrategy is not supported. Please refer to the documentation for \
     accepted values.",
);
const CODES: &[Code] = &[
    NO_SOURCE,
    codes::BAD_NAME,
    codes::DUPLICATE_NAME,
    codes::BAD_DESCRIPTION,
    codes::BAD_VERSION,
    INSTANCE_STATUS,
    conflict::INSTANCE_LOCKED,
    error::BAD_DEVICE,
    error::BAD_SIZE,
    conflict::DEVICE_TAKEN,
    conflict::NO_SYSTEM_SNAPSHOT,
    conflict::TWO_SYSTEM_SNAPSHOTS,
    codes::BAD_ARCHITECTURE,
    codes::BAD_PLATFORM,
    codes::DUPLICATE_TAG_KEY,
    codes::BAD_TAG_KEY,
    codes::BAD_TAG_VALUE,
    conflict::NO_SYSTEM_DISK,
    codes::BAD_FAMILY,
    code::QUOTA_FAMILY,
    code::QUOTA_FAMILIES,
    BAD_DISK_TYPE,
    codes::BOOT_MODE_FOR_ARCHITECTURE,
    codes::BAD_METADATA_ACCESS,
    BAD_BOOT_MODE,
    BAD_DETECTION_STRATEGY,
    conflict::SNAPSHOT_NOT_READY,
    conflict::SNAPSHOT_NOT_SYSTEM,
    code::QUOTA_IMAGES,
    code::QUOTA_SNAPSHOTS,
    conflict::DISK_STATUS,
    conflict::DISK_SNAPSHOTTING,
    code::QUOTA_TAGS,
    conflict::INSTANCE_NEEDS_RESTART,
    code::SNAPSHOT_NOT_FOUND,
    INSTANCE_NOT_FOUND,
    code::RESOURCE_GROUP_NOT_FOUND,
];

/// The image to be, and the one source that counts.
fn resources(call: &Call) -> Vec<String> {
    let mut resources = vec!["image/*".to_owned()];
    let mappings = source::mappings(&call.params);
    if let Some(id) = call.params.text("InstanceId") {
        resources.push(format!("instance/{id}"));
    } else if !mappings.is_empty() {
        let snapshots = mappings.iter().filter_map(|disk| disk.text("SnapshotId"));
        resources.extend(snapshots.map(|id| format!("snapshot/{id}")));
    } else if let Some(id) = call.params.text("SnapshotId") {
        resources.push(format!("snapshot/{id}"));
    }
    resources
}

async fn create(call: Call) -> Outcome {
    let params = &call.params;
    let source = source::read(params)?;
    let facts = facts(params)?;
    let name = checked(params, "ImageName", validate::name, codes::BAD_NAME)?;
    let tags = codes::tags(params)?;
    let id = ImageId::random();
    let wanted = MakeImage {
        region: call.region.clone(),
        source,
        name: Some(name.unwrap_or_else(|| id.wire())),
        id,
        facts,
        otherwise: otherwise(),
        tags,
    };
    let id = call.parts.service.make_image(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({ "ImageId": id.wire() }))
}

/// What the caller says of the image.
fn facts(params: &Params) -> Result<Facts, Fault> {
    let platform = word(params, "Platform", platform, codes::BAD_PLATFORM)?;
    let strategy =
        word(params, "DetectionStrategy", |text| (text == "Standard").then_some(()), BAD_DETECTION_STRATEGY)?;
    Ok(Facts {
        description: checked(params, "Description", validate::description, codes::BAD_DESCRIPTION)?,
        family: checked(params, "ImageFamily", validate::name, codes::BAD_FAMILY)?,
        version: checked(params, "ImageVersion", validate::version, codes::BAD_VERSION)?,
        architecture: codes::architecture(params)?,
        boot_mode: codes::boot_mode(params, BAD_BOOT_MODE)?,
        os_type: platform.as_deref().map(words::os_type_of_platform),
        platform,
        metadata_access: codes::metadata_access(params)?,
        secure_boot: codes::supported(params, "SecureBootOptions.SecureBootSupport")?,
        resource_group: params.text("ResourceGroupId").map(str::to_owned),
        check_wanted: strategy.is_some(),
        ..Facts::default()
    })
}

fn platform(text: &str) -> Option<String> {
    words::PLATFORMS.contains(&text).then(|| text.to_owned())
}

/// What holds of an image that nobody says anything of.
fn otherwise() -> Facts {
    Facts {
        platform: Some(words::PLATFORM_DEFAULT.to_owned()),
        os_type: Some(OsType::Linux),
        architecture: Some(words::ARCHITECTURE_DEFAULT),
        metadata_access: Some(MetadataAccess::Open),
        ..Facts::default()
    }
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::NotFound(Resource::Instance(id)) => {
            let id = id.parse().map_or_else(|_| id.clone(), |id: InstanceId| id.wire());
            return Some(INSTANCE_NOT_FOUND.filled(&[&id]));
        }
        Error::Conflict(Conflict::InstanceStatus) => INSTANCE_STATUS,
        Error::Conflict(Conflict::InstanceNeedsRestart) => conflict::INSTANCE_NEEDS_RESTART,
        Error::OverQuota(Quota::DataDisks, _) => return Some(invalid("DiskDeviceMapping")),
        _ => return None,
    };
    Some(code.fault())
}
