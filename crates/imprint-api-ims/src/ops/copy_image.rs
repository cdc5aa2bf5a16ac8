//! Copies of an image, in its region or in another.

use std::collections::BTreeSet;

use http::Method;
use imprint_model::{Image, ImageId, MemberStatus, Visibility};
use imprint_service::{Ask, CopyImage, JobMark, NewImage};

use super::export_image::{is_disc, is_whole};
use super::jobs::{label, started};
use super::making::body::{Members, NO_SUCH_KEY, bad};
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code, img};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};
use crate::values;

pub(super) const OPS: &[Op] = &[
    row("copy_image", "/v1/cloudimages/{image_id}/copy"),
    row("copy_image_safely", "/v2.1/cloudimages/{image_id}/copy"),
    Op::new(
        Family::Creation,
        "copy_image_to_region",
        Method::POST,
        "/v1/cloudimages/{image_id}/cross_region_copy",
        "Copies an image of one's own to another region; a job.",
        run!(copy_across),
    )
    .parameters(&[
        IMAGE_ID,
        NAME,
        Parameter::body("region", "Where to.").required(),
        Parameter::body("project_name", "The project there: named like the region, or like one's own.").required(),
        Parameter::body("agency_name", "Has no effect: no agency is needed here.").required(),
        DESCRIPTION,
        Parameter::body("vault_id", "Has no effect: whole servers are not copied."),
    ])
    .codes(&[
        code::EMPTY_BODY,
        code::NAME_MISSING,
        code::NAME_TOO_LONG,
        code::NAME_FORMAT,
        code::DESCRIPTION_TOO_LONG,
        code::DESCRIPTION_FORMAT,
        code::QUOTA_IMAGES,
        code::IMAGE_NOT_FOUND,
        code::NOT_OWNER,
        code::IMAGE_UNAVAILABLE,
        WHOLE,
        DISC,
        PUBLIC,
        SAME_REGION,
        BAD_PROJECT,
        TOO_LARGE,
        BAD_REGION,
    ]),
];

const fn row(name: &'static str, path: &'static str) -> Op {
    let about = "Copies an image of one's own, or one that was shared with one and accepted, within its region; a job.";
    Op::new(Family::Creation, name, Method::POST, path, about, run!(copy)).parameters(PARAMETERS).codes(CODES)
}

const PARAMETERS: &[Parameter] = &[
    IMAGE_ID,
    NAME,
    DESCRIPTION,
    Parameter::body("enterprise_project_id", "The enterprise project to put it in."),
    Parameter::body("cmk_id", "Not offered here: there are no keys."),
];
const CODES: &[Code] = &[
    code::EMPTY_BODY,
    code::NAME_MISSING,
    code::NAME_TOO_LONG,
    code::NAME_FORMAT,
    code::DESCRIPTION_TOO_LONG,
    code::DESCRIPTION_FORMAT,
    code::ENTERPRISE_PROJECT,
    code::QUOTA_IMAGES,
    NO_SUCH_KEY,
    code::IMAGE_NOT_FOUND,
    code::IMAGE_UNAVAILABLE,
    WHOLE,
    DISC,
    PUBLIC,
    OTHERS,
    NOT_ACCEPTED,
];

const NAME: Parameter = Parameter::body("name", "1 to 128 letters, digits, blanks, `-`, `.` and `_`.").required();
const DESCRIPTION: Parameter = Parameter::body("description", "At most 1024 characters.");

/// Largest image that is copied to another region, bytes.
const ACROSS_BYTES_MAX: u64 = 128 << 30;

const PUBLIC: Code = img("IMG.0083");
const OTHERS: Code = img("IMG.0106");
const WHOLE: Code = img("IMG.0130");
const SAME_REGION: Code = img("IMG.0142");
const BAD_PROJECT: Code = img("IMG.0145");
const TOO_LARGE: Code = img("IMG.0146");
const BAD_REGION: Code = img("IMG.0147");
const DISC: Code = img("IMG.0167");
const NOT_ACCEPTED: Code = img("IMG.0196");

async fn copy(call: Call) -> Outcome {
    let id = call.image_id()?;
    let body = call.object()?;
    let members = Members(&body);
    let mut wanted = read(members, id)?;
    if members.get("cmk_id").is_some() {
        return Err(NO_SUCH_KEY.fault().into());
    }
    wanted.resource_group = members.get("enterprise_project_id").map(values::group).transpose()?.flatten();
    let image = call.parts.service.show_image(&call.caller, id).await?;
    require_copyable(&image)?;
    require_accepted(&call, &image).await?;
    wanted.to_region.clone_from(&image.region);
    begin(&call, wanted, image, label::COPY).await
}

async fn copy_across(call: Call) -> Outcome {
    let id = call.image_id()?;
    let body = call.object()?;
    let members = Members(&body);
    let mut wanted = read(members, id)?;
    let region = members.need("region", BAD_REGION)?;
    let project = members.need("project_name", BAD_PROJECT)?;
    members.text("agency_name")?.ok_or_else(|| bad("agency_name"))?;
    let image = call.parts.service.show_image(&call.caller, id).await?;
    if !call.caller.acts_for(&image.owner) {
        return Err(code::NOT_OWNER.fault().into());
    }
    require_copyable(&image)?;
    if !call.parts.regions().iter().any(|known| known == region) {
        return Err(BAD_REGION.fault().into());
    }
    if image.region == region {
        return Err(SAME_REGION.fault().into());
    }
    require_project(&call, region, project).await?;
    if image.size_bytes().is_some_and(|size| size > ACROSS_BYTES_MAX) {
        return Err(TOO_LARGE.fault().into());
    }
    wanted.to_region = region.to_owned();
    begin(&call, wanted, image, label::COPY_ACROSS).await
}

/// What both ways of copying are told.
fn read(members: Members<'_>, source: ImageId) -> Result<CopyImage, Fault> {
    Ok(CopyImage {
        id: ImageId::random(),
        source,
        from_region: String::new(),
        to_region: String::new(),
        name: Some(members.name()?),
        description: members.get("description").map(values::description).transpose()?,
        resource_group: None,
        tags: BTreeSet::new(),
    })
}

async fn begin(call: &Call, mut wanted: CopyImage, image: Image, label: &str) -> Outcome {
    wanted.from_region = image.region;
    let new = NewImage::by(JobMark::new(label));
    let job = new.job.id;
    call.parts.service.copy_image_as(&call.caller, wanted, new, Ask::default()).await?;
    Ok(started(job))
}

fn require_copyable(image: &Image) -> Result<(), Fault> {
    let why = match image.visibility {
        Visibility::Public => PUBLIC,
        _ if is_whole(image) => WHOLE,
        _ if is_disc(image) => DISC,
        _ => return Ok(()),
    };
    Err(why.fault())
}

/// Another's image is copied by those who took it.
async fn require_accepted(call: &Call, image: &Image) -> Result<(), Problem> {
    if call.caller.acts_for(&image.owner) || image.visibility != Visibility::Shared {
        return Ok(());
    }
    let member = call.parts.service.member(&call.caller, image.id, call.project()?).await?;
    if member.status == MemberStatus::Accepted { Ok(()) } else { Err(NOT_ACCEPTED.fault().into()) }
}

/// Projects span regions here, so that the one there is the caller's own, under one of the names it goes by: the
/// region's, one that begins with it, or its own.
async fn require_project(call: &Call, region: &str, name: &str) -> Result<(), Problem> {
    let of_region = name.strip_prefix(region).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    if of_region {
        return Ok(());
    }
    let own = call.parts.identity.project(call.project()?.as_str()).await?;
    if own.name == name { Ok(()) } else { Err(BAD_PROJECT.fault().into()) }
}
