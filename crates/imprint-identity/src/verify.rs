//! Checking what a request brings: the hot path of every call.

use std::sync::Arc;

use imprint_model::Caller;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::tokens::{Claims, TOKEN_LEN_MAX};
use crate::{Identity, Unauthenticated};

/// Tokens whose signature is remembered to be good. An entry is a few hundred bytes.
const VERIFIED_MAX: usize = 10_000;

/// Tokens with a good signature, by the digest of their text. Expiry and revocation are checked on every use.
pub(crate) struct VerifiedTokens(Cache<[u8; 32], Arc<Claims>>);

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        Self(Cache::new(VERIFIED_MAX))
    }
}

impl Identity {
    /// Who a token speaks for. Reads no database but for the revocations this node has not heard of yet, and for the
    /// policies of a user whom some bound.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub async fn authenticate_token(&self, token: &str, request_id: &str) -> Result<Caller, Unauthenticated> {
        if let Some(trusted) = &self.0.trusted {
            return trusted.authenticate(token, request_id).await;
        }
        let claims = self.verify_token(token).await?;
        let grants = self.grants_of(&claims).await?;
        Ok(claims.caller(grants, request_id))
    }

    /// What a token that was issued here says, if it still counts.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub async fn verify_token(&self, token: &str) -> Result<Arc<Claims>, Unauthenticated> {
        if token.is_empty() || token.len() > TOKEN_LEN_MAX {
            return Err(Unauthenticated::Rejected);
        }
        self.0.follower.keep_fresh().await?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        let claims = match self.0.verified.0.get(&digest) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.0.follower.open_token(token).ok_or(Unauthenticated::Rejected)?);
                self.0.verified.0.insert(digest, Arc::clone(&claims));
                claims
            }
        };
        if claims.expires_at <= self.0.clock.now() || self.0.follower.is_revoked(&claims) {
            return Err(Unauthenticated::Rejected);
        }
        Ok(claims)
    }

    /// Ends a token before its time.
    ///
    /// # Errors
    /// [`crate::Error::Catalogue`].
    pub async fn revoke_token(&self, claims: &Claims) -> Result<(), crate::Error> {
        let (audit_id, now) = (claims.audit_id.to_text(), self.now_micros());
        self.write_revoking(move |tx| crate::revoke(tx, &crate::revoked::Revoked::Token(&audit_id), now)).await
    }
}
