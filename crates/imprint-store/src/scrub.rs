//! Reading everything again and telling what is damaged: packs record by record, the index against the packs, and
//! the maps in use against the index. Never repairs anything.

use std::collections::HashMap;

use bytes::Bytes;
use imprint_model::ChunkId;

use crate::error::{Error, Kind, Result};
use crate::fetch::open_payload;
use crate::index::{LOOKUP_MAX, Location};
use crate::mark::{self, REPORTED_MAX, Roots};
use crate::num::to_usize;
use crate::pack::{
    self, HEADER_BYTES, MAX_RECORDS, PackEntry, PackHeader, PackId, RECORD_HEADER_BYTES, TRAILER_BYTES, Trailer,
    record_span,
};
use crate::store::Shared;

/// Bytes of records read together.
const STEP_BYTES: u64 = 8 << 20;

/// One thing that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The chunk, page or root, when it is known which.
    pub id: Option<ChunkId>,
    /// The pack it is in, when it is known which.
    pub pack: Option<PackId>,
    /// What is wrong.
    pub what: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Packs read.
    pub packs: u64,
    /// Records read and compared with their names.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Maps in use that were followed to every chunk.
    pub maps: u64,
    /// What is damaged (the first hundred).
    pub damages: Vec<Damage>,
    /// How many damages there are in all; 0 means that everything is well.
    pub damage_count: u64,
    /// Packs that are in the backend and not in the index: garbage of interrupted work, which collection removes.
    pub unlisted_packs: u64,
    /// Records that the index does not find: a second copy whose first went with its pack. Garbage, unless a map needs
    /// one: then that map is among the damages.
    pub unindexed_records: u64,
}

impl VerifyReport {
    fn damage(&mut self, id: Option<ChunkId>, pack: Option<PackId>, what: impl Into<String>) {
        self.damage_count += 1;
        if self.damages.len() < REPORTED_MAX {
            self.damages.push(Damage { id, pack, what: what.into() });
        }
    }
}

/// Records of one pack that are damaged, a bit for each.
type Bad = HashMap<PackId, Vec<u32>>;

pub(crate) fn verify(shared: &Shared, roots: &dyn Roots) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let mut bad = Bad::new();
    for pack in shared.index.packs()? {
        if let Err(error) = verify_pack(shared, pack.id, pack.bytes, &mut report, &mut bad) {
            // a collection beside us may have taken it
            if error.kind() == Kind::Missing && !shared.index.packs()?.iter().any(|listed| listed.id == pack.id) {
                continue;
            }
            if !matches!(error.kind(), Kind::Corrupt | Kind::Missing) {
                return Err(error);
            }
            report.damage(None, Some(pack.id), error.to_string());
        }
    }
    count_unlisted(shared, &mut report)?;
    let marks = mark::mark(shared, &mark::list_roots(roots)?, &|| Ok(()))?;
    report.maps = marks.maps;
    for what in &marks.broken {
        report.damage(None, None, what.clone());
    }
    report.damage_count += marks.broken_count - marks.broken.len() as u64;
    for (pack, ordinals) in &bad {
        let used = ordinals.iter().filter(|&&ordinal| marks.is_set(*pack, ordinal)).count();
        tracing::error!(%pack, damaged = ordinals.len(), used, "a pack holds damaged records");
    }
    Ok(report)
}

fn count_unlisted(shared: &Shared, report: &mut VerifyReport) -> Result<()> {
    let mut found = Vec::new();
    shared.backend.list(&mut |pack| {
        found.push(pack.id);
        Ok(())
    })?;
    let listed: std::collections::HashSet<PackId> = shared.index.packs()?.iter().map(|pack| pack.id).collect();
    report.unlisted_packs = found.iter().filter(|id| !listed.contains(id)).count() as u64;
    Ok(())
}

/// Reads one pack: header, every record, footer; and compares the index.
fn verify_pack(shared: &Shared, id: PackId, bytes: u64, report: &mut VerifyReport, bad: &mut Bad) -> Result<()> {
    let size = shared.backend.size(id)?.ok_or_else(|| Error::missing(format!("pack {id}")))?;
    if size != bytes {
        report.damage(None, Some(id), format!("it has {size} bytes, the index says {bytes}"));
    }
    let (_, entries) = read_footer(shared, id)?;
    report.packs += 1;
    report.bytes += size;
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let begin = rest[0].offset;
        let end = |entry: &PackEntry| entry.offset + record_span(entry.stored_len);
        let count = rest.iter().take_while(|entry| end(entry) - begin <= STEP_BYTES).count().max(1);
        let (now, later) = rest.split_at(count);
        let range = begin..now.iter().map(end).max().unwrap_or(begin);
        let part = shared.backend.read(id, &[range])?.pop().unwrap_or_default();
        for entry in now {
            report.records += 1;
            if let Err(error) = verify_record(id, entry, begin, &part) {
                bad.entry(id).or_default().push(entry.ordinal);
                report.damage(Some(entry.id), Some(id), error.to_string());
            }
        }
        compare_index(shared, id, now, report)?;
        rest = later;
    }
    Ok(())
}

fn verify_record(pack: PackId, entry: &PackEntry, begin: u64, part: &Bytes) -> Result<()> {
    let from = to_usize(entry.offset - begin);
    let header = part.slice(from..from + RECORD_HEADER_BYTES);
    if pack::decode_record_header(&header, entry.offset, entry.ordinal)? != *entry {
        return Err(Error::corrupt(format!("record {} and its footer row differ", entry.ordinal)));
    }
    let payload = part.slice(from + RECORD_HEADER_BYTES..from + RECORD_HEADER_BYTES + entry.stored_len as usize);
    if crc32fast::hash(&payload) != entry.crc32 {
        return Err(Error::corrupt(format!("record {} fails its checksum", entry.ordinal)));
    }
    open_payload(&entry.id, &Location::of(pack, entry), payload).map(|_| ())
}

/// A record that the index finds must be where it says: here as the footer says, or really in the other pack.
fn compare_index(shared: &Shared, pack: PackId, entries: &[PackEntry], report: &mut VerifyReport) -> Result<()> {
    for part in entries.chunks(LOOKUP_MAX) {
        let ids: Vec<ChunkId> = part.iter().map(|entry| entry.id).collect();
        for (entry, place) in part.iter().zip(shared.index.locate(&ids)?) {
            match place {
                None => report.unindexed_records += 1,
                Some(place) if place.pack == pack && place != Location::of(pack, entry) => {
                    report.damage(Some(entry.id), Some(pack), "the index names another place in its pack");
                }
                Some(place) if place.pack != pack => check_copy(shared, entry.id, &place, report)?,
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// A record that the index finds in another pack must really be there.
fn check_copy(shared: &Shared, id: ChunkId, place: &Location, report: &mut VerifyReport) -> Result<()> {
    match shared.read_records(&[(id, *place)]) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Missing) => {
            report.damage(Some(id), Some(place.pack), error.to_string());
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// A pack's header and footer rows.
pub(crate) fn read_footer(shared: &Shared, id: PackId) -> Result<(PackHeader, Vec<PackEntry>)> {
    let named = |error: Error| Error::new(error.kind(), format!("pack {id}")).with_source(error);
    let size = shared.backend.size(id)?.ok_or_else(|| Error::missing(format!("pack {id}")))?;
    if size < (HEADER_BYTES + TRAILER_BYTES) as u64 {
        return Err(Error::corrupt(format!("pack {id} is too short")));
    }
    let ends = shared.backend.read(id, &[0..HEADER_BYTES as u64, size - TRAILER_BYTES as u64..size])?;
    let [header, trailer] = ends.as_slice() else {
        return Err(Error::new(Kind::Internal, "a backend answered another number of ranges than asked"));
    };
    let header = PackHeader::decode(header).map_err(named)?;
    let trailer = Trailer::decode(trailer, size).map_err(named)?;
    if header.id != id || trailer.id != id {
        return Err(Error::corrupt(format!("pack {id} is another pack by its own account")));
    }
    if trailer.rows == 0 {
        return Ok((header, Vec::new()));
    }
    let rows = trailer.rows_offset..trailer.rows_offset + trailer.rows_bytes() as u64;
    let rows = shared.backend.read(id, &[rows])?.pop().unwrap_or_default();
    Ok((header, trailer.decode_rows(&rows).map_err(named)?))
}

/// The records of a pack whose footer is damaged, one after the other from its beginning to the first that is
/// damaged too.
pub(crate) fn scan_records(shared: &Shared, id: PackId, bytes: u64) -> Result<Vec<PackEntry>> {
    let mut entries = Vec::new();
    let mut offset = HEADER_BYTES as u64;
    for ordinal in 0..MAX_RECORDS {
        let end = offset + RECORD_HEADER_BYTES as u64;
        if end > bytes {
            break;
        }
        let range = offset..end;
        let header = shared.backend.read(id, std::slice::from_ref(&range))?.pop().unwrap_or_default();
        let Ok(entry) = pack::decode_record_header(&header, offset, ordinal) else { break };
        offset += record_span(entry.stored_len);
        if offset > bytes {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}
