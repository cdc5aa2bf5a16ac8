//! DescribeImages: the images a caller can see, a page at a time, with the exact number of all.

use imprint_model::{Filter, ProjectId};

use crate::answer::object;
use crate::call::Call;
use crate::fault::{Code, code};
use crate::image_query::{self as query, Alias, Question};
use crate::op::{Effect, Kind, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter, TAG_KEY, TAG_VALUE};
use crate::view;

pub(super) const OPS: &[Op] = &[Op::ecs(
    Effect::Reads,
    "DescribeImages",
    "Lists images: one's own, the operator's, and what others share.",
    |call| Box::pin(describe(call)),
)
.parameters(PARAMETERS)
.codes(CODES)
.impossible(&[(
    Code::new(403, "CurrentAccount.NotSupportPublicImage", "Public image is not supported for current account."),
    "every account sees community images",
)])
.resources(resources)
// rules are not asked about what the provider and others offer
.exempt(|call| matches!(query::alias(&call.params), Ok(Alias::System | Alias::Others)))];

const PARAMETERS: &[Parameter] = &[
    Parameter::of(
        "Status",
        Kind::CommaList,
        "`Creating`, `Waiting`, `Available` (when left out), `UnAvailable`, `CreateFailed`, `Deprecated`; or `ALL` alone.",
    ),
    Parameter::of("ImageId", Kind::CommaList, "Ids. What does not exist is left out."),
    Parameter::of("ShowExpired", Kind::Truth, "Has no effect."),
    Parameter::text("SnapshotId", "Images that have this snapshot among their disks."),
    Parameter::text("ImageName", "The whole name; `*` stands for any text."),
    Parameter::text("ImageFamily", "The whole name of the family."),
    Parameter::text("ImageOwnerAlias", "`system`, `self`, `others` or `marketplace`; the first three when left out."),
    Parameter::text("InstanceType", "Images that run on this type."),
    Parameter::of("IsSupportIoOptimized", Kind::Truth, "All do."),
    Parameter::of("IsSupportCloudinit", Kind::Truth, "All are taken to."),
    Parameter::text("OSType", "`windows` or `linux`."),
    Parameter::text("Architecture", "`i386`, `x86_64` or `arm64`."),
    PAGE_NUMBER,
    PAGE_SIZE,
    Parameter::text("Usage", "`instance`: machines were made of it; `none`: none were."),
    Parameter::text("ActionType", "`CreateEcs` or `ChangeOS`; the same images serve both."),
    Parameter::text("ResourceGroupId", "Images of this group and of the default group."),
    TAG_KEY,
    TAG_VALUE,
    Parameter::text(
        "Filter.N.Key",
        "`CreationStartTime`, `CreationEndTime`, `NetworkType`, `CpuOnlineUpgrade`, `CpuOnlineDowngrade`, `MemoryOnlineUpgrade` or `MemoryOnlineDowngrade`.",
    ),
    Parameter::text("Filter.N.Value", "A time like `2017-12-05T22:40Z`, or the key's word."),
    Parameter::of("IsPublic", Kind::Truth, "Community images, together with `ImageOwnerAlias=others`."),
    Parameter::of("ImageOwnerId", Kind::Number, "The owner's account, for images of others."),
    Parameter::of("Usable", Kind::Truth, "Images that can, or cannot, be used now; needs `Status`."),
];

const CODES: &[Code] = &[
    query::BAD_ALIAS,
    query::PUBLIC_NOT_OTHERS,
    code::INVALID_PARAMTER,
    query::TAG_MISMATCH,
    query::TAG_COUNT,
    query::BAD_INSTANCE_TYPE,
    query::BAD_NETWORK_TYPE,
    query::BAD_FILTER_KEY,
    query::BAD_FILTER_VALUE,
    query::BAD_USAGE,
    query::BAD_OS_TYPE,
    query::BAD_ARCHITECTURE,
];

/// What access rules are asked about.
fn resources(call: &Call) -> Vec<String> {
    // each image that is asked for by its id, or all
    match call.params.text("ImageId") {
        Some(ids) => {
            let named = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
            named.take(query::IDS_MAX).map(|id| format!("image/{id}")).collect()
        }
        None => vec!["image/*".to_owned()],
    }
}

async fn describe(call: Call) -> Outcome {
    let own = view::viewer(&call)?;
    let Question { list, owner_number, paging } = query::read(&call.params, &call.region, &own)?;
    let list = match (list, owner_number) {
        (Some(mut list), Some(number)) => view::account_of(&call, number).await?.map(|owner: ProjectId| {
            list.filters.push(Filter::Owner(owner));
            list
        }),
        (list, _) => list,
    };
    let (images, total) = match list {
        Some(list) => {
            let page = call.parts.service.list_images(&call.caller, list).await?;
            (view::images(&call, &page.images).await?, page.total.unwrap_or(0))
        }
        None => (Vec::new(), 0),
    };
    let shown = object! {
        "PageSize": paging.size,
        "PageNumber": paging.number,
        "TotalCount": total,
        "RegionId": call.region,
        "Images": object! { "Image": images },
    };
    Ok(shown.into())
}
