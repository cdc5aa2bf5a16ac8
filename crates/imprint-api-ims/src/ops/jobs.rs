//! How far jobs are. They are the engine's, whichever dialect asked for them: what this API calls a job is read from
//! its label, where this API put one, and else from its kind.

mod view;

use http::Method;
use imprint_http::Response;
use imprint_model::JobId;
use imprint_service::{Resource, jobs_with};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, img};
use crate::op::{Family, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[
    Op::new(
        Family::Jobs,
        "show_job",
        Method::GET,
        "/v1/{project_id}/jobs/{job_id}",
        "Tells how far a job is, and what came of it.",
        run!(show),
    )
    .parameters(&[Parameter::path("project_id", "The project."), JOB_ID])
    .codes(&[NO_SUCH_JOB]),
    Op::new(
        Family::Jobs,
        "show_job_progress",
        Method::GET,
        "/v1/cloudimages/job/{job_id}",
        "Tells how far a job is, with the share that is done.",
        run!(show_progress),
    )
    .parameters(&[JOB_ID])
    .codes(&[NO_SUCH_JOB]),
];

const JOB_ID: Parameter = Parameter::path("job_id", "The job: 32 hexadecimal digits.");
const NO_SUCH_JOB: Code = img("IMG.0023");
/// Jobs that are begun together at most.
const TOGETHER_MAX: usize = 32;

/// What this API calls jobs: labels of the engine's jobs.
pub(crate) mod label {
    /// An image of a server's system disk.
    pub(crate) const OF_SERVER: &str = "imsCreateImageByInstance";
    /// An image of a file.
    pub(crate) const OF_FILE: &str = "imsImportImageJob";
    /// Images of several files.
    pub(crate) const OF_FILES: &str = "imsImportOvaImageJob";
    /// A system image of a data disk.
    pub(crate) const OF_VOLUME: &str = "imsVolumeCreateImageJob";
    /// Images of several disks.
    pub(crate) const OF_VOLUMES: &str = "imsVolumesToSysDataImagesJob";
    /// One of those.
    pub(crate) const OF_VOLUMES_ONE: &str = "imsCopyVolumeToImageJob";
    /// A data image of a file.
    pub(crate) const DATA_OF_FILE: &str = "imsImportDataImageJob";
    /// An image of a whole server.
    pub(crate) const WHOLE_OF_SERVER: &str = "imsCreateWholeImageByInstanceJob";
    /// An image of a server's backup.
    pub(crate) const WHOLE_OF_BACKUP: &str = "imsCreateWholeImageByBackupJob";
    /// A file for an image that waits for one.
    pub(crate) const REGISTER: &str = "imsNativeImportImageJob";
    /// An image as a file.
    pub(crate) const EXPORT: &str = "imsNativeExportImageJob";
    /// A copy.
    pub(crate) const COPY: &str = "imsCopyImageInRegionJob";
    /// A copy in another region.
    pub(crate) const COPY_ACROSS: &str = "imsCopyImageCrossRegionJob";
}

/// The answer to whatever began a job.
pub(crate) fn started(id: JobId) -> Response {
    answer::ok(&json!({ "job_id": wire_id(id) }))
}

/// A job's id as this API writes it: 32 hexadecimal digits.
pub(crate) fn wire_id(id: JobId) -> String {
    id.0.simple().to_string()
}

async fn show(call: Call) -> Outcome {
    let (one, parts) = look(&call).await?;
    Ok(answer::ok(&view::job(&one, &parts)))
}

async fn show_progress(call: Call) -> Outcome {
    let (one, parts) = look(&call).await?;
    Ok(answer::ok(&view::progress(&one, &parts)))
}

/// The job that is asked for, and those that were begun with it and are remembered.
async fn look(call: &Call) -> Result<(view::Shown, Vec<view::Shown>), Problem> {
    let id = call.param("job_id");
    let hexadecimal = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = Uuid::try_parse(id).ok().filter(|_| hexadecimal).map(JobId);
    let one = load(call, id.ok_or_else(|| NO_SUCH_JOB.fault())?).await?;
    let mut parts = Vec::new();
    for id in jobs_with(&one.job).into_iter().take(TOGETHER_MAX) {
        match load(call, id).await {
            Ok(part) => parts.push(part),
            Err(imprint_service::Error::NotFound(Resource::Job(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok((one, parts))
}

async fn load(call: &Call, id: JobId) -> Result<view::Shown, imprint_service::Error> {
    let job = call.parts.service.job(&call.caller, id).await?;
    let name = match job.image {
        None => None,
        Some(image) => match call.parts.service.show_image(&call.caller, image).await {
            Ok(image) => image.name,
            Err(imprint_service::Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(view::Shown { job, name: name.unwrap_or_default() })
}

/// Members of an answer put together.
fn merged(mut into: Value, more: Value) -> Value {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
    into
}
