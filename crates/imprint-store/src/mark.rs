//! Finding out what is in use: from the roots over their pages to every chunk, one bit for each record of a pack.
//! Each page is walked once, however many maps share it. Never changes anything.

use std::collections::HashMap;
use std::error::Error as StdError;

use imprint_model::{ChunkId, MapId};

use crate::error::{Error, Kind, Result};
use crate::index::{Location, PackInfo};
use crate::map::{Page, Root, root_id};
use crate::pack::PackId;
use crate::store::Shared;

/// Any error of the caller's.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Roots and pages looked up together.
const BATCH: usize = 256;
/// Problems reported by name at most.
pub(crate) const REPORTED_MAX: usize = 100;

/// Names the maps of all rows, afresh each time it is called.
pub trait Roots: Fn() -> Result<Vec<MapId>, BoxError> + Send + Sync + 'static {}

impl<F: Fn() -> Result<Vec<MapId>, BoxError> + Send + Sync + 'static> Roots for F {}

/// Asks for the roots.
pub(crate) fn list_roots(roots: &dyn Roots) -> Result<Vec<MapId>> {
    roots().map_err(|error| Error::new(Kind::Unavailable, "list the maps in use").with_source(error))
}

/// Which records of which packs are in use.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    packs: HashMap<PackId, PackMarks>,
    /// What could not be followed: its record is not in the index, or cannot be read.
    pub(crate) broken: Vec<String>,
    pub(crate) broken_count: u64,
    /// Roots walked.
    pub(crate) maps: u64,
    /// Pages walked.
    pub(crate) pages: u64,
}

#[derive(Debug, Default)]
struct PackMarks {
    bits: Vec<u64>,
    records: u32,
    payload_bytes: u64,
}

impl Marks {
    /// Marks one record; false when it was marked before.
    fn set(&mut self, place: &Location) -> bool {
        let pack = self.packs.entry(place.pack).or_default();
        let (word, bit) = ((place.ordinal / 64) as usize, place.ordinal % 64);
        if pack.bits.len() <= word {
            pack.bits.resize(word + 1, 0);
        }
        let fresh = pack.bits[word] >> bit & 1 == 0;
        pack.bits[word] |= 1 << bit;
        if fresh {
            pack.records += 1;
            pack.payload_bytes += u64::from(place.stored_len);
        }
        fresh
    }

    pub(crate) fn is_set(&self, pack: PackId, ordinal: u32) -> bool {
        let word = self.packs.get(&pack).and_then(|pack| pack.bits.get((ordinal / 64) as usize));
        word.is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    /// Records of a pack that are in use.
    pub(crate) fn records(&self, pack: PackId) -> u32 {
        self.packs.get(&pack).map_or(0, |pack| pack.records)
    }

    /// Payload bytes of a pack that are in use.
    pub(crate) fn live_bytes(&self, pack: PackId) -> u64 {
        self.packs.get(&pack).map_or(0, |pack| pack.payload_bytes)
    }

    /// The part of a pack that is in use, 0 to 1.
    pub(crate) fn live_part(&self, pack: &PackInfo) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rough ratio of lengths far below 2^52")]
        let (live, all) = (self.live_bytes(pack.id) as f64, pack.bytes.max(1) as f64);
        live / all
    }

    fn broken(&mut self, what: String) {
        report(&mut self.broken, &mut self.broken_count, what);
    }
}

/// One problem more: counted, and named unless there are many already.
pub(crate) fn report(named: &mut Vec<String>, count: &mut u64, what: String) {
    *count += 1;
    if named.len() < REPORTED_MAX {
        named.push(what);
    }
}

/// Marks everything the maps use. Asks `go_on` now and then, and stops when that fails.
pub(crate) fn mark(shared: &Shared, maps: &[MapId], go_on: &dyn Fn() -> Result<()>) -> Result<Marks> {
    let mut marks = Marks::default();
    for batch in maps.chunks(BATCH) {
        go_on()?;
        let ids: Vec<ChunkId> = batch.iter().copied().map(root_id).collect();
        for (id, root) in fresh_records(shared, &mut marks, &ids, "map root")? {
            marks.maps += 1;
            match Root::decode(&root) {
                Ok(root) => mark_pages(shared, &mut marks, &root, go_on)?,
                Err(error) => marks.broken(format!("map root {id}: {error}")),
            }
        }
    }
    Ok(marks)
}

fn mark_pages(shared: &Shared, marks: &mut Marks, root: &Root, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
    let pages: Vec<ChunkId> = root.pages().map(|(_, page)| page).collect();
    for batch in pages.chunks(BATCH) {
        go_on()?;
        for (id, page) in fresh_records(shared, marks, batch, "map page")? {
            marks.pages += 1;
            match Page::decode(&page) {
                Ok(page) => mark_chunks(shared, marks, id, &page)?,
                Err(error) => marks.broken(format!("map page {id}: {error}")),
            }
        }
    }
    Ok(())
}

fn mark_chunks(shared: &Shared, marks: &mut Marks, page: ChunkId, content: &Page) -> Result<()> {
    let ids: Vec<ChunkId> = content.entries.iter().map(|entry| entry.chunk).collect();
    for (id, place) in ids.iter().zip(shared.locate_all(&ids)?) {
        match place {
            Some(place) => {
                marks.set(&place);
            }
            None => marks.broken(format!("chunk {id} of map page {page}: not stored")),
        }
    }
    Ok(())
}

/// Marks roots or pages and reads those that were not marked before. One that is damaged is noted; when the place
/// of the packs cannot be reached, everything stops.
fn fresh_records(
    shared: &Shared,
    marks: &mut Marks,
    ids: &[ChunkId],
    what: &str,
) -> Result<Vec<(ChunkId, bytes::Bytes)>> {
    let mut records = Vec::new();
    for (id, place) in ids.iter().zip(shared.locate_all(ids)?) {
        let Some(place) = place else {
            marks.broken(format!("{what} {id}: not stored"));
            continue;
        };
        if !marks.set(&place) {
            continue;
        }
        match shared.fetch(*id) {
            Ok(bytes) => records.push((*id, bytes)),
            Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Missing) => {
                marks.broken(format!("{what} {id}: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}
