//! Jobs: what they do is a value, [`Work`], written in the transaction that needs it and carried out by the runner of
//! any node. Every job may run twice.

mod cancel;
mod copy_elsewhere;
mod exports;
mod import;
mod mark;
mod objects;
mod runner;
mod settle;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use imprint_catalogue::{Tx, jobs};
use imprint_model::{Caller, ImageId, Job, JobId, JobState, ObjectPlace, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use copy_elsewhere::CopyElsewhere;
pub use exports::{ExportImage, ExportTo};
pub use import::{ImportImage, KEY_FAILED_IMPORT, KEY_IMPORT_TASK, KEY_IMPORTING_TO};
pub(crate) use mark::note_ended;
pub use mark::{Cause, JobMark, job_cause, job_label, jobs_with};
pub use objects::{ImportObjects, ObjectDisk};
pub use runner::Runner;
pub(crate) use settle::Ending;
pub use view::{JobFilter, JobListing, JobQuery, JobSort};

use crate::disks::ExportFormat;
use crate::error::Error;

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "work")]
pub enum Work {
    /// Gives an image its data.
    Import {
        /// From where.
        source: ImportSource,
        /// The request as it was sent, for whoever looks at the job.
        request: Value,
    },
    /// Gives an image the bytes of the snapshot that its system disk comes from.
    MakeImage,
    /// Ends a copy; its rows name their bytes since it was asked for.
    CopyImage,
    /// Makes an image of objects in buckets.
    ImportObjects {
        /// The objects, the system disk's first.
        disks: Vec<ObjectDisk>,
    },
    /// Writes an image's disks into a bucket.
    ExportImage {
        /// Its name.
        bucket: String,
        /// What the objects' keys begin with.
        stem: String,
        /// What they are written as.
        format: ExportFormat,
        /// The key of the only object, where it was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Looks into an image.
    CheckImage {
        /// Also when its bytes were looked into before.
        #[serde(default)]
        again: bool,
    },
    /// Copies an image to another installation.
    CopyElsewhere(CopyElsewhere),
    /// Removes what there is of a copy at another installation.
    TakeBack {
        /// The region that stands for it.
        region: String,
        /// Whether a copy that is complete there goes, too: when it was cancelled, not when it could not go on.
        complete_too: bool,
    },
    /// Nothing: it was done when it was asked for.
    Noted,
}

/// Where an import takes the data from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum ImportSource {
    /// What was put aside before.
    Staged,
    /// A URL that a user named.
    Url {
        /// Which.
        url: String,
    },
    /// An object in a bucket.
    Object {
        /// Which.
        place: ObjectPlace,
        /// Whether it may be any disk, whatever format the image declares; the format is what was found then. A disc is
        /// a disc only where the image says so.
        #[serde(default)]
        as_found: bool,
    },
    /// An image of another service of the same installation.
    Remote {
        /// Its record: a JSON object.
        record_url: String,
        /// Its bytes.
        data_url: String,
        /// Properties that begin with one of these are taken over.
        property_prefixes: Vec<String>,
        /// Properties of exactly these names are taken over.
        property_names: Vec<String>,
    },
}

impl Work {
    /// Kind of [`Work::MakeImage`].
    pub const MAKE_IMAGE: &str = "make_image";
    /// Kind of [`Work::CopyImage`].
    pub const COPY_IMAGE: &str = "copy_image";
    /// Kind of [`Work::ImportObjects`].
    pub const IMPORT_OBJECTS: &str = "import_objects";
    /// Kind of [`Work::ExportImage`].
    pub const EXPORT_IMAGE: &str = "export_image";
    /// Kind of [`Work::CheckImage`].
    pub const CHECK_IMAGE: &str = "check_image";
    /// Kind of [`Work::CopyElsewhere`].
    pub const COPY_ELSEWHERE: &str = "copy_elsewhere";
    /// Kind of [`Work::TakeBack`].
    pub const TAKE_BACK: &str = "take_back";
    /// Kind of [`Work::Noted`].
    pub const NOTED: &str = "noted";

    /// Kinds that move no bytes: they are ended in the transaction that takes them, and never wait behind others.
    pub(crate) const QUICK: &[&str] = &[Self::MAKE_IMAGE, Self::COPY_IMAGE];

    /// Kinds that nobody waits for: they have places of their own, so that they keep no other job waiting.
    pub(crate) const ASIDE: &[&str] = &[Self::CHECK_IMAGE];

    /// The work that a job's row describes.
    pub(crate) fn of(job: &Job) -> Result<Self, Error> {
        serde_json::from_value(job.payload.clone()).map_err(Error::internal)
    }

    /// The kind, as the job's row and dialects name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Import { .. } => "import",
            Work::MakeImage => Self::MAKE_IMAGE,
            Work::CopyImage => Self::COPY_IMAGE,
            Work::ImportObjects { .. } => Self::IMPORT_OBJECTS,
            Work::ExportImage { .. } => Self::EXPORT_IMAGE,
            Work::CheckImage { .. } => Self::CHECK_IMAGE,
            Work::CopyElsewhere(_) => Self::COPY_ELSEWHERE,
            Work::TakeBack { .. } => Self::TAKE_BACK,
            Work::Noted => Self::NOTED,
        }
    }
}

/// Who is noted to have asked for a job.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    user: String,
    request_id: String,
}

impl Asker {
    pub(crate) fn of(caller: &Caller) -> Self {
        Self { user: caller.user.to_string(), request_id: caller.request_id.clone() }
    }

    /// Whoever asked for a job that another follows from.
    pub(crate) fn of_job(job: &Job) -> Self {
        Self { user: job.user.clone(), request_id: job.request_id.clone() }
    }
}

/// Writes the row of a job; it runs once the transaction is committed.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    mark: &JobMark,
    caller: &Caller,
    owner: &ProjectId,
    image: Option<ImageId>,
    work: &Work,
    now: Timestamp,
) -> Result<Job, Error> {
    enqueue_for(tx, mark, &Asker::of(caller), owner, image, work, now)
}

/// [`enqueue`] for somebody who is not there any more.
pub(crate) fn enqueue_for(
    tx: &mut Tx<'_>,
    mark: &JobMark,
    asker: &Asker,
    owner: &ProjectId,
    image: Option<ImageId>,
    work: &Work,
    now: Timestamp,
) -> Result<Job, Error> {
    let job = job_row(mark, asker, owner, image, work, now)?;
    jobs::insert(tx, &job)?;
    Ok(job)
}

/// The row of a job that nobody has begun.
fn job_row(
    mark: &JobMark,
    asker: &Asker,
    owner: &ProjectId,
    image: Option<ImageId>,
    work: &Work,
    now: Timestamp,
) -> Result<Job, Error> {
    let mut payload = serde_json::to_value(work).map_err(Error::internal)?;
    mark.put_on(&mut payload);
    Ok(Job {
        id: mark.id,
        kind: work.kind().to_owned(),
        owner: owner.clone(),
        user: asker.user.clone(),
        image,
        request_id: asker.request_id.clone(),
        payload,
        result: None,
        message: String::new(),
        state: JobState::Pending,
        done_bytes: 0,
        total_bytes: None,
        attempts: 0,
        created_at: now,
        updated_at: now,
        ended_at: None,
    })
}

/// Secrets that jobs need and that must not be written down: a job that outlives its node has lost them and fails.
pub(crate) type Credentials = parking_lot::Mutex<BTreeMap<JobId, Secret>>;

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
