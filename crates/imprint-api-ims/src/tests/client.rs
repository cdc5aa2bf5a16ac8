//! A client that signs as the real ones do, or brings a token, and what it hears.

use std::collections::BTreeSet;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use imprint_http::{Body, Dialect, Request};
use imprint_identity::{Identity, Proof, Scheme, Signer};
use imprint_model::{Clock, ManualClock, ProjectId};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::ImsDialect;
use crate::auth::refusal;
use crate::fault::{Code, code};
use crate::op::Op;
use crate::ops;

/// The host all clients believe to call.
pub(crate) const HOST: &str = "127.0.0.1:9292";

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Signs as the Python SDK does.
    A,
    /// Signs as the Go SDK of the first way does: without the host, and with the project's id after signing.
    AGo,
    /// Signs as the Go SDK of the second way does: with a derived key.
    B,
    /// Brings a token.
    Token,
}

/// Somebody with an access key and a token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) dialect: Arc<ImsDialect>,
    pub(crate) clock: ManualClock,
    pub(crate) way: Way,
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) security_token: Option<String>,
    pub(crate) token: String,
    /// The project it acts for; paths are made with it.
    pub(crate) project: ProjectId,
    /// Whether it says so in `X-Project-Id`.
    pub(crate) names_project: bool,
    /// Which operation answered what, in this world.
    pub(crate) heard: Arc<Mutex<BTreeSet<(String, String)>>>,
}

/// What a client heard.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The operation; empty when the path means none.
    pub(crate) op: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of a refusal; `OK` for none.
    pub(crate) fn code(&self) -> String {
        if self.status.as_u16() < 400 {
            return "OK".to_owned();
        }
        let body = self.body();
        let code = body["error"]["code"].as_str().or(body["error_code"].as_str());
        code.unwrap_or_else(|| panic!("no code: {}", self.text)).to_owned()
    }

    /// The message of a refusal.
    pub(crate) fn message(&self) -> String {
        let body = self.body();
        let message = body["error"]["message"].as_str().or(body["error_msg"].as_str());
        message.unwrap_or_default().to_owned()
    }

    /// What is wrong with it by the registry: a failure of ours, a code or status that its row does not list, no id, no
    /// message.
    pub(crate) fn complaint(&self) -> Option<String> {
        let (code, status) = (self.code(), self.status.as_u16());
        let known = match code.as_str() {
            "OK" => op(self.op).is_some_and(|op| op.success == status),
            code => known_codes(self.op).iter().any(|known| known.code == code && known.status == status),
        };
        let id = self.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let fine =
            !self.status.is_server_error() && known && id.len() == 32 && (code == "OK" || !self.message().is_empty());
        (!fine).then(|| format!("{} answers {status}, which its row does not say: {}", self.op, self.text))
    }

    /// The body of a success with 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}: {}", self.op, self.text);
        self.body()
    }

    /// Insists on a success without a body.
    #[track_caller]
    pub(crate) fn done(self) {
        assert_eq!((self.status, self.text.as_str()), (StatusCode::NO_CONTENT, ""), "{}", self.op);
    }

    /// Insists on a refusal with this code; gives its message.
    #[track_caller]
    pub(crate) fn refused(self, code: &str) -> String {
        assert_eq!(self.code(), code, "{}: {}", self.op, self.text);
        self.message()
    }
}

/// The registry's row of an operation's name.
pub(crate) fn op(name: &str) -> Option<&'static Op> {
    ops::all().find(|op| op.name == name)
}

/// Every code an operation may answer with, as the registry and the documentation say.
pub(crate) fn known_codes(name: &str) -> Vec<Code> {
    let mut known = [refusal::ALL, code::COMMON].concat();
    if let Some(op) = op(name) {
        known.extend_from_slice(op.codes);
    }
    known
}

impl Client {
    /// The same client, which proves who it is in another way.
    pub(crate) fn by(&self, way: Way) -> Self {
        Self { way, ..self.clone() }
    }

    /// GET of a path, with its query.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, None).await
    }

    /// POST of JSON.
    pub(crate) async fn post(&self, target: &str, content: &Value) -> Answer {
        self.ask("POST", target, Some(content)).await
    }

    /// PUT of JSON.
    pub(crate) async fn put(&self, target: &str, content: &Value) -> Answer {
        self.ask("PUT", target, Some(content)).await
    }

    /// PATCH with JSON.
    pub(crate) async fn patch(&self, target: &str, content: &Value) -> Answer {
        self.ask("PATCH", target, Some(content)).await
    }

    /// DELETE without content.
    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.ask("DELETE", target, None).await
    }

    /// Asks with JSON or without content, and insists on an answer that the registry knows.
    pub(crate) async fn ask(&self, method: &str, target: &str, content: Option<&Value>) -> Answer {
        let content = content.map(Value::to_string).unwrap_or_default();
        self.ask_as(method, target, "application/json", content.into_bytes()).await
    }

    /// Asks with any content, and insists on an answer that the registry knows.
    pub(crate) async fn ask_as(&self, method: &str, target: &str, content_type: &str, content: Vec<u8>) -> Answer {
        let answer = self.send(self.request(method, target, content_type, content)).await;
        assert_eq!(answer.complaint(), None);
        answer
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: http::Request<Vec<u8>>) -> Answer {
        let (head, content) = request.into_parts();
        let body = if content.is_empty() { Body::empty() } else { Body::from(content) };
        let request = Request::new(head, body, ([192, 0, 2, 1], 1).into(), request_id());
        let routed = request.and_then(|mut request| Ok((self.dialect.route(&mut request)?, request)));
        let (op, response) = match routed {
            Ok((op, request)) => {
                let name = self.dialect.ops()[op].name;
                (name, Arc::clone(&self.dialect).call(op, request).await)
            }
            Err(rejection) => ("", self.dialect.reject(&rejection, &request_id())),
        };
        let (status, headers) = (response.status, response.headers.clone());
        let content = response.into_content().await.expect("in memory").to_vec();
        let text = String::from_utf8_lossy(&content).into_owned();
        let answer = Answer { op, status, headers, text };
        self.heard.lock().insert((op.to_owned(), answer.code()));
        answer
    }

    /// A request with this client's proof.
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        content_type: &str,
        content: Vec<u8>,
    ) -> http::Request<Vec<u8>> {
        let mut headers = vec![("content-type", content_type.to_owned())];
        match self.way {
            Way::Token => headers.push(("x-auth-token", self.token.clone())),
            Way::A | Way::AGo => self.sign_a(&mut headers, method, target, &content),
            Way::B => self.sign_b(&mut headers, method, target, &content),
        }
        let request = http::Request::builder().method(method).uri(target);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        request.body(content).expect("valid")
    }

    /// Whose key this client has, as identity tells.
    pub(crate) async fn signer(&self, identity: &Identity) -> Signer {
        let signature = mac(self.secret.as_bytes(), "text");
        let proof = Proof {
            access_key_id: &self.key,
            security_token: None,
            scheme: Scheme::Sha256,
            message: b"text",
            signature: &signature,
        };
        identity.verify_signature(proof).await.expect("its own key")
    }

    fn now(&self) -> String {
        let now = self.clock.now().to_rfc3339_seconds();
        now.replace(['-', ':'], "")
    }

    fn sign_a(&self, headers: &mut Vec<(&'static str, String)>, method: &str, target: &str, content: &[u8]) {
        headers.extend([("user-agent", "huaweicloud-usdk-python/3.0".to_owned()), ("x-sdk-date", self.now())]);
        let mut unsigned = Vec::new();
        let project = self.names_project.then(|| ("x-project-id", self.project.0.clone()));
        let token = self.security_token.clone().map(|token| ("x-security-token", token));
        if self.way == Way::A {
            headers.push(("host", HOST.to_owned()));
            headers.extend(project.into_iter().chain(token));
        } else {
            unsigned.extend(project.into_iter().chain(token));
            unsigned.push(("host", HOST.to_owned()));
        }
        let json = headers[0].1.starts_with("application/json");
        let payload = if json || content.is_empty() { hex(content) } else { "UNSIGNED-PAYLOAD".to_owned() };
        if !json {
            headers.push(("x-sdk-content-sha256", "UNSIGNED-PAYLOAD".to_owned()));
        }
        headers.sort_unstable();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.sort();
        let (canonical, signed) = canonical(method, path, &pairs, headers, &payload);
        let text = format!("SDK-HMAC-SHA256\n{}\n{}", self.now(), hex(canonical.as_bytes()));
        let signature = HEXLOWER.encode(&mac(self.secret.as_bytes(), &text));
        let authorization =
            format!("SDK-HMAC-SHA256 Access={}, SignedHeaders={signed}, Signature={signature}", self.key);
        headers.extend(unsigned);
        headers.push(("authorization", authorization));
    }

    fn sign_b(&self, headers: &mut Vec<(&'static str, String)>, method: &str, target: &str, content: &[u8]) {
        headers.extend([
            ("accept", "application/json".to_owned()),
            ("host", HOST.to_owned()),
            ("user-agent", "golangsdk/2.0.0".to_owned()),
            ("x-sdk-date", self.now()),
        ]);
        headers.sort_unstable();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if pairs.iter().all(|(known, _)| *known != name) {
                pairs.push((name, value));
            }
        }
        pairs.sort_by_key(|(name, _)| name.to_lowercase());
        let as_content = method == "POST" && content.is_empty();
        let payload = if as_content { hex(query.as_bytes()) } else { hex(content) };
        let pairs = if as_content { Vec::new() } else { pairs };
        let (canonical, signed) = canonical(method, path, &pairs, headers, &payload);
        let (date, now) = (self.now()[..8].to_owned(), self.now());
        let scope = format!("{date}///sdk_request");
        let text = format!("SDK-HMAC-SHA256\n{now}\n{scope}\n{}", hex(canonical.as_bytes()));
        let first = format!("SDK{}", self.secret).into_bytes();
        let steps = [date.as_str(), "", "", "sdk_request"];
        let key = steps.iter().fold(first, |key, step| mac(&key, step));
        let signature = HEXLOWER.encode(&mac(&key, &text));
        let authorization =
            format!("SDK-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}", self.key);
        headers.extend(self.names_project.then(|| ("x-project-id", self.project.0.clone())));
        headers.extend(self.security_token.clone().map(|token| ("x-security-token", token)));
        headers.push(("authorization", authorization));
    }
}

/// The canonical request, and the names of the signed headers.
fn canonical(
    method: &str,
    path: &str,
    pairs: &[(String, String)],
    headers: &[(&'static str, String)],
    payload: &str,
) -> (String, String) {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8().expect("UTF-8");
    let path: Vec<String> = decoded.split('/').map(encode).collect();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    (format!("{method}\n{}/\n{}\n{lines}\n{signed}\n{payload}", path.join("/"), query.join("&")), signed)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The digest of a content, in hexadecimal digits.
pub(crate) fn hex(content: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(content))
}

fn encode(text: &str) -> String {
    const SET: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, SET).to_string()
}

fn request_id() -> String {
    format!("req-{}", uuid::Uuid::new_v4())
}
