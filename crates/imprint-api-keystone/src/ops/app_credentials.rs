//! Application credentials of a user.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::NewAppCredential;
use imprint_model::Timestamp;

use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::error::Refusal;
use crate::fields::{Fields, filter};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_app_credentials", GET, "/users/{id}/application_credentials", list),
        asked!("create_app_credential", POST, "/users/{id}/application_credentials", create),
        asked!("show_app_credential", GET, "/users/{id}/application_credentials/{credential}", show),
        asked!("delete_app_credential", DELETE, "/users/{id}/application_credentials/{credential}", delete),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_user(request.param("id"), "list_application_credentials")?;
    let rows = parts.identity.list_app_credentials(request.param("id"), filter(&request, "name")).await?;
    let url = parts.v3_url(&request);
    let shown = rows.iter().map(|row| view::app_credential(row, None, &url)).collect();
    listed(&parts, &request, "application_credentials", shown)
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    if !asker.is_user(request.param("id")) {
        return Err(Refusal::forbidden("create_application_credential"));
    }
    let mut fields = Fields::read(&mut request, "application_credential").await?;
    let new = NewAppCredential {
        name: fields.needed_text("name")?,
        description: fields.text("description")?.unwrap_or_default(),
        secret: fields.text("secret")?,
        roles: read_roles(&mut fields)?,
        unrestricted: fields.flag("unrestricted")?.unwrap_or(false),
        expires_at: read_expiry(&mut fields)?,
    };
    if fields.value("access_rules").is_some_and(|rules| rules.as_array().is_none_or(|rules| !rules.is_empty())) {
        // silently dropping a restriction would hand out more than was asked for
        return Err(Refusal::bad_request("Invalid input for field 'access_rules': access rules are not supported"));
    }
    let (credential, secret) = parts.identity.create_app_credential(&asker.claims, new).await?;
    made("application_credential", view::app_credential(&credential, Some(&secret), &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_user(request.param("id"), "get_application_credential")?;
    let row = parts.identity.app_credential(request.param("id"), request.param("credential")).await?;
    shown("application_credential", view::app_credential(&row, None, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let user_id = request.param("id");
    if !asker.is_user(user_id) && !asker.is_admin() {
        return Err(Refusal::forbidden("delete_application_credential"));
    }
    parts.identity.delete_app_credential(&asker.claims, user_id, request.param("credential")).await?;
    done()
}

fn read_roles(fields: &mut Fields) -> Result<Option<Vec<String>>, Refusal> {
    let Some(roles) = fields.objects("roles")? else {
        return Ok(None);
    };
    let named = |mut role: Fields| match role.text("id")? {
        Some(id) => Ok(id),
        None => role.needed_text("name"),
    };
    roles.into_iter().map(named).collect::<Result<_, _>>().map(Some)
}

fn read_expiry(fields: &mut Fields) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = fields.text("expires_at")? else {
        return Ok(None);
    };
    let wrong = || Refusal::bad_request("Invalid input for field 'expires_at': it is not a time");
    Timestamp::parse_iso8601(&text).ok_or_else(wrong).map(Some)
}
