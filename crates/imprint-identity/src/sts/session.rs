//! What a security token holds: everything about one temporary key, sealed.

use std::sync::Arc;

use data_encoding::BASE64;
use imprint_model::Statement;
use serde::{Deserialize, Serialize};

use crate::ram::document::parse_document;
use crate::secrets::Sealer;
use crate::tokens::Claims;
use crate::{Error, NewAccessKey, Principal, Signer};

/// Where a token belongs: nothing else that was sealed opens as one.
const PLACE: &str = "security token";

/// One temporary key, open.
pub(crate) struct Session {
    key: NewAccessKey,
    signer: Signer,
    policy: Option<String>,
    statements: Option<Vec<Statement>>,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    id: String,
    secret: String,
    claims: String,
    account: String,
    principal: Principal,
    sources: Vec<String>,
    policy: Option<String>,
}

impl Session {
    pub(crate) fn new(key: &NewAccessKey, signer: Signer, policy: Option<String>) -> Result<Self, Error> {
        let statements = policy.as_deref().map(parse_document).transpose()?;
        Ok(Self { key: key.clone(), signer, policy, statements })
    }

    pub(crate) fn seal(&self, sealer: &Sealer) -> Result<String, Error> {
        let content = Content {
            id: self.key.id.clone(),
            secret: self.key.secret.clone(),
            claims: BASE64.encode(&self.signer.claims.to_bytes()),
            account: self.signer.account_number.clone(),
            principal: self.signer.principal.clone(),
            sources: self.signer.sources.clone(),
            policy: self.policy.clone(),
        };
        let text = serde_json::to_vec(&content).map_err(|why| Error::Internal(format!("a session as JSON: {why}")))?;
        sealer.seal(PLACE, &text)
    }

    /// `None` for whatever was not sealed here.
    pub(crate) fn open(sealer: &Sealer, token: &str) -> Option<Self> {
        let text = sealer.unseal(PLACE, token).ok()?;
        let Content { id, secret, claims, account, principal, sources, policy } = serde_json::from_slice(&text).ok()?;
        let claims = Claims::from_bytes(&BASE64.decode(claims.as_bytes()).ok()?)?;
        let expires_at = Some(claims.expires_at);
        let signer =
            Signer { claims: Arc::new(claims), account_number: account, principal, grants: None, expires_at, sources };
        Self::new(&NewAccessKey { id, secret }, signer, policy).ok()
    }

    pub(crate) fn key_id(&self) -> &str {
        &self.key.id
    }

    pub(crate) fn secret(&self) -> &[u8] {
        self.key.secret.as_bytes()
    }

    /// Whom it stands for; what policies permit is not in there, for it may change.
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// What the session was narrowed to.
    pub(crate) fn statements(&self) -> Option<&[Statement]> {
        self.statements.as_deref()
    }
}
