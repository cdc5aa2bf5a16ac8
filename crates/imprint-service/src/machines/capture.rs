//! Snapshots of disks that machines wrote to: all of one instant are captured together, their bytes go into the store
//! while the machine writes on, and one transaction completes all of them.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imprint_catalogue::{Tx, disks, instances, jobs, machines, snapshots};
use imprint_machine::{Capture, CaptureOf, CapturedDisk, MachineState};
use imprint_model::{Content, Disk, InstanceId, InstanceStatus, Snapshot, SnapshotEvent, SnapshotId, SnapshotStatus};
use imprint_store::Written;
use tokio::sync::OwnedSemaphorePermit;

use super::base::{PlainBase, plain_base};
use super::content::of_capture;
use super::keeper::Keeper;
use super::spec::{mark, overlay};
use crate::error::Error;

/// For how long a snapshot is tried whose failure may pass.
const TRIED_FOR: Duration = Duration::from_secs(120);
/// How often it is noted how far one is.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// A snapshot that is to be taken.
#[derive(Debug, Clone)]
struct Member {
    snapshot: Snapshot,
    disk: Disk,
    /// The snapshot before it of the same bytes.
    before: Option<Snapshot>,
}

/// Snapshots of one instant.
#[derive(Debug)]
struct Group {
    members: Vec<Member>,
    /// Those whose disks are gone, or hold other bytes now.
    lost: Vec<SnapshotId>,
    /// The machine that the disks are attached to.
    instance: Option<(InstanceId, InstanceStatus)>,
}

/// Bytes of a snapshot that no row names yet.
struct Taken {
    snapshot: SnapshotId,
    written: Written,
    size_bytes: u64,
    /// Kept until the row is written.
    _base: Option<PlainBase>,
}

impl Keeper {
    /// Whether anything changed.
    pub(super) async fn take(&self, first: SnapshotId) -> Result<bool, Error> {
        let (hypervisor, _) = self.parts()?;
        let group = self.group(first).await?;
        let Some(key) = group.key() else { return Ok(false) };
        // of one machine, one after the other
        let Some(_turn) = self.try_lock(capture_key(&key)) else { return Ok(false) };
        // where nobody writes, the instant is any: there is time until a place is free
        let runs = matches!(group.instance, Some((_, InstanceStatus::Running)));
        if !runs && self.reads.available_permits() == 0 {
            return Ok(false);
        }
        let mut bases = match self.bases(&group).await {
            Ok(bases) => bases,
            Err(error) => return self.try_again(first, &group, error).await,
        };
        let alone = self.lock(key.clone()).await;
        let group = self.group(first).await?;
        if group.key().is_none_or(|now| now != key) {
            return Ok(true);
        }
        if !group.lost.is_empty() {
            let ids = group.ids();
            return self.fail(&ids, &Error::Unavailable("a disk of it is gone".to_owned())).await;
        }
        let machine = match group.instance {
            Some((id, InstanceStatus::Running)) => Some(id.to_string()),
            Some((_, InstanceStatus::Stopped)) | None => None,
            // soon it runs, or does not
            Some(_) => return Ok(false),
        };
        let runs = match &machine {
            Some(name) => hypervisor.state(name).await == MachineState::Running,
            None => false,
        };
        if machine.is_some() && !runs {
            return Ok(false);
        }
        let place = match &machine {
            Some(_) => None,
            None => match Arc::clone(&self.reads).try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_) => return Ok(false),
            },
        };
        let captured = self.capture(machine.as_deref(), &group.members).await;
        // a machine that is not running must not begin to before its disks have been read
        let held = if machine.is_some() {
            drop(alone);
            None
        } else {
            Some(alone)
        };
        let outcome = match captured {
            Ok(capture) => self.read(capture, &group.members, &mut bases, place).await,
            Err(error) => Err(error.into()),
        };
        drop(held);
        let Err(error) = outcome else {
            self.tries.lock().remove(&first);
            return Ok(true);
        };
        let ended = match &machine {
            Some(name) => hypervisor.state(name).await == MachineState::Gone,
            None => false,
        };
        // what it wrote last is in its files
        if ended {
            tracing::info!(snapshot = %first, %error, "a snapshot is taken again of what its machine left");
            return Ok(true);
        }
        self.try_again(first, &group, error).await
    }

    /// What fails for a moment may succeed at the next look.
    async fn try_again(&self, first: SnapshotId, group: &Group, error: Error) -> Result<bool, Error> {
        if matches!(error, Error::Unavailable(_)) && self.may_try_again(first) {
            tracing::info!(snapshot = %first, %error, "a snapshot is taken again");
            return Ok(false);
        }
        self.tries.lock().remove(&first);
        self.fail(&group.ids(), &error).await
    }

    /// What will be written over of those disks of which there is no earlier snapshot. Before they are captured: a base
    /// that has to be unpacked takes long, and a capture costs its machine as long as it is open.
    async fn bases(&self, group: &Group) -> Result<BTreeMap<SnapshotId, PlainBase>, Error> {
        let mut bases = BTreeMap::new();
        // of a machine that comes or goes nothing is taken yet, and nothing at all when a disk is gone
        let soon = group.instance.is_none_or(|(_, status)| status.is_settled()) && group.lost.is_empty();
        for member in group.members.iter().filter(|member| soon && member.before.is_none()) {
            let base = self.while_wanted(&group.members, plain_base(&self.service, &member.disk)).await?;
            bases.extend(base.map(|base| (member.snapshot.id, base)));
        }
        Ok(bases)
    }

    /// Does something that may take long, unless one of the snapshots is given up meanwhile.
    async fn while_wanted<T>(
        &self,
        members: &[Member],
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        let mut ticks = tokio::time::interval(NOTE_EVERY);
        ticks.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = ticks.tick() => {
                    let ids: Vec<SnapshotId> = members.iter().map(|member| member.snapshot.id).collect();
                    let read = move |tx: &mut Tx<'_>| {
                        let mut found = ids.iter().map(|&id| snapshots::get(tx, id));
                        found.try_fold(true, |all, found| {
                            Ok::<_, Error>(all && found?.is_some_and(|row| row.status == SnapshotStatus::Progressing))
                        })
                    };
                    // not being able to ask is no reason to end it
                    if matches!(self.service.catalogue.read(read).await, Ok(false)) {
                        return Err(no_longer_wanted());
                    }
                }
            }
        }
    }

    async fn capture(
        &self,
        machine: Option<&str>,
        members: &[Member],
    ) -> Result<Box<dyn Capture>, imprint_machine::Error> {
        let Some(hypervisor) = &self.service.machines.hypervisor else {
            return Err(imprint_machine::Error::Unsupported("capturing disks".to_owned()));
        };
        let mut wanted = Vec::with_capacity(members.len());
        for member in members {
            let overlay = overlay(&member.disk);
            if machine.is_none() {
                // it may never have come to be: its machine could not be started
                hypervisor.prepare(&overlay).await?;
            }
            let since = member.before.as_ref().map(|before| mark(before.id));
            wanted.push(CaptureOf { overlay, mark: mark(member.snapshot.id), since });
        }
        hypervisor.capture(machine, &wanted).await
    }

    /// Reads a capture to its end and completes its snapshots. What could not be read leaves no trace.
    async fn read(
        &self,
        capture: Box<dyn Capture>,
        members: &[Member],
        bases: &mut BTreeMap<SnapshotId, PlainBase>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Error> {
        let read = async {
            let free = async { Arc::clone(&self.reads).acquire_owned().await.map_err(Error::internal) };
            let _place = match place {
                Some(place) => place,
                None => self.while_wanted(members, free).await?,
            };
            let mut all = Vec::with_capacity(members.len());
            for (member, disk) in members.iter().zip(capture.disks()) {
                let base = bases.remove(&member.snapshot.id);
                all.push(self.read_one(member, base, disk.as_ref()).await?);
            }
            self.complete(all).await
        };
        let outcome = read.await;
        if let Err(error) = capture.end(outcome.is_ok()).await {
            // the next one reads more than it must
            tracing::info!(%error, "a capture did not end well");
        }
        outcome
    }

    /// What an earlier snapshot holds, protected from now on: it may be deleted while another one is made of it.
    async fn held(&self, snapshot: SnapshotId) -> Result<PlainBase, Error> {
        // the lease comes before the look: what a row names now is not removed while the lease lives
        let lease = self.service.store.lease().await?;
        let row = self.service.catalogue.read(move |tx| Ok::<_, Error>(snapshots::get(tx, snapshot)?)).await?;
        let gone = || Error::Unavailable("the snapshot before it was deleted".to_owned());
        let content = row.and_then(|row| row.content).ok_or_else(gone)?;
        Ok(PlainBase::held(content.map, lease))
    }

    async fn read_one(
        &self,
        member: &Member,
        base: Option<PlainBase>,
        disk: &dyn CapturedDisk,
    ) -> Result<Taken, Error> {
        let since = member.before.as_ref().filter(|_| disk.since_mark());
        // what waited for hours may have been held for too long
        let base = match base {
            Some(base) if base.is_held().await => Some(base),
            _ => None,
        };
        let base = match (since, base) {
            (Some(before), _) => Some(self.held(before.id).await?),
            (None, Some(base)) => Some(base),
            // or a mark was lost
            (None, None) => {
                let only = std::slice::from_ref(member);
                self.while_wanted(only, plain_base(&self.service, &member.disk)).await?
            }
        };
        let parent = base.as_ref().map(|base| base.map);
        let (done, total) = (AtomicU64::new(0), AtomicU64::new(0));
        let told = |now_done: u64, of: u64| {
            done.store(now_done, Ordering::Relaxed);
            total.store(of, Ordering::Relaxed);
        };
        let mut written = pin!(of_capture(&self.service, disk, parent, &told));
        let mut ticks = tokio::time::interval(NOTE_EVERY);
        ticks.tick().await;
        let written = loop {
            tokio::select! {
                written = &mut written => break written?,
                _ = ticks.tick() => {
                    let (done, total) = (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
                    if !self.note_taken(&member.snapshot, done, total).await {
                        return Err(no_longer_wanted());
                    }
                }
            }
        };
        let (done, total) = (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
        if !self.note_taken(&member.snapshot, done, total).await {
            return Err(no_longer_wanted());
        }
        Ok(Taken { snapshot: member.snapshot.id, written, size_bytes: disk.size_bytes(), _base: base })
    }

    /// Whether it is still wanted. Not being able to note how far it is, is no reason to end it.
    async fn note_taken(&self, snapshot: &Snapshot, done: u64, total: u64) -> bool {
        let (snapshot, now) = (snapshot.clone(), self.service.clock.now());
        let note = move |tx: &mut Tx<'_>| Ok::<_, Error>(machines::note_progress(tx, &snapshot, done, total, now)?);
        self.service.catalogue.write(note).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the progress of a snapshot could not be noted");
            true
        })
    }

    async fn complete(&self, all: Vec<Taken>) -> Result<(), Error> {
        for one in &all {
            one.written.lease.ensure_live().await?;
        }
        let found: Vec<(SnapshotId, Content)> = all
            .iter()
            .map(|one| {
                let content = Content {
                    map: one.written.map,
                    size_bytes: one.size_bytes,
                    virtual_size_bytes: Some(one.size_bytes),
                    md5: None,
                    hash: None,
                };
                (one.snapshot, content)
            })
            .collect();
        let now = self.service.clock.now();
        let complete = move |tx: &mut Tx<'_>| {
            for (id, content) in &found {
                let Some(mut snapshot) = snapshots::get(tx, *id)? else { continue };
                let Ok(status) = snapshot.status.on(SnapshotEvent::Taken) else { continue };
                snapshot.status = status;
                snapshot.content = Some(content.clone());
                snapshot.done_bytes = snapshot.total_bytes.unwrap_or(snapshot.done_bytes);
                snapshot.updated_at = now;
                snapshots::update(tx, &snapshot)?;
                jobs::let_go_of(tx, *id, now)?;
            }
            Ok::<_, Error>(())
        };
        self.service.catalogue.write(complete).await?;
        self.service.wake.notify_one();
        // only now may nothing but the rows keep the bytes
        drop(all);
        Ok(())
    }

    async fn fail(&self, ids: &[SnapshotId], error: &Error) -> Result<bool, Error> {
        tracing::warn!(?ids, error = error as &dyn std::error::Error, "snapshots could not be taken");
        let (ids, why, now) = (ids.to_vec(), error.to_string(), self.service.clock.now());
        let fail = move |tx: &mut Tx<'_>| {
            for &id in &ids {
                let Some(mut snapshot) = snapshots::get(tx, id)? else { continue };
                let Ok(status) = snapshot.status.on(SnapshotEvent::GiveUp) else { continue };
                snapshot.status = status;
                snapshot.failure = Some(why.clone());
                snapshot.updated_at = now;
                snapshots::update(tx, &snapshot)?;
                jobs::let_go_of(tx, id, now)?;
            }
            Ok::<_, Error>(true)
        };
        let failed = self.service.catalogue.write(fail).await?;
        self.service.wake.notify_one();
        Ok(failed)
    }

    fn may_try_again(&self, first: SnapshotId) -> bool {
        let now = self.service.clock.now();
        let since = *self.tries.lock().entry(first).or_insert(now);
        now < since.after(TRIED_FOR)
    }

    /// The snapshots of one instant that are still to be taken.
    async fn group(&self, first: SnapshotId) -> Result<Group, Error> {
        let (_, node) = self.parts()?;
        let read = move |tx: &mut Tx<'_>| {
            let mut group = Group { members: Vec::new(), lost: Vec::new(), instance: None };
            let of = |snapshot: &Snapshot| snapshot.captured_with.unwrap_or(snapshot.id) == first;
            for snapshot in machines::snapshots_under_way(tx, &node)?.into_iter().filter(of) {
                let disk = snapshot.disk.map(|id| disks::get(tx, id)).transpose()?.flatten();
                let Some(disk) = disk.filter(|disk| disk.generation == snapshot.generation) else {
                    group.lost.push(snapshot.id);
                    continue;
                };
                if let Some(instance) = disk.instance.map(|id| instances::get(tx, id)).transpose()?.flatten() {
                    group.instance = Some((instance.id, instance.status));
                }
                let before = machines::newest_snapshot(tx, &disk)?;
                group.members.push(Member { snapshot, disk, before });
            }
            Ok::<_, Error>(group)
        };
        self.service.catalogue.read(read).await
    }
}

/// The others of its instant are taken again.
fn no_longer_wanted() -> Error {
    Error::Unavailable("a snapshot of the same instant was cancelled".to_owned())
}

/// What is held while disks of a machine, or a free disk, are captured.
pub(super) fn capture_key(of: &str) -> String {
    format!("capture of {of}")
}

impl Group {
    /// What must not be touched while its disks are captured: their machine, or the free disk.
    fn key(&self) -> Option<String> {
        match (&self.instance, self.members.first()) {
            (Some((id, _)), _) => Some(id.to_string()),
            (None, Some(member)) => Some(member.disk.id.to_string()),
            (None, None) => self.lost.first().map(ToString::to_string),
        }
    }

    fn ids(&self) -> Vec<SnapshotId> {
        self.members.iter().map(|member| member.snapshot.id).chain(self.lost.iter().copied()).collect()
    }
}
