//! Jobs: what they do is a value, [`Work`], written in the transaction that needs it and carried out by the runner of
//! any node. Every job may run twice.

mod import;
mod runner;
mod settle;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use imprint_catalogue::{Tx, jobs};
use imprint_model::{Caller, ImageId, Job, JobId, JobState, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use import::{ImportImage, KEY_FAILED_IMPORT, KEY_IMPORT_TASK, KEY_IMPORTING_TO};
pub use runner::Runner;
pub(crate) use settle::Ending;
pub use view::{JobFilter, JobSort};

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
    /// The work that a job's row describes.
    pub(crate) fn of(job: &Job) -> Result<Self, Error> {
        serde_json::from_value(job.payload.clone()).map_err(Error::internal)
    }

    /// The kind, as the job's row and dialects name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Import { .. } => "import",
        }
    }
}

/// Writes the row of a job; it runs once the transaction is committed.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    id: JobId,
    caller: &Caller,
    owner: &ProjectId,
    image: Option<ImageId>,
    work: &Work,
    now: Timestamp,
) -> Result<Job, Error> {
    let job = Job {
        id,
        kind: work.kind().to_owned(),
        owner: owner.clone(),
        user: caller.user.to_string(),
        image,
        request_id: caller.request_id.clone(),
        payload: serde_json::to_value(work).map_err(Error::internal)?,
        result: None,
        message: String::new(),
        state: JobState::Pending,
        done_bytes: 0,
        total_bytes: None,
        attempts: 0,
        created_at: now,
        updated_at: now,
        ended_at: None,
    };
    jobs::insert(tx, &job)?;
    Ok(job)
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
