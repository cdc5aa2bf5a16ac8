//! Logging in, and looking at and ending tokens.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use imprint_http::{Op, Request, Response};
use imprint_identity::{Claims, Method as LoginMethod, Unauthenticated};

use super::{Act, Outcome, Row, asked, done, headless};
use crate::auth::Asker;
use crate::catalogue::ServiceList;
use crate::error::Refusal;
use crate::fields::Fields;
use crate::login::read_login;
use crate::parts::Parts;
use crate::view;

const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");

pub(super) fn rows() -> Vec<Row> {
    let log_in = Act::Open(|parts, request| Box::pin(create(parts, request)));
    vec![
        Op::new("create_token", Method::POST, "/identity/v3/auth/tokens", log_in),
        asked!("show_token", GET, "/auth/tokens", show),
        asked!("check_token", HEAD, "/auth/tokens", show),
        asked!("delete_token", DELETE, "/auth/tokens", delete),
    ]
}

async fn create(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let login = read_login(Fields::read(&mut request, "auth").await?, request.remote.ip())?;
    let issued = parts.identity.login(login).await?;
    let body = token_body(&parts, &request, &issued.claims).await?;
    let mut token = HeaderValue::from_str(&issued.token)
        .map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "The token cannot stand in a header."))?;
    token.set_sensitive(true);
    Ok(Response::json(StatusCode::CREATED, &body).with_header(SUBJECT, token))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let claims = subject(&parts, &request).await?;
    let may = asker.is_user(&claims.user_id) || asker.sees_all() || asker.is_service();
    if !may {
        return Err(Refusal::forbidden("validate_token"));
    }
    let body = token_body(&parts, &request, &claims).await?;
    let subject = request.header(SUBJECT).unwrap_or_default();
    headless(&request.method, Ok(Response::json(StatusCode::OK, &body).with_text_header(SUBJECT, subject)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let claims = subject(&parts, &request).await?;
    if !asker.is_user(&claims.user_id) && !asker.is_admin() {
        return Err(Refusal::forbidden("revoke_token"));
    }
    parts.identity.revoke_token(&claims).await?;
    done()
}

/// The token a request is about.
async fn subject(parts: &Parts, request: &Request) -> Result<Arc<Claims>, Refusal> {
    let token = request.header(SUBJECT).ok_or_else(|| Refusal::not_found("token", ""))?;
    match parts.identity.verify_token(token).await {
        Ok(claims) => Ok(claims),
        // its text is a secret of somebody's, so it is not repeated
        Err(Unauthenticated::Rejected) => Err(Refusal::not_found("token", "")),
        Err(error) => Err(error.into()),
    }
}

async fn token_body(parts: &Parts, request: &Request, claims: &Claims) -> Result<serde_json::Value, Refusal> {
    let names = parts.identity.describe(claims).await?;
    // access keys stand in the same place
    let by_credential = claims.methods.contains(&LoginMethod::AppCredential);
    let credential = match &claims.credential_id {
        Some(id) if by_credential => Some(parts.identity.app_credential(&claims.user_id, id).await?),
        _ => None,
    };
    let catalog = match request.query_first("nocatalog") {
        Some(_) => None,
        None => Some(ServiceList::load(parts, request).await?.to_catalog()),
    };
    Ok(view::token(claims, &names, credential.as_ref(), catalog))
}
