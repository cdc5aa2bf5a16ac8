//! Getting records out of packs: neighbours in one read, every one verified against its name, and map pages with
//! their chunks located. Never returns a byte that was not verified.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imprint_model::ChunkId;

use crate::chunk;
use crate::error::{Error, Kind, Result};
use crate::index::{LOOKUP_MAX, Location};
use crate::map::Page;
use crate::num::to_usize;
use crate::pack::{Codec, MAX_RECORD_BYTES, RECORD_HEADER_BYTES, record_span};
use crate::store::Shared;

/// Bytes between two records that are read and thrown away rather than read around.
const GAP_BYTES: u64 = 16 << 10;

/// A map page whose chunks are located.
#[derive(Debug)]
pub(crate) struct LocatedPage {
    pub(crate) page: Page,
    /// One for each entry of the page.
    pub(crate) places: Vec<Location>,
}

impl LocatedPage {
    pub(crate) fn memory_bytes(&self) -> u64 {
        let entry_bytes = size_of::<crate::map::PageEntry>() + size_of::<Location>();
        (size_of::<Self>() + self.places.len() * entry_bytes) as u64
    }
}

/// Consecutive wanted records that one read covers.
struct Group {
    wanted: Range<usize>,
    bytes: Range<u64>,
}

impl Shared {
    /// Where each record is, in any number of look-ups.
    pub(crate) fn locate_all(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>> {
        let mut places = Vec::with_capacity(ids.len());
        for part in ids.chunks(LOOKUP_MAX) {
            places.extend(self.index.locate(part)?);
        }
        Ok(places)
    }

    /// One record's bytes.
    pub(crate) fn fetch(&self, id: ChunkId) -> Result<Bytes> {
        self.fetch_all(&[id])?.pop().ok_or_else(|| Error::missing(format!("chunk {id}")))
    }

    /// Records' bytes, in the order asked. A pack that went away since it was looked up (its records are in another
    /// one now) is looked up once more.
    pub(crate) fn fetch_all(&self, ids: &[ChunkId]) -> Result<Vec<Bytes>> {
        match self.fetch_once(ids) {
            Err(error) if error.kind() == Kind::Missing => self.fetch_once(ids),
            result => result,
        }
    }

    fn fetch_once(&self, ids: &[ChunkId]) -> Result<Vec<Bytes>> {
        let places = self.locate_all(ids)?;
        let wanted: Vec<(ChunkId, Location)> = ids
            .iter()
            .zip(places)
            .map(|(id, place)| Ok((*id, place.ok_or_else(|| Error::missing(format!("chunk {id}")))?)))
            .collect::<Result<_>>()?;
        self.read_records(&wanted)
    }

    /// Reads located records, neighbours together, and verifies each.
    pub(crate) fn read_records(&self, wanted: &[(ChunkId, Location)]) -> Result<Vec<Bytes>> {
        let groups = group(wanted, self.backend.read_bytes())?;
        let mut records = Vec::with_capacity(wanted.len());
        for same_pack in groups.chunk_by(|a, b| wanted[a.wanted.start].1.pack == wanted[b.wanted.start].1.pack) {
            let pack = wanted[same_pack[0].wanted.start].1.pack;
            let ranges: Vec<Range<u64>> = same_pack.iter().map(|group| group.bytes.clone()).collect();
            let parts = self.backend.read(pack, &ranges)?;
            for (group, part) in same_pack.iter().zip(parts) {
                for (id, place) in &wanted[group.wanted.clone()] {
                    let from = to_usize(payload_offset(place) - group.bytes.start);
                    records.push(open_payload(id, place, part.slice(from..from + place.stored_len as usize))?);
                }
            }
        }
        Ok(records)
    }

    /// A map page with its chunks located, from the cache when it is there.
    pub(crate) fn located_page(&self, id: ChunkId) -> Result<Arc<LocatedPage>> {
        self.pages.get_or_insert_with(&id, || {
            let page = Page::decode(&self.fetch(id)?)?;
            let ids: Vec<ChunkId> = page.entries.iter().map(|entry| entry.chunk).collect();
            let places = ids.iter().zip(self.locate_all(&ids)?).map(|(chunk, place)| {
                place.ok_or_else(|| Error::corrupt(format!("map page {id} names chunk {chunk}, which is not stored")))
            });
            Ok(Arc::new(LocatedPage { places: places.collect::<Result<_>>()?, page }))
        })
    }
}

fn payload_offset(place: &Location) -> u64 {
    place.offset + RECORD_HEADER_BYTES as u64
}

/// Joins consecutive records that lie near each other in ascending order, up to `read_bytes` for a read.
fn group(wanted: &[(ChunkId, Location)], read_bytes: u64) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut previous = None;
    for (at, (id, place)) in wanted.iter().enumerate() {
        if place.len > MAX_RECORD_BYTES || place.stored_len > place.len {
            return Err(Error::corrupt(format!("the index gives {id} impossible lengths in pack {}", place.pack)));
        }
        let begin = payload_offset(place);
        let end = begin + u64::from(place.stored_len);
        match groups.last_mut() {
            Some(last)
                if previous == Some(place.pack)
                    && begin >= last.bytes.end
                    && begin - last.bytes.end <= GAP_BYTES
                    && end - last.bytes.start <= read_bytes + record_span(0) =>
            {
                last.wanted.end = at + 1;
                last.bytes.end = end;
            }
            _ => groups.push(Group { wanted: at..at + 1, bytes: begin..end }),
        }
        previous = Some(place.pack);
    }
    Ok(groups)
}

/// Decodes a payload and compares it with its name.
pub(crate) fn open_payload(id: &ChunkId, place: &Location, payload: Bytes) -> Result<Bytes> {
    let damaged = |why: &str| Error::corrupt(format!("record {id} in pack {} at {}: {why}", place.pack, place.offset));
    let bytes = match place.codec {
        Codec::Plain => payload,
        Codec::Zstd => inflate(&payload, place.len as usize).ok_or_else(|| damaged("does not decompress"))?,
    };
    if bytes.len() != place.len as usize {
        return Err(damaged("wrong length"));
    }
    if chunk::name(&bytes) != *id {
        return Err(damaged("its bytes are not what its name says"));
    }
    Ok(bytes)
}

thread_local! {
    /// A decompressor costs more to make than to use on one chunk.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// At most `len` bytes come out, whatever the payload claims.
fn inflate(payload: &[u8], len: usize) -> Option<Bytes> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = zstd::bulk::Decompressor::new().ok();
        }
        kept.as_mut()?.decompress(payload, len).ok().map(Bytes::from)
    })
}
