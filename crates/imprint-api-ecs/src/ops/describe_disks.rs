//! `DescribeDisks`: the account's disks, a page at a time.

use imprint_model::{Disk, DiskCategory, DiskKind, DiskStatus};
use imprint_service::DiskQuery;

use crate::call::Call;
use crate::error::Problem;
use crate::fault::Fault;
use crate::inventory::codes::{
    BAD_CATEGORY, BAD_DISK_TYPE, BAD_STATUS, TAG_COUNT, TAG_MISMATCH, ZONE_NOT_FOUND, check_zone, group, wanted_tags,
};
use crate::inventory::page::{self, MAX_RESULTS, NEXT_TOKEN, Nothing, Wanted};
use crate::inventory::{view, words as inventory_words};
use crate::op::{Effect, Kind, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter, TAG_KEY, TAG_VALUE};
use crate::words;

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeDisks", "Lists disks, newest first.", |call| Box::pin(describe(call)))
        .parameters(&[
            Parameter::of("DiskIds", Kind::JsonList, "Only these, up to 100; what does not exist is left out."),
            Parameter::text("InstanceId", "Only those attached to this machine."),
            Parameter::text("DiskType", "`system`, `data` or `all` (default)."),
            Parameter::text(
                "Status",
                "`In_use`, `Available`, `Attaching`, `Detaching`, `Creating`, `ReIniting` or `All`.",
            ),
            Parameter::text("Category", "As `DiskCategory` of CreateDisk, or `all` (default)."),
            Parameter::text("DiskName", "The whole name; `*` stands for any text."),
            Parameter::text("SnapshotId", "Only those made from this snapshot."),
            Parameter::text("ZoneId", "The zone; the region has one."),
            Parameter::text("ResourceGroupId", "Only those of this resource group."),
            TAG_KEY,
            TAG_VALUE,
            PAGE_NUMBER,
            PAGE_SIZE,
            MAX_RESULTS,
            NEXT_TOKEN,
        ])
        .codes(&[BAD_DISK_TYPE, BAD_STATUS, BAD_CATEGORY, ZONE_NOT_FOUND, TAG_MISMATCH, TAG_COUNT])
        .resources(|_| vec!["disk/*".to_owned()])];

async fn describe(call: Call) -> Outcome {
    let wanted = Wanted::read(&call.params)?;
    let mut query = DiskQuery::of(call.account_id()?, &call.region, wanted.page());
    if narrow(&call, &mut query)? == Err(Nothing) {
        query.ids = Some(Vec::new());
    }
    let found = call.parts.service.list_disks(&call.caller, query).await?;
    Ok(wanted.answer(&found, ("Disks", "Disk"), |disk: &Disk| disk.id, view::disk))
}

/// Adds what must hold; the inner error when nothing can.
fn narrow(call: &Call, query: &mut DiskQuery) -> Result<Result<(), Nothing>, Problem> {
    let params = &call.params;
    check_zone(call, "ZoneId")?;
    query.ids = page::ids(params, "DiskIds")?;
    query.kind = kind(params.text("DiskType"))?;
    query.statuses = status(params.text("Status"))?.map(|status| vec![status]);
    query.categories = category(params.text("Category"))?.map(|category| vec![category]);
    query.resource_groups = group(params).map(|id| vec![Some(id)]);
    query.tags = wanted_tags(params)?;
    let mut look_for = || {
        query.instance = page::about(params, "InstanceId")?;
        query.snapshot = page::about(params, "SnapshotId")?;
        query.name = page::name(params, "DiskName")?;
        Ok(())
    };
    Ok(look_for())
}

fn kind(word: Option<&str>) -> Result<Option<DiskKind>, Fault> {
    match word {
        None | Some("all") => Ok(None),
        Some(word) => words::disk_kind_named(word).map(Some).ok_or_else(|| BAD_DISK_TYPE.fault()),
    }
}

fn status(word: Option<&str>) -> Result<Option<DiskStatus>, Fault> {
    match word {
        None => Ok(None),
        Some(word) if word.eq_ignore_ascii_case("all") => Ok(None),
        Some(word) => inventory_words::disk_status_named(word).map(Some).ok_or_else(|| BAD_STATUS.fault()),
    }
}

fn category(word: Option<&str>) -> Result<Option<DiskCategory>, Fault> {
    match word {
        None | Some("all") => Ok(None),
        Some(word) => words::disk_category_named(word).map(Some).ok_or_else(|| BAD_CATEGORY.fault()),
    }
}
