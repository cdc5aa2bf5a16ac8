//! IMS calls over the same million images and by its account: lists with filters, and changes. Lives here: the
//! questions and how they are signed. Never: the catalogue, how a closed loop is measured.

use super::ecs::{self, Suite, escaped, hex};
use super::http::{Connection, Endpoint};
use super::metadata::measured;
use super::peers::Peer;
use super::report::Metrics;
use super::{Outcome, expect, mix, output_of};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The measurements in order; the one that changes images is the last.
pub(super) const OPERATIONS: [&str; 5] = ["ims-list", "ims-name", "ims-tag", "ims-filters", "ims-patch"];
const LIMIT: usize = 20;

/// One request before it is signed.
struct Question {
    method: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    body: String,
}

impl Question {
    fn list(filters: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let query = filters.into_iter().chain([("limit", LIMIT.to_string())]).collect();
        Self { method: "GET", path: "/v2/cloudimages".to_owned(), query, body: String::new() }
    }
}

/// Every list once: it must hold as many images as the catalogue says.
pub(super) fn check(suite: &Suite, peer: &Peer) -> Outcome<()> {
    for operation in &OPERATIONS[..4] {
        let (head, reply) = Connection::new(&peer.images).call(&signed(
            suite,
            &peer.images,
            &question(suite, operation, 7),
            &date()?,
        ))?;
        expect(operation, head.status, &[200], &reply)?;
        let body: Value = serde_json::from_slice(&reply)?;
        let found = body["images"].as_array().map_or(0, Vec::len);
        let wanted = (0..suite.images).filter(|number| counts(suite, operation, 7, *number)).take(LIMIT).count();
        if found != wanted {
            return Err(format!("{operation}: wanted {wanted} images, not {found}").into());
        }
    }
    Ok(())
}

/// Runs one measurement.
pub(super) fn measure(suite: &Suite, operation: &'static str, peer: &Peer) -> Outcome<Metrics> {
    let date = date()?;
    measured(peer, &suite.load, |_, n| Some(signed(suite, &peer.images, &question(suite, operation, n), &date)))
}

/// What the `n`th call of a kind asks.
fn question(suite: &Suite, operation: &str, n: u64) -> Question {
    let own = own(suite, n);
    let tag = ("tag", format!("team=team-{}", ecs::team(n)));
    match operation {
        "ims-list" => Question::list([]),
        "ims-name" => Question::list([("name", ecs::name(own))]),
        "ims-tag" => Question::list([tag]),
        "ims-filters" => Question::list([
            tag,
            ("__imagetype", "private".to_owned()),
            ("__os_type", "Linux".to_owned()),
            ("architecture", "arm".to_owned()),
            ("status", "active".to_owned()),
        ]),
        _ => Question {
            method: "PATCH",
            path: format!("/v2/cloudimages/{}", super::catalogue::id(own)),
            query: Vec::new(),
            body: json!([
                {"op": "add", "path": "/__description", "value": format!("changed {n}")},
                {"op": "replace", "path": "/min_ram", "value": n % 4096},
            ])
            .to_string(),
        },
    }
}

/// Whether the `n`th list of a kind is about image number `number`.
fn counts(suite: &Suite, operation: &str, n: u64, number: u64) -> bool {
    let in_team = ecs::team(number) == ecs::team(n);
    match operation {
        "ims-name" => number == own(suite, n),
        "ims-tag" => ecs::is_seen(number) && in_team,
        "ims-filters" => number.is_multiple_of(ecs::OWN_EVERY) && in_team && ecs::is_arm(number),
        _ => ecs::is_seen(number),
    }
}

fn own(suite: &Suite, n: u64) -> u64 {
    mix(n) % suite.images.div_ceil(ecs::OWN_EVERY) * ecs::OWN_EVERY
}

/// The bytes of a request signed with the key itself (`Access=`).
fn signed(suite: &Suite, endpoint: &Endpoint, asked: &Question, date: &str) -> Vec<u8> {
    let Question { method, path, query, body } = asked;
    let mut pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.sort();
    let query = pairs.join("&");
    let digest = hex(&Sha256::digest(body));
    let request = format!(
        "{method}\n{path}/\n{query}\nhost:{}\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{digest}",
        endpoint.authority()
    );
    let message = format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&Sha256::digest(request)));
    let mut mac = Hmac::<Sha256>::new_from_slice(suite.secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message.as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    let credential =
        format!("SDK-HMAC-SHA256 Access={}, SignedHeaders=host;x-sdk-date, Signature={signature}", suite.key);
    let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
    let length = body.len().to_string();
    let mut headers = vec![("x-sdk-date", date), ("authorization", credential.as_str())];
    if !body.is_empty() {
        headers.extend([("content-type", "application/json"), ("content-length", length.as_str())]);
    }
    let mut request = endpoint.request(method, &target, "", &headers);
    request.extend_from_slice(body.as_bytes());
    request
}

/// The time as requests carry it; good for a quarter of an hour.
fn date() -> Outcome<String> {
    output_of("date", &["-u", "+%Y%m%dT%H%M%SZ"])
}
