//! `DescribeTasks`: imports, exports and copies to other installations, newest first.

use imprint_model::{ImageId, JobId};
use imprint_service::JobQuery;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::code;
use crate::ids::WireId;
use crate::image_codes as codes;
use crate::inventory::codes::IDS_MAX;
use crate::op::{Effect, Kind, Op, Outcome, PAGE_NUMBER, PAGE_SIZE, Parameter, Region};
use crate::params::{Paging, Params, invalid};
use crate::tasks::{self, TaskAction};

/// The rows of this file.
pub(crate) const OPS: &[Op] =
    &[Op::ecs(Effect::Reads, "DescribeTasks", "Lists imports, exports and copies to other installations, newest first.", |call| {
        Box::pin(describe(call))
    })
    .region(Region::Required { missing: code::MISSING_PARAMETER, unknown: codes::BAD_REGION })
    .parameters(&[
        Parameter::of("TaskIds", Kind::CommaList, "Only these, up to 100; what does not exist is left out."),
        Parameter::text("TaskAction", "`ImportImage`, `ExportImage`, or `CopyImage` for copies to other installations; there is nothing of any other."),
        Parameter::text("TaskStatus", "`Finished`, `Processing` or `Failed`; any other word has no effect."),
        Parameter::of("StartTime", Kind::Time, "Only those asked for then or later."),
        Parameter::of("EndTime", Kind::Time, "Only those asked for then or earlier."),
        Parameter::text("ResourceIds.N", "Only those about these images, up to 100."),
        PAGE_NUMBER,
        PAGE_SIZE,
    ])
    .codes(&[codes::BAD_REGION])];

async fn describe(call: Call) -> Outcome {
    let paging = call.params.paging(10, 100, code::INVALID_PARAMETER)?;
    let query = query(&call, paging)?;
    let found = call.parts.service.list_jobs(&call.caller, query).await?;
    let shown: Vec<Value> = found.jobs.iter().filter_map(|job| Some(tasks::view(job, TaskAction::of(job)?))).collect();
    Ok(json!({
        "RegionId": call.region,
        "PageNumber": paging.number,
        "PageSize": paging.size,
        "TotalCount": found.total,
        "TaskSet": { "Task": shown },
    }))
}

fn query(call: &Call, paging: Paging) -> Result<JobQuery, Problem> {
    let params = &call.params;
    let ids = params.comma_list("TaskIds", IDS_MAX, code::INVALID_PARAMETER)?;
    let images = params.list("ResourceIds");
    if images.len() > IDS_MAX {
        return Err(invalid("ResourceIds").into());
    }
    let images = Some(images).filter(|ids| !ids.is_empty());
    Ok(JobQuery {
        ids: ids.map(|ids| ids.into_iter().filter_map(JobId::read).collect()),
        kinds: Some(kinds(params)),
        states: params.text("TaskStatus").and_then(tasks::states_named).map(<[_]>::to_vec),
        images: images.map(|ids| ids.into_iter().filter_map(ImageId::read).collect()),
        since: params.time("StartTime")?,
        until: params.time("EndTime")?,
        ..JobQuery::of(call.account_id()?, paging.number, paging.size)
    })
}

/// The kinds of jobs that are asked for: those of one action, or of all.
fn kinds(params: &Params) -> Vec<String> {
    let wanted = params.text("TaskAction");
    let actions = TaskAction::ALL.into_iter().filter(|action| wanted.is_none_or(|word| word == action.word()));
    actions.flat_map(TaskAction::kinds).map(|&kind| kind.to_owned()).collect()
}
