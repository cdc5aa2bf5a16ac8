//! How many images a project has, and may have.

use http::Method;
use imprint_model::{Direction, Filter, Page, SortKey};
use imprint_service::{ListImages, Seen};
use serde_json::{Value, json};

use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::op::{Family, Op, Outcome, run};

/// The least that a quota can be set to, and the most that is said where there is no smaller one.
const BOUNDS: (i64, i64) = (1, 1_000);
/// What is said for no limit at all.
const UNLIMITED: i64 = i32::MAX as i64;

pub(super) const OPS: &[Op] = &[Op::new(
    Family::About,
    "show_quota",
    Method::GET,
    "/v1/cloudimages/quota",
    "Tells how many images the project has and may have, how many it shares, and with how many projects one can be \
     shared.",
    run!(show),
)];

async fn show(call: Call) -> Outcome {
    let project = call.project()?;
    let limits = &call.parts.service.settings().limits;
    let own = call.parts.service.quotas(project).await?;
    let own = |name: &str| own.iter().find(|quota| quota.name == name && quota.own).map(|quota| quota.most);
    let of_account = own("region_images").unwrap_or(limits.region_images);
    let images = match limits.account_images {
        all if all >= 0 && of_account >= 0 => of_account.min(all),
        all if all >= 0 => all,
        _ => of_account,
    };
    let members = own("image_members").unwrap_or(limits.image_members);
    let all = count(&call, Vec::new()).await?;
    let shared = count(&call, vec![Filter::Given(true)]).await?;
    let resources =
        [quota("image", all, images), quota("image_shared", shared, images), quota("image_member", 0, members)];
    Ok(answer::ok(&json!({ "quotas": { "resources": resources } })))
}

fn quota(kind: &str, used: u64, most: i64) -> Value {
    let most = if most < 0 { UNLIMITED } else { most };
    json!({ "type": kind, "used": used, "quota": most, "min": BOUNDS.0, "max": most.max(BOUNDS.1) })
}

/// How many images of the project's own in this region meet these conditions.
async fn count(call: &Call, mut filters: Vec<Filter>) -> Result<u64, Problem> {
    filters.extend([Filter::Owner(call.project()?.clone()), Filter::Region(call.region.clone())]);
    let list = ListImages {
        seen: Seen::Default,
        member_statuses: Vec::new(),
        filters,
        sort: vec![(SortKey::CreatedAt, Direction::Descending)],
        page: Page::Numbered { number: 1, size: 0 },
    };
    Ok(call.parts.service.list_images(&call.caller, list).await?.total.unwrap_or_default())
}
