//! A table of fixed-size entries in a file, read page by page: a table may be hundreds of megabytes long.

use std::io;
use std::sync::Arc;

use crate::recent::Recent;
use crate::{ReadAt, corrupt};

const PAGE_BYTES: u64 = 32 * 1024;
/// At most 1 MiB of a table is held.
const PAGES_KEPT: usize = 32;
/// No table of a disk that is accepted is longer; longer ones would only cost time.
pub(crate) const TABLE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Entries of `N` bytes each, from one place of a file on.
pub(crate) struct Table<const N: usize> {
    at: u64,
    entries: u64,
    pages: Recent<Arc<[u8]>>,
}

impl<const N: usize> Table<N> {
    const ENTRY_BYTES: u64 = N as u64;

    /// A table of `entries` entries at `at`; nothing is read yet. The caller has checked that it lies in the file.
    pub(crate) fn new(at: u64, entries: u64) -> Table<N> {
        Table { at, entries, pages: Recent::new(PAGES_KEPT) }
    }

    /// The entry of that index.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for an index behind the table, and what the file answers.
    pub(crate) fn entry(&self, file: &dyn ReadAt, index: u64) -> io::Result<[u8; N]> {
        if index >= self.entries {
            return Err(corrupt("the block table is too short"));
        }
        let per_page = PAGE_BYTES / Self::ENTRY_BYTES;
        let page = self.page(file, index / per_page)?;
        let at = usize::try_from(index % per_page).map_err(|_| corrupt("the block table is too short"))? * N;
        crate::fields::array(&page, at).ok_or_else(|| corrupt("the block table is too short"))
    }

    /// What the entry of that index is (`kind` tells), and how many entries from it on are the same, as far as the page
    /// that it stands on goes.
    ///
    /// # Errors
    /// As [`Table::entry`].
    pub(crate) fn alike<K: PartialEq>(
        &self,
        file: &dyn ReadAt,
        index: u64,
        kind: impl Fn([u8; N]) -> K,
    ) -> io::Result<(K, u64)> {
        let first = kind(self.entry(file, index)?);
        let per_page = PAGE_BYTES / Self::ENTRY_BYTES;
        let page = self.page(file, index / per_page)?;
        let at = usize::try_from(index % per_page).map_err(|_| corrupt("the block table is too short"))?;
        let rest = page.as_chunks::<N>().0.get(at..).unwrap_or_default();
        let alike = rest.iter().take_while(|entry| kind(**entry) == first).count();
        Ok((first, alike as u64))
    }

    /// Shows every entry once, in order, without keeping any.
    ///
    /// # Errors
    /// What the file and `look` answer.
    pub(crate) fn for_each<E: From<io::Error>>(
        &self,
        file: &dyn ReadAt,
        mut look: impl FnMut(u64, [u8; N]) -> Result<(), E>,
    ) -> Result<(), E> {
        let per_page = PAGE_BYTES / Self::ENTRY_BYTES;
        for number in 0..self.entries.div_ceil(per_page) {
            let page = self.load(file, number)?;
            for (index, entry) in (number * per_page..).zip(page.as_chunks::<N>().0) {
                look(index, *entry)?;
            }
        }
        Ok(())
    }

    fn page(&self, file: &dyn ReadAt, number: u64) -> io::Result<Arc<[u8]>> {
        if let Some(page) = self.pages.get(number) {
            return Ok(page);
        }
        let page = self.load(file, number)?;
        self.pages.put(number, Arc::clone(&page));
        Ok(page)
    }

    fn load(&self, file: &dyn ReadAt, number: u64) -> io::Result<Arc<[u8]>> {
        let per_page = PAGE_BYTES / Self::ENTRY_BYTES;
        let entries = self.entries.saturating_sub(number * per_page).min(per_page);
        let bytes = usize::try_from(entries * Self::ENTRY_BYTES).map_err(|_| corrupt("the block table is too long"))?;
        let mut page = vec![0; bytes];
        file.read_at(self.at + number * per_page * Self::ENTRY_BYTES, &mut page)?;
        Ok(page.into())
    }
}
