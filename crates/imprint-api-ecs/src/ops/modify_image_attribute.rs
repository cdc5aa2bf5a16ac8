//! ModifyImageAttribute: changes what is known of an image, all that is given together or nothing.

use imprint_model::ImageId;
use imprint_service::{Change, Conflict, Error, FactChange, Quota, UpdateRules};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::fault::{Code, Fault, code};
use crate::image_codes::{self as codes, checked, word};
use crate::op::{Effect, Op, Outcome, Parameter};
use crate::params::{Params, invalid};
use crate::{validate, words};

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Changes,
    "ModifyImageAttribute",
    "Changes what is known of one's own image: all that is given, or nothing.",
    |call| Box::pin(modify(call)),
)
.parameters(PARAMETERS)
.codes(CODES)
.resources(|call| vec![call.resource("image", "ImageId")])
.faults(faults)];

const PARAMETERS: &[Parameter] = &[
    Parameter::text("ImageId", "The image, one's own.").required(),
    Parameter::text("ImageName", "Its new name, 2 to 128 characters."),
    Parameter::text("Status", "`Deprecated` takes it out of what is offered, `Available` back in."),
    Parameter::text("ImageFamily", "The line of images it continues from now on."),
    Parameter::text("BootMode", "`BIOS`, `UEFI` or `UEFI-Preferred`; not while machines of it exist."),
    Parameter::text("LicenseType", "`Auto`, `Aliyun` or `BYOL`."),
    Parameter::text("Description", "Its new description, 2 to 256 characters."),
    Parameter::text("Features.NvmeSupport", "`supported` or `unsupported`."),
    Parameter::text("Features.ImdsSupport", "`v1` or `v2`; never back to `v1`."),
];

const DUPLICATE_NAME: Code =
    Code::new(400, "InvalidImageName.Duplicated", "The specified Image name has already bean used.");
const BAD_FAMILY: Code =
    Code::new(400, "InvalidImageFamily.Malformed", "The specified parameter \"ImageFamily\" is malformed.");
const FAMILY_FULL: Code = Code::new(
    400,
    "ImageQuotaFull.ImageFamily",
    "The specified image family has exceeded max number of images for one image family.",
);
const FAMILIES_FULL: Code =
    Code::new(400, "ImageFamilyQuotaFull", "The specified region has exceeded max number of image family.");
const BAD_BOOT_MODE: Code =
    Code::new(400, "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported.");
const BAD_LICENCE: Code =
    Code::new(400, "InvalidLicenseType.NotSupported", "The specified parameter LicenseType is not supported.");
const USED_BY_INSTANCE: Code = Code::new(
    403,
    "OperationDeined.ImageUsingByInstance",
    "The boot mode of the image cannot be modified because it has associated instances.",
);

const CODES: &[Code] = &[
    codes::BAD_NAME,
    DUPLICATE_NAME,
    codes::BAD_DESCRIPTION,
    FAMILY_FULL,
    BAD_FAMILY,
    FAMILIES_FULL,
    BAD_BOOT_MODE,
    codes::BOOT_MODE_FOR_ARCHITECTURE,
    BAD_LICENCE,
    codes::BAD_METADATA_ACCESS,
    conflict::IMAGE_NOT_AVAILABLE,
    conflict::IMAGE_NOT_DEPRECATED,
    conflict::IMAGE_SHARED,
    USED_BY_INSTANCE,
    conflict::IMDS_OPENED,
    code::IMAGE_CREATING,
    code::IMAGE_NOT_FOUND,
];

async fn modify(call: Call) -> Outcome {
    let id: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let changes = changes(&call.params)?;
    let rules = UpdateRules {
        region: Some(call.region.clone()),
        own: true,
        not_while_creating: true,
        unique_name: true,
        family_limits: true,
        ..UpdateRules::default()
    };
    call.parts.service.update_image_as(&call.caller, id, changes, rules, call.ask.clone()).await?;
    Ok(json!({}))
}

/// Everything that is given; what is absent or empty stays as it is.
fn changes(params: &Params) -> Result<Vec<Change>, Fault> {
    let name = checked(params, "ImageName", validate::name, codes::BAD_NAME)?;
    let deprecated = params.text("Status").map(|word| match word {
        "Deprecated" => Ok(true),
        "Available" => Ok(false),
        _ => Err(invalid("Status")),
    });
    let description = checked(params, "Description", validate::description, codes::BAD_DESCRIPTION)?;
    let facts = [
        description.map(|text| FactChange::Description(Some(text))),
        checked(params, "ImageFamily", validate::name, BAD_FAMILY)?.map(|text| FactChange::Family(Some(text))),
        codes::boot_mode(params, BAD_BOOT_MODE)?.map(|mode| FactChange::BootMode(Some(mode))),
        word(params, "LicenseType", words::licence_named, BAD_LICENCE)?
            .map(|licence| FactChange::Licence(Some(licence))),
        codes::supported(params, "Features.NvmeSupport")?.map(|able| FactChange::Nvme(Some(able))),
        codes::metadata_access(params)?.map(|access| FactChange::MetadataAccess(Some(access))),
    ];
    let named = name.map(|name| Change::Name(Some(name)));
    let offered = deprecated.transpose()?.map(Change::Deprecated);
    Ok(named.into_iter().chain(offered).chain(facts.into_iter().flatten().map(Change::Fact)).collect())
}

/// This operation's words where they differ from the others'.
fn faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::Duplicate(_) => DUPLICATE_NAME,
        Error::OverQuota(Quota::FamilyImages, _) => FAMILY_FULL,
        Error::OverQuota(Quota::Families, _) => FAMILIES_FULL,
        Error::Conflict(Conflict::ImageUsedByInstance) => USED_BY_INSTANCE,
        _ => return None,
    };
    Some(code.fault())
}
