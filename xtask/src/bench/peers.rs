//! The servers under measurement. Lives here: how each is started, stopped and found
//! in the process table. Never: what is asked of them.

use super::http::{Connection, Endpoint};
use super::identity::{Identity, Tenants};
use super::proc::Watch;
use super::{Args, Outcome, expect, random_hex, workspace};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a start may take before it counts as failed.
const START_MAX: Duration = Duration::from_secs(180);
/// How long a stop may take before the process is killed.
const STOP_MAX: Duration = Duration::from_secs(60);
/// A token is fetched anew when it is older than this.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// One server that speaks the images API, and the identity service in front of it.
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) images: Endpoint,
    pub(super) identity: Identity,
    pub(super) tenants: Tenants,
    pub(super) host: Host,
    token: Mutex<Option<(String, Instant)>>,
}

/// What the benchmark may do with the server's processes.
pub(super) enum Host {
    /// Ours: a child process over a folder of its own.
    Imprint(Imprint),
    /// Started by `bench/glance-up.sh`.
    Glance(Glance),
    /// Somebody else's: neither restarted nor looked into.
    Remote,
}

/// How to start Imprint.
pub(super) struct Imprint {
    binary: PathBuf,
    listen: String,
    secret: String,
    settings: Vec<(String, String)>,
    pub(super) folder: PathBuf,
    /// Whether what it holds is there for the next run, too.
    kept: bool,
    child: Mutex<Option<Child>>,
}

/// What `bench/glance-up.sh` said about what it started.
pub(super) struct Glance {
    folder: PathBuf,
    pub(super) database: String,
    pub(super) store: PathBuf,
    pub(super) version: String,
    stop_at_end: bool,
}

impl Peer {
    /// Starts Imprint over an empty folder, or over the one that is kept.
    pub(super) fn imprint(args: &Args) -> Outcome<Self> {
        let folder = workspace().join(args.keep.as_deref().unwrap_or(Path::new("target/bench/imprint")));
        if folder.exists() && args.keep.is_none() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let secret = kept_text(&folder.join("secret"), random_hex)?;
        let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let imprint = Imprint {
            binary: workspace().join(&args.imprint),
            secret,
            kept: args.keep.is_some(),
            settings: args.imprint_env.clone(),
            child: Mutex::new(None),
            listen,
            folder,
        };
        let images = Endpoint::parse(&format!("http://{}", imprint.listen))?;
        let identity = Identity {
            endpoint: Endpoint::parse(&format!("http://{}/identity/v3", imprint.listen))?,
            password: imprint.secret.clone(),
        };
        imprint.start()?;
        Self::ready("Imprint", images, identity, Host::Imprint(imprint))
    }

    /// Starts Glance where it does not run yet; installs it first where it must.
    pub(super) fn glance(args: &Args) -> Outcome<Self> {
        let folder = workspace().join(&args.peer_dir);
        let stop_at_end = !folder.join("run/glance.pid").exists();
        let said = script("glance-up.sh", &folder, &[])?;
        let value = |name: &str| {
            said.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
                .ok_or_else(|| format!("glance-up.sh does not say {name}"))
        };
        let images = Endpoint::parse(&value("url")?)?;
        let identity = Identity { endpoint: Endpoint::parse(&value("auth_url")?)?, password: value("password")? };
        let glance = Glance {
            database: value("database")?,
            store: value("store")?.into(),
            version: value("version")?,
            stop_at_end,
            folder,
        };
        Self::ready("Glance", images, identity, Host::Glance(glance))
    }

    /// A peer that runs already, somewhere.
    pub(super) fn remote(url: &str, auth_url: &str, password: &str) -> Outcome<Self> {
        let identity = Identity { endpoint: Endpoint::parse(auth_url)?, password: password.to_owned() };
        Self::ready("Glance", Endpoint::parse(url)?, identity, Host::Remote)
    }

    /// Waits until one can log in, and makes the tenants.
    fn ready(name: &'static str, images: Endpoint, identity: Identity, host: Host) -> Outcome<Self> {
        // built first: from here on, dropping it stops the server
        let none = Tenants { own: String::new(), others: Vec::new() };
        let mut peer = Self { name, images, identity, tenants: none, host, token: Mutex::new(None) };
        let began = Instant::now();
        while let Err(error) = peer.identity.admin() {
            if began.elapsed() > START_MAX || peer.is_gone() {
                return Err(format!("{name} does not start: {error}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        peer.tenants = peer.identity.provision().map_err(|error| format!("{name}: {error}"))?;
        Ok(peer)
    }

    /// A fresh enough token of the plain member.
    pub(super) fn token(&self) -> Outcome<String> {
        let mut kept = lock(&self.token);
        if let Some((token, since)) = kept.as_ref()
            && since.elapsed() < TOKEN_AGE_MAX
        {
            return Ok(token.clone());
        }
        let token = self.identity.member()?;
        *kept = Some((token.clone(), Instant::now()));
        Ok(token)
    }

    /// One request with a body or without, on a connection of its own.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&str>, wanted: &[u16]) -> Outcome<Vec<u8>> {
        let token = self.token()?;
        let request = match body {
            Some(body) => self.images.request_with(method, path, &token, "application/json", body),
            None => self.images.request(method, path, &token, &[]),
        };
        let (head, reply) = Connection::new(&self.images).call(&request)?;
        expect(&format!("{}: {method} {path}", self.name), head.status, wanted, &reply)?;
        Ok(reply)
    }

    /// Begins to watch what the server spends.
    pub(super) fn watch(&self) -> Watch {
        Watch::start(&self.server_roots(), &self.helper_roots())
    }

    /// The processes that serve images.
    pub(super) fn server_roots(&self) -> Vec<u32> {
        match &self.host {
            Host::Imprint(imprint) => lock(&imprint.child).iter().map(Child::id).collect(),
            Host::Glance(glance) => glance.pid("glance").into_iter().collect(),
            Host::Remote => Vec::new(),
        }
    }

    /// The processes that the server cannot do without: the database, the cache, identity.
    pub(super) fn helper_roots(&self) -> Vec<u32> {
        match &self.host {
            Host::Glance(glance) => {
                ["postgres", "memcached", "keystone"].iter().filter_map(|name| glance.pid(name)).collect()
            }
            Host::Imprint(_) | Host::Remote => Vec::new(),
        }
    }

    /// The folder whose size on the disk is what the server stored.
    pub(super) fn stored_in(&self) -> Option<&Path> {
        match &self.host {
            Host::Imprint(imprint) => Some(&imprint.folder),
            Host::Glance(glance) => Some(&glance.store),
            Host::Remote => None,
        }
    }

    fn is_gone(&self) -> bool {
        match &self.host {
            Host::Imprint(imprint) => {
                lock(&imprint.child).as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
            }
            Host::Glance(_) | Host::Remote => false,
        }
    }

    /// Stops the server alone; its database and identity service stay.
    pub(super) fn stop(&self) -> Outcome<()> {
        match &self.host {
            Host::Imprint(imprint) => imprint.stop(),
            Host::Glance(glance) => {
                script("glance-down.sh", &glance.folder, &["--only", "glance"])?;
                Ok(())
            }
            Host::Remote => Err("a remote peer cannot be stopped".into()),
        }
    }

    /// Starts the server again and returns at once.
    pub(super) fn start(&self) -> Outcome<()> {
        match &self.host {
            Host::Imprint(imprint) => imprint.start(),
            Host::Glance(glance) => {
                script("glance-up.sh", &glance.folder, &["--only", "glance"])?;
                Ok(())
            }
            Host::Remote => Err("a remote peer cannot be started".into()),
        }
    }

    /// Waits until a list is answered to the holder of a token from before the start.
    pub(super) fn wait_until_it_lists(&self) -> Outcome<()> {
        let began = Instant::now();
        loop {
            match self.call("GET", "/v2/images?limit=1", None, &[200]) {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > START_MAX || self.is_gone() => {
                    return Err(format!("{} does not start: {error}", self.name).into());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // at the end of a run there is nobody left to tell but the one who reads the terminal
        let stopped = match &self.host {
            Host::Imprint(imprint) if imprint.kept => imprint.stop(),
            Host::Imprint(imprint) => {
                imprint.stop().and_then(|()| fs::remove_dir_all(imprint.folder.join("data")).map_err(Into::into))
            }
            Host::Glance(glance) if glance.stop_at_end => script("glance-down.sh", &glance.folder, &[]).map(drop),
            Host::Glance(_) | Host::Remote => Ok(()),
        };
        if let Err(error) = stopped {
            super::say(&format!("{}: {error}", self.name));
        }
    }
}

impl Imprint {
    fn start(&self) -> Outcome<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("imprint.log"))?;
        let child = Command::new(&self.binary)
            .arg("serve")
            .env("IMPRINT_LISTEN", &self.listen)
            .env("IMPRINT_DATA_DIR", self.folder.join("data"))
            .env("IMPRINT_ROOT_ACCESS_KEY", "benchrootaccesskey00")
            .env("IMPRINT_ROOT_SECRET_KEY", &self.secret)
            // one account makes all calls: what it may ask shall not bound what is measured
            .envs(
                ["API_RATE", "API_BURST", "USER_RATE", "USER_BURST"]
                    .map(|rate| (format!("IMPRINT_ECS_{rate}"), "1000000")),
            )
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}; build it: cargo build --release", self.binary.display()))?;
        *lock(&self.child) = Some(child);
        Ok(())
    }

    fn stop(&self) -> Outcome<()> {
        let Some(mut child) = lock(&self.child).take() else { return Ok(()) };
        // the shell's own `kill`: a small system has no other
        Command::new("sh").args(["-c", &format!("kill {}", child.id())]).status()?;
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > STOP_MAX {
                child.kill()?;
                child.wait()?;
                return Err("did not stop at SIGTERM and was killed".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Glance {
    /// The process a pid file of the start script names.
    fn pid(&self, name: &str) -> Option<u32> {
        fs::read_to_string(self.folder.join("run").join(name).with_extension("pid")).ok()?.lines().next()?.parse().ok()
    }
}

/// What the file holds, made and written there if there is none.
pub(super) fn kept_text(file: &Path, make: impl FnOnce() -> Outcome<String>) -> Outcome<String> {
    if file.exists() {
        return Ok(fs::read_to_string(file)?);
    }
    let text = make()?;
    fs::write(file, &text)?;
    Ok(text)
}

/// What is kept here stays true when a thread panics.
fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one of the scripts in `bench/` and gives what it printed.
fn script(name: &str, folder: &Path, options: &[&str]) -> Outcome<String> {
    // its services inherit its stdout: a file, unlike a pipe, does not wait for them to close it
    let said = workspace().join("target/bench").join(name).with_extension("out");
    fs::create_dir_all(workspace().join("target/bench"))?;
    let status = Command::new(workspace().join("bench").join(name))
        .arg("--dir")
        .arg(folder)
        .args(options)
        .stdin(Stdio::null())
        .stdout(File::create(&said)?)
        .status()?;
    let text = fs::read_to_string(&said)?;
    // it may name a password
    fs::remove_file(&said)?;
    if status.success() { Ok(text) } else { Err(format!("bench/{name} failed").into()) }
}
