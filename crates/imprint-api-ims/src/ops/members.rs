//! Whom an image is offered to, one account at a time, and what these answer. Two families of paths show it; one table
//! of members is behind them and behind `members_batch.rs`.

use http::Method;
use imprint_model::{Image, ImageId, Member, MemberStatus, ProjectId, Visibility};
use imprint_service::{ChangeOffers, Conflict, Error, Field, OfferStep};
use serde_json::{Value, json};

use crate::access::{own_image, settle};
use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code, img};
use crate::op::{Family, IMAGE_ID, Op, Outcome, Parameter, run};

const PROJECT_ID: Parameter = Parameter::path("project_id", "The caller's project.");
const MEMBER_ID: Parameter = Parameter::path("member_id", "The project that the image is offered to.");

/// Nobody of this id has been offered the image.
pub(super) const NO_SUCH_MEMBER: Code = img("IMG.0108").status(404);
/// Offering to oneself.
pub(super) const SELF: Code = img("IMG.0076");
/// Offering what everybody has.
pub(super) const PUBLIC: Code = img("IMG.0089");
/// Offering what is encrypted.
pub(super) const ENCRYPTED: Code = img("IMG.0098");
/// Offering to whoever has it already.
const ALREADY: Code = img("IMG.0112").status(409);
/// A project's id that cannot be one.
pub(super) const BAD_PROJECT: Code = img("IMG.0067");
/// Longest id of a project, characters.
const PROJECT_CHARS_MAX: usize = 64;
/// Most members of one page.
const PAGE_MAX: usize = 1_000;

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Members,
        "native_add_member",
        Method::POST,
        "/v2/images/{image_id}/members",
        "Offers an image to a project.",
        run!(add),
    )
    .parameters(&[IMAGE_ID, Parameter::body("member", "The project.").required()])
    .codes(&[
        code::EMPTY_BODY,
        code::IMAGE_NOT_FOUND,
        code::NOT_OWNER,
        code::QUOTA_SHARED,
        SELF,
        PUBLIC,
        ENCRYPTED,
        ALREADY,
        BAD_PROJECT,
    ])
    .faults(faults),
    Op::new(
        Family::Members,
        "native_list_members",
        Method::GET,
        "/v2/images/{image_id}/members",
        "Lists whom an image is offered to: all of them for its owner, itself for a member.",
        run!(list_native),
    )
    .parameters(&[IMAGE_ID])
    .codes(&[code::IMAGE_NOT_FOUND]),
    Op::new(
        Family::Members,
        "native_show_member",
        Method::GET,
        "/v2/images/{image_id}/members/{member_id}",
        "Shows one offer.",
        run!(show),
    )
    .parameters(&[IMAGE_ID, MEMBER_ID])
    .codes(&[code::IMAGE_NOT_FOUND, NO_SUCH_MEMBER]),
    Op::new(
        Family::Members,
        "native_update_member",
        Method::PUT,
        "/v2/images/{image_id}/members/{member_id}",
        "Answers an offer; whoever got it does.",
        run!(answer_offer),
    )
    .parameters(&[
        IMAGE_ID,
        MEMBER_ID,
        Parameter::body("status", "`accepted`, `rejected` or `pending`.").required(),
        Parameter::body("vault_id", "Has no meaning here."),
    ])
    .codes(&[code::EMPTY_BODY, code::IMAGE_NOT_FOUND, code::NOT_OWNER, NO_SUCH_MEMBER]),
    Op::new(
        Family::Members,
        "native_delete_member",
        Method::DELETE,
        "/v2/images/{image_id}/members/{member_id}",
        "Takes an offer back.",
        run!(remove),
    )
    .success(204)
    .parameters(&[IMAGE_ID, MEMBER_ID])
    .codes(&[code::IMAGE_NOT_FOUND, code::NOT_OWNER, NO_SUCH_MEMBER]),
    Op::new(
        Family::Members,
        "list_members",
        Method::GET,
        "/v1/{project_id}/cloudimages/{image_id}/members",
        "Lists whom an image is offered to, a page at a time.",
        run!(list_page),
    )
    .parameters(&[
        PROJECT_ID,
        IMAGE_ID,
        Parameter::query("limit", "Most members of the page."),
        Parameter::query("marker", "The project after which the page begins."),
    ])
    .codes(&[code::IMAGE_NOT_FOUND]),
    Op::new(
        Family::Members,
        "show_member",
        Method::GET,
        "/v1/{project_id}/cloudimages/{image_id}/members/{member_id}",
        "Shows one offer.",
        run!(show),
    )
    .parameters(&[PROJECT_ID, IMAGE_ID, MEMBER_ID])
    .codes(&[code::IMAGE_NOT_FOUND, NO_SUCH_MEMBER]),
];

/// What offers are refused for.
pub(super) fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::Conflict(Conflict::SharedWithSelf) => Some(SELF.fault()),
        Error::Conflict(Conflict::ImagePublic) => Some(PUBLIC.fault()),
        Error::Duplicate(Field::Member) => Some(ALREADY.fault()),
        Error::Missing(Field::Member) | Error::Invalid { field: Field::Member, .. } => Some(BAD_PROJECT.fault()),
        _ => None,
    }
}

/// The project that a value names.
///
/// # Errors
/// `IMG.0001` for what is no text, `IMG.0067` for what is no id.
pub(super) fn project(value: &Value) -> Result<ProjectId, Fault> {
    let text = value.as_str().ok_or_else(|| super::native_update::bad_value("the project"))?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = !text.is_empty() && text.len() <= PROJECT_CHARS_MAX && text.bytes().all(good);
    if fits { Ok(text.into()) } else { Err(BAD_PROJECT.fault()) }
}

/// The answer that a value says.
///
/// # Errors
/// `IMG.0001`.
pub(super) fn status(value: &Value) -> Result<MemberStatus, Fault> {
    let known = value.as_str().and_then(|word| word.parse().ok());
    known.ok_or_else(|| super::native_update::bad_value("status"))
}

/// An image of the caller's that can be offered as far as this API knows; the engine knows more.
///
/// # Errors
/// `IMG.0027`, `IMG.0047`, `IMG.0089`, `IMG.0098`.
pub(super) async fn require_offerable(call: &Call, id: ImageId) -> Result<(), Problem> {
    let image: Image = call.parts.service.show_image(&call.caller, id).await?;
    if image.visibility == Visibility::Public {
        return Err(PUBLIC.fault().into());
    }
    if !call.caller.acts_for(&image.owner) {
        return Err(code::NOT_OWNER.fault().into());
    }
    let key = image.properties.get("__system__cmkid").and_then(Option::as_deref);
    if key.is_some_and(|key| !key.is_empty()) { Err(ENCRYPTED.fault().into()) } else { Ok(()) }
}

async fn change(call: &Call, project: ProjectId, step: OfferStep) -> Result<Vec<Member>, Problem> {
    let id = call.image_id()?;
    let wanted = ChangeOffers { images: vec![id], projects: vec![project], step };
    match call.parts.service.change_offers(&call.caller, wanted, None).await {
        Ok(members) => Ok(members),
        Err(error) => Err(settle(call, id, error).await),
    }
}

async fn add(call: Call) -> Outcome {
    let id = call.image_id()?;
    let project = project(call.object()?.get("member").unwrap_or(&Value::Null))?;
    require_offerable(&call, id).await?;
    one(&change(&call, project, OfferStep::Offer { again: false }).await?)
}

async fn answer_offer(call: Call) -> Outcome {
    let status = status(call.object()?.get("status").unwrap_or(&Value::Null))?;
    one(&change(&call, call.param("member_id").into(), OfferStep::Answer(status)).await?)
}

async fn remove(call: Call) -> Outcome {
    own_image(&call, call.image_id()?).await?;
    change(&call, call.param("member_id").into(), OfferStep::Withdraw { gone: false }).await?;
    Ok(answer::done())
}

async fn show(call: Call) -> Outcome {
    let project = call.param("member_id").into();
    let member = call.parts.service.member(&call.caller, call.image_id()?, &project).await?;
    one(&[member])
}

fn one(members: &[Member]) -> Outcome {
    let member = members.first().ok_or_else(|| NO_SUCH_MEMBER.fault())?;
    Ok(answer::ok(&shown(member)))
}

fn shown(member: &Member) -> Value {
    json!({
        "status": member.status.as_str(),
        "created_at": member.created_at.to_rfc3339_seconds(),
        "updated_at": member.updated_at.to_rfc3339_seconds(),
        "image_id": member.image.to_string(),
        "member_id": member.project.as_str(),
        "member_type": "project",
        "schema": "/v2/schemas/member",
    })
}

/// All members that the caller may know.
async fn members(call: &Call) -> Result<Vec<Member>, Problem> {
    match call.parts.service.members(&call.caller, call.image_id()?).await {
        Ok(members) => Ok(members),
        // it can be seen, but is of a kind that has none
        Err(Error::Denied(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

async fn list_native(call: Call) -> Outcome {
    let members = members(&call).await?;
    let shown: Vec<Value> = members.iter().map(shown).collect();
    Ok(answer::ok(&json!({ "members": shown, "schema": "/v2/schemas/members" })))
}

async fn list_page(call: Call) -> Outcome {
    let limit = match call.query_first("limit") {
        Some(text) => text.trim().parse::<usize>().map_err(|_| super::native_update::bad_value("limit"))?.min(PAGE_MAX),
        None => PAGE_MAX,
    };
    let members = members(&call).await?;
    let begin = match call.query_first("marker") {
        Some(marker) => {
            let place = members.iter().position(|member| member.project.as_str() == marker);
            place.map(|place| place + 1).ok_or_else(|| super::native_update::bad_value("marker"))?
        }
        None => 0,
    };
    let page: Vec<&Member> = members.iter().skip(begin).take(limit).collect();
    let next = page.last().filter(|_| begin + page.len() < members.len()).map(|member| member.project.as_str());
    let shown: Vec<Value> = page.iter().map(|member| shown(member)).collect();
    let info = json!({ "next_marker": next, "current_count": shown.len() });
    Ok(answer::ok(&json!({ "members": shown, "schema": "/v2/schemas/members", "page_info": info })))
}
