//! What was sent: the parameters of query and form body, the headers that carry the common ones, and the format the
//! answer should have. Never here: whether any of it is true (`auth.rs`).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use imprint_http::{BodyError, Request};

use crate::fault::{Fault, code};
use crate::params::Params;

/// Most bytes of a body: a policy document or a script, percent-encoded, with room to spare.
const BODY_BYTES_MAX: u64 = 256 << 10;
/// Most parameters of query and body together.
const PARAMS_MAX: usize = 1_000;
/// Longest value of a parameter, bytes.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Longest name of a parameter, bytes.
const NAME_BYTES_MAX: usize = 256;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// XML.
    Xml,
}

/// What was sent besides the body's parameters: enough to answer in the right format whatever else goes wrong.
#[derive(Debug)]
pub(crate) struct Head {
    /// The method.
    pub(crate) method: Method,
    /// The query's parameters, decoded, as sent.
    pub(crate) query: Vec<(String, String)>,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The host the client called, as it named it.
    pub(crate) host: String,
    /// Where the request came from.
    pub(crate) remote: SocketAddr,
    /// The request's id as this API writes it.
    pub(crate) request_id: String,
}

/// All that was sent.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Without the body.
    pub(crate) head: Head,
    /// The body's parameters, decoded, as sent.
    pub(crate) form: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Head {
    /// Takes a request apart; its body is read by [`Gathered::read`].
    pub(crate) fn of(request: &mut Request) -> Self {
        Self {
            method: request.method.clone(),
            query: std::mem::take(&mut request.query),
            host: request.host().unwrap_or_default().to_owned(),
            headers: std::mem::take(&mut request.headers),
            remote: request.remote,
            request_id: wire_request_id(&request.request_id),
        }
    }

    /// Whether the request is signed the way whose signature stands in a header.
    pub(crate) fn is_v3(&self) -> bool {
        self.header("authorization").is_some_and(|value| value.starts_with("ACS3-"))
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The format as far as the head tells; see [`Gathered::format`].
    pub(crate) fn format(&self) -> Format {
        self.format_with(first(&self.query, "Format"))
    }

    fn format_with(&self, wanted: Option<&str>) -> Format {
        match wanted {
            Some(wanted) if wanted.eq_ignore_ascii_case("XML") => return Format::Xml,
            Some(wanted) if wanted.eq_ignore_ascii_case("JSON") => return Format::Json,
            _ => {}
        }
        let accept = self.header(header::ACCEPT.as_str()).unwrap_or_default();
        let accepts = |word: &str| accept.to_ascii_lowercase().contains(word);
        if self.is_v3() {
            if accepts("xml") && !accepts("json") { Format::Xml } else { Format::Json }
        } else if first(&self.query, "SignatureVersion").is_none() && accepts("json") {
            // neither way of signing: what the client accepts is the only hint
            Format::Json
        } else {
            Format::Xml
        }
    }
}

impl Gathered {
    /// Reads the body. It counts as a form whatever its media type says, for that header may not be signed, and what
    /// is signed must be what is read.
    ///
    /// # Errors
    /// `InvalidParameter` with the head, for a body that is too long, has too many parameters or is not UTF-8.
    pub(crate) async fn read(head: Head, mut request: Request) -> Result<Self, (Head, Fault)> {
        let body = match request.body.read_all(BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => return Err((head, unreadable(&error))),
        };
        match read_form(&body) {
            Some(form) if form.len() + head.query.len() <= PARAMS_MAX => Ok(Self { head, form, body }),
            _ => Err((head, code::INVALID_PARAMETER.fault())),
        }
    }

    /// The format of the answer.
    pub(crate) fn format(&self) -> Format {
        self.head.format_with(self.first("Format"))
    }

    /// The first value of a parameter, in the query or else in the body; empty counts as absent.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        first(&self.head.query, name).or_else(|| first(&self.form, name))
    }

    /// The operation's name: the signed place of it.
    pub(crate) fn action(&self) -> Option<&str> {
        self.common("Action", "x-acs-action")
    }

    /// The version of the API.
    pub(crate) fn version(&self) -> Option<&str> {
        self.common("Version", "x-acs-version")
    }

    fn common(&self, parameter: &str, header: &str) -> Option<&str> {
        if self.head.is_v3() {
            self.head.header(header).filter(|value| !value.is_empty())
        } else {
            self.first(parameter)
        }
    }

    /// All parameters, each there once.
    ///
    /// # Errors
    /// `InvalidParameter` naming one that is there twice or too long: which of two values was meant cannot be known.
    pub(crate) fn params(self) -> Result<Params, Fault> {
        let mut all = BTreeMap::new();
        for (name, value) in self.head.query.into_iter().chain(self.form) {
            let too_long = name.len() > NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX;
            let shown: String = name.chars().take(64).collect();
            if too_long || all.insert(name, value).is_some() {
                return Err(crate::params::invalid(&shown));
            }
        }
        Ok(Params::new(all))
    }
}

/// The first value of a parameter; empty counts as absent.
fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

fn read_form(body: &[u8]) -> Option<Vec<(String, String)>> {
    if body.iter().filter(|&&byte| byte == b'&').count() >= PARAMS_MAX {
        return None;
    }
    // the parser replaces what is not UTF-8; such a value must not pass for one the client meant
    let decoded = percent_encoding::percent_decode(body).decode_utf8().ok()?;
    if decoded.contains('\0') {
        return None;
    }
    Some(form_urlencoded::parse(body).into_owned().collect())
}

fn unreadable(error: &BodyError) -> Fault {
    code::INVALID_PARAMETER.with_message(format!("The request's body cannot be read: {error}."))
}

/// A request's id as this API writes it: a UUID in capitals.
pub(crate) fn wire_request_id(id: &str) -> String {
    id.strip_prefix("req-").unwrap_or(id).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use imprint_http::Body;

    use super::*;

    fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let head = http::Request::builder().method(method).uri(target);
        let head = headers.iter().fold(head, |head, (name, value)| head.header(*name, *value));
        let (head, ()) = head.body(()).expect("valid").into_parts();
        let body = Body::from(body.to_owned());
        Request::new(head, body, ([192, 0, 2, 1], 1).into(), "req-0a".to_owned()).expect("valid")
    }

    async fn gather(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Result<Gathered, Fault> {
        let mut request = request(method, target, headers, body);
        let head = Head::of(&mut request);
        Gathered::read(head, request).await.map_err(|(_, fault)| fault)
    }

    #[tokio::test]
    async fn query_and_body_make_one_map_and_nothing_counts_twice() {
        let all = gather("POST", "/?ImageId=m-1&Name=a+b%20c", &[], "RegionId=x&Empty=").await.expect("valid");
        let params = all.params().expect("each once");
        let pairs: Vec<_> = params.iter().collect();
        assert_eq!(pairs, [("Empty", ""), ("ImageId", "m-1"), ("Name", "a b c"), ("RegionId", "x")]);
        for (query, body) in [("/?A=1&A=1", ""), ("/?A=1", "A=2"), ("/", "A=&A=")] {
            let fault = gather("POST", query, &[], body).await.expect("valid").params().expect_err("twice");
            assert_eq!(fault.code, "InvalidParameter");
        }
    }

    #[tokio::test]
    async fn bodies_are_bounded_and_text() {
        let many = "a=1&".repeat(1_001);
        let long = "a".repeat(300 << 10);
        for bad in [many.as_str(), &long, "a=%ff", "a=%00"] {
            assert_eq!(gather("POST", "/", &[], bad).await.expect_err("bad").code, "InvalidParameter");
        }
        let half = vec!["a=1"; 501].join("&");
        assert!(gather("POST", &format!("/?{half}"), &[], &half).await.is_err());
        let long = format!("a={}", "b".repeat(70 << 10));
        assert!(gather("POST", "/", &[], &long).await.expect("read").params().is_err());
    }

    #[tokio::test]
    async fn the_format_follows_the_parameter_then_the_way_of_signing() {
        let v3 = ("authorization", "ACS3-HMAC-SHA256 x");
        for (target, headers, expected) in [
            ("/?Format=json", vec![], Format::Json),
            ("/?Format=XML", vec![v3], Format::Xml),
            ("/?SignatureVersion=1.0", vec![("accept", "application/json")], Format::Xml),
            ("/", vec![], Format::Xml),
            ("/", vec![("accept", "application/json")], Format::Json),
            ("/", vec![v3], Format::Json),
            ("/", vec![v3, ("accept", "application/xml")], Format::Xml),
            ("/", vec![v3, ("accept", "application/json")], Format::Json),
        ] {
            assert_eq!(gather("GET", target, &headers, "").await.expect("valid").format(), expected, "{target}");
        }
        assert_eq!(gather("POST", "/", &[], "Format=JSON").await.expect("valid").format(), Format::Json);
    }

    #[tokio::test]
    async fn the_operation_is_read_where_it_is_signed() {
        let headers = [("x-acs-action", "A"), ("authorization", "ACS3-HMAC-SHA256 x")];
        assert_eq!(gather("POST", "/?Action=B", &headers, "").await.expect("valid").action(), Some("A"));
        assert_eq!(gather("POST", "/?Action=B", &headers[..1], "").await.expect("valid").action(), Some("B"));
    }
}
