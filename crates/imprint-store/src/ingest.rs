//! From a stream of bytes to chunks, pages and a root, on one thread. Never waits for a sender.

use std::sync::Arc;

use imprint_model::ChunkId;

use crate::chunk::{self, BLOCK_BYTES, Content, Cutter, Piece, WINDOW_BYTES};
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

/// The state of one disk being written.
#[derive(Debug)]
pub(crate) struct Ingest {
    sink: Sink,
    cutter: Cutter,
    builder: MapBuilder,
    /// Bytes from the cutter's position on.
    stage: Vec<u8>,
    pieces: Vec<Piece>,
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
}

impl Ingest {
    pub(crate) fn new(shared: &Arc<Shared>, lease: LeaseGuard) -> Self {
        Self {
            sink: Sink::for_uploads(shared, lease.state()),
            cutter: Cutter::new(shared.chunk_size),
            builder: MapBuilder::default(),
            stage: Vec::new(),
            pieces: Vec::new(),
            lease,
        }
    }

    pub(crate) fn take(&mut self, batch: Vec<Input>) -> Result<()> {
        for input in batch {
            match input {
                Input::Bytes(bytes) => self.push(&bytes)?,
                Input::Zeros(len) => self.push_zeros(len)?,
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<(Finished, LeaseGuard)> {
        self.cut(Then::End)?;
        let Self { lease, mut sink, cutter, builder, .. } = self;
        Ok((builder.finish(cutter.position(), &mut sink)?, lease))
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
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

    fn push_zeros(&mut self, len: u64) -> Result<()> {
        let block = BLOCK_BYTES as u64;
        let position = self.cutter.position() + self.stage.len() as u64;
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
        let Self { sink, cutter, builder, stage, pieces, .. } = self;
        pieces.clear();
        let begin = cutter.position();
        let mut done = cutter.feed(stage, matches!(then, Then::End), pieces);
        if let Then::ZeroBlocks(blocks) = then {
            cutter.skip(stage.len() - done, blocks, pieces);
            done = stage.len();
        }
        let mut records = Vec::with_capacity(pieces.len() + 1);
        for piece in pieces.iter() {
            let Content::Data { crc32 } = piece.content else { continue };
            let from = to_usize(piece.offset - begin);
            let bytes = &stage[from..from + piece.len as usize];
            let id = chunk::name(bytes);
            let (kind, codec, payload) = (RecordKind::Data, Codec::Plain, bytes.into());
            records.extend(builder.add(piece.offset, piece.len, id));
            records.push(Record { id, kind, codec, len: piece.len, payload, crc32 });
        }
        sink.put(&records)?;
        drop(records);
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
        let record = Record::new(RecordKind::Root, root.encode());
        let root_id = record.id;
        records.push(record);
        sink.put(&records)?;
        sink.finish()?;
        let (data_bytes, new_bytes) = (root.data_bytes(), sink.stored_bytes());
        Ok(Finished { root_id, size_bytes, data_bytes, new_bytes })
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
