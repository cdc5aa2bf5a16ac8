//! Users.

use std::sync::Arc;

use http::Method;
use imprint_http::{Op, Request};
use imprint_identity::{NewUser, UserFilter, UserPatch};

use super::{Act, Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::fields::{Fields, filter, filter_flag};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    // who knows the old password needs no token, which a locked-out user could not get
    let change = Act::Open(|parts, request| Box::pin(change_password(parts, request)));
    vec![
        asked!("list_users", GET, "/users", list),
        asked!("create_user", POST, "/users", create),
        asked!("show_user", GET, "/users/{id}", show),
        asked!("update_user", PATCH, "/users/{id}", update),
        asked!("delete_user", DELETE, "/users/{id}", delete),
        asked!("list_user_projects", GET, "/users/{id}/projects", projects),
        Op::new("change_password", Method::POST, "/identity/v3/users/{id}/password", change),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_users")?;
    let wanted = UserFilter {
        name: filter(&request, "name"),
        domain_id: filter(&request, "domain_id"),
        enabled: filter_flag(&request, "enabled"),
    };
    let rows = parts.identity.list_users(wanted).await?;
    let url = parts.v3_url(&request);
    listed(&parts, &request, "users", rows.iter().map(|row| view::user(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_user")?;
    let mut fields = Fields::read(&mut request, "user").await?;
    let new = NewUser {
        name: fields.needed_text("name")?,
        domain_id: fields.text("domain_id")?,
        password: fields.text("password")?,
        description: fields.text("description")?.unwrap_or_default(),
        email: fields.text("email")?,
        enabled: fields.flag("enabled")?.unwrap_or(true),
        default_project_id: fields.text("default_project_id")?,
        extra: fields.rest(),
    };
    let row = parts.identity.create_user(new).await?;
    made("user", view::user(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_user(request.param("id"), "get_user")?;
    let row = parts.identity.user(request.param("id")).await?;
    shown("user", view::user(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_user")?;
    let mut fields = Fields::read(&mut request, "user").await?;
    super::domains::must_not_move(&mut fields)?;
    let patch = UserPatch {
        name: fields.text("name")?,
        password: fields.text("password")?,
        description: fields.text("description")?,
        email: fields.nullable_text("email")?,
        enabled: fields.flag("enabled")?,
        default_project_id: fields.nullable_text("default_project_id")?,
        extra: fields.rest(),
    };
    let row = parts.identity.update_user(request.param("id"), patch).await?;
    shown("user", view::user(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_user")?;
    parts.identity.delete_user(request.param("id")).await?;
    done()
}

async fn projects(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_user(request.param("id"), "list_user_projects")?;
    let user = parts.identity.user(request.param("id")).await?;
    let rows = parts.identity.list_projects_of_user(&user.id).await?;
    let url = parts.v3_url(&request);
    listed(&parts, &request, "projects", rows.iter().map(|row| view::project(row, &url)).collect())
}

async fn change_password(parts: Arc<Parts>, mut request: Request) -> Outcome {
    let mut fields = Fields::read(&mut request, "user").await?;
    let (old, new) = (fields.needed_text("original_password")?, fields.needed_text("password")?);
    parts.identity.change_password(request.param("id"), &old, &new, request.remote.ip()).await?;
    done()
}
