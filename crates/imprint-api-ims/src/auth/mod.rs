//! Who sent a request: the bearer of a token, or whoever signed it with an access key in one of two ways; and for which
//! project. Refusals are those of the gateway that real deployments have in front. Never here: what the caller may do to
//! an image.

mod authorization;
mod canonical;
mod payload;
#[cfg(test)]
mod tests;

use std::time::Duration;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use http::header::AUTHORIZATION;
use imprint_http::Request;
use imprint_identity::{Proof, Scheme, SignatureRefusal, Signer, Unauthenticated};
use imprint_model::{Caller, Timestamp};
use sha2::{Digest, Sha256};

use authorization::{Authorization, Way};
use canonical::Canonical;

use crate::body::JSON_BYTES_MAX;
use crate::fault::{Code, Fault, code};
use crate::op::{Content, Op};
use crate::parts::Parts;

/// The one algorithm that is taken, and how the header of signed requests begins.
pub(crate) const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// The header that says when a request was signed.
const DATE: &str = "x-sdk-date";
/// How far a request's time may be from ours, either way.
const SKEW_MAX: Duration = Duration::from_secs(15 * 60);
/// Longest content that can be signed, bytes: longer ones are sent unsigned, or with a token.
const SIGNED_BYTES_MAX: u64 = 12 << 20;
/// Longest security token, bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Most of the server's canonical request that a refusal repeats, bytes.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// Codes of requests that do not prove who sent them, or mean nothing.
pub(crate) mod refusal {
    use super::Code;

    /// What every refusal of a proof begins with; how it ends says why.
    pub(crate) const PREFIX: &str = "Incorrect IAM authentication information: ";
    /// The proof is missing or wrong.
    pub(crate) const UNPROVED: Code =
        Code::new(401, "APIGW.0301", "Incorrect IAM authentication information: Unauthorized");
    /// The proof is good, but not for the project.
    pub(crate) const NOT_IN_PROJECT: Code =
        Code::new(403, "APIGW.0302", "The IAM user is not authorized to access the API");
    /// No operation has this path.
    pub(crate) const NO_SUCH_API: Code =
        Code::new(404, "APIGW.0101", "The API does not exist or has not been published in the environment");

    /// All of them, for the documentation and the tests.
    #[cfg(test)]
    pub(crate) const ALL: &[Code] = &[UNPROVED, NOT_IN_PROJECT, NO_SUCH_API];
}

/// Who asks, bound to a project.
///
/// # Errors
/// [`refusal::UNPROVED`], [`refusal::NOT_IN_PROJECT`], `IMG.0001` for a signed content that is too long.
pub(crate) async fn authenticate(
    parts: &Parts,
    op: &Op,
    request: &mut Request,
    now: Timestamp,
) -> Result<Caller, Fault> {
    let header = request.headers.get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    match header {
        Some(header) if header.starts_with(ALGORITHM.as_bytes()) => {
            let header = String::from_utf8(header).map_err(|_| refused("verify aksk signature fail"))?;
            let limit_bytes = match op.content {
                Content::Whole => JSON_BYTES_MAX,
                Content::Stream => SIGNED_BYTES_MAX,
            };
            by_signature(parts, request, &header, now, limit_bytes).await
        }
        _ => by_token(parts, request).await,
    }
}

/// A refusal that says why.
fn refused(why: &str) -> Fault {
    refusal::UNPROVED.with_message(format!("{}{why}", refusal::PREFIX))
}

async fn by_token(parts: &Parts, request: &Request) -> Result<Caller, Fault> {
    let token = request.header("x-auth-token").unwrap_or_default();
    if token.is_empty() {
        return Err(refusal::UNPROVED.fault());
    }
    match parts.identity.authenticate_token(token, &request.request_id).await {
        Ok(caller) if caller.project.is_none() => Err(refusal::NOT_IN_PROJECT.fault()),
        Ok(caller) => Ok(caller),
        Err(error) => Err(of_unauthenticated(error, "decrypt token fail")),
    }
}

fn of_unauthenticated(error: Unauthenticated, why: &str) -> Fault {
    match error {
        Unauthenticated::Rejected => refused(why),
        Unauthenticated::Unavailable(what) => code::UNAVAILABLE.fault().caused_by(what),
    }
}

async fn by_signature(
    parts: &Parts,
    request: &mut Request,
    header: &str,
    now: Timestamp,
    limit_bytes: u64,
) -> Result<Caller, Fault> {
    let authorization = Authorization::parse(header).ok_or_else(|| refused("verify aksk signature fail"))?;
    let date = request.header(DATE).unwrap_or_default().to_owned();
    let sent = read_date(&date).ok_or_else(|| refused("verify aksk signature fail"))?;
    if !authorization.signed.contains(&DATE) || !authorization.is_of(&date) {
        return Err(refused("verify aksk signature fail"));
    }
    if sent < now.before(SKEW_MAX) || sent > now.after(SKEW_MAX) {
        return Err(refused("calc ak sk signature fail:signature expired"));
    }
    let payloads = payload::digests(request, authorization.way, limit_bytes).await?;
    let signer = verify(parts, request, &authorization, &date, &payloads).await?;
    in_project(parts, request, &signer).await
}

/// Whose key signed the request, with one of `payloads` as its content.
async fn verify(
    parts: &Parts,
    request: &Request,
    authorization: &Authorization<'_>,
    date: &str,
    payloads: &[String],
) -> Result<Signer, Fault> {
    let token = request.header("x-security-token").filter(|token| !token.is_empty());
    if token.is_some_and(|token| token.len() > TOKEN_BYTES_MAX) {
        return Err(refused("decrypt token fail"));
    }
    let signature = HEXLOWER_PERMISSIVE.decode(authorization.signature.as_bytes()).unwrap_or_default();
    let canonical = Canonical::of(request, authorization).ok_or_else(|| refused("verify aksk signature fail"))?;
    let steps = authorization.scope;
    let scheme = match authorization.way {
        Way::A => Scheme::Sha256,
        Way::B => Scheme::Sha256Chain { before: "SDK", steps: &steps },
    };
    for payload in payloads {
        let digest = HEXLOWER.encode(&Sha256::digest(canonical.text(payload)));
        let message = authorization.string_to_sign(date, &digest);
        let proof = Proof {
            access_key_id: authorization.key,
            security_token: token,
            scheme,
            message: message.as_bytes(),
            signature: &signature,
        };
        match parts.identity.verify_signature(proof).await {
            Ok(signer) => return Ok(signer),
            Err(SignatureRefusal::WrongSignature) => {}
            Err(refusal) => return Err(of_refusal(refusal, authorization.key)),
        }
    }
    // what the server would have signed, so that whoever wrote the client can compare
    let ours = canonical.text(payloads.first().map_or("", String::as_str)).replace('\n', "|");
    let shown = if ours.len() > SHOWN_BYTES_MAX { String::new() } else { format!(", canonicalRequest:{ours}") };
    Err(refused(&format!("verify aksk signature fail{shown}")))
}

fn of_refusal(refusal: SignatureRefusal, key: &str) -> Fault {
    match refusal {
        SignatureRefusal::UnknownKey => refused(&format!("ak {key} not exist")),
        SignatureRefusal::DisabledKey => refused(&format!("ak {key} is not active")),
        SignatureRefusal::WrongSignature => refused("verify aksk signature fail"),
        SignatureRefusal::TokenMissing
        | SignatureRefusal::TokenMalformed
        | SignatureRefusal::TokenExpired
        | SignatureRefusal::TokenMismatch => refused("decrypt token fail"),
        SignatureRefusal::Unavailable(what) => code::UNAVAILABLE.fault().caused_by(what),
    }
}

/// The signer in the project that the request names, or in the key's own.
async fn in_project(parts: &Parts, request: &Request, signer: &Signer) -> Result<Caller, Fault> {
    let wanted = match request.headers.get("x-project-id") {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| refusal::NOT_IN_PROJECT.fault())?),
    };
    let Some(project) = wanted.filter(|wanted| !wanted.is_empty() && *wanted != signer.project_id()) else {
        return Ok(signer.caller(&request.request_id));
    };
    let caller = parts.identity.signer_in(signer, project, &request.request_id).await;
    match caller {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => Err(refusal::NOT_IN_PROJECT.fault()),
        Err(error) => Err(of_unauthenticated(error, "Unauthorized")),
    }
}

/// Reads `20240102T030405Z`, and no other form.
fn read_date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 16
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    let (date, time) = (&text[..8], &text[9..15]);
    let iso = format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &time[..2], &time[2..4], &time[4..]);
    Timestamp::parse_iso8601(&iso)
}
