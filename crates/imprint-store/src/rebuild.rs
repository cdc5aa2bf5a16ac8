//! Filling an empty index again from the packs alone. Never touches a pack.

use imprint_model::Timestamp;

use crate::error::{Kind, Result};
use crate::index::{PackInfo, PackState};
use crate::mark::REPORTED_MAX;
use crate::num::to_u32;
use crate::pack::{PackEntry, PackId};
use crate::scrub::{read_footer, scan_records};
use crate::store::Shared;

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// Packs put into the index.
    pub packs: u64,
    /// Their records.
    pub records: u64,
    /// Packs whose footer is damaged and whose records were found one by one.
    pub scanned: u64,
    /// Packs of which nothing could be read, by name (the first hundred).
    pub lost: Vec<String>,
    /// How many there are in all.
    pub lost_count: u64,
}

pub(crate) fn rebuild(shared: &Shared) -> Result<RebuildReport> {
    let mut packs = Vec::new();
    shared.backend.list(&mut |found| {
        if found.sealed {
            packs.push((found.id, found.bytes));
        }
        Ok(())
    })?;
    // oldest first: of two copies of a chunk the first stays in the index, as it did when they were written
    packs.sort_unstable();
    shared.index.clear()?;
    let mut report = RebuildReport::default();
    for (id, bytes) in packs {
        add(shared, id, bytes, &mut report)?;
    }
    Ok(report)
}

fn add(shared: &Shared, id: PackId, bytes: u64, report: &mut RebuildReport) -> Result<()> {
    let (cold, entries) = match read_footer(shared, id) {
        Ok((header, entries)) => (header.cold, entries),
        Err(error) if error.kind() == Kind::Corrupt => {
            report.scanned += 1;
            (false, scan_records(shared, id, bytes)?)
        }
        Err(error) => return Err(error),
    };
    if entries.is_empty() {
        report.lost_count += 1;
        if report.lost.len() < REPORTED_MAX {
            report.lost.push(id.to_string());
        }
        return Ok(());
    }
    shared.index.seal_pack(&info(id, bytes, cold, &entries), &entries)?;
    report.packs += 1;
    report.records += entries.len() as u64;
    Ok(())
}

fn info(id: PackId, bytes: u64, cold: bool, entries: &[PackEntry]) -> PackInfo {
    PackInfo {
        id,
        sealed_at: id.begun_at().unwrap_or(Timestamp(0)),
        bytes,
        records: to_u32(entries.len()),
        content_bytes: entries.iter().map(|entry| u64::from(entry.len)).sum(),
        cold,
        state: PackState::Sealed,
    }
}
