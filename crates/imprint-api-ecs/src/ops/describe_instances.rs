//! `DescribeInstances` and `DescribeInstanceStatus`: the account's machines, a page at a time.

use std::collections::BTreeMap;

use imprint_model::{Image, ImageId, Instance, InstanceId, InstanceStatus};
use imprint_service::{Error, InstanceQuery, Items};
use serde_json::json;

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Fault, code};
use crate::ids::WireId;
use crate::inventory::codes::{IDS_MAX, TAG_COUNT, TAG_MISMATCH, ZONE_NOT_FOUND, check_zone, group, wanted_tags};
use crate::inventory::page::{self, MAX_RESULTS, NEXT_TOKEN, Nothing, Wanted};
use crate::inventory::{view, words};
use crate::op::{Effect, Kind, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter, TAG_KEY, TAG_VALUE};
use crate::params::invalid;

/// The rows of this file.
pub(crate) const OPS: &[Op] = &[
    Op::ecs(Effect::Reads, "DescribeInstances", "Lists machines, newest first.", |call| Box::pin(describe(call)))
        .parameters(&[
            Parameter::of("InstanceIds", Kind::JsonList, "Only these, up to 100; what does not exist is left out."),
            Parameter::text("ImageId", "Only those made from this image."),
            Parameter::text("Status", "`Pending`, `Starting`, `Running`, `Stopping` or `Stopped`."),
            Parameter::text("InstanceName", "The whole name; `*` stands for any text."),
            Parameter::text("InstanceType", "Only those of this size."),
            Parameter::text("ZoneId", "The zone; the region has one."),
            Parameter::text("ResourceGroupId", "Only those of this resource group."),
            TAG_KEY,
            TAG_VALUE,
            PAGE_NUMBER,
            PAGE_SIZE,
            MAX_RESULTS,
            NEXT_TOKEN,
        ])
        .codes(&[ZONE_NOT_FOUND, TAG_MISMATCH, TAG_COUNT])
        .resources(|_| vec!["instance/*".to_owned()]),
    Op::ecs(Effect::Reads, "DescribeInstanceStatus", "How far machines are.", |call| Box::pin(describe_status(call)))
        .parameters(&[
            Parameter::text("InstanceId.N", "Only these, up to 100; what does not exist is left out."),
            Parameter::text("ZoneId", "The zone; the region has one."),
            PAGE_NUMBER,
            Parameter::of("PageSize", Kind::Number, "Entries of a page, 1 to 50."),
        ])
        .codes(&[ZONE_NOT_FOUND])
        .resources(|_| vec!["instance/*".to_owned()]),
];

/// Most entries of a page of statuses.
const STATUS_SIZE_MAX: u32 = 50;

async fn describe(call: Call) -> Outcome {
    let wanted = Wanted::read(&call.params)?;
    let mut query = InstanceQuery::of(call.account_id()?, &call.region, wanted.page());
    if narrow(&call, &mut query)? == Err(Nothing) {
        query.ids = Some(Vec::new());
    }
    let found = call.parts.service.list_instances(&call.caller, query).await?;
    let images = images(&call, &found).await?;
    let show = |instance: &Instance| view::instance(instance, images.get(&instance.image).and_then(Option::as_ref));
    Ok(wanted.answer(&found, ("Instances", "Instance"), |instance| instance.id, show))
}

/// Adds what must hold; the inner error when nothing can.
fn narrow(call: &Call, query: &mut InstanceQuery) -> Result<Result<(), Nothing>, Problem> {
    let params = &call.params;
    check_zone(call, "ZoneId")?;
    query.ids = page::ids(params, "InstanceIds")?;
    query.statuses = status(params.text("Status"))?.map(|status| vec![status]);
    query.class = params.text("InstanceType").map(str::to_owned);
    query.resource_groups = group(params).map(|id| vec![Some(id)]);
    query.tags = wanted_tags(params)?;
    let mut look_for = || {
        query.image = page::about(params, "ImageId")?;
        query.name = page::name(params, "InstanceName")?;
        Ok(())
    };
    Ok(look_for())
}

fn status(word: Option<&str>) -> Result<Option<InstanceStatus>, Fault> {
    word.map(|word| words::instance_status_named(word).ok_or_else(|| invalid("Status"))).transpose()
}

/// The images the machines of a page were made from, each asked for once; none for one that is gone.
async fn images(call: &Call, found: &Items<Instance>) -> Result<BTreeMap<ImageId, Option<Image>>, Problem> {
    let mut images = BTreeMap::new();
    for instance in &found.items {
        if images.contains_key(&instance.image) {
            continue;
        }
        let image = match call.parts.service.show_image(&call.caller, instance.image).await {
            Ok(image) => Some(image),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        images.insert(instance.image, image);
    }
    Ok(images)
}

async fn describe_status(call: Call) -> Outcome {
    let params = &call.params;
    check_zone(&call, "ZoneId")?;
    let paging = params.paging(10, STATUS_SIZE_MAX, code::INVALID_PARAMETER)?;
    let wanted = Wanted::<InstanceId>::Numbered(paging);
    let given = params.list("InstanceId");
    if given.len() > IDS_MAX {
        return Err(invalid("InstanceId").into());
    }
    let mut query = InstanceQuery::of(call.account_id()?, &call.region, wanted.page());
    query.ids = Some(given.iter().filter_map(|text| InstanceId::read(text)).collect()).filter(|_| !given.is_empty());
    let found = call.parts.service.list_instances(&call.caller, query).await?;
    let show = |instance: &Instance| json!({ "InstanceId": instance.id.wire(), "Status": words::instance_status(instance.status) });
    Ok(wanted.answer(&found, ("InstanceStatuses", "InstanceStatus"), |instance| instance.id, show))
}
