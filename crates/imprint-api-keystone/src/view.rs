//! Bodies of answers.

use imprint_identity::{
    AppCredential, Claims, Description, Domain, Endpoint, Method, NamedAssignment, Project, Region, Role, Scope,
    Service, Target, User,
};
use imprint_model::Timestamp;
use serde_json::{Map, Value, json};

/// A time with microseconds and zone.
pub(crate) fn time(time: Timestamp) -> String {
    format!("{}Z", time.to_iso_micros())
}

/// A list under its name, with its links. `full` when there may be more than are shown.
pub(crate) fn list(name: &str, members: Vec<Value>, own_url: &str) -> Value {
    let full = members.len() >= imprint_identity::LIST_MAX as usize;
    let mut body = Map::new();
    body.insert(name.to_owned(), members.into());
    body.insert("links".to_owned(), json!({"next": null, "self": own_url, "previous": null}));
    if full {
        body.insert("truncated".to_owned(), true.into());
    }
    body.into()
}

fn with_extra(extra: &str, own: Value) -> Value {
    // stored by identity as the JSON object it is; what is ours wins over what a client made up
    let mut body: Map<String, Value> = serde_json::from_str(extra).unwrap_or_default();
    if let Value::Object(own) = own {
        body.extend(own);
    }
    body.into()
}

pub(crate) fn user(user: &User, v3_url: &str) -> Value {
    let mut own = json!({
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "password_expires_at": null,
        "options": {},
        "links": {"self": format!("{v3_url}/users/{}", user.id)},
    });
    if let Some(email) = &user.email {
        own["email"] = email.clone().into();
    }
    if let Some(project) = &user.default_project_id {
        own["default_project_id"] = project.clone().into();
    }
    if !user.description.is_empty() {
        own["description"] = user.description.clone().into();
    }
    with_extra(&user.extra, own)
}

pub(crate) fn project(project: &Project, v3_url: &str) -> Value {
    let tags: Value = serde_json::from_str(&project.tags).unwrap_or_else(|_| json!([]));
    let own = json!({
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "description": project.description,
        "enabled": project.enabled,
        "parent_id": project.parent_id,
        "is_domain": false,
        "tags": tags,
        "options": {},
        "links": {"self": format!("{v3_url}/projects/{}", project.id)},
    });
    with_extra(&project.extra, own)
}

pub(crate) fn domain(domain: &Domain, v3_url: &str) -> Value {
    let own = json!({
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": {},
        "links": {"self": format!("{v3_url}/domains/{}", domain.id)},
    });
    with_extra(&domain.extra, own)
}

pub(crate) fn role(role: &Role, v3_url: &str) -> Value {
    let own = json!({
        "id": role.id,
        "name": role.name,
        "domain_id": null,
        "description": role.description,
        "options": {},
        "links": {"self": format!("{v3_url}/roles/{}", role.id)},
    });
    with_extra(&role.extra, own)
}

/// A role as it stands inside other things.
fn role_short(role: &Role) -> Value {
    json!({"id": role.id, "name": role.name})
}

fn domain_short(domain: &Domain) -> Value {
    json!({"id": domain.id, "name": domain.name})
}

pub(crate) fn app_credential(credential: &AppCredential, secret: Option<&str>, v3_url: &str) -> Value {
    let mut body = json!({
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "system": null,
        "expires_at": credential.expires_at.map(Timestamp::to_iso_micros),
        "unrestricted": credential.unrestricted,
        "roles": credential.roles.iter().map(role_short).collect::<Value>(),
        "links": {
            "self": format!("{v3_url}/users/{}/application_credentials/{}", credential.user_id, credential.id),
        },
    });
    if let Some(secret) = secret {
        body["secret"] = secret.into();
    }
    body
}

pub(crate) fn region(region: &Region, v3_url: &str) -> Value {
    json!({
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_region_id,
        "links": {"self": format!("{v3_url}/regions/{}", region.id)},
    })
}

pub(crate) fn service(service: &Service, v3_url: &str) -> Value {
    json!({
        "id": service.id,
        "type": service.kind,
        "name": service.name,
        "description": service.description,
        "enabled": service.enabled,
        "links": {"self": format!("{v3_url}/services/{}", service.id)},
    })
}

pub(crate) fn endpoint(endpoint: &Endpoint, v3_url: &str) -> Value {
    json!({
        "id": endpoint.id,
        "service_id": endpoint.service_id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "links": {"self": format!("{v3_url}/endpoints/{}", endpoint.id)},
    })
}

/// Whether names go with ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Ids,
    Names,
}

pub(crate) fn assignment(one: &NamedAssignment, naming: Naming, v3_url: &str) -> Value {
    let with_domain = |id: &str, name: &str, domain: Option<&Domain>| match naming {
        Naming::Ids => json!({"id": id}),
        Naming::Names => json!({"id": id, "name": name, "domain": domain.map(domain_short)}),
    };
    let user = with_domain(&one.user.id, &one.user.name, Some(&one.user_domain));
    let role = match naming {
        Naming::Ids => json!({"id": one.role.id}),
        Naming::Names => role_short(&one.role),
    };
    let (scope, place) = match &one.target {
        Target::System => (json!({"system": {"all": true}}), "system".to_owned()),
        Target::Domain(id) => {
            let shown = match (naming, &one.target_domain) {
                (Naming::Names, Some(domain)) => domain_short(domain),
                _ => json!({"id": id}),
            };
            (json!({"domain": shown}), format!("domains/{id}"))
        }
        Target::Project(id) => {
            let name = one.project.as_ref().map_or("", |project| project.name.as_str());
            (json!({"project": with_domain(id, name, one.target_domain.as_ref())}), format!("projects/{id}"))
        }
    };
    let link = format!("{v3_url}/{place}/users/{}/roles/{}", one.user.id, one.role.id);
    json!({"role": role, "user": user, "scope": scope, "links": {"assignment": link}})
}

/// The body that goes with a token; `credential` is the one it was got with.
pub(crate) fn token(
    claims: &Claims,
    names: &Description,
    credential: Option<&AppCredential>,
    catalog: Option<Value>,
) -> Value {
    let mut audit_ids = vec![claims.audit_id.to_text()];
    audit_ids.extend(claims.parent_audit_id.map(|id| id.to_text()));
    let mut body = json!({
        "methods": claims.methods.iter().copied().map(method).collect::<Vec<_>>(),
        "user": {
            "id": names.user.id,
            "name": names.user.name,
            "domain": domain_short(&names.user_domain),
            "password_expires_at": null,
        },
        "audit_ids": audit_ids,
        "expires_at": time(claims.expires_at),
        "issued_at": time(claims.issued_at),
    });
    if let Some((project, domain)) = &names.project {
        body["project"] = json!({"id": project.id, "name": project.name, "domain": domain_short(domain)});
        body["is_domain"] = false.into();
    }
    if let Some(domain) = &names.domain {
        body["domain"] = domain_short(domain);
    }
    if claims.scope == Scope::System {
        body["system"] = json!({"all": true});
    }
    if claims.scope != Scope::Unscoped {
        body["roles"] = names.roles.iter().map(role_short).collect();
        if let Some(catalog) = catalog {
            body["catalog"] = catalog;
        }
    }
    if let Some(used) = credential {
        body["application_credential"] = json!({"id": used.id, "name": used.name, "restricted": !used.unrestricted});
    }
    json!({"token": body})
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Password => "password",
        Method::Token => "token",
        Method::AppCredential => "application_credential",
        Method::AccessKey => "access_key",
    }
}
