//! `GET /v2/images/{id}/tasks`: the jobs that worked or work on an image.

use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_model::Caller;
use serde_json::json;

use super::{Outcome, Row, asked, image_id};
use crate::parts::Parts;
use crate::task;

pub(super) const OPS: &[Row] =
    &[Op::new("list_image_tasks", Method::GET, "/v2/images/{id}/tasks", asked!(list_image_tasks))];

async fn list_image_tasks(parts: Arc<Parts>, caller: Caller, request: Request) -> Outcome {
    let jobs = parts.service.image_jobs(&caller, image_id(&request)?).await?;
    let tasks: Vec<_> = jobs.iter().filter(|job| job.kind == task::JOB_KIND).map(task::of_image).collect();
    Ok(Response::json(StatusCode::OK, &json!({ "tasks": tasks })))
}
