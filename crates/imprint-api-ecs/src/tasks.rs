//! Tasks: the jobs that this API shows, imports, exports and copies to other installations, in its words. Never here: how they are carried out.

use imprint_model::{Job, JobState};
use serde_json::{Value, json};

use crate::ids::WireId;

/// What a task does, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskAction {
    Import,
    Export,
    /// Of an image to another installation: its task is all there is of it here.
    Copy,
}

impl TaskAction {
    /// All.
    pub(crate) const ALL: [Self; 3] = [Self::Import, Self::Export, Self::Copy];

    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Import => "ImportImage",
            Self::Export => "ExportImage",
            Self::Copy => "CopyImage",
        }
    }

    /// The kinds of jobs that are shown so. An import that another dialect began is one, too.
    pub(crate) fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Import => &["import_objects", "import"],
            Self::Export => &["export_image"],
            Self::Copy => &["copy_elsewhere"],
        }
    }

    /// What a job does, if it is shown at all.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.kinds().contains(&job.kind.as_str()))
    }
}

/// The kinds of jobs that can be stopped.
const STOPPABLE: [&str; 3] = ["import_objects", "export_image", "copy_elsewhere"];

/// Whether jobs of this kind can be stopped at all.
pub(crate) fn kind_is_stoppable(job: &Job) -> bool {
    STOPPABLE.contains(&job.kind.as_str())
}

/// The word for how far a task is.
pub(crate) fn status(state: JobState) -> &'static str {
    match state {
        JobState::Pending => "Waiting",
        JobState::Running => "Processing",
        JobState::Succeeded => "Finished",
        JobState::Failed => "Failed",
        JobState::Cancelled => "Cancelled",
    }
}

/// The states a word stands for; what waits counts as being processed. None for a word that is no filter.
pub(crate) fn states_named(word: &str) -> Option<&'static [JobState]> {
    match word {
        "Finished" => Some(&[JobState::Succeeded]),
        "Processing" => Some(&[JobState::Pending, JobState::Running]),
        "Failed" => Some(&[JobState::Failed]),
        _ => None,
    }
}

/// A task as a list shows it.
pub(crate) fn view(job: &Job, action: TaskAction) -> Value {
    json!({
        "TaskId": job.id.wire(),
        "TaskAction": action.word(),
        "TaskStatus": status(job.state),
        "SupportCancel": support_cancel(job),
        "CreationTime": job.created_at.to_rfc3339_seconds(),
        "FinishedTime": job.ended_at.map(|at| at.to_rfc3339_seconds()).unwrap_or_default(),
        "ResourceId": job.image.map(WireId::wire).unwrap_or_default(),
    })
}

/// A task by itself.
pub(crate) fn details(job: &Job, action: TaskAction, region: &str) -> Value {
    let (succeeded, failed) = (job.state == JobState::Succeeded, job.state == JobState::Failed);
    let item = |name: &str, value: String| json!({ "Name": name, "Value": value });
    let related: Vec<Value> = job.image.map(|image| item("ImageId", image.wire())).into_iter().collect();
    let (error_code, error_message) =
        if failed { (format!("{}Failed", action.word()), job.message.as_str()) } else { (String::new(), "") };
    json!({
        "RegionId": region,
        "TaskId": job.id.wire(),
        "TaskAction": action.word(),
        "TaskStatus": status(job.state),
        "TaskProcess": format!("{}%", percent(job)),
        "SupportCancel": support_cancel(job),
        "CreationTime": job.created_at.to_rfc3339_seconds(),
        "FinishedTime": job.ended_at.map(|at| at.to_rfc3339_seconds()).unwrap_or_default(),
        "TotalCount": 1,
        "SuccessCount": u32::from(succeeded),
        "FailedCount": u32::from(failed),
        "OperationProgressSet": { "OperationProgress": [{
            "OperationStatus": if succeeded { "Success" } else { status(job.state) },
            "ErrorCode": error_code,
            "ErrorMsg": error_message,
            "RelatedItemSet": { "RelatedItem": related },
        }] },
    })
}

/// A truth that is a text here.
fn support_cancel(job: &Job) -> &'static str {
    if kind_is_stoppable(job) && !job.state.has_ended() { "true" } else { "false" }
}

/// How much is done. Only what has ended well is done altogether.
fn percent(job: &Job) -> u64 {
    if job.state == JobState::Succeeded {
        return 100;
    }
    let total = job.total_bytes.unwrap_or(0);
    if total == 0 { 0 } else { (u128::from(job.done_bytes) * 100 / u128::from(total)).min(99) as u64 }
}

#[cfg(test)]
mod tests {
    use imprint_model::{JobId, ProjectId, Timestamp};

    use super::*;

    fn job(kind: &str, state: JobState, done_bytes: u64, total_bytes: Option<u64>) -> Job {
        Job {
            id: JobId::random(),
            kind: kind.to_owned(),
            owner: ProjectId("p".to_owned()),
            user: String::new(),
            image: None,
            request_id: String::new(),
            payload: Value::Null,
            result: None,
            message: "why".to_owned(),
            state,
            done_bytes,
            total_bytes,
            attempts: 0,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            ended_at: None,
        }
    }

    #[test]
    fn progress_reaches_the_end_only_with_success() {
        let shown = |state, done, total| details(&job("import_objects", state, done, total), TaskAction::Import, "r");
        assert_eq!(shown(JobState::Running, 5, Some(10))["TaskProcess"], "50%");
        assert_eq!(shown(JobState::Running, 10, Some(10))["TaskProcess"], "99%");
        assert_eq!(shown(JobState::Running, u64::MAX, Some(1))["TaskProcess"], "99%");
        assert_eq!(shown(JobState::Pending, 0, Some(0))["TaskProcess"], "0%");
        assert_eq!(shown(JobState::Succeeded, 0, None)["TaskProcess"], "100%");
    }

    #[test]
    fn only_what_has_not_ended_can_be_stopped_and_not_every_kind() {
        let shown = |kind, state| view(&job(kind, state, 0, None), TaskAction::Import)["SupportCancel"].clone();
        assert_eq!(shown("import_objects", JobState::Running), "true");
        assert_eq!(shown("import_objects", JobState::Failed), "false");
        assert_eq!(shown("import", JobState::Running), "false");
        assert_eq!(TaskAction::of(&job("copy_image", JobState::Running, 0, None)), None);
    }

    #[test]
    fn a_failure_says_why() {
        let shown = details(&job("export_image", JobState::Failed, 0, None), TaskAction::Export, "r");
        let step = &shown["OperationProgressSet"]["OperationProgress"][0];
        assert_eq!((&step["ErrorCode"], &step["ErrorMsg"]), (&json!("ExportImageFailed"), &json!("why")));
        assert_eq!((&shown["FailedCount"], &shown["SuccessCount"]), (&json!(1), &json!(0)));
    }
}
