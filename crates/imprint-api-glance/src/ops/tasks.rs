//! `/v2/tasks`: jobs as administrators have always seen them, and the old way to ask for an import.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use imprint_http::{Op, Request, Response};
use imprint_model::{Caller, Job, JobId};
use imprint_service::{CreateImage, ImportImage, ImportSource, JobFilter, JobSort, Presence};
use serde_json::{Map, Value, json};

use super::{Outcome, Row, asked};
use crate::error::Refusal;
use crate::metadefs::page::link;
use crate::parts::Parts;
use crate::{attributes, body, task};

pub(super) const OPS: &[Row] = &[
    Op::new("list_tasks", Method::GET, "/v2/tasks", asked!(list_tasks)),
    Op::new("create_task", Method::POST, "/v2/tasks", asked!(create_task)),
    Op::new("show_task", Method::GET, "/v2/tasks/{id}", asked!(show_task)),
];

/// Tasks on a page when nobody says how many, and at most.
const LIMITS: (u32, u32) = (25, 1000);

/// What clients may ask to sort by: the order that is kept, and what the command-line client sends, which always names a
/// key, by default the status. Jobs are kept and paged in the order of their making alone, so the other keys are taken
/// without effect; refusing them would leave that client without any list.
const SORT_KEYS: [&str; 4] = ["created_at", "id", "status", "type"];

/// Jobs that are looked through at once for those of one kind.
const BATCH: u32 = 1000;

fn require_admin(caller: &Caller) -> Result<(), Refusal> {
    if caller.is_admin() { Ok(()) } else { Err(Refusal::forbidden("You are not authorized to complete this action.")) }
}

async fn list_tasks(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    require_admin(&caller)?;
    let only = Some(task::JOB_KIND.to_owned());
    let mut filter = JobFilter { kind: only, sort: JobSort::NewestFirst, limit: LIMITS.0, ..JobFilter::default() };
    let mut kind = None;
    for (name, value) in &request.query {
        let bad = || Refusal::bad_request(format!("Invalid value for '{name}': {value}"));
        match name.as_str() {
            "limit" => filter.limit = value.parse::<u32>().map_err(|_| bad())?.min(LIMITS.1),
            "marker" => filter.after = Some(value.parse().map_err(|_| bad())?),
            "status" => filter.state = Some(task::state_named(value).ok_or_else(bad)?),
            "sort_dir" if value == "asc" => filter.sort = JobSort::OldestFirst,
            "sort_dir" if value == "desc" => filter.sort = JobSort::NewestFirst,
            "sort_key" if SORT_KEYS.contains(&value.as_str()) => {}
            "type" => kind = Some(task::KINDS.into_iter().find(|known| known == value).ok_or_else(bad)?),
            _ => return Err(bad()),
        }
    }
    let limit = filter.limit;
    let jobs = match kind {
        Some(kind) => of_kind(&parts, &caller, filter, kind).await?,
        None => parts.service.jobs(&caller, filter).await?,
    };
    let mut page = json!({
        "tasks": jobs.iter().map(task::listed).collect::<Vec<_>>(),
        "first": link("/v2/tasks", &request.query, None),
        "schema": "/v2/schemas/tasks",
    });
    if let Some(last) = jobs.last().filter(|_| jobs.len() == limit as usize) {
        page["next"] = json!(link("/v2/tasks", &request.query, Some(&last.id.to_string())));
    }
    Ok(Response::json(StatusCode::OK, &page))
}

/// As many jobs of a kind as `filter` allows. How a job was asked for is no column, so batches are looked through; there
/// are not many, for jobs are forgotten some time after their end.
async fn of_kind(parts: &Parts, caller: &Caller, mut filter: JobFilter, kind: &str) -> Result<Vec<Job>, Refusal> {
    let limit = filter.limit as usize;
    filter.limit = BATCH;
    let mut found = Vec::new();
    loop {
        let batch = parts.service.jobs(caller, filter.clone()).await?;
        filter.after = batch.last().map(|job| job.id);
        let ended = batch.len() < BATCH as usize;
        found.extend(batch.into_iter().filter(|job| task::kind(job) == kind).take(limit - found.len()));
        if ended || found.len() == limit {
            return Ok(found);
        }
    }
}

async fn show_task(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    require_admin(&caller)?;
    let id = request.param("id");
    let absent = || Refusal::not_found(format!("No task found with ID {id}"));
    let id: JobId = id.parse().map_err(|_| absent())?;
    let job = parts.service.job(&caller, id).await?;
    if job.kind != task::JOB_KIND {
        return Err(absent());
    }
    Ok(Response::json(StatusCode::OK, &task::shown(&job)))
}

/// An image and its import at once.
async fn create_task(parts: Arc<Parts>, caller: Caller, mut request: Request) -> Outcome {
    require_admin(&caller)?;
    let sent = body::read_object(&mut request).await?;
    if sent.get("type").and_then(Value::as_str) != Some("import") {
        return Err(Refusal::bad_request("Invalid task type: only 'import' is supported."));
    }
    let input = sent.get("input").and_then(Value::as_object);
    let input = input.ok_or_else(|| Refusal::bad_request("Input must be an object."))?;
    let url = text(input, "import_from")?;
    let format = text(input, "import_from_format")?;
    parts.service.check_source(url)?;
    let properties = input.get("image_properties").and_then(Value::as_object);
    let properties = properties.ok_or_else(|| Refusal::bad_request("'image_properties' must be an object."))?;
    let image = parts.service.create_image(&caller, image_of(properties, format)?).await?;
    let source = ImportSource::Url { url: url.to_owned() };
    let wanted = ImportImage { source, request: Value::Object(sent.clone()), credential: None };
    let job = parts.service.import_image(&caller, image.id, wanted).await?;
    let location = format!("{}/v2/tasks/{}", parts.base_url(&request), job.id);
    Ok(Response::json(StatusCode::CREATED, &task::shown(&job)).with_text_header(header::LOCATION, &location))
}

fn text<'a>(input: &'a Map<String, Value>, key: &str) -> Result<&'a str, Refusal> {
    let value = input.get(key).and_then(Value::as_str);
    value.ok_or_else(|| Refusal::bad_request(format!("Input does not contain '{key}' field")))
}

fn image_of(properties: &Map<String, Value>, format: &str) -> Result<CreateImage, Refusal> {
    let mut changes = attributes::changes("disk_format", json!(format), Presence::Any)?;
    for (name, value) in properties {
        attributes::check_writable(name)?;
        changes.extend(attributes::changes(name, value.clone(), Presence::Any)?);
    }
    Ok(CreateImage { id: None, owner: None, changes })
}
