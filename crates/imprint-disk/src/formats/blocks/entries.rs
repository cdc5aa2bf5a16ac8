//! A table that is computed as it is read.

use std::io;

use crate::{ReadAt, past_the_end};

/// Entries of `N` bytes, each a function of its index.
pub(crate) struct Entries<const N: usize, F> {
    count: u64,
    entry: F,
}

impl<const N: usize, F: Fn(u64) -> [u8; N]> Entries<N, F> {
    const BYTES: u64 = N as u64;

    /// A table of `count` entries.
    pub(crate) fn new(count: u64, entry: F) -> Entries<N, F> {
        Entries { count, entry }
    }
}

impl<const N: usize, F: Fn(u64) -> [u8; N] + Send + Sync> ReadAt for Entries<N, F> {
    fn size_bytes(&self) -> u64 {
        self.count * Self::BYTES
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size_bytes()).ok_or_else(past_the_end)?;
        let mut index = offset / Self::BYTES;
        let mut within = usize::try_from(offset % Self::BYTES).map_err(|_| past_the_end())?;
        while !buf.is_empty() {
            let entry = (self.entry)(index);
            let entry = &entry[within..];
            let (now, later) = buf.split_at_mut(entry.len().min(buf.len()));
            now.copy_from_slice(&entry[..now.len()]);
            buf = later;
            index += 1;
            within = 0;
        }
        Ok(())
    }
}
