//! The third way of signing: method, query, chosen headers and the digest of the body, with HMAC-SHA256.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::canonical_query;
use crate::gather::Gathered;

/// The one algorithm that is taken.
pub(crate) const ALGORITHM: &str = "ACS3-HMAC-SHA256";
/// Headers without which a signature would leave open what was asked, of whom and when.
pub(crate) const MUST_BE_SIGNED: [&str; 6] =
    ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
/// Most headers that may be signed.
const SIGNED_MAX: usize = 64;

/// What the `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    /// The algorithm's name.
    pub(crate) algorithm: &'a str,
    /// The key's id.
    pub(crate) credential: &'a str,
    /// The signed headers' names, in the order given.
    pub(crate) signed: Vec<&'a str>,
    /// The signature in hexadecimal digits.
    pub(crate) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads `ACS3-… Credential=…,SignedHeaders=…;…,Signature=…`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (algorithm, rest) = text.split_once(' ')?;
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let signed: Vec<&str> = signed?.split(';').take(SIGNED_MAX + 1).collect();
        if signed.len() > SIGNED_MAX {
            return None;
        }
        Some(Self { algorithm, credential: credential?, signed, signature: signature? })
    }

    /// Whether everything is signed that must be.
    pub(crate) fn is_whole(&self) -> bool {
        MUST_BE_SIGNED.iter().all(|name| self.signed.contains(name))
    }

    /// The text that is signed; nothing when a header that should be signed is not there or is not text.
    pub(crate) fn string_to_sign(&self, request: &Gathered) -> Option<String> {
        let canonical = self.canonical_request(request)?;
        Some(format!("{ALGORITHM}\n{}", HEXLOWER.encode(&Sha256::digest(canonical))))
    }

    fn canonical_request(&self, request: &Gathered) -> Option<String> {
        let query = canonical_query(request.head.query.iter());
        let mut headers = String::new();
        for name in &self.signed {
            headers.push_str(&format!("{name}:{}\n", header(request, name)?.trim()));
        }
        let (method, signed) = (&request.head.method, self.signed.join(";"));
        Some(format!("{method}\n/\n{query}\n{headers}\n{signed}\n{}", payload_digest(request)))
    }
}

/// The digest of the body that was received.
pub(crate) fn payload_digest(request: &Gathered) -> String {
    HEXLOWER.encode(&Sha256::digest(&request.body))
}

/// A header as it is signed. The host is what was received, whether as a header or in the request's target. A header
/// that is there twice is as none: which of the two was signed cannot be known.
fn header<'a>(request: &'a Gathered, name: &str) -> Option<&'a str> {
    if name == "host" {
        return Some(&request.head.host);
    }
    let mut all = request.head.headers.get_all(name).iter();
    let value = all.next()?;
    // header values are bytes; what is not ASCII is signed as the UTF-8 that clients send
    if all.next().is_some() { None } else { std::str::from_utf8(value.as_bytes()).ok() }
}
