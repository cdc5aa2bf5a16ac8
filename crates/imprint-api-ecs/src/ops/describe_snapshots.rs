//! `DescribeSnapshots`: the account's snapshots, a page at a time.

use imprint_model::{Snapshot, SnapshotStatus};
use imprint_service::{SnapshotQuery, Uses};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault};
use crate::image_query as query;
use crate::inventory::codes::{BAD_STATUS, TAG_COUNT, TAG_MISMATCH, group, wanted_tags};
use crate::inventory::page::{self, MAX_RESULTS, NEXT_TOKEN, Nothing, Wanted};
use crate::inventory::view;
use crate::op::{Effect, Kind, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter, TAG_KEY, TAG_VALUE};
use crate::words;

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeSnapshots", "Lists snapshots, newest first.", |call| Box::pin(describe(call)))
        .parameters(&[
            Parameter::of("SnapshotIds", Kind::JsonList, "Only these, up to 100; what does not exist is left out."),
            Parameter::text("DiskId", "Only those of this disk."),
            Parameter::text("InstanceId", "Only those of disks attached to this machine."),
            Parameter::text("SnapshotName", "The whole name; `*` stands for any text."),
            Parameter::text("Status", "`progressing`, `accomplished`, `failed` or `all` (default)."),
            Parameter::text("SnapshotType", "`user`, `auto` (there are none) or `all` (default)."),
            Parameter::text("SourceDiskType", "`system` or `data`, in any case of letters."),
            Parameter::text("Usage", "What needs them: `image`, `disk`, `image_disk` (both) or `none`."),
            Parameter::of("Encrypted", Kind::Truth, "Whether they are encrypted; none are."),
            Parameter::text("ResourceGroupId", "Only those of this resource group."),
            TAG_KEY,
            TAG_VALUE,
            PAGE_NUMBER,
            PAGE_SIZE,
            MAX_RESULTS,
            NEXT_TOKEN,
        ])
        .codes(&[BAD_STATUS, query::BAD_USAGE, BAD_DISK_TYPE, BAD_TYPE, TAG_MISMATCH, TAG_COUNT])
        .resources(|_| vec!["snapshot/*".to_owned()])];

const BAD_DISK_TYPE: Code = Code::new(404, "InvalidSourceDiskType", "The specified SourceDiskType is not valid.");
const BAD_TYPE: Code = Code::new(404, "InvalidSnapshotType.NotFound", "The specified SnapshotType is not found.");

async fn describe(call: Call) -> Outcome {
    let wanted = Wanted::read(&call.params)?;
    let mut query = SnapshotQuery::of(call.account_id()?, &call.region, wanted.page());
    if narrow(&call, &mut query)? == Err(Nothing) {
        query.ids = Some(Vec::new());
    }
    let found = call.parts.service.list_snapshots(&call.caller, query).await?;
    let show = |(snapshot, uses): &(Snapshot, Uses)| view::snapshot(snapshot, uses.by_image, uses.by_disk);
    Ok(wanted.answer(&found, ("Snapshots", "Snapshot"), |(snapshot, _)| snapshot.id, show))
}

/// Adds what must hold; the inner error when nothing can.
fn narrow(call: &Call, query: &mut SnapshotQuery) -> Result<Result<(), Nothing>, Problem> {
    let params = &call.params;
    query.ids = page::ids(params, "SnapshotIds")?;
    query.statuses = status(params.text("Status"))?.map(|status| vec![status]);
    (query.used_by_image, query.used_by_disk) = usage(params.text("Usage"))?;
    query.resource_groups = group(params).map(|id| vec![Some(id)]);
    query.tags = wanted_tags(params)?;
    if let Some(word) = params.text("SourceDiskType") {
        let kind = words::disk_kind_named(&word.to_ascii_lowercase());
        query.kind = Some(kind.ok_or_else(|| BAD_DISK_TYPE.fault())?);
    }
    let automatic = match params.text("SnapshotType") {
        None | Some("all" | "user") => false,
        Some("auto") => true,
        Some(_) => return Err(BAD_TYPE.fault().into()),
    };
    let encrypted = params.flag("Encrypted")?;
    let mut look_for = || {
        query.disk = page::about(params, "DiskId")?;
        query.instance = page::about(params, "InstanceId")?;
        query.name = page::name(params, "SnapshotName")?;
        if automatic || encrypted { Err(Nothing) } else { Ok(()) }
    };
    Ok(look_for())
}

fn status(word: Option<&str>) -> Result<Option<SnapshotStatus>, Fault> {
    match word {
        None | Some("all") => Ok(None),
        Some(word) => word.parse().map(Some).map_err(|_| BAD_STATUS.fault()),
    }
}

/// Whether images, and whether disks, need them.
fn usage(word: Option<&str>) -> Result<(Option<bool>, Option<bool>), Fault> {
    match word {
        None => Ok((None, None)),
        Some("image") => Ok((Some(true), Some(false))),
        Some("disk") => Ok((Some(false), Some(true))),
        Some("image_disk") => Ok((Some(true), Some(true))),
        Some("none") => Ok((Some(false), Some(false))),
        Some(_) => Err(query::BAD_USAGE.fault()),
    }
}
