//! The queue of jobs. A worker holds a job by a lease; when the lease has surely run out, anybody may take the job over.

mod lease;
mod list;
mod search;

use imprint_model::{Job, JobId, JobState, Timestamp};
use serde_json::Value as Json;

use crate::{Error, ErrorKind, Row, Tx, params, to_json};

pub use lease::{CLOCK_SKEW, hold, lease_next_but, lease_next_of, let_go_of, release_others, renew};
pub use list::{JobFilter, JobSort, list, open_of_image, open_of_images};
pub use search::{JobListing, JobQuery, search};

const COLUMNS: &str = "id, kind, owner, user_id, image_id, request_id, payload, result, message, state, done_bytes, \
                       total_bytes, attempts, created_at, updated_at, ended_at";

fn read(row: &Row) -> Result<Job, Error> {
    let result: Option<&str> = row.get(7)?;
    Ok(Job {
        id: row.parse(0)?,
        kind: row.get(1)?,
        owner: row.get(2)?,
        user: row.get(3)?,
        image: row.parse_opt(4)?,
        request_id: row.get(5)?,
        payload: row.json(6)?,
        result: if result.is_some() { Some(row.json(7)?) } else { None },
        message: row.get(8)?,
        state: row.parse(9)?,
        done_bytes: row.get(10)?,
        total_bytes: row.get(11)?,
        attempts: row.get(12)?,
        created_at: row.get(13)?,
        updated_at: row.get(14)?,
        ended_at: row.get(15)?,
    })
}

/// Puts a job into the queue.
///
/// # Errors
/// [`ErrorKind::Duplicate`] when its id is taken.
pub fn insert(tx: &mut Tx<'_>, job: &Job) -> Result<(), Error> {
    let Job {
        id,
        kind,
        owner,
        user,
        image,
        request_id,
        payload,
        result,
        message,
        state,
        done_bytes,
        total_bytes,
        attempts,
        created_at,
        updated_at,
        ended_at,
    } = job;
    let result = result.as_ref().map(to_json).transpose()?.unwrap_or_default();
    tx.execute(
        &format!(
            "INSERT INTO job ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        ),
        params![
            id,
            kind,
            owner,
            user,
            image.as_ref(),
            request_id,
            to_json(payload)?,
            result,
            message,
            state.as_str(),
            *done_bytes,
            *total_bytes,
            *attempts,
            *created_at,
            *updated_at,
            *ended_at,
        ],
    )?;
    Ok(())
}

/// One job.
///
/// # Errors
/// The engine's.
pub fn get(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Job>, Error> {
    let row = tx.query_opt(&format!("SELECT {COLUMNS} FROM job WHERE id = ?1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// Notes how far a running job is. One that has ended is left alone.
///
/// # Errors
/// The engine's.
pub fn progress(
    tx: &mut Tx<'_>,
    id: JobId,
    done_bytes: u64,
    total_bytes: Option<u64>,
    message: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE job SET done_bytes = ?2, total_bytes = ?3, message = ?4, updated_at = ?5 \
         WHERE id = ?1 AND state = 'running'",
        params![id, done_bytes, total_bytes, message, now],
    )?;
    Ok(())
}

/// Ends a job. One that has ended before keeps its end: a job may run twice, and the first to end it is right.
///
/// # Errors
/// [`ErrorKind::Other`] when `state` is not an end.
pub fn finish(
    tx: &mut Tx<'_>,
    id: JobId,
    state: JobState,
    result: Option<&Json>,
    message: &str,
    now: Timestamp,
) -> Result<(), Error> {
    if !state.has_ended() {
        return Err(Error::new(ErrorKind::Other, format!("a job cannot end as {state}")));
    }
    let result = result.map(to_json).transpose()?.unwrap_or_default();
    tx.execute(
        "UPDATE job SET state = ?2, result = ?3, message = ?4, updated_at = ?5, ended_at = ?5, worker = NULL, \
         lease_until = NULL WHERE id = ?1 AND ended_at IS NULL",
        params![id, state.as_str(), result, message, now],
    )?;
    Ok(())
}

/// How many jobs wait, and how many have a worker.
///
/// # Errors
/// The engine's.
pub fn count_unended(tx: &mut Tx<'_>) -> Result<(u64, u64), Error> {
    let rows = tx.query(
        "SELECT state, COUNT(*) FROM job WHERE state IN ('pending', 'running') GROUP BY state ORDER BY state",
        &[],
    )?;
    let mut counts = (0, 0);
    for row in rows {
        match row.parse(0)? {
            JobState::Pending => counts.0 = row.get(1)?,
            JobState::Running => counts.1 = row.get(1)?,
            JobState::Succeeded | JobState::Failed | JobState::Cancelled => {}
        }
    }
    Ok(counts)
}

/// Removes jobs that ended before `time`; returns how many.
///
/// # Errors
/// The engine's.
pub fn delete_ended_before(tx: &mut Tx<'_>, time: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM job WHERE ended_at IS NOT NULL AND ended_at < ?1", params![time])
}
