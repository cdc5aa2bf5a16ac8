//! What a dialect puts on a job to know it again, and why a job failed in words that dialects translate. Both are in
//! the job's row, so that any dialect can show a job whoever asked for it.

use imprint_catalogue::{Tx, jobs};
use imprint_model::{Caller, Job, JobId, JobState, role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asker, Work, job_row};
use crate::Service;
use crate::error::{Error, Field, Quota, Resource};

/// Member of a job's payload with the dialect's own text.
const LABEL: &str = "label";
/// Member of a job's payload that names the jobs begun with it.
const WITH: &str = "with";
/// Member of a failed job's result that says why.
const CAUSE: &str = "cause";

/// How a dialect will know a job again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobMark {
    /// The id it will have.
    pub id: JobId,
    /// A text of the dialect's own, kept as it is; none when empty.
    pub label: String,
    /// Jobs that were begun together with it.
    pub with: Vec<JobId>,
}

imprint_model::words! {
    /// Why a job failed.
    Cause {
        /// The bytes are not what they were declared to be, or could harm whoever uses them.
        Data = "data",
        /// The disk would be too small for the bytes.
        Size = "size",
        /// There are more bytes than an image may have.
        TooLarge = "too_large",
        /// What was to be read is not there.
        Source = "source",
        /// The place to read from or to write to is not there.
        Place = "place",
        /// What it was for was deleted meanwhile.
        Gone = "gone",
        /// A limit was reached.
        Limit = "limit",
        /// It cannot be done as things are.
        Refused = "refused",
        /// Something did not answer, several times.
        Unavailable = "unavailable",
        /// A fault of Imprint's own.
        Internal = "internal",
    }
}

impl JobMark {
    /// A mark with a random id.
    pub fn new(label: impl Into<String>) -> Self {
        Self { id: JobId::random(), label: label.into(), with: Vec::new() }
    }

    /// Of a job that nobody has to know again.
    pub(crate) fn plain(id: JobId) -> Self {
        Self { id, label: String::new(), with: Vec::new() }
    }

    /// Writes the mark into a job's payload.
    pub(super) fn put_on(&self, payload: &mut Value) {
        if !self.label.is_empty() {
            payload[LABEL] = json!(self.label);
        }
        if !self.with.is_empty() {
            payload[WITH] = json!(self.with);
        }
    }
}

/// The text that the dialect that asked for a job put on it.
pub fn job_label(job: &Job) -> Option<&str> {
    job.payload.get(LABEL)?.as_str()
}

/// The jobs that were begun together with a job.
pub fn jobs_with(job: &Job) -> Vec<JobId> {
    let with = job.payload.get(WITH).cloned();
    with.and_then(|with| serde_json::from_value(with).ok()).unwrap_or_default()
}

/// Why a job failed; none for one that did not.
pub fn job_cause(job: &Job) -> Option<Cause> {
    let cause = job.result.as_ref().and_then(|result| result.get(CAUSE)?.as_str()?.parse().ok());
    (job.state == JobState::Failed).then(|| cause.unwrap_or(Cause::Internal))
}

/// The result of a job that failed.
pub(super) fn failed_result(error: &Error) -> Value {
    json!({ CAUSE: cause(error) })
}

fn cause(error: &Error) -> Cause {
    match error {
        Error::FormatMismatch { .. } | Error::Unsafe(_) | Error::Incomplete(_) => Cause::Data,
        Error::Invalid { field: Field::Data, .. } => Cause::Data,
        Error::Invalid { field: Field::DiskSize, .. } => Cause::Size,
        Error::OverQuota(Quota::ImageBytes, _) => Cause::TooLarge,
        Error::NotFound(Resource::Bucket(_)) => Cause::Place,
        Error::NotFound(_) => Cause::Source,
        Error::Gone => Cause::Gone,
        Error::OverQuota(..) => Cause::Limit,
        Error::StoreFull | Error::Unavailable(_) => Cause::Unavailable,
        Error::Internal(_) => Cause::Internal,
        Error::Missing(_)
        | Error::Invalid { .. }
        | Error::Duplicate(_)
        | Error::PropertyAbsent(_)
        | Error::PropertyPresent(_)
        | Error::WrongStatus(_)
        | Error::Protected
        | Error::Conflict(_)
        | Error::TokenReused
        | Error::DryRun
        | Error::InUse(_)
        | Error::Denied(_)
        | Error::Unsupported(_) => Cause::Refused,
    }
}

impl Service {
    /// Writes the row of a job that has ended already: of something that was done when it was asked for, where a
    /// dialect speaks of it as of a job. The outcome is its result, or why it failed.
    ///
    /// # Errors
    /// [`Error::Denied`] without an account, or to whoever may only look.
    pub async fn note_job(
        &self,
        caller: &Caller,
        mark: JobMark,
        outcome: Result<Value, String>,
    ) -> Result<JobId, Error> {
        let (caller, now) = (caller.clone(), self.clock.now());
        self.catalogue.write(move |tx| note_ended(tx, &caller, &mark, &outcome, now)).await
    }
}

/// [`Service::note_job`] within a transaction.
pub(crate) fn note_ended(
    tx: &mut Tx<'_>,
    caller: &Caller,
    mark: &JobMark,
    outcome: &Result<Value, String>,
    now: imprint_model::Timestamp,
) -> Result<JobId, Error> {
    let owner = caller.project.as_ref().filter(|_| caller.has_role(role::MEMBER));
    let owner = owner.ok_or_else(|| Error::Denied("noting a job".to_owned()))?;
    let mut job = job_row(mark, &Asker::of(caller), owner, None, &Work::Noted, now)?;
    job.ended_at = Some(now);
    (job.state, job.result, job.message) = match outcome {
        Ok(result) => (JobState::Succeeded, Some(result.clone()), String::new()),
        Err(why) => (JobState::Failed, Some(json!({ CAUSE: Cause::Refused })), why.clone()),
    };
    jobs::insert(tx, &job)?;
    Ok(job.id)
}
