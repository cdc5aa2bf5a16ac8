//! How a disk's map is written: a page says which chunk holds which blocks of a window, a root says which page
//! covers which window. One content has one encoding, so a map's name names the content. Pure encoding and
//! decoding, specified in `docs/formats/{page,root}.md` and pinned by golden bytes. Never does I/O.

use std::ops::Range;

use imprint_model::{ChunkId, DIGEST_BYTES, MapId};

use crate::chunk::{BLOCK_BYTES, ChunkSize, WINDOW_BLOCKS, WINDOW_BYTES};
use crate::error::{Error, Result};
use crate::num::to_u32;

/// The greatest disk, in bytes: 64 TiB.
pub const MAX_DISK_BYTES: u64 = 64 << 40;
/// Bytes of the greatest root: every window in use, or every other one (a run for each).
pub const MAX_ROOT_BYTES: u32 = 40 << 20;
/// Bytes of the greatest page: an entry for every block.
pub const MAX_PAGE_BYTES: u32 = 12 + 16_384 * 36;

const PAGE_MAGIC: [u8; 4] = *b"IMPG";
const ROOT_MAGIC: [u8; 4] = *b"IMRT";
const VERSION: u8 = 1;
const PAGE_HEADER_BYTES: usize = 12;
const PAGE_ENTRY_BYTES: usize = 4 + DIGEST_BYTES;
const ROOT_HEADER_BYTES: usize = 32;
const RUN_HEADER_BYTES: usize = 8;
const BLOCK_LOG2: u8 = 12;
const WINDOW_LOG2: u8 = 26;

/// One chunk in a window. Blocks that no entry covers are a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageEntry {
    /// First block, counted from the beginning of the window.
    pub start: u16,
    /// How many blocks; the last may be short where the disk ends.
    pub blocks: u16,
    /// The chunk.
    pub chunk: ChunkId,
}

/// What one window of a disk holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Chunks by ascending first block, without overlap.
    pub entries: Vec<PageEntry>,
}

impl Page {
    /// The page's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE_HEADER_BYTES + self.entries.len() * PAGE_ENTRY_BYTES);
        out.extend_from_slice(&PAGE_MAGIC);
        out.extend_from_slice(&[VERSION, BLOCK_LOG2, WINDOW_LOG2, 0]);
        out.extend_from_slice(&to_u32(self.entries.len()).to_le_bytes());
        for entry in &self.entries {
            out.extend_from_slice(&entry.start.to_le_bytes());
            out.extend_from_slice(&entry.blocks.to_le_bytes());
            out.extend_from_slice(&entry.chunk.0);
        }
        out
    }

    /// Reads a page.
    ///
    /// # Errors
    /// [`Kind::Corrupt`](crate::Kind::Corrupt) for anything [`encode`](Self::encode) would not write.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut input = Input(bytes);
        let count = input
            .prefix(PAGE_MAGIC, [VERSION, BLOCK_LOG2, WINDOW_LOG2, 0])
            .and_then(|()| input.u32())
            .filter(|&count| input.0.len() as u64 == u64::from(count) * PAGE_ENTRY_BYTES as u64)
            .filter(|count| (1..=WINDOW_BLOCKS).contains(count))
            .ok_or_else(|| Error::corrupt("map page is no page of a known version"))?;
        let mut entries = Vec::with_capacity(count as usize);
        let mut end = 0;
        while let Some(entry) = input.entry() {
            let start = u32::from(entry.start);
            if start < end || entry.blocks == 0 || u32::from(entry.blocks) > max_blocks() {
                return Err(Error::corrupt("map page has impossible extents"));
            }
            end = start + u32::from(entry.blocks);
            entries.push(entry);
        }
        if end > WINDOW_BLOCKS {
            return Err(Error::corrupt("map page reaches beyond its window"));
        }
        Ok(Self { entries })
    }
}

fn max_blocks() -> u32 {
    ChunkSize::MAX_BYTES / to_u32(BLOCK_BYTES)
}

/// Consecutive windows that all have a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    first: u32,
    pages: Vec<ChunkId>,
}

/// A whole disk: its size, and the page of every window that is not all hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    size_bytes: u64,
    data_bytes: u64,
    runs: Vec<Run>,
}

impl Root {
    /// The root of a disk of `size_bytes` (at most [`MAX_DISK_BYTES`]) without any data yet.
    ///
    /// # Errors
    /// [`Kind::Invalid`](crate::Kind::Invalid) when the disk is too large.
    pub fn new(size_bytes: u64) -> Result<Self> {
        if size_bytes > MAX_DISK_BYTES {
            return Err(Error::invalid(format!("a disk of {size_bytes} bytes; the greatest has {MAX_DISK_BYTES}")));
        }
        Ok(Self { size_bytes, data_bytes: 0, runs: Vec::new() })
    }

    /// Adds the page of a window behind all windows added before; `data_bytes` are the bytes of its chunks.
    pub fn push(&mut self, window: u32, page: ChunkId, data_bytes: u64) {
        self.data_bytes += data_bytes;
        match self.runs.last_mut() {
            Some(run) if run.first + to_u32(run.pages.len()) == window => run.pages.push(page),
            last => {
                assert!(last.is_none_or(|run| run.first < window), "windows are added in ascending order");
                self.runs.push(Run { first: window, pages: vec![page] });
            }
        }
    }

    /// Counts bytes of chunks in pages that were added without them.
    pub(crate) fn add_data_bytes(&mut self, data_bytes: u64) {
        self.data_bytes += data_bytes;
    }

    /// The disk's size.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Bytes of the disk that are in chunks, the rest being holes.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// The page of a window, or `None` when the window is all hole.
    pub fn page(&self, window: u32) -> Option<ChunkId> {
        let after = self.runs.partition_point(|run| run.first <= window);
        let run = &self.runs[after.checked_sub(1)?];
        run.pages.get((window - run.first) as usize).copied()
    }

    /// All windows that have a page, ascending.
    pub fn pages(&self) -> impl Iterator<Item = (u32, ChunkId)> + '_ {
        self.runs.iter().flat_map(|run| (run.first..).zip(run.pages.iter().copied()))
    }

    /// The windows of a range that have a page, ascending.
    pub(crate) fn pages_in(&self, windows: Range<u32>) -> impl Iterator<Item = (u32, ChunkId)> + '_ {
        let end_of = |run: &Run| run.first + to_u32(run.pages.len());
        let first = self.runs.partition_point(|run| end_of(run) <= windows.start);
        self.runs[first..].iter().take_while(move |run| run.first < windows.end).flat_map(move |run| {
            let from = windows.start.max(run.first);
            let to = windows.end.min(end_of(run));
            let pages = &run.pages[(from - run.first) as usize..(to - run.first) as usize];
            (from..).zip(pages.iter().copied())
        })
    }

    /// Length of [`encode`](Self::encode)'s result.
    pub fn encoded_len(&self) -> usize {
        let runs: usize = self.runs.iter().map(|run| RUN_HEADER_BYTES + run.pages.len() * DIGEST_BYTES).sum();
        ROOT_HEADER_BYTES + runs
    }

    /// The root's bytes; their BLAKE3 is the map's name.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        out.extend_from_slice(&ROOT_MAGIC);
        out.extend_from_slice(&[VERSION, BLOCK_LOG2, WINDOW_LOG2, 0]);
        out.extend_from_slice(&self.size_bytes.to_le_bytes());
        out.extend_from_slice(&self.data_bytes.to_le_bytes());
        out.extend_from_slice(&to_u32(self.runs.len()).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for run in &self.runs {
            out.extend_from_slice(&run.first.to_le_bytes());
            out.extend_from_slice(&to_u32(run.pages.len()).to_le_bytes());
            for page in &run.pages {
                out.extend_from_slice(&page.0);
            }
        }
        out
    }

    /// Reads a root.
    ///
    /// # Errors
    /// [`Kind::Corrupt`](crate::Kind::Corrupt) for anything [`encode`](Self::encode) would not write.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut input = Input(bytes);
        let head = |input: &mut Input<'_>| {
            input.prefix(ROOT_MAGIC, [VERSION, BLOCK_LOG2, WINDOW_LOG2, 0])?;
            let (size_bytes, data_bytes) = (input.u64()?, input.u64()?);
            Some((size_bytes, data_bytes, input.u32()?, input.u32()?))
        };
        let (size_bytes, data_bytes, count, zero) =
            head(&mut input).ok_or_else(|| Error::corrupt("map root is no root of a known version"))?;
        if size_bytes > MAX_DISK_BYTES || data_bytes > size_bytes || zero != 0 {
            return Err(Error::corrupt("map root has an impossible size"));
        }
        let windows = size_bytes.div_ceil(WINDOW_BYTES);
        let mut root = Self { size_bytes, data_bytes, runs: Vec::new() };
        let mut free_from = 0;
        for _ in 0..count {
            let run = input.run().ok_or_else(|| Error::corrupt("map root ends early"))?;
            let end = u64::from(run.first) + run.pages.len() as u64;
            let touches = !root.runs.is_empty() && u64::from(run.first) == free_from;
            if run.pages.is_empty() || u64::from(run.first) < free_from || touches || end > windows {
                return Err(Error::corrupt("map root has impossible windows"));
            }
            free_from = end;
            root.runs.push(run);
        }
        if !input.0.is_empty() {
            return Err(Error::corrupt("map root is followed by other bytes"));
        }
        Ok(root)
    }
}

/// The name of a map: the digest of its root's bytes.
pub fn map_id(root_id: ChunkId) -> MapId {
    MapId(root_id.0)
}

/// The record that holds a map's root.
pub fn root_id(map: MapId) -> ChunkId {
    ChunkId(map.0)
}

/// What is left to read; every method takes from the front.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn prefix(&mut self, magic: [u8; 4], form: [u8; 4]) -> Option<()> {
        (self.take()? == magic && self.take()? == form).then_some(())
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take()?))
    }

    fn entry(&mut self) -> Option<PageEntry> {
        let start = u16::from_le_bytes(self.take()?);
        let blocks = u16::from_le_bytes(self.take()?);
        Some(PageEntry { start, blocks, chunk: ChunkId(self.take()?) })
    }

    fn run(&mut self) -> Option<Run> {
        let (first, count) = (self.u32()?, self.u32()? as usize);
        // never more than the bytes that are really there
        if count > self.0.len() / DIGEST_BYTES {
            return None;
        }
        let pages = (0..count).map(|_| self.take().map(ChunkId)).collect::<Option<_>>()?;
        Some(Run { first, pages })
    }
}

#[cfg(test)]
mod tests;
