//! One request as a dialect sees it: bounded and decoded, but not interpreted.

use std::net::SocketAddr;

use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;

use crate::{Body, Rejection};

/// How many query parameters are read; more are refused.
const QUERY_PARAMS_MAX: usize = 1_000;

/// One request. Path and query have been checked: valid percent-encoding, UTF-8, no NUL.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The request target as it was sent.
    pub uri: Uri,
    /// Headers; at most the number and size the settings allow.
    pub headers: HeaderMap,
    /// Query parameters, decoded, in the order sent; at most 1,000.
    pub query: Vec<(String, String)>,
    /// Parameters of the path template, decoded; filled by the router.
    pub params: Vec<(String, String)>,
    /// `req-` and a random UUID; also in the access log.
    pub request_id: String,
    /// The client, or the last proxy before us.
    pub remote: SocketAddr,
    /// The content.
    pub body: Body,
}

impl Request {
    /// Checks and decodes what the transport gave. Also what tests of dialects make their requests with.
    pub fn new(
        head: http::request::Parts,
        body: Body,
        remote: SocketAddr,
        request_id: String,
    ) -> Result<Self, Rejection> {
        check_path(head.uri.path())?;
        let query = read_query(head.uri.query())?;
        let http::request::Parts { method, uri, headers, .. } = head;
        Ok(Self { method, uri, headers, query, params: Vec::new(), request_id, remote, body })
    }

    /// The path as it was sent, still percent-encoded.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The path's segments, each decoded; `/a//b%2Fc` gives `a`, the empty text, `b/c`.
    pub fn segments(&self) -> impl Iterator<Item = String> {
        let path = self.path();
        path.strip_prefix('/')
            .unwrap_or(path)
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
    }

    /// A parameter of the path template; the empty text when the template has none of this name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A header's value, when it is there once or more (then the first) and is visible ASCII.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first query parameter of this name.
    pub fn query_first(&self, name: &str) -> Option<&str> {
        self.query_all(name).next()
    }

    /// All query parameters of this name, in the order sent.
    pub fn query_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The media type of the content, lower case, without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.header(header::CONTENT_TYPE)?;
        Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
    }

    /// Host and port the client used, from the target or the `Host` header.
    pub fn host(&self) -> Option<&str> {
        self.uri.authority().map(http::uri::Authority::as_str).or_else(|| self.header(header::HOST))
    }
}

fn check_path(path: &str) -> Result<(), Rejection> {
    if !path.contains('%') {
        // the transport admits no control characters, and `Uri` is UTF-8 by type
        return Ok(());
    }
    check_escapes(path)?;
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| Rejection::BadPath)?;
    if decoded.contains('\0') { Err(Rejection::BadPath) } else { Ok(()) }
}

fn check_escapes(path: &str) -> Result<(), Rejection> {
    for after in path.split('%').skip(1) {
        let digits = after.as_bytes().get(..2).ok_or(Rejection::BadPath)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Rejection::BadPath);
        }
    }
    Ok(())
}

fn read_query(query: Option<&str>) -> Result<Vec<(String, String)>, Rejection> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(Vec::new());
    };
    if query.bytes().filter(|byte| *byte == b'&').count() >= QUERY_PARAMS_MAX {
        return Err(Rejection::BadQuery);
    }
    // the parser below replaces what is not UTF-8; such a value must not pass for one the client meant
    let decoded = percent_decode_str(query).decode_utf8().map_err(|_| Rejection::BadQuery)?;
    if decoded.contains('\0') {
        return Err(Rejection::BadQuery);
    }
    Ok(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str) -> Result<Request, Rejection> {
        let (head, ()) = http::Request::builder().uri(target).body(()).expect("a valid target").into_parts();
        Request::new(head, Body::empty(), ([127, 0, 0, 1], 1).into(), "req-1".to_owned())
    }

    #[test]
    fn bad_escapes_are_refused() {
        for bad in ["/a%", "/a%4", "/a%zz", "/%ff", "/a%00b", "/%c3%28"] {
            assert_eq!(request(bad).map(|_| ()), Err(Rejection::BadPath), "{bad}");
        }
        for bad in ["/?a=%ff", "/?%00=1", &format!("/?{}", "a&".repeat(1_000))] {
            assert_eq!(request(bad).map(|_| ()), Err(Rejection::BadQuery), "{bad}");
        }
        assert!(request(&format!("/?{}", vec!["a=1"; 1_000].join("&"))).is_ok());
    }

    #[test]
    fn path_and_query_are_decoded_in_order() {
        let request = request("/a//b%2Fc?z=1&a=x+y%26&z=2&flag").expect("valid");
        assert_eq!(request.segments().collect::<Vec<_>>(), ["a", "", "b/c"]);
        assert_eq!(request.query_all("z").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(request.query_first("a"), Some("x y&"));
        assert_eq!(request.query_first("flag"), Some(""));
        assert_eq!(request.query_first("absent"), None);
    }
}
