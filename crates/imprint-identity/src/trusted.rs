//! Trusting an outside Keystone: tokens are shown to it and its answer is remembered for a while.
//!
//! This is the one place of identity that speaks another product's words. What is remembered is bounded in number and
//! in time, refusals too; what it answers is bounded in size; how long it takes is bounded.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use imprint_model::{Caller, Clock, ProjectId, Timestamp, UserId};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::tokens::TOKEN_LEN_MAX;
use crate::{Error, Unauthenticated};

/// Answers that are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Longest answer that is read, in bytes. The service list is not asked for, so this is ample.
const ANSWER_MAX: usize = 1 << 20;
/// For how long a refusal is remembered.
const REFUSAL_TTL: Duration = Duration::from_secs(10);

/// Where the outside Keystone is, and as whom we ask it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustedSettings {
    /// Its address, with or without `/v3`. Not set: tokens are issued and checked here.
    pub url: Option<String>,
    /// The service user that asks it about tokens. Not set: each token asks about itself.
    pub user: Option<String>,
    /// The service user's password.
    pub password: Option<String>,
    /// The service user's project. Default `service`.
    pub project: String,
    /// The name of the domain of both. Default `Default`.
    pub domain: String,
    /// For how long a good answer is remembered, seconds: a token revoked there counts here this much longer. Default 60.
    pub cache_secs: u32,
    /// How long it may take to answer, seconds. Default 10.
    pub timeout_secs: u32,
}

impl Default for TrustedSettings {
    fn default() -> Self {
        Self {
            url: None,
            user: None,
            password: None,
            project: "service".to_owned(),
            domain: "Default".to_owned(),
            cache_secs: 60,
            timeout_secs: 10,
        }
    }
}

impl fmt::Debug for TrustedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, user, password, project, domain, cache_secs, timeout_secs } = self;
        f.debug_struct("TrustedSettings")
            .field("url", url)
            .field("user", user)
            .field("password", &password.as_ref().map(|_| "***"))
            .field("project", project)
            .field("domain", domain)
            .field("cache_secs", cache_secs)
            .field("timeout_secs", timeout_secs)
            .finish()
    }
}

impl TrustedSettings {
    /// The same with the defaults for names that were left empty.
    fn filled(&self) -> Self {
        let default = Self::default();
        let or = |text: &String, default: String| if text.is_empty() { default } else { text.clone() };
        Self { project: or(&self.project, default.project), domain: or(&self.domain, default.domain), ..self.clone() }
    }
}

/// The outside Keystone.
pub(crate) struct Trusted {
    client: reqwest::Client,
    tokens_url: String,
    settings: TrustedSettings,
    remembered: Cache<[u8; 32], Remembered>,
    /// Our own token there, with which we ask.
    own_token: Mutex<Option<String>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Remembered {
    until: Timestamp,
    /// `None` for a token that was refused.
    caller: Option<Arc<Caller>>,
}

/// What it says of a token, as far as we need it.
#[derive(Deserialize)]
struct Answer {
    token: TokenBody,
}

#[derive(Deserialize)]
struct TokenBody {
    expires_at: String,
    user: Named,
    project: Option<Named>,
    #[serde(default)]
    roles: Vec<RoleName>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct RoleName {
    name: String,
}

impl Trusted {
    /// `None` when no outside Keystone is set.
    pub(crate) fn new(settings: &TrustedSettings, clock: Arc<dyn Clock>) -> Result<Option<Self>, Error> {
        let Some(url) = &settings.url else {
            return Ok(None);
        };
        let base = url.trim_end_matches('/').trim_end_matches("/v3");
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Error::Invalid(format!("the address of the outside Keystone is not one: {url}")));
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(settings.timeout_secs.max(1).into()))
            // a redirect would carry the token to another host
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|why| Error::Internal(format!("the client for the outside Keystone: {why}")))?;
        Ok(Some(Self {
            client,
            tokens_url: format!("{base}/v3/auth/tokens"),
            settings: settings.filled(),
            remembered: Cache::new(REMEMBERED_MAX),
            own_token: Mutex::new(None),
            clock,
        }))
    }

    pub(crate) async fn authenticate(&self, token: &str, request_id: &str) -> Result<Caller, Unauthenticated> {
        if token.is_empty() || token.len() > TOKEN_LEN_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unauthenticated::Rejected);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let known = self.remembered.get(&digest).filter(|known| self.clock.now() < known.until);
        let known = match known {
            Some(known) => known,
            None => {
                let known = self.ask(token).await?;
                self.remembered.insert(digest, known.clone());
                known
            }
        };
        let caller = known.caller.ok_or(Unauthenticated::Rejected)?;
        Ok(Caller { request_id: request_id.to_owned(), ..(*caller).clone() })
    }

    async fn ask(&self, token: &str) -> Result<Remembered, Unauthenticated> {
        let refused = || Remembered { until: self.clock.now().after(REFUSAL_TTL), caller: None };
        for attempt in 0..2 {
            let asker = self.asker(token).await?;
            let answer = self
                .client
                .get(format!("{}?nocatalog", self.tokens_url))
                .header("X-Auth-Token", &asker)
                .header("X-Subject-Token", token)
                .send()
                .await
                .map_err(|why| unavailable(&why))?;
            match answer.status().as_u16() {
                200 => return self.read(answer).await,
                401 if asker != token && attempt == 0 => *self.own_token.lock() = None,
                401 if asker != token => return Err(unavailable(&"our own user was refused")),
                401 | 403 | 404 => return Ok(refused()),
                other => return Err(unavailable(&format!("status {other}"))),
            }
        }
        Err(unavailable(&"our own user was refused"))
    }

    async fn read(&self, answer: reqwest::Response) -> Result<Remembered, Unauthenticated> {
        let Answer { token } = serde_json::from_slice(&bounded(answer).await?).map_err(|why| unavailable(&why))?;
        let expires = Timestamp::parse_iso8601(&token.expires_at).ok_or_else(|| unavailable(&"no time of expiry"))?;
        let now = self.clock.now();
        let caller = Caller {
            user: UserId(token.user.id),
            project: token.project.map(|project| ProjectId(project.id)),
            roles: token.roles.into_iter().map(|role| role.name).collect(),
            grants: None,
            request_id: String::new(),
        };
        let until = now.after(Duration::from_secs(self.settings.cache_secs.into())).min(expires);
        Ok(Remembered { until, caller: Some(Arc::new(caller)).filter(|_| now < expires) })
    }

    /// The token to ask with.
    async fn asker(&self, token: &str) -> Result<String, Unauthenticated> {
        let (Some(user), Some(password)) = (&self.settings.user, &self.settings.password) else {
            return Ok(token.to_owned());
        };
        if let Some(own) = self.own_token.lock().clone() {
            return Ok(own);
        }
        let domain = json!({"name": self.settings.domain});
        let body = json!({"auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user, "password": password, "domain": domain}},
            },
            "scope": {"project": {"name": self.settings.project, "domain": domain}},
        }});
        let answer = self.client.post(&self.tokens_url).json(&body).send().await.map_err(|why| unavailable(&why))?;
        if answer.status().as_u16() != 201 {
            return Err(unavailable(&format!("our own log-in: status {}", answer.status())));
        }
        let own = answer
            .headers()
            .get("X-Subject-Token")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| unavailable(&"our own log-in gave no token"))?
            .to_owned();
        *self.own_token.lock() = Some(own.clone());
        Ok(own)
    }
}

async fn bounded(mut answer: reqwest::Response) -> Result<Vec<u8>, Unauthenticated> {
    let mut content = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|why| unavailable(&why))? {
        if content.len() + piece.len() > ANSWER_MAX {
            return Err(unavailable(&"its answer is too long"));
        }
        content.extend_from_slice(&piece);
    }
    Ok(content)
}

fn unavailable(why: &dyn fmt::Display) -> Unauthenticated {
    tracing::warn!(%why, "the outside Keystone does not answer as it should");
    Unauthenticated::Unavailable("the identity service does not answer".to_owned())
}

#[cfg(test)]
mod tests;
