//! The keeper of a node's machines: sees what rows want that is not so, and has it done, one thing at a time for each
//! machine and many machines at once. It remembers nothing that a crash may not take: every look begins from the rows
//! and from what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::{Tx, machines};
use imprint_machine::Hypervisor;
use imprint_model::{InstanceId, SnapshotId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, Semaphore};

use super::no_hypervisor;
use super::spec::overlay_name;
use crate::Service;
use crate::error::Error;

/// How often it looks when nobody calls.
const POLL: Duration = Duration::from_secs(2);
/// Machines that begin, end or change at one time.
const MACHINES_AT_ONCE: usize = 8;
/// Snapshots, or groups of one instant, that are held at one time: their instant does not wait until others were read.
const CAPTURES_AT_ONCE: usize = 64;
/// Of those, how many are read at one time.
const READS_AT_ONCE: usize = 2;
/// How long files and machines stay that the database knows nothing of, not even that they were deleted. It may be an
/// older copy that somebody put in its place, and a file is the only copy of what a guest wrote.
const STRANGERS_STAY: Duration = Duration::from_secs(3600);
/// Looks of [`Keeper::settle`] at most.
const LOOKS_MAX: usize = 200;

/// Looks after this node's machines until it is dropped.
#[derive(Debug, Clone)]
pub struct Keeper {
    pub(super) service: Service,
    /// What is being done.
    busy: Arc<Mutex<BTreeSet<Task>>>,
    /// Who may touch a machine's, or a free disk's, files.
    locks: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    /// When snapshots first failed that are tried again.
    pub(super) tries: Arc<Mutex<BTreeMap<SnapshotId, Timestamp>>>,
    /// Places for reading what is captured.
    pub(super) reads: Arc<Semaphore>,
    /// Since when files and machines are seen that the database knows nothing of.
    strangers: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// Bring a machine and its rows together.
    Machine(InstanceId),
    /// Take the snapshots of one instant.
    Capture(SnapshotId),
    /// Remove a file that belongs to no disk.
    Remove(String),
    /// End a machine whose name is not one of ours.
    Kill(String),
}

impl Keeper {
    /// The keeper of the engine's node.
    pub fn new(service: Service) -> Self {
        Self {
            service,
            busy: Arc::default(),
            locks: Arc::default(),
            tries: Arc::default(),
            reads: places(READS_AT_ONCE),
            strangers: Arc::default(),
        }
    }

    /// Runs until the future is dropped; ends at once where nothing runs machines.
    pub async fn run(&self) {
        let Ok((hypervisor, _)) = self.parts() else { return };
        let (machines, captures) = (places(MACHINES_AT_ONCE), places(CAPTURES_AT_ONCE));
        loop {
            match self.look().await {
                Ok(tasks) => {
                    for task in tasks {
                        let places = if matches!(task, Task::Capture(_)) { &captures } else { &machines };
                        self.spawn(task, Arc::clone(places));
                    }
                }
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "looking after machines failed"),
            }
            tokio::select! {
                () = self.service.machines.wake.notified() => {}
                () = hypervisor.machine_ended() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Does all that can be done now, one thing after another; for tests. What fails is tried again; answers whether
    /// nothing was left to do.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle(&self) -> Result<bool, Error> {
        for _ in 0..LOOKS_MAX {
            let mut changed = false;
            let tasks = match self.look().await {
                Ok(tasks) => tasks,
                Err(error) => {
                    tracing::debug!(%error, "a look failed");
                    continue;
                }
            };
            for task in tasks {
                // one that failed is not yet as it should be
                changed |= Box::pin(self.carry_out(&task)).await.unwrap_or(true);
            }
            if !changed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn spawn(&self, task: Task, places: Arc<Semaphore>) {
        if !self.busy.lock().insert(task.clone()) {
            return;
        }
        let keeper = self.clone();
        let busy = Busy { all: Arc::clone(&self.busy), task: task.clone() };
        tokio::spawn(async move {
            let place = places.acquire_owned().await;
            let outcome = Box::pin(keeper.carry_out(&task)).await;
            drop((place, busy));
            match outcome {
                Ok(true) => keeper.service.machines.wake.notify_one(),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(?task, error = &error as &dyn std::error::Error, "a machine's keeper failed");
                }
            }
        });
    }

    /// Whether anything changed, so that another look is due.
    async fn carry_out(&self, task: &Task) -> Result<bool, Error> {
        let (hypervisor, _) = self.parts()?;
        match task {
            Task::Machine(id) => self.tend(*id).await,
            Task::Capture(first) => self.take(*first).await,
            Task::Remove(name) => {
                hypervisor.remove(name).await?;
                Ok(true)
            }
            Task::Kill(name) => {
                hypervisor.kill(name).await?;
                hypervisor.forget(name).await?;
                Ok(true)
            }
        }
    }

    /// What there is to do.
    async fn look(&self) -> Result<Vec<Task>, Error> {
        let (hypervisor, node) = self.parts()?;
        // files and processes before rows: a row is written before what it stands for is made
        let files = hypervisor.overlays().await?;
        let running = hypervisor.running().await?;
        let read = move |tx: &mut Tx<'_>| {
            Ok::<_, Error>(Seen {
                tended: machines::to_look_after(tx, &node)?,
                there: machines::of_node(tx, &node)?,
                captures: machines::snapshots_under_way(tx, &node)?
                    .iter()
                    .map(|snapshot| snapshot.captured_with.unwrap_or(snapshot.id))
                    .collect(),
                files: machines::disks_of_node(tx, &node)?.iter().map(|&(id, time)| overlay_name(id, time)).collect(),
            })
        };
        let mut seen: Seen = self.service.catalogue.read(read).await?;
        let (mut tasks, mut unknown) = (Vec::new(), Vec::new());
        for name in running {
            match name.parse() {
                Ok(id) if seen.there.contains(&id) || seen.tended.contains(&id) => drop(seen.tended.insert(id)),
                Ok(id) => unknown.push(id),
                Err(_) => tasks.push(Task::Kill(name)),
            }
        }
        self.forget_locks();
        self.tries.lock().retain(|first, _| seen.captures.contains(first));
        let mut garbage: BTreeSet<String> = files.into_iter().filter(|name| !seen.files.contains(name)).collect();
        let deleted = self.service.machines.deleted_among(&garbage, &seen.files);
        let strangers = garbage.difference(&deleted).cloned().chain(unknown.iter().map(InstanceId::to_string));
        let staying = self.still_staying(strangers.collect());
        garbage.retain(|name| !staying.contains(name));
        let (staying, leaving): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|id| staying.contains(&id.to_string()));
        seen.tended.extend(leaving);
        // a process that should not be there may have files open that should not be there either
        let left = !staying.is_empty()
            || seen.tended.iter().any(|id| !seen.there.contains(id))
            || self.is_busy_with_others(&seen.there);
        tasks.extend(seen.tended.into_iter().map(Task::Machine));
        tasks.extend(seen.captures.into_iter().map(Task::Capture));
        if !left && tasks.iter().all(|task| !matches!(task, Task::Kill(_))) {
            tasks.extend(garbage.into_iter().map(Task::Remove));
        }
        Ok(tasks)
    }

    /// Which of all the files and machines that the database knows nothing of are left alone for now.
    fn still_staying(&self, strangers: BTreeSet<String>) -> BTreeSet<String> {
        let (now, mut since) = (self.service.clock.now(), self.strangers.lock());
        since.retain(|name, _| strangers.contains(name));
        let stays = |name: &String| {
            let first = *since.entry(name.clone()).or_insert_with(|| {
                tracing::warn!(name, "the database knows nothing of this file or machine: it will go in an hour");
                now
            });
            now < first.after(STRANGERS_STAY)
        };
        strangers.into_iter().filter(stays).collect()
    }

    fn is_busy_with_others(&self, there: &BTreeSet<InstanceId>) -> bool {
        let busy = self.busy.lock();
        busy.iter().any(|task| matches!(task, Task::Machine(id) if !there.contains(id)))
    }

    pub(super) fn parts(&self) -> Result<(Arc<dyn Hypervisor>, String), Error> {
        let machines = &self.service.machines;
        match (&machines.hypervisor, &machines.node) {
            (Some(hypervisor), Some(node)) => Ok((Arc::clone(hypervisor), node.clone())),
            _ => Err(no_hypervisor()),
        }
    }

    /// Waits until nothing else is done to the files of this machine or free disk.
    pub(super) async fn lock(&self, key: String) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(self.locks.lock().entry(key).or_default());
        lock.lock_owned().await
    }

    /// The same unless somebody else does something.
    pub(super) fn try_lock(&self, key: String) -> Option<OwnedMutexGuard<()>> {
        let lock = Arc::clone(self.locks.lock().entry(key).or_default());
        lock.try_lock_owned().ok()
    }

    fn forget_locks(&self) {
        self.locks.lock().retain(|_, lock| Arc::strong_count(lock) > 1);
    }
}

/// Something that is being done, until this is dropped.
struct Busy {
    all: Arc<Mutex<BTreeSet<Task>>>,
    task: Task,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.all.lock().remove(&self.task);
    }
}

/// What a look finds in the rows.
struct Seen {
    /// Machines that something may have to be done about.
    tended: BTreeSet<InstanceId>,
    /// All machines of the node.
    there: BTreeSet<InstanceId>,
    /// The first of each group of snapshots.
    captures: BTreeSet<SnapshotId>,
    /// Files that belong to disks.
    files: BTreeSet<String>,
}

fn places(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count))
}
