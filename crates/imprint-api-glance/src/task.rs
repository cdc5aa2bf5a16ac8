//! A job as a task: the two shapes this API shows it in.

use std::time::Duration;

use imprint_model::{Job, JobState, Timestamp};
use serde_json::{Value, json};

/// For how long the end of a task says it is remembered.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// What kind of work every job of this API is.
pub(crate) const KIND: &str = "api_image_import";

/// The word for a state.
pub(crate) fn status(state: JobState) -> &'static str {
    match state {
        JobState::Pending => "pending",
        JobState::Running => "processing",
        JobState::Succeeded => "success",
        JobState::Failed => "failure",
    }
}

/// The state a word stands for.
pub(crate) fn state_named(word: &str) -> Option<JobState> {
    JobState::ALL.iter().copied().find(|&state| status(state) == word)
}

/// As the list of one image's tasks shows it.
pub(crate) fn of_image(job: &Job) -> Value {
    let time = |at: Option<Timestamp>| at.map(Timestamp::to_iso_micros);
    json!({
        "id": job.id,
        "type": KIND,
        "status": status(job.state),
        "owner": job.owner,
        "expires_at": time(job.ended_at.map(|at| at.after(KEPT))),
        "created_at": time(Some(job.created_at)),
        "updated_at": time(Some(job.updated_at)),
        "deleted_at": null,
        "deleted": false,
        "image_id": job.image,
        "request_id": job.request_id,
        "user_id": job.user,
        "input": input(job),
        "result": job.result,
        "message": job.message,
    })
}

/// As the tasks API lists it.
pub(crate) fn listed(job: &Job) -> Value {
    let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339_seconds);
    let mut shown = json!({
        "id": job.id,
        "type": KIND,
        "status": status(job.state),
        "owner": job.owner,
        "image_id": job.image,
        "request_id": job.request_id,
        "user_id": job.user,
        "created_at": time(Some(job.created_at)),
        "updated_at": time(Some(job.updated_at)),
        "self": format!("/v2/tasks/{}", job.id),
        "schema": "/v2/schemas/task",
    });
    if let Some(ended_at) = job.ended_at {
        shown["expires_at"] = json!(ended_at.after(KEPT).to_rfc3339_seconds());
    }
    shown
}

/// As the tasks API shows one.
pub(crate) fn shown(job: &Job) -> Value {
    let mut task = listed(job);
    task["input"] = input(job);
    task["result"] = job.result.clone().unwrap_or(Value::Null);
    task["message"] = json!(job.message);
    task
}

fn input(job: &Job) -> Value {
    let request = job.payload.get("request").cloned().unwrap_or(Value::Null);
    json!({ "image_id": job.image, "import_req": request, "backend": [crate::words::STORE] })
}
