//! Logging in and making tenants, by the identity calls both servers speak. Never: images.

use super::http::{Connection, Endpoint};
use super::{Outcome, expect};
use serde_json::{Value, json};

/// Projects besides the one that asks: their images are what it must not see.
const OTHERS: usize = 20;
/// The plain user and the project that all measured calls are made as.
const TENANT: &str = "bench";

/// An identity service and the one password that all its users here have.
pub(super) struct Identity {
    pub(super) endpoint: Endpoint,
    pub(super) password: String,
}

/// The projects that own the catalogue.
#[derive(Clone)]
pub(super) struct Tenants {
    pub(super) own: String,
    pub(super) others: Vec<String>,
}

impl Identity {
    /// A token of the administrator.
    pub(super) fn admin(&self) -> Outcome<String> {
        self.login("admin")
    }

    /// A token of the plain user.
    pub(super) fn member(&self) -> Outcome<String> {
        self.login(TENANT)
    }

    /// Logs in as the user `name` to the project of the same name.
    fn login(&self, name: &str) -> Outcome<String> {
        let domain = json!({"id": "default"});
        let user = json!({"name": name, "domain": domain, "password": self.password});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": name, "domain": domain}},
        }});
        let request = self.endpoint.request_with("POST", "/auth/tokens", "", "application/json", &body.to_string());
        let (head, reply) = Connection::new(&self.endpoint).call(&request)?;
        expect("login", head.status, &[201], &reply)?;
        Ok(head.header("x-subject-token").ok_or("login: no X-Subject-Token")?.to_owned())
    }

    /// Makes the tenants where they are missing.
    pub(super) fn provision(&self) -> Outcome<Tenants> {
        let admin = self.admin()?;
        let own = self.ensure(&admin, "project", &json!({"name": TENANT, "domain_id": "default"}))?;
        let user = json!({"name": TENANT, "domain_id": "default", "password": self.password, "enabled": true});
        let user = self.ensure(&admin, "user", &user)?;
        let role = self.ensure(&admin, "role", &json!({"name": "member"}))?;
        let grant = format!("/projects/{own}/users/{user}/roles/{role}");
        self.call(&admin, "PUT", &grant, None, &[204])?;
        let others = (0..OTHERS)
            .map(|n| self.ensure(&admin, "project", &json!({"name": format!("other-{n}"), "domain_id": "default"})))
            .collect::<Outcome<_>>()?;
        Ok(Tenants { own, others })
    }

    /// The id of the one that has the wanted name, made if there is none.
    fn ensure(&self, token: &str, kind: &str, wanted: &Value) -> Outcome<String> {
        let name = wanted["name"].as_str().unwrap_or_default().to_owned();
        let found = self.call(token, "GET", &format!("/{kind}s?name={name}"), None, &[200])?;
        let id = |value: &Value| value["id"].as_str().map(str::to_owned);
        if let Some(id) = found[format!("{kind}s")].get(0).and_then(id) {
            return Ok(id);
        }
        let made = self.call(token, "POST", &format!("/{kind}s"), Some(json!({kind: wanted})), &[201])?;
        id(&made[kind]).ok_or_else(|| format!("{kind} {name}: made without an id").into())
    }

    fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>, wanted: &[u16]) -> Outcome<Value> {
        let request = match body {
            Some(body) => self.endpoint.request_with(method, path, token, "application/json", &body.to_string()),
            None => self.endpoint.request(method, path, token, &[]),
        };
        let (head, reply) = Connection::new(&self.endpoint).call(&request)?;
        expect(&format!("identity: {method} {path}"), head.status, wanted, &reply)?;
        Ok(if reply.is_empty() { Value::Null } else { serde_json::from_slice(&reply)? })
    }
}
