//! Tags of one thing at a time, as older clients change them, and how many things have which tag: `AddTags`,
//! `RemoveTags`, `DescribeTags`.

use std::collections::{BTreeMap, BTreeSet};

use imprint_model::{join_tag, split_tag};
use imprint_service::{Error, ListTags, Resource, TagChange, Tagged, TaggedIds};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Fault, code};
use crate::inventory::codes::{
    BAD_TAG_KEY, BAD_TAG_VALUE, DUPLICATE_TAG_KEY, RESOURCE_NOT_FOUND, TAG_COUNT, TAG_MISMATCH, wanted_tags,
};
use crate::inventory::tagged::{TYPE_NOT_FOUND, Type, wire};
use crate::op::{Effect, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter, TAG_KEY, TAG_VALUE};
use crate::ops::tags::resources;
use crate::params::{Params, missing};
use crate::validate::{self, TAGS_MAX, TagProblem};

const TYPE: Parameter = Parameter::text("ResourceType", "`image`, `instance`, `disk` or `snapshot`.");
const ID: Parameter = Parameter::text("ResourceId", "The thing.");

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::ecs(Effect::Changes, "AddTags", "Tags one thing; TagResources is the newer way.", |call| Box::pin(add(call)))
        .parameters(&[TYPE.required(), ID.required(), TAG_KEY, TAG_VALUE])
        .codes(&[
            BAD_TAG_KEY,
            BAD_TAG_VALUE,
            DUPLICATE_TAG_KEY,
            TAG_COUNT,
            TYPE_NOT_FOUND,
            RESOURCE_NOT_FOUND,
            code::QUOTA_TAGS,
        ])
        .resources(resources)
        .faults(faults),
    Op::ecs(Effect::Changes, "RemoveTags", "Takes tags from one thing; UntagResources is the newer way.", |call| {
        Box::pin(remove(call))
    })
    .parameters(&[
        TYPE.required(),
        ID.required(),
        Parameter::text("Tag.N.Key", "The key of a tag."),
        Parameter::text("Tag.N.Value", "Its value; any when absent."),
    ])
    .codes(&[TAG_MISMATCH, TAG_COUNT, TYPE_NOT_FOUND, RESOURCE_NOT_FOUND])
    .resources(resources)
    .faults(faults),
    Op::ecs(Effect::Reads, "DescribeTags", "Lists tags with how many things have each.", |call| {
        Box::pin(describe(call))
    })
    .parameters(&[
        TYPE,
        ID,
        Parameter::text("Tag.N.Key", "Only this tag; up to 20, any of them."),
        Parameter::text("Tag.N.Value", "Its value; any when absent."),
        Parameter::text("Category", "Accepted; there are no tags but those users make."),
        PAGE_NUMBER,
        PAGE_SIZE,
    ])
    .codes(&[TAG_MISMATCH, TAG_COUNT, TYPE_NOT_FOUND])
    .resources(counted),
];

/// Things whose tags are counted at a time.
const COUNTED_AT_ONCE: u32 = 1000;
/// Entries of a page of which nobody said, and the most there can be.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 100;

/// What DescribeTags counts: it knows no list of ids.
fn counted(call: &Call) -> Vec<String> {
    vec![call.resource(call.params.text("ResourceType").unwrap_or("*"), "ResourceId")]
}

async fn add(call: Call) -> Outcome {
    let thing = thing(&call.params)?;
    let change = TagChange::Add(tags(&call.params)?, TAGS_MAX as u64);
    call.parts.service.change_tags(&call.caller, &call.region, vec![thing], change, call.ask).await?;
    Ok(json!({}))
}

/// Those without a value go by their keys, the others exactly. Both are fine with what is not there, so it does not
/// matter that there are two changes then.
async fn remove(call: Call) -> Outcome {
    let thing = thing(&call.params)?;
    let wanted = wanted_tags(&call.params)?;
    if wanted.is_empty() {
        return Err(missing("Tag.1.Key").into());
    }
    let (mut keys, mut exact) = (BTreeSet::new(), BTreeSet::new());
    for (key, value) in wanted {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => exact.insert(join_tag(&key, &value)),
            None => keys.insert(key),
        };
    }
    let changes = [(!keys.is_empty(), TagChange::RemoveKeys(keys)), (!exact.is_empty(), TagChange::Remove(exact))];
    for (_, change) in changes.into_iter().filter(|(wanted, _)| *wanted) {
        call.parts.service.change_tags(&call.caller, &call.region, vec![thing], change, call.ask.clone()).await?;
    }
    Ok(json!({}))
}

/// How many things of each type have a tag.
type Counts = BTreeMap<(String, String), [u64; Type::ALL.len()]>;

async fn describe(call: Call) -> Outcome {
    let params = &call.params;
    let paging = params.paging(PAGE_DEFAULT, PAGE_MAX, code::INVALID_PARAMETER)?;
    let wanted = wanted_tags(params)?;
    let kind = params.text("ResourceType").map(|word| Type::named(word).ok_or_else(|| TYPE_NOT_FOUND.fault()));
    let kind = kind.transpose()?;
    let mut counts = Counts::new();
    for (place, known) in Type::ALL.into_iter().enumerate() {
        if kind.is_none_or(|kind| kind == known) {
            count(&call, known, place, &wanted, &mut counts).await?;
        }
    }
    let skipped = u64::from(paging.number - 1) * u64::from(paging.size);
    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
    let page = counts.iter().skip(skipped).take(paging.size as usize).map(shown);
    Ok(json!({
        "PageNumber": paging.number,
        "PageSize": paging.size,
        "TotalCount": counts.len(),
        "Tags": { "Tag": page.collect::<Vec<_>>() },
    }))
}

/// Counts the tags of all things of one type, or of the one that is asked for.
async fn count(
    call: &Call,
    kind: Type,
    place: usize,
    wanted: &[(String, Option<String>)],
    counts: &mut Counts,
) -> Result<(), Problem> {
    let id: Vec<&str> = call.params.text("ResourceId").into_iter().collect();
    let mut after: Option<String> = None;
    while let Some(ids) = kind.things(&id, after.as_deref()) {
        let list = list_tags(call, ids, wanted).await?;
        let last = list.last().map(|(thing, _)| wire(*thing));
        let full = list.len() >= COUNTED_AT_ONCE as usize;
        for tag in list.iter().flat_map(|(_, tags)| tags) {
            let (key, value) = split_tag(tag);
            let value = value.unwrap_or_default();
            let matches = |(k, v): &(String, Option<String>)| k == key && v.as_deref().is_none_or(|v| v == value);
            if wanted.is_empty() || wanted.iter().any(matches) {
                counts.entry((key.to_owned(), value.to_owned())).or_default()[place] += 1;
            }
        }
        match last {
            Some(last) if full => after = Some(last),
            _ => break,
        }
    }
    Ok(())
}

/// A part of the list; when just one tag is looked for, only of things that have it.
async fn list_tags(
    call: &Call,
    ids: TaggedIds,
    wanted: &[(String, Option<String>)],
) -> Result<Vec<(Tagged, BTreeSet<String>)>, Error> {
    let tags = if let [one] = wanted { vec![one.clone()] } else { Vec::new() };
    let wanted = ListTags { region: call.region.clone(), ids, tags, limit: COUNTED_AT_ONCE };
    call.parts.service.list_tags(&call.caller, wanted).await
}

fn shown(((key, value), counts): (&(String, String), &[u64; Type::ALL.len()])) -> Value {
    // the types that exist elsewhere only are there too, as clients know them
    let elsewhere = ["Securitygroup", "Volume", "Eni", "KeyPair", "LaunchTemplate", "SnapshotPolicy", "Ddh"];
    let mut by_type: Map<String, Value> = elsewhere.into_iter().map(|name| (name.to_owned(), 0.into())).collect();
    for (kind, &count) in Type::ALL.into_iter().zip(counts) {
        let name = match kind {
            Type::Image => "Image",
            Type::Instance => "Instance",
            Type::Disk => "Disk",
            Type::Snapshot => "Snapshot",
        };
        by_type.insert(name.to_owned(), count.into());
    }
    json!({ "TagKey": key, "TagValue": value, "ResourceTypeCount": by_type })
}

fn thing(params: &Params) -> Result<Tagged, Fault> {
    let kind = Type::named(params.need("ResourceType")?).ok_or_else(|| TYPE_NOT_FOUND.fault())?;
    kind.thing(params.need("ResourceId")?).ok_or_else(|| RESOURCE_NOT_FOUND.fault())
}

fn tags(params: &Params) -> Result<BTreeSet<String>, Fault> {
    let pairs = params.tags();
    if pairs.is_empty() {
        return Err(missing("Tag.1.Key"));
    }
    validate::tags(&pairs).map_err(|problem| match problem {
        TagProblem::Key => BAD_TAG_KEY.fault(),
        TagProblem::Value => BAD_TAG_VALUE.fault(),
        TagProblem::Duplicate => DUPLICATE_TAG_KEY.fault(),
        TagProblem::TooMany => TAG_COUNT.fault(),
    })
}

fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::NotFound(Resource::Region(_)) => None,
        Error::NotFound(_) => Some(RESOURCE_NOT_FOUND.fault()),
        Error::OverQuota(_, limit) => Some(code::QUOTA_TAGS.filled(&[&limit.to_string()])),
        _ => None,
    }
}
