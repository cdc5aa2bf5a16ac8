//! The transfer suite: whole images and ranges of them, up and down.
//! Never: metadata beyond the records that transfers need.

use super::content::{Content, Disk, GIB, KIB, MIB};
use super::http::{Connection, Endpoint};
use super::metadata::percentile_ms;
use super::peers::Peer;
use super::proc::{Spent, allocated_bytes};
use super::report::Metrics;
use super::{Outcome, expect, mix};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{Error, ErrorKind, IoSlice, Result, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

/// The measurements in order. `put` also gives `put-again`: the same bytes a second time.
pub(super) const OPERATIONS: [&str; 7] = ["put", "put-chunked", "put-4", "put-sparse", "get", "get-4", "get-ranges"];
const STREAMS: usize = 4;
const RANGES: u64 = 60;
/// The chunk that common clients send where they do not say the length.
const CHUNK: usize = 64 * KIB;
/// A sparse disk is this many times larger than what it holds.
const SPARSE: usize = 16;

/// The suite, and the images that stay for its downloads.
pub(super) struct Transfer {
    content: Content,
    size: usize,
    kept: HashMap<&'static str, Kept>,
}

struct Kept {
    whole: String,
    parts: Vec<String>,
}

#[derive(Clone, Copy)]
enum Framing {
    Length,
    Chunked,
}

impl Transfer {
    /// A suite whose large image has `size` bytes, with one copy of it on every server.
    pub(super) fn new(size: usize, peers: &[Peer]) -> Outcome<Self> {
        let mut suite = Self { content: Content::new(size), size, kept: HashMap::new() };
        suite.content.stamp(0);
        for peer in peers {
            let wire = Wire::to(peer)?;
            let whole = new_image(peer)?;
            wire.put(&whole, &suite.content.part(0, 1), Framing::Length)?;
            wire.check(&whole, suite.content.bytes())?;
            let parts = (0..STREAMS).map(|_| new_image(peer)).collect::<Outcome<Vec<_>>>()?;
            for (number, part) in parts.iter().enumerate() {
                wire.put(part, &suite.content.part(number, STREAMS), Framing::Length)?;
            }
            suite.kept.insert(peer.name, Kept { whole, parts });
        }
        Ok(suite)
    }

    /// Runs one measurement against one server; gives the rows it makes.
    pub(super) fn measure(
        &mut self,
        operation: &'static str,
        peer: &Peer,
        repeat: u64,
    ) -> Outcome<Vec<(&'static str, Metrics)>> {
        // the same bytes for every server, and other bytes than in any measurement before
        let salt = operation.bytes().fold(repeat + 1, |salt, byte| mix(salt ^ u64::from(byte)));
        self.content.stamp(salt);
        let kept = &self.kept[peer.name];
        let mut images = Vec::new();
        let rows = match operation {
            "put" => {
                let first = upload(peer, &[self.content.part(0, 1)], Framing::Length, &mut images)?;
                let again = upload(peer, &[self.content.part(0, 1)], Framing::Length, &mut images)?;
                vec![("put", first), ("put-again", again)]
            }
            "put-chunked" => {
                vec![(operation, upload(peer, &[self.content.part(0, 1)], Framing::Chunked, &mut images)?)]
            }
            "put-4" => {
                let parts: Vec<_> = (0..STREAMS).map(|number| self.content.part(number, STREAMS)).collect();
                vec![(operation, upload(peer, &parts, Framing::Length, &mut images)?)]
            }
            "put-sparse" => {
                let disk = self.content.sparse(self.size / 2 * SPARSE);
                vec![(operation, upload(peer, &[disk], Framing::Length, &mut images)?)]
            }
            "get" => vec![(operation, download(peer, std::slice::from_ref(&kept.whole), self.size)?)],
            "get-4" => vec![(operation, download(peer, &kept.parts, self.size)?)],
            _ => vec![(operation, ranges(peer, &kept.whole, self.size, salt)?)],
        };
        for image in images {
            delete(peer, &image)?;
        }
        Ok(rows)
    }

    /// Deletes the images that stayed.
    pub(super) fn clean_up(self, peers: &[Peer]) -> Outcome<()> {
        for peer in peers {
            for image in self.kept.get(peer.name).into_iter().flat_map(|kept| kept.parts.iter().chain([&kept.whole])) {
                delete(peer, image)?;
            }
        }
        Ok(())
    }
}

fn delete(peer: &Peer, image: &str) -> Outcome<()> {
    peer.call("DELETE", &format!("/v2/images/{image}"), None, &[204]).map(drop)
}

fn new_image(peer: &Peer) -> Outcome<String> {
    let body = json!({"name": "transfer", "disk_format": "raw", "container_format": "bare", "visibility": "private"});
    let made: Value = serde_json::from_slice(&peer.call("POST", "/v2/images", Some(&body.to_string()), &[201])?)?;
    Ok(made["id"].as_str().ok_or("an image made without an id")?.to_owned())
}

/// Uploads all disks at once, each into a new image, whose ids are added to `images`.
fn upload(peer: &Peer, disks: &[Disk<'_>], framing: Framing, images: &mut Vec<String>) -> Outcome<Metrics> {
    let ids = disks.iter().map(|_| new_image(peer)).collect::<Outcome<Vec<_>>>()?;
    images.extend_from_slice(&ids);
    // what was written before reaches the disk now, and is not charged to this measurement
    Command::new("sync").status()?;
    let stored_before = peer.stored_in().map(allocated_bytes);
    let wire = Wire::to(peer)?;
    let watch = peer.watch();
    in_parallel(ids.iter().zip(disks), |(id, disk)| wire.put(id, disk, framing))?;
    let mut metrics = rates(peer, &watch.stop(), disks.iter().map(|disk| disk.size).sum());
    if let (Some(before), Some(folder)) = (stored_before, peer.stored_in()) {
        // a file system may allot the blocks of unsynced data later
        Command::new("sync").status()?;
        metrics.insert("stored_mib".into(), allocated_bytes(folder).saturating_sub(before) as f64 / MIB as f64);
    }
    Ok(metrics)
}

/// Downloads all images at once; together they hold `size` bytes.
fn download(peer: &Peer, images: &[String], size: usize) -> Outcome<Metrics> {
    let wire = Wire::to(peer)?;
    let watch = peer.watch();
    in_parallel(images, |image| wire.get(image, size / images.len()))?;
    Ok(rates(peer, &watch.stop(), size))
}

/// Random ranges of 1 MiB, one after another: how a machine reads that boots from the image.
fn ranges(peer: &Peer, image: &str, size: usize, salt: u64) -> Outcome<Metrics> {
    let wire = Wire::to(peer)?;
    let mut connection = Connection::new(&wire.images);
    let mut latencies = Vec::new();
    let watch = peer.watch();
    for n in 0..RANGES {
        let at = mix(salt ^ n) % (size - MIB) as u64;
        let sent = Instant::now();
        wire.get_range(&mut connection, image, at)?;
        latencies.push(sent.elapsed());
    }
    let spent = watch.stop();
    latencies.sort_unstable();
    let calls = latencies.len() as f64;
    let mut metrics = Metrics::from([
        ("per_second".into(), calls / spent.wall_s),
        ("p50_ms".into(), percentile_ms(&latencies, 50)),
        ("p99_ms".into(), percentile_ms(&latencies, 99)),
    ]);
    if !peer.server_roots().is_empty() {
        metrics.insert("cpu_ms".into(), 1e3 * (spent.server_cpu_s + spent.helper_cpu_s) / calls);
    }
    Ok(metrics)
}

fn rates(peer: &Peer, spent: &Spent, bytes: usize) -> Metrics {
    let gib = bytes as f64 / GIB as f64;
    let mut metrics = Metrics::from([
        ("mb_per_second".into(), bytes as f64 / 1e6 / spent.wall_s),
        ("client_cpu_s_per_gib".into(), spent.client_cpu_s / gib),
    ]);
    if !peer.server_roots().is_empty() {
        metrics.insert("cpu_s_per_gib".into(), (spent.server_cpu_s + spent.helper_cpu_s) / gib);
        metrics.insert("rss_growth_mib".into(), spent.rss_growth_mib);
    }
    metrics
}

/// Runs `work` on each item, a thread each.
fn in_parallel<T: Send>(items: impl IntoIterator<Item = T>, work: impl Fn(T) -> Outcome<()> + Sync) -> Outcome<()> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a stream's thread panicked")?)
    })
}

/// Where image data is sent and asked for, by whom.
struct Wire {
    images: Endpoint,
    token: String,
}

impl Wire {
    fn to(peer: &Peer) -> Outcome<Self> {
        Ok(Self { images: peer.images.clone(), token: peer.token()? })
    }

    fn put(&self, image: &str, disk: &Disk<'_>, framing: Framing) -> Outcome<()> {
        let length = disk.size.to_string();
        let how = match framing {
            Framing::Length => ("Content-Length", length.as_str()),
            Framing::Chunked => ("Transfer-Encoding", "chunked"),
        };
        let kind = ("Content-Type", "application/octet-stream");
        let head = self.images.request("PUT", &format!("/v2/images/{image}/file"), &self.token, &[kind, how]);
        let mut connection = Connection::new(&self.images);
        let stream = connection.stream()?;
        stream.write_all(&head)?;
        let sent = disk.pieces.iter().try_for_each(|piece| match framing {
            Framing::Length => stream.write_all(piece),
            Framing::Chunked => piece.chunks(CHUNK).try_for_each(|chunk| write_chunk(stream, chunk)),
        });
        let sent = sent.and_then(|()| match framing {
            Framing::Length => Ok(()),
            Framing::Chunked => stream.write_all(b"0\r\n\r\n"),
        });
        // a server that refuses may answer before it has read all: its answer says more than the broken pipe
        let head = connection.read_head().map_err(|error| format!("PUT of {image}: {error}, after {sent:?}"))?;
        let reply = connection.read_body(&head)?;
        expect(&format!("PUT of {image}"), head.status, &[204], &reply)?;
        Ok(sent?)
    }

    fn get(&self, image: &str, size: usize) -> Outcome<()> {
        self.get_with(&mut Connection::new(&self.images), image, None, size, |_| Ok(()))
    }

    fn get_range(&self, connection: &mut Connection, image: &str, at: u64) -> Outcome<()> {
        self.get_with(connection, image, Some(at), MIB, |_| Ok(()))
    }

    /// Compares what comes back with what was sent.
    fn check(&self, image: &str, sent: &[u8]) -> Outcome<()> {
        let mut at = 0;
        let compare = |piece: &[u8]| {
            let same = sent.get(at..at + piece.len()) == Some(piece);
            at += piece.len();
            if same { Ok(()) } else { Err(Error::other(format!("other bytes than were sent, before offset {at}"))) }
        };
        self.get_with(&mut Connection::new(&self.images), image, None, sent.len(), compare)
    }

    /// Gets all of an image, or 1 MiB from an offset on, and checks that it is `size` bytes.
    fn get_with(
        &self,
        connection: &mut Connection,
        image: &str,
        offset: Option<u64>,
        size: usize,
        sink: impl FnMut(&[u8]) -> Result<()>,
    ) -> Outcome<()> {
        let range = offset.map(|at| format!("bytes={at}-{}", at + size as u64 - 1));
        let headers: Vec<_> = range.iter().map(|range| ("Range", range.as_str())).collect();
        let request = self.images.request("GET", &format!("/v2/images/{image}/file"), &self.token, &headers);
        let wanted = if offset.is_some() { 206 } else { 200 };
        let head = connection.ask(&request)?;
        if head.status != wanted {
            let reply = connection.read_body(&head)?;
            return expect(&format!("GET of {image}"), head.status, &[wanted], &reply);
        }
        let got = connection.read_body_with(&head, sink).map_err(|error| format!("GET of {image}: {error}"))?;
        if got == size as u64 { Ok(()) } else { Err(format!("GET of {image}: {got} bytes of {size}").into()) }
    }
}

fn write_chunk(stream: &mut TcpStream, chunk: &[u8]) -> Result<()> {
    let size = format!("{:x}\r\n", chunk.len());
    let mut parts = [IoSlice::new(size.as_bytes()), IoSlice::new(chunk), IoSlice::new(b"\r\n")];
    let mut parts = parts.as_mut_slice();
    while !parts.is_empty() {
        let sent = stream.write_vectored(parts)?;
        if sent == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut parts, sent);
    }
    Ok(())
}
