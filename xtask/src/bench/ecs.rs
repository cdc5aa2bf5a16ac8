//! The suite over a million images: DescribeImages of an account that owns a tenth of them, signed as clients sign.
//! Lives here: that catalogue, the questions, and how many answers each must count. Never: how a closed loop is measured.

use super::http::{Connection, Endpoint};
use super::metadata::{Load, measured};
use super::peers::{Host, Peer, kept_text};
use super::report::Metrics;
use super::{Outcome, expect, mix, output_of, random_hex, say};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The measurements in order.
pub(super) const OPERATIONS: [&str; 8] =
    ["ecs-list", "ecs-id", "ecs-name", "ecs-name-like", "ecs-family", "ecs-tag", "ecs-filters", "ecs-page"];
/// Every tenth image is the account's, every hundredth everybody's; the rest it must not see.
pub(super) const OWN_EVERY: u64 = 10;
const PUBLIC_EVERY: u64 = 100;
const PUBLIC: u64 = 1;
const TEAMS: u64 = 100;
const FAMILIES: u64 = 5_000;
const REGION: &str = "local-1";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DATA: &str = "one small image";
/// Ids that one image is looked for by in turn.
const KNOWN_IDS: u64 = 1_000;
const PAGE_SIZE: u64 = 100;

/// Which images an answer counts.
type Counts = Box<dyn Fn(u64) -> bool>;

/// The account that asks, and the catalogue it asks about.
pub(super) struct Suite {
    pub(super) images: u64,
    pub(super) load: Load,
    project: String,
    pub(super) key: String,
    pub(super) secret: String,
    /// Makes this run's nonces its own.
    run: String,
    ids: Vec<String>,
}

/// Whether the account sees image number N.
pub(super) fn is_seen(number: u64) -> bool {
    number.is_multiple_of(OWN_EVERY) || number % PUBLIC_EVERY == PUBLIC
}

pub(super) fn team(number: u64) -> u64 {
    mix(number) % TEAMS
}

pub(super) fn is_arm(number: u64) -> bool {
    mix(number ^ 1).is_multiple_of(4)
}

fn family(number: u64) -> u64 {
    number / OWN_EVERY % FAMILIES
}

pub(super) fn name(number: u64) -> String {
    format!("image-{number:07}")
}

impl Suite {
    /// Makes the account and fills Imprint, unless an earlier run did.
    pub(super) fn new(peer: &Peer, images: u64, load: Load) -> Outcome<Self> {
        let Host::Imprint(imprint) = &peer.host else { return Err("only Imprint answers this suite".into()) };
        let made = kept_text(&imprint.folder.join("account.json"), || {
            let admin = peer.identity.admin()?;
            let body = json!({"name": "bench-ecs"}).to_string();
            let request = peer.images.request_with("POST", "/imprint/v1/accounts", &admin, "application/json", &body);
            let (head, reply) = Connection::new(&peer.images).call(&request)?;
            expect("making the account", head.status, &[201], &reply)?;
            Ok(String::from_utf8(reply)?)
        })?;
        let made: Value = serde_json::from_str(&made)?;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let (project, key, secret) = (text("project_id"), text("access_key_id"), text("access_key_secret"));
        let run = random_hex()?[..8].to_owned();
        let mut suite = Self { images, load, project, key, secret, run, ids: Vec::new() };
        kept_text(&imprint.folder.join("filled"), || {
            let began = Instant::now();
            suite.fill(peer)?;
            say(&format!(
                "{}: {images} images in the catalogue after {:.1} s",
                peer.name,
                began.elapsed().as_secs_f64()
            ));
            Ok(images.to_string())
        })?;
        suite.look_up_ids(peer)?;
        suite.check_totals(peer)?;
        Ok(suite)
    }

    /// Through the image API, as the administrator: a record for each, and a small upload where it will be listed.
    fn fill(&self, peer: &Peer) -> Outcome<()> {
        let next = AtomicU64::new(0);
        let fill_some = || -> Outcome<()> {
            let mut connection = Connection::new(&peer.images);
            let mut token = String::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.images {
                    return Ok(());
                }
                if token.is_empty() || number.is_multiple_of(1 << 14) {
                    token = peer.identity.admin()?;
                }
                let post = peer.images.request_with(
                    "POST",
                    "/v2/images",
                    &token,
                    "application/json",
                    &self.record(peer, number).to_string(),
                );
                let (head, reply) = connection.call(&post)?;
                expect("filling: POST", head.status, &[201], &reply)?;
                if is_seen(number) {
                    let path = format!("/v2/images/{}/file", super::catalogue::id(number));
                    let put = peer.images.request_with("PUT", &path, &token, "application/octet-stream", DATA);
                    let (head, reply) = connection.call(&put)?;
                    expect("filling: PUT", head.status, &[204], &reply)?;
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.load.connections).map(|_| scope.spawn(fill_some)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a filling thread panicked")?)
        })
    }

    fn record(&self, peer: &Peer, number: u64) -> Value {
        let others = &peer.tenants.others;
        let owner = if number.is_multiple_of(OWN_EVERY) {
            &self.project
        } else {
            &others[usize::try_from(mix(number)).unwrap_or(0) % others.len()]
        };
        json!({
            "id": super::catalogue::id(number), "name": name(number), "owner": owner, "disk_format": "raw",
            "container_format": "bare", "min_disk": 1,
            "visibility": if number % PUBLIC_EVERY == PUBLIC { "public" } else { "private" },
            "tags": [format!("team=team-{}", team(number)), format!("build={number}")],
            "architecture": if is_arm(number) { "aarch64" } else { "x86_64" }, "os_type": "linux",
            "os_distro": "debian", "image_family": format!("family-{}", family(number)),
        })
    }

    /// Ids as this API writes them.
    fn look_up_ids(&mut self, peer: &Peer) -> Outcome<()> {
        for page in 1..=KNOWN_IDS / PAGE_SIZE {
            let asked = [("PageNumber", page.to_string()), ("PageSize", PAGE_SIZE.to_string())];
            let body = self.ask(peer, &asked, &format!("ids-{page}"))?;
            let found = body["Images"]["Image"].as_array().map(Vec::as_slice).unwrap_or_default();
            self.ids.extend(found.iter().filter_map(|image| Some(image["ImageId"].as_str()?.to_owned())));
        }
        if self.ids.is_empty() { Err("no image is listed".into()) } else { Ok(()) }
    }

    /// Every question once: what it counts must be exact.
    fn check_totals(&self, peer: &Peer) -> Outcome<()> {
        for operation in OPERATIONS {
            let (asked, counts) = self.question(operation, 7);
            let wanted = match counts {
                Some(counts) => (0..self.images).filter(|number| is_seen(*number) && counts(*number)).count(),
                None => 1,
            };
            let body = self.ask(peer, &asked, &format!("totals-{operation}"))?;
            if body["TotalCount"] != json!(wanted) {
                return Err(format!("{operation}: wanted {wanted} in total, not {}", body["TotalCount"]).into());
            }
        }
        Ok(())
    }

    fn ask(&self, peer: &Peer, asked: &[(&str, String)], nonce: &str) -> Outcome<Value> {
        let request = self.signed(&peer.images, asked, nonce, &date()?);
        let (head, reply) = Connection::new(&peer.images).call(&request)?;
        expect("DescribeImages", head.status, &[200], &reply)?;
        Ok(serde_json::from_slice(&reply)?)
    }

    /// Runs one measurement.
    pub(super) fn measure(&self, operation: &'static str, peer: &Peer, repeat: u64) -> Outcome<Metrics> {
        let date = date()?;
        measured(peer, &self.load, |phase, n| {
            let (asked, _) = self.question(operation, n);
            Some(self.signed(&peer.images, &asked, &format!("{operation}-{repeat}-{phase}-{n}"), &date))
        })
    }

    /// What the `n`th question of a kind asks, and which of the seen images it counts; without that it is one.
    fn question(&self, operation: &str, n: u64) -> (Vec<(&'static str, String)>, Option<Counts>) {
        let own = mix(n) % self.images.div_ceil(OWN_EVERY) * OWN_EVERY;
        let all = || Some(Box::new(|_| true) as Counts);
        match operation {
            "ecs-list" => (Vec::new(), all()),
            "ecs-id" => {
                let at = usize::try_from(n).unwrap_or(0) % self.ids.len();
                (vec![("ImageId", self.ids[at].clone())], None)
            }
            "ecs-name" => (vec![("ImageName", name(own))], None),
            "ecs-name-like" => {
                let beginning = name(own)[..11].to_owned();
                let pattern = format!("{beginning}*");
                (vec![("ImageName", pattern)], Some(Box::new(move |number| name(number).starts_with(&beginning))))
            }
            "ecs-family" => {
                let wanted = family(own);
                (vec![("ImageFamily", format!("family-{wanted}"))], Some(Box::new(move |n| family(n) == wanted)))
            }
            "ecs-tag" => {
                let wanted = team(n);
                (tag(wanted), Some(Box::new(move |number| team(number) == wanted)))
            }
            "ecs-filters" => {
                let wanted = team(n);
                let mut asked = tag(wanted);
                asked.extend([("Architecture", "arm64".to_owned()), ("OSType", "linux".to_owned())]);
                asked.push(("ImageOwnerAlias", "self".to_owned()));
                let counts =
                    move |number: u64| number.is_multiple_of(OWN_EVERY) && team(number) == wanted && is_arm(number);
                (asked, Some(Box::new(counts)))
            }
            _ => {
                let pages = (self.images / OWN_EVERY).div_ceil(PAGE_SIZE).clamp(1, 100);
                let asked = [("PageNumber", (1 + n % pages).to_string()), ("PageSize", PAGE_SIZE.to_string())];
                (asked.to_vec(), all())
            }
        }
    }

    /// The bytes of a DescribeImages signed by version 3.
    fn signed(&self, endpoint: &Endpoint, asked: &[(&str, String)], nonce: &str, date: &str) -> Vec<u8> {
        let mut pairs: Vec<String> = asked.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        pairs.push(format!("RegionId={REGION}"));
        pairs.sort();
        let query = pairs.join("&");
        let headers = [
            ("host", endpoint.authority()),
            ("x-acs-action", "DescribeImages"),
            ("x-acs-content-sha256", EMPTY_SHA256),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", &format!("{}-{nonce}", self.run)),
            ("x-acs-version", "2014-05-26"),
        ];
        let names = headers.map(|(name, _)| name).join(";");
        let listed: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let request = format!("POST\n/\n{query}\n{listed}\n{names}\n{EMPTY_SHA256}");
        let message = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(request)));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(message.as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let credential =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", self.key);
        // the host stands in every request by itself
        let sent: Vec<(&str, &str)> = headers[1..]
            .iter()
            .copied()
            .chain([("authorization", credential.as_str()), ("content-length", "0")])
            .collect();
        endpoint.request("POST", &format!("/?{query}"), "", &sent)
    }
}

fn tag(team: u64) -> Vec<(&'static str, String)> {
    vec![("Tag.1.Key", "team".to_owned()), ("Tag.1.Value", format!("team-{team}"))]
}

/// The time as requests carry it; good for a quarter of an hour.
fn date() -> Outcome<String> {
    output_of("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes everything");
        out
    })
}

/// Percent-encoded as signatures want it.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => write!(out, "%{other:02X}").expect("a String takes everything"),
        }
        out
    })
}
