//! A job as a task: the two shapes this API shows it in.

use std::time::Duration;

use imprint_model::{Job, JobState, Timestamp};
use serde_json::{Value, json};

/// For how long the end of a task says it is remembered.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// Kind of a task that was asked for as a task.
pub(crate) const ASKED_AS_TASK: &str = "import";
/// Kind of an import that was asked of an image.
const ASKED_OF_IMAGE: &str = "api_image_import";
/// Every kind that a client may know; no task is of the last.
pub(crate) const KINDS: [&str; 3] = [ASKED_AS_TASK, ASKED_OF_IMAGE, "location_import"];

/// The engine's kind of the jobs that are tasks here; the others are other dialects' to show.
pub(crate) const JOB_KIND: &str = "import";

/// The kind of a task: how it was asked for, which its request tells. Only that of an import has a method.
pub(crate) fn kind(job: &Job) -> &'static str {
    kind_of(&job.payload["request"])
}

fn kind_of(request: &Value) -> &'static str {
    let as_task = request["type"] == ASKED_AS_TASK && request["method"].is_null();
    if as_task { ASKED_AS_TASK } else { ASKED_OF_IMAGE }
}

/// The word for a state.
pub(crate) fn status(state: JobState) -> &'static str {
    match state {
        JobState::Pending => "pending",
        JobState::Running => "processing",
        JobState::Succeeded => "success",
        JobState::Failed | JobState::Cancelled => "failure",
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
        "type": kind(job),
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
        "type": kind(job),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_an_image_cannot_pass_for_a_task() {
        assert_eq!(kind_of(&json!({"type": "import", "input": {}})), "import");
        assert_eq!(kind_of(&json!({"method": {"name": "glance-direct"}})), "api_image_import");
        assert_eq!(kind_of(&json!({"type": "import", "method": {"name": "glance-direct"}})), "api_image_import");
        assert_eq!(kind_of(&Value::Null), "api_image_import");
    }
}
