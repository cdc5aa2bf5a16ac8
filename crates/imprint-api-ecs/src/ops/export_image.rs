//! ExportImage: an image's disks as files in a bucket.

use imprint_model::ImageId;
use imprint_service::{Conflict, Error, ExportFormat, ExportImage, Field};
use serde_json::json;

use crate::call::Call;
use crate::error;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::image_codes::{self as codes, checked, word};
use crate::op::{Effect, Op, Outcome, Parameter, Region};
use crate::{validate, words};

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "ExportImage",
    "Writes one's own image into a bucket; a task that can be cancelled.",
    |call| Box::pin(export(call)),
)
.region(Region::Required { missing: codes::MISSING, unknown: codes::BAD_REGION })
.parameters(&[
    Parameter::text("ImageId", "The image.").required_or(codes::MISSING),
    Parameter::text("OSSBucket", "The bucket.").required_or(codes::MISSING),
    Parameter::text("OSSPrefix", "What the files' keys begin with: 1 to 30 letters and digits."),
    Parameter::text("ImageFormat", "`raw` (when left out), `vhd`, `qcow2`, `vmdk` or `vdi`."),
    Parameter::text("RoleName", "Has no effect: buckets are the operator's."),
])
.codes(CODES)
.impossible(IMPOSSIBLE)
.resources(|call| vec![call.resource("image", "ImageId")])
.faults(faults)];

const BAD_PREFIX: Code = Code::new(400, "InvalidOSSPrefix.Malformed", "The specified OSSPrefix is wrongly formed.");
const TOO_LARGE: Code = Code::new(
    400,
    "InvalidImage.DiskAmountOrSize",
    "The specified image has more than 4 data disks, or a data disk of more than 500 GiB.",
);
const EXPORTING: Code = Code::new(403, "ImageIsExporting", "The specified image is currently being exported.");
const PUBLIC: Code =
    Code::new(403, "InvalidImageCategory.NotSupported", "The category of the specified image is not supported.");

const CODES: &[Code] = &[
    codes::MISSING,
    codes::BAD_REGION,
    BAD_PREFIX,
    error::IMAGE_NOT_AVAILABLE,
    error::BAD_FORMAT,
    code::BUCKET_NOT_FOUND,
    TOO_LARGE,
    EXPORTING,
    PUBLIC,
    code::IMAGE_NOT_FOUND,
];
const IMPOSSIBLE: &[(Code, &str)] = &[
    (
        Code::new(400, "ImageNotSupported", "The specified image does not support this operation."),
        "disks are not encrypted and nothing is sold here",
    ),
    (
        Code::new(
            403,
            "NoSetRoletoECSServiceAcount",
            "ECS service account Have no right to access your OSS.please attach a role of access your oss to ECS service \
             account.",
        ),
        "buckets are the operator's: no role is needed",
    ),
    (
        Code::new(403, "ConcurrentQuotaExceed.ExportImage", "The number of concurrent exports exceeds the limit."),
        "how many exports run at once is not limited: they wait for each other",
    ),
    (
        Code::new(403, "WeeklyQuotaExceed.ExportImage", "The number of exports of this week exceeds the limit."),
        "how many exports there are is not limited",
    ),
];

async fn export(call: Call) -> Outcome {
    let params = &call.params;
    let image: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let format = word(params, "ImageFormat", words::export_format_named, error::BAD_FORMAT)?;
    let wanted = ExportImage {
        image,
        region: call.region.clone(),
        bucket: params.need("OSSBucket")?.to_owned(),
        prefix: checked(params, "OSSPrefix", validate::export_prefix, BAD_PREFIX)?,
        format: format.unwrap_or(ExportFormat::Raw),
    };
    let task = call.parts.service.export_image(&call.caller, wanted, call.ask.clone()).await?;
    Ok(json!({ "TaskId": task.wire(), "RegionId": call.region }))
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::WrongStatus(_) | Error::Conflict(Conflict::ImageNotAvailable | Conflict::ImageCreating) => {
            error::IMAGE_NOT_AVAILABLE
        }
        Error::Conflict(Conflict::ImageExporting) => EXPORTING,
        Error::Conflict(Conflict::ImagePublic) => PUBLIC,
        Error::Conflict(Conflict::ExportTooLarge) => TOO_LARGE,
        Error::Unsupported(_) => error::BAD_FORMAT,
        Error::Invalid { field: Field::Object, .. } => code::BUCKET_NOT_FOUND,
        _ => return None,
    };
    Some(code.fault())
}
