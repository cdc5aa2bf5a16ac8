//! A client that signs as the real ones do, and what it hears.

use std::collections::BTreeSet;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use imprint_http::{Body, Dialect, Request};
use imprint_model::{Clock, ManualClock};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::EcsDialect;
use crate::auth::refusal;
use crate::fault::{Code, code};
use crate::op::{Api, Op};
use crate::ops;

/// The host all clients believe to call.
pub(crate) const HOST: &str = "127.0.0.1:9292";

/// How a client signs and where it puts its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// First way, GET.
    V1Get,
    /// First way, POST with everything in the query and an empty body: the Python SDK.
    V1Query,
    /// First way, POST with everything in the body: terraform.
    V1Form,
    /// Third way, business parameters in the query with `+` for spaces: the Python SDK.
    V3Query,
    /// Third way, business parameters in the body.
    V3Form,
}

/// Somebody with an access key.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) dialect: Arc<EcsDialect>,
    pub(crate) clock: ManualClock,
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) style: Style,
    /// The account's number.
    pub(crate) account: String,
    /// Which operation answered what, in this world.
    pub(crate) heard: Arc<Mutex<BTreeSet<(String, String)>>>,
}

/// What a client heard.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) action: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of a refusal; `OK` for none.
    pub(crate) fn code(&self) -> String {
        if self.status == StatusCode::OK {
            return "OK".to_owned();
        }
        self.body()["Code"].as_str().unwrap_or_else(|| panic!("no code: {}", self.text)).to_owned()
    }

    /// What is wrong with it by the registry: a failure of ours, a code that its row does not list, no id, no message.
    pub(crate) fn complaint(&self) -> Option<String> {
        if !self.text.starts_with('{') {
            // XML, for which its own tests look
            let broken = self.status.is_server_error();
            return broken.then(|| format!("{} answers {}: {}", self.action, self.status, self.text));
        }
        let (code, body) = (self.code(), self.body());
        let message = body["Message"].as_str().unwrap_or_default();
        let known = code == "OK"
            || known_codes(&self.action).iter().any(|known| known.code == code && known.status == self.status.as_u16());
        let fine = !self.status.is_server_error()
            && known
            && body["RequestId"].as_str().is_some_and(|id| id.len() == 36)
            && (code == "OK" || !message.is_empty() && !message.contains("%s"));
        (!fine).then(|| format!("{} answers {}, which its row does not say: {}", self.action, self.status, self.text))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}: {}", self.action, self.text);
        self.body()
    }

    /// Insists on a refusal with this code; gives its message.
    #[track_caller]
    pub(crate) fn refused(self, code: &str) -> String {
        assert_eq!(self.code(), code, "{}: {}", self.action, self.text);
        self.body()["Message"].as_str().expect("a message").to_owned()
    }
}

/// The registry's row of an action's name.
pub(crate) fn op(action: &str) -> Option<&'static Op> {
    ops::all().find(|op| op.name == action)
}

impl Client {
    /// Asks for an operation; `RegionId` is added where it must be given and is not.
    pub(crate) async fn ask(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        let region = op(action).is_some_and(|op| {
            matches!(op.region, crate::op::Region::Required { .. } | crate::op::Region::OrElsewhere { .. })
        });
        let mut params = params.to_vec();
        if region && !params.iter().any(|(name, _)| *name == "RegionId") {
            params.push(("RegionId", "local-1"));
        }
        self.ask_plainly(action, &params).await
    }

    /// Asks for an operation with these parameters and no others.
    pub(crate) async fn ask_plainly(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        let request = self.request(action, params);
        self.send(action, request).await
    }

    /// The same client in another style.
    pub(crate) fn styled(&self, style: Style) -> Self {
        Self { style, ..self.clone() }
    }

    /// Sends a request as it is, and insists on an answer that the registry knows.
    pub(crate) async fn send(&self, action: &str, request: http::Request<String>) -> Answer {
        let answer = self.send_unchecked(action, request).await;
        assert_eq!(answer.complaint(), None);
        answer
    }

    /// Sends a request as it is.
    pub(crate) async fn send_unchecked(&self, action: &str, request: http::Request<String>) -> Answer {
        let (head, body) = request.into_parts();
        let request = Request::new(head, Body::from(body), ([192, 0, 2, 1], 1).into(), request_id());
        let response = match request {
            Ok(mut request) => {
                let op = self.dialect.route(&mut request).expect("every request has a row");
                Arc::clone(&self.dialect).call(op, request).await
            }
            Err(rejection) => self.dialect.reject(&rejection, &request_id()),
        };
        let (status, headers) = (response.status, response.headers.clone());
        let text = String::from_utf8(response.into_content().await.expect("in memory").to_vec()).expect("UTF-8");
        let answer = Answer { action: action.to_owned(), status, headers, text };
        if answer.text.starts_with('{') {
            self.note(&answer);
        }
        answer
    }

    /// Notes what was answered.
    fn note(&self, answer: &Answer) {
        self.heard.lock().insert((answer.action.clone(), answer.code()));
    }

    /// A signed request, as this client's style has it.
    pub(crate) fn request(&self, action: &str, params: &[(&str, &str)]) -> http::Request<String> {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        match self.style {
            Style::V1Get | Style::V1Query | Style::V1Form => self.v1(action, params, &nonce),
            Style::V3Query | Style::V3Form => self.v3(action, params, &nonce),
        }
    }

    fn v1(&self, action: &str, params: &[(&str, &str)], nonce: &str) -> http::Request<String> {
        let now = self.clock.now().to_rfc3339_seconds();
        let mut all = params.to_vec();
        all.extend([
            ("Action", action),
            ("Version", version(action)),
            ("AccessKeyId", &self.key),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureType", ""),
            ("SignatureNonce", nonce),
            ("Timestamp", &now),
        ]);
        if !params.iter().any(|(name, _)| *name == "Format") {
            all.push(("Format", "json"));
        }
        all.extend(self.token.as_deref().map(|token| ("SecurityToken", token)));
        let method = if self.style == Style::V1Get { "GET" } else { "POST" };
        let text = format!("{method}&%2F&{}", encode(&query(&all, encode)));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&", self.secret).as_bytes()).expect("any length");
        mac.update(text.as_bytes());
        let signature = BASE64.encode(&mac.finalize().into_bytes());
        all.push(("Signature", &signature));
        let (target, body) = match self.style {
            Style::V1Form => ("/".to_owned(), query(&all, encode)),
            _ => (format!("/?{}", query(&all, plus)), String::new()),
        };
        // this SDK sends the headers of the third way too, unsigned
        let request = http::Request::builder().method(method).uri(target).header("host", HOST);
        let request = request.header("x-acs-action", action).header("x-acs-version", version(action));
        request.body(body).expect("valid")
    }

    fn v3(&self, action: &str, params: &[(&str, &str)], nonce: &str) -> http::Request<String> {
        let (in_query, body) = match self.style {
            Style::V3Form => (String::new(), query(params, plus)),
            _ => (query(params, plus), String::new()),
        };
        let now = self.clock.now().to_rfc3339_seconds();
        let digest = HEXLOWER.encode(&Sha256::digest(&body));
        let mut headers = vec![
            ("accept", "application/json"),
            ("host", HOST),
            ("x-acs-action", action),
            ("x-acs-content-sha256", &digest),
            ("x-acs-date", &now),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", version(action)),
        ];
        if let Some(token) = &self.token {
            headers.extend([("x-acs-accesskey-id", self.key.as_str()), ("x-acs-security-token", token)]);
        }
        headers.sort_unstable();
        let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical_query = if self.style == Style::V3Form { String::new() } else { query(params, encode) };
        let canonical = format!("POST\n/\n{canonical_query}\n{lines}\n{signed}\n{digest}");
        let text = format!("ACS3-HMAC-SHA256\n{}", HEXLOWER.encode(&Sha256::digest(canonical)));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any length");
        mac.update(text.as_bytes());
        let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={signed},Signature={signature}", self.key);
        let target = if in_query.is_empty() { "/".to_owned() } else { format!("/?{in_query}") };
        let request = http::Request::builder().method("POST").uri(target).header("authorization", authorization);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let form = self.style == Style::V3Form;
        let request = if form { request.header("content-type", "application/x-www-form-urlencoded") } else { request };
        request.body(body).expect("valid")
    }
}

/// The version that has the action; the one of images when none has.
pub(crate) fn version(action: &str) -> &'static str {
    op(action).map_or(Api::Ecs, |op| op.api).version()
}

/// Every code an action may answer with, as the registry and the documentation say.
pub(crate) fn known_codes(action: &str) -> Vec<Code> {
    let mut known = [refusal::ALL, code::COMMON].concat();
    if let Some(op) = op(action) {
        known.extend_from_slice(op.codes);
        known.extend(op.common_codes());
    }
    known
}

fn query(params: &[(&str, &str)], encode: fn(&str) -> String) -> String {
    let mut params = params.to_vec();
    params.sort_by(|a, b| a.0.cmp(b.0));
    let pairs: Vec<_> = params.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn encode(text: &str) -> String {
    const SET: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, SET).to_string()
}

fn plus(text: &str) -> String {
    encode(text).replace("%20", "+")
}

fn request_id() -> String {
    format!("req-{}", uuid::Uuid::new_v4())
}
