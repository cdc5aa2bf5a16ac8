//! How answers are written: JSON or XML of one tree. In XML a list is its inner name, repeated, which is what the tree
//! says already: every list of this API is an object with one member. Never here: what is answered.

use http::{HeaderName, HeaderValue, StatusCode};
use imprint_http::Response;
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::gather::Format;

/// The header that tells a client which request this was.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");

/// An object of members that are moved into it. `json!` serialises each anew, which for a page of images costs as much as
/// all else about its answer.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut members = serde_json::Map::with_capacity([$($name),*].len());
        $(members.insert($name.to_owned(), serde_json::Value::from($value));)*
        members
    }};
}
pub(crate) use object;

/// What every answer needs to know of its request.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// How to write.
    pub(crate) format: Format,
    /// The request's id.
    pub(crate) request_id: String,
    /// The host the client called.
    pub(crate) host: String,
}

impl Frame {
    /// The answer of an operation that was carried out. `RequestId` is added to its members.
    pub(crate) fn success(&self, action: &str, body: Value) -> Response {
        let mut members = match body {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        members.insert("RequestId".to_owned(), Value::String(self.request_id.clone()));
        self.write(StatusCode::OK, &format!("{action}Response"), &Value::Object(members))
    }

    /// The answer of one that was not.
    pub(crate) fn failure(&self, fault: Fault) -> Response {
        let Fault { status, code, message, denied, cause } = fault;
        let mut body = json!({
            "RequestId": self.request_id,
            "HostId": self.host,
            "Code": code,
            "Message": message,
            "Recommend": "",
        });
        if let (Some(detail), Some(members)) = (denied, body.as_object_mut()) {
            members.insert("AccessDeniedDetail".to_owned(), *detail);
        }
        let response = self.write(status, "Error", &body);
        match cause {
            Some(cause) => response.with_fault(cause),
            None => response,
        }
    }

    fn write(&self, status: StatusCode, root: &str, body: &Value) -> Response {
        let response = match self.format {
            Format::Json => Response::json_as(status, "application/json;charset=utf-8", body),
            Format::Xml => Response::full(status, "text/xml;charset=utf-8", to_xml(root, body)),
        };
        match HeaderValue::from_str(&self.request_id) {
            Ok(id) => response.with_header(REQUEST_ID, id),
            Err(_) => response,
        }
    }
}

fn to_xml(root: &str, body: &Value) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    element(&mut out, root, body);
    out
}

/// One value under its name; a list is its name over and over, and what is not there is nothing.
fn element(out: &mut String, name: &str, value: &Value) {
    if let Value::Array(members) = value {
        members.iter().for_each(|member| element(out, name, member));
        return;
    }
    if value.is_null() {
        return;
    }
    let name = if is_name(name) { name } else { "Member" };
    out.push('<');
    out.push_str(name);
    out.push('>');
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(out, name, value)),
        Value::String(text) => escape(out, text),
        other => out.push_str(&other.to_string()),
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Names of elements come from this crate's own views; anything else must not break the document.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Text of an element. What XML 1.0 cannot hold at all, not even escaped, becomes the replacement character.
fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // parsers turn a bare one into a line feed
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(letter),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::code;

    fn frame(format: Format) -> Frame {
        Frame { format, request_id: "0A".to_owned(), host: "h:1".to_owned() }
    }

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_content().await.expect("in memory").to_vec()).expect("UTF-8")
    }

    #[tokio::test]
    async fn lists_repeat_their_inner_name_and_empty_ones_stay_as_empty_elements() {
        let body = json!({
            "Images": { "Image": [{ "Size": 1, "IsCopied": false }, { "Size": 2, "IsCopied": true }] },
            "Tags": { "Tag": [] },
            "Nothing": null,
        });
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeImagesResponse><Images>\
                        <Image><Size>1</Size><IsCopied>false</IsCopied></Image>\
                        <Image><Size>2</Size><IsCopied>true</IsCopied></Image></Images><Tags></Tags>\
                        <RequestId>0A</RequestId></DescribeImagesResponse>";
        let response = frame(Format::Xml).success("DescribeImages", body);
        assert_eq!(response.headers["x-acs-request-id"], "0A");
        assert_eq!(text(response).await, expected);
    }

    #[tokio::test]
    async fn no_name_breaks_the_document() {
        let nasty = "a<b>&\"'\r\n\t\0\u{1}\u{1f}\u{fffe}\u{10ffff}]]>é";
        let body = json!({ "A": nasty, "acs:x y": nasty });
        let text = text(frame(Format::Xml).success("X", body)).await;
        let escaped = "a&lt;b&gt;&amp;&quot;&apos;&#13;\n\t\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{10ffff}]]&gt;é";
        assert!(text.contains(&format!("<A>{escaped}</A><Member>{escaped}</Member>")), "{text}");
    }

    #[tokio::test]
    async fn errors_have_the_same_members_in_both_formats() {
        let fault = || code::IMAGE_NOT_FOUND.fault();
        let json = text(frame(Format::Json).failure(fault())).await;
        let expected = "{\"RequestId\":\"0A\",\"HostId\":\"h:1\",\"Code\":\"InvalidImageId.NotFound\",\
                        \"Message\":\"The specified ImageId does not exist.\",\"Recommend\":\"\"}";
        assert_eq!(json, expected);
        let xml = text(frame(Format::Xml).failure(fault())).await;
        let expected = "<Error><RequestId>0A</RequestId><HostId>h:1</HostId><Code>InvalidImageId.NotFound</Code>\
                        <Message>The specified ImageId does not exist.</Message><Recommend></Recommend></Error>";
        assert!(xml.ends_with(expected), "{xml}");
    }
}
