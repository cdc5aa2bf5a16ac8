//! `POST /imprint/v1/login`: a token for who holds an access key.

use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;
use http::Method;
use imprint_http::{Op, Request};

use super::{Act, Outcome, Row, created, read};
use crate::error::Refusal;
use crate::parts::Parts;
use crate::wire;

pub(super) const OPS: &[Row] =
    &[Op::new("login", Method::POST, "/imprint/v1/login", Act::Open(|parts, request| Box::pin(login(parts, request))))];

async fn login(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let wire::Login { access_key_id, timestamp, nonce, signature } = read(&mut request).await?;
    if parts.identity.trusts_outside() {
        return Err(Refusal::invalid("this service trusts an external identity service: get a token there"));
    }
    let signature = HEXLOWER_PERMISSIVE
        .decode(signature.as_bytes())
        .map_err(|_| Refusal::invalid("signature must be hexadecimal digits"))?;
    let issued = parts.identity.token_for_access_key(&access_key_id, &timestamp, &nonce, &signature).await?;
    created(&wire::LoggedIn {
        expires_at: issued.claims.expires_at.to_rfc3339_seconds(),
        user_id: issued.claims.user_id.clone(),
        project_id: issued.claims.project_id().map(str::to_owned),
        roles: issued.claims.roles.clone(),
        token: issued.token,
    })
}
