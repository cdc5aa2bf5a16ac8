//! Disks at one instant, of a machine that runs or of none.
//!
//! Of a running machine: over each overlay stands a filter that copies what is about to be overwritten into a scratch
//! file without a name. The instant is the one command that puts the filters of all disks into their places (QEMU holds
//! all of them still for it). What was changed is told by a copy of the earlier mark that is made after the instant, and
//! the new mark begins before it: both may say more than they must, never less. The earlier mark itself goes on
//! untouched, so a capture that comes to nothing costs nothing.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use crate::agent::Agent;
use crate::bitmaps::{self, READING};
use crate::captured::Reader;
use crate::daemon::Daemon;
use crate::faults::unless_missing;
use crate::hypervisor::{Capture, CaptureOf, CapturedDisk, Error};
use crate::machine::Claim;
use crate::nodes::{self, Names};
use crate::qmp::Qmp;

/// A write of the guest waits this long at most for the copy of what it overwrites; then the capture is broken.
const COPY_SECS_MAX: u32 = 45;

/// What holds the disks.
#[derive(Debug)]
pub(crate) enum Holder {
    /// Their machine.
    Machine(Claim),
    /// A storage daemon, and what keeps them from being used meanwhile.
    Daemon(Box<Daemon>, Box<dyn std::any::Any + Send + Sync>),
}

impl Holder {
    fn qmp(&self) -> &Qmp {
        match self {
            Holder::Machine(claim) => &claim.0.qmp,
            Holder::Daemon(daemon, _) => &daemon.qmp,
        }
    }
}

/// One disk of a capture.
#[derive(Debug)]
struct Part {
    names: Names,
    size_bytes: u64,
    mark: String,
    /// The earlier mark, when it is there and can be believed.
    since: Option<String>,
}

/// A capture that goes on.
#[derive(Debug)]
struct Held {
    /// None once it is being ended.
    held: Option<(Holder, Vec<Part>)>,
    disks: Vec<Box<dyn CapturedDisk>>,
}

/// Begins a capture. Not to be dropped half-way: see the caller.
pub(crate) async fn begin(holder: Holder, scratch: &Path, disks: &[CaptureOf]) -> Result<Box<dyn Capture>, Error> {
    let mut parts = Vec::with_capacity(disks.len());
    for disk in disks {
        parts.push(part(holder.qmp(), disk).await?);
    }
    let begun = match &holder {
        Holder::Machine(claim) => hold_running(claim, scratch, &parts).await,
        Holder::Daemon(..) => hold_still(holder.qmp(), &parts).await,
    };
    let begun = match begun {
        Ok(()) => publish(&holder, &parts).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(readers) => Ok(Box::new(Held { held: Some((holder, parts)), disks: readers })),
        Err(error) => {
            if let Err(left) = finish(holder, parts, false).await {
                tracing::warn!(error = %left, "a capture that did not begin left something behind");
            }
            Err(error)
        }
    }
}

async fn part(qmp: &Qmp, disk: &CaptureOf) -> Result<Part, Error> {
    let names = Names::of(&disk.overlay.name);
    let open = bitmaps::of(qmp, &names).await?;
    let is_believed = |since: &String| open.bitmaps.iter().any(|bitmap| bitmap.name == *since && bitmap.is_whole);
    let since = disk.since.clone().filter(is_believed);
    // a mark of this name was left by a capture that was not ended
    let left = open.bitmaps.into_iter().filter(|bitmap| bitmap.name == disk.mark || bitmap.name == READING);
    bitmaps::remove(qmp, &names, left).await?;
    Ok(Part { names, size_bytes: open.size_bytes, mark: disk.mark.clone(), since })
}

/// Nobody writes: the instant is any.
async fn hold_still(qmp: &Qmp, parts: &[Part]) -> Result<(), Error> {
    qmp.transaction(parts.iter().map(|part| bitmaps::begin(&part.names, &part.mark)).collect()).await?;
    copy_earlier_marks(qmp, parts).await
}

async fn hold_running(claim: &Claim, scratch: &Path, parts: &[Part]) -> Result<(), Error> {
    let machine = &claim.0;
    let _changing = machine.changing.lock().await;
    let qmp = &machine.qmp;
    for part in parts {
        add_filter(qmp, scratch, part).await?;
    }
    qmp.transaction(parts.iter().map(|part| bitmaps::begin(&part.names, &part.mark)).collect()).await?;
    let mut agent = Agent::find(qmp, &machine.place.agent_socket()).await;
    if let Some(agent) = &mut agent {
        agent.hold().await;
    }
    let swapped = swap(qmp, parts.iter().map(|part| (&part.names, part.names.filter()))).await;
    if let Some(agent) = &mut agent {
        agent.let_go().await;
    }
    swapped?;
    copy_earlier_marks(qmp, parts).await?;
    for Part { names, .. } in parts {
        let then = json!({ "driver": "snapshot-access", "node-name": names.snapshot(), "file": names.filter() });
        qmp.ask("blockdev-add", then).await?;
    }
    Ok(())
}

/// A filter that is not in its place yet, and what it copies into: nothing has to be removed when the machine ends.
async fn add_filter(qmp: &Qmp, scratch: &Path, part: &Part) -> Result<(), Error> {
    let (names, file) = (&part.names, scratch.join(part.names.scratch()));
    let made = async {
        unless_missing(tokio::fs::remove_file(&file).await)?;
        tokio::fs::File::create_new(&file).await?.set_len(part.size_bytes).await
    };
    made.await.map_err(Error::at("making", &file))?;
    let opened =
        qmp.ask("blockdev-add", json!({ "driver": "file", "node-name": names.scratch(), "filename": file })).await;
    tokio::fs::remove_file(&file).await.map_err(Error::at("removing", &file))?;
    opened?;
    let filter = json!({
        "driver": "copy-before-write", "node-name": names.filter(), "file": names.overlay(),
        "target": names.scratch(), "on-cbw-error": "break-snapshot", "cbw-timeout": COPY_SECS_MAX,
    });
    qmp.ask("blockdev-add", filter).await.map(drop)
}

/// Puts what the guests' devices stand on over other nodes, all at one instant.
async fn swap<'a>(qmp: &Qmp, over: impl Iterator<Item = (&'a Names, String)>) -> Result<(), Error> {
    let nodes: Vec<_> = over.map(|(names, over)| nodes::top(names, &over)).collect();
    if nodes.is_empty() {
        return Ok(());
    }
    qmp.ask("blockdev-reopen", json!({ "options": nodes })).await.map(drop)
}

async fn copy_earlier_marks(qmp: &Qmp, parts: &[Part]) -> Result<(), Error> {
    let known = parts.iter().filter_map(|part| Some((&part.names, part.since.as_ref()?)));
    qmp.transaction(known.flat_map(|(names, since)| bitmaps::copy(names, since)).collect()).await
}

/// Serves the disks as they were; what reads them.
async fn publish(holder: &Holder, parts: &[Part]) -> Result<Vec<Box<dyn CapturedDisk>>, Error> {
    let (qmp, socket) = match holder {
        Holder::Machine(claim) => (holder.qmp(), claim.0.place.nbd_socket()),
        Holder::Daemon(daemon, _) => (holder.qmp(), daemon.socket().to_owned()),
    };
    unless_missing(tokio::fs::remove_file(&socket).await).map_err(Error::at("removing", &socket))?;
    let address = json!({ "type": "unix", "data": { "path": socket } });
    qmp.ask("nbd-server-start", json!({ "addr": address })).await?;
    let shared: Arc<Path> = Arc::from(socket.as_path());
    let mut readers: Vec<Box<dyn CapturedDisk>> = Vec::with_capacity(parts.len());
    for Part { names, size_bytes, since, .. } in parts {
        let then = names.snapshot();
        let node = if matches!(holder, Holder::Machine(_)) { names.snapshot() } else { names.overlay() };
        let mut export = json!({ "type": "nbd", "id": then, "node-name": node, "name": then });
        if since.is_some() {
            export["bitmaps"] = json!([{ "node": names.overlay(), "name": READING }]);
        }
        qmp.ask("block-export-add", export).await?;
        let now = names.overlay();
        if since.is_none() {
            // what was written since the base: nothing in an overlay ever comes to be unwritten, so asking later is sound
            let export = json!({ "type": "nbd", "id": now, "node-name": now, "name": now, "allocation-depth": true });
            qmp.ask("block-export-add", export).await?;
        }
        let now = since.is_none().then_some(now);
        readers.push(Box::new(Reader::new(&shared, then, now, *size_bytes)));
    }
    Ok(readers)
}

/// Takes a capture's nodes away again, as far as they are there.
pub(crate) async fn dissolve(qmp: &Qmp, disks: &[Names]) {
    // each of these may never have been made
    let lenient = async |command: &str, arguments| {
        if let Err(error) = qmp.ask(command, arguments).await {
            tracing::debug!(%error, "nothing to take away");
        }
    };
    lenient("nbd-server-stop", json!({})).await;
    for names in disks {
        lenient("blockdev-del", json!({ "node-name": names.snapshot() })).await;
    }
    if let Err(error) = swap(qmp, disks.iter().map(|names| (names, names.overlay()))).await {
        tracing::debug!(%error, "no filters to take away");
    }
    for names in disks {
        lenient("blockdev-del", json!({ "node-name": names.filter() })).await;
        lenient("blockdev-del", json!({ "node-name": names.scratch() })).await;
        lenient("block-dirty-bitmap-remove", json!({ "node": names.overlay(), "name": READING })).await;
    }
}

/// Ends a capture, and keeps either its marks or the earlier ones.
async fn finish(holder: Holder, parts: Vec<Part>, keep: bool) -> Result<(), Error> {
    let disks: Vec<Names> = parts.iter().map(|part| part.names.clone()).collect();
    let marks = {
        let _changing = match &holder {
            Holder::Machine(claim) => Some(claim.0.changing.lock().await),
            Holder::Daemon(..) => None,
        };
        dissolve(holder.qmp(), &disks).await;
        settle_marks(holder.qmp(), &parts, keep).await
    };
    match holder {
        Holder::Machine(_) => marks,
        Holder::Daemon(daemon, _unused) => daemon.end().await.and(marks),
    }
}

async fn settle_marks(qmp: &Qmp, parts: &[Part], keep: bool) -> Result<(), Error> {
    for Part { names, mark, .. } in parts {
        let open = bitmaps::of(qmp, names).await?;
        // with the new mark kept, no other is asked for again
        let unwanted = open.bitmaps.into_iter().filter(|bitmap| (bitmap.name == *mark) != keep);
        bitmaps::remove(qmp, names, unwanted).await?;
        if keep && !bitmaps::of(qmp, names).await?.bitmaps.iter().any(|bitmap| bitmap.name == *mark) {
            return Err(Error::Missing(format!("mark {mark}")));
        }
    }
    Ok(())
}

#[async_trait]
impl Capture for Held {
    fn disks(&self) -> &[Box<dyn CapturedDisk>] {
        &self.disks
    }

    async fn end(mut self: Box<Self>, keep: bool) -> Result<(), Error> {
        let Some((holder, parts)) = self.held.take() else { return Ok(()) };
        self.disks.clear();
        // a caller that goes away does not leave it half ended
        let ended = tokio::spawn(finish(holder, parts, keep)).await;
        ended.map_err(|error| Error::Refused(format!("ending a capture: {error}")))?
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some((holder, parts)), Ok(runtime)) = (self.held.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = finish(holder, parts, false).await {
                tracing::debug!(%error, "a capture that was dropped");
            }
        });
    }
}
