//! A running service in a temporary directory, and commands against it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_imprint");

/// A service, killed when it goes out of scope.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
    pub(crate) dir: tempfile::TempDir,
}

/// The program with nothing of the caller's environment that could steer it.
pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().current_dir(dir);
    command.env("HOME", dir).env("IMPRINT_DATA_DIR", dir.join("data"));
    command
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with these variables.
    pub(crate) fn start_with(vars: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (child, url) = spawn(dir.path(), vars);
        Self { child, url, dir }
    }

    /// Kills it and starts it again on the same data with these variables instead.
    pub(crate) fn restart_with(&mut self, vars: &[(&str, &str)]) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
        (self.child, self.url) = spawn(self.dir.path(), vars);
    }

    /// A command against this service, as the root account.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.dir.path());
        command.env("IMPRINT_URL", &self.url).args(args);
        command
    }

    /// Runs a command that must succeed, and gives what it printed as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        parsed(&self.command(&[args, &["--output", "json"]].concat()).output().expect("runs"))
    }

    /// Runs a command and gives its exit code and what it complained of.
    pub(crate) fn failure(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.command(args).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a file.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::File::create(&path).and_then(|mut file| file.write_all(content)).expect("written");
        path
    }
}

fn spawn(dir: &Path, vars: &[(&str, &str)]) -> (Child, String) {
    let mut command = program(dir);
    command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).envs(vars.iter().copied());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let address = listening(&mut child);
    (child, format!("http://{address}"))
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
    }
}

/// What a command printed, once it has succeeded.
pub(crate) fn parsed(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {complaint}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Reads the log until it says where the service listens; the rest is read and dropped, so that it never waits.
fn listening(child: &mut Child) -> String {
    let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (to, from) = std::sync::mpsc::channel();
    for stream in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
        let to = to.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                // nobody listens any more once the address is known
                let _ = to.send(line);
            }
        });
    }
    drop(to);
    let mut seen = Vec::new();
    for line in from {
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = entry["fields"]["address"].as_str().or_else(|| entry["address"].as_str()) {
            return address.to_owned();
        }
        seen.push(line);
    }
    panic!("the service ended: {seen:#?}");
}

/// Bytes that look random and are the same every time.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
