//! CopyImage: the same bytes again, in another region or the same, as an image of one's own; or sent to another
//! installation, which counts as a region.

use imprint_model::ImageId;
use imprint_service::{Conflict, CopyImage, Error, Quota, Resource};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::image_codes::{self as codes, checked};
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region, TAG_KEY, TAG_VALUE};
use crate::validate;

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "CopyImage",
    "Copies an image of one's own, or one that is shared with one, within or between regions, or to another \
     installation.",
    |call| Box::pin(copy(call)),
)
.region(Region::Required { missing: code::MISSING_PARAMETER, unknown: SOURCE_REGION })
.parameters(&[
    Parameter::text("ImageId", "The image to copy.").required(),
    Parameter::text("DestinationRegionId", "Where to; the same region when left out. A region that is another installation answers with the id that the copy \
         will have there; until then it is a task of `DescribeTasks`."),
    Parameter::text("DestinationImageName", "The copy's name; its id when left out."),
    Parameter::text("DestinationDescription", "The copy's description."),
    Parameter::of("Encrypted", Kind::Truth, "Not offered here."),
    Parameter::text("KMSKeyId", "Not offered here."),
    Parameter::text("ResourceGroupId", "The copy's resource group."),
    TAG_KEY,
    TAG_VALUE,
])
.codes(CODES)
.token(code::IDEMPOTENCE_MISMATCH)
.resources(|call| vec!["image/*".to_owned(), call.resource("image", "ImageId")])
.faults(faults)];

const SOURCE_REGION: Code = Code::new(400, "SourceRegion.NotFound", "The source region not found.");
const DESTINATION_REGION: Code = Code::new(400, "DestinationRegion.NotFound", "The destination region not found.");
const BAD_NAME: Code =
    Code::new(400, "InvalidImageName.Malformed", "The specified destination image name is wrongly formed.");
const DUPLICATE_NAME: Code = Code::new(
    400,
    "InvalidImageName.Duplicated",
    "The specified image name is already in use in the target region. Please try a different one.",
);
const BAD_DESCRIPTION: Code =
    Code::new(400, "InvalidDescription.Malformed", "The specified destination description is wrongly formed.");
const NOT_AVAILABLE: Code = Code::new(400, "IncorrectImageStatus", "The image not available.");
const KEY_WITHOUT_ENCRYPTION: Code = Code::new(
    400,
    "InvalidParameter.EncryptedIllegal",
    "The specified parameter Encrypted must be true when kmsKeyId is not empty.",
);
const KEY_NOT_FOUND: Code =
    Code::new(404, "InvalidParameter.KMSKeyId.NotFound", "The specified KMSKeyId does not exist.");
const COPIED_ALREADY: Code = Code::new(
    400,
    "OperationDenied.ImageCopyConflict",
    "The same image cannot be copied concurrently. Please wait until the last copy is completed before performing the \
     next operation.",
);
const TOO_MANY_IMAGES: Code = Code::new(403, "QuotaExceed.Image", "The number of images exceeds the limit (%s).");

const CODES: &[Code] = &[
    SOURCE_REGION,
    DESTINATION_REGION,
    BAD_NAME,
    DUPLICATE_NAME,
    BAD_DESCRIPTION,
    NOT_AVAILABLE,
    KEY_WITHOUT_ENCRYPTION,
    KEY_NOT_FOUND,
    COPIED_ALREADY,
    conflict::COMMUNITY_IMAGE,
    conflict::SAME_REGION_ONLY,
    TOO_MANY_IMAGES,
    codes::BAD_TAG_KEY,
    codes::BAD_TAG_VALUE,
    codes::DUPLICATE_TAG_KEY,
    code::QUOTA_TAGS,
    code::UNSUPPORTED,
    code::IMAGE_NOT_FOUND,
    code::RESOURCE_GROUP_NOT_FOUND,
];

async fn copy(call: Call) -> Outcome {
    let params = &call.params;
    let source: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let to_region = params.text("DestinationRegionId").unwrap_or(&call.region).to_owned();
    let elsewhere = call.parts.service.is_elsewhere(&to_region);
    if !elsewhere && !call.parts.has_region(&to_region) {
        return Err(DESTINATION_REGION.fault().into());
    }
    unencrypted(&call)?;
    let id = ImageId::random();
    let name = checked(params, "DestinationImageName", validate::name, BAD_NAME)?;
    let wanted = CopyImage {
        id,
        source,
        from_region: call.region.clone(),
        to_region,
        name: Some(name.unwrap_or_else(|| id.wire())),
        description: checked(params, "DestinationDescription", validate::description, BAD_DESCRIPTION)?,
        resource_group: params.text("ResourceGroupId").map(str::to_owned),
        tags: codes::tags(params)?,
    };
    let (service, ask) = (&call.parts.service, call.ask.clone());
    let id = match elsewhere {
        true => service.copy_image_elsewhere(&call.caller, wanted, ask).await?,
        false => service.copy_image(&call.caller, wanted, ask).await?,
    };
    Ok(json!({ "ImageId": id.wire() }))
}

fn unencrypted(call: &Call) -> Result<(), Fault> {
    match (call.params.flag("Encrypted")?, call.params.text("KMSKeyId")) {
        (false, None) => Ok(()),
        (false, Some(_)) => Err(KEY_WITHOUT_ENCRYPTION.fault()),
        (true, Some(_)) => Err(KEY_NOT_FOUND.fault()),
        (true, None) => Err(code::UNSUPPORTED.with_message("The specified parameter \"Encrypted\" is not supported.")),
    }
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::Duplicate(_) => DUPLICATE_NAME,
        Error::WrongStatus(_)
        | Error::Conflict(Conflict::ImageNotAvailable | Conflict::ImageCreating | Conflict::ImageDeprecated) => {
            NOT_AVAILABLE
        }
        Error::Conflict(Conflict::ImageCopying) => COPIED_ALREADY,
        Error::NotFound(Resource::Region(_)) => DESTINATION_REGION,
        Error::OverQuota(Quota::RegionImages, most) => return Some(TOO_MANY_IMAGES.filled(&[&most.to_string()])),
        _ => return None,
    };
    Some(code.fault())
}
