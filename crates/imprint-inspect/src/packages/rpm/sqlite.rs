//! SQLite's file format, as far as one table must be read: `Packages(hnum INTEGER PRIMARY KEY, blob BLOB)` of
//! `rpmdb.sqlite`. No SQL: the table's tree of pages is walked.

use super::wal::Log;
use super::{Collected, HEADER_BYTES_MAX, Whole, add};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields::{be16, be32, byte, slice};
use crate::guest_file::Bytes;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Places in the file's header, and its length: page 1 begins with it.
const FILE_HEADER_BYTES: usize = 100;
const FILE_PAGE_BYTES: usize = 16;
const FILE_RESERVED: usize = 20;

/// Types of page: inner and outer pages of a table.
const INNER: u8 = 0x05;
const OUTER: u8 = 0x0d;

/// Places in a page: count of cells, rightmost page below; lengths of the headers of both types.
const PAGE_CELLS: usize = 3;
const PAGE_RIGHTMOST: usize = 8;
const INNER_HEADER_BYTES: usize = 12;
const OUTER_HEADER_BYTES: usize = 8;

/// How deep trees may be; SQLite's own bound.
const DEPTH_MAX: usize = 20;

/// How many pages may be waiting to be read in a walk; a page of the longest kind names 11,000 others.
const PENDING_MAX: usize = 1 << 16;

/// The longest entry of the schema that is read.
const SCHEMA_BYTES_MAX: usize = 64 << 10;

/// The table of packages, and the column with the header.
const TABLE: &[u8] = b"Packages";
const HEADER_COLUMN: usize = 1;

/// Columns of the schema: type, name, first page.
const SCHEMA_TYPE: usize = 0;
const SCHEMA_NAME: usize = 1;
const SCHEMA_ROOT: usize = 3;

/// Adds all packages. `log` is the file of writes that are not yet in the database, if there is one.
pub(super) fn read(file: &dyn Bytes, log: Option<&dyn Bytes>, found: &mut Collected<'_>) -> Result<()> {
    let mut pages = Pages::open(file, log, found.budget)?;
    let mut root = None;
    pages.walk(1, SCHEMA_BYTES_MAX, found, &mut |record, _| {
        let columns = columns(record)?;
        let column = |number: usize| columns.get(number).map_or(&[][..], |column: &Column<'_>| column.bytes);
        if column(SCHEMA_TYPE) == b"table" && column(SCHEMA_NAME) == TABLE {
            root = columns.get(SCHEMA_ROOT).and_then(Column::integer);
        }
        Ok(())
    })?;
    let root = root.ok_or_else(|| Error::corrupt("rpmdb.sqlite has no table of packages"))?;
    let root = u32::try_from(root).map_err(|_| Error::corrupt("the table of packages is outside of rpmdb.sqlite"))?;
    pages.walk(root, HEADER_BYTES_MAX, found, &mut |record, found| match columns(record)?.get(HEADER_COLUMN) {
        Some(header) => add(header.bytes, found),
        None => Err(Error::corrupt("a row of rpmdb.sqlite without a header")),
    })
}

/// What is done with a row's record.
type Visit<'v> = &'v mut dyn FnMut(&[u8], &mut Collected<'_>) -> Result<()>;

/// The pages of a database.
struct Pages<'a> {
    file: &'a dyn Bytes,
    log: Option<Log<'a>>,
    page_bytes: usize,
    /// What of a page may be used: the rest is kept for extensions.
    usable: usize,
    count: u32,
    /// How many pages may still be read: in a sound database no page is in two places of a tree.
    left: u64,
}

impl<'a> Pages<'a> {
    fn open(file: &'a dyn Bytes, log: Option<&'a dyn Bytes>, budget: &'a Budget) -> Result<Pages<'a>> {
        let mut header = [0; FILE_HEADER_BYTES];
        let mut log = match log {
            Some(bytes) => Log::open(bytes, budget)?,
            None => None,
        };
        // a database that was never written back has its first page in the log only
        match log.as_ref().and_then(|log| log.place_of(1)) {
            Some(place) => log.as_ref().expect("it has a page").bytes().read_at(place, &mut header)?,
            None => file.read_at(0, &mut header)?,
        }
        if !header.starts_with(MAGIC) {
            return Err(Error::corrupt("rpmdb.sqlite does not begin as a database"));
        }
        let page_bytes = match be16(&header, FILE_PAGE_BYTES)? {
            1 => 65536,
            bytes if bytes >= 512 && bytes.is_power_of_two() => usize::from(bytes),
            _ => return Err(Error::corrupt("the page length of rpmdb.sqlite")),
        };
        // SQLite refuses pages with less than 480 usable bytes
        let usable = page_bytes - usize::from(header[FILE_RESERVED]);
        if usable < 480 {
            return Err(Error::corrupt("the pages of rpmdb.sqlite have no room"));
        }
        log = log.filter(|log| log.page_bytes() == page_bytes);
        let in_file = u32::try_from(file.size_bytes() / page_bytes as u64).unwrap_or(u32::MAX);
        let count = log.as_ref().map_or(in_file, |log| log.pages_after(in_file));
        Ok(Pages { file, log, page_bytes, usable, count, left: u64::from(count) })
    }

    fn read(&mut self, number: u32, found: &Collected<'_>) -> Result<Vec<u8>> {
        found.budget.step()?;
        self.left =
            self.left.checked_sub(1).ok_or_else(|| Error::corrupt("pages of rpmdb.sqlite are in two places"))?;
        if number == 0 || number > self.count {
            return Err(Error::corrupt(format!("page {number} is outside of rpmdb.sqlite")));
        }
        let mut page = vec![0; self.page_bytes];
        match self.log.as_ref().and_then(|log| Some((log, log.place_of(number)?))) {
            Some((log, place)) => log.bytes().read_at(place, &mut page)?,
            None => self.file.read_at(u64::from(number - 1) * self.page_bytes as u64, &mut page)?,
        }
        Ok(page)
    }

    /// Visits the records of a table in the order of its rows.
    fn walk(&mut self, root: u32, record_max: usize, found: &mut Collected<'_>, visit: Visit<'_>) -> Result<()> {
        // pages still to come with their depth, the next one last
        let mut pending = vec![(root, 0)];
        while let Some((number, depth)) = pending.pop() {
            if depth > DEPTH_MAX || pending.len() > PENDING_MAX {
                return Err(Error::corrupt("a tree of rpmdb.sqlite is too deep or too wide"));
            }
            let page = self.read(number, found)?;
            let start = if number == 1 { FILE_HEADER_BYTES } else { 0 };
            let cells = usize::from(be16(&page, start + PAGE_CELLS)?);
            match byte(&page, start)? {
                INNER => {
                    pending.push((be32(&page, start + PAGE_RIGHTMOST)?, depth + 1));
                    for cell in (0..cells).rev() {
                        let at = be16(&page, start + INNER_HEADER_BYTES + 2 * cell)?;
                        pending.push((be32(&page, usize::from(at))?, depth + 1));
                    }
                }
                OUTER => {
                    for cell in 0..cells {
                        found.budget.step()?;
                        let at = usize::from(be16(&page, start + OUTER_HEADER_BYTES + 2 * cell)?);
                        let record = self.record(&page, at, record_max, found)?;
                        visit(&record, found)?;
                    }
                }
                kind => return Err(Error::corrupt(format!("page {number} of rpmdb.sqlite has type {kind}"))),
            }
        }
        Ok(())
    }

    /// A row's record: what is on the page, and what went to pages of its own.
    fn record<'b>(&mut self, page: &[u8], at: usize, max: usize, found: &Collected<'b>) -> Result<Whole<'b>> {
        let (len, used) = varint(page, at)?;
        let (_row, used_too) = varint(page, at + used)?;
        let start = at + used + used_too;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > max {
            return Err(Error::corrupt("a row of rpmdb.sqlite is too long"));
        }
        let here = self.bytes_on_page(len);
        let held = found.budget.hold(len as u64)?;
        let mut record = slice(page, start, here)?.to_vec();
        if here < len {
            let mut next = be32(page, start + here)?;
            while record.len() < len {
                let more = self.read(next, found)?;
                let count = (len - record.len()).min(self.usable - 4);
                record.extend_from_slice(slice(&more, 4, count)?);
                next = be32(&more, 0)?;
            }
        }
        Ok(held.with(record))
    }

    /// How many bytes of a record of that length stay on its page (file format, "Cell payload overflow pages").
    fn bytes_on_page(&self, len: usize) -> usize {
        let most = self.usable - 35;
        if len <= most {
            return len;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let even = least + (len - least) % (self.usable - 4);
        if even <= most { even } else { least }
    }
}

/// A column of a record.
struct Column<'a> {
    kind: u64,
    bytes: &'a [u8],
}

impl Column<'_> {
    fn integer(&self) -> Option<i64> {
        match self.kind {
            1..=6 => {
                let negative = self.bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1 } else { 0 };
                Some(self.bytes.iter().fold(start, |value: i64, byte| (value << 8) | i64::from(*byte)))
            }
            8 => Some(0),
            9 => Some(1),
            _ => None,
        }
    }
}

/// The columns of a record; none after the sixteenth, for no table that matters has more.
fn columns(record: &[u8]) -> Result<Vec<Column<'_>>> {
    let (header_bytes, mut at) = varint(record, 0)?;
    let header_bytes = usize::try_from(header_bytes).unwrap_or(usize::MAX);
    let mut data = header_bytes;
    let mut columns = Vec::new();
    while at < header_bytes && columns.len() < 16 {
        let (kind, used) = varint(record, at)?;
        at += used;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(Error::corrupt("a column of rpmdb.sqlite has no type")),
            _ => (kind - 12) / 2,
        };
        let bytes = slice(record, data, usize::try_from(len).unwrap_or(usize::MAX))?;
        data += bytes.len();
        columns.push(Column { kind, bytes });
    }
    Ok(columns)
}

/// A number of one to nine bytes, and how many they were.
fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize)> {
    let mut value = 0;
    for used in 0..8 {
        let byte = byte(bytes, at + used)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((value, used + 1));
        }
    }
    Ok((value << 8 | u64::from(byte(bytes, at + 8)?), 9))
}
