//! Jobs: work that outlives the request that asked for it.

use serde::{Deserialize, Serialize};

use crate::{ImageId, JobId, ProjectId, Timestamp};

crate::words! {
    /// How far a job is.
    JobState {
        /// Waits for a worker.
        Pending = "pending",
        /// Leased by a worker.
        Running = "running",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended badly; see the message.
        Failed = "failed",
        /// Called off before its end.
        Cancelled = "cancelled",
    }
}

/// A row of the job table. Every job may run twice: its effects are the same then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What kind of work, by the name of its payload type.
    pub kind: String,
    /// Whose it is.
    pub owner: ProjectId,
    /// Who asked.
    pub user: String,
    /// The image it works on, if one.
    pub image: Option<ImageId>,
    /// The request that asked.
    pub request_id: String,
    /// What exactly to do, as the service wrote it.
    pub payload: serde_json::Value,
    /// What came of it.
    pub result: Option<serde_json::Value>,
    /// Progress or the cause of failure, for people.
    pub message: String,
    /// How far it is.
    pub state: JobState,
    /// Bytes dealt with.
    pub done_bytes: u64,
    /// Bytes to deal with, when known.
    pub total_bytes: Option<u64>,
    /// How often a worker has taken it.
    pub attempts: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
    /// When it ended, well or badly.
    pub ended_at: Option<Timestamp>,
}

/// Pending and running jobs are the ones a second request has to wait for.
impl JobState {
    /// Whether the job has ended.
    pub fn has_ended(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Cancelled)
    }
}
