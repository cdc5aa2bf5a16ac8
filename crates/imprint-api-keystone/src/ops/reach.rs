//! What the bearer of a token can reach: services, and projects, domains and the system to scope a token to.

use std::collections::BTreeMap;
use std::sync::Arc;

use imprint_http::Request;
use imprint_identity::{AssignmentQuery, Target};
use serde_json::json;

use super::{Outcome, Row, asked, headless, listed};
use crate::auth::Asker;
use crate::catalogue::ServiceList;
use crate::parts::Parts;
use crate::view;

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked!("show_catalog", GET, "/auth/catalog", catalog),
        asked!("check_catalog", HEAD, "/auth/catalog", catalog),
        asked!("list_own_projects", GET, "/auth/projects", projects),
        asked!("check_own_projects", HEAD, "/auth/projects", projects),
        asked!("list_own_domains", GET, "/auth/domains", domains),
        asked!("check_own_domains", HEAD, "/auth/domains", domains),
        asked!("list_own_systems", GET, "/auth/system", system),
        asked!("check_own_systems", HEAD, "/auth/system", system),
    ]
}

async fn catalog(parts: Arc<Parts>, _: Asker, request: Request) -> Outcome {
    let catalog = ServiceList::load(&parts, &request).await?.to_catalog();
    let services = catalog.as_array().cloned().unwrap_or_default();
    headless(&request.method, listed(&parts, &request, "catalog", services))
}

async fn projects(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let rows = parts.identity.list_projects_of_user(&asker.claims.user_id).await?;
    let url = parts.v3_url(&request);
    let shown = rows.iter().filter(|row| row.enabled).map(|row| view::project(row, &url)).collect();
    headless(&request.method, listed(&parts, &request, "projects", shown))
}

async fn domains(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let url = parts.v3_url(&request);
    let mut shown = BTreeMap::new();
    for held in own_assignments(&parts, &asker).await? {
        if let (Target::Domain(id), Some(domain)) = (held.target, held.target_domain) {
            shown.insert(id, view::domain(&domain, &url));
        }
    }
    headless(&request.method, listed(&parts, &request, "domains", shown.into_values().collect()))
}

async fn system(parts: Arc<Parts>, asker: Asker, request: Request) -> Outcome {
    let held = own_assignments(&parts, &asker).await?;
    let whole = held.iter().any(|held| held.target == Target::System);
    let shown = if whole { vec![json!({"all": true})] } else { Vec::new() };
    headless(&request.method, listed(&parts, &request, "system", shown))
}

async fn own_assignments(
    parts: &Parts,
    asker: &Asker,
) -> Result<Vec<imprint_identity::NamedAssignment>, imprint_identity::Error> {
    let query = AssignmentQuery { user_id: Some(asker.claims.user_id.clone()), ..AssignmentQuery::default() };
    parts.identity.list_assignments(query).await
}
