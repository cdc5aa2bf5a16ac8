//! Collection: mark what the maps use, condemn packs nothing uses, delete them after a grace period if a later mark
//! still finds nothing, rewrite what is half dead. Safe at any moment to be cut off, and beside uploads, reads and
//! another collection. Never deletes anything while a map in use cannot be followed to its end.
//!
//! Why it is safe, in the order of the steps:
//! 1. The leases are listed before the roots. An upload that was finished and given its row between the two is in
//!    the roots; one that was not is in the leases.
//! 2. Only packs sealed before the oldest lease began are condemned: what an upload wrote itself is out of reach.
//! 3. An upload may have found a chunk in a pack before it was condemned. Its lease then began before the
//!    condemnation, and no pack is deleted while such a lease lives. Once it is given back its row is among the roots
//!    of the next mark, which takes the condemnation back.
//! 4. Look-ups for new content skip condemned packs, and new copies of their chunks replace the old in the index.
//! 5. A pack leaves the index (if it is still condemned since the same moment) before its bytes are removed.
//! 6. Before each change the collection's own lease is renewed; once it has ended, nothing more is changed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use imprint_model::{LeaseId, Timestamp};

use crate::backend::Found;
use crate::error::{Kind, Result};
use crate::index::{PackInfo, PackState};
use crate::mark::{self, Marks};
use crate::pack::PackId;
use crate::permit::Permit;
use crate::repack;
use crate::scrub::read_footer;
use crate::store::Shared;

pub use crate::mark::{BoxError, Roots};

/// What a collection may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GcOptions {
    /// How old a pack must be to be condemned, and for how long condemned to be deleted. Longer than the longest
    /// download, and than a client may take from sending chunks to naming them in a map.
    pub grace: Duration,
    /// A pack of which a smaller part than this is in use is rewritten; 0 turns rewriting off, of small packs too.
    pub repack_below: f64,
    /// Packs finished longer ago than this are compressed; `None` turns it off.
    pub compress_older_than: Option<Duration>,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self { grace: Duration::from_secs(24 * 3600), repack_below: 0.5, compress_older_than: None }
    }
}

/// What a collection did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GcReport {
    /// Maps found in use.
    pub maps: u64,
    /// Map pages found in use.
    pub pages: u64,
    /// Packs there were, and their bytes.
    pub packs: u64,
    /// Bytes of these packs.
    pub bytes: u64,
    /// Packs newly condemned.
    pub condemned: u64,
    /// Packs whose condemnation was taken back.
    pub revived: u64,
    /// Packs deleted, and their bytes.
    pub deleted: u64,
    /// Bytes of the deleted packs.
    pub deleted_bytes: u64,
    /// Packs whose live records were rewritten into others.
    pub rewritten: u64,
    /// Bytes of the rewritten packs less the bytes of their successors.
    pub rewritten_saved_bytes: u64,
    /// Packs without an entry in the index, and remains of unfinished ones, that were removed.
    pub orphans: u64,
    /// Bytes of these.
    pub orphan_bytes: u64,
    /// What maps in use need and is damaged or not stored, by name (the first hundred): while there is any, nothing is
    /// condemned, deleted or rewritten. Without any, the packs that could not be rewritten for being damaged.
    pub broken: Vec<String>,
    /// How many there are in all.
    pub broken_count: u64,
}

/// The moment a collection works with.
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    /// When the oldest lease began, or now, less what clocks may differ.
    pub(crate) untouchable_from: Timestamp,
    pub(crate) grace_ago: Timestamp,
}

impl Moment {
    fn take(shared: &Shared, own: LeaseId, grace: Duration) -> Result<Self> {
        let now = shared.clock.now();
        let others = shared.leases(now)?.into_iter().filter(|lease| lease.id != own);
        let oldest = others.map(|lease| lease.began).min().unwrap_or(now);
        let untouchable_from = oldest.min(now).before(shared.settings.clock_skew());
        Ok(Self { now, untouchable_from, grace_ago: now.before(grace) })
    }

    /// Whether something made at `time` is out of every upload's hands and old enough.
    pub(crate) fn is_settled(&self, time: Timestamp) -> bool {
        time < self.untouchable_from && time <= self.grace_ago
    }
}

/// The permit's lease protects the packs this writes while they are not in the index.
pub(crate) fn collect(
    shared: &Arc<Shared>,
    permit: &Permit,
    roots: &dyn Roots,
    options: &GcOptions,
) -> Result<GcReport> {
    // leases before roots, and packs before both: see the module's text
    let packs = shared.index.packs()?;
    let moment = Moment::take(shared, permit.lease_id(), options.grace)?;
    let marks = mark::mark(shared, &mark::list_roots(roots)?, &|| permit.ensure_wanted())?;
    let mut report = GcReport {
        maps: marks.maps,
        pages: marks.pages,
        packs: packs.len() as u64,
        bytes: packs.iter().map(|pack| pack.bytes).sum(),
        broken: marks.broken.clone(),
        broken_count: marks.broken_count,
        ..GcReport::default()
    };
    for pack in &packs {
        if let PackState::Condemned { .. } = pack.state
            && marks.records(pack.id) > 0
        {
            report.revived += u64::from(shared.index.revive(pack.id)?);
        }
    }
    if report.broken_count > 0 {
        tracing::error!(count = report.broken_count, "maps in use are damaged; nothing is collected");
        return Ok(report);
    }
    for pack in &packs {
        permit.ensure_wanted()?;
        sweep(shared, permit, &moment, &marks, pack, &mut report)?;
    }
    repack::repack(shared, permit, &moment, &marks, &packs, options, &mut report)?;
    remove_orphans(shared, permit, &moment, &mut report)?;
    Ok(report)
}

/// Condemns or deletes one pack if nothing uses it and it may go.
fn sweep(
    shared: &Shared,
    permit: &Permit,
    moment: &Moment,
    marks: &Marks,
    pack: &PackInfo,
    report: &mut GcReport,
) -> Result<()> {
    if marks.records(pack.id) > 0 {
        return Ok(());
    }
    match pack.state {
        PackState::Sealed if moment.is_settled(pack.sealed_at) => {
            permit.ensure()?;
            // the clock is read now: leases taken since the mark must count as older than this condemnation
            report.condemned += u64::from(shared.index.condemn(pack.id, shared.clock.now())?);
        }
        PackState::Condemned { at } if moment.is_settled(at) => delete(shared, permit, pack, at, report)?,
        PackState::Sealed | PackState::Condemned { .. } => {}
    }
    Ok(())
}

fn delete(
    shared: &Shared,
    permit: &Permit,
    pack: &PackInfo,
    condemned_at: Timestamp,
    report: &mut GcReport,
) -> Result<()> {
    let ids: Vec<_> = match read_footer(shared, pack.id) {
        Ok((_, entries)) => entries.iter().map(|entry| entry.id).collect(),
        // rows of a pack that is not listed count as absent, so what cannot be named may stay
        Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Missing) => Vec::new(),
        Err(error) => return Err(error),
    };
    permit.ensure()?;
    if shared.index.forget(pack.id, condemned_at, &ids)? {
        shared.backend.delete(pack.id)?;
        report.deleted += 1;
        report.deleted_bytes += pack.bytes;
    }
    Ok(())
}

/// Removes what is in the backend but not in the index: packs of uploads that died before the index knew them,
/// packs that were forgotten just before a crash, and unfinished files.
fn remove_orphans(shared: &Shared, permit: &Permit, moment: &Moment, report: &mut GcReport) -> Result<()> {
    let mut old: Vec<Found> = Vec::new();
    shared.backend.list(&mut |found| {
        // an id tells the millisecond only
        let begun = found.id.begun_at().map(|begun| begun.after(Duration::from_millis(1)));
        if begun.is_some_and(|begun| moment.is_settled(begun)) {
            old.push(found);
        }
        Ok(())
    })?;
    // listed after the backend was: a pack that entered the index meanwhile is seen
    let listed: HashSet<PackId> = shared.index.packs()?.iter().map(|pack| pack.id).collect();
    for found in old {
        if listed.contains(&found.id) {
            continue;
        }
        permit.ensure()?;
        shared.backend.delete(found.id)?;
        report.orphans += 1;
        report.orphan_bytes += found.bytes;
    }
    Ok(())
}
