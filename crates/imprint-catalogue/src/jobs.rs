//! The queue of jobs. A worker holds a job by a lease; when the lease has surely run out, anybody may take the job over.

use std::time::Duration;

use imprint_model::{ImageId, Job, JobId, JobState, ProjectId, Timestamp};
use serde_json::Value as Json;

use crate::{Error, ErrorKind, Row, Tx, Value, params, to_json};

const COLUMNS: &str = "id, kind, owner, user_id, image_id, request_id, payload, result, message, state, done_bytes, \
                       total_bytes, attempts, created_at, updated_at, ended_at";

/// How far two workers' clocks may be apart. A lease ends by the clock of the worker that holds it, and whoever wants
/// the job compares with its own: only a lease that has ended for longer than this has ended for both.
pub const CLOCK_SKEW: Duration = Duration::from_secs(120);

/// In which order jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobSort {
    /// In the order they were asked for.
    #[default]
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

/// Which jobs a list holds: those that meet everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this account.
    pub owner: Option<ProjectId>,
    /// On this image.
    pub image: Option<ImageId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<JobState>,
    /// In which order.
    pub sort: JobSort,
    /// Only those that come after this one in the order.
    pub after: Option<JobId>,
    /// At most so many. Default 1000.
    pub limit: u32,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { owner: None, image: None, kind: None, state: None, sort: JobSort::default(), after: None, limit: 1000 }
    }
}

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

/// Gives the oldest job that nobody works on to `worker`, until `lease_until`: one that waits, or one whose worker
/// has not been heard of in time. `now` is the asker's; a lease counts as ended [`CLOCK_SKEW`] after its end.
///
/// # Errors
/// The engine's.
pub fn lease_next(tx: &mut Tx<'_>, worker: &str, now: Timestamp, lease_until: Timestamp) -> Result<Option<Job>, Error> {
    // Workers that look at the same moment each get a job of their own instead of waiting for one another.
    let skip = if tx.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
    let text = format!(
        "UPDATE job SET state = 'running', worker = ?1, lease_until = ?2, attempts = attempts + 1, updated_at = ?3 \
         WHERE id = (SELECT id FROM job WHERE state IN ('pending', 'running') \
         AND (state = 'pending' OR lease_until < ?4) ORDER BY created_at, id LIMIT 1{skip}) \
         RETURNING {COLUMNS}"
    );
    let row = tx.query_opt(&text, params![worker, lease_until, now, now.before(CLOCK_SKEW)])?;
    row.as_ref().map(read).transpose()
}

/// Prolongs a lease. False when the job is no longer this worker's.
///
/// # Errors
/// The engine's.
pub fn renew(tx: &mut Tx<'_>, id: JobId, worker: &str, lease_until: Timestamp) -> Result<bool, Error> {
    let renewed = tx.execute(
        "UPDATE job SET lease_until = ?3 WHERE id = ?1 AND worker = ?2 AND state = 'running'",
        params![id, worker, lease_until],
    )?;
    Ok(renewed > 0)
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

/// The jobs that `filter` asks for.
///
/// # Errors
/// [`ErrorKind::UnknownMarker`] when there is no job `filter.after`.
pub fn list(tx: &mut Tx<'_>, filter: &JobFilter) -> Result<Vec<Job>, Error> {
    let JobFilter { owner, image, kind, state, sort, after, limit } = filter;
    let mut text = format!("SELECT {COLUMNS} FROM job WHERE 1 = 1");
    let mut values: Vec<Value> = Vec::new();
    let wanted = [
        ("owner", owner.as_ref().map(Value::from)),
        ("image_id", image.as_ref().map(Value::from)),
        ("kind", kind.as_ref().map(Value::from)),
        ("state", state.map(|state| state.as_str().into())),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            values.push(value);
            text.push_str(&format!(" AND {column} = ?{}", values.len()));
        }
    }
    let (sign, direction) = match sort {
        JobSort::OldestFirst => (">", "ASC"),
        JobSort::NewestFirst => ("<", "DESC"),
    };
    if let Some(after) = after {
        let job = get(tx, *after)?
            .ok_or_else(|| Error::new(ErrorKind::UnknownMarker, format!("no job {after} to go on after")))?;
        values.extend([job.created_at.into(), job.id.into()]);
        let count = values.len();
        text.push_str(&format!(" AND (created_at, id) {sign} (?{}, ?{count})", count - 1));
    }
    values.push((*limit).into());
    text.push_str(&format!(" ORDER BY created_at {direction}, id {direction} LIMIT ?{}", values.len()));
    tx.query(&text, &values)?.iter().map(read).collect()
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
