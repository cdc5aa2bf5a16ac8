//! Who sent a request, in the order of checks the API states: what must be there, the time, the key, the signature,
//! the nonce, the token. Never here: what they may do (`access.rs`).

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use imprint_identity::{Proof, Scheme, SignatureRefusal, Signer};
use imprint_model::Timestamp;

use crate::fault::{Code, Fault, code};
use crate::gather::Gathered;
use crate::params::{invalid, missing};
use crate::parts::Parts;
use crate::signature::{v1, v3};

/// How far a request's time may be from ours, either way.
const SKEW_MAX: Duration = Duration::from_secs(15 * 60);
/// Longest nonce, bytes.
const NONCE_BYTES_MAX: usize = 256;
/// Longest security token, bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Codes of requests that do not prove who sent them.
pub(crate) mod refusal {
    use super::Code;

    pub(crate) const NO_KEY: Code = Code::new(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action.");
    pub(crate) const UNKNOWN_KEY: Code =
        Code::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
    pub(crate) const DISABLED_KEY: Code = Code::new(403, "Forbidden.AccessKeyDisabled", "The Access Key is disabled.");
    /// The text to sign follows the colon; clients compare it with theirs.
    pub(crate) const WRONG_SIGNATURE: Code = Code::new(
        400,
        "SignatureDoesNotMatch",
        "Specified signature is not matched with our calculation. server string to sign is:%s",
    );
    pub(crate) const INCOMPLETE: Code =
        Code::new(400, "IncompleteSignature", "The request signature does not conform to Aliyun standards.");
    pub(crate) const BAD_METHOD: Code =
        Code::new(400, "InvalidParamater", "The specified parameter \"%s\" is not valid.");
    pub(crate) const BAD_ALGORITHM: Code =
        Code::new(400, "InvalidSignatureMethod", "Specified signature method is not valid.");
    pub(crate) const BAD_TYPE: Code =
        Code::new(400, "UnsupportedSignatureType", "This signature type is not supported.");
    pub(crate) const BAD_TIME: Code =
        Code::new(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.");
    pub(crate) const EXPIRED: Code =
        Code::new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.");
    pub(crate) const NONCE_USED: Code =
        Code::new(400, "SignatureNonceUsed", "Specified signature nonce was used already.");
    pub(crate) const NO_TOKEN: Code =
        Code::new(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.");
    pub(crate) const TOKEN_EXPIRED: Code =
        Code::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.");
    pub(crate) const TOKEN_MALFORMED: Code =
        Code::new(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.");
    pub(crate) const TOKEN_OF_OTHER_KEY: Code = Code::new(
        400,
        "InvalidSecurityToken.MismatchWithAccessKey",
        "Specified SecurityToken mismatch with the AccessKey.",
    );
    pub(crate) const UNKNOWN_ACTION: Code =
        Code::new(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.");
    pub(crate) const BAD_VERSION: Code = Code::new(400, "InvalidVersion", "Specified parameter Version is not valid.");
    pub(crate) const BAD_HTTP_METHOD: Code =
        Code::new(403, "UnsupportedHTTPMethod", "This http method is not supported.");

    /// All of them, for the documentation.
    #[cfg(test)]
    pub(crate) const ALL: &[Code] = &[
        BAD_HTTP_METHOD,
        NO_KEY,
        BAD_METHOD,
        BAD_ALGORITHM,
        BAD_TYPE,
        BAD_TIME,
        EXPIRED,
        UNKNOWN_KEY,
        DISABLED_KEY,
        INCOMPLETE,
        WRONG_SIGNATURE,
        NONCE_USED,
        NO_TOKEN,
        TOKEN_EXPIRED,
        TOKEN_MALFORMED,
        TOKEN_OF_OTHER_KEY,
        BAD_VERSION,
        UNKNOWN_ACTION,
    ];
}

/// What a request says of itself, whichever way it is signed.
struct Claimed<'a> {
    key: &'a str,
    scheme: Scheme<'static>,
    /// What the client should have signed; nothing when it left out what it said it signed.
    message: Option<String>,
    /// Nothing when it is not even a signature.
    signature: Option<Vec<u8>>,
    timestamp: &'a str,
    nonce: &'a str,
    token: Option<&'a str>,
}

/// Who sent a request.
///
/// # Errors
/// The codes of [`refusal`], `MissingParameter`.
pub(crate) async fn authenticate(parts: &Parts, request: &Gathered, now: Timestamp) -> Result<Signer, Fault> {
    let claimed = if request.head.is_v3() { of_v3(request)? } else { of_v1(request)? };
    let sent = timestamp(claimed.timestamp)?;
    if sent < now.before(SKEW_MAX) || sent > now.after(SKEW_MAX) {
        return Err(refusal::EXPIRED.fault());
    }
    if claimed.nonce.len() > NONCE_BYTES_MAX {
        return Err(invalid("SignatureNonce"));
    }
    let signer = verify(parts, &claimed).await?;
    // only now, so that nobody else can use up a client's nonces
    let until = sent.after(SKEW_MAX).after(Duration::from_secs(1));
    if parts.identity.claim_nonce(claimed.key, claimed.nonce, until).await? {
        Ok(signer)
    } else {
        Err(refusal::NONCE_USED.fault())
    }
}

async fn verify(parts: &Parts, claimed: &Claimed<'_>) -> Result<Signer, Fault> {
    let token = claimed.token.filter(|token| !token.is_empty());
    if token.is_some_and(|token| token.len() > TOKEN_BYTES_MAX) {
        return Err(refusal::TOKEN_MALFORMED.fault());
    }
    let message = claimed.message.as_deref().unwrap_or_default();
    let proof = Proof {
        access_key_id: claimed.key,
        security_token: token,
        scheme: claimed.scheme,
        message: message.as_bytes(),
        signature: claimed.signature.as_deref().unwrap_or_default(),
    };
    match parts.identity.verify_signature(proof).await {
        Ok(signer) if claimed.message.is_some() => Ok(signer),
        Ok(_) => Err(refusal::INCOMPLETE.fault()),
        Err(SignatureRefusal::WrongSignature) if claimed.message.is_none() => Err(refusal::INCOMPLETE.fault()),
        Err(SignatureRefusal::WrongSignature) => Err(refusal::WRONG_SIGNATURE.filled(&[message])),
        Err(SignatureRefusal::UnknownKey) => Err(refusal::UNKNOWN_KEY.fault()),
        Err(SignatureRefusal::DisabledKey) => Err(refusal::DISABLED_KEY.fault()),
        Err(SignatureRefusal::TokenMissing) => Err(refusal::NO_TOKEN.fault()),
        Err(SignatureRefusal::TokenMalformed) => Err(refusal::TOKEN_MALFORMED.fault()),
        Err(SignatureRefusal::TokenExpired) => Err(refusal::TOKEN_EXPIRED.fault()),
        Err(SignatureRefusal::TokenMismatch) => Err(refusal::TOKEN_OF_OTHER_KEY.fault()),
        Err(SignatureRefusal::Unavailable(what)) => Err(code::UNAVAILABLE.fault().caused_by(what)),
    }
}

fn of_v1(request: &Gathered) -> Result<Claimed<'_>, Fault> {
    let need = |name| request.first(name).ok_or_else(|| missing(name));
    let key = request.first("AccessKeyId").ok_or_else(|| refusal::NO_KEY.fault())?;
    if request.first("SignatureType").is_some() {
        return Err(refusal::BAD_TYPE.fault());
    }
    let (signature, nonce) = (need("Signature")?, need("SignatureNonce")?);
    let (method, version) = (need("SignatureMethod")?, need("SignatureVersion")?);
    let timestamp = need("Timestamp")?;
    need("Version")?;
    need("Action")?;
    if method != "HMAC-SHA1" {
        return Err(refusal::BAD_METHOD.filled(&["SignatureMethod"]));
    }
    if version != "1.0" {
        return Err(refusal::BAD_METHOD.filled(&["SignatureVersion"]));
    }
    Ok(Claimed {
        key,
        scheme: Scheme::Sha1 { after: "&" },
        message: Some(v1::string_to_sign(request)),
        signature: BASE64.decode(signature.as_bytes()).ok(),
        timestamp,
        nonce,
        token: request.first("SecurityToken"),
    })
}

fn of_v3(request: &Gathered) -> Result<Claimed<'_>, Fault> {
    let head = &request.head;
    let header = |name: &'static str| head.header(name).filter(|value| !value.is_empty());
    let need = |name| header(name).ok_or_else(|| missing(name));
    if header("x-acs-signature-type").is_some() || header("x-acs-bearer-token").is_some() {
        return Err(refusal::BAD_TYPE.fault());
    }
    let authorization = header("authorization").unwrap_or_default();
    let authorization = v3::Authorization::parse(authorization).ok_or_else(|| refusal::INCOMPLETE.fault())?;
    if authorization.algorithm != v3::ALGORITHM {
        return Err(refusal::BAD_ALGORITHM.fault());
    }
    if authorization.credential.is_empty() {
        return Err(refusal::NO_KEY.fault());
    }
    let (timestamp, nonce) = (need("x-acs-date")?, need("x-acs-signature-nonce")?);
    let digest = need("x-acs-content-sha256")?;
    need("x-acs-version")?;
    need("x-acs-action")?;
    let message = if authorization.is_whole() { authorization.string_to_sign(request) } else { None };
    let signature = HEXLOWER_PERMISSIVE.decode(authorization.signature.as_bytes()).ok();
    Ok(Claimed {
        key: authorization.credential,
        scheme: Scheme::Sha256,
        message,
        // whoever changed the body cannot have signed it
        signature: signature.filter(|_| digest.eq_ignore_ascii_case(&v3::payload_digest(request))),
        timestamp,
        nonce,
        token: header("x-acs-security-token"),
    })
}

/// `2026-01-02T03:04:05Z` and no other form.
fn timestamp(text: &str) -> Result<Timestamp, Fault> {
    let read = if text.len() == 20 { crate::params::read_time(text) } else { None };
    read.ok_or_else(|| refusal::BAD_TIME.fault())
}
