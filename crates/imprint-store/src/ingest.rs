//! From a stream of bytes to chunks, pages and a root, on one thread. Never waits for a sender.

use std::sync::Arc;

use imprint_model::ChunkId;

use crate::batches::Takes;
use crate::chunk::{self, BLOCK_BYTES, ChunkSize, Content, Cutter, Piece, WINDOW_BYTES};
use crate::error::Result;
use crate::lease::LeaseGuard;
use crate::map::{Page, PageEntry, Root};
use crate::num::to_usize;
use crate::pack::{Codec, RecordKind};
use crate::sink::{Record, Sink};
use crate::store::Shared;
use crate::writer::Input;

/// Bytes gathered before they are cut, looked up and written together: large enough that a look-up in a remote
/// index and a write to a file cost little per byte, small enough to stay near the processor.
const STAGE_BYTES: usize = 4 << 20;
/// Finished records that are kept until there are more of them, for the same reason: so many bytes, so many records.
const HELD_BYTES: usize = 1 << 20;
const HELD_COUNT: usize = 1024;

/// The state of one disk being written.
#[derive(Debug)]
pub(crate) struct Ingest {
    sink: Sink,
    chunk_size: ChunkSize,
    cutter: Cutter,
    builder: MapBuilder,
    /// Bytes from the cutter's position on.
    stage: Vec<u8>,
    pieces: Vec<Piece>,
    /// Finished, to be stored with what comes next.
    held: Vec<Record<'static>>,
    /// Last, so that it is given back after the sink has come to rest.
    lease: LeaseGuard,
}

/// What follows the bytes on the stage.
#[derive(Clone, Copy)]
enum Then {
    MoreBytes,
    ZeroBlocks(u64),
    End,
}

/// A finished map, still to be protected by its lease.
pub(crate) struct Finished {
    pub(crate) root_id: ChunkId,
    pub(crate) size_bytes: u64,
    pub(crate) data_bytes: u64,
    pub(crate) new_bytes: u64,
    pub(crate) read_bytes: u64,
}

impl Takes for Ingest {
    type Input = Input;

    fn take(&mut self, batch: Vec<Input>) -> Result<()> {
        for input in batch {
            match input {
                Input::Bytes(bytes) => self.push(&bytes)?,
                Input::Zeros(len) => self.push_zeros(len)?,
            }
        }
        Ok(())
    }
}

impl Ingest {
    pub(crate) fn new(shared: &Arc<Shared>, lease: LeaseGuard) -> Self {
        Self {
            sink: Sink::for_uploads(shared, lease.state()),
            chunk_size: shared.chunk_size,
            cutter: Cutter::new(shared.chunk_size),
            builder: MapBuilder::default(),
            stage: Vec::new(),
            pieces: Vec::new(),
            held: Vec::new(),
            lease,
        }
    }

    pub(crate) fn finish(self) -> Result<(Finished, LeaseGuard)> {
        let size_bytes = self.position();
        self.finish_as(size_bytes)
    }

    /// Ends a disk whose last bytes may be a hole that was passed over.
    pub(crate) fn finish_as(mut self, size_bytes: u64) -> Result<(Finished, LeaseGuard)> {
        self.cut(Then::End)?;
        let Self { lease, mut sink, builder, held, .. } = self;
        sink.put(&held)?;
        Ok((builder.finish(size_bytes, &mut sink)?, lease))
    }

    /// Bytes taken so far.
    pub(crate) fn position(&self) -> u64 {
        self.cutter.position() + self.stage.len() as u64
    }

    /// Cuts as far as can be told now; whether a piece ends with the last byte taken, whatever follows.
    pub(crate) fn settle(&mut self) -> Result<bool> {
        if !self.stage.is_empty() {
            self.cut(Then::MoreBytes)?;
        }
        Ok(self.stage.is_empty())
    }

    /// Passes over a hole, or over what is added by other means. Only where a piece ends.
    pub(crate) fn pass_to(&mut self, offset: u64) {
        assert!(self.stage.is_empty() && offset >= self.position(), "only ahead, and only between pieces");
        self.cutter = Cutter::at(self.chunk_size, offset);
    }

    /// Adds a chunk that is stored, and passes over it.
    pub(crate) fn keep_chunk(&mut self, offset: u64, len: u32, id: ChunkId) {
        self.held.extend(self.builder.add(offset, len, id));
        self.pass_to(offset + u64::from(len));
    }

    /// Adds pages that are stored, for windows not begun yet; their bytes of data are counted at the end.
    pub(crate) fn keep_pages(&mut self, pages: impl Iterator<Item = (u32, ChunkId)>) {
        self.held.extend(self.builder.close_page());
        self.builder.pages.extend(pages.map(|(window, page)| (window, page, 0)));
    }

    /// Counts bytes of chunks in pages that were kept.
    pub(crate) fn count_kept(&mut self, data_bytes: u64) {
        self.builder.kept_data_bytes += data_bytes;
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(STAGE_BYTES - self.stage.len()));
            self.stage.extend_from_slice(now);
            rest = later;
            if self.stage.len() == STAGE_BYTES {
                self.cut(Then::MoreBytes)?;
            }
        }
        Ok(())
    }

    pub(crate) fn push_zeros(&mut self, len: u64) -> Result<()> {
        let block = BLOCK_BYTES as u64;
        let position = self.position();
        let to_block = (position.next_multiple_of(block) - position).min(len);
        self.push(&vec![0; to_usize(to_block)])?;
        let blocks = (len - to_block) / block;
        if blocks > 0 {
            self.cut(Then::ZeroBlocks(blocks))?;
        }
        self.push(&vec![0; to_usize((len - to_block) % block)])
    }

    /// Cuts what is on the stage, stores the finished chunks and pages, and keeps the rest.
    fn cut(&mut self, then: Then) -> Result<()> {
        let Self { sink, cutter, builder, stage, pieces, held, .. } = self;
        pieces.clear();
        let begin = cutter.position();
        let mut done = cutter.feed(stage, matches!(then, Then::End), pieces);
        if let Then::ZeroBlocks(blocks) = then {
            cutter.skip(stage.len() - done, blocks, pieces);
            done = stage.len();
        }
        let mut records: Vec<Record<'_>> = std::mem::take(held);
        for piece in pieces.iter() {
            let Content::Data { crc32 } = piece.content else { continue };
            let from = to_usize(piece.offset - begin);
            let bytes = &stage[from..from + piece.len as usize];
            let id = chunk::name(bytes);
            let (kind, codec, payload) = (RecordKind::Data, Codec::Plain, bytes.into());
            records.extend(builder.add(piece.offset, piece.len, id));
            records.push(Record { id, kind, codec, len: piece.len, payload, crc32 });
        }
        let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
        if bytes < HELD_BYTES && records.len() < HELD_COUNT {
            *held = records.into_iter().map(Record::into_owned).collect();
        } else {
            sink.put(&records)?;
            drop(records);
        }
        stage.drain(..done);
        Ok(())
    }
}

/// Gathers chunks into pages and pages into a root.
#[derive(Debug, Default)]
pub(crate) struct MapBuilder {
    window: u32,
    page: Page,
    page_data_bytes: u64,
    pages: Vec<(u32, ChunkId, u64)>,
    /// Bytes of chunks in pages that were added as they were.
    kept_data_bytes: u64,
}

impl MapBuilder {
    /// Adds the next chunk; returns the page of the window before when the chunk begins another.
    pub(crate) fn add(&mut self, offset: u64, len: u32, id: ChunkId) -> Option<Record<'static>> {
        let window = u32::try_from(offset / WINDOW_BYTES).expect("the size of disks is limited");
        let finished = if window == self.window { None } else { self.close_page() };
        self.window = window;
        let block = BLOCK_BYTES as u64;
        let start = u16::try_from(offset % WINDOW_BYTES / block).expect("a window has 16384 blocks");
        let blocks = u16::try_from(u64::from(len).div_ceil(block)).expect("chunks are shorter than windows");
        self.page.entries.push(PageEntry { start, blocks, chunk: id });
        self.page_data_bytes += u64::from(len);
        finished
    }

    /// Stores the last page and the root, and makes the sink durable.
    pub(crate) fn finish(mut self, size_bytes: u64, sink: &mut Sink) -> Result<Finished> {
        let mut records: Vec<Record<'_>> = self.close_page().into_iter().collect();
        let mut root = Root::new(size_bytes)?;
        for (window, page, data_bytes) in &self.pages {
            root.push(*window, *page, *data_bytes);
        }
        root.add_data_bytes(self.kept_data_bytes);
        let record = Record::new(RecordKind::Root, root.encode());
        let root_id = record.id;
        records.push(record);
        sink.put(&records)?;
        sink.finish()?;
        let (data_bytes, new_bytes) = (root.data_bytes(), sink.stored_bytes());
        Ok(Finished { root_id, size_bytes, data_bytes, new_bytes, read_bytes: 0 })
    }

    fn close_page(&mut self) -> Option<Record<'static>> {
        if self.page.entries.is_empty() {
            return None;
        }
        let record = Record::new(RecordKind::Page, std::mem::take(&mut self.page).encode());
        self.pages.push((self.window, record.id, std::mem::take(&mut self.page_data_bytes)));
        Some(record)
    }
}
