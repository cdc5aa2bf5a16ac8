//! The ZVHD2 that a disk would be.

use std::io;
use std::sync::Arc;

use super::pack::{ZSTD_LEVEL, ZstdFrame};
use super::page::{BITMAP_SEGMENT_BYTES, BLOCK_BYTES, GIB, INDEX_SEGMENT_BYTES, Index, Kind, Method, PAGE, Page};
use super::record::Head;
use crate::encode::{Frame, Layout, Place, UnitEncoder, UnitFormat, ZeroUnits};
use crate::limits::MIB;
use crate::view::Concat;
use crate::{ExportError, ReadAt, Target};

/// The index is put together in memory: 16 bytes for each 2 MiB.
const SIZE_MAX: u64 = 4 * 1024 * 1024 * MIB;
const BLOCKS_PER_BITMAP_SEGMENT: u32 = BITMAP_SEGMENT_BYTES * 8;

/// A disk as zstd frames in records, with an index.
pub(crate) struct Indexed {
    size: u64,
    blocks: u32,
}

impl Indexed {
    /// # Errors
    /// [`ExportError::Impossible`] for disks larger than 4 TiB.
    pub(crate) fn new(disk_bytes: u64) -> Result<Indexed, ExportError> {
        let blocks = disk_bytes.next_multiple_of(GIB) / u64::from(BLOCK_BYTES);
        match u32::try_from(blocks) {
            Ok(blocks) if disk_bytes <= SIZE_MAX => Ok(Indexed { size: disk_bytes, blocks }),
            _ => Err(ExportError::Impossible { target: Target::Zvhd2, why: "a disk may not exceed 4 TiB" }),
        }
    }

    /// The page, with everything about the index zero as it stands in front.
    fn page(&self) -> Page {
        let index = Index {
            block_bytes: BLOCK_BYTES,
            blocks: self.blocks,
            index_offset: 0,
            bitmap_offset: 0,
            index_segments: 0,
            bitmap_segments: 0,
            stored_blocks: 0,
            method: Method::Zstd,
        };
        Page::new(Kind::Indexed, self.size, Some(index))
    }
}

impl UnitFormat for Indexed {
    fn identity(&self) -> String {
        format!("zvhd2 {ZSTD_LEVEL} libzstd {} {BLOCK_BYTES}", zstd::zstd_safe::version_number())
    }

    fn unit_bytes(&self) -> u32 {
        BLOCK_BYTES
    }

    fn zero_units(&self) -> ZeroUnits {
        ZeroUnits::LeftOut
    }

    fn fills_last_unit(&self) -> bool {
        true
    }

    fn prefix_bytes(&self) -> u64 {
        PAGE
    }

    fn prefix_needs_layout(&self) -> bool {
        false
    }

    fn encoder(&self) -> io::Result<Box<dyn UnitEncoder>> {
        Ok(Box::new(ZstdFrame::new()?))
    }

    fn frame(&self, place: Place) -> Frame {
        let record = record(place);
        Frame { head: record.to_bytes(), tail: record.tail() }
    }

    fn prefix(&self, _: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.page().to_bytes()))
    }

    fn suffix(&self, layout: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>> {
        let mut entries = Vec::new();
        let mut bitmap = vec![0_u8; usize::try_from(self.bitmap_bytes()).map_err(io::Error::other)?];
        let mut stored_blocks = 0;
        for piece in layout.pieces() {
            let record = record(piece.place);
            let record_bytes = u32::try_from(record.record_bytes()).map_err(io::Error::other)?;
            entries.extend(piece.place.offset.to_le_bytes());
            entries.extend(record.block.to_le_bytes());
            entries.extend(record_bytes.to_le_bytes());
            let block = usize::try_from(record.block).map_err(io::Error::other)?;
            bitmap[block / 8] |= 1 << (block % 8);
            stored_blocks += 1;
        }
        let segment = usize::try_from(INDEX_SEGMENT_BYTES).map_err(io::Error::other)?;
        entries.resize(entries.len().next_multiple_of(segment), 0);
        let index_offset = layout.end() + PAGE;
        let mut page = self.page();
        page.index = page.index.map(|index| Index {
            index_offset,
            bitmap_offset: index_offset + entries.len() as u64,
            index_segments: u32::try_from(entries.len() / segment).expect("4 TiB have 2^21 entries"),
            bitmap_segments: self.blocks.div_ceil(BLOCKS_PER_BITMAP_SEGMENT),
            stored_blocks,
            ..index
        });
        let mut suffix = Concat::new();
        suffix.push(self.page().to_bytes());
        suffix.push(entries);
        suffix.push(bitmap);
        suffix.push(page.to_bytes());
        Ok(Box::new(suffix))
    }
}

impl Indexed {
    fn bitmap_bytes(&self) -> u64 {
        u64::from(self.blocks.div_ceil(BLOCKS_PER_BITMAP_SEGMENT)) * u64::from(BITMAP_SEGMENT_BYTES)
    }
}

fn record(place: Place) -> Head {
    let block = u32::try_from(place.unit).expect("4 TiB have 2^21 blocks");
    Head { payload_bytes: place.payload_bytes, block }
}
