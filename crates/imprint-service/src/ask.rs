//! How a change is asked for besides what it is: at most once, and perhaps only to hear whether it could be done. Both
//! are decided inside the transaction that makes the change, so that two requests with one token cannot both win.

use std::time::Duration;

use imprint_catalogue::Tx;
use imprint_catalogue::idempotency::{self, Claim};
use imprint_model::{Caller, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// For how long the answer to a request with a token is kept.
const TOKEN_KEPT: Duration = Duration::from_secs(48 * 3600);

/// How a change is asked for besides what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Do it once however often it is asked for.
    pub once: Option<Once>,
    /// Check everything and change nothing; the answer is [`Error::DryRun`] then.
    pub dry_run: bool,
}

/// What makes two requests one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Where the token counts, besides the caller's account: region and operation.
    pub scope: String,
    /// The token as the client made it.
    pub token: String,
    /// Stands for everything that was asked; the same token with another one is refused.
    pub fingerprint: String,
}

/// Runs `work` as it was asked for. A request whose token was used for the same before gets the answer of then and
/// changes nothing. The token is taken when the transaction is kept, so neither failure nor dry run uses it up.
///
/// # Errors
/// [`Error::TokenReused`], [`Error::DryRun`], and those of `work`.
pub(crate) fn asked<T: Serialize + DeserializeOwned>(
    tx: &mut Tx<'_>,
    caller: &Caller,
    ask: &Ask,
    now: Timestamp,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let answer = match &ask.once {
        Some(once) => at_most_once(tx, caller, once, now, work)?,
        None => work(tx)?,
    };
    // an error, so that the transaction is taken back
    if ask.dry_run { Err(Error::DryRun) } else { Ok(answer) }
}

fn at_most_once<T: Serialize + DeserializeOwned>(
    tx: &mut Tx<'_>,
    caller: &Caller,
    once: &Once,
    now: Timestamp,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let project = caller.project.as_ref().ok_or_else(|| Error::Denied("a token without an account".to_owned()))?;
    let token = format!("{}/{}", once.scope, once.token);
    match idempotency::claim(tx, project, &token, &once.fingerprint, now, now.after(TOKEN_KEPT))? {
        Claim::New => {}
        Claim::Same(Some(answer)) => return serde_json::from_value(answer).map_err(Error::internal),
        // claim and answer are written by one transaction
        Claim::Same(None) => return Err(Error::internal("a token without its answer")),
        Claim::Different => return Err(Error::TokenReused),
    }
    let answer = work(tx)?;
    idempotency::answer(tx, project, &token, &serde_json::to_value(&answer).map_err(Error::internal)?)?;
    Ok(answer)
}
