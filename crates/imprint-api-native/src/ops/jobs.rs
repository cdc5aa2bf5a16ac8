//! Jobs: an administrator sees all of them, everybody else the account's own.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_model::{Caller, JobState};
use imprint_service::{JobFilter, JobSort};

use super::{Act, Outcome, Row, number, ok};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::{view, wire};

/// Jobs of one page at most, and when nothing is said.
const PAGE_MAX: u32 = 1_000;
const PAGE_DEFAULT: u32 = 100;

pub(super) const OPS: &[Row] = &[
    Op::new(
        "list_jobs",
        Method::GET,
        "/imprint/v1/jobs",
        Act::Asked(|parts, caller, request| Box::pin(list(parts, caller, request))),
    ),
    Op::new(
        "show_job",
        Method::GET,
        "/imprint/v1/jobs/{id}",
        Act::Asked(|parts, caller, request| Box::pin(show(parts, caller, request))),
    ),
];

async fn list(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let state = match request.query_first("state") {
        Some(word) => {
            Some(word.parse::<JobState>().map_err(|_| Refusal::invalid(format!("there is no state {word:?}")))?)
        }
        None => None,
    };
    let filter = JobFilter {
        state,
        image: id_in(&request, "image")?,
        after: id_in(&request, "after")?,
        sort: JobSort::NewestFirst,
        limit: number(&request, "limit", PAGE_DEFAULT)?.min(PAGE_MAX),
        ..JobFilter::default()
    };
    let jobs = parts.service.jobs(&caller, filter).await?;
    ok(&wire::Items { items: jobs.into_iter().map(view::job).collect::<Vec<_>>() })
}

async fn show(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let text = request.param("id");
    let id = text.parse().map_err(|_| Refusal::not_found(format!("there is no job {text}")))?;
    ok(&view::job(parts.service.job(&caller, id).await?))
}

fn id_in<T: std::str::FromStr>(request: &Request, name: &str) -> Result<Option<T>, Refusal> {
    let Some(text) = request.query_first(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::invalid(format!("{name}: {text:?} is not an id")))
}
