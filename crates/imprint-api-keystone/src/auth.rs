//! From the token a request carries to who asks.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::Claims;

use crate::error::Refusal;
use crate::parts::Parts;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) claims: Arc<Claims>,
}

pub(crate) async fn authenticate(parts: &Parts, request: &Request) -> Result<Asker, Refusal> {
    let token = request.header("x-auth-token").unwrap_or_default();
    Ok(Asker { claims: parts.identity.verify_token(token).await? })
}
