//! One machine that runs: what this process holds of it. All of it can be had again by the next process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, Notify, broadcast};
use tokio::task::JoinHandle;

use crate::agent::Agent;
use crate::bitmaps;
use crate::capture;
use crate::console::{Console, Kept};
use crate::hypervisor::Error;
use crate::nodes::Names;
use crate::place::MachinePlace;
use crate::process::Process;
use crate::qmp::{Event, Qmp};

/// How long a process may stay after its connection has ended.
const LINGER_LIMIT: Duration = Duration::from_secs(30);
/// A machine that stands still because nothing more could be written tries again after this.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A machine that runs.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) place: MachinePlace,
    pub(crate) qmp: Arc<Qmp>,
    pub(crate) console: Console,
    /// Held while disks come, go or grow: each is several commands.
    pub(crate) changing: Mutex<()>,
    captured: AtomicBool,
    watching: JoinHandle<()>,
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Its process was started just now.
    Now,
    /// It was started by somebody else, who may have left something undone.
    Earlier,
}

impl Machine {
    /// Connects to a machine's process, and lets the machine run if it does not yet.
    pub(crate) async fn connect(place: MachinePlace, since: Since, ended: Arc<Notify>) -> Result<Arc<Self>, Error> {
        let stream = UnixStream::connect(place.qmp_socket()).await.map_err(Error::io("connecting to a machine"))?;
        let (read, write) = stream.into_split();
        let qmp = Arc::new(Qmp::over(read, write).await?);
        let console = Console::connect(&place.console_socket(), Kept::of(place.directory())).await?;
        let events = qmp.events();
        tidy(&qmp, &place, since).await?;
        let status = qmp.ask("query-status", json!({})).await?;
        if ["prelaunch", "io-error"].iter().any(|waiting| status["status"] == *waiting) {
            qmp.ask("cont", json!({})).await?;
        }
        let process = Process::of_file(place.process_file());
        let watching = tokio::spawn(watch(Arc::downgrade(&qmp), qmp.closed(), events, process, ended));
        let captured = AtomicBool::new(false);
        Ok(Arc::new(Self { place, qmp, console, changing: Mutex::default(), captured, watching }))
    }

    /// Takes the one place for captures.
    pub(crate) fn claim(self: &Arc<Self>) -> Result<Claim, Error> {
        if self.captured.swap(true, Ordering::AcqRel) {
            return Err(busy());
        }
        Ok(Claim(Arc::clone(self)))
    }

    /// Disks that are captured neither go nor grow.
    pub(crate) fn require_uncaptured(&self) -> Result<(), Error> {
        if self.captured.load(Ordering::Acquire) { Err(busy()) } else { Ok(()) }
    }
}

fn busy() -> Error {
    Error::Refused("the machine's disks are being captured; try again later".to_owned())
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// The place for captures, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Claim(pub(crate) Arc<Machine>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.captured.store(false, Ordering::Release);
    }
}

/// Removes what a capture left whose process was killed, and marks that the end of an earlier machine made useless.
async fn tidy(qmp: &Qmp, place: &MachinePlace, since: Since) -> Result<(), Error> {
    let nodes = qmp.ask("query-named-block-nodes", json!({ "flat": true })).await?;
    let names = || nodes.as_array().into_iter().flatten().filter_map(|node| node["node-name"].as_str());
    let captured: Vec<Names> = names().filter_map(Names::of_filter).collect();
    if since == Since::Earlier {
        if let Some(mut agent) = Agent::find(qmp, &place.agent_socket()).await {
            agent.let_go().await;
        }
        capture::dissolve(qmp, &captured).await;
    }
    for disk in names().filter_map(Names::of_overlay) {
        bitmaps::drop_broken(qmp, &disk).await?;
    }
    Ok(())
}

/// Says when the machine has ended; lets it go on when it stands still because nothing more could be written.
async fn watch(
    qmp: std::sync::Weak<Qmp>,
    closed: impl Future<Output = ()>,
    mut events: broadcast::Receiver<Event>,
    process: Process,
    ended: Arc<Notify>,
) {
    tokio::pin!(closed);
    loop {
        let event = tokio::select! {
            () = &mut closed => break,
            event = events.recv() => event,
        };
        match event {
            Ok(event) if event.name == "BLOCK_IO_ERROR" && event.data["action"] == "stop" => {
                tracing::warn!(why = %event.data["reason"], "a machine stands still: its disk cannot be written");
                tokio::time::sleep(RETRY_AFTER).await;
                let Some(qmp) = qmp.upgrade() else { break };
                if let Err(error) = qmp.ask("cont", Value::Object(serde_json::Map::new())).await {
                    tracing::debug!(%error, "a machine that stands still");
                }
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => break,
        }
    }
    if !process.ended_within(LINGER_LIMIT).await {
        tracing::warn!("a machine's process stays although its connection has ended");
    }
    ended.notify_one();
}
