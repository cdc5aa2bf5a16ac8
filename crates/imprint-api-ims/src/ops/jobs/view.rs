//! Jobs as they are shown.

use imprint_model::{Job, JobState, Timestamp};
use imprint_service::{Cause, Work, job_cause, job_label};
use serde_json::{Map, Value, json};

use super::{label, merged, wire_id};
use crate::fault::{Code, img};

/// A job, and the name of its image.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) job: Job,
    pub(super) name: String,
}

/// A job by itself, with those that were begun with it.
pub(super) fn job(one: &Shown, parts: &[Shown]) -> Value {
    let mut shown = envelope(one, parts);
    shown["entities"] = entities(one, parts);
    shown
}

/// A job with the share that is done.
pub(super) fn progress(one: &Shown, parts: &[Shown]) -> Value {
    let mut shown = envelope(one, parts);
    let current = parts.iter().find(|part| !part.job.state.has_ended()).unwrap_or(one);
    let more = json!({
        "process_percent": percent(&all(one, parts)),
        "current_task": kind(&current.job),
        "subJobId": wire_id(current.job.id),
    });
    shown["entities"] = merged(entities(one, parts), more);
    shown
}

/// The jobs that a job speaks for: itself, if it does anything, and those begun with it.
fn all<'a>(one: &'a Shown, parts: &'a [Shown]) -> Vec<&'a Job> {
    let stands_for_others = one.job.kind == Work::NOTED && !parts.is_empty();
    let own = (!stands_for_others).then_some(one);
    own.into_iter().chain(parts).map(|shown| &shown.job).collect()
}

fn envelope(one: &Shown, parts: &[Shown]) -> Value {
    let all = all(one, parts);
    let status = status(&all);
    let ended = all.iter().filter_map(|job| job.ended_at).max().filter(|_| ["SUCCESS", "FAIL"].contains(&status));
    let failed = all.iter().find(|job| status == "FAIL" && has_failed(job));
    let (code, reason) = failed.map_or((Value::Null, Value::Null), |job| why(job));
    json!({
        "status": status,
        "job_id": wire_id(one.job.id),
        "job_type": kind(&one.job),
        "begin_time": time(one.job.created_at),
        "end_time": ended.map(time).unwrap_or_default(),
        "error_code": code,
        "fail_reason": reason,
    })
}

/// What this API calls a job. Another dialect's are called after what they do.
fn kind(job: &Job) -> &str {
    job_label(job).unwrap_or(match job.kind.as_str() {
        Work::IMPORT_OBJECTS => label::OF_FILE,
        Work::EXPORT_IMAGE => label::EXPORT,
        Work::COPY_IMAGE => label::COPY,
        Work::MAKE_IMAGE => label::OF_SERVER,
        _ => label::REGISTER,
    })
}

fn has_failed(job: &Job) -> bool {
    matches!(job.state, JobState::Failed | JobState::Cancelled)
}

/// The word for how far all of these are: ended when all of them have, and well when all of them have ended well.
fn status(all: &[&Job]) -> &'static str {
    if all.iter().all(|job| job.state == JobState::Pending) {
        "INIT"
    } else if all.iter().any(|job| !job.state.has_ended()) {
        "RUNNING"
    } else if all.iter().any(|job| has_failed(job)) {
        "FAIL"
    } else {
        "SUCCESS"
    }
}

/// Code and text of a failure.
fn why(job: &Job) -> (Value, Value) {
    let code = code_of(job_cause(job).unwrap_or(Cause::Refused));
    let reason = match (job.state, job.message.as_str()) {
        (JobState::Cancelled, _) => "The job was cancelled.",
        (_, "") => code.message,
        (_, message) => message,
    };
    (json!(code.code), json!(reason))
}

fn code_of(cause: Cause) -> Code {
    match cause {
        Cause::Data | Cause::Source => img("IMG.0057"),
        Cause::Size => img("IMG.0055"),
        Cause::TooLarge => img("IMG.0059"),
        Cause::Place => img("IMG.0069"),
        Cause::Gone => img("IMG.0027"),
        Cause::Limit => img("IMG.0015"),
        Cause::Refused => img("IMG.0018"),
        Cause::Unavailable => img("IMG.0014"),
        Cause::Internal => img("IMG.0061"),
    }
}

/// What came of a job, or is to come of it.
fn entities(one: &Shown, parts: &[Shown]) -> Value {
    let job = &one.job;
    let result = job.result.clone().filter(|result| job.kind == Work::NOTED && result.is_object());
    let mut members = match (result, job.image) {
        (Some(Value::Object(result)), _) => result,
        (_, Some(image)) => Map::from_iter([("image_id".to_owned(), json!(image))]),
        (_, None) => Map::new(),
    };
    let named = ![label::REGISTER, label::EXPORT].contains(&kind(job));
    if job.image.is_some() && named {
        members.insert("image_name".to_owned(), json!(one.name));
    }
    if !parts.is_empty() {
        let results: Vec<Value> = parts.iter().map(|part| self::job(part, &[])).collect();
        let ids: Vec<String> = parts.iter().map(|part| wire_id(part.job.id)).collect();
        members.insert("sub_jobs_result".to_owned(), json!(results));
        members.insert("sub_jobs_list".to_owned(), json!(ids));
    }
    Value::Object(members)
}

/// The share of all bytes that is done, 1 only at the end.
fn percent(all: &[&Job]) -> f64 {
    if all.iter().all(|job| job.state == JobState::Succeeded) {
        return 1.0;
    }
    let (done, total) = all.iter().fold((0_u128, 0_u128), |(done, total), job| {
        (done + u128::from(job.done_bytes), total + u128::from(job.total_bytes.unwrap_or(0)))
    });
    let hundredths = (done * 100).checked_div(total).unwrap_or(0).min(99);
    f64::from(u8::try_from(hundredths).unwrap_or(99)) / 100.0
}

/// `2024-11-06T06:19:43.195Z`.
fn time(at: Timestamp) -> String {
    let micros = at.to_iso_micros();
    format!("{}Z", micros.get(..micros.len().saturating_sub(3)).unwrap_or(&micros))
}

#[cfg(test)]
mod tests {
    use imprint_model::{ImageId, JobId, ProjectId};

    use super::*;

    fn shown(kind: &str, state: JobState) -> Shown {
        let ended_at = state.has_ended().then_some(Timestamp(2_345_678));
        let job = Job {
            id: JobId::random(),
            kind: kind.to_owned(),
            owner: ProjectId("p".to_owned()),
            user: String::new(),
            image: (kind != Work::NOTED).then(ImageId::random),
            request_id: String::new(),
            payload: json!({}),
            result: None,
            message: String::new(),
            state,
            done_bytes: 0,
            total_bytes: None,
            attempts: 0,
            created_at: Timestamp(1_234_567),
            updated_at: Timestamp(0),
            ended_at,
        };
        Shown { job, name: "n".to_owned() }
    }

    #[test]
    fn states_and_times_have_this_api_s_words() {
        for (state, word, end, percent) in [
            (JobState::Pending, "INIT", "", 0.0),
            (JobState::Running, "RUNNING", "", 0.0),
            (JobState::Succeeded, "SUCCESS", "1970-01-01T00:00:02.345Z", 1.0),
            (JobState::Failed, "FAIL", "1970-01-01T00:00:02.345Z", 0.0),
            (JobState::Cancelled, "FAIL", "1970-01-01T00:00:02.345Z", 0.0),
        ] {
            let shown = progress(&shown(Work::COPY_IMAGE, state), &[]);
            assert_eq!((&shown["status"], &shown["end_time"]), (&json!(word), &json!(end)));
            assert_eq!(shown["begin_time"], "1970-01-01T00:00:01.234Z");
            assert_eq!(shown["entities"]["process_percent"], json!(percent));
            assert_eq!(
                (shown["error_code"].is_null(), shown["fail_reason"].is_null()),
                (word != "FAIL", word != "FAIL")
            );
            assert_eq!(shown["job_type"], "imsCopyImageInRegionJob");
        }
    }

    #[test]
    fn a_job_that_stands_for_others_is_as_far_as_they_are() {
        use JobState::{Failed, Pending, Running, Succeeded};
        let group = shown(Work::NOTED, Succeeded);
        for (states, word) in [
            ([Pending, Pending], "INIT"),
            ([Pending, Succeeded], "RUNNING"),
            ([Running, Failed], "RUNNING"),
            ([Failed, Succeeded], "FAIL"),
            ([Succeeded, Succeeded], "SUCCESS"),
        ] {
            let parts = states.map(|state| shown(Work::MAKE_IMAGE, state));
            let whole = job(&group, &parts);
            assert_eq!(whole["status"], word, "{states:?}");
            assert_eq!(whole["entities"]["sub_jobs_result"][1]["entities"]["image_name"], "n");
            assert_eq!(whole["entities"]["sub_jobs_list"][0], json!(wire_id(parts[0].job.id)));
        }
        assert_eq!(job(&group, &[])["status"], "SUCCESS", "its parts are forgotten");
    }

    #[test]
    fn progress_reaches_the_end_only_with_success() {
        let mut one = shown(Work::IMPORT_OBJECTS, JobState::Running);
        for (done, total, share) in [(1, Some(3), 0.33), (3, Some(3), 0.99), (u64::MAX, Some(1), 0.99), (5, None, 0.0)]
        {
            (one.job.done_bytes, one.job.total_bytes) = (done, total);
            assert_eq!(progress(&one, &[])["entities"]["process_percent"], json!(share));
        }
    }
}
