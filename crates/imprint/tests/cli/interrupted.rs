//! Transfers that are killed in the middle and asked for again. A proxy between command and service lets so many bytes
//! through and then none, so that the kill comes at a known place and no test waits for time to pass.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::support::{Service, noise, parsed};

const MIB: usize = 1 << 20;

/// Which way bytes are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// A proxy that says when it has let `limit` bytes through one way, and passes nothing on that way from then on.
pub(crate) struct Proxy {
    pub(crate) url: String,
    target: Arc<Mutex<String>>,
    passed: Arc<AtomicU64>,
    limit: Arc<AtomicU64>,
    full: Receiver<()>,
}

#[derive(Clone)]
struct Gate {
    passed: Arc<AtomicU64>,
    limit: Arc<AtomicU64>,
    full: Arc<Mutex<Sender<()>>>,
}

impl Proxy {
    pub(crate) fn start(service: &Service, way: Way, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let target = Arc::new(Mutex::new(host(service)));
        let (to, full) = channel();
        let limit = Arc::new(AtomicU64::new(limit));
        let passed = Arc::<AtomicU64>::default();
        let gate = Gate { passed: Arc::clone(&passed), limit: Arc::clone(&limit), full: Arc::new(Mutex::new(to)) };
        let aimed = Arc::clone(&target);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = aimed.lock().expect("no panic").clone();
                // a service that is not there is not there
                let Ok(server) = TcpStream::connect(target) else { continue };
                let (client_back, server_back) =
                    (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
                let (up, down) = (way == Way::Up, way == Way::Down);
                let (up, down) = (up.then(|| gate.clone()), down.then(|| gate.clone()));
                std::thread::spawn(move || pass(client, server, up.as_ref()));
                std::thread::spawn(move || pass(server_back, client_back, down.as_ref()));
            }
        });
        Self { url, target, passed, limit, full }
    }

    /// Lets everything through on new connections.
    pub(crate) fn open(&self) {
        self.limit.store(u64::MAX, Ordering::SeqCst);
    }

    /// Lets so many bytes more through, counted from now on.
    pub(crate) fn close_after(&self, bytes: u64) {
        while self.full.try_recv().is_ok() {}
        self.limit.store(self.passed() + bytes, Ordering::SeqCst);
    }

    /// Bytes that came so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    pub(crate) fn wait_until_full(&self) {
        self.full.recv().expect("the proxy lives");
    }

    /// Passes new connections on to this service.
    pub(crate) fn aim(&self, service: &Service) {
        *self.target.lock().expect("no panic") = host(service);
    }
}

fn host(service: &Service) -> String {
    service.url.trim_start_matches("http://").to_owned()
}

/// Passes bytes on until an end closes or the gate is full; then nothing, but without closing.
fn pass(mut from: TcpStream, mut to: TcpStream, gate: Option<&Gate>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        if let Some(gate) = gate {
            let passed = gate.passed.fetch_add(read as u64, Ordering::SeqCst) + read as u64;
            if passed > gate.limit.load(Ordering::SeqCst) {
                // the test may be over already
                let _ = gate.full.lock().expect("no panic").send(());
                continue;
            }
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Runs a command through the proxy until that is full, and kills it.
fn kill_in_the_middle(service: &Service, proxy: &Proxy, args: &[&str]) {
    let mut command = service.command(args);
    command.env("IMPRINT_URL", &proxy.url).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("starts");
    proxy.wait_until_full();
    child.kill().expect("killed");
    assert!(!child.wait().expect("ended").success());
}

#[test]
fn a_killed_push_goes_on_where_it_was() {
    let service = Service::start();
    let disk = noise(6, 64 * MIB);
    let path = service.file("disk", &disk);
    let args = ["image", "push", path.to_str().expect("UTF-8"), "--output", "json"];
    let proxy = Proxy::start(&service, Way::Up, 48 * MIB as u64);
    kill_in_the_middle(&service, &proxy, &args);
    let left = service.json(&["image", "list"]);
    assert_eq!(left[0]["status"], "queued");

    proxy.open();
    let again = parsed(&service.command(&args).env("IMPRINT_URL", &proxy.url).output().expect("runs"));
    assert_eq!((again["size_bytes"].as_u64(), &again["id"]), (Some(disk.len() as u64), &left[0]["id"]));
    let sent = again["sent_bytes"].as_u64().expect("a number");
    // of the 48 MiB that came through, the batches still under way when the kill came are lost: one is sent while the
    // service works on another, and a batch is at most 16 MiB
    assert!(sent > 0 && sent <= (64 - 48 + 2 * 16 + 1) * MIB as u64, "the second push sent {sent}");
    let notes = service.path(".local/state/imprint/push");
    assert_eq!(fs::read_dir(&notes).expect("notes").count(), 0);
    service.json(&["image", "pull", again["id"].as_str().expect("text"), "again"]);
    assert!(fs::read(service.path("again")).expect("there") == disk);
}

#[test]
fn another_push_never_takes_over_the_record_of_a_killed_one() {
    let service = Service::start();
    let path = service.file("disk", &noise(7, 8 * MIB));
    let path = path.to_str().expect("UTF-8");
    let proxy = Proxy::start(&service, Way::Up, MIB as u64);
    kill_in_the_middle(&service, &proxy, &["image", "push", path]);
    let left = service.json(&["image", "list"])[0]["id"].clone();
    proxy.open();
    let mut other = service.command(&["image", "push", path, "--name", "another", "--output", "json"]);
    let other = parsed(&other.env("IMPRINT_URL", &proxy.url).output().expect("runs"));
    assert_ne!(other["id"], left);
    // a file that was changed is another one
    service.file("disk", &noise(12, 8 * MIB));
    let mut changed = service.command(&["image", "push", path, "--output", "json"]);
    let changed = parsed(&changed.env("IMPRINT_URL", &proxy.url).output().expect("runs"));
    assert_ne!(changed["id"], left);
}

#[test]
fn a_killed_pull_goes_on_where_it_was() {
    let service = Service::start();
    let disk = noise(8, 64 * MIB);
    let path = service.file("disk", &disk);
    service.json(&["image", "push", path.to_str().expect("UTF-8"), "--name", "d"]);
    let proxy = Proxy::start(&service, Way::Down, 56 * MIB as u64);
    kill_in_the_middle(&service, &proxy, &["image", "pull", "d", "pulled"]);
    assert!(!service.path("pulled").exists());
    let again = service.json(&["image", "pull", "d", "pulled"]);
    let fetched = again["fetched_bytes"].as_u64().expect("a number");
    assert!(fetched > 0 && fetched < 56 * MIB as u64, "the second pull fetched {fetched}");
    assert!(fs::read(service.path("pulled")).expect("there") == disk);
}

#[test]
fn what_was_damaged_on_the_way_is_never_kept() {
    let service = Service::start();
    let disk = noise(9, 24 * MIB);
    let path = service.file("disk", &disk);
    service.json(&["image", "push", path.to_str().expect("UTF-8"), "--name", "d"]);
    let proxy = Proxy::start(&service, Way::Down, 16 * MIB as u64);
    kill_in_the_middle(&service, &proxy, &["image", "pull", "d", "pulled"]);
    let partial = service.path("pulled.imprint-part");
    let notes = fs::read_to_string(service.path("pulled.imprint-notes")).expect("notes");
    // every part is said to be there, so that nothing is fetched again
    fs::write(service.path("pulled.imprint-notes"), format!("{notes}0\n1\n2\n")).expect("written");
    fs::write(&partial, vec![1; disk.len()]).expect("written");
    let (code, complaint) = service.failure(&["image", "pull", "d", "pulled"]);
    assert_eq!(code, Some(6), "{complaint}");
    assert!(!service.path("pulled").exists() && !partial.exists());
    service.json(&["image", "pull", "d", "pulled"]);
    assert!(fs::read(service.path("pulled")).expect("there") == disk);
}
