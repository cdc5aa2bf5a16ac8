//! The version document, by which clients find out what this service can do before they log in.

use std::fmt::Write as _;

/// The newest version and what came before it, all of it answered: stores by name, of which there is one (2.8 to 2.13),
/// the cache (2.14, 2.16), locations, of which no image has any (2.17), and other nodes' caches, which are not kept in
/// one place and so are a conflict (2.18).
const CURRENT: &str = "2.18";
const SUPPORTED: [&str; 18] = [
    "2.17", "2.16", "2.15", "2.14", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8", "2.7", "2.6", "2.5", "2.4", "2.3",
    "2.2", "2.1", "2.0",
];

/// The document, for a client that reaches the service at `base` (no slash at the end).
pub(crate) fn document(base: &str) -> String {
    let href = serde_json::to_string(&format!("{base}/v2/")).expect("text is JSON");
    let mut out = String::from("{\"versions\": [");
    write_version(&mut out, CURRENT, "CURRENT", &href);
    for version in SUPPORTED {
        out.push_str(", ");
        write_version(&mut out, version, "SUPPORTED", &href);
    }
    out.push_str("]}");
    out
}

fn write_version(out: &mut String, version: &str, status: &str, href: &str) {
    write!(
        out,
        "{{\"id\": \"v{version}\", \"status\": \"{status}\", \"links\": [{{\"rel\": \"self\", \"href\": {href}}}]}}"
    )
    .expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_current_and_all_point_to_the_same_place() {
        let document: serde_json::Value = serde_json::from_str(&document("http://a\"b")).expect("valid JSON");
        let versions = document["versions"].as_array().expect("a list");
        assert_eq!(versions.len(), 19);
        assert_eq!(versions.iter().filter(|version| version["status"] == "CURRENT").count(), 1);
        assert!(versions.iter().all(|version| version["links"][0]["href"] == "http://a\"b/v2/"));
    }
}
