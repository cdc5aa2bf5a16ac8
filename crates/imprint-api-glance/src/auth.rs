//! From the token a request carries to a caller.

use http::{HeaderValue, StatusCode, header};
use imprint_http::Request;
use imprint_identity::Unauthenticated;
use imprint_model::Caller;

use crate::error::Refusal;
use crate::parts::Parts;

/// Who asks.
pub(crate) async fn authenticate(parts: &Parts, request: &Request) -> Result<Caller, Refusal> {
    let token = request.header("x-auth-token").unwrap_or_default();
    match parts.identity.authenticate_token(token, &request.request_id).await {
        // this API's rules all speak of roles in a project: a role in the whole installation is none here
        Ok(caller) if caller.project.is_none() => Ok(Caller { roles: Vec::new(), ..caller }),
        Ok(caller) => Ok(caller),
        Err(Unauthenticated::Rejected) => Err(challenge(parts, request)),
        Err(error @ Unauthenticated::Unavailable(_)) => {
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
        }
    }
}

fn challenge(parts: &Parts, request: &Request) -> Refusal {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "The request you have made requires authentication.");
    match HeaderValue::from_str(&format!("Keystone uri=\"{}\"", parts.identity_url(request))) {
        Ok(value) => refusal.with_header(header::WWW_AUTHENTICATE, value),
        // an unusable public URL or Host header: the refusal itself matters more
        Err(_) => refusal,
    }
}
