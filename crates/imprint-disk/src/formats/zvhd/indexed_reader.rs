//! The disk inside a ZVHD2: a bitmap says which blocks are stored, an index where.

use std::io;
use std::sync::Arc;

use super::page::{BITMAP_SEGMENT_BYTES, Index, Kind, Method, PAGE, PAGE_BYTES, Page};
use super::record::{HEAD_BYTES, Head, payload_max};
use super::unpack::{inflate_whole, unzstd};
use crate::evidence::Evidence;
use crate::fields::{fits, le32, le64};
use crate::formats::Findings;
use crate::formats::blocks::table::Table;
use crate::limits::MIB;
use crate::open::accepted;
use crate::recent::Recent;
use crate::{Disk, Format, Info, OpenError, ReadAt, Refusal, Run, RunKind, corrupt, past_the_end};

const BITMAP: &str = "ZVHD2 bitmap";
const INDEX: &str = "ZVHD2 index";
const KEPT_BYTES: u64 = 32 * MIB;
/// How many blocks are told as one run.
const BLOCKS_PER_RUN_MAX: u64 = 4096;

/// Opens a ZVHD2 by its last page, bitmap and index.
pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Disk, OpenError> {
    let evidence = Evidence::gather(&*file)?;
    let (front, _) = Page::examine(&evidence.head);
    let last_at = evidence.total.checked_sub(PAGE).filter(|&at| at >= PAGE);
    let Some(last_at) = last_at else {
        return Err(OpenError::Refused(vec![Refusal::Truncated { field: "ZVHD2 last page" }]));
    };
    let mut last = vec![0; PAGE_BYTES];
    file.read_at(last_at, &mut last)?;
    let (mut findings, page) = Page::examine(&last);
    for refusal in front.refusals {
        findings.refuse(refusal);
    }
    let found = page.and_then(|page| Some((page, page.index?)));
    if let Some((_, index)) = found {
        check_places(&index, last_at, &mut findings);
    }
    accepted(findings)?;
    let (page, index) = found.filter(|(page, _)| page.kind == Kind::Indexed).ok_or_else(|| corrupt("no ZVHD2"))?;
    let blocks = Blocks::read(&*file, &index)?;
    let disk = IndexedDisk::checked(file, page.current_bytes, &index, blocks, last_at)?;
    let info = Info {
        variant: "experimental",
        unit_bytes: Some(index.block_bytes.into()),
        compression: Some(if index.method == Method::Zlib { "zlib" } else { "zstd" }),
        ..Info::new(Format::Zvhd2, page.current_bytes)
    };
    Ok(Disk { guest: Arc::new(disk), info })
}

fn check_places(index: &Index, end: u64, findings: &mut Findings) {
    let segment = BITMAP_SEGMENT_BYTES.into();
    findings.require_inside(fits(index.bitmap_offset, index.bitmap_segments.into(), segment, end), BITMAP);
    let covers = u64::from(index.bitmap_segments) * u64::from(BITMAP_SEGMENT_BYTES) * 8 >= index.blocks.into();
    findings.require(covers, BITMAP, "it must have a bit for each block");
    findings.require_inside(fits(index.index_offset, index.stored_blocks.into(), 16, end), INDEX);
}

/// Which blocks are stored, and how many come before each.
struct Blocks {
    bits: Vec<u8>,
    /// Stored blocks before each stretch of [`Blocks::STRETCH`] bytes.
    before: Vec<u32>,
}

impl Blocks {
    const STRETCH: usize = 64;

    /// Reads the bitmap: a bit for each MiB of 64 TiB at most, which is 8 MiB.
    fn read(file: &dyn ReadAt, index: &Index) -> Result<Blocks, OpenError> {
        let inconsistent = |why| OpenError::Refused(vec![Refusal::Inconsistent { field: BITMAP, why }]);
        let blocks = usize::try_from(index.blocks).map_err(|_| past_the_end())?;
        let mut bits = vec![0; blocks.div_ceil(8)];
        file.read_at(index.bitmap_offset, &mut bits)?;
        if let Some(last) = bits.last().filter(|_| !blocks.is_multiple_of(8))
            && last >> (blocks % 8) != 0
        {
            return Err(inconsistent("blocks behind the disk are marked"));
        }
        let mut before = Vec::with_capacity(bits.len() / Blocks::STRETCH + 1);
        let mut count = 0;
        for stretch in bits.chunks(Blocks::STRETCH) {
            before.push(count);
            count += stretch.iter().map(|byte| byte.count_ones()).sum::<u32>();
        }
        if count == index.stored_blocks {
            Ok(Blocks { bits, before })
        } else {
            Err(inconsistent("it counts other blocks"))
        }
    }

    fn is_stored(&self, block: u64) -> bool {
        let at = usize::try_from(block / 8).ok().and_then(|at| self.bits.get(at));
        at.is_some_and(|byte| byte >> (block % 8) & 1 == 1)
    }

    /// How many stored blocks come before `block`, which lies on the disk.
    fn rank(&self, block: u64) -> u64 {
        let Ok(byte) = usize::try_from(block / 8) else { return 0 };
        let stretch = byte / Blocks::STRETCH;
        let whole = self.bits.get(stretch * Blocks::STRETCH..byte).unwrap_or_default();
        let rest = self.bits.get(byte).map_or(0, |bits| (bits & !(0xff << (block % 8))).count_ones());
        let before = self.before.get(stretch).copied().unwrap_or_default();
        u64::from(before + rest) + whole.iter().map(|bits| u64::from(bits.count_ones())).sum::<u64>()
    }

    fn stored(&self, blocks: u64) -> impl Iterator<Item = u64> {
        (0..blocks).filter(|&block| self.is_stored(block))
    }
}

struct IndexedDisk {
    file: Arc<dyn ReadAt>,
    size: u64,
    block_bytes: u64,
    method: Method,
    blocks: Blocks,
    index: Table<16>,
    kept: Recent<Arc<[u8]>>,
}

/// An entry of the index.
struct Entry {
    at: u64,
    block: u32,
    record_bytes: u32,
}

impl Entry {
    fn parse(bytes: [u8; 16]) -> Option<Entry> {
        Some(Entry { at: le64(&bytes, 0)?, block: le32(&bytes, 8)?, record_bytes: le32(&bytes, 12)? })
    }
}

impl IndexedDisk {
    /// A disk each of whose stored blocks has an entry that lies before `end`.
    fn checked(
        file: Arc<dyn ReadAt>,
        size: u64,
        index: &Index,
        blocks: Blocks,
        end: u64,
    ) -> Result<IndexedDisk, OpenError> {
        let table = Table::new(index.index_offset, index.stored_blocks.into());
        let mut stored = blocks.stored(index.blocks.into());
        table.for_each(&*file, |_, entry| {
            let entry = Entry::parse(entry).ok_or_else(past_the_end)?;
            if stored.next() != Some(entry.block.into()) {
                let why = "it must list the blocks of the bitmap in order";
                return Err(OpenError::Refused(vec![Refusal::Inconsistent { field: INDEX, why }]));
            }
            let is_placed = entry.at >= PAGE && fits(entry.at, entry.record_bytes.into(), 1, end);
            if is_placed { Ok(()) } else { Err(crate::formats::blocks::outside("ZVHD2 record")) }
        })?;
        drop(stored);
        let block_bytes = u64::from(index.block_bytes);
        let kept = usize::try_from(KEPT_BYTES / block_bytes).map_err(|_| past_the_end())?.max(1);
        let method = index.method;
        Ok(IndexedDisk { file, size, block_bytes, method, blocks, index: table, kept: Recent::new(kept) })
    }

    fn block(&self, block: u64) -> io::Result<Arc<[u8]>> {
        if let Some(kept) = self.kept.get(block) {
            return Ok(kept);
        }
        let entry = self.index.entry(&*self.file, self.blocks.rank(block))?;
        let entry = Entry::parse(entry).ok_or_else(past_the_end)?;
        let head = Head::read(&*self.file, entry.at, payload_max(self.block_bytes))?;
        if head.block != entry.block || head.record_bytes() != entry.record_bytes.into() {
            return Err(corrupt("a record is not the one that the index names"));
        }
        let mut payload = vec![0; usize::try_from(head.payload_bytes).map_err(|_| past_the_end())?];
        self.file.read_at(entry.at + HEAD_BYTES as u64, &mut payload)?;
        let mut bytes = vec![0; usize::try_from(self.block_bytes).map_err(|_| past_the_end())?];
        match self.method {
            Method::Zlib => inflate_whole(&payload, &mut bytes)?,
            Method::Zstd => unzstd(&payload, &mut bytes)?,
        }
        let bytes: Arc<[u8]> = bytes.into();
        self.kept.put(block, Arc::clone(&bytes));
        Ok(bytes)
    }
}

impl ReadAt for IndexedDisk {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size).ok_or_else(past_the_end)?;
        let mut at = offset;
        while !buf.is_empty() {
            let within = usize::try_from(at % self.block_bytes).map_err(|_| past_the_end())?;
            let left = usize::try_from(self.block_bytes).map_err(|_| past_the_end())? - within;
            let (now, later) = buf.split_at_mut(left.min(buf.len()));
            let block = at / self.block_bytes;
            if self.blocks.is_stored(block) {
                now.copy_from_slice(&self.block(block)?[within..within + now.len()]);
            } else {
                now.fill(0);
            }
            at += now.len() as u64;
            buf = later;
        }
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let left = self.size.checked_sub(offset).filter(|&left| left > 0).ok_or_else(past_the_end)?;
        let first = offset / self.block_bytes;
        let is_stored = self.blocks.is_stored(first);
        let alike = (1..BLOCKS_PER_RUN_MAX).take_while(|ahead| self.blocks.is_stored(first + ahead) == is_stored);
        let end = (first + 1 + alike.count() as u64) * self.block_bytes;
        let kind = if is_stored { RunKind::Data } else { RunKind::Hole };
        Ok(Run { len: (end - offset).min(left), kind })
    }
}
