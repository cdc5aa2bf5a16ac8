//! Identity on a real catalogue in a temporary directory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Catalogue;
use imprint_model::{ManualClock, Timestamp, role};

use crate::*;

mod ram;
mod sts;

const ROOT: (&str, &str) = ("ROOTKEY", "root-secret-of-tests");
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const MASTER: [u8; 32] = [5; 32];

struct World {
    directory: tempfile::TempDir,
    catalogue: Catalogue,
    clock: ManualClock,
    identity: Identity,
}

fn settings() -> Settings {
    Settings { argon2_memory_kib: 64, argon2_passes: 1, login_failures_max: 3, ..Settings::default() }
}

async fn node(catalogue: &Catalogue, clock: &ManualClock) -> Identity {
    Identity::open(catalogue.clone(), settings(), MASTER, Arc::new(clock.clone())).await.expect("opens")
}

async fn world() -> World {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}/imprint.db", directory.path().display());
    world_on(directory, url).await
}

async fn world_on(directory: tempfile::TempDir, url: String) -> World {
    // the other engine's client blocks, which a thread of the runtime must not
    let settings = imprint_catalogue::Settings { url, ..imprint_catalogue::Settings::default() };
    let opened = tokio::task::spawn_blocking(move || Catalogue::open(&settings)).await.expect("runs");
    let catalogue = opened.expect("a new database");
    let clock = ManualClock::new(Timestamp(1_795_310_916_000_000));
    let identity = node(&catalogue, &clock).await;
    identity.bootstrap(ROOT.0, ROOT.1).await.expect("bootstraps");
    World { directory, catalogue, clock, identity }
}

fn by_password(user: UserRef, password: &str, scope: WantedScope) -> Login {
    Login { credential: Credential::Password { user, password: password.to_owned() }, scope, address: HERE }
}

fn named(name: &str) -> UserRef {
    UserRef::Name(name.to_owned(), DomainRef::Name("Default".to_owned()))
}

fn on_project(id: &str) -> WantedScope {
    WantedScope::Project(ProjectRef::Id(id.to_owned()))
}

impl World {
    async fn admin(&self) -> Issued {
        self.identity.login(by_password(named("admin"), ROOT.1, WantedScope::Default)).await.expect("root logs in")
    }

    /// A user with one role on a new project.
    async fn person(&self, name: &str, role_name: &str) -> (User, Project) {
        let project = self.identity.create_project(NewProject::named(&format!("of {name}"))).await.expect("created");
        let new = NewUser { password: Some(format!("pw of {name}")), ..NewUser::named(name) };
        let user = self.identity.create_user(new).await.expect("created");
        self.identity
            .grant(&user.id, Target::Project(project.id.clone()), &self.role(role_name).await)
            .await
            .expect("ok");
        (user, project)
    }

    async fn role(&self, name: &str) -> String {
        self.identity.list_roles(Some(name.to_owned())).await.expect("works")[0].id.clone()
    }

    async fn login(&self, name: &str, scope: WantedScope) -> Result<Issued, Error> {
        self.identity.login(by_password(named(name), &format!("pw of {name}"), scope)).await
    }

    async fn accepts(&self, issued: &Issued) -> bool {
        self.identity.authenticate_token(&issued.token, "req-1").await.is_ok()
    }
}

#[tokio::test]
async fn the_first_start_lets_admin_in_and_a_second_changes_nothing() {
    let world = world().await;
    let issued = world.admin().await;
    let caller = world.identity.authenticate_token(&issued.token, "req-7").await.expect("fresh");
    assert!(caller.is_admin() && caller.request_id == "req-7");
    assert_eq!(caller.roles, ["admin", "manager", "member", "reader"]);
    let account = world.identity.bootstrap(ROOT.0, ROOT.1).await.expect("again");
    assert_eq!(caller.project.map(|id| id.0), Some(account.project_id));
    assert_eq!(account.account_id.len(), 16);
    assert!(world.accepts(&issued).await, "a second start ends no token");
    let names: Vec<_> = world.identity.list_roles(None).await.expect("works").into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["admin", "manager", "member", "reader", "service"]);
}

#[tokio::test]
async fn system_scope_has_roles_but_no_project() {
    let world = world().await;
    let login = by_password(named("admin"), ROOT.1, WantedScope::System);
    let issued = world.identity.login(login).await.expect("root holds the system");
    let caller = issued.claims.caller(None, "req-1");
    assert!(caller.is_admin() && caller.project.is_none());
    let unscoped = world.identity.login(by_password(named("admin"), ROOT.1, WantedScope::Unscoped)).await.expect("ok");
    assert_eq!((unscoped.claims.project_id(), unscoped.claims.roles.len()), (None, 0));
}

#[tokio::test]
async fn a_changed_root_secret_takes_effect_at_the_next_start() {
    let world = world().await;
    let old = world.admin().await;
    world.identity.bootstrap(ROOT.0, "another-secret").await.expect("restarts");
    assert!(!world.accepts(&old).await);
    let login = |password: &str| world.identity.login(by_password(named("admin"), password, WantedScope::Default));
    assert!(matches!(login(ROOT.1).await, Err(Error::Unauthenticated)));
    assert!(login("another-secret").await.is_ok());
}

#[tokio::test]
async fn keys_that_nobody_chose_never_replace_an_account() {
    let world = world().await;
    let issued = world.admin().await;
    assert!(world.identity.has_first_account().await.expect("works"));
    assert!(!world.identity.bootstrap_once("OTHERKEY", "made-up-elsewhere").await.expect("works"));
    assert!(world.identity.bootstrap_once(ROOT.0, "made-up-elsewhere").await.expect("works"), "a known key");
    assert!(world.accepts(&issued).await);
    world.admin().await;
}

#[tokio::test]
async fn nobody_logs_in_here_while_an_outside_service_is_trusted() {
    let world = world().await;
    let trusted = TrustedSettings { url: Some("http://192.0.2.1".to_owned()), ..TrustedSettings::default() };
    let settings = Settings { trusted, ..settings() };
    let clock = Arc::new(world.clock.clone());
    let outside = Identity::open(world.catalogue.clone(), settings, MASTER, clock).await.expect("opens");
    let login = outside.login(by_password(named("admin"), ROOT.1, WantedScope::Default)).await;
    assert!(matches!(login, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_never_works_changed() {
    let world = world().await;
    let issued = world.admin().await;
    let mut changed = issued.token.clone().into_bytes();
    changed[20] ^= 1;
    let changed = String::from_utf8(changed).expect("still text");
    let refused = Err(Unauthenticated::Rejected);
    assert_eq!(world.identity.authenticate_token(&changed, "r").await, refused);
    assert_eq!(world.identity.authenticate_token("", "r").await, refused);
    world.clock.advance(Duration::from_secs(86_399));
    assert!(world.accepts(&issued).await);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.identity.authenticate_token(&issued.token, "r").await, refused);
}

#[tokio::test]
async fn another_installation_s_token_is_foreign() {
    let (here, there) = (world().await, world().await);
    assert!(!here.accepts(&there.admin().await).await);
}

#[tokio::test]
async fn every_wrong_log_in_looks_the_same() {
    let world = world().await;
    let (_, project) = world.person("ann", role::MEMBER).await;
    world.person("bob", role::MEMBER).await;
    let unknown_domain = UserRef::Name("ann".to_owned(), DomainRef::Id("nowhere".to_owned()));
    for login in [
        by_password(named("ann"), "wrong", WantedScope::Unscoped),
        by_password(named("nobody"), "pw of ann", WantedScope::Unscoped),
        by_password(unknown_domain, "pw of ann", WantedScope::Unscoped),
        by_password(named("bob"), "pw of bob", on_project(&project.id)),
        by_password(named("bob"), "pw of bob", on_project("absent")),
        by_password(named("bob"), "pw of bob", WantedScope::System),
    ] {
        let error = world.identity.login(login).await.err().expect("refused");
        assert!(matches!(error, Error::Unauthenticated), "{error}");
    }
}

#[tokio::test]
async fn roles_include_the_lesser_ones() {
    let world = world().await;
    for (name, expected) in [
        (role::READER, &["reader"][..]),
        (role::MEMBER, &["member", "reader"]),
        (role::MANAGER, &["manager", "member", "reader"]),
        (role::SERVICE, &["service"]),
    ] {
        let person = format!("a {name}");
        let (_, project) = world.person(&person, name).await;
        let issued = world.login(&person, on_project(&project.id)).await.expect("logs in");
        assert_eq!(issued.claims.roles, expected);
    }
}

#[tokio::test]
async fn what_ends_a_token_ends_it_at_once_on_the_same_node() {
    let world = world().await;
    let identity = &world.identity;
    let member = world.role(role::MEMBER).await;
    for (number, case) in
        ["token", "disabled", "deleted", "password", "project", "role", "domain"].into_iter().enumerate()
    {
        let name = format!("p{number}");
        let (user, project) = world.person(&name, role::MEMBER).await;
        let issued = world.login(&name, on_project(&project.id)).await.expect("logs in");
        assert!(world.accepts(&issued).await, "{case}");
        match case {
            "token" => identity.revoke_token(&issued.claims).await.expect("ok"),
            "disabled" => {
                let patch = UserPatch { enabled: Some(false), ..UserPatch::default() };
                identity.update_user(&user.id, patch).await.map(drop).expect("ok");
            }
            "deleted" => identity.delete_user(&user.id).await.expect("ok"),
            "password" => {
                let old = format!("pw of {name}");
                identity.change_password(&user.id, &old, "new", HERE).await.expect("ok");
                assert!(world.login(&name, WantedScope::Unscoped).await.is_err(), "the old password is forgotten");
            }
            "project" => identity.delete_project(&project.id).await.expect("ok"),
            "role" => {
                identity.take_away(&user.id, Target::Project(project.id.clone()), &member).await.expect("ok");
            }
            _ => {
                let patch = DomainPatch { enabled: Some(false), ..DomainPatch::default() };
                identity.update_domain(DEFAULT_DOMAIN, patch).await.map(drop).expect("ok");
            }
        }
        assert!(!world.accepts(&issued).await, "{case}");
    }
}

#[tokio::test]
async fn only_tokens_from_before_a_revocation_end() {
    let world = world().await;
    let (user, project) = world.person("ann", role::MEMBER).await;
    let old = world.login("ann", on_project(&project.id)).await.expect("logs in");
    for enabled in [false, true] {
        let patch = UserPatch { enabled: Some(enabled), ..UserPatch::default() };
        world.identity.update_user(&user.id, patch).await.expect("ok");
    }
    // the clock has not moved: it takes no part in the question
    let new = world.login("ann", on_project(&project.id)).await.expect("logs in again");
    assert_eq!((world.accepts(&old).await, world.accepts(&new).await), (false, true));
}

#[tokio::test]
async fn another_node_follows_within_the_bound() {
    let world = world().await;
    let other = node(&world.catalogue, &world.clock).await;
    let (user, project) = world.person("ann", role::MEMBER).await;
    let issued = world.login("ann", on_project(&project.id)).await.expect("logs in");
    assert!(other.verify_token(&issued.token).await.is_ok(), "keys are shared");
    world.identity.delete_user(&user.id).await.expect("ok");
    world.clock.advance(Duration::from_millis(2_000));
    assert_eq!(other.verify_token(&issued.token).await, Err(Unauthenticated::Rejected));
}

#[tokio::test]
async fn keys_rotate_without_ending_tokens() {
    let world = world().await;
    let other = node(&world.catalogue, &world.clock).await;
    let old = world.admin().await;
    world.identity.rotate_token_keys().await.expect("rotates");
    // the other node has not heard of the new key, so it must not sign yet
    assert!(other.verify_token(&world.admin().await.token).await.is_ok());
    world.clock.advance(Duration::from_secs(5));
    assert!(world.accepts(&old).await);
    let new = world.admin().await;
    assert_ne!(new.token[..8], old.token[..8], "signed by another key");
    assert!(other.verify_token(&new.token).await.is_ok());
    world.clock.advance(Duration::from_secs(3 * 86_400));
    world.identity.rotate_token_keys().await.expect("rotates");
    assert!(!world.accepts(&old).await);
}

#[tokio::test]
async fn failures_are_limited_and_successes_are_not() {
    let world = world().await;
    world.person("ann", role::MEMBER).await;
    for _ in 0..20 {
        world.login("ann", WantedScope::Unscoped).await.expect("right");
    }
    let wrong = || world.identity.login(by_password(named("ann"), "wrong", WantedScope::Unscoped));
    for _ in 0..3 {
        assert!(matches!(wrong().await, Err(Error::Unauthenticated)));
    }
    assert!(matches!(wrong().await, Err(Error::Throttled { .. })));
    assert!(matches!(world.login("ann", WantedScope::Unscoped).await, Err(Error::Throttled { .. })));
    world.clock.advance(Duration::from_secs(60));
    assert!(world.login("ann", WantedScope::Unscoped).await.is_ok());
}

#[tokio::test]
async fn a_token_gets_another_for_another_scope_but_not_a_longer_life() {
    let world = world().await;
    let (user, project) = world.person("ann", role::MEMBER).await;
    let first = world.login("ann", WantedScope::Unscoped).await.expect("logs in");
    world.clock.advance(Duration::from_secs(100));
    let by_token = |scope| Login { credential: Credential::Token(first.token.clone()), scope, address: HERE };
    let second = world.identity.login(by_token(on_project(&project.id))).await.expect("rescoped");
    assert_eq!(second.claims.project_id(), Some(project.id.as_str()));
    assert_eq!(second.claims.expires_at, first.claims.expires_at);
    assert_eq!(second.claims.methods, [Method::Password, Method::Token]);
    assert_eq!(second.claims.parent_audit_id, Some(first.claims.audit_id));
    world.identity.delete_user(&user.id).await.expect("ok");
    assert!(world.identity.login(by_token(on_project(&project.id))).await.is_err());
}

#[tokio::test]
async fn an_application_credential_is_bound_to_its_project_and_its_user_s_roles() {
    let world = world().await;
    let (user, project) = world.person("ann", role::MEMBER).await;
    let maker = world.login("ann", on_project(&project.id)).await.expect("logs in");
    let new = NewAppCredential {
        name: "ci".to_owned(),
        roles: Some(vec!["reader".to_owned()]),
        ..NewAppCredential::default()
    };
    let (made, secret) = world.identity.create_app_credential(&maker.claims, new.clone()).await.expect("made");
    assert!(matches!(world.identity.create_app_credential(&maker.claims, new).await, Err(Error::Duplicate { .. })));
    let login = |secret: &str, scope| {
        let credential = Credential::AppCredential { id: made.id.clone(), secret: secret.to_owned() };
        world.identity.login(Login { credential, scope, address: HERE })
    };
    assert!(login("wrong", WantedScope::Default).await.is_err());
    assert!(login(&secret, WantedScope::Unscoped).await.is_err());
    let issued = login(&secret, WantedScope::Default).await.expect("right");
    assert_eq!(issued.claims.roles, ["reader"]);
    assert_eq!(issued.claims.project_id(), Some(project.id.as_str()));
    let second = NewAppCredential { name: "child".to_owned(), ..NewAppCredential::default() };
    let bred = world.identity.create_app_credential(&issued.claims, second).await;
    assert!(matches!(bred, Err(Error::Forbidden(_))));
    let out =
        Login { credential: Credential::Token(issued.token.clone()), scope: WantedScope::Unscoped, address: HERE };
    assert!(world.identity.login(out).await.is_err(), "it leads nowhere else");
    world.identity.delete_app_credential(&maker.claims, &user.id, &made.id).await.expect("ok");
    assert!(!world.accepts(&issued).await);
    assert!(login(&secret, WantedScope::Default).await.is_err());
}

#[tokio::test]
async fn an_account_s_key_signs_and_gets_tokens_until_it_is_switched_off() {
    let world = world().await;
    let new = world.identity.create_account("shop").await.expect("made");
    assert!(matches!(world.identity.create_account("shop").await, Err(Error::Duplicate { .. })));
    let claims = sign_and_verify(&world, &new, b"message").await.expect("right");
    assert_eq!(claims.project_id(), Some(new.account.project_id.as_str()));
    assert_eq!(claims.roles, ["manager", "member", "reader"]);
    let found = world.identity.account(&new.account.account_id).await.expect("by number");
    assert_eq!(found, new.account);

    let (at, nonce) = (world.clock.now().to_rfc3339_seconds(), "0123456789");
    let message = format!("imprint-token\n{}\n{at}\n{nonce}", new.access_key_id);
    let signature = hmac_of(&new.access_key_secret, message.as_bytes());
    let get = || world.identity.token_for_access_key(&new.access_key_id, &at, nonce, &signature);
    let issued = get().await.expect("right");
    assert!(world.accepts(&issued).await);
    assert!(matches!(get().await, Err(Error::Unauthenticated)), "played back");

    world.identity.set_access_key_enabled(&new.access_key_id, false).await.expect("ok");
    assert!(sign_and_verify(&world, &new, b"message").await.is_err());
    assert!(!world.accepts(&issued).await);
    world.identity.set_access_key_enabled(&new.access_key_id, true).await.expect("ok");
    assert!(sign_and_verify(&world, &new, b"message").await.is_ok());
    world.identity.set_account_enabled("shop", false).await.expect("ok");
    assert!(sign_and_verify(&world, &new, b"message").await.is_err());
}

#[tokio::test]
async fn a_wrong_signature_or_an_old_request_gets_nothing() {
    let world = world().await;
    let new = world.identity.create_account("shop").await.expect("made");
    let verify = |id: &str, signature: Vec<u8>| {
        let (identity, id) = (world.identity.clone(), id.to_owned());
        async move { identity.verify_signature(signed(&id, None, b"message", &signature)).await.map(drop) }
    };
    let right = hmac_of(&new.access_key_secret, b"message");
    assert!(verify(&new.access_key_id, right.clone()).await.is_ok());
    assert!(verify(&new.access_key_id, right[..31].to_vec()).await.is_err());
    assert!(verify(&new.access_key_id, hmac_of("other", b"message")).await.is_err());
    assert!(verify("UNKNOWN", right).await.is_err());
    let at = world.clock.now().to_rfc3339_seconds();
    let message = format!("imprint-token\n{}\n{at}\n12345678", new.access_key_id);
    let signature = hmac_of(&new.access_key_secret, message.as_bytes());
    world.clock.advance(Duration::from_secs(301));
    assert!(world.identity.token_for_access_key(&new.access_key_id, &at, "12345678", &signature).await.is_err());
}

#[tokio::test]
async fn no_secret_is_readable_in_the_database_file() {
    let world = world().await;
    let new = world.identity.create_account("shop").await.expect("made");
    world.person("ann", role::MEMBER).await;
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(world.directory.path()).expect("readable") {
        bytes.extend(std::fs::read(entry.expect("readable").path()).expect("readable"));
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&new.access_key_id), "the files are the right ones");
    for secret in [ROOT.1, new.access_key_secret.as_str(), "pw of ann"] {
        assert!(!holds(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_wrong_master_key_does_not_open() {
    let world = world().await;
    let opened = Identity::open(world.catalogue.clone(), settings(), [6; 32], Arc::new(world.clock.clone())).await;
    assert!(matches!(opened, Err(Error::Sealed(_))));
}

async fn sign_and_verify(world: &World, key: &NewAccount, message: &[u8]) -> Result<Arc<Claims>, SignatureRefusal> {
    let signature = hmac_of(&key.access_key_secret, message);
    let signer = world.identity.verify_signature(signed(&key.access_key_id, None, message, &signature)).await?;
    Ok(signer.claims)
}

fn signed<'a>(id: &'a str, token: Option<&'a str>, message: &'a [u8], signature: &'a [u8]) -> Proof<'a> {
    Proof { access_key_id: id, security_token: token, scheme: Scheme::Sha256, message, signature }
}

fn hmac_of(secret: &str, message: &[u8]) -> Vec<u8> {
    use hmac::{KeyInit, Mac};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The statements are one text for both engines; this shows that the other engine takes them.
#[tokio::test]
async fn the_other_engine_takes_every_statement() {
    let Ok(server) = std::env::var("IMPRINT_TEST_POSTGRES") else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let world = world_on(directory, fresh_database(server, "all").await).await;
    let identity = &world.identity;
    let (user, project) = world.person("ann", role::MEMBER).await;
    let issued = world.login("ann", on_project(&project.id)).await.expect("logs in");
    identity.describe(&issued.claims).await.expect("known");
    let new = NewAppCredential { name: "ci".to_owned(), ..NewAppCredential::default() };
    let (credential, _) = identity.create_app_credential(&issued.claims, new).await.expect("made");
    assert_eq!(identity.list_app_credentials(&user.id, None).await.expect("works").len(), 1);
    identity.delete_app_credential(&issued.claims, &user.id, &credential.id).await.expect("ok");
    let query = AssignmentQuery { user_id: Some(user.id.clone()), effective: true, ..AssignmentQuery::default() };
    assert_eq!(identity.list_assignments(query).await.expect("works").len(), 2);
    assert_eq!(identity.list_projects_of_user(&user.id).await.expect("works").len(), 1);
    let filter = UserFilter { enabled: Some(true), name: Some("ann".to_owned()), ..UserFilter::default() };
    assert_eq!(identity.list_users(filter).await.expect("works").len(), 1);
    let account = identity.create_account("shop").await.expect("made");
    assert!(sign_and_verify(&world, &account, b"m").await.is_ok());
    identity.delete_access_key(&account.access_key_id).await.expect("ok");
    assert!(sign_and_verify(&world, &account, b"m").await.is_err());
    identity.rotate_token_keys().await.expect("rotates");
    let domain =
        NewDomain { name: "d".to_owned(), description: String::new(), enabled: false, extra: Default::default() };
    let domain = identity.create_domain(domain).await.expect("made");
    identity.delete_domain(&domain.id).await.expect("ok");
    assert!(matches!(identity.create_account("shop").await, Err(Error::Duplicate { .. })));
    identity.delete_user(&user.id).await.expect("ok");
    assert!(!world.accepts(&issued).await);
    world.clock.advance(Duration::from_secs(2 * 3_600));
    assert!(world.accepts(&world.admin().await).await, "the log is pruned and read anew");
}

/// A new database on the server whose address names one to begin with.
async fn fresh_database(server: String, of: &str) -> String {
    let name = format!("imprint_identity_{of}_{}", std::process::id());
    let (address, _) = server.rsplit_once('/').expect("the address names a database");
    let url = format!("{address}/{name}");
    let make = move || {
        let mut client = postgres::Client::connect(&server, postgres::NoTls).expect("the test server answers");
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).expect("the rest of an earlier run goes");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a fresh database");
    };
    tokio::task::spawn_blocking(make).await.expect("made");
    url
}
