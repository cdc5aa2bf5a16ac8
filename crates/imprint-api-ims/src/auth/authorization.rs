//! What the `Authorization` header of a signed request says. Two clients of the provider speak two grammars under one
//! name; they are told apart by how they name the key.

use super::ALGORITHM;

/// Most headers that may be signed.
const SIGNED_MAX: usize = 64;
/// Ends the scope of a derived key.
const SCOPE_END: &str = "sdk_request";

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `Access=`: with the key's secret itself.
    A,
    /// `Credential=`: with a key derived from the secret, a date, a region and a service.
    B,
}

/// The header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// Which grammar.
    pub(super) way: Way,
    /// The key's id.
    pub(super) key: &'a str,
    /// Date, region, service and the end of the scope; all empty where the key is not derived.
    pub(super) scope: [&'a str; 4],
    /// The signed headers' names, in the order given.
    pub(super) signed: Vec<&'a str>,
    /// The signature in hexadecimal digits.
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads `SDK-HMAC-SHA256 Access=…, SignedHeaders=…;…, Signature=…`, or the same with `Credential=…/…`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let (mut access, mut credential, mut signed, mut signature) = (None, None, None, None);
        for part in rest.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            let place = match name {
                "Access" => &mut access,
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let (way, key, scope) = match (access, credential) {
            (Some(key), None) => (Way::A, key, [""; 4]),
            (None, Some(credential)) => {
                let (key, scope) = read_scope(credential)?;
                (Way::B, key, scope)
            }
            _ => return None,
        };
        let signed: Vec<&str> = signed?.split(';').take(SIGNED_MAX + 1).collect();
        let fits = signed.len() <= SIGNED_MAX && !key.is_empty();
        fits.then_some(Self { way, key, scope, signed, signature: signature? })
    }

    /// Whether the scope, if there is one, is of the day on which the request was signed.
    pub(super) fn is_of(&self, date: &str) -> bool {
        match self.way {
            Way::A => true,
            Way::B => date.get(..8) == Some(self.scope[0]),
        }
    }

    /// The text that is signed.
    pub(super) fn string_to_sign(&self, date: &str, digest: &str) -> String {
        match self.way {
            Way::A => format!("{ALGORITHM}\n{date}\n{digest}"),
            Way::B => format!("{ALGORITHM}\n{date}\n{}\n{digest}", self.scope.join("/")),
        }
    }
}

/// Reads `KEY/20240102/region/service/sdk_request`; region and service may be empty.
fn read_scope(credential: &str) -> Option<(&str, [&str; 4])> {
    let parts: Vec<&str> = credential.splitn(6, '/').collect();
    let &[key, date, region, service, end] = parts.as_slice() else { return None };
    (end == SCOPE_END).then_some((key, [date, region, service, end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_grammars_are_read() {
        let read = Authorization::parse("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=0a");
        let expected = Authorization {
            way: Way::A,
            key: "AK",
            scope: [""; 4],
            signed: vec!["host", "x-sdk-date"],
            signature: "0a",
        };
        assert_eq!(read, Some(expected));
        let text = "SDK-HMAC-SHA256 Credential=AK/20240102///sdk_request,SignedHeaders=x-sdk-date,Signature=0a";
        let read = Authorization::parse(text).expect("valid");
        assert_eq!((read.way, read.key, read.scope), (Way::B, "AK", ["20240102", "", "", "sdk_request"]));
        assert!(read.is_of("20240102T030405Z") && !read.is_of("20240103T030405Z") && !read.is_of(""));
        assert_eq!(
            read.string_to_sign("20240102T030405Z", "d"),
            "SDK-HMAC-SHA256\n20240102T030405Z\n20240102///sdk_request\nd"
        );
    }

    #[test]
    fn anything_else_is_none() {
        let many = vec!["a"; 65].join(";");
        for bad in [
            "",
            "SDK-HMAC-SHA256",
            "SDK-HMAC-SHA256 ",
            "SDK-HMAC-SHA256 Access",
            "SDK-HMAC-SHA256 Access=, SignedHeaders=a, Signature=0",
            "SDK-HMAC-SHA256 Access=a, SignedHeaders=a",
            "SDK-HMAC-SHA256 Access=a, Access=a, SignedHeaders=a, Signature=0",
            "SDK-HMAC-SHA256 Access=a, Credential=a/b/c/d/sdk_request, SignedHeaders=a, Signature=0",
            "SDK-HMAC-SHA256 Access=a, SignedHeaders=a, Signature=0, Other=1",
            "SDK-HMAC-SHA256 Credential=a/b/c/sdk_request, SignedHeaders=a, Signature=0",
            "SDK-HMAC-SHA256 Credential=a/b/c/d/e/sdk_request, SignedHeaders=a, Signature=0",
            "SDK-HMAC-SHA256 Credential=a/b/c/d/other, SignedHeaders=a, Signature=0",
            &format!("SDK-HMAC-SHA256 Access=a, SignedHeaders={many}, Signature=0"),
        ] {
            assert_eq!(Authorization::parse(bad), None, "{bad}");
        }
    }
}
