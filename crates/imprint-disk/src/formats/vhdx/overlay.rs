//! A file with changes laid over it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::{ReadAt, Run, RunKind, past_the_end};

const PAGE_BYTES: usize = 4096;

/// What a stretch of the file is replaced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    /// Zeros.
    Zeros,
    /// A page kept in the log, whose first eight and last four bytes are elsewhere: there the log has marks of its own.
    Page {
        leading: [u8; 8],
        trailing: [u8; 4],
        /// Where in the file the page is kept.
        stored_at: u64,
    },
}

/// The changed file. Patches are whole pages at multiples of the page size.
pub(super) struct Overlay {
    file: Arc<dyn ReadAt>,
    size: u64,
    /// Not overlapping: start, and end with what is there.
    patches: BTreeMap<u64, (u64, Patch)>,
}

impl Overlay {
    /// The file as it is, and zeros behind it up to `size`.
    pub(super) fn new(file: Arc<dyn ReadAt>, size: u64) -> Overlay {
        Overlay { file, size, patches: BTreeMap::new() }
    }

    /// How many patches there are.
    pub(super) fn patches(&self) -> usize {
        self.patches.len()
    }

    /// Replaces `len` bytes at `at`, earlier replacements included.
    pub(super) fn put(&mut self, at: u64, len: u64, patch: Patch) {
        if len == 0 {
            return;
        }
        let end = at.saturating_add(len);
        // pages cannot be cut by other pages: only zeros reach across
        if let Some((&start, &(old_end, old))) = self.patches.range(..at).next_back()
            && old_end > at
        {
            self.patches.insert(start, (at, old));
            if old_end > end {
                self.patches.insert(end, (old_end, old));
            }
        }
        let covered: Vec<u64> = self.patches.range(at..end).map(|(&start, _)| start).collect();
        for start in covered {
            if let Some((old_end, old)) = self.patches.remove(&start)
                && old_end > end
            {
                self.patches.insert(end, (old_end, old));
            }
        }
        self.patches.insert(at, (end, patch));
    }

    /// The patch that `offset` lies in, with its bounds.
    fn patch_at(&self, offset: u64) -> Option<(u64, u64, Patch)> {
        let (&start, &(end, patch)) = self.patches.range(..=offset).next_back()?;
        (end > offset).then_some((start, end, patch))
    }

    /// Where the first patch behind `offset` begins, or the end.
    fn next_patch(&self, offset: u64) -> u64 {
        self.patches.range(offset.saturating_add(1)..).next().map_or(self.size, |(&start, _)| start.min(self.size))
    }

    /// Fills `buf` from the file itself, with zeros behind its end.
    fn read_below(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let left = self.file.size_bytes().saturating_sub(offset);
        let inside = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let (data, behind) = buf.split_at_mut(inside);
        behind.fill(0);
        if data.is_empty() { Ok(()) } else { self.file.read_at(offset, data) }
    }

    /// Fills `buf` from `within` a patch on.
    fn read_patch(&self, patch: Patch, within: u64, buf: &mut [u8]) -> io::Result<()> {
        let Patch::Page { leading, trailing, stored_at } = patch else {
            buf.fill(0);
            return Ok(());
        };
        let mut page = [0; PAGE_BYTES];
        self.file.read_at(stored_at, &mut page)?;
        page[..8].copy_from_slice(&leading);
        page[PAGE_BYTES - 4..].copy_from_slice(&trailing);
        let start = usize::try_from(within).map_err(|_| past_the_end())?;
        buf.copy_from_slice(page.get(start..start + buf.len()).ok_or_else(past_the_end)?);
        Ok(())
    }
}

impl ReadAt for Overlay {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        let mut at = offset;
        while !buf.is_empty() {
            let patch = self.patch_at(at);
            let end = patch.map_or_else(|| self.next_patch(at), |(_, end, _)| end);
            let len = usize::try_from(end - at).map_or(buf.len(), |len| len.min(buf.len()));
            let (now, later) = buf.split_at_mut(len);
            match patch {
                Some((start, _, patch)) => self.read_patch(patch, at - start, now)?,
                None => self.read_below(at, now)?,
            }
            at += len as u64;
            buf = later;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        if offset >= self.size {
            return Err(past_the_end());
        }
        if let Some((_, end, patch)) = self.patch_at(offset) {
            let kind = if patch == Patch::Zeros { RunKind::Zero } else { RunKind::Data };
            return Ok(Run { len: end.min(self.size) - offset, kind });
        }
        let left = self.next_patch(offset) - offset;
        if offset >= self.file.size_bytes() {
            return Ok(Run { len: left, kind: RunKind::Zero });
        }
        let run = self.file.run_at(offset)?;
        Ok(Run { len: run.len.min(left), ..run })
    }
}
