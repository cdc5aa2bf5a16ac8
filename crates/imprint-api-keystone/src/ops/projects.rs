//! Projects.

use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::{NewProject, ProjectFilter, ProjectPatch};

use super::{Outcome, Row, asked, done, listed, made, shown};
use crate::auth::Asker;
use crate::error::Refusal;
use crate::fields::{Fields, filter, filter_flag, switch};
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_projects", GET, "/projects", list),
        asked!("create_project", POST, "/projects", create),
        asked!("show_project", GET, "/projects/{id}", show),
        asked!("update_project", PATCH, "/projects/{id}", update),
        asked!("delete_project", DELETE, "/projects/{id}", delete),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_see_all("list_projects")?;
    let url = parts.v3_url(&request);
    // domains are no projects here
    if switch(&request, "is_domain") {
        return listed(&parts, &request, "projects", Vec::new());
    }
    let wanted = ProjectFilter {
        name: filter(&request, "name"),
        domain_id: filter(&request, "domain_id"),
        parent_id: filter(&request, "parent_id"),
        enabled: filter_flag(&request, "enabled"),
    };
    let rows = parts.identity.list_projects(wanted).await?;
    listed(&parts, &request, "projects", rows.iter().map(|row| view::project(row, &url)).collect())
}

async fn create(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("create_project")?;
    let mut fields = Fields::read(&mut request, "project").await?;
    if fields.flag("is_domain")? == Some(true) {
        return Err(Refusal::bad_request("Invalid input for field 'is_domain': make a domain instead"));
    }
    let new = NewProject {
        name: fields.needed_text("name")?,
        domain_id: fields.text("domain_id")?,
        parent_id: fields.text("parent_id")?,
        description: fields.text("description")?.unwrap_or_default(),
        enabled: fields.flag("enabled")?.unwrap_or(true),
        tags: fields.texts("tags")?.unwrap_or_default(),
        extra: fields.rest(),
    };
    let row = parts.identity.create_project(new).await?;
    made("project", view::project(&row, &parts.v3_url(&request)))
}

async fn show(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let id = request.param("id");
    if !asker.sees_all() && asker.claims.project_id() != Some(id) {
        let own = parts.identity.list_projects_of_user(&asker.claims.user_id).await?;
        if !own.iter().any(|project| project.id == id) {
            return Err(Refusal::forbidden("get_project"));
        }
    }
    let row = parts.identity.project(id).await?;
    shown("project", view::project(&row, &parts.v3_url(&request)))
}

async fn update(parts: Arc<Parts>, asker: Asker, mut request: Request) -> Outcome {
    asker.must_be_admin("update_project")?;
    let mut fields = Fields::read(&mut request, "project").await?;
    super::domains::must_not_move(&mut fields)?;
    if fields.value("parent_id").is_some() {
        return Err(Refusal::new(http::StatusCode::FORBIDDEN, "Update of `parent_id` is not allowed."));
    }
    let patch = ProjectPatch {
        name: fields.text("name")?,
        description: fields.text("description")?,
        enabled: fields.flag("enabled")?,
        tags: fields.texts("tags")?,
        extra: fields.rest(),
    };
    let row = parts.identity.update_project(request.param("id"), patch).await?;
    shown("project", view::project(&row, &parts.v3_url(&request)))
}

async fn delete(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    asker.must_be_admin("delete_project")?;
    parts.identity.delete_project(request.param("id")).await?;
    done()
}
