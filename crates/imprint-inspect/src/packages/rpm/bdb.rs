//! Berkeley DB's hash, as rpm used it until 4.16 (`Packages`): pages of keys and headers.
//!
//! The buckets do not matter here: every page in use says that it holds pairs, so the pages are read one after the
//! other. Numbers have the byte order of the machine that wrote the file.

use super::{Collected, HEADER_BYTES_MAX, Whole, add};
use crate::error::{Error, Result};
use crate::fields::{be16, be32, le16, le32};
use crate::guest_file::Bytes;

const MAGIC: u32 = 0x0006_1561;

/// Places in the first page.
const META_BYTES: usize = 96;
const META_MAGIC: usize = 12;
const META_PAGE_BYTES: usize = 20;
const META_ENCRYPTION: usize = 24;
const META_LAST_PAGE: usize = 32;

/// Places in every other page: number of the next page of a chain, count of items (or, in a chain, bytes of data here
/// in the field after it), type.
const PAGE_HEADER_BYTES: usize = 26;
const PAGE_NEXT: usize = 16;
const PAGE_ITEMS: usize = 20;
const PAGE_DATA_BYTES: usize = 22;
const PAGE_TYPE: usize = 25;

/// Types of page that matter.
const TYPE_HASH_UNSORTED: u8 = 2;
const TYPE_OVERFLOW: u8 = 7;
const TYPE_HASH: u8 = 13;

/// Types of item.
const ITEM_HERE: u8 = 1;
const ITEM_CHAIN: u8 = 3;

/// The least header: two counts.
const HEADER_BYTES_MIN: usize = 8;

/// A file, its page length and byte order.
struct Pages<'a> {
    file: &'a dyn Bytes,
    page_bytes: usize,
    last: u32,
    big_endian: bool,
}

/// Adds all packages.
pub(super) fn read(file: &dyn Bytes, found: &mut Collected<'_>) -> Result<()> {
    let pages = Pages::open(file)?;
    let mut page = vec![0; pages.page_bytes];
    // no page belongs to two chains, so all chains together are no longer than the file
    let mut chain_pages_left = pages.last;
    for number in 1..=pages.last {
        found.budget.step()?;
        pages.read(number, &mut page)?;
        if !matches!(page[PAGE_TYPE], TYPE_HASH | TYPE_HASH_UNSORTED) {
            continue;
        }
        pages.values(&page, &mut chain_pages_left, found)?;
    }
    Ok(())
}

impl Pages<'_> {
    fn open(file: &dyn Bytes) -> Result<Pages<'_>> {
        let mut meta = [0; META_BYTES];
        file.read_at(0, &mut meta)?;
        let big_endian = match (le32(&meta, META_MAGIC)?, be32(&meta, META_MAGIC)?) {
            (MAGIC, _) => false,
            (_, MAGIC) => true,
            _ => return Err(Error::corrupt("Packages does not begin as a hash of Berkeley DB")),
        };
        if meta[META_ENCRYPTION] != 0 {
            return Err(Error::Unsupported("an encrypted database".to_owned()));
        }
        let mut pages = Pages { file, page_bytes: 0, last: 0, big_endian };
        let page_bytes = pages.u32(&meta, META_PAGE_BYTES)?;
        if !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
            return Err(Error::corrupt("the page length of Packages"));
        }
        pages.page_bytes = page_bytes as usize;
        let in_file = u32::try_from(file.size_bytes() / u64::from(page_bytes)).unwrap_or(u32::MAX);
        pages.last = pages.u32(&meta, META_LAST_PAGE)?.min(in_file.saturating_sub(1));
        Ok(pages)
    }

    fn read(&self, number: u32, page: &mut [u8]) -> Result<()> {
        self.file.read_at(u64::from(number) * self.page_bytes as u64, page)
    }

    /// Adds the values of a page of pairs. A key is the number of a package; what stands under number 0 is the next free
    /// number, and too short to be a header.
    fn values(&self, page: &[u8], chain_pages_left: &mut u32, found: &mut Collected<'_>) -> Result<()> {
        let count = usize::from(self.u16(page, PAGE_ITEMS)?);
        let mut end = self.page_bytes;
        for item in 0..count {
            found.budget.step()?;
            let start = usize::from(self.u16(page, PAGE_HEADER_BYTES + 2 * item)?);
            // items are laid down from the end of the page
            let bytes = page.get(start..end).filter(|_| start >= PAGE_HEADER_BYTES + 2 * count);
            let bytes = bytes.ok_or_else(|| Error::corrupt("an item of Packages lies outside of its page"))?;
            end = start;
            if item % 2 == 0 {
                continue;
            }
            match bytes.first() {
                Some(&ITEM_HERE) if bytes.len() > HEADER_BYTES_MIN => add(&bytes[1..], found)?,
                Some(&ITEM_CHAIN) => {
                    let (first, len) = (self.u32(bytes, 4)?, self.u32(bytes, 8)? as usize);
                    if len > HEADER_BYTES_MAX {
                        return Err(Error::corrupt("a header of Packages is too long"));
                    }
                    if len >= HEADER_BYTES_MIN {
                        add(&self.chain(first, len, chain_pages_left, found)?, found)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A value that has pages of its own.
    fn chain<'b>(&self, first: u32, len: usize, pages_left: &mut u32, found: &Collected<'b>) -> Result<Whole<'b>> {
        // The last page may hold more than is wanted.
        let held = found.budget.hold((len + self.page_bytes) as u64)?;
        let mut value = Vec::new();
        let mut page = vec![0; self.page_bytes];
        let mut number = first;
        while value.len() < len {
            found.budget.step()?;
            *pages_left = pages_left.checked_sub(1).ok_or_else(|| Error::corrupt("chains of Packages overlap"))?;
            if number == 0 || number > self.last {
                return Err(Error::corrupt("a chain of Packages leaves the file"));
            }
            self.read(number, &mut page)?;
            let here = usize::from(self.u16(&page, PAGE_DATA_BYTES)?);
            let data = page.get(PAGE_HEADER_BYTES..PAGE_HEADER_BYTES + here);
            match data {
                Some(data) if page[PAGE_TYPE] == TYPE_OVERFLOW && !data.is_empty() => value.extend_from_slice(data),
                _ => return Err(Error::corrupt("a chain of Packages leads to another kind of page")),
            }
            number = self.u32(&page, PAGE_NEXT)?;
        }
        value.truncate(len);
        Ok(held.with(value))
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Result<u16> {
        if self.big_endian { be16(bytes, at) } else { le16(bytes, at) }
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Result<u32> {
        if self.big_endian { be32(bytes, at) } else { le32(bytes, at) }
    }
}
