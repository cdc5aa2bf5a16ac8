//! An older disk with some ranges replaced, on one thread: which windows and chunks stay, and what is cut again. A
//! chunk's end depends on the bytes since the chunk's beginning and on whether zeros follow, and on nothing else. So
//! cutting begins again at the chunk that a change touches or lengthens, and ends where a new cut falls on an old one:
//! from there to the next change everything is as it was. Never reads what it does not cut.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imprint_model::ChunkId;

use crate::batches::Takes;
use crate::chunk::{BLOCK_BYTES, WINDOW_BYTES};
use crate::error::{Error, Result};
use crate::ingest::{Finished, Ingest};
use crate::lease::LeaseGuard;
use crate::map::{Page, Root};
use crate::num::{to_u32, to_usize};
use crate::reader::{extent_of, window_of};
use crate::store::Shared;

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Part of the new content.
pub(crate) enum Change {
    /// Bytes at an offset.
    Bytes(u64, Bytes),
    /// Zeros at an offset: how many.
    Zeros(u64, u64),
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(offset, bytes) => write!(f, "{} bytes at {offset}", bytes.len()),
            Self::Zeros(offset, len) => write!(f, "{len} zeros at {offset}"),
        }
    }
}

/// The state of one disk being edited.
#[derive(Debug)]
pub(crate) struct Recut {
    shared: Arc<Shared>,
    base: Arc<Root>,
    size_bytes: u64,
    /// The window looked at last, and its page in the older map.
    window: Option<(u32, Page)>,
    /// The chunk read last: changes often lie close together.
    chunk: Option<(ChunkId, Bytes)>,
    read_bytes: u64,
    /// The window from which on it is open whether the older map's pages stay.
    undecided: u32,
    /// Bytes of chunks in pages of the older map that do not stay.
    gone_data_bytes: u64,
    /// Last, so that the lease in it is given back last.
    ingest: Ingest,
}

/// What comes next of the older disk.
enum Old {
    /// Zeros up to there.
    Hole(u64),
    /// The rest of a chunk.
    Chunk(Kept),
}

/// A chunk of the older disk.
#[derive(Clone, Copy)]
struct Kept {
    id: ChunkId,
    start: u64,
    end: u64,
    /// Whether it ends for no other reason than that zeros, or nothing, follow.
    cut_short: bool,
}

/// How far the older disk stays as it is.
#[derive(Clone, Copy)]
struct Until {
    end: u64,
    /// Whether what follows may lengthen a chunk that ends there.
    lengthens: bool,
}

impl Takes for Recut {
    type Input = Change;

    fn take(&mut self, batch: Vec<Change>) -> Result<()> {
        batch.into_iter().try_for_each(|change| match change {
            Change::Bytes(offset, bytes) => {
                if bytes.is_empty() {
                    return Ok(());
                }
                self.keep_until(Until { end: offset, lengthens: true })?;
                self.ingest.push(&bytes)
            }
            Change::Zeros(offset, len) => {
                if len == 0 {
                    return Ok(());
                }
                let whole = offset.is_multiple_of(BLOCK) && (len >= BLOCK || offset + len == self.size_bytes);
                self.keep_until(Until { end: offset, lengthens: !whole })?;
                self.ingest.push_zeros(len)
            }
        })
    }
}

impl Recut {
    pub(crate) fn new(shared: &Arc<Shared>, lease: LeaseGuard, base: Arc<Root>, size_bytes: u64) -> Self {
        Self {
            shared: Arc::clone(shared),
            base,
            size_bytes,
            window: None,
            chunk: None,
            read_bytes: 0,
            undecided: 0,
            gone_data_bytes: 0,
            ingest: Ingest::new(shared, lease),
        }
    }

    pub(crate) fn finish(mut self) -> Result<(Finished, LeaseGuard)> {
        self.keep_until(Until { end: self.size_bytes, lengthens: false })?;
        self.drop_pages_before(u32::MAX)?;
        self.ingest.count_kept(self.base.data_bytes().saturating_sub(self.gone_data_bytes));
        let (finished, lease) = self.ingest.finish_as(self.size_bytes)?;
        Ok((Finished { read_bytes: self.read_bytes, ..finished }, lease))
    }

    /// Goes on with the older disk.
    fn keep_until(&mut self, until: Until) -> Result<()> {
        let mut at_cut = self.ingest.settle()?;
        while self.ingest.position() < until.end {
            let at = self.ingest.position();
            let windows = window_of(at)..self.whole_windows_end(until.end);
            if at_cut && at.is_multiple_of(WINDOW_BYTES) && !windows.is_empty() {
                self.keep_windows(windows)?;
                continue;
            }
            let to = until.end.min((at / WINDOW_BYTES + 1) * WINDOW_BYTES);
            match self.old_at(at)? {
                Old::Hole(end) => {
                    let end = end.min(to);
                    let whole = if end == self.size_bytes { end } else { end - end % BLOCK };
                    if at_cut && whole > at {
                        self.ingest.pass_to(whole);
                        continue;
                    }
                    self.ingest.push_zeros(end - at)?;
                }
                Old::Chunk(chunk) => {
                    if at_cut && chunk.start == at && self.stays(&chunk, until) {
                        self.ingest.keep_chunk(at, to_u32(to_usize(chunk.end - at)), chunk.id);
                        continue;
                    }
                    let bytes = self.read(&chunk)?;
                    let part = to_usize(at - chunk.start)..to_usize(chunk.end.min(to) - chunk.start);
                    self.ingest.push(&bytes[part])?;
                }
            }
            at_cut = self.ingest.settle()?;
        }
        Ok(())
    }

    /// Whether a chunk that begins at a cut ends where it did.
    fn stays(&self, chunk: &Kept, until: Until) -> bool {
        if !chunk.end.is_multiple_of(BLOCK) {
            // its last block is the end of the disk
            return chunk.end == self.size_bytes && until.end == self.size_bytes;
        }
        // the first block that is not as it was
        let changed = if until.end == self.size_bytes { until.end } else { until.end - until.end % BLOCK };
        let lengthened = chunk.end == changed && until.lengthens && chunk.cut_short;
        chunk.end <= changed && !lengthened
    }

    /// The first window that cannot stay as a whole when nothing changes before `until`.
    fn whole_windows_end(&self, until: u64) -> u32 {
        let end = if until == self.size_bytes { until.div_ceil(WINDOW_BYTES) } else { until / WINDOW_BYTES };
        let old_end = self.base.size_bytes();
        let shorter = self.size_bytes < old_end && !self.size_bytes.is_multiple_of(WINDOW_BYTES);
        let filled_up = self.size_bytes > old_end && !old_end.is_multiple_of(BLOCK);
        let end = u32::try_from(end).expect("the size of disks is limited");
        if shorter || filled_up { end.min(window_of(old_end.min(self.size_bytes))) } else { end }
    }

    /// Takes the pages of windows over.
    fn keep_windows(&mut self, windows: Range<u32>) -> Result<()> {
        self.drop_pages_before(windows.start)?;
        self.ingest.keep_pages(self.base.pages_in(windows.clone()));
        self.undecided = windows.end;
        self.ingest.pass_to((u64::from(windows.end) * WINDOW_BYTES).min(self.size_bytes));
        Ok(())
    }

    /// Notes that pages of the older map do not stay.
    fn drop_pages_before(&mut self, window: u32) -> Result<()> {
        for (number, _) in self.base.clone().pages_in(self.undecided..window) {
            let old_end = self.base.size_bytes();
            let lens = self.page(number)?.entries.iter().map(|entry| {
                let extent = extent_of(number, entry, old_end);
                extent.end.saturating_sub(extent.start)
            });
            self.gone_data_bytes += lens.sum::<u64>();
        }
        self.undecided = window;
        Ok(())
    }

    /// What the older disk has at `offset`, within its window.
    fn old_at(&mut self, offset: u64) -> Result<Old> {
        let (window, old_end) = (window_of(offset), self.base.size_bytes());
        let longest = self.shared.chunk_size.max_blocks();
        let entries = &self.page(window)?.entries;
        let next = entries.partition_point(|entry| extent_of(window, entry, old_end).end <= offset);
        let Some(entry) = entries.get(next) else { return Ok(Old::Hole(u64::MAX)) };
        let Range { start, end } = extent_of(window, entry, old_end);
        if offset < start {
            return Ok(Old::Hole(start));
        }
        let followed = entries.get(next + 1).is_some_and(|next| extent_of(window, next, old_end).start == end);
        let at_window_end = end.is_multiple_of(WINDOW_BYTES);
        let cut_short = !followed && !at_window_end && u32::from(entry.blocks) < longest;
        Ok(Old::Chunk(Kept { id: entry.chunk, start, end, cut_short }))
    }

    /// The page of a window of the older map; one without entries for a window that is all hole.
    fn page(&mut self, window: u32) -> Result<&Page> {
        let page = match self.window.take() {
            Some((number, page)) if number == window => page,
            _ => match self.base.page(window) {
                Some(id) => Page::decode(&self.shared.fetch(id)?)?,
                None => Page::default(),
            },
        };
        Ok(&self.window.insert((window, page)).1)
    }

    fn read(&mut self, chunk: &Kept) -> Result<Bytes> {
        if let Some((id, bytes)) = &self.chunk
            && *id == chunk.id
        {
            return Ok(bytes.clone());
        }
        let bytes = self.shared.fetch(chunk.id)?;
        if bytes.len() as u64 != chunk.end - chunk.start {
            return Err(Error::corrupt(format!("a map gives chunk {} another length than it has", chunk.id)));
        }
        self.read_bytes += bytes.len() as u64;
        self.chunk = Some((chunk.id, bytes.clone()));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
