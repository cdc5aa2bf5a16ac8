//! Who else may see and use an image: single accounts, or everybody.

use imprint_model::{ImageId, ProjectId, Visibility};
use imprint_service::{Conflict, Error, Field, Resource, Sharing};
use serde_json::json;

use crate::call::Call;
use crate::conflict;
use crate::error::Problem;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::op::{Effect, Kind, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter};
use crate::params::missing;
use crate::view;

pub(super) const OPS: &[Op] = &[
    Op::ecs(
        Effect::Reads,
        "DescribeImageSharePermission",
        "Lists the accounts that one's own image is shared with.",
        |call| Box::pin(describe(call)),
    )
    .parameters(&[Parameter::text("ImageId", "The image.").required(), PAGE_NUMBER, PAGE_SIZE])
    .codes(&[NOT_FOUND, code::INVALID_PARAMTER])
    .resources(|call| vec![call.resource("image", "ImageId")])
    .faults(describe_faults),
    Op::ecs(
        Effect::Changes,
        "ModifyImageSharePermission",
        "Shares one's own image with accounts or with everybody, or no longer.",
        |call| Box::pin(modify(call)),
    )
    .parameters(&[
        Parameter::text("ImageId", "The image.").required(),
        Parameter::text("AddAccount.N", "Accounts to share it with; the first ten count."),
        Parameter::text("RemoveAccount.N", "Accounts to share it with no longer; the first ten count."),
        Parameter::of(
            "IsPublic",
            Kind::Truth,
            "`true` gives it to everybody, `false` no longer; left out it stays as it is.",
        ),
        Parameter::text("LaunchPermission", "Has no effect."),
    ])
    .codes(MODIFY_CODES)
    .impossible(IMPOSSIBLE)
    .resources(|call| vec![call.resource("image", "ImageId")])
    .faults(modify_faults),
    Op::ecs(
        Effect::Changes,
        "ModifyImageShareGroupPermission",
        "Shares one's own image with everybody, or no longer.",
        |call| Box::pin(modify_group(call)),
    )
    .parameters(&[
        Parameter::text("ImageId", "The image.").required(),
        Parameter::text("AddGroup.N", "`all`."),
        Parameter::text("RemoveGroup.N", "`all`."),
    ])
    .codes(&[BAD_GROUP, IS_PUBLIC, conflict::IMAGE_DEPRECATED, conflict::IMAGE_SHARED, code::IMAGE_NOT_FOUND])
    .resources(|call| vec![call.resource("image", "ImageId")])
    .faults(modify_faults),
];

const NOT_FOUND: Code = Code::new(404, "InvalidImageId.NotFound", "The specified image %s does not exist.");
const IS_PUBLIC: Code = Code::new(403, "Image.Public", "The specified image is public image.");
const NOT_PUBLIC: Code = Code::new(403, "Image.NotPublic", "The specified image is not public image.");
const PUBLIC_CONFLICT: Code = Code::new(
    403,
    "InvalidParameter.IsPublic",
    "The specified parameter IsPublic is conflicted with other parameters.",
);
const NO_ACCOUNT: Code = Code::new(
    404,
    "InvalidAccount.NotFound",
    "The specified account %s in parameter \"AddAccount.n\" or \"RemoveAccount.n\" does not exist.",
);
const BAD_GROUP: Code = Code::new(400, "InvalidGroup.Malformed", "The specified group is wrongly formed.");
const TOO_MANY_SHARED: Code = Code::new(403, "QuotaExceed.ShareImage", "The shared image quota exceeds.");

const MODIFY_CODES: &[Code] = &[
    conflict::IMAGE_DEPRECATED,
    conflict::IMAGE_SHARED,
    IS_PUBLIC,
    code::QUOTA_SHARES,
    PUBLIC_CONFLICT,
    code::IMAGE_NOT_FOUND,
    NO_ACCOUNT,
    conflict::SHARED_WITH_SELF,
];
const IMPOSSIBLE: &[(Code, &str)] = &[
    (NOT_PUBLIC, "taking back what was not given changes nothing"),
    (TOO_MANY_SHARED, "how many images an account shares is not limited"),
    (BAD_GROUP, "this operation takes no groups"),
    (
        Code::new(403, "OperationDeined.EncryptedSnapshot", "The specified image contains encrypted snapshots."),
        "snapshots are not encrypted here",
    ),
    (
        Code::new(403, "PublicImageAgreement.NotSigned", "The agreement on community images is not signed."),
        "there is no agreement to sign here",
    ),
    (
        Code::new(403, "CurrentRegion.NotSupportPublicImage", "The region does not support community images."),
        "every region here has community images",
    ),
];

/// Accounts of one call that count; the rest is silently left out, as the API says.
const ACCOUNTS_MAX: usize = 10;
const PAGE_SIZE_DEFAULT: u32 = 10;
const PAGE_SIZE_MAX: u32 = 100;
/// The one group there is.
const EVERYBODY: &str = "all";

async fn describe(call: Call) -> Outcome {
    let text = call.params.need("ImageId")?;
    let id: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND).map_err(|_| NOT_FOUND.filled(&[text]))?;
    let paging = call.params.paging(PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, code::INVALID_PARAMTER)?;
    let (image, members) = call.parts.service.image_sharing(&call.caller, &call.region, id).await?;
    let before = (u64::from(paging.number) - 1) * u64::from(paging.size);
    let shown = members.iter().skip(usize::try_from(before).unwrap_or(usize::MAX)).take(paging.size as usize);
    let mut accounts = Vec::new();
    for member in shown {
        accounts.push(json!({
            "AliyunId": view::number_of(&call, &member.project).await?,
            "SharedTime": member.created_at.to_rfc3339_seconds(),
        }));
    }
    let groups: Vec<_> =
        (image.visibility == Visibility::Community).then(|| json!({ "Group": EVERYBODY })).into_iter().collect();
    Ok(json!({
        "PageNumber": paging.number,
        "PageSize": paging.size,
        "TotalCount": members.len(),
        "ImageId": text,
        "RegionId": call.region,
        "Accounts": { "Account": accounts },
        "ShareGroups": { "ShareGroup": groups },
    }))
}

async fn modify(call: Call) -> Outcome {
    let id: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let community = call.params.truth("IsPublic")?;
    let (add, remove) = (call.params.list("AddAccount"), call.params.list("RemoveAccount"));
    if community.is_none() && add.is_empty() && remove.is_empty() {
        return Err(missing("AddAccount.1").into());
    }
    let sharing = Sharing { add: accounts(&call, &add).await?, remove: accounts(&call, &remove).await?, community };
    share(&call, id, sharing).await
}

async fn modify_group(call: Call) -> Outcome {
    let id: ImageId = call.id("ImageId", code::IMAGE_NOT_FOUND)?;
    let (add, remove) = (call.params.list("AddGroup"), call.params.list("RemoveGroup"));
    if add.iter().chain(&remove).any(|&group| group != EVERYBODY) {
        return Err(BAD_GROUP.fault().into());
    }
    let community = match (add.is_empty(), remove.is_empty()) {
        (true, true) => return Err(missing("AddGroup.1").into()),
        (false, false) => return Err(BAD_GROUP.fault().into()),
        (_, nothing_removed) => nothing_removed,
    };
    share(&call, id, Sharing { add: Vec::new(), remove: Vec::new(), community: Some(community) }).await
}

async fn share(call: &Call, id: ImageId, sharing: Sharing) -> Outcome {
    call.parts.service.share_image(&call.caller, &call.region, id, sharing, call.ask.clone()).await?;
    Ok(json!({}))
}

async fn accounts(call: &Call, numbers: &[&str]) -> Result<Vec<ProjectId>, Problem> {
    let mut accounts = Vec::new();
    for &number in numbers.iter().take(ACCOUNTS_MAX) {
        let known = number.parse::<u64>().ok().filter(|parsed| parsed.to_string() == number);
        let account = match known {
            Some(known) => view::account_of(call, known).await?,
            None => None,
        };
        accounts.push(account.ok_or_else(|| NO_ACCOUNT.filled(&[number]))?);
    }
    Ok(accounts)
}

fn describe_faults(error: &Error) -> Option<Fault> {
    match error {
        Error::NotFound(Resource::Image(id)) => Some(not_found(id)),
        _ => None,
    }
}

fn not_found(id: &str) -> Fault {
    let shown = id.parse().map_or_else(|_| id.to_owned(), |id: ImageId| id.wire());
    NOT_FOUND.filled(&[&shown])
}

fn modify_faults(error: &Error) -> Option<Fault> {
    let code = match error {
        Error::Conflict(Conflict::ImagePublic) => IS_PUBLIC,
        Error::Invalid { field: Field::Visibility, .. } => PUBLIC_CONFLICT,
        _ => return None,
    };
    Some(code.fault())
}
