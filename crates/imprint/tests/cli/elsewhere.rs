//! Copies from one service to another: what arrives, how little is sent, and what becomes of it when either side is
//! killed, refuses, or is not wanted any more.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use imprint_model::{Clock, ImageId, SystemClock};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::interrupted::{Proxy, Way};
use crate::support::{Service, noise, parsed};

const MIB: usize = 1 << 20;
const KEY: &str = "ROOTKEYOFTESTS";
const SECRET: &str = "root-secret-of-tests";
const ROOT: [(&str, &str); 2] = [("IMPRINT_ROOT_ACCESS_KEY", KEY), ("IMPRINT_ROOT_SECRET_KEY", SECRET)];

/// Two services; what the first sends to the second goes through a proxy.
struct Pair {
    here: Service,
    there: Service,
    proxy: Proxy,
}

impl Pair {
    /// Lets so many bytes through from here to there, and then none until the proxy is opened.
    fn start(limit: u64) -> Self {
        Self::with_secret(limit, SECRET)
    }

    fn with_secret(limit: u64, secret: &str) -> Self {
        let there = Service::start_with(&ROOT);
        let proxy = Proxy::start(&there, Way::Up, limit);
        let vars = vars(&proxy, secret);
        let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self { here: Service::start_with(&vars), there, proxy }
    }

    /// Kills the first service and starts it again.
    fn restart_here(&mut self) {
        let vars = vars(&self.proxy, SECRET);
        let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.here.restart_with(&vars);
    }

    /// Pushes a disk here; its id.
    fn push(&self, name: &str, disk: &[u8]) -> String {
        let path = self.here.file(name, disk);
        let path = path.to_str().expect("UTF-8");
        let pushed = run(&self.here, &["image", "push", path, "--format", "raw", "--tag", "k=v"]);
        pushed["id"].as_str().expect("an id").to_owned()
    }

    /// Begins to copy an image there; the copy's id.
    fn copy(&self, id: &str, name: &str) -> String {
        let source: ImageId = id.parse().expect("an id");
        let source = format!("m-{}", source.short());
        let (status, body) = ask(
            &self.here,
            "CopyImage",
            &[
                ("DestinationImageName", name),
                ("DestinationRegionId", "far"),
                ("ImageId", &source),
                ("RegionId", "local-1"),
                ("Tag.1.Key", "colour"),
                ("Tag.1.Value", "red"),
            ],
        );
        assert_eq!(status, 200, "{body}");
        let short = body["ImageId"].as_str().and_then(|id| id.strip_prefix("m-")).expect("an id");
        ImageId::from_short(short).expect("an id").to_string()
    }

    /// The job that copies.
    fn job(&self, copy: &str) -> Value {
        let jobs = run(&self.here, &["job", "list"]);
        let of_copy = |job: &&Value| job["image_id"] == copy && job["kind"] == "copy_elsewhere";
        jobs.as_array().expect("a list").iter().find(of_copy).expect("a job").clone()
    }

    /// The job once it has ended.
    fn ended(&self, copy: &str) -> Value {
        loop {
            let job = self.job(copy);
            if !["pending", "running"].contains(&job["state"].as_str().expect("a state")) {
                return job;
            }
        }
    }

    /// The images that the second service has.
    fn images_there(&self) -> Vec<Value> {
        run(&self.there, &["image", "list"]).as_array().expect("a list").clone()
    }

    /// Waits until the second service has no image.
    fn nothing_there(&self) {
        while !self.images_there().is_empty() {}
    }

    fn require_arrived(&self, copy: &str, disk: &[u8]) {
        let job = self.ended(copy);
        assert_eq!(job["state"], "succeeded", "{job}");
        run(&self.there, &["image", "pull", copy, "arrived"]);
        assert!(fs::read(self.there.path("arrived")).expect("there") == disk);
        fs::remove_file(self.there.path("arrived")).expect("removed");
    }
}

/// Runs a command against a service as its root account.
fn run(service: &Service, args: &[&str]) -> Value {
    parsed(&service.command(&[args, &["--output", "json"]].concat()).envs(ROOT).output().expect("runs"))
}

fn vars(proxy: &Proxy, secret: &str) -> Vec<(&'static str, String)> {
    let own = ROOT.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let remote = [
        ("IMPRINT_REMOTE_REGIONS", format!("far={}", proxy.url)),
        ("IMPRINT_REMOTE_REGION_KEYS", format!("far={KEY}:{secret}")),
    ];
    own.chain(remote).collect()
}

/// Asks the ECS API, signed in its third way. Parameters are in order.
fn ask(service: &Service, action: &str, params: &[(&str, &str)]) -> (u16, Value) {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let nonce = format!("{}-{}", std::process::id(), ASKED.fetch_add(1, Ordering::Relaxed));
    let query: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = query.join("&");
    let host = service.url.trim_start_matches("http://");
    let digest = |bytes: &[u8]| HEXLOWER.encode(&Sha256::digest(bytes));
    let headers = [
        ("host", host.to_owned()),
        ("x-acs-action", action.to_owned()),
        ("x-acs-content-sha256", digest(b"")),
        ("x-acs-date", SystemClock.now().to_rfc3339_seconds()),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-version", "2014-05-26".to_owned()),
    ];
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = headers.each_ref().map(|(name, _)| *name).join(";");
    let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{}", digest(b""));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(format!("ACS3-HMAC-SHA256\n{}", digest(canonical.as_bytes())).as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    let mut request = format!("POST /?{query} HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n");
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str(&format!(
        "authorization: ACS3-HMAC-SHA256 Credential={KEY},SignedHeaders={names},Signature={signature}\r\n\r\n"
    ));
    let mut connection = TcpStream::connect(host).expect("the service");
    connection.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("answered");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = answer.find('{').zip(answer.rfind('}')).map(|(first, last)| &answer[first..=last]);
    (status, serde_json::from_str(body.expect("JSON")).expect("JSON"))
}

#[test]
fn a_copy_elsewhere_has_the_same_bytes_and_a_similar_one_sends_next_to_nothing() {
    let pair = Pair::start(u64::MAX);
    let mut disk = noise(21, 24 * MIB);
    disk.resize(60 * MIB, 0);
    disk.extend(noise(22, 8 * MIB));
    let first = pair.copy(&pair.push("first", &disk), "copied");
    pair.require_arrived(&first, &disk);
    let all_bytes = pair.proxy.passed();
    assert!(all_bytes < 34 * MIB as u64, "the hole was sent: {all_bytes}");
    let image = run(&pair.there, &["image", "show", &first]);
    assert_eq!((image["name"].as_str(), image["visibility"].as_str()), (Some("copied"), Some("private")));
    assert_eq!(image["tags"], serde_json::json!(["colour=red"]));

    disk[3 * MIB..3 * MIB + 1000].fill(7);
    let second = pair.copy(&pair.push("second", &disk), "similar");
    pair.require_arrived(&second, &disk);
    let more_bytes = pair.proxy.passed() - all_bytes;
    assert!(more_bytes * 50 < all_bytes, "{more_bytes} bytes were sent for a disk of which {all_bytes} were there");

    let (status, tasks) = ask(&pair.here, "DescribeTasks", &[("RegionId", "local-1"), ("TaskAction", "CopyImage")]);
    assert_eq!((status, &tasks["TotalCount"]), (200, &2.into()), "{tasks}");
    assert_eq!(tasks["TaskSet"]["Task"][0]["TaskStatus"], "Finished");
    let (_, regions) = ask(&pair.here, "DescribeRegions", &[]);
    let endpoint = pair.proxy.url.trim_start_matches("http://");
    assert_eq!(regions["Regions"]["Region"][1]["RegionId"], "far");
    assert_eq!(regions["Regions"]["Region"][1]["RegionEndpoint"], endpoint);
}

#[test]
fn a_copy_goes_on_when_either_side_was_killed() {
    let mut pair = Pair::start(40 * MIB as u64);
    let disk = noise(23, 64 * MIB);
    let source = pair.push("disk", &disk);
    let copy = pair.copy(&source, "here-killed");
    pair.proxy.wait_until_full();
    pair.restart_here();
    pair.proxy.open();
    pair.require_arrived(&copy, &disk);
    // of the 40 MiB that came through, batches that were under way are sent again
    let sent_bytes = pair.proxy.passed();
    assert!(sent_bytes < 112 * MIB as u64, "{sent_bytes}");

    let other = noise(24, 64 * MIB);
    pair.proxy.close_after(40 * MIB as u64);
    let copy = pair.copy(&pair.push("other", &other), "there-killed");
    pair.proxy.wait_until_full();
    pair.there.restart_with(&ROOT);
    pair.proxy.aim(&pair.there);
    pair.proxy.open();
    pair.require_arrived(&copy, &other);
}

#[test]
fn a_copy_that_is_refused_says_why_and_leaves_nothing() {
    let pair = Pair::with_secret(u64::MAX, "another-secret");
    let copy = pair.copy(&pair.push("disk", &noise(25, MIB)), "refused");
    let job = pair.ended(&copy);
    assert_eq!(job["state"], "failed");
    let message = job["message"].as_str().expect("a text");
    assert!(message.contains("far refuses the copy") && !message.contains("another-secret"), "{message}");
    assert!(pair.images_there().is_empty());
    let (_, tasks) = ask(&pair.here, "DescribeTasks", &[("RegionId", "local-1")]);
    assert_eq!(tasks["TaskSet"]["Task"][0]["TaskStatus"], "Failed", "{tasks}");
    let unknown =
        [("DestinationRegionId", "farther"), ("ImageId", "m-0000000000000000000000000"), ("RegionId", "local-1")];
    assert_eq!(ask(&pair.here, "CopyImage", &unknown).1["Code"], "DestinationRegion.NotFound");
}

#[test]
fn a_copy_that_is_cancelled_is_removed_there() {
    let pair = Pair::start(20 * MIB as u64);
    let source = pair.push("disk", &noise(26, 64 * MIB));
    let copy = pair.copy(&source, "unwanted");
    pair.proxy.wait_until_full();
    assert_eq!(pair.images_there()[0]["status"], "queued");
    // what the proxy dropped is lost, so that this copy cannot end
    pair.proxy.open();
    let wire = format!("m-{}", copy.parse::<ImageId>().expect("an id").short());
    let wanted = [("ImageId", wire.as_str()), ("RegionId", "far")];
    assert_eq!(ask(&pair.here, "CancelCopyImage", &wanted).0, 200);
    assert_eq!(pair.ended(&copy)["state"], "cancelled");
    pair.nothing_there();
    assert_eq!(ask(&pair.here, "CancelCopyImage", &wanted).1["Code"], "IncorrectImageStatus");
    // the original is as it was
    assert_eq!(run(&pair.here, &["image", "show", &source])["status"], "active");
}

#[test]
fn a_service_that_cuts_otherwise_gets_what_it_would_have_cut() {
    let there = Service::start_with(&[ROOT[0], ROOT[1], ("IMPRINT_CHUNK_MEAN_KIB", "16")]);
    let proxy = Proxy::start(&there, Way::Up, u64::MAX);
    let vars = vars(&proxy, SECRET);
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let pair = Pair { here: Service::start_with(&vars), there, proxy };
    let disk = noise(27, 12 * MIB + 5);
    let path = pair.there.file("known", &disk);
    run(&pair.there, &["image", "push", path.to_str().expect("UTF-8"), "--format", "raw"]);
    let copy = pair.copy(&pair.push("disk", &disk), "known");
    pair.require_arrived(&copy, &disk);
    assert!(pair.proxy.passed() < MIB as u64, "{}", pair.proxy.passed());
}
