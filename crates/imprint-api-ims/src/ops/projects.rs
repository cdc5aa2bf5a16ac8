//! The one question of the identity API that signing clients ask before any other: which project they act for in a
//! region.

use http::Method;
use serde_json::{Value, json};

use crate::answer;
use crate::call::Call;
use crate::op::{Family, Op, Outcome, Parameter, run};

pub(super) const OPS: &[Op] = &[Op::new(
    Family::About,
    "list_projects",
    Method::GET,
    "/v3/projects",
    "Gives the project that the key acts for, under the name of a region or its own.",
    run!(list),
)
.parameters(&[Parameter::query("name", "A region, or the project's name; without one the project is given.")])];

async fn list(call: Call) -> Outcome {
    let project = call.parts.identity.project(call.project()?.as_str()).await?;
    let name = match call.query_first("name") {
        None | Some("") => Some(project.name.clone()),
        // every region has one project of each account
        Some(name) if call.parts.regions().iter().any(|region| region == name) => Some(name.to_owned()),
        Some(name) => (name == project.name).then(|| name.to_owned()),
    };
    let shown = |name: String| {
        json!({
            "id": project.id,
            "name": name,
            "domain_id": project.domain_id,
            "parent_id": project.domain_id,
            "is_domain": false,
            "enabled": project.enabled,
            "description": project.description,
            "links": {},
        })
    };
    let projects: Vec<Value> = name.into_iter().map(shown).collect();
    Ok(answer::ok(&json!({ "projects": projects, "links": {} })))
}
