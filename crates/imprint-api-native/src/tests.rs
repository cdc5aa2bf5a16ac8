//! The dialect on a real engine: every operation done, refused, and asked for by nobody.

mod machines;
mod pushing;

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use imprint_http::{Body, Dialect, Request};
use imprint_identity::{Identity, NewRamRole};
use imprint_machine::testing::FakeHypervisor;
use imprint_model::{Caller, Clock, ContainerFormat, DiskFormat, Image, ImageId, JobId, ProjectId, UserId};
use imprint_service::testing::World;
use imprint_service::{Change, CreateImage, ImportImage, ImportSource, NbdListener, Settings};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{NativeDialect, wire};

const ROOT: (&str, &str) = ("ROOTKEY", "root-secret-of-tests");
/// An id that nothing has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
/// An id that an image is given.
const NEW: &str = "00000000-0000-4000-8000-000000000001";

struct Fixture {
    world: World,
    dialect: Arc<NativeDialect>,
    admin: String,
    /// A token of an account that is not an administrator's.
    tenant: String,
    account: wire::NewAccount,
    image: ImageId,
    job: JobId,
    machines: machines::Put,
}

impl Fixture {
    async fn new() -> Self {
        let nbd = NbdListener { address: ([127, 0, 0, 1], 10_809).into(), tls: false };
        let mut world = World::with(Settings { nbd: Some(nbd), ..Settings::default() });
        world.service = world.service.with_hypervisor(Arc::new(FakeHypervisor::new()), "here".to_owned());
        let settings = imprint_identity::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..Default::default() };
        let identity = Identity::open(world.catalogue.clone(), settings, [5; 32], Arc::new(world.clock.clone()));
        let identity = identity.await.expect("opens");
        identity.bootstrap(ROOT.0, ROOT.1).await.expect("bootstraps");
        let dialect = Arc::new(NativeDialect::new(world.service.clone(), identity.clone()));
        let admin = log_in(&dialect, &world, ROOT, "first-nonce").await;
        let (_, account) = ask(&dialect, "POST", "/imprint/v1/accounts", &admin, json!({ "name": "acme" })).await;
        let account: wire::NewAccount = serde_json::from_slice(&account).expect("an account");
        let role = NewRamRole {
            name: "builder".to_owned(),
            description: String::new(),
            trust_document: r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
                "Principal":{"RAM":["acs:ram::*:root"]}}]}"#
                .replace('*', &account.account_id),
            max_session_secs: 3_600,
        };
        identity.create_ram_role(&account.project_id, role).await.expect("a role");
        let keys = (account.access_key_id.as_str(), account.access_key_secret.as_str());
        let tenant = log_in(&dialect, &world, keys, "second-nonce").await;
        let caller = Caller {
            user: UserId(account.user_id.clone()),
            project: Some(ProjectId(account.project_id.clone())),
            roles: vec!["member".to_owned()],
            grants: None,
            request_id: "req-1".to_owned(),
        };
        let image = queued(&world, &caller).await.id;
        let import = ImportImage {
            source: ImportSource::Url { url: "http://example.com/disk".to_owned() },
            request: json!({}),
            credential: None,
        };
        let machines = machines::put(&world, &caller).await;
        let other = queued(&world, &caller).await.id;
        let job = world.service.import_image(&caller, other, import).await.expect("begins").id;
        Self { world, dialect, admin, tenant, account, image, job, machines }
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: impl Into<Sent>) -> (StatusCode, Bytes) {
        ask(&self.dialect, method, path, token, body).await
    }
}

async fn queued(world: &World, caller: &Caller) -> Image {
    let changes = vec![Change::DiskFormat(Some(DiskFormat::Raw)), Change::ContainerFormat(Some(ContainerFormat::Bare))];
    let wanted = CreateImage { id: None, owner: None, changes };
    world.service.create_image(caller, wanted).await.expect("created")
}

async fn log_in(dialect: &Arc<NativeDialect>, world: &World, keys: (&str, &str), nonce: &str) -> String {
    let (status, body) = ask(dialect, "POST", "/imprint/v1/login", "", signed(world, keys, nonce)).await;
    assert_eq!(status, StatusCode::CREATED, "{body:?}");
    serde_json::from_slice::<wire::LoggedIn>(&body).expect("a token").token
}

fn signed(world: &World, (id, secret): (&str, &str), nonce: &str) -> Value {
    let timestamp = world.clock.now().to_rfc3339_seconds();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(wire::login_message(id, &timestamp, nonce).as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    json!({ "access_key_id": id, "timestamp": timestamp, "nonce": nonce, "signature": signature })
}

/// A body in either form.
struct Sent(Bytes);

impl From<Value> for Sent {
    fn from(value: Value) -> Self {
        Self(value.to_string().into())
    }
}

impl From<Vec<u8>> for Sent {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

async fn ask(
    dialect: &Arc<NativeDialect>,
    method: &str,
    path: &str,
    token: &str,
    body: impl Into<Sent>,
) -> (StatusCode, Bytes) {
    let head = http::Request::builder().method(method).uri(path).header("x-auth-token", token);
    let (head, ()) = head.body(()).expect("valid").into_parts();
    let body = Body::from(body.into().0);
    let request = Request::new(head, body, ([192, 0, 2, 1], 1).into(), "req-1".to_owned());
    let mut request = request.expect("valid");
    let response = match dialect.route(&mut request) {
        Ok(op) => Arc::clone(dialect).call(op, request).await,
        Err(rejection) => dialect.reject(&rejection, "req-1"),
    };
    (response.status, response.into_content().await.expect("in memory"))
}

/// One request, without who asks it.
struct Case {
    op: &'static str,
    method: &'static str,
    path: String,
    body: Sent,
    status: StatusCode,
}

fn case(op: &'static str, method: &'static str, path: impl Into<String>, body: impl Into<Sent>, status: u16) -> Case {
    let status = StatusCode::from_u16(status).expect("a status");
    Case { op, method, path: path.into(), body: body.into(), status }
}

/// A policy that permits everything.
const DOCUMENT: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// A policy to be made that permits some actions.
fn policy(name: &str, actions: &str) -> Value {
    let document = DOCUMENT.replacen(r#""*""#, actions, 1);
    json!({ "name": name, "document": document })
}

/// For every operation a request that is done and one that is refused for what it asks.
fn cases(fixture: &Fixture) -> Vec<Case> {
    let image = fixture.image;
    let key = &fixture.account.access_key_id;
    let none = || json!({});
    let v1 = |rest: &str| format!("/imprint/v1/{rest}");
    vec![
        case("login", "POST", v1("login"), signed(&fixture.world, ROOT, "third-nonce"), 201),
        case("login", "POST", v1("login"), signed(&fixture.world, (ROOT.0, "wrong"), "fourth-nonce"), 401),
        case("list_accounts", "GET", v1("accounts"), none(), 200),
        case("list_accounts", "PUT", v1("accounts"), none(), 405),
        case("create_account", "POST", v1("accounts"), json!({ "name": "other" }), 201),
        case("create_account", "POST", v1("accounts"), json!({ "name": "other" }), 409),
        case("switch_account", "PATCH", v1("accounts/other"), json!({ "enabled": false }), 200),
        case("switch_account", "PATCH", v1("accounts/nobody"), json!({ "enabled": false }), 404),
        case("list_keys", "GET", v1("keys?account=acme"), none(), 200),
        case("list_keys", "GET", v1("keys?account=nobody"), none(), 404),
        case("create_key", "POST", v1("keys"), json!({ "account": "acme" }), 201),
        case("create_key", "POST", v1("keys"), json!({ "account": "acme", "user": "nobody" }), 404),
        case("switch_key", "PATCH", v1(&format!("keys/{key}")), json!({ "enabled": true }), 200),
        case("switch_key", "PATCH", v1(&format!("keys/{key}")), json!({ "enabled": "yes" }), 400),
        case("list_users", "GET", v1("users"), none(), 200),
        case("list_users", "PUT", v1("users"), none(), 405),
        case("create_user", "POST", v1("users"), json!({ "name": "u", "password": "p", "account": "acme" }), 201),
        case("create_user", "POST", v1("users"), json!({ "name": "v", "role": "emperor" }), 400),
        case("delete_user", "DELETE", v1("users/u"), none(), 204),
        case("delete_user", "DELETE", v1("users/u"), none(), 404),
        case("create_bound_user", "POST", v1("accounts/acme/users"), json!({ "name": "ann" }), 201),
        case("create_bound_user", "POST", v1("accounts/acme/users"), json!({ "name": "ann" }), 409),
        case("list_bound_users", "GET", v1("accounts/acme/users"), none(), 200),
        case("list_bound_users", "GET", v1("accounts/nobody/users"), none(), 404),
        case("create_policy", "POST", v1("accounts/acme/policies"), policy("look", r#"["ecs:Describe*"]"#), 201),
        case("create_policy", "POST", v1("accounts/acme/policies"), policy("bad", "7"), 400),
        case("list_policies", "GET", v1("accounts/acme/policies"), none(), 200),
        case("list_policies", "GET", v1("accounts/acme/policies?user=nobody"), none(), 404),
        case("show_policy", "GET", v1("accounts/acme/policies/AdministratorAccess?kind=System"), none(), 200),
        case("show_policy", "GET", v1("accounts/acme/policies/look?kind=system"), none(), 400),
        case("change_policy", "PUT", v1("accounts/acme/policies/look"), json!({ "document": DOCUMENT }), 200),
        case("change_policy", "PUT", v1("accounts/acme/policies/absent"), json!({ "document": DOCUMENT }), 404),
        case("attach_user", "PUT", v1("accounts/acme/users/ann/policies/look"), none(), 204),
        case("attach_user", "PUT", v1("accounts/acme/users/nobody/policies/look"), none(), 404),
        case("detach_user", "DELETE", v1("accounts/acme/users/ann/policies/look"), none(), 204),
        case("detach_user", "DELETE", v1("accounts/acme/users/ann/policies/absent"), none(), 404),
        case("attach_role", "PUT", v1("accounts/acme/roles/builder/policies/look"), none(), 204),
        case("attach_role", "PUT", v1("accounts/acme/roles/nobody/policies/look"), none(), 404),
        case("detach_role", "DELETE", v1("accounts/acme/roles/builder/policies/look"), none(), 204),
        case("detach_role", "DELETE", v1("accounts/acme/roles/nobody/policies/look"), none(), 404),
        case("delete_policy", "DELETE", v1("accounts/acme/policies/look"), none(), 204),
        case("delete_policy", "DELETE", v1("accounts/acme/policies/look"), none(), 404),
        case("delete_bound_user", "DELETE", v1("accounts/acme/users/ann"), none(), 204),
        case("delete_bound_user", "DELETE", v1("accounts/acme/users/ann"), none(), 404),
        case("list_quotas", "GET", v1("accounts/acme/quotas"), none(), 200),
        case("list_quotas", "GET", v1("accounts/nobody/quotas"), none(), 404),
        case("set_quota", "PUT", v1("accounts/acme/quotas/region_images"), json!({ "most": 5 }), 200),
        case("set_quota", "PUT", v1("accounts/acme/quotas/luck"), json!({ "most": 5 }), 400),
        case("unset_quota", "DELETE", v1("accounts/acme/quotas/region_images"), none(), 200),
        case("unset_quota", "DELETE", v1("accounts/acme/quotas/luck"), none(), 400),
        case("store_stats", "GET", v1("store"), none(), 200),
        case("store_stats", "DELETE", v1("store"), none(), 405),
        case("verify_store", "POST", v1("store/verify"), none(), 200),
        case("verify_store", "GET", v1("store/verify"), none(), 405),
        case("collect_store", "POST", v1("store/gc"), json!({ "grace_secs": 0 }), 200),
        case("collect_store", "POST", v1("store/gc"), json!({ "grace_secs": -1 }), 400),
        case("list_jobs", "GET", v1("jobs?state=pending&limit=5"), none(), 200),
        case("list_jobs", "GET", v1("jobs?state=asleep"), none(), 400),
        case("show_job", "GET", v1(&format!("jobs/{}", fixture.job)), none(), 200),
        case("show_job", "GET", v1(&format!("jobs/{NOBODY}")), none(), 404),
        case("push_parameters", "GET", v1("push"), none(), 200),
        case("push_parameters", "PUT", v1("push"), none(), 405),
        case("create_image", "POST", v1("images"), json!({ "id": NEW, "disk_format": "raw" }), 201),
        case("create_image", "POST", v1("images"), json!({ "id": NEW }), 409),
        case("create_image", "POST", v1("images"), json!({ "id": "nobody" }), 400),
        case("missing_chunks", "POST", v1(&format!("images/{image}/chunks/missing")), vec![0; 64], 200),
        case("missing_chunks", "POST", v1(&format!("images/{image}/chunks/missing")), vec![0; 63], 400),
        case("put_chunks", "PUT", v1(&format!("images/{image}/chunks")), vec![1, 0, 0, 0, 9], 204),
        case("put_chunks", "PUT", v1(&format!("images/{image}/chunks")), vec![2, 0, 0, 0, 9], 400),
        case("push_content", "POST", v1(&format!("images/{image}/content")), vec![9], 400),
        case("push_content", "POST", v1(&format!("images/{image}/content")), vec![0; 8], 201),
        case("list_extents", "GET", v1(&format!("images/{image}/extents")), none(), 200),
        case("list_extents", "GET", v1(&format!("images/{NOBODY}/extents")), none(), 404),
        case("export_image", "GET", v1(&format!("images/{image}/export?format=qcow2")), none(), 200),
        case("export_image", "GET", v1(&format!("images/{image}/export?format=vhd&compress")), none(), 400),
        case("export_image", "GET", v1(&format!("images/{image}/export?format=floppy")), none(), 400),
        case("export_image", "GET", v1(&format!("images/{NOBODY}/export")), none(), 404),
        case("check_image", "POST", v1(&format!("images/{image}/check")), none(), 202),
        case("check_image", "POST", v1(&format!("images/{NOBODY}/check")), none(), 404),
        case("show_check", "GET", v1(&format!("images/{image}/check")), none(), 200),
        case("show_check", "GET", v1(&format!("images/{image}/check?as=spdx")), none(), 404),
        case("offer_image_nbd", "POST", v1(&format!("images/{image}/nbd")), none(), 201),
        case("offer_image_nbd", "POST", v1(&format!("images/{image}/nbd")), json!({ "ttl_secs": 0 }), 400),
        case("offer_image_nbd", "POST", v1(&format!("images/{NOBODY}/nbd")), none(), 404),
        case("offer_snapshot_nbd", "POST", v1(&format!("snapshots/{NOBODY}/nbd")), none(), 404),
        case("delete_key", "DELETE", v1(&format!("keys/{key}")), none(), 204),
        case("delete_key", "DELETE", v1(&format!("keys/{key}")), none(), 404),
    ]
    .into_iter()
    .chain(machines::cases(fixture))
    .collect()
}

#[tokio::test]
async fn every_operation_is_done_and_refused_as_documented() {
    let fixture = Fixture::new().await;
    let cases = cases(&fixture);
    for op in fixture.dialect.ops() {
        let of = |done: bool| cases.iter().any(|case| case.op == op.name && case.status.is_success() == done);
        assert!(of(true) && of(false), "{} has no case for success and failure", op.name);
    }
    for Case { op, method, path, body, status } in cases {
        let (got, body) = fixture.ask(method, &path, &fixture.admin, body).await;
        assert_eq!(got, status, "{op} {method} {path}: {}", String::from_utf8_lossy(&body));
        if !status.is_success() {
            let refusal: wire::ErrorBody = serde_json::from_slice(&body).expect("an error body");
            assert!(!refusal.error.code.is_empty() && !refusal.error.message.is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn nobody_gets_past_the_door_and_tenants_administer_nothing() {
    let fixture = Fixture::new().await;
    for op in fixture.dialect.ops().into_iter().filter(|op| op.name != "login") {
        let path = op.path.replace("{id}", &fixture.image.to_string()).replace(['{', '}'], "");
        for token in ["", "forged", ROOT.1] {
            let (status, _) = fixture.ask(op.method.as_str(), &path, token, json!({})).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {token:?}", op.name);
        }
        let (status, _) = fixture.ask(op.method.as_str(), &path, &fixture.tenant, json!({})).await;
        let of_accounts = ["/images", "/jobs", "/push", "/instances", "/disks", "/snapshots"];
        let images = of_accounts.iter().any(|kind| path.contains(kind));
        assert_eq!(status == StatusCode::FORBIDDEN, !images, "{} gave {status}", op.name);
    }
}

#[tokio::test]
async fn a_login_cannot_be_played_back_and_bodies_are_bounded() {
    let fixture = Fixture::new().await;
    let login = signed(&fixture.world, ROOT, "used-once-only");
    let (first, _) = fixture.ask("POST", "/imprint/v1/login", "", login.clone()).await;
    let (again, _) = fixture.ask("POST", "/imprint/v1/login", "", login).await;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::UNAUTHORIZED));
    let (status, _) = fixture.ask("POST", "/imprint/v1/login", "", vec![b' '; 65 << 10]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let path = format!("/imprint/v1/images/{}/chunks", fixture.image);
    let (status, _) = fixture.ask("PUT", &path, &fixture.tenant, vec![0; (16 << 20) + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_switched_off_lets_nobody_in() {
    let fixture = Fixture::new().await;
    let path = format!("/imprint/v1/keys/{}", fixture.account.access_key_id);
    let (status, _) = fixture.ask("PATCH", &path, &fixture.admin, json!({ "enabled": false })).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = fixture.ask("GET", "/imprint/v1/push", &fixture.tenant, json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let keys = (fixture.account.access_key_id.as_str(), fixture.account.access_key_secret.as_str());
    let login = signed(&fixture.world, keys, "another-nonce");
    let (status, _) = fixture.ask("POST", "/imprint/v1/login", "", login).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[test]
fn methods_of_the_registry_are_the_usual_ones() {
    let rows = crate::ops::all();
    let usual = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    assert!(rows.iter().all(|row| usual.contains(&row.method) && row.path.starts_with("/imprint/v1/")));
}
