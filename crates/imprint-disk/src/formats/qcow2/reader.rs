//! The guest's disk inside a qcow2.

use std::io;
use std::sync::Arc;

use super::codec::{Codec, Expander};
use super::entry::{Compressed, Content, Entries, OFFSET};
use super::header::{self, Header};
use super::snapshots;
use crate::evidence::Evidence;
use crate::fields::be64;
use crate::limits::HOLE_TABLES_MAX;
use crate::open::{Disk, Info, OpenError, accepted};
use crate::recent::Recent;
use crate::view::Pool;
use crate::{Format, ReadAt, Refusal, Run, RunKind, corrupt, past_the_end};

/// Second-level tables are read and kept in parts of this size (or smaller, with small clusters).
const PAGE_BYTES: u64 = 16 * 1024;
const PAGES: usize = 64;
/// Expanded clusters kept, in bytes.
const EXPANDED_BYTES: u64 = 4 * 1024 * 1024;
const EXPANDED_MAX: u64 = 64;

/// Opens the disk; the header's rules are those of the inspection.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let evidence = Evidence::gather(&file)?;
    let findings = accepted(header::check(&evidence))?;
    let truncated = || OpenError::Refused(vec![Refusal::Truncated { field: "qcow2 header" }]);
    let header = Header::parse(&evidence.head).ok_or_else(truncated)?;
    let codec = if header.compression_type == 1 { Codec::Zstd } else { Codec::Zlib };
    let info = Info {
        variant: if header.version == 2 { "v2" } else { "v3" },
        unit_bytes: Some(header.cluster_bytes()),
        compression: Some(codec.name()),
        snapshots: snapshots::list(&file, header.snapshots_offset, header.snapshots)?,
        warnings: findings.warnings,
        ..Info::new(Format::Qcow2, header.size)
    };
    Ok(Disk { guest: Arc::new(Reader::new(file, &header, codec)?), info })
}

struct Reader {
    file: Arc<dyn ReadAt>,
    file_bytes: u64,
    size: u64,
    entries: Entries,
    /// Of every second-level table the offset, 0 where there is none.
    tables: Vec<u64>,
    pages: Recent<Arc<[u8]>>,
    codec: Codec,
    expanders: Pool<Expander>,
    expanded: Recent<Arc<[u8]>>,
}

/// Bytes of one content, without a gap in the file where they are stored as they are.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    content: Content,
    len: u64,
}

impl Reader {
    fn new(file: Arc<dyn ReadAt>, header: &Header, codec: Codec) -> io::Result<Reader> {
        let entries = Entries {
            cluster_bits: header.cluster_bits,
            has_zero_flag: header.version > 2,
            extended: header.has_subclusters(),
        };
        let cluster = header.cluster_bytes();
        let kept = usize::try_from((EXPANDED_BYTES / cluster).clamp(2, EXPANDED_MAX)).expect("a few");
        let mut reader = Reader {
            file_bytes: file.size_bytes(),
            file,
            size: header.size,
            entries,
            tables: Vec::new(),
            pages: Recent::new(PAGES),
            codec,
            expanders: Pool::new(),
            expanded: Recent::new(kept),
        };
        reader.tables = reader.read_tables(header)?;
        Ok(reader)
    }

    /// The first-level table, which the header's check has found to lie inside the file and below 32 MiB.
    fn read_tables(&self, header: &Header) -> io::Result<Vec<u64>> {
        let needed = self.size.div_ceil(self.table_covers()).min(header.l1_entries.into());
        let mut bytes = vec![0; usize::try_from(needed * 8).expect("at most 32 MiB")];
        self.file.read_at(header.l1_offset, &mut bytes)?;
        let cluster = self.cluster_bytes();
        let offsets = bytes.chunks_exact(8).map(|entry| be64(entry, 0).unwrap_or(0) & OFFSET);
        offsets
            .map(|offset| {
                let is_inside = offset.checked_add(cluster).is_some_and(|end| end <= self.file_bytes);
                if offset == 0 || (offset.is_multiple_of(cluster) && is_inside) {
                    Ok(offset)
                } else {
                    Err(corrupt("qcow2: a second-level table lies outside the file, or not on a cluster"))
                }
            })
            .collect()
    }

    fn cluster_bytes(&self) -> u64 {
        1 << self.entries.cluster_bits
    }

    /// How much of the disk one second-level table covers.
    fn table_covers(&self) -> u64 {
        self.cluster_bytes() / self.entries.bytes() * self.cluster_bytes()
    }

    /// What stands at `offset`, and how far `joins` finds what follows to be like it: not beyond the end of the page of
    /// the table, and not much beyond `wanted` bytes.
    fn stretch(&self, offset: u64, wanted: u64, joins: impl Fn(Content, Content, u64) -> bool) -> io::Result<Stretch> {
        let covers = self.table_covers();
        let number = offset / covers;
        let Some(table) = self.table(number) else { return Ok(self.no_table(offset, number)) };
        let (cluster, unit) = (self.cluster_bytes(), self.entries.unit_bytes());
        let page_bytes = cluster.min(PAGE_BYTES);
        let page_covers = page_bytes / self.entries.bytes() * cluster;
        let page_number = offset % covers / page_covers;
        let page = self.page(table + page_number * page_bytes, page_bytes)?;
        let page_start = number * covers + page_number * page_covers;
        let page_end = (page_start + page_covers).min(self.size);
        let content_at = |at: u64| {
            let entry = (at - page_start) / cluster * self.entries.bytes();
            let entry = usize::try_from(entry).expect("within the page");
            self.entries.content(&page, entry, at % cluster / unit)
        };
        let content = content_at(offset)?;
        let step = if matches!(content, Content::Compressed(_)) { cluster } else { unit };
        let start = offset - offset % step;
        let mut at = start + step;
        let wanted_end = offset.saturating_add(wanted);
        while at < page_end && at < wanted_end {
            let next = content_at(at)?;
            if !joins(content, next, at - start) {
                break;
            }
            at += if matches!(next, Content::Compressed(_)) { cluster } else { unit };
        }
        Ok(Stretch { content, len: at.min(page_end) - offset })
    }

    fn table(&self, number: u64) -> Option<u64> {
        let number = usize::try_from(number).ok()?;
        self.tables.get(number).copied().filter(|&offset| offset != 0)
    }

    /// The hole from `offset` to the next table that there is.
    fn no_table(&self, offset: u64, number: u64) -> Stretch {
        let first = usize::try_from(number).unwrap_or(usize::MAX);
        let following = self.tables.iter().skip(first).take(HOLE_TABLES_MAX);
        let absent = following.take_while(|&&table| table == 0).count() as u64;
        let end = (number + absent).saturating_mul(self.table_covers()).min(self.size);
        Stretch { content: Content::Hole, len: end - offset }
    }

    fn page(&self, offset: u64, len: u64) -> io::Result<Arc<[u8]>> {
        if let Some(page) = self.pages.get(offset) {
            return Ok(page);
        }
        let mut page = vec![0; usize::try_from(len).expect("a page fits into memory")];
        self.file.read_at(offset, &mut page)?;
        let page: Arc<[u8]> = page.into();
        self.pages.put(offset, Arc::clone(&page));
        Ok(page)
    }

    /// Bytes stored as they are. The last cluster of a file may end with the file; one that begins behind it is corrupt.
    fn read_plain(&self, host: u64, buf: &mut [u8]) -> io::Result<()> {
        let last = host + (buf.len() as u64).saturating_sub(1);
        if last - last % self.cluster_bytes() >= self.file_bytes {
            return Err(corrupt("qcow2: a cluster lies outside the file"));
        }
        let there = self.file_bytes.saturating_sub(host);
        let there = usize::try_from(there).map_or(buf.len(), |there| there.min(buf.len()));
        let (stored, missing) = buf.split_at_mut(there);
        missing.fill(0);
        self.file.read_at(host, stored)
    }

    /// Bytes of a compressed cluster, `within` bytes into it.
    fn read_compressed(&self, place: Compressed, within: u64, buf: &mut [u8]) -> io::Result<()> {
        if within == 0 && buf.len() as u64 == self.cluster_bytes() {
            return self.expand(place, buf);
        }
        let within = usize::try_from(within).expect("within a cluster");
        let cluster = match self.expanded.get(place.number) {
            Some(cluster) => cluster,
            None => {
                let mut cluster = vec![0; usize::try_from(self.cluster_bytes()).expect("at most 2 MiB")];
                self.expand(place, &mut cluster)?;
                let cluster: Arc<[u8]> = cluster.into();
                self.expanded.put(place.number, Arc::clone(&cluster));
                cluster
            }
        };
        buf.copy_from_slice(cluster.get(within..within + buf.len()).ok_or_else(past_the_end)?);
        Ok(())
    }

    fn expand(&self, place: Compressed, cluster: &mut [u8]) -> io::Result<()> {
        let there = self.file_bytes.saturating_sub(place.offset).min(place.len);
        if there == 0 {
            return Err(corrupt("qcow2: a compressed cluster lies outside the file"));
        }
        let mut packed = vec![0; usize::try_from(there).expect("at most two clusters")];
        self.file.read_at(place.offset, &mut packed)?;
        self.expanders.with(|| Expander::new(self.codec), |expander| expander.expand(&packed, cluster))
    }
}

/// What one reading of the file can fetch.
fn reads_on(first: Content, next: Content, distance: u64) -> bool {
    match (first, next) {
        (Content::Plain(first), Content::Plain(next)) => next == first + distance,
        (Content::Hole | Content::Zero, Content::Hole | Content::Zero) => true,
        _ => false,
    }
}

fn kind(content: Content) -> RunKind {
    match content {
        Content::Hole => RunKind::Hole,
        Content::Zero => RunKind::Zero,
        Content::Plain(_) | Content::Compressed(_) => RunKind::Data,
    }
}

impl ReadAt for Reader {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        let mut at = offset;
        while !buf.is_empty() {
            let stretch = self.stretch(at, buf.len() as u64, reads_on)?;
            let len = usize::try_from(stretch.len).map_or(buf.len(), |len| len.min(buf.len()));
            let (now, rest) = buf.split_at_mut(len);
            match stretch.content {
                Content::Hole | Content::Zero => now.fill(0),
                Content::Plain(host) => self.read_plain(host + at % self.entries.unit_bytes(), now)?,
                Content::Compressed(place) => self.read_compressed(place, at % self.cluster_bytes(), now)?,
            }
            at += len as u64;
            buf = rest;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        if offset >= self.size {
            return Err(past_the_end());
        }
        let stretch = self.stretch(offset, u64::MAX, |first, next, _| kind(first) == kind(next))?;
        Ok(Run { len: stretch.len, kind: kind(stretch.content) })
    }
}
