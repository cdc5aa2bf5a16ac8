//! Who the client is: which of the ways to log in applies, and getting a token by it.
//!
//! In this order: an entry of clouds.yaml (`--cloud`, `OS_CLOUD`), an access key (`IMPRINT_ACCESS_KEY`,
//! `IMPRINT_SECRET_KEY`), `OS_…` variables, and at last the root keys, from the environment or the data directory.
//! Commands of operators turn that round: root keys come before everything but `--cloud`. `OS_…` variables also overrule
//! what an entry of clouds.yaml says.

use std::io;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use imprint_api_native::wire;
use imprint_model::{Clock, SystemClock};
use rand::Rng;
use serde_json::{Value, json};
use sha2::Sha256;

use super::client::{self, Endpoint};
use super::clouds::{self, Cloud};
use crate::config::{Resolved, SettingArgs};
use crate::datadir::{DataDir, KeyPair};
use crate::failure::{ExitCode, Failure};

/// Where the service is when nobody says.
pub(super) const URL_DEFAULT: &str = "http://127.0.0.1:9292";

/// What the commands are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Working with images.
    Use,
    /// Operating the service.
    Operate,
}

/// A way to get a token.
#[derive(Clone)]
pub(super) enum Login {
    /// An access key, proven to the service itself.
    AccessKey(KeyPair),
    /// An identity service, asked with this body; then where images are is looked up in its catalogue.
    Identity { auth_url: String, body: Value, wanted: Wanted },
    /// A token that is there already.
    Token(String),
}

/// Which endpoint of a catalogue is meant.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    interface: String,
    region: Option<String>,
}

/// Everything that is known before the first request.
pub(super) struct Plan {
    pub(super) login: Login,
    /// Where images are, when that was said.
    pub(super) url: Option<String>,
    /// A file with further certificates to trust.
    pub(super) ca_file: Option<String>,
    /// Whether any certificate will do.
    pub(super) unverified: bool,
}

/// Looks for credentials. `env` looks a variable up; an empty one counts as absent.
pub(super) fn plan(
    url: Option<&str>,
    cloud: Option<&str>,
    purpose: Purpose,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Plan, Failure> {
    let env = |name: &str| env(name).filter(|value| !value.is_empty());
    let url = url.filter(|url| !url.is_empty()).map(|url| url.trim_end_matches('/').to_owned());
    let cloud = cloud.filter(|cloud| !cloud.is_empty());
    let settings = SettingArgs::default().resolve().map_err(Failure::usage)?;
    let with = |login| Plan { login, url: url.clone(), ca_file: env("OS_CACERT"), unverified: false };
    let mut unreadable = None;
    if purpose == Purpose::Operate && (cloud.is_none() || env("OS_CLOUD").as_deref() == cloud) {
        match root_keys(&settings) {
            Ok(Some(keys)) => return Ok(with(Login::AccessKey(keys))),
            Ok(None) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    let plan = if let Some(cloud) = cloud {
        Some(from_cloud(&clouds::find(cloud, &env)?, &env, url.clone())?)
    } else if let (Some(access_key), Some(secret_key)) = (env("IMPRINT_ACCESS_KEY"), env("IMPRINT_SECRET_KEY")) {
        Some(with(Login::AccessKey(KeyPair { access_key, secret_key })))
    } else {
        from_names(&|name| env(&variable(name)), url.as_deref())?.map(&with)
    };
    if let Some(plan) = plan {
        if let Some(error) = unreadable {
            crate::output::notice(&format!("imprint: the root keys cannot be read, so others are used: {error}"));
        }
        return Ok(plan);
    }
    match root_keys(&settings).map_err(|error| Failure::doing("cannot read the root keys", error))? {
        Some(keys) => Ok(with(Login::AccessKey(keys))),
        None => Err(Failure::new(
            ExitCode::Denied,
            "no credentials: set IMPRINT_ACCESS_KEY and IMPRINT_SECRET_KEY, or OS_CLOUD, or OS_AUTH_URL with \
             OS_USERNAME and OS_PASSWORD; or run this where the service's data directory is (IMPRINT_DATA_DIR)",
        )),
    }
}

/// Names that answer the same question: a variable for one of them overrules what a cloud says by another.
const ALTERNATIVES: [&[&str]; 7] = [
    &["project_id", "project_name", "tenant_id", "tenant_name"],
    &["user_id", "username"],
    &["application_credential_secret", "token", "auth_token", "password"],
    &["application_credential_id", "application_credential_name"],
    &["user_domain_id", "user_domain_name"],
    &["project_domain_id", "project_domain_name"],
    &["interface", "endpoint_type"],
];

fn from_cloud(cloud: &Cloud, env: &dyn Fn(&str) -> Option<String>, url: Option<String>) -> Result<Plan, Failure> {
    let named = |name: &str| {
        let alternatives = ALTERNATIVES.iter().find(|names| names.contains(&name)).copied().unwrap_or_default();
        let overruled = alternatives.iter().any(|name| env(&variable(name)).is_some());
        env(&variable(name)).or_else(|| cloud.text(name).filter(|_| !overruled))
    };
    let url = url.or_else(|| named("image_endpoint_override").map(|url| bare(&url)));
    let login = from_names(&named, url.as_deref())?;
    let login = login.ok_or_else(|| {
        Failure::usage("this cloud of clouds.yaml needs auth_url, and username and password, a token, or an application credential")
    })?;
    let verify = cloud.text("verify").unwrap_or_default();
    Ok(Plan { login, url, ca_file: named("cacert"), unverified: verify.eq_ignore_ascii_case("false") })
}

/// The variable of a name.
fn variable(name: &str) -> String {
    format!("OS_{}", name.to_uppercase())
}

/// A log-in at an identity service, as far as enough is said for one.
fn from_names(named: &dyn Fn(&str) -> Option<String>, url: Option<&str>) -> Result<Option<Login>, Failure> {
    let token = named("token").or_else(|| named("auth_token"));
    let Some(auth_url) = named("auth_url").or_else(|| url.map(|url| format!("{url}/identity/v3"))) else {
        return match token {
            Some(_) => Err(Failure::usage("OS_TOKEN needs IMPRINT_URL or OS_AUTH_URL beside it")),
            None => Ok(None),
        };
    };
    let identity = if let Some(secret) = named("application_credential_secret") {
        Some((by_application_credential(named, &secret), None))
    } else if let Some(token) = token {
        if url.is_some() {
            return Ok(Some(Login::Token(token)));
        }
        Some((json!({ "methods": ["token"], "token": { "id": token } }), scope(named)))
    } else if let Some(password) = named("password") {
        let mut user = user(named)?;
        user["password"] = password.into();
        Some((json!({ "methods": ["password"], "password": { "user": user } }), scope(named)))
    } else {
        None
    };
    let Some((identity, scope)) = identity else { return Ok(None) };
    let mut body = json!({ "auth": { "identity": identity } });
    if let Some(scope) = scope {
        body["auth"]["scope"] = scope;
    }
    let interface = named("interface").or_else(|| named("endpoint_type")).unwrap_or_else(|| "public".to_owned());
    let wanted = Wanted { interface: interface.trim_end_matches("URL").to_owned(), region: named("region_name") };
    Ok(Some(Login::Identity { auth_url: versioned(&auth_url), body, wanted }))
}

fn by_application_credential(named: &dyn Fn(&str) -> Option<String>, secret: &str) -> Value {
    let mut credential = json!({ "secret": secret });
    match named("application_credential_id") {
        Some(id) => credential["id"] = id.into(),
        None => {
            credential["name"] = named("application_credential_name").into();
            credential["user"] = user(named).unwrap_or_default();
        }
    }
    json!({ "methods": ["application_credential"], "application_credential": credential })
}

fn user(named: &dyn Fn(&str) -> Option<String>) -> Result<Value, Failure> {
    if let Some(id) = named("user_id") {
        return Ok(json!({ "id": id }));
    }
    let name =
        named("username").ok_or_else(|| Failure::usage("a password needs OS_USERNAME or OS_USER_ID beside it"))?;
    Ok(json!({ "name": name, "domain": domain(named, "user") }))
}

fn domain(named: &dyn Fn(&str) -> Option<String>, whose: &str) -> Value {
    let id = named(&format!("{whose}_domain_id"));
    match (id, named(&format!("{whose}_domain_name"))) {
        (Some(id), _) => json!({ "id": id }),
        (None, Some(name)) => json!({ "name": name }),
        (None, None) => json!({ "id": named("default_domain").unwrap_or_else(|| "default".to_owned()) }),
    }
}

fn scope(named: &dyn Fn(&str) -> Option<String>) -> Option<Value> {
    if let Some(id) = named("project_id").or_else(|| named("tenant_id")) {
        return Some(json!({ "project": { "id": id } }));
    }
    if let Some(name) = named("project_name").or_else(|| named("tenant_name")) {
        return Some(json!({ "project": { "name": name, "domain": domain(named, "project") } }));
    }
    named("system_scope").map(|_| json!({ "system": { "all": true } }))
}

fn root_keys(settings: &Resolved) -> io::Result<Option<KeyPair>> {
    if let (Some(access_key), Some(secret_key)) = (settings.text("root_access_key"), settings.text("root_secret_key")) {
        return Ok(Some(KeyPair { access_key, secret_key }));
    }
    DataDir::at(settings.text("data_dir").unwrap_or_default()).root_keys()
}

impl Login {
    /// Gets a token. `url` is where the service is, when that is known already.
    pub(super) async fn enter(&self, http: &reqwest::Client, url: Option<&str>) -> Result<Endpoint, Failure> {
        match self {
            Self::Token(token) => Ok(Endpoint { url: url.unwrap_or(URL_DEFAULT).to_owned(), token: token.clone() }),
            Self::AccessKey(keys) => enter_by_key(http, url.unwrap_or(URL_DEFAULT), keys).await,
            Self::Identity { auth_url, body, wanted } => {
                let request = http.post(format!("{auth_url}/auth/tokens")).json(body);
                let response = client::once(request, auth_url).await?;
                let token = response.headers().get("x-subject-token").and_then(|token| token.to_str().ok());
                let token = token.map(str::to_owned).ok_or_else(|| unexpected(auth_url, "it gave no token"))?;
                let url = match url {
                    Some(url) => url.to_owned(),
                    None => {
                        let body: Value = client::json(response).await?;
                        wanted.find(&body).ok_or_else(|| {
                            Failure::usage(
                                "the catalogue has no image service for this region and interface: give --url",
                            )
                        })?
                    }
                };
                Ok(Endpoint { url, token })
            }
        }
    }
}

async fn enter_by_key(http: &reqwest::Client, url: &str, keys: &KeyPair) -> Result<Endpoint, Failure> {
    let timestamp = SystemClock.now().to_rfc3339_seconds();
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    let nonce = HEXLOWER.encode(&nonce);
    let message = wire::login_message(&keys.access_key, &timestamp, &nonce);
    let mut mac = Hmac::<Sha256>::new_from_slice(keys.secret_key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message.as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    let login = wire::Login { access_key_id: keys.access_key.clone(), timestamp, nonce, signature };
    let response = client::once(http.post(format!("{url}/imprint/v1/login")).json(&login), url).await?;
    let entered: wire::LoggedIn = client::json(response).await?;
    Ok(Endpoint { url: url.to_owned(), token: entered.token })
}

impl Wanted {
    /// The image service in a token's catalogue.
    fn find(&self, body: &Value) -> Option<String> {
        let services = body["token"]["catalog"].as_array()?;
        let endpoints = services.iter().filter(|service| service["type"] == "image");
        let endpoints = endpoints.filter_map(|service| service["endpoints"].as_array()).flatten();
        let mut fitting = endpoints.filter(|endpoint| {
            let region = self.region.as_deref();
            endpoint["interface"] == *self.interface && region.is_none_or(|region| endpoint["region"] == *region)
        });
        fitting.next()?["url"].as_str().map(bare)
    }
}

/// An endpoint without the version some catalogues add.
fn bare(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/v2").unwrap_or(url).to_owned()
}

fn versioned(auth_url: &str) -> String {
    let auth_url = auth_url.trim_end_matches('/');
    if auth_url.ends_with("/v3") { auth_url.to_owned() } else { format!("{auth_url}/v3") }
}

fn unexpected(url: &str, what: &str) -> Failure {
    Failure::new(ExitCode::Failed, format!("{url} did not answer as an identity service does: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(purpose: Purpose, vars: &[(&str, &str)]) -> Plan {
        let env = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        plan(env("IMPRINT_URL").as_deref(), None, purpose, &env).expect("a plan")
    }

    #[test]
    fn an_access_key_comes_before_openstack_variables() {
        let vars = [
            ("IMPRINT_ACCESS_KEY", "AK"),
            ("IMPRINT_SECRET_KEY", "SK"),
            ("OS_AUTH_URL", "http://id/identity"),
            ("OS_USERNAME", "me"),
            ("OS_PASSWORD", "pw"),
            ("OS_PROJECT_NAME", "demo"),
            ("OS_USER_DOMAIN_NAME", "Corp"),
        ];
        assert!(matches!(planned(Purpose::Use, &vars).login, Login::AccessKey(keys) if keys.access_key == "AK"));
        let Login::Identity { auth_url, body, .. } = planned(Purpose::Use, &vars[1..]).login else {
            panic!("not a log-in at an identity service");
        };
        assert_eq!(auth_url, "http://id/identity/v3");
        assert_eq!(body["auth"]["identity"]["password"]["user"]["domain"]["name"], "Corp");
        assert_eq!(body["auth"]["scope"]["project"]["domain"]["id"], "default");
    }

    #[test]
    fn a_token_is_used_as_it_is_when_the_service_is_known() {
        let vars = [("OS_TOKEN", "t"), ("IMPRINT_URL", "http://img:9292/")];
        let plan = planned(Purpose::Use, &vars);
        assert!(matches!(plan.login, Login::Token(token) if token == "t"));
        assert_eq!(plan.url.as_deref(), Some("http://img:9292"));
    }

    #[test]
    fn variables_overrule_a_cloud() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("clouds.yaml");
        let text = "clouds:\n  lab:\n    verify: false\n    auth:\n      auth_url: https://id/v3\n      username: me\n      \
                    password: pw\n      project_id: p1\n";
        std::fs::write(&file, text).expect("written");
        let file = file.display().to_string();
        let plan_with = |more: &[(&str, &str)]| {
            let env = |name: &str| match name {
                "OS_CLIENT_CONFIG_FILE" => Some(file.clone()),
                _ => more.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
            };
            let plan = plan(None, Some("lab"), Purpose::Use, &env).expect("a plan");
            let Login::Identity { body, .. } = plan.login else { panic!("not a log-in at an identity service") };
            (plan.unverified, body["auth"].clone())
        };
        let (unverified, auth) = plan_with(&[("OS_USERNAME", "")]);
        assert!(unverified);
        assert_eq!(auth["identity"]["password"]["user"]["name"], "me");
        assert_eq!(auth["scope"]["project"]["id"], "p1");
        let (_, auth) = plan_with(&[("OS_USERNAME", "ann"), ("OS_PROJECT_NAME", "demo")]);
        assert_eq!(auth["identity"]["password"]["user"]["name"], "ann");
        assert_eq!(auth["scope"]["project"]["name"], "demo");
        let (_, auth) = plan_with(&[("OS_TOKEN", "t")]);
        assert_eq!(auth["identity"]["methods"], json!(["token"]));
    }

    #[test]
    fn an_application_credential_is_never_scoped() {
        let vars = [
            ("OS_AUTH_URL", "http://id/v3/"),
            ("OS_APPLICATION_CREDENTIAL_ID", "c"),
            ("OS_APPLICATION_CREDENTIAL_SECRET", "s"),
            ("OS_PROJECT_NAME", "demo"),
        ];
        let Login::Identity { auth_url, body, .. } = planned(Purpose::Use, &vars).login else {
            panic!("not a log-in at an identity service");
        };
        assert_eq!(auth_url, "http://id/v3");
        assert_eq!(body["auth"]["identity"]["application_credential"], json!({ "secret": "s", "id": "c" }));
        assert!(body["auth"].get("scope").is_none());
    }

    #[test]
    fn the_image_service_is_found_by_region_and_interface() {
        let endpoint =
            |interface: &str, region: &str, url: &str| json!({ "interface": interface, "region": region, "url": url });
        let endpoints = [
            endpoint("internal", "a", "http://1"),
            endpoint("public", "a", "http://2/v2/"),
            endpoint("public", "b", "http://3"),
        ];
        let body = json!({ "token": { "catalog": [{ "type": "identity", "endpoints": [] }, { "type": "image", "endpoints": endpoints }] } });
        let find = |interface: &str, region: Option<&str>| {
            Wanted { interface: interface.to_owned(), region: region.map(str::to_owned) }.find(&body)
        };
        assert_eq!(find("public", None).as_deref(), Some("http://2"));
        assert_eq!(find("public", Some("b")).as_deref(), Some("http://3"));
        assert_eq!(find("admin", None), None);
    }
}
