//! Which requests are for this dialect. Never here: which operation a request means.

use http::header;
use http::request::Parts as RequestHead;

/// How `Authorization` begins on every request that is signed the way of this API.
const SIGNED: &[u8] = b"SDK-HMAC-SHA256";
/// Versions whose paths begin with `cloudimages`.
const VERSIONS: [&str; 3] = ["v1", "v2", "v2.1"];

/// Whether a request is for this dialect, for [`imprint_http::Claim::When`]: every signed one, and those whose path no
/// other API has.
pub fn is_ims(head: &RequestHead) -> bool {
    let signed = head.headers.get(header::AUTHORIZATION);
    signed.is_some_and(|value| value.as_bytes().starts_with(SIGNED)) || is_own_path(head.uri.path())
}

fn is_own_path(path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').splitn(4, '/');
    let (version, first, second) = (segments.next(), segments.next(), segments.next());
    let (Some(version), Some(first)) = (version, first) else { return false };
    if VERSIONS.contains(&version) && first == "cloudimages" {
        return true;
    }
    is_project(first)
        && match version {
            "v1" => matches!(second, Some("jobs" | "cloudimages")),
            "v2" => second == Some("images"),
            _ => false,
        }
}

/// Whether a segment is the id of a project: 32 hexadecimal digits.
fn is_project(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(path: &str, authorization: Option<&str>) -> bool {
        let mut request = http::Request::builder().uri(path);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        is_ims(&request.body(()).expect("valid").into_parts().0)
    }

    #[test]
    fn own_paths_are_claimed_and_no_others() {
        let project = "0b1e494e2660441a957313163095fe5c";
        for path in [
            "/v2/cloudimages",
            "/v2/cloudimages/33ad552d-1149-471c-8190-ff6776174a00",
            "/v1/cloudimages/quota?x=1",
            "/v2.1/cloudimages/action",
            &format!("/v1/{project}/jobs/0a"),
            &format!("/v1/{project}/cloudimages/0a/members"),
            &format!("/v2/{project}/images/tags"),
        ] {
            assert!(claims(path, None), "{path}");
        }
        for path in [
            "/",
            "/v2/images",
            "/v2/schemas/image",
            "/v3/cloudimages",
            "/v2/cloudimagesx",
            "/v1/short/jobs/0a",
            &format!("/v2/{project}/servers"),
            &format!("/v3/{project}/images"),
            &format!("/identity/v2/{project}/images"),
        ] {
            assert!(!claims(path, None), "{path}");
            assert!(!claims(path, Some("ACS3-HMAC-SHA256 x")), "{path}");
            assert!(claims(path, Some("SDK-HMAC-SHA256 Access=a")), "{path}");
        }
    }
}
