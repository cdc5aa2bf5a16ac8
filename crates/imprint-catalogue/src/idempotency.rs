//! Requests that carry a token: the second of two alike gets the first one's answer.

use imprint_model::{ProjectId, Timestamp};
use serde_json::Value as Json;

use crate::{Error, Tx, params, to_json};

/// What a token turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// New, and now this request's.
    New,
    /// Another one's that asked for the same; its answer, unless it is still being worked on.
    Same(Option<Json>),
    /// Another one's that asked for something else.
    Different,
}

/// Claims `token` of `project` until `expires` for a request that asks for what `fingerprint` stands for.
///
/// # Errors
/// The engine's.
pub fn claim(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    token: &str,
    fingerprint: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<Claim, Error> {
    // A token that has expired is as good as new.
    let taken = tx.execute(
        "INSERT INTO idempotency (project, token, fingerprint, answer, created_at, expires_at) \
         VALUES (?1, ?2, ?3, NULL, ?4, ?5) ON CONFLICT (project, token) DO UPDATE SET \
         fingerprint = excluded.fingerprint, answer = NULL, created_at = excluded.created_at, \
         expires_at = excluded.expires_at WHERE idempotency.expires_at <= ?4",
        params![project, token, fingerprint, now, expires],
    )?;
    if taken > 0 {
        return Ok(Claim::New);
    }
    let row = tx
        .query_opt(
            "SELECT fingerprint, answer FROM idempotency WHERE project = ?1 AND token = ?2",
            params![project, token],
        )?
        .ok_or_else(|| Error::corrupt("a token that is taken is not there"))?;
    if row.get::<&str>(0)? != fingerprint {
        return Ok(Claim::Different);
    }
    let answered = row.get::<Option<&str>>(1)?.is_some();
    Ok(Claim::Same(if answered { Some(row.json(1)?) } else { None }))
}

/// Keeps the answer to the request that claimed the token.
///
/// # Errors
/// The engine's.
pub fn answer(tx: &mut Tx<'_>, project: &ProjectId, token: &str, answer: &Json) -> Result<(), Error> {
    tx.execute(
        "UPDATE idempotency SET answer = ?3 WHERE project = ?1 AND token = ?2",
        params![project, token, to_json(answer)?],
    )?;
    Ok(())
}

/// Removes tokens that have expired by `now`; returns how many.
///
/// # Errors
/// The engine's.
pub fn expire(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM idempotency WHERE expires_at <= ?1", params![now])
}
