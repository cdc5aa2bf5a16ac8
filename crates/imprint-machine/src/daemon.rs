//! QEMU's storage daemon, for a while: what is done to disks that no machine has open.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::faults::unless_missing;
use crate::hypervisor::Error;
use crate::place::Place;
use crate::process::{self, Process};
use crate::qmp::Qmp;

/// The program; it comes with QEMU's system emulators or with its utilities.
pub(crate) const PROGRAM: &str = "qemu-storage-daemon";
/// How long it may take to end when asked.
const END_LIMIT: Duration = Duration::from_secs(20);
/// How long a job of it may take: they write a header, or lengthen a file.
const JOB_LIMIT: Duration = Duration::from_secs(60);

/// Daemons of one process have different files.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A storage daemon. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) qmp: Qmp,
    child: Child,
    file: PathBuf,
    socket: PathBuf,
}

impl Daemon {
    pub(crate) async fn start(place: &Place) -> Result<Self, Error> {
        let name = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let file = place.tools().join(format!("{name}.pid"));
        let socket = place.tools().join(format!("{name}.sock"));
        let mut command = Command::new(PROGRAM);
        command.args(["--chardev", "stdio,id=qmp", "--monitor", "chardev=qmp", "--pidfile"]).arg(&file);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::io(format!("starting {PROGRAM}")))?;
        let (said, _) = process::listen(&mut child);
        let (write, read) = child.stdin.take().zip(child.stdout.take()).expect("both are pipes");
        match Qmp::over(read, write).await {
            Ok(qmp) => Ok(Self { qmp, child, file, socket }),
            Err(error) => {
                let said = String::from_utf8_lossy(&said.lock()).into_owned();
                Err(if said.is_empty() { error } else { Error::said(PROGRAM, &said) })
            }
        }
    }

    /// Where it can listen.
    pub(crate) fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Adds nodes, in their order.
    pub(crate) async fn add(&self, nodes: Vec<Value>) -> Result<(), Error> {
        for node in nodes {
            self.qmp.ask("blockdev-add", node).await?;
        }
        Ok(())
    }

    /// Makes something new, as `blockdev-create` is told of it.
    pub(crate) async fn create(&self, options: Value) -> Result<(), Error> {
        let mut events = self.qmp.events();
        self.qmp.ask("blockdev-create", json!({ "job-id": "create", "options": options })).await?;
        let concluded = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.name == "JOB_STATUS_CHANGE" && event.data["status"] == "concluded" => return,
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        };
        tokio::time::timeout(JOB_LIMIT, concluded)
            .await
            .map_err(|_| Error::Refused(format!("{PROGRAM} takes too long")))?;
        let jobs = self.qmp.ask("query-jobs", json!({})).await?;
        self.qmp.ask("job-dismiss", json!({ "id": "create" })).await?;
        match jobs[0]["error"].as_str() {
            Some(error) => Err(Error::said("making a disk's file", error)),
            None => Ok(()),
        }
    }

    /// Ends it, with everything written.
    pub(crate) async fn end(mut self) -> Result<(), Error> {
        self.qmp.ask("quit", json!({})).await?;
        let ended = tokio::time::timeout(END_LIMIT, self.child.wait()).await;
        let status = ended
            .map_err(|_| Error::Refused(format!("{PROGRAM} does not end")))?
            .map_err(Error::io(format!("waiting for {PROGRAM}")))?;
        if !status.success() {
            return Err(Error::Refused(format!("{PROGRAM} ended with {status}")));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for file in [&self.file, &self.socket] {
            if let Err(error) = unless_missing(std::fs::remove_file(file)) {
                tracing::warn!(%error, file = %file.display(), "a file of a storage daemon stays");
            }
        }
    }
}

/// Ends the daemons of a process that was killed, and removes their files.
pub(crate) async fn end_all(place: &Place) -> Result<(), Error> {
    let doing = "looking for storage daemons";
    let mut entries = tokio::fs::read_dir(place.tools()).await.map_err(Error::io(doing))?;
    while let Some(entry) = entries.next_entry().await.map_err(Error::io(doing))? {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "pid") {
            Process::of_file(&path).end(END_LIMIT).await?;
        }
        unless_missing(tokio::fs::remove_file(&path).await).map_err(Error::at("removing", &path))?;
    }
    Ok(())
}
