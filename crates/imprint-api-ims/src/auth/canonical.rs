//! The canonical form of a request: the text whose digest is signed. Whether the signature fits it is identity's to say,
//! for no secret comes here.

use http::Method;
use imprint_http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::authorization::{Authorization, Way};

/// What is encoded: all but letters, digits and `-_.~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// All but the content's digest.
#[derive(Debug)]
pub(super) struct Canonical(String);

impl Canonical {
    /// The canonical form of a request; none when a signed header is not text.
    pub(super) fn of(request: &Request, authorization: &Authorization<'_>) -> Option<Self> {
        let mut text = format!("{}\n{}\n", request.method, uri(request.path()));
        text.push_str(&match authorization.way {
            Way::A => query(&request.query),
            Way::B if has_query_as_content(request) => String::new(),
            Way::B => query_of_first_values(&request.query),
        });
        text.push('\n');
        for name in &authorization.signed {
            header(&mut text, request, name, authorization.way)?;
        }
        text.push('\n');
        text.push_str(&authorization.signed.join(";"));
        text.push('\n');
        Some(Self(text))
    }

    /// The whole, with the digest of the content.
    pub(super) fn text(&self, payload: &str) -> String {
        format!("{}{payload}", self.0)
    }
}

/// Whether, in the second way, the query counts as the content.
pub(super) fn has_query_as_content(request: &Request) -> bool {
    request.method == Method::POST && request.body.content_length() == Some(0)
}

/// A query as a form: sorted by name, with `+` for blanks.
pub(super) fn as_form(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    join(pairs.into_iter()).replace("%20", "+")
}

/// Each segment decoded once and encoded again, with a slash at the end.
fn uri(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut encoded: Vec<String> = decoded.split('/').map(encode).collect();
    if encoded.last().is_some_and(|last| !last.is_empty()) {
        encoded.push(String::new());
    }
    encoded.join("/")
}

/// Sorted by name and then by value.
fn query(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort();
    join(pairs.into_iter())
}

/// Sorted by name whatever its case; of a name that is there twice the first value alone.
fn query_of_first_values(pairs: &[(String, String)]) -> String {
    let mut firsts: Vec<&(String, String)> = Vec::new();
    for pair in pairs {
        if firsts.iter().all(|known| known.0 != pair.0) {
            firsts.push(pair);
        }
    }
    firsts.sort_by_key(|pair| pair.0.to_lowercase());
    join(firsts.into_iter())
}

fn join<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(&encode(name));
        text.push('=');
        text.push_str(&encode(value));
    }
    text
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A signed header's line; a line for each when there are several of its name, so that none can be slipped in. One that
/// is not there is empty.
fn header(text: &mut String, request: &Request, name: &str, way: Way) -> Option<()> {
    let lower = name.to_ascii_lowercase();
    let mut any = false;
    for value in request.headers.get_all(&lower) {
        line(text, &lower, std::str::from_utf8(value.as_bytes()).ok()?, way);
        any = true;
    }
    if !any {
        let value = if lower == "host" { request.host().unwrap_or_default() } else { "" };
        line(text, &lower, value, way);
    }
    Some(())
}

fn line(text: &mut String, name: &str, value: &str, way: Way) {
    text.push_str(name);
    text.push(':');
    match way {
        Way::A => text.push_str(value.trim()),
        Way::B => text.push_str(&value.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn paths_are_decoded_once_and_end_in_a_slash() {
        for (path, expected) in [
            ("/", "/"),
            ("/v1/a", "/v1/a/"),
            ("/v1/a/", "/v1/a/"),
            ("/a%20b/~c%7E/%2F", "/a%20b/~c~//"),
            ("/%E9%94%AE/a+b", "/%E9%94%AE/a%2Bb/"),
            ("/%2541", "/%2541/"),
        ] {
            assert_eq!(uri(path), expected, "{path}");
        }
    }

    #[test]
    fn queries_are_sorted_as_each_way_wants_it() {
        let sent = pairs(&[("b", "2"), ("a", "z y"), ("B", "="), ("b", "1"), ("c", "")]);
        assert_eq!(query(&sent), "B=%3D&a=z%20y&b=1&b=2&c=");
        assert_eq!(query_of_first_values(&sent), "a=z%20y&b=2&B=%3D&c=");
        assert_eq!(as_form(&sent), "B=%3D&a=z+y&b=2&b=1&c=");
        assert_eq!(query(&[]), "");
    }

    #[test]
    fn header_values_are_trimmed_or_closed_up() {
        let lines = |way| {
            let mut text = String::new();
            line(&mut text, "a", "  x   y ", way);
            text
        };
        assert_eq!(lines(Way::A), "a:x   y\n");
        assert_eq!(lines(Way::B), "a:x y\n");
    }
}
