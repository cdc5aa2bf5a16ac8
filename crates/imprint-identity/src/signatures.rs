//! Whose key signed a message: the one way in for signatures of every scheme.

use hmac::{Hmac, KeyInit, Mac};
use imprint_model::Timestamp;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::signer::Signer;
use crate::{Error, Identity, Unauthenticated, sts};

/// How a signature is computed from a key's secret and a message.
#[derive(Debug, Clone, Copy)]
pub enum Scheme<'a> {
    /// HMAC-SHA1 under the secret with a text behind it.
    Sha1 {
        /// What stands behind the secret.
        after: &'a str,
    },
    /// HMAC-SHA256 under the secret.
    Sha256,
    /// HMAC-SHA256 under a key that is derived from the secret with a text before it: HMAC-SHA256 of the first step,
    /// under the outcome that of the second, and so on.
    Sha256Chain {
        /// What stands before the secret.
        before: &'a str,
        /// The steps.
        steps: &'a [&'a str],
    },
}

/// A message with what shall prove who sent it.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The key's id.
    pub access_key_id: &'a str,
    /// The token that belongs to a temporary key; empty is none.
    pub security_token: Option<&'a str>,
    /// How it was signed.
    pub scheme: Scheme<'a>,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature, as bytes.
    pub signature: &'a [u8],
}

/// Why a signature proves nothing. Ids of keys are not secret, so that they may be told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// There is no such key.
    #[error("there is no such access key")]
    UnknownKey,
    /// The key is there, but it, its user or its account is switched off.
    #[error("the access key is disabled")]
    DisabledKey,
    /// The key's secret did not sign this message.
    #[error("the signature does not match")]
    WrongSignature,
    /// A temporary key came without its token.
    #[error("the security token is missing")]
    TokenMissing,
    /// The token is none of ours.
    #[error("the security token is malformed")]
    TokenMalformed,
    /// The token has expired, or its role, user or key has ended since.
    #[error("the security token is expired")]
    TokenExpired,
    /// The token belongs to another key.
    #[error("the security token belongs to another access key")]
    TokenMismatch,
    /// It cannot be checked now; asking again later may help.
    #[error("credentials cannot be checked now: {0}")]
    Unavailable(String),
}

impl From<Unauthenticated> for SignatureRefusal {
    fn from(why: Unauthenticated) -> Self {
        match why {
            Unauthenticated::Rejected => Self::DisabledKey,
            Unauthenticated::Unavailable(what) => Self::Unavailable(what),
        }
    }
}

impl From<SignatureRefusal> for Unauthenticated {
    fn from(why: SignatureRefusal) -> Self {
        match why {
            SignatureRefusal::Unavailable(what) => Self::Unavailable(what),
            _ => Self::Rejected,
        }
    }
}

impl Identity {
    /// Whose key signed a message. The signature is compared in constant time. What is looked at, in this order: the
    /// key, whether it is enabled, the signature, and then whether a token has ended; for a temporary key the token
    /// comes first, for it holds all that is known of the key.
    ///
    /// Whether the message is new is not looked at: see [`Self::claim_nonce`].
    ///
    /// # Errors
    /// [`SignatureRefusal`].
    pub async fn verify_signature(&self, proof: Proof<'_>) -> Result<Signer, SignatureRefusal> {
        if proof.access_key_id.starts_with(sts::KEY_ID_BEGINNING) {
            return self.verify_temporary(proof).await;
        }
        let known = self.known_key(proof.access_key_id).await?;
        if !proof.holds(&known.secret) {
            return Err(SignatureRefusal::WrongSignature);
        }
        if proof.token().is_some() {
            return Err(SignatureRefusal::TokenMismatch);
        }
        let grants = self.grants_of(&known.claims).await?;
        Ok(Signer {
            claims: known.claims.clone(),
            account_number: known.account_number.clone(),
            principal: known.principal.clone(),
            grants,
            expires_at: None,
            sources: Vec::new(),
        })
    }

    /// Notes that a key used a nonce. True for the first time, on whichever node and also after a restart; false when it
    /// was used before. Forgotten after `until`: messages must be too old by then.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn claim_nonce(&self, access_key_id: &str, nonce: &str, until: Timestamp) -> Result<bool, Error> {
        let digest = Sha256::new().chain_update(access_key_id).chain_update([0]).chain_update(nonce).finalize();
        Ok(self.0.catalogue.claim_nonce(digest.into(), self.0.clock.now(), until).await?)
    }
}

impl Proof<'_> {
    pub(crate) fn token(&self) -> Option<&str> {
        self.security_token.filter(|token| !token.is_empty())
    }

    /// Whether this secret signed the message.
    pub(crate) fn holds(&self, secret: &[u8]) -> bool {
        let Self { message, signature, .. } = self;
        match self.scheme {
            Scheme::Sha1 { after } => {
                let key = [secret, after.as_bytes()].concat();
                let mut mac = Hmac::<Sha1>::new_from_slice(&key).expect("HMAC takes a key of any length");
                mac.update(message);
                mac.verify_slice(signature).is_ok()
            }
            Scheme::Sha256 => sha256_mac(secret, message).verify_slice(signature).is_ok(),
            Scheme::Sha256Chain { before, steps } => {
                let first = [before.as_bytes(), secret].concat();
                let key = steps
                    .iter()
                    .fold(first, |key, step| sha256_mac(&key, step.as_bytes()).finalize().into_bytes().to_vec());
                sha256_mac(&key, message).verify_slice(signature).is_ok()
            }
        }
    }
}

fn sha256_mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, HEXLOWER};

    use super::*;

    fn proof<'a>(scheme: Scheme<'a>, message: &'a [u8], signature: &'a [u8]) -> Proof<'a> {
        Proof { access_key_id: "id", security_token: None, scheme, message, signature }
    }

    /// RFC 2202 test case 2, RFC 4231 test case 2.
    #[test]
    fn the_schemes_give_the_published_values() {
        let message = b"what do ya want for nothing?";
        let sha1 = HEXLOWER.decode(b"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").expect("hexadecimal");
        assert!(proof(Scheme::Sha1 { after: "fe" }, message, &sha1).holds(b"Je"));
        let sha256 = b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sha256 = HEXLOWER.decode(sha256).expect("hexadecimal");
        assert!(proof(Scheme::Sha256, message, &sha256).holds(b"Jefe"));
        assert!(proof(Scheme::Sha256Chain { before: "J", steps: &[] }, message, &sha256).holds(b"efe"));
    }

    /// A real signer's output for the first example of the reference for the RPC style.
    #[test]
    fn a_real_client_s_signature_holds() {
        let message = "GET&%2F&AccessKeyId%3DLTAI5tTestAccessKey01%26Action%3DDescribeImages%26Format%3DJSON%26ImageName%3D\
                       %25E5%2590%258D%2520a%252Bb~%252A%26RegionId%3Dlocal-1%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce\
                       %3Dnonce-v1-1%26SignatureType%3D%26SignatureVersion%3D1.0%26Status%3DAvailable%252CCreating%26\
                       Timestamp%3D2026-01-02T03%253A04%253A05Z%26Version%3D2014-05-26";
        let signature = BASE64.decode(b"C8a6cQBc0TrBAR8vxAmyXl0AAvw=").expect("base64");
        let proof = proof(Scheme::Sha1 { after: "&" }, message.as_bytes(), &signature);
        assert!(proof.holds(b"testSecretKey0123456789abcdef"));
        assert!(!proof.holds(b"testSecretKey0123456789abcdeg"));
    }

    /// The example with a derived key: the digest of its canonical request stands in the message.
    #[test]
    fn a_derived_key_is_derived_step_by_step() {
        let message = "SDK-HMAC-SHA256\n20240102T030405Z\n20240102///sdk_request\n\
                       91d5e7b7c6ec0a2ea0acc2891c84d23bffa4dbf466380202cb8036db874fcea8";
        let signature = b"3a3a29f95a731e670af745bf138435c4d71d50bf4fbf3d36b0b6012c97309668";
        let signature = HEXLOWER.decode(signature).expect("hexadecimal");
        let steps = ["20240102", "", "", "sdk_request"];
        let proof = proof(Scheme::Sha256Chain { before: "SDK", steps: &steps }, message.as_bytes(), &signature);
        assert!(proof.holds(b"imprintSecretKey0123456789abcdefghijklmn"));
    }

    #[test]
    fn every_changed_bit_and_every_other_length_is_refused() {
        let right = sha256_mac(b"key", b"message").finalize().into_bytes();
        for bit in 0..right.len() * 8 {
            let mut wrong = right.to_vec();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!proof(Scheme::Sha256, b"message", &wrong).holds(b"key"), "bit {bit}");
        }
        for length in 0..right.len() {
            assert!(!proof(Scheme::Sha256, b"message", &right[..length]).holds(b"key"), "{length} bytes");
        }
        let longer = [&right[..], &[0]].concat();
        assert!(!proof(Scheme::Sha256, b"message", &longer).holds(b"key"));
    }
}
