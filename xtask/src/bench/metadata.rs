//! The metadata suite: calls in a closed loop against a filled catalogue.
//! Never: bytes of images.

use super::catalogue::{self, OWN_EVERY, SYSTEMS};
use super::http::Connection;
use super::peers::Peer;
use super::proc::Spent;
use super::report::Metrics;
use super::{Outcome, mix};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The measurements in order: first the reads, then the writes, each of which works on what the one before made.
pub(super) const OPERATIONS: [&str; 9] =
    ["show", "list", "list-name", "list-tag", "list-property", "list-sorted", "create", "update", "delete"];
const READS: usize = 6;
const PATCH: &str = "application/openstack-images-v2.1-json-patch";
/// A connection that fails this often in a row meets a broken server, not a slow one.
const FAILURES_IN_A_ROW_MAX: u32 = 20;

/// The suite, and what it has to remember between its measurements.
pub(super) struct Metadata {
    pub(super) images: u64,
    pub(super) connections: usize,
    pub(super) duration: Duration,
    /// How many images the last `create` made, by server.
    created: HashMap<&'static str, u64>,
}

impl Metadata {
    pub(super) fn new(images: u64, connections: usize, duration: Duration) -> Self {
        Self { images, connections, duration, created: HashMap::new() }
    }

    /// Asks all servers the same questions once, and complains where the answers differ in
    /// size: then they would not be measured at the same work.
    pub(super) fn check_agreement(&self, peers: &[Peer]) -> Outcome<()> {
        for operation in &OPERATIONS[1..READS] {
            let path = self.path(operation, 1);
            let mut counts = Vec::new();
            for peer in peers {
                let reply: Value = serde_json::from_slice(&peer.call("GET", &path, None, &[200])?)?;
                counts.push((peer.name, reply["images"].as_array().map_or(0, Vec::len)));
            }
            if counts.iter().any(|(_, count)| *count == 0 || *count != counts[0].1) {
                return Err(format!("{path}: wanted the same number of images from all: {counts:?}").into());
            }
        }
        Ok(())
    }

    /// Runs one measurement against one server. `repeat` sets apart what each repeat creates.
    pub(super) fn measure(&mut self, operation: &'static str, peer: &Peer, repeat: u64) -> Outcome<Metrics> {
        let token = peer.token()?;
        let created = self.created.get(peer.name).copied().unwrap_or(0);
        let make =
            |n: u64| (operation != "delete" || n < created).then(|| self.request(operation, peer, &token, repeat, n));
        if OPERATIONS[..READS].contains(&operation) {
            closed_loop(peer, 4, self.duration / 10, &make)?;
        }
        let watch = peer.watch();
        let done = closed_loop(peer, self.connections, self.duration, &make)?;
        let spent = watch.stop();
        if operation == "delete" {
            // what the time did not suffice for, so that the next repeat finds the same catalogue
            closed_loop(peer, self.connections, Duration::MAX, &|n| make(n + done.issued))?;
        } else if operation == "create" {
            self.created.insert(peer.name, done.issued);
        }

        Ok(metrics(peer, &done, &spent))
    }

    fn request(&self, operation: &str, peer: &Peer, token: &str, repeat: u64, n: u64) -> Vec<u8> {
        // one created image in turn, but not the neighbour of the one another connection is at
        let turn = |of: u64| n.wrapping_mul(7919) % of.max(1);
        match operation {
            "create" => {
                let body = json!({
                    "id": created_id(repeat, n), "name": format!("new-{n}"), "disk_format": "raw",
                    "container_format": "bare", "visibility": "private", "min_disk": 8, "min_ram": 512,
                    "tags": ["new", catalogue::tag(n)], "os_distro": "debian", "os_version": "12",
                    "architecture": "x86_64",
                });
                peer.images.request_with("POST", "/v2/images", token, "application/json", &body.to_string())
            }
            "update" => {
                let made = self.created.get(peer.name).copied().unwrap_or(0);
                let body = json!([
                    {"op": "replace", "path": "/name", "value": format!("renamed-{n}")},
                    {"op": "replace", "path": "/os_version", "value": n.to_string()},
                ]);
                let path = format!("/v2/images/{}", created_id(repeat, turn(made)));
                peer.images.request_with("PATCH", &path, token, PATCH, &body.to_string())
            }
            "delete" => peer.images.request("DELETE", &format!("/v2/images/{}", created_id(repeat, n)), token, &[]),
            read => peer.images.request("GET", &self.path(read, n), token, &[]),
        }
    }

    /// What the `n`th read of a kind asks for.
    fn path(&self, read: &str, n: u64) -> String {
        let draw = mix(n);
        let own = draw % self.images.div_ceil(OWN_EVERY) * OWN_EVERY;
        let system = SYSTEMS[(draw % 8) as usize];
        match read {
            "show" => format!("/v2/images/{}", catalogue::id(own)),
            "list" => "/v2/images?limit=20".into(),
            "list-name" => format!("/v2/images?limit=20&name={}", catalogue::name(own)),
            "list-tag" => format!("/v2/images?limit=20&tag={}", catalogue::tag(draw)),
            "list-property" => format!("/v2/images?limit=20&os_distro={system}"),
            _ => format!("/v2/images?limit=20&os_distro={system}&status=active&sort=name:asc"),
        }
    }
}

/// How hard a measurement works, and how long.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) duration: Duration,
}

/// Measures calls that change nothing; `make` is given the phase, warming up or the real one, and the number of a call.
pub(super) fn measured(
    peer: &Peer,
    load: &Load,
    make: impl Fn(&str, u64) -> Option<Vec<u8>> + Sync,
) -> Outcome<Metrics> {
    closed_loop(peer, 4, load.duration / 10, &|n| make("warm", n))?;
    let watch = peer.watch();
    let done = closed_loop(peer, load.connections, load.duration, &|n| make("real", n))?;
    Ok(metrics(peer, &done, &watch.stop()))
}

fn metrics(peer: &Peer, done: &Done, spent: &Spent) -> Metrics {
    let calls = done.latencies.len() as f64;
    let mut metrics = Metrics::from([
        ("calls".into(), calls),
        ("failures".into(), done.failures as f64),
        ("per_second".into(), calls / done.wall.as_secs_f64()),
        ("p50_ms".into(), percentile_ms(&done.latencies, 50)),
        ("p99_ms".into(), percentile_ms(&done.latencies, 99)),
        ("client_cpu_percent".into(), 100.0 * spent.client_cpu_s / spent.wall_s),
    ]);
    if !peer.server_roots().is_empty() {
        metrics.insert("cpu_ms".into(), 1e3 * (spent.server_cpu_s + spent.helper_cpu_s) / calls);
        metrics.insert("helper_cpu_ms".into(), 1e3 * spent.helper_cpu_s / calls);
    }
    metrics
}

/// The id of the `n`th image that a repeat creates.
fn created_id(repeat: u64, n: u64) -> String {
    format!("{:08x}-{repeat:04x}-4000-8000-{n:012x}", std::process::id())
}

/// What a closed loop did.
struct Done {
    latencies: Vec<Duration>,
    failures: u64,
    /// How many requests were made, whether answered well or not.
    issued: u64,
    wall: Duration,
}

/// Keeps `connections` requests in flight until the time is over or `make` has no more,
/// and lets the last ones finish.
fn closed_loop(
    peer: &Peer,
    connections: usize,
    duration: Duration,
    make: &(dyn Fn(u64) -> Option<Vec<u8>> + Sync),
) -> Outcome<Done> {
    let next = AtomicU64::new(0);
    let images = &peer.images;
    let began = Instant::now();
    let work = || -> Outcome<(Vec<Duration>, u64)> {
        let mut connection = Connection::new(images);
        let (mut latencies, mut failures, mut in_a_row) = (Vec::new(), 0, 0);
        while began.elapsed() < duration {
            let Some(request) = make(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let sent = Instant::now();
            match connection.call(&request) {
                Ok((head, _)) if head.status < 300 => {
                    latencies.push(sent.elapsed());
                    in_a_row = 0;
                }
                failed => {
                    failures += 1;
                    in_a_row += 1;
                    if in_a_row > FAILURES_IN_A_ROW_MAX {
                        let said = failed.map(|(head, body)| format!("{} {}", head.status, super::excerpt(&body)));
                        return Err(format!("failures in a row, the last: {said:?}").into());
                    }
                }
            }
        }
        Ok((latencies, failures))
    };
    let (mut latencies, mut failures) = (Vec::new(), 0);
    std::thread::scope(|scope| -> Outcome<()> {
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (its, failed) = worker.join().map_err(|_| "a connection's thread panicked")??;
            latencies.extend(its);
            failures += failed;
        }
        Ok(())
    })
    .map_err(|error| format!("{}: {error}", peer.name))?;
    latencies.sort_unstable();
    Ok(Done { latencies, failures, issued: next.into_inner(), wall: began.elapsed() })
}

/// Of values in ascending order.
pub(super) fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |value| value.as_secs_f64() * 1e3)
}
