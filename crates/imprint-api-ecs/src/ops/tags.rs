//! Tags of several things at once: `TagResources`, `UntagResources`, `ListTagResources`.

use std::collections::BTreeSet;

use imprint_model::split_tag;
use imprint_service::{Error, Field, ListTags, TagChange, Tagged};
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code};
use crate::inventory::codes::{BAD_TAG_KEY, BAD_TAG_VALUE, DUPLICATE_TAG_KEY};
use crate::inventory::tagged::{TYPE_NOT_FOUND, Type, wire};
use crate::op::{Effect, Kind, Op, Outcome, Parameter, Region, TAG_KEY, TAG_VALUE};
use crate::params::Params;
use crate::validate::{self, TAGS_MAX, TagProblem};

const TYPE: Parameter =
    Parameter::text("ResourceType", "`image`, `instance`, `disk` or `snapshot`.").required_or(NO_TYPE);
const IDS: Parameter = Parameter::text("ResourceId.N", "The things, up to 50.");
const REGION: Region = Region::Required { missing: NO_REGION, unknown: code::REGION_NOT_FOUND };

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::ecs(
        Effect::Changes,
        "TagResources",
        "Tags things: all of them or none. A tag whose key is there is replaced.",
        |call| Box::pin(tag(call)),
    )
    .region(REGION)
    .parameters(&[TYPE, IDS, TAG_KEY, TAG_VALUE])
    .codes(&[
        NO_REGION,
        NO_TYPE,
        NO_IDS,
        NO_TAGS,
        MANY_IDS,
        MANY_TAGS,
        BAD_TAG_KEY,
        BAD_TAG_VALUE,
        DUPLICATE_TAG_KEY,
        DUPLICATE_IN_ANY_CASE,
        TYPE_NOT_FOUND,
        NOT_FOUND,
        QUOTA,
    ])
    .resources(resources)
    .faults(faults),
    Op::ecs(Effect::Changes, "UntagResources", "Takes tags from things; one that is not there is fine.", |call| {
        Box::pin(untag(call))
    })
    .region(REGION)
    .parameters(&[
        TYPE,
        IDS,
        Parameter::text("TagKey.N", "The keys of the tags, up to 20."),
        Parameter::of("All", Kind::Truth, "All tags, when no `TagKey` is given."),
    ])
    .codes(&[NO_REGION, NO_TYPE, NO_IDS, NO_KEYS, MANY_IDS, MANY_KEYS, TYPE_NOT_FOUND, NOT_FOUND])
    .resources(resources)
    .faults(faults),
    Op::ecs(Effect::Reads, "ListTagResources", "Lists the tags of things.", |call| Box::pin(list(call)))
        .region(REGION)
        .parameters(&[
            TYPE,
            IDS,
            Parameter::text("Tag.N.Key", "Only things that have this tag; up to 20, all of which must be there."),
            Parameter::text("Tag.N.Value", "Its value; any when absent."),
            Parameter::text("NextToken", "Where the page before ended."),
        ])
        .codes(&[NO_REGION, NO_TYPE, MANY_IDS, MANY_TAGS, VALUE_WITHOUT_KEY, TYPE_NOT_FOUND, NEITHER, BAD_TOKEN])
        .faults(|error| match error {
            Error::Invalid { field: Field::Marker, .. } => Some(BAD_TOKEN.fault()),
            _ => None,
        }),
];

const NO_REGION: Code = Code::new(404, "MissingParameter.RegionId", "The parameter - RegionId should not be null.");
const NO_TYPE: Code =
    Code::new(404, "MissingParameter.ResourceType", "The parameter - ResourceType should not be null.");
const NO_IDS: Code =
    Code::new(404, "MissingParameter.ResourceIds", "The parameter - ResourceIds.N should not be null.");
const NO_TAGS: Code = Code::new(404, "MissingParameter.Tags", "The parameter - Tags.N should not be null.");
const NO_KEYS: Code = Code::new(404, "MissingParameter.TagKeys", "The parameter - TagKeys.N should not be null.");
const MANY_IDS: Code =
    Code::new(400, "NumberExceed.ResourceIds", "The ResourceIds parameter's number is exceed , Valid : 50.");
const MANY_TAGS: Code = Code::new(400, "NumberExceed.Tags", "The Tags parameter's number is exceed , Valid : 20.");
const MANY_KEYS: Code =
    Code::new(400, "NumberExceed.TagKeys", "The TagKeys parameter's number is exceed , Valid : 20.");
const DUPLICATE_IN_ANY_CASE: Code =
    Code::new(403, "TagKey.Duplication", "The specified tag key already exists in another case of letters.");
const NOT_FOUND: Code =
    Code::new(404, "InvalidResourceId.NotFound", "The specified ResourceIds are not found in our records.");
const QUOTA: Code =
    Code::new(400, "OperationDenied.QuotaExceed", "The quota of tags on resource is beyond permitted range.");
const VALUE_WITHOUT_KEY: Code =
    Code::new(400, "InvalidParameter.TagValue", "The parameter - Tag.N.Value needs its Tag.N.Key.");
const NEITHER: Code =
    Code::new(403, "BothEmpty.TagsAndResources", "The specified Tags and ResourcesIds are not allow to both empty.");
const BAD_TOKEN: Code = Code::new(400, "InvalidNextToken.Malformed", "The specified NextToken is not valid.");
/// Most things of one request.
const THINGS_MAX: usize = 50;

async fn tag(call: Call) -> Outcome {
    let things = things(&call.params)?;
    let tags = tags(&call.params)?;
    let change = TagChange::Add(tags, TAGS_MAX as u64);
    call.parts.service.change_tags(&call.caller, &call.region, things, change, call.ask).await?;
    Ok(json!({}))
}

async fn untag(call: Call) -> Outcome {
    let keys = call.params.list("TagKey");
    let all = call.params.flag("All")?;
    if keys.len() > TAGS_MAX {
        return Err(MANY_KEYS.fault().into());
    }
    let things = things(&call.params)?;
    let change = match (keys.is_empty(), all) {
        (false, _) => TagChange::RemoveKeys(keys.into_iter().map(str::to_owned).collect()),
        (true, true) => TagChange::RemoveAll,
        (true, false) => return Err(NO_KEYS.fault().into()),
    };
    call.parts.service.change_tags(&call.caller, &call.region, things, change, call.ask).await?;
    Ok(json!({}))
}

async fn list(call: Call) -> Outcome {
    let params = &call.params;
    let kind = kind(params)?;
    let ids = params.list("ResourceId");
    if ids.len() > THINGS_MAX {
        return Err(MANY_IDS.fault().into());
    }
    let tags = wanted(params)?;
    if ids.is_empty() && tags.is_empty() {
        return Err(NEITHER.fault().into());
    }
    let after = params.text("NextToken");
    if after.is_some_and(|id| kind.thing(id).is_none()) {
        return Err(BAD_TOKEN.fault().into());
    }
    let found = match kind.things(&ids, after) {
        None => Vec::new(),
        Some(ids) => {
            let limit = u32::try_from(THINGS_MAX).unwrap_or(u32::MAX);
            let wanted = ListTags { region: call.region.clone(), ids, tags, limit };
            call.parts.service.list_tags(&call.caller, wanted).await?
        }
    };
    let next = found.last().filter(|_| found.len() == THINGS_MAX).map(|(last, _)| wire(*last));
    let shown: Vec<Value> = found.iter().flat_map(|(thing, tags)| lines(kind, *thing, tags)).collect();
    Ok(json!({ "NextToken": next.unwrap_or_default(), "TagResources": { "TagResource": shown } }))
}

/// One line for each tag of a thing.
fn lines(kind: Type, thing: Tagged, tags: &BTreeSet<String>) -> impl Iterator<Item = Value> {
    let id = wire(thing);
    tags.iter().map(move |tag| {
        let (key, value) = split_tag(tag);
        json!({
            "ResourceId": id,
            "ResourceType": kind.word(),
            "TagKey": key,
            "TagValue": value.unwrap_or_default(),
        })
    })
}

fn kind(params: &Params) -> Result<Type, Fault> {
    Type::named(params.need("ResourceType")?).ok_or_else(|| TYPE_NOT_FOUND.fault())
}

/// The things that a change is about, each once.
fn things(params: &Params) -> Result<Vec<Tagged>, Fault> {
    let kind = kind(params)?;
    let ids = params.list("ResourceId");
    if ids.is_empty() {
        return Err(NO_IDS.fault());
    }
    if ids.len() > THINGS_MAX {
        return Err(MANY_IDS.fault());
    }
    let things = ids.into_iter().map(|id| kind.thing(id).ok_or_else(|| NOT_FOUND.fault()));
    Ok(things.collect::<Result<BTreeSet<_>, _>>()?.into_iter().collect())
}

fn tags(params: &Params) -> Result<BTreeSet<String>, Fault> {
    let pairs = params.tags();
    if pairs.is_empty() {
        return Err(NO_TAGS.fault());
    }
    let tags = validate::tags(&pairs).map_err(|problem| match problem {
        TagProblem::Key => BAD_TAG_KEY.fault(),
        TagProblem::Value => BAD_TAG_VALUE.fault(),
        TagProblem::Duplicate => DUPLICATE_TAG_KEY.fault(),
        TagProblem::TooMany => MANY_TAGS.fault(),
    })?;
    let keys: BTreeSet<String> = pairs.iter().filter_map(|pair| pair.key).map(str::to_lowercase).collect();
    if keys.len() < tags.len() { Err(DUPLICATE_IN_ANY_CASE.fault()) } else { Ok(tags) }
}

/// The tags that things are looked for by.
fn wanted(params: &Params) -> Result<Vec<(String, Option<String>)>, Problem> {
    let pairs = params.tags();
    if pairs.len() > TAGS_MAX {
        return Err(MANY_TAGS.fault().into());
    }
    let wanted = pairs.into_iter().map(|pair| match pair.key {
        Some(key) => Ok((key.to_owned(), pair.value.filter(|value| !value.is_empty()).map(str::to_owned))),
        None => Err(VALUE_WITHOUT_KEY.fault().into()),
    });
    wanted.collect()
}

/// Things that are tagged, one by one; any thing of the type when none is named.
pub(super) fn resources(call: &Call) -> Vec<String> {
    let kind = call.params.text("ResourceType").unwrap_or("*");
    let mut ids = call.params.list("ResourceId");
    ids.extend(call.params.text("ResourceId"));
    if ids.is_empty() {
        ids.push("*");
    }
    ids.into_iter().map(|id| format!("{kind}/{id}")).collect()
}

fn faults(error: &Error) -> Option<Fault> {
    match error {
        Error::NotFound(imprint_service::Resource::Region(_)) => None,
        Error::NotFound(_) => Some(NOT_FOUND.fault()),
        Error::OverQuota(..) => Some(QUOTA.fault()),
        _ => None,
    }
}
