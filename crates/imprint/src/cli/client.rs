//! One connection to a running service: tokens renewed, short troubles waited out, refusals turned into failures that
//! say what to do next.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{ClientBuilder, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::RwLock;

use super::ClientArgs;
use super::login::{self, Login, Purpose};
use crate::datadir::KeyPair;
use crate::failure::{ExitCode, Failure};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: less than services keep theirs.
const POOL_IDLE: Duration = Duration::from_secs(45);
/// How long a service may be silent when nobody watches: it reads a whole disk before it says that it is complete.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3600);
/// How often a request is tried again that met a short trouble, and the first pause before that.
const RETRIES_MAX: u32 = 4;
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// Longest answer that is read into memory, bytes.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Where the service is, and the right to use it.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) token: String,
}

/// A client of one service. Cheap to clone; all clones share the token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    login: Arc<Login>,
    url: Arc<str>,
    token: Arc<RwLock<String>>,
}

impl Client {
    /// Finds credentials and logs in.
    pub(super) async fn connect(args: &ClientArgs, purpose: Purpose) -> Result<Self, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        let plan = login::plan(args.url.as_deref(), args.cloud.as_deref(), purpose, &env)?;
        let mut http = builder();
        if let Some(path) = &plan.ca_file {
            let pem = std::fs::read(path).map_err(|error| Failure::doing(&format!("cannot read {path}"), error))?;
            let certificate = reqwest::Certificate::from_pem(&pem);
            http = http.add_root_certificate(certificate.map_err(|error| Failure::doing(path, error))?);
        }
        if plan.unverified {
            http = http.danger_accept_invalid_certs(true);
        }
        Self::enter(http, plan.login, plan.url.as_deref()).await
    }

    /// Logs in by an access key at the service at `url`.
    pub(crate) async fn with_key(url: &str, keys: KeyPair) -> Result<Self, Failure> {
        Self::enter(builder().read_timeout(ANSWER_TIMEOUT), Login::AccessKey(keys), Some(url)).await
    }

    async fn enter(http: ClientBuilder, login: Login, url: Option<&str>) -> Result<Self, Failure> {
        let http = http.build().map_err(|error| Failure::doing("cannot make a client", error))?;
        let Endpoint { url, token } = login.enter(&http, url).await?;
        Ok(Self { http, login: Arc::new(login), url: url.into(), token: Arc::new(RwLock::new(token)) })
    }

    /// Where the service is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request that may safely be sent twice. `with` adds headers and content.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let (mut tries, mut renewed) = (0, false);
        loop {
            let token = self.token.read().await.clone();
            let request = with(self.http.request(method.clone(), format!("{}{path}", self.url)));
            let failure = match request.header("x-auth-token", &token).header("accept", "application/json").send().await
            {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && !renewed => {
                    renewed = true;
                    self.renew(&token).await?;
                    continue;
                }
                Ok(response) => refused(response).await,
                Err(error) => broken(&self.url, error),
            };
            if failure.code != ExitCode::Unavailable || tries == RETRIES_MAX {
                return Err(failure);
            }
            tokio::time::sleep(RETRY_PAUSE * 2_u32.pow(tries)).await;
            tries += 1;
        }
    }

    /// Sends a request whose content cannot be had again.
    pub(super) async fn send_once(
        &self,
        method: Method,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let response = self.answer(method, path, with).await?;
        if response.status().is_success() { Ok(response) } else { Err(refused(response).await) }
    }

    /// As [`send_once`](Self::send_once), and a refusal is an answer too.
    pub(super) async fn answer(
        &self,
        method: Method,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let token = self.token.read().await.clone();
        let request = with(self.http.request(method, format!("{}{path}", self.url)));
        let request = request.header("x-auth-token", token).header("accept", "application/json");
        request.send().await.map_err(|error| broken(&self.url, error))
    }

    /// Gets JSON.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        json(self.send(Method::GET, path, |request| request).await?).await
    }

    /// Sends JSON, gets JSON. Only once: what makes something new must not be made twice.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        json(self.send_once(method, path, |request| request.json(body)).await?).await
    }

    /// Puts something where it belongs, without more to say about it.
    pub(super) async fn put(&self, path: &str) -> Result<(), Failure> {
        self.send_once(Method::PUT, path, |request| request).await.map(|_| ())
    }

    /// Deletes something.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send_once(Method::DELETE, path, |request| request).await.map(|_| ())
    }

    async fn renew(&self, refused: &str) -> Result<(), Failure> {
        let mut token = self.token.write().await;
        // another request may have done it meanwhile
        if *token == refused {
            *token = self.login.enter(&self.http, Some(&self.url)).await?.token;
        }
        Ok(())
    }
}

fn builder() -> ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("imprint/", env!("CARGO_PKG_VERSION")))
}

/// Sends a request that stands for itself.
pub(super) async fn once(request: RequestBuilder, url: &str) -> Result<Response, Failure> {
    match request.send().await {
        Ok(response) if response.status().is_success() => Ok(response),
        Ok(response) => Err(refused(response).await),
        Err(error) => Err(broken(url, error)),
    }
}

/// All of an answer.
pub(super) async fn content(mut response: Response) -> Result<Bytes, Failure> {
    let url = response.url().to_string();
    let mut all = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(&url, error))? {
        if all.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(Failure::new(ExitCode::Failed, format!("the answer of {url} is longer than it can be")));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// All of an answer of JSON.
pub(super) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let url = response.url().to_string();
    let body = content(response).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::doing(&format!("{url} gave an answer that is not understood"), error))
}

/// A request that got no answer.
pub(super) fn broken(url: &str, error: reqwest::Error) -> Failure {
    let next = "is the service running (imprint serve), and is this its address (--url, IMPRINT_URL)?";
    let failure = Failure::doing(&format!("{url} does not answer"), error.without_url());
    Failure::new(ExitCode::Unavailable, format!("{failure}; {next}"))
}

/// What a refusal means for the command.
pub(super) async fn refused(response: Response) -> Failure {
    let status = response.status();
    let body = content(response).await.unwrap_or_default();
    let said = said(&body).unwrap_or_else(|| status.to_string());
    let (code, next) = match status {
        StatusCode::UNAUTHORIZED => {
            (ExitCode::Denied, "; check the credentials (imprint --help says where they are looked for)")
        }
        StatusCode::FORBIDDEN => (ExitCode::Denied, ""),
        StatusCode::NOT_FOUND | StatusCode::GONE => (ExitCode::NotFound, ""),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            (ExitCode::Unavailable, "; try again")
        }
        StatusCode::TOO_MANY_REQUESTS => (ExitCode::Unavailable, ""),
        _ => (ExitCode::Failed, ""),
    };
    Failure::new(code, format!("{said}{next}"))
}

/// What a refusal says, in whichever of the three bodies it came.
fn said(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = value["error"]["message"].as_str().or_else(|| value["message"].as_str())?;
    let text = text.replace("<br />", " ").replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&#x27;", "'").replace("&amp;", "&");
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_understood_when_it_refuses() {
        for (body, text) in [
            (r#"{"error":{"code":"denied","message":"no"}}"#, "no"),
            (r#"{"message":"Not &quot;that&quot;<br /><br />\n\n\n","code":"400 Bad","title":"Bad"}"#, "Not \"that\""),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), Some(text));
        }
        assert_eq!(said(b"<html>"), None);
    }
}
