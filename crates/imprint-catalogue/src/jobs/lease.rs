//! Who works on which job, and for how long.

use std::time::Duration;

use imprint_model::{Job, JobId, SnapshotId, Timestamp};

use super::{COLUMNS, read};
use crate::{Error, Tx, Value, images, params};

/// How far two workers' clocks may be apart. A lease ends by the clock of the worker that holds it, and whoever wants
/// the job compares with its own: only a lease that has ended for longer than this has ended for both.
pub const CLOCK_SKEW: Duration = Duration::from_secs(120);

/// Whom jobs belong to that are put aside.
const HELD: &str = "held";

/// Gives the oldest job that nobody works on to `worker`, until `lease_until`, among those of all other kinds than these:
/// one that waits, or one whose worker has not been heard of in time. `now` is the asker's; a lease counts as ended
/// [`CLOCK_SKEW`] after its end.
///
/// # Errors
/// The engine's.
pub fn lease_next_but(
    tx: &mut Tx<'_>,
    worker: &str,
    kinds: &[&str],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>, Error> {
    lease_among(tx, worker, Kinds::But(kinds), now, lease_until)
}

/// The same among jobs of these kinds alone.
///
/// # Errors
/// The engine's.
pub fn lease_next_of(
    tx: &mut Tx<'_>,
    worker: &str,
    kinds: &[&str],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>, Error> {
    if kinds.is_empty() { Ok(None) } else { lease_among(tx, worker, Kinds::Of(kinds), now, lease_until) }
}

/// Which jobs.
#[derive(Clone, Copy)]
enum Kinds<'a> {
    /// Those of these kinds.
    Of(&'a [&'a str]),
    /// All others.
    But(&'a [&'a str]),
}

fn lease_among(
    tx: &mut Tx<'_>,
    worker: &str,
    kinds: Kinds<'_>,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>, Error> {
    let mut values: Vec<Value> = vec![worker.into(), lease_until.into(), now.into(), now.before(CLOCK_SKEW).into()];
    let (word, kinds) = match kinds {
        Kinds::Of(kinds) => ("IN", kinds),
        Kinds::But(kinds) => ("NOT IN", kinds),
    };
    let places: Vec<String> = (0..kinds.len()).map(|index| format!("?{}", index + 5)).collect();
    values.extend(kinds.iter().map(Value::from));
    let wanted = if kinds.is_empty() { String::new() } else { format!(" AND kind {word} ({})", places.join(", ")) };
    // Workers that look at the same moment each get a job of their own instead of waiting for one another.
    let skip = if tx.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
    let text = format!(
        "UPDATE job SET state = 'running', worker = ?1, lease_until = ?2, attempts = attempts + 1, updated_at = ?3 \
         WHERE id = (SELECT id FROM job WHERE state IN ('pending', 'running') \
         AND (state = 'pending' OR lease_until < ?4){wanted} ORDER BY created_at, id LIMIT 1{skip}) \
         RETURNING {COLUMNS}"
    );
    let row = tx.query_opt(&text, &values)?;
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

/// Puts a job aside that waits for something else to end: nobody takes it before [`let_go_of`].
///
/// # Errors
/// The engine's.
pub fn hold(tx: &mut Tx<'_>, id: JobId, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE job SET state = 'running', worker = ?2, lease_until = ?3, attempts = 0, updated_at = ?4 \
         WHERE id = ?1 AND state IN ('pending', 'running')",
        params![id, HELD, i64::MAX, now],
    )?;
    Ok(())
}

/// Jobs that were put aside, of images that have a disk from this snapshot, wait to be taken again; returns how many.
///
/// # Errors
/// The engine's.
pub fn let_go_of(tx: &mut Tx<'_>, snapshot: SnapshotId, now: Timestamp) -> Result<u64, Error> {
    tx.execute(
        "UPDATE job SET state = 'pending', worker = NULL, lease_until = NULL, updated_at = ?3 \
         WHERE state = 'running' AND worker = ?1 \
         AND image_id IN (SELECT image_id FROM image_label WHERE label = ?2)",
        params![HELD, images::label_of_snapshot(snapshot).as_slice(), now],
    )
}

/// Gives back every job that a worker other than `worker` holds, whatever its lease says; returns how many. For a node
/// that knows that there is no other: who held them is dead.
///
/// # Errors
/// The engine's.
pub fn release_others(tx: &mut Tx<'_>, worker: &str, now: Timestamp) -> Result<u64, Error> {
    tx.execute(
        "UPDATE job SET state = 'pending', worker = NULL, lease_until = NULL, updated_at = ?2 \
         WHERE state = 'running' AND worker <> ?1",
        params![worker, now],
    )
}
