//! The bytes that readers of a disk see: read once, charged to the budget, cut to a volume.

use std::io;
use std::sync::Arc;

use imprint_disk::{ReadAt, Run, past_the_end};
use quick_cache::sync::Cache;

use crate::budget::Budget;

/// What is read from below at once: the usual unit of formats that compress, so that a unit is unpacked once.
const BLOCK_BYTES: u64 = 64 << 10;
/// How many blocks are kept: 48 MiB.
const BLOCKS_MAX: usize = 768;
/// Reads from this size on are of files' contents: they pass the cache by.
const LARGE_BYTES: usize = 256 << 10;

/// A disk whose blocks are kept, and whose reading counts.
pub(crate) struct Cached {
    below: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    blocks: Cache<u64, Arc<[u8]>>,
}

impl Cached {
    pub(crate) fn new(below: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Cached {
        Cached { below, budget, blocks: Cache::new(BLOCKS_MAX) }
    }

    fn block(&self, number: u64) -> io::Result<Arc<[u8]>> {
        if let Some(block) = self.blocks.get(&number) {
            return Ok(block);
        }
        let start = number * BLOCK_BYTES;
        let len = BLOCK_BYTES.min(self.below.size_bytes().saturating_sub(start));
        self.budget.read(len).map_err(io::Error::other)?;
        let mut block = vec![0; usize::try_from(len).map_err(|_| past_the_end())?];
        self.below.read_at(start, &mut block)?;
        let block: Arc<[u8]> = block.into();
        self.blocks.insert(number, block.clone());
        Ok(block)
    }
}

impl ReadAt for Cached {
    fn size_bytes(&self) -> u64 {
        self.below.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.budget.step().map_err(io::Error::other)?;
        let end = offset.checked_add(buf.len() as u64).ok_or_else(past_the_end)?;
        if end > self.size_bytes() {
            return Err(past_the_end());
        }
        if buf.len() >= LARGE_BYTES {
            self.budget.read(buf.len() as u64).map_err(io::Error::other)?;
            return self.below.read_at(offset, buf);
        }
        let mut done = 0;
        while done < buf.len() {
            let at = offset + done as u64;
            let block = self.block(at / BLOCK_BYTES)?;
            let within = usize::try_from(at % BLOCK_BYTES).expect("a block fits memory");
            let part = block.get(within..).ok_or_else(past_the_end)?;
            let len = part.len().min(buf.len() - done);
            if len == 0 {
                return Err(past_the_end());
            }
            buf[done..done + len].copy_from_slice(&part[..len]);
            done += len;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        self.below.run_at(offset)
    }
}

/// A stretch of other bytes.
pub(crate) struct Window {
    below: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl Window {
    /// As much of the stretch as there is.
    pub(crate) fn new(below: Arc<dyn ReadAt>, start: u64, len: u64) -> Window {
        let size = below.size_bytes();
        let start = start.min(size);
        Window { len: len.min(size - start), below, start }
    }
}

impl ReadAt for Window {
    fn size_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).ok_or_else(past_the_end)?;
        if end > self.len {
            return Err(past_the_end());
        }
        self.below.read_at(self.start + offset, buf)
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let left = self.len.checked_sub(offset).filter(|left| *left > 0).ok_or_else(past_the_end)?;
        let run = self.below.run_at(self.start + offset)?;
        Ok(Run { len: run.len.min(left), ..run })
    }
}

/// Reads so many bytes, fewer when the source ends before.
pub(crate) fn read_up_to(source: &dyn ReadAt, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let left = source.size_bytes().saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(len)];
    if !bytes.is_empty() {
        source.read_at(offset, &mut bytes)?;
    }
    Ok(bytes)
}

/// Reads exactly so many bytes.
pub(crate) fn read_exact(source: &dyn ReadAt, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    if offset.checked_add(len as u64).is_none_or(|end| end > source.size_bytes()) {
        return Err(past_the_end());
    }
    let mut bytes = vec![0; len];
    source.read_at(offset, &mut bytes)?;
    Ok(bytes)
}
