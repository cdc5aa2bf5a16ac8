//! Putting records into packs: asks which are stored already, appends the others to the pack this sink has open,
//! and seals packs as they fill, beside the flow. Never looks into what it stores.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use imprint_model::ChunkId;

use crate::backend::PackFile;
use crate::chunk;
use crate::error::{Error, Kind, Result};
use crate::index::{LOOKUP_MAX, PackInfo, PackState};
use crate::lease::LeaseState;
use crate::num::to_u32;
use crate::pack::{
    self, ALIGN_BYTES, Codec, HEADER_BYTES, MAX_RECORDS, PackEntry, PackHeader, PackId, RECORD_HEADER_BYTES, RecordKind,
};
use crate::store::Shared;

/// Packs of one sink that are being made durable at a time; the flow waits for the oldest beyond that.
const SEALING_MAX: usize = 2;

/// One record to store.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) id: ChunkId,
    pub(crate) kind: RecordKind,
    pub(crate) codec: Codec,
    /// Bytes once uncompressed.
    pub(crate) len: u32,
    pub(crate) payload: Cow<'a, [u8]>,
    pub(crate) crc32: u32,
}

impl<'a> Record<'a> {
    /// A plain record of bytes whose name and checksum are not known yet.
    pub(crate) fn new(kind: RecordKind, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let payload = bytes.into();
        let (id, len, crc32) = (chunk::name(&payload), to_u32(payload.len()), crc32fast::hash(&payload));
        Self { id, kind, codec: Codec::Plain, len, payload, crc32 }
    }

    /// The record with bytes of its own.
    pub(crate) fn into_owned(self) -> Record<'static> {
        Record { payload: Cow::Owned(self.payload.into_owned()), ..self }
    }

    fn stored_len(&self) -> u32 {
        to_u32(self.payload.len())
    }
}

/// What to do with a pack once it is durable.
type Commit = Arc<dyn Fn(&Shared, &PackInfo, &[PackEntry]) -> Result<()> + Send + Sync>;

/// Writes records into packs of its own.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    commit: Commit,
    cold: bool,
    open: Option<OpenPack>,
    sealing: VecDeque<Sealing>,
    stored_bytes: u64,
}

struct OpenPack {
    id: PackId,
    file: Box<dyn PackFile>,
    offset: u64,
    entries: Vec<PackEntry>,
    ids: HashSet<ChunkId>,
}

struct Sealing {
    ids: HashSet<ChunkId>,
    done: JoinHandle<Result<()>>,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("stored_bytes", &self.stored_bytes).finish_non_exhaustive()
    }
}

impl Sink {
    /// A sink whose packs enter the index as new content, while `lease` protects them.
    pub(crate) fn for_uploads(shared: &Arc<Shared>, lease: &Arc<LeaseState>) -> Self {
        let lease = Arc::clone(lease);
        let commit = move |shared: &Shared, info: &PackInfo, entries: &[PackEntry]| {
            // without it collection may have removed the pack already, and others would find their chunks in it
            lease.ensure_not_lost()?;
            shared.index.seal_pack(info, entries)
        };
        Self::with(shared, Arc::new(commit), false)
    }

    /// A sink whose packs enter the index through `commit`; `cold` marks packs whose records need no compression
    /// any more.
    pub(crate) fn with(shared: &Arc<Shared>, commit: Commit, cold: bool) -> Self {
        Self { shared: Arc::clone(shared), commit, cold, open: None, sealing: VecDeque::new(), stored_bytes: 0 }
    }

    /// Bytes of packs this sink has written so far.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Stores those records that are not stored yet.
    pub(crate) fn put(&mut self, records: &[Record<'_>]) -> Result<()> {
        let mut asked = HashSet::with_capacity(records.len());
        let unknown: Vec<&Record<'_>> =
            records.iter().filter(|record| !self.holds(&record.id) && asked.insert(record.id)).collect();
        for part in unknown.chunks(LOOKUP_MAX) {
            let ids: Vec<ChunkId> = part.iter().map(|record| record.id).collect();
            let found = self.shared.index.find_live(&ids)?;
            let fresh: Vec<&Record<'_>> =
                part.iter().zip(found).filter(|(_, place)| place.is_none()).map(|(record, _)| *record).collect();
            self.append(&fresh)?;
        }
        Ok(())
    }

    /// Stores records without asking whether they are stored.
    pub(crate) fn append(&mut self, records: &[&Record<'_>]) -> Result<()> {
        let mut rest = records;
        while !rest.is_empty() {
            let target = self.shared.settings.pack_target_bytes;
            let open = self.open_pack()?;
            let fitting = open.room_for(rest, target);
            if fitting == 0 {
                self.start_sealing()?;
                continue;
            }
            let (now, later) = rest.split_at(fitting);
            let written = open.write(now)?;
            self.stored_bytes += written;
            rest = later;
        }
        Ok(())
    }

    /// Makes everything durable and known to the index.
    pub(crate) fn finish(&mut self) -> Result<()> {
        // the last pack names what is in the ones before, so these come first
        self.settle(0)?;
        self.start_sealing()?;
        self.settle(0)
    }

    /// Whether this sink has written the record, though the index may not know it yet.
    fn holds(&self, id: &ChunkId) -> bool {
        self.open.as_ref().is_some_and(|open| open.ids.contains(id))
            || self.sealing.iter().any(|sealing| sealing.ids.contains(id))
    }

    fn open_pack(&mut self) -> Result<&mut OpenPack> {
        let open = match self.open.take() {
            Some(open) => open,
            None => OpenPack::create(&self.shared, self.cold)?,
        };
        Ok(self.open.insert(open))
    }

    fn start_sealing(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        self.settle(SEALING_MAX - 1)?;
        let (shared, commit, cold) = (Arc::clone(&self.shared), Arc::clone(&self.commit), self.cold);
        let OpenPack { id, file, offset, entries, ids } = open;
        let seal = move || seal(&shared, &commit, PackHeader { id, cold }, file, offset, &entries);
        let done = thread::Builder::new()
            .name("pack-seal".to_owned())
            .spawn(seal)
            .map_err(|error| Error::new(Kind::Unavailable, "start a thread that seals a pack").with_source(error))?;
        self.sealing.push_back(Sealing { ids, done });
        Ok(())
    }

    /// Waits until at most `left` packs are being sealed.
    fn settle(&mut self, left: usize) -> Result<()> {
        while self.sealing.len() > left {
            let Some(oldest) = self.sealing.pop_front() else { break };
            oldest.done.join().map_err(|_| Error::new(Kind::Internal, "the thread that sealed a pack panicked"))??;
        }
        Ok(())
    }
}

impl Drop for Sink {
    /// Waits for packs that are being sealed, so that whoever protects them does so long enough.
    fn drop(&mut self) {
        // for each of them: one that failed says nothing of the next
        while !self.sealing.is_empty() {
            if let Err(error) = self.settle(self.sealing.len() - 1) {
                tracing::debug!(%error, "a pack of abandoned content was not sealed");
            }
        }
    }
}

fn seal(
    shared: &Shared,
    commit: &Commit,
    header: PackHeader,
    mut file: Box<dyn PackFile>,
    offset: u64,
    entries: &[PackEntry],
) -> Result<()> {
    let footer = pack::encode_footer(header.id, offset, entries);
    file.append(&mut [IoSlice::new(&footer)])?;
    file.seal()?;
    let info = PackInfo {
        id: header.id,
        sealed_at: shared.clock.now(),
        bytes: offset + footer.len() as u64,
        records: to_u32(entries.len()),
        content_bytes: entries.iter().map(|entry| u64::from(entry.len)).sum(),
        cold: header.cold,
        state: PackState::Sealed,
    };
    commit(shared, &info, entries)
}

impl OpenPack {
    fn create(shared: &Shared, cold: bool) -> Result<Self> {
        let id = PackId::new(shared.clock.now());
        let mut file = shared.backend.create(id)?;
        let header = PackHeader { id, cold }.encode();
        file.append(&mut [IoSlice::new(&header)])?;
        Ok(Self { id, file, offset: HEADER_BYTES as u64, entries: Vec::new(), ids: HashSet::new() })
    }

    /// How many of the first records fit; at least one into an empty pack.
    fn room_for(&self, records: &[&Record<'_>], target: u64) -> usize {
        let mut end = self.offset;
        let mut count = 0;
        for record in records {
            end += pack::record_span(record.stored_len());
            let full = end > target || self.entries.len() + count >= MAX_RECORDS as usize;
            if full && (count > 0 || !self.entries.is_empty()) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Appends the records in one write, and returns the bytes they take.
    fn write(&mut self, records: &[&Record<'_>]) -> Result<u64> {
        const PADDING: [u8; ALIGN_BYTES] = [0; ALIGN_BYTES];
        let begin = self.offset;
        let headers: Vec<[u8; RECORD_HEADER_BYTES]> = records.iter().map(|record| self.enter(record)).collect();
        let mut parts = Vec::with_capacity(records.len() * 3);
        for (record, header) in records.iter().zip(&headers) {
            parts.push(IoSlice::new(header));
            parts.push(IoSlice::new(&record.payload));
            let pad = record.payload.len().next_multiple_of(ALIGN_BYTES) - record.payload.len();
            if pad > 0 {
                parts.push(IoSlice::new(&PADDING[..pad]));
            }
        }
        self.file.append(&mut parts)?;
        Ok(self.offset - begin)
    }

    /// Notes a record as the next of the pack, and returns its header.
    fn enter(&mut self, record: &Record<'_>) -> [u8; RECORD_HEADER_BYTES] {
        let entry = PackEntry {
            id: record.id,
            ordinal: to_u32(self.entries.len()),
            offset: self.offset,
            stored_len: record.stored_len(),
            len: record.len,
            kind: record.kind,
            codec: record.codec,
            crc32: record.crc32,
        };
        self.offset += pack::record_span(entry.stored_len);
        self.ids.insert(entry.id);
        self.entries.push(entry);
        pack::encode_record_header(&entry)
    }
}
