//! Who holds which role where: giving, taking away, looking, on projects, domains and the system.

use std::sync::Arc;

use http::Method;
use imprint_http::Request;
use imprint_identity::{AssignmentQuery, Target};

use super::{Outcome, Row, asked, done, listed};
use crate::auth::Asker;
use crate::error::Refusal;
use crate::fields::{filter, switch};
use crate::parts::Parts;
use crate::view::{self, Naming};

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("list_role_assignments", GET, "/role_assignments", list),
        asked!("list_project_roles", GET, "/projects/{project}/users/{user}/roles", on_project),
        asked!("grant_project_role", PUT, "/projects/{project}/users/{user}/roles/{role}", on_project),
        asked!("check_project_role", HEAD, "/projects/{project}/users/{user}/roles/{role}", on_project),
        asked!("show_project_role", GET, "/projects/{project}/users/{user}/roles/{role}", on_project),
        asked!("revoke_project_role", DELETE, "/projects/{project}/users/{user}/roles/{role}", on_project),
        asked!("list_domain_roles", GET, "/domains/{domain}/users/{user}/roles", on_domain),
        asked!("grant_domain_role", PUT, "/domains/{domain}/users/{user}/roles/{role}", on_domain),
        asked!("check_domain_role", HEAD, "/domains/{domain}/users/{user}/roles/{role}", on_domain),
        asked!("show_domain_role", GET, "/domains/{domain}/users/{user}/roles/{role}", on_domain),
        asked!("revoke_domain_role", DELETE, "/domains/{domain}/users/{user}/roles/{role}", on_domain),
        asked!("list_system_roles", GET, "/system/users/{user}/roles", on_system),
        asked!("grant_system_role", PUT, "/system/users/{user}/roles/{role}", on_system),
        asked!("check_system_role", HEAD, "/system/users/{user}/roles/{role}", on_system),
        asked!("show_system_role", GET, "/system/users/{user}/roles/{role}", on_system),
        asked!("revoke_system_role", DELETE, "/system/users/{user}/roles/{role}", on_system),
    ]
}

async fn list(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let query = AssignmentQuery {
        user_id: filter(&request, "user.id"),
        role_id: filter(&request, "role.id"),
        target: wanted_target(&request),
        effective: switch(&request, "effective"),
    };
    if !query.user_id.as_deref().is_some_and(|id| asker.is_user(id)) {
        asker.must_see_all("list_role_assignments")?;
    }
    // no group holds anything
    let rows = match request.query_first("group.id") {
        Some(_) => Vec::new(),
        None => parts.identity.list_assignments(query).await?,
    };
    let naming = if switch(&request, "include_names") { Naming::Names } else { Naming::Ids };
    let url = parts.v3_url(&request);
    let shown = rows.iter().map(|row| view::assignment(row, naming, &url)).collect();
    listed(&parts, &request, "role_assignments", shown)
}

fn wanted_target(request: &Request) -> Option<Target> {
    let project = filter(request, "scope.project.id").map(Target::Project);
    let domain = || filter(request, "scope.domain.id").map(Target::Domain);
    let system = || request.query_first("scope.system").map(|_| Target::System);
    project.or_else(domain).or_else(system)
}

async fn on_project(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let target = Target::Project(request.param("project").to_owned());
    on(&parts, &asker, &request, target).await
}

async fn on_domain(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let target = super::domains::target(&request);
    on(&parts, &asker, &request, target).await
}

async fn on_system(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    on(&parts, &asker, &request, Target::System).await
}

/// What the method asks for, on any target.
async fn on(parts: &Parts, asker: &Asker, request: &Request, target: Target) -> Outcome {
    let (user, role) = (request.param("user"), request.param("role"));
    match request.method {
        Method::PUT => {
            asker.must_be_admin("create_grant")?;
            parts.identity.grant(user, target, role).await?;
            done()
        }
        Method::DELETE => {
            asker.must_be_admin("revoke_grant")?;
            parts.identity.take_away(user, target, role).await?;
            done()
        }
        _ if role.is_empty() => {
            asker.must_see_all("list_grants")?;
            list_on(parts, request, target).await
        }
        _ => {
            asker.must_see_all("check_grant")?;
            if parts.identity.holds(user, target, role).await? {
                return done();
            }
            Err(Refusal::not_found("role assignment", role))
        }
    }
}

async fn list_on(parts: &Parts, request: &Request, target: Target) -> Outcome {
    let user = parts.identity.user(request.param("user")).await?;
    match &target {
        Target::Project(id) => parts.identity.project(id).await.map(drop)?,
        Target::Domain(id) => parts.identity.domain(id).await.map(drop)?,
        Target::System => {}
    }
    let query = AssignmentQuery { user_id: Some(user.id), target: Some(target), ..AssignmentQuery::default() };
    let held = parts.identity.list_assignments(query).await?;
    let url = parts.v3_url(request);
    listed(parts, request, "roles", held.iter().map(|held| view::role(&held.role, &url)).collect())
}
