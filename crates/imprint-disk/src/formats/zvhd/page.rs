//! The page that such a file begins and ends with.

use crate::Refusal;
use crate::fields::{array, le32, le64, put};
use crate::formats::Findings;
use crate::formats::blocks::identity::identity;
use crate::formats::vhd::{Geometry, byte_sum};
use crate::limits::{KIB, MIB, SECTOR};

pub(super) const PAGE_BYTES: usize = 4096;
pub(super) const GIB: u64 = 1024 * MIB;
/// What the checksum covers.
const HEADER_BYTES: usize = 512;
const CHECKSUM_AT: usize = 64;
const FEATURES: u32 = 2;
const VERSION: u32 = 0x0001_0000;
const CREATOR: &[u8; 4] = b"tap\0";
const CREATOR_VERSION: u32 = 0x0001_0004;
const TYPE: u32 = 4;
const INDEXED_VERSION: u8 = 1;
/// Blocks of the stream kind always have this size, those of the other unless it says otherwise.
pub(super) const BLOCK_BYTES: u32 = 2 * 1024 * 1024;
pub(super) const INDEX_SEGMENT_BYTES: u32 = 512 * 1024;
pub(super) const BITMAP_SEGMENT_BYTES: u32 = 4096;

/// Which of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    Indexed,
}

impl Kind {
    fn cookie(self) -> &'static [u8] {
        match self {
            Kind::Stream => b"stream\0\0",
            Kind::Indexed => b"z2strm\0\0",
        }
    }
}

/// How blocks of the indexed kind are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Zlib,
    Zstd,
}

/// The fields that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) kind: Kind,
    /// What the disk once was.
    pub(super) original_bytes: u64,
    /// The size that readers report.
    pub(super) current_bytes: u64,
    /// Of the indexed kind only.
    pub(super) index: Option<Index>,
}

/// Where the blocks of the indexed kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) block_bytes: u32,
    pub(super) blocks: u32,
    pub(super) index_offset: u64,
    pub(super) bitmap_offset: u64,
    pub(super) index_segments: u32,
    pub(super) bitmap_segments: u32,
    pub(super) stored_blocks: u32,
    pub(super) method: Method,
}

impl Page {
    /// The page of a disk of `size` bytes.
    pub(super) fn new(kind: Kind, size: u64, index: Option<Index>) -> Page {
        Page { kind, original_bytes: size, current_bytes: size.next_multiple_of(GIB), index }
    }

    pub(super) fn recognise(head: &[u8]) -> Option<Kind> {
        let kind = [Kind::Stream, Kind::Indexed].into_iter().find(|kind| head.starts_with(kind.cookie()))?;
        (le32(head, 8)? == FEATURES && le32(head, 12)? == VERSION).then_some(kind)
    }

    /// Checks a page by itself. It is there whenever nothing is refused.
    pub(super) fn examine(bytes: &[u8]) -> (Findings, Option<Page>) {
        let page = bytes.get(..PAGE_BYTES).and_then(Page::parse);
        let Some((page, bytes)) = page.zip(bytes.get(..HEADER_BYTES)) else {
            return (Findings::truncated("ZVHD page"), None);
        };
        let mut findings = Findings::default();
        let checksum_holds = le32(bytes, CHECKSUM_AT) == Some(!byte_sum(bytes, CHECKSUM_AT));
        findings.refuse_if(!checksum_holds, Refusal::BadChecksum { field: "ZVHD page" });
        findings.require(le32(bytes, 60) == Some(TYPE), "ZVHD type", "it must be 4");
        let whole = page.current_bytes.is_multiple_of(SECTOR) && page.current_bytes >= page.original_bytes;
        findings.require(whole, "ZVHD disk size", "whole sectors, not fewer than the original size");
        findings.claim_size(Some(page.current_bytes));
        if let Some(index) = page.index {
            index.check(&page, bytes, &mut findings);
        }
        (findings, Some(page))
    }

    fn parse(bytes: &[u8]) -> Option<Page> {
        let kind = Page::recognise(bytes)?;
        let index = Index {
            block_bytes: le32(bytes, 88)?,
            blocks: le32(bytes, 92)?,
            index_offset: le64(bytes, 96)?,
            bitmap_offset: le64(bytes, 104)?,
            index_segments: le32(bytes, 128)?,
            bitmap_segments: le32(bytes, 132)?,
            stored_blocks: le32(bytes, 136)?,
            method: if bytes.get(141) == Some(&0) { Method::Zlib } else { Method::Zstd },
        };
        Some(Page {
            kind,
            original_bytes: le64(bytes, 40)?,
            current_bytes: le64(bytes, 48)?,
            index: (kind == Kind::Indexed).then_some(index),
        })
    }

    /// The page as it stands in a file.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let geometry = Geometry::of(self.current_bytes / SECTOR);
        let geometry =
            u32::from(geometry.cylinders) << 16 | u32::from(geometry.heads) << 8 | u32::from(geometry.sectors);
        let mut page = vec![0; PAGE_BYTES];
        put(&mut page, 0, self.kind.cookie());
        put(&mut page, 8, &FEATURES.to_le_bytes());
        put(&mut page, 12, &VERSION.to_le_bytes());
        put(&mut page, 16, &u64::MAX.to_le_bytes());
        // the time at 24 stays zero: two exports of one disk are the same bytes
        put(&mut page, 28, CREATOR);
        put(&mut page, 32, &CREATOR_VERSION.to_le_bytes());
        put(&mut page, 40, &self.original_bytes.to_le_bytes());
        put(&mut page, 48, &self.current_bytes.to_le_bytes());
        put(&mut page, 56, &geometry.to_le_bytes());
        put(&mut page, 60, &TYPE.to_le_bytes());
        put(&mut page, 68, &identity("zvhd", self.original_bytes, 0));
        if let Some(index) = self.index {
            index.put(&mut page);
        }
        let sum = !byte_sum(&page[..HEADER_BYTES], CHECKSUM_AT);
        put(&mut page, CHECKSUM_AT, &sum.to_le_bytes());
        page
    }
}

impl Index {
    fn check(&self, page: &Page, bytes: &[u8], findings: &mut Findings) {
        let version = bytes.get(87).copied().unwrap_or_default();
        if version != INDEXED_VERSION {
            findings.refuse(Refusal::UnsupportedVersion { what: "ZVHD2", version: version.into() });
        }
        let block = u64::from(self.block_bytes);
        let block_is_sound = block.is_power_of_two() && (MIB..=32 * MIB).contains(&block);
        findings.require(block_is_sound, "ZVHD2 block size", "a power of two from 1 to 32 MiB");
        if !block_is_sound {
            return;
        }
        let blocks = page.current_bytes.div_ceil(block);
        findings.require(blocks == self.blocks.into(), "ZVHD2 block count", "blocks must cover the disk");
        let segments_are_sound =
            le32(bytes, 120) == Some(INDEX_SEGMENT_BYTES) && le32(bytes, 124) == Some(BITMAP_SEGMENT_BYTES);
        findings.require(segments_are_sound, "ZVHD2 segments", "512 KiB of index, 4 KiB of bitmap");
        findings.require(self.stored_blocks <= self.blocks, "ZVHD2 blocks", "more stored than there are");
        findings.require(bytes.get(140) == Some(&0), "ZVHD2 index", "it may not list blocks of zeros");
        let method = array::<1>(bytes, 141);
        findings.require(matches!(method, Some([0 | 1])), "ZVHD2 method", "it must be zlib or zstd");
    }

    fn put(&self, page: &mut [u8]) {
        put(page, 87, &[INDEXED_VERSION]);
        put(page, 88, &self.block_bytes.to_le_bytes());
        put(page, 92, &self.blocks.to_le_bytes());
        put(page, 96, &self.index_offset.to_le_bytes());
        put(page, 104, &self.bitmap_offset.to_le_bytes());
        let bytes = |segments: u32, each: u32| segments.saturating_mul(each).to_le_bytes();
        put(page, 112, &bytes(self.index_segments, INDEX_SEGMENT_BYTES));
        put(page, 116, &bytes(self.bitmap_segments, BITMAP_SEGMENT_BYTES));
        put(page, 120, &INDEX_SEGMENT_BYTES.to_le_bytes());
        put(page, 124, &BITMAP_SEGMENT_BYTES.to_le_bytes());
        put(page, 128, &self.index_segments.to_le_bytes());
        put(page, 132, &self.bitmap_segments.to_le_bytes());
        put(page, 136, &self.stored_blocks.to_le_bytes());
        put(page, 141, &[u8::from(self.method == Method::Zstd)]);
    }
}

/// The page length, for places in files.
pub(super) const PAGE: u64 = 4 * KIB;
