//! The wire: requests as clients send them, answers as they must look.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{Method, StatusCode};
use imprint_http::{Dialect, Request, Response};
use imprint_identity::Identity;
use imprint_model::{ManualClock, Timestamp};
use serde_json::{Value, json};

use crate::{KeystoneDialect, Settings};

const ROOT: (&str, &str) = ("ROOTKEY", "root-secret-of-tests");

struct World {
    _directory: tempfile::TempDir,
    dialect: Arc<KeystoneDialect>,
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn world() -> World {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = imprint_catalogue::Settings {
        url: format!("sqlite:{}/imprint.db", directory.path().display()),
        ..imprint_catalogue::Settings::default()
    };
    let catalogue = imprint_catalogue::Catalogue::open(&settings).expect("a new database");
    let settings =
        imprint_identity::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..imprint_identity::Settings::default() };
    let clock = Arc::new(ManualClock::new(Timestamp(1_795_310_916_000_000)));
    let identity = Identity::open(catalogue, settings, [5; 32], clock).await.expect("opens");
    identity.bootstrap(ROOT.0, ROOT.1).await.expect("bootstraps");
    let settings = Settings { public_url: None, regions: vec!["local-1".to_owned(), "local-2".to_owned()] };
    World { _directory: directory, dialect: Arc::new(KeystoneDialect::new(identity, settings)) }
}

fn password(name: &str, password: &str, scope: Value) -> Value {
    let user = json!({"name": name, "domain": {"name": "Default"}, "password": password});
    let mut body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    body["auth"]["scope"] = scope;
    body
}

impl World {
    async fn send(&self, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = http::Request::builder().method(method).uri(target).header("host", "id.test:9292");
        for (name, value) in headers {
            head = head.header(*name, *value);
        }
        let (head, ()) = head.body(()).expect("a valid request").into_parts();
        let mut request = Request::new(head, body.to_owned().into(), ([192, 0, 2, 1], 5).into(), "req-1".to_owned())
            .expect("a valid target");
        let response: Response = match self.dialect.route(&mut request) {
            Ok(op) => Arc::clone(&self.dialect).call(op, request).await,
            Err(rejection) => self.dialect.reject(&rejection, "req-1"),
        };
        let (status, headers) = (response.status.as_u16(), response.headers.clone());
        let content = response.into_content().await.expect("in memory");
        Answer { status, headers, body: serde_json::from_slice(&content).unwrap_or(Value::Null) }
    }

    async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/identity/v3{path}"), &[("x-auth-token", token)], &body).await
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::GET, path, Value::Null).await
    }

    async fn log_in(&self, body: Value) -> Answer {
        self.send(Method::POST, "/identity/v3/auth/tokens", &[], &body.to_string()).await
    }

    async fn admin(&self) -> String {
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        let answer = self.log_in(password("admin", ROOT.1, scope)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.header("x-subject-token").to_owned()
    }

    /// A user with a role on a new project: ids of both and a token.
    async fn person(&self, admin: &str, name: &str, role: &str) -> (String, String, String) {
        let project = self.call(admin, Method::POST, "/projects", json!({"project": {"name": name}})).await;
        let project = id_of(&project.body["project"]);
        let user = json!({"user": {"name": name, "password": "secret", "domain_id": "default"}});
        let user = id_of(&self.call(admin, Method::POST, "/users", user).await.body["user"]);
        let role = self.get(admin, &format!("/roles?name={role}")).await;
        let role = id_of(&role.body["roles"][0]);
        let grant = format!("/projects/{project}/users/{user}/roles/{role}");
        assert_eq!(self.call(admin, Method::PUT, &grant, Value::Null).await.status, 204);
        let answer = self.log_in(password(name, "secret", json!({"project": {"id": project}}))).await;
        (user, project, answer.header("x-subject-token").to_owned())
    }
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn versions_are_told_without_a_token_with_and_without_slash() {
    let world = world().await;
    let v3 = json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": "http://id.test:9292/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    });
    for path in ["/identity", "/identity/"] {
        let answer = world.send(Method::GET, path, &[], "").await;
        assert_eq!((answer.status, &answer.body), (300, &json!({"versions": {"values": [v3]}})));
    }
    for path in ["/identity/v3", "/identity/v3/"] {
        let answer = world.send(Method::GET, path, &[], "").await;
        assert_eq!((answer.status, &answer.body), (200, &json!({"version": v3})));
    }
}

#[tokio::test]
async fn a_project_token_looks_as_clients_expect() {
    let world = world().await;
    let scope = json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
    let answer = world.log_in(password("admin", ROOT.1, scope)).await;
    assert_eq!((answer.status, answer.header("vary")), (201, "X-Auth-Token"));
    let token = &answer.body["token"];
    let expected =
        ["audit_ids", "catalog", "expires_at", "is_domain", "issued_at", "methods", "project", "roles", "user"];
    assert_eq!(keys(token), BTreeSet::from(expected));
    assert_eq!(token["methods"], json!(["password"]));
    assert_eq!(token["issued_at"], "2026-11-22T01:28:36.000000Z");
    assert_eq!(token["expires_at"], "2026-11-23T01:28:36.000000Z");
    assert_eq!(token["user"]["domain"], json!({"id": "default", "name": "Default"}));
    assert_eq!(token["user"]["password_expires_at"], Value::Null);
    assert_eq!(token["project"]["name"], "admin");
    assert_eq!(token["audit_ids"][0].as_str().map(str::len), Some(22));
    let roles: Vec<_> = token["roles"].as_array().expect("roles").iter().map(|role| role["name"].clone()).collect();
    assert_eq!(roles, ["admin", "manager", "member", "reader"]);
    let places: BTreeSet<_> = token["catalog"]
        .as_array()
        .expect("services")
        .iter()
        .flat_map(|service| {
            service["endpoints"].as_array().expect("endpoints").iter().map(|endpoint| {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                (
                    text(&service["type"]),
                    text(&endpoint["region"]),
                    text(&endpoint["interface"]),
                    text(&endpoint["url"]),
                )
            })
        })
        .collect();
    assert_eq!(places.len(), 12, "2 services, 2 regions, 3 interfaces");
    let place = |kind: &str, url: &str| (kind.to_owned(), "local-1".to_owned(), "public".to_owned(), url.to_owned());
    assert!(places.contains(&place("image", "http://id.test:9292")));
    assert!(places.contains(&place("identity", "http://id.test:9292/identity")));
}

#[tokio::test]
async fn other_scopes_look_as_clients_expect() {
    let world = world().await;
    let system = world.log_in(password("admin", ROOT.1, json!({"system": {"all": true}}))).await.body;
    assert_eq!(system["token"]["system"], json!({"all": true}));
    assert!(system["token"].get("project").is_none() && system["token"].get("is_domain").is_none());
    let unscoped = world.log_in(password("admin", ROOT.1, json!("unscoped"))).await.body;
    let expected = ["audit_ids", "expires_at", "issued_at", "methods", "user"];
    assert_eq!(keys(&unscoped["token"]), BTreeSet::from(expected));
    // admin holds nothing on the domain itself
    assert_eq!(world.log_in(password("admin", ROOT.1, json!({"domain": {"id": "default"}}))).await.status, 401);
}

#[tokio::test]
async fn refused_log_ins_all_look_alike() {
    let world = world().await;
    let bodies = [
        password("admin", "wrong", Value::Null),
        password("nobody", ROOT.1, Value::Null),
        password("admin", ROOT.1, json!({"project": {"id": "absent"}})),
        json!({"auth": {"identity": {"methods": ["saml2"], "saml2": {}}}}),
        json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "gAAAAA"}}}}),
    ];
    let message = "The request you have made requires authentication.";
    let expected = json!({"error": {"code": 401, "message": message, "title": "Unauthorized"}});
    for body in bodies {
        let answer = world.log_in(body).await;
        assert_eq!((answer.status, &answer.body), (401, &expected));
        assert_eq!(answer.header("www-authenticate"), "Keystone uri=\"http://id.test:9292/identity\"");
    }
}

#[tokio::test]
async fn malformed_log_ins_are_bad_requests() {
    let world = world().await;
    for body in [
        "",
        "not json",
        "[]",
        "{}",
        r#"{"auth": {}}"#,
        r#"{"auth": {"identity": {"methods": []}}}"#,
        r#"{"auth": {"identity": {"methods": "password"}}}"#,
        r#"{"auth": {"identity": {"methods": ["password"]}}}"#,
        r#"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 7, "password": "x"}}}}}"#,
        r#"{"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}, "scope": {"planet": {}}}}"#,
    ] {
        let answer = world.send(Method::POST, "/identity/v3/auth/tokens", &[], body).await;
        assert_eq!((answer.status, &answer.body["error"]["title"]), (400, &json!("Bad Request")), "{body}");
    }
    let long = format!("{{\"auth\": \"{}\"}}", "x".repeat(300 << 10));
    assert_eq!(world.send(Method::POST, "/identity/v3/auth/tokens", &[], &long).await.status, 413);
}

#[tokio::test]
async fn too_many_failures_are_told_when_to_come_back() {
    let world = world().await;
    for _ in 0..10 {
        assert_eq!(world.log_in(password("admin", "wrong", Value::Null)).await.status, 401);
    }
    let answer = world.log_in(password("admin", ROOT.1, Value::Null)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "60"));
}

#[tokio::test]
async fn a_token_can_be_shown_checked_and_ended() {
    let world = world().await;
    let admin = world.admin().await;
    let (_, _, ann) = world.person(&admin, "ann", "member").await;
    let (_, _, bob) = world.person(&admin, "bob", "member").await;
    let subject = |method: Method, by: &str, subject: &str| {
        let headers = [("x-auth-token", by.to_owned()), ("x-subject-token", subject.to_owned())];
        let world = &world;
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            world.send(method, "/identity/v3/auth/tokens", &headers, "").await
        }
    };
    let shown = subject(Method::GET, &admin, &ann).await;
    assert_eq!((shown.status, &shown.body["token"]["user"]["name"]), (200, &json!("ann")));
    let checked = subject(Method::HEAD, &ann, &ann).await;
    assert_eq!((checked.status, checked.body), (200, Value::Null));
    assert_eq!(subject(Method::GET, &bob, &ann).await.status, 403);
    assert_eq!(subject(Method::DELETE, &bob, &ann).await.status, 403);
    assert_eq!(subject(Method::GET, &admin, "unknown").await.status, 404);
    assert_eq!(subject(Method::DELETE, &ann, &ann).await.status, 204);
    assert_eq!(subject(Method::GET, &admin, &ann).await.status, 404);
    assert_eq!(subject(Method::GET, &ann, &bob).await.status, 401);
}

/// The calls of tempest's dynamic credentials, in their order.
#[tokio::test]
async fn tempest_s_dynamic_credentials_find_everything() {
    let world = world().await;
    let admin = world.admin().await;
    let domains = world.get(&admin, "/domains?name=Default").await.body;
    assert_eq!((&domains["domains"][0]["id"], &domains["domains"][0]["enabled"]), (&json!("default"), &json!(true)));
    assert_eq!(keys(&domains["links"]), BTreeSet::from(["next", "previous", "self"]));

    let body = json!({"project": {"name": "tempest-1", "description": "for a test", "domain_id": "default"}});
    let project = world.call(&admin, Method::POST, "/projects", body.clone()).await;
    assert_eq!(project.status, 201);
    let expected =
        ["description", "domain_id", "enabled", "id", "is_domain", "links", "name", "options", "parent_id", "tags"];
    assert_eq!(keys(&project.body["project"]), BTreeSet::from(expected));
    let project = id_of(&project.body["project"]);
    let again = world.call(&admin, Method::POST, "/projects", body).await;
    assert_eq!((again.status, &again.body["error"]["title"]), (409, &json!("Conflict")));
    assert_eq!(world.get(&admin, &format!("/projects/{project}")).await.status, 200);

    let body = json!({"user": {"name": "tempest-1", "password": "Sec%ret", "domain_id": "default", "email": "a@b.c"}});
    let user = world.call(&admin, Method::POST, "/users", body).await;
    assert_eq!((user.status, &user.body["user"]["email"]), (201, &json!("a@b.c")));
    assert!(user.body["user"].get("password").is_none());
    let user = id_of(&user.body["user"]);

    let roles = world.get(&admin, "/roles").await.body;
    let by_name = |name: &str| {
        let all = roles["roles"].as_array().expect("roles");
        id_of(all.iter().find(|role| role["name"] == name).expect("it is there"))
    };
    for name in ["admin", "manager", "member", "reader", "service"] {
        by_name(name);
    }
    let member = by_name("member");
    let (on_project, on_system) =
        (format!("/projects/{project}/users/{user}/roles/{member}"), format!("/system/users/{user}/roles/{member}"));
    for path in [&on_project, &on_project, &on_system] {
        assert_eq!(world.call(&admin, Method::PUT, path, Value::Null).await.status, 204, "{path}");
        assert_eq!(world.call(&admin, Method::HEAD, path, Value::Null).await.status, 204, "{path}");
    }
    for scope in [json!({"project": {"id": project}}), json!({"system": {"all": true}})] {
        assert_eq!(world.log_in(password("tempest-1", "Sec%ret", scope)).await.status, 201);
    }
    for path in [format!("/users/{user}"), format!("/projects/{project}")] {
        assert_eq!(world.call(&admin, Method::DELETE, &path, Value::Null).await.status, 204);
        assert_eq!(world.call(&admin, Method::DELETE, &path, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn a_name_in_the_place_of_an_id_is_not_found_and_then_listed() {
    let world = world().await;
    let admin = world.admin().await;
    world.person(&admin, "ann", "member").await;
    for (path, name) in
        [("users", "ann"), ("projects", "ann"), ("roles", "member"), ("domains", "Default"), ("services", "imprint")]
    {
        let answer = world.get(&admin, &format!("/{path}/{name}")).await;
        let kind = path.trim_end_matches('s');
        let message = format!("Could not find {kind}: {name}.");
        assert_eq!((answer.status, &answer.body["error"]["message"]), (404, &json!(message)));
        let listed = world.get(&admin, &format!("/{path}?name={name}")).await.body;
        assert_eq!(listed[path].as_array().map(Vec::len), Some(1), "{path}");
        assert_eq!(listed["links"]["self"], format!("http://id.test:9292/identity/v3/{path}?name={name}"));
        let none = world.get(&admin, &format!("/{path}?name=absent")).await.body;
        assert_eq!(none[path], json!([]));
    }
}

#[tokio::test]
async fn only_admin_changes_and_lists_and_everybody_sees_their_own() {
    let world = world().await;
    let admin = world.admin().await;
    let (ann, project, token) = world.person(&admin, "ann", "member").await;
    let (bob, other, _) = world.person(&admin, "bob", "member").await;
    for path in ["/users", "/projects", "/roles", "/domains", "/services", "/endpoints", "/role_assignments", "/groups"]
    {
        let answer = world.get(&token, path).await;
        assert_eq!((answer.status, &answer.body["error"]["title"]), (403, &json!("Forbidden")), "{path}");
    }
    for path in
        [format!("/users/{bob}"), format!("/users/{bob}/projects"), format!("/projects/{other}"), "/users/x".to_owned()]
    {
        assert_eq!(world.get(&token, &path).await.status, 403, "{path}");
    }
    let own = [
        format!("/users/{ann}"),
        format!("/users/{ann}/projects"),
        format!("/users/{ann}/application_credentials"),
        format!("/projects/{project}"),
        format!("/role_assignments?user.id={ann}"),
        "/domains/default".to_owned(),
        "/auth/projects".to_owned(),
        "/auth/domains".to_owned(),
        "/auth/system".to_owned(),
        "/auth/catalog".to_owned(),
        "/regions".to_owned(),
    ];
    for path in own {
        assert_eq!(world.get(&token, &path).await.status, 200, "{path}");
    }
    let make = world.call(&token, Method::POST, "/users", json!({"user": {"name": "eve"}})).await;
    assert_eq!(make.status, 403);
    assert_eq!(world.call(&token, Method::DELETE, &format!("/users/{ann}"), Value::Null).await.status, 403);
}

#[tokio::test]
async fn assignments_are_listed_with_names_and_effects() {
    let world = world().await;
    let admin = world.admin().await;
    let (ann, project, _) = world.person(&admin, "ann", "member").await;
    let direct = world.get(&admin, &format!("/role_assignments?user.id={ann}&scope.project.id={project}")).await.body;
    let direct = direct["role_assignments"].as_array().expect("a list").clone();
    assert_eq!(direct.len(), 1);
    assert_eq!((&direct[0]["user"], &direct[0]["scope"]), (&json!({"id": ann}), &json!({"project": {"id": project}})));
    let named = world.get(&admin, &format!("/role_assignments?user.id={ann}&effective&include_names=True")).await.body;
    let names: Vec<_> =
        named["role_assignments"].as_array().expect("a list").iter().map(|one| one["role"]["name"].clone()).collect();
    assert_eq!(names, ["member", "reader"]);
    let default = json!({"id": "default", "name": "Default"});
    assert_eq!(named["role_assignments"][0]["user"], json!({"id": ann, "name": "ann", "domain": default}));
    let system = world.get(&admin, "/role_assignments?scope.system=all").await.body;
    assert_eq!(system["role_assignments"][0]["scope"], json!({"system": {"all": true}}));
    let reader = id_of(&world.get(&admin, "/roles?name=reader").await.body["roles"][0]);
    let path = format!("/projects/{project}/users/{ann}/roles/{reader}");
    assert_eq!(world.call(&admin, Method::HEAD, &path, Value::Null).await.status, 404, "held by inclusion only");
}

#[tokio::test]
async fn records_are_patched_and_keep_what_we_do_not_know() {
    let world = world().await;
    let admin = world.admin().await;
    let (ann, project, token) = world.person(&admin, "ann", "member").await;
    let patch = json!({"user": {"name": "anna", "colour": "green", "email": null, "description": "x"}});
    let user = world.call(&admin, Method::PATCH, &format!("/users/{ann}"), patch).await;
    assert_eq!(
        (user.status, &user.body["user"]["name"], &user.body["user"]["colour"]),
        (200, &json!("anna"), &json!("green"))
    );
    let bad = world.call(&admin, Method::PATCH, &format!("/users/{ann}"), json!({"user": {"enabled": "no"}})).await;
    assert_eq!(bad.status, 400);
    assert!(bad.body["error"]["message"].as_str().is_some_and(|text| text.contains("'enabled'")));
    let taken = world.call(&admin, Method::PATCH, &format!("/users/{ann}"), json!({"user": {"name": "admin"}})).await;
    assert_eq!(taken.status, 409);
    let off = json!({"project": {"enabled": false, "tags": ["a"]}});
    let answer = world.call(&admin, Method::PATCH, &format!("/projects/{project}"), off).await;
    assert_eq!((answer.status, &answer.body["project"]["tags"]), (200, &json!(["a"])));
    assert_eq!(world.get(&token, "/auth/projects").await.status, 401, "its tokens have ended");
}

#[tokio::test]
async fn an_application_credential_is_made_used_and_removed() {
    let world = world().await;
    let admin = world.admin().await;
    let (ann, project, token) = world.person(&admin, "ann", "member").await;
    let path = format!("/users/{ann}/application_credentials");
    let body = json!({"application_credential": {"name": "ci", "roles": [{"name": "reader"}]}});
    let made = world.call(&token, Method::POST, &path, body).await;
    assert_eq!(made.status, 201);
    let made = &made.body["application_credential"];
    let expected = [
        "description",
        "expires_at",
        "id",
        "links",
        "name",
        "project_id",
        "roles",
        "secret",
        "system",
        "unrestricted",
        "user_id",
    ];
    assert_eq!(keys(made), BTreeSet::from(expected));
    let credential = json!({"id": made["id"], "secret": made["secret"]});
    let identity = json!({"methods": ["application_credential"], "application_credential": credential});
    let login = world.log_in(json!({"auth": {"identity": identity}})).await;
    assert_eq!((login.status, &login.body["token"]["project"]["id"]), (201, &json!(project)));
    let by_name = json!({"name": "ci", "user": {"id": ann}, "secret": made["secret"]});
    let identity = json!({"methods": ["application_credential"], "application_credential": by_name});
    let login = world.log_in(json!({"auth": {"identity": identity}})).await;
    let shown = json!({"id": made["id"], "name": "ci", "restricted": true});
    assert_eq!((login.status, &login.body["token"]["application_credential"]), (201, &shown));
    let body = json!({"application_credential": {"name": "free", "unrestricted": true}});
    let free = world.call(&token, Method::POST, &path, body).await;
    let free = &free.body["application_credential"];
    let credential = json!({"id": free["id"], "secret": free["secret"]});
    let identity = json!({"methods": ["application_credential"], "application_credential": credential});
    let login = world.log_in(json!({"auth": {"identity": identity}})).await;
    let shown = json!({"id": free["id"], "name": "free", "restricted": false});
    assert_eq!(login.body["token"]["application_credential"], shown);
    let one = format!("{path}/{}", id_of(made));
    assert!(world.get(&token, &one).await.body["application_credential"].get("secret").is_none());
    assert_eq!(world.call(&token, Method::DELETE, &one, Value::Null).await.status, 204);
    assert_eq!(world.get(&token, &one).await.status, 404);
    assert_eq!(
        world.call(&admin, Method::POST, &path, json!({"application_credential": {"name": "x"}})).await.status,
        403
    );
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let world = world().await;
    let admin = world.admin().await;
    let (ann, _, token) = world.person(&admin, "ann", "member").await;
    let path = format!("/users/{ann}/password");
    let change = |old: &str| json!({"user": {"original_password": old, "password": "new"}});
    assert_eq!(world.call("", Method::POST, &path, change("wrong")).await.status, 401);
    assert_eq!(world.call("", Method::POST, &path, change("secret")).await.status, 204);
    assert_eq!(world.get(&token, "/auth/projects").await.status, 401);
    assert_eq!(world.log_in(password("ann", "new", Value::Null)).await.status, 201);
}

#[tokio::test]
async fn an_operator_s_services_join_the_catalogue() {
    let world = world().await;
    let admin = world.admin().await;
    let region = world.call(&admin, Method::POST, "/regions", json!({"region": {"id": "far"}})).await;
    assert_eq!(region.status, 201);
    let service = json!({"service": {"type": "compute", "name": "nova"}});
    let service = id_of(&world.call(&admin, Method::POST, "/services", service).await.body["service"]);
    let endpoint = |service: &str, region: &str| json!({"endpoint": {"service_id": service, "interface": "public", "region_id": region, "url": "http://c.test"}});
    for (service, region, status) in
        [(service.as_str(), "far", 201), ("absent", "far", 400), (service.as_str(), "nowhere", 400)]
    {
        assert_eq!(world.call(&admin, Method::POST, "/endpoints", endpoint(service, region)).await.status, status);
    }
    let catalog = world.get(&admin, "/auth/catalog").await.body;
    let nova = catalog["catalog"].as_array().expect("services").iter().find(|one| one["name"] == "nova").cloned();
    assert_eq!(nova.expect("it is there")["endpoints"][0]["url"], "http://c.test");
    assert_eq!(world.call(&admin, Method::DELETE, &format!("/services/{service}"), Value::Null).await.status, 204);
    assert_eq!(world.get(&admin, "/endpoints?region_id=far").await.body["endpoints"], json!([]));
    let own = id_of(&world.get(&admin, "/services?name=imprint").await.body["services"][0]);
    assert_eq!(world.call(&admin, Method::DELETE, &format!("/services/{own}"), Value::Null).await.status, 403);
}

#[tokio::test]
async fn a_domain_is_removed_only_when_switched_off() {
    let world = world().await;
    let admin = world.admin().await;
    let made = world.call(&admin, Method::POST, "/domains", json!({"domain": {"name": "Elsewhere"}})).await;
    let path = format!("/domains/{}", id_of(&made.body["domain"]));
    assert_eq!(world.call(&admin, Method::DELETE, &path, Value::Null).await.status, 403);
    assert_eq!(world.call(&admin, Method::PATCH, &path, json!({"domain": {"enabled": false}})).await.status, 200);
    assert_eq!(world.call(&admin, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(world.call(&admin, Method::DELETE, "/domains/default", Value::Null).await.status, 403);
}

/// Whatever the operation, it asks for a token first, unless it is one of the four that give or need none.
#[tokio::test]
async fn every_other_operation_needs_a_token() {
    let world = world().await;
    let open = BTreeSet::from(["list_versions", "show_version", "create_token", "change_password"]);
    for op in world.dialect.ops() {
        let answer = world.send(op.method, op.path, &[], "").await;
        let asked = answer.status == StatusCode::UNAUTHORIZED.as_u16();
        assert_eq!(asked, !open.contains(op.name), "{}: {}", op.name, answer.status);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_this_api_s_words() {
    let world = world().await;
    let answer = world.send(Method::GET, "/identity/v3/planets", &[], "").await;
    assert_eq!((answer.status, &answer.body["error"]["title"]), (404, &json!("Not Found")));
    assert_eq!(world.send(Method::PUT, "/identity/v3/users", &[], "").await.status, 405);
}
