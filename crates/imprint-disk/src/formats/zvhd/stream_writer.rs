//! The ZVHD that a disk would be.

use std::io;
use std::sync::Arc;

use super::page::{BLOCK_BYTES, GIB, Kind, PAGE, Page};
use super::record::Head;
use crate::deflate::{self, DeflatePart, PART_LEVEL};
use crate::encode::{Frame, Layout, Place, UnitEncoder, UnitFormat, ZeroUnits};
use crate::limits::VIRTUAL_SIZE_MAX;
use crate::{ExportError, ReadAt, Target};

/// The stream begins with these two bytes (window of 32 KiB, fast), in the first record. It has no end: what follows
/// the last record says that there are no more.
const STREAM_START: [u8; 2] = [0x78, 0x01];

/// A disk as one zlib stream in records.
pub(crate) struct Stream {
    page: Page,
}

impl Stream {
    /// # Errors
    /// [`ExportError::Impossible`] for disks that are larger than 64 TiB once rounded up to whole GiB.
    pub(crate) fn new(disk_bytes: u64) -> Result<Stream, ExportError> {
        if disk_bytes > VIRTUAL_SIZE_MAX / GIB * GIB {
            return Err(ExportError::Impossible { target: Target::Zvhd, why: "a disk may not exceed 64 TiB" });
        }
        Ok(Stream { page: Page::new(Kind::Stream, disk_bytes, None) })
    }
}

impl UnitFormat for Stream {
    fn identity(&self) -> String {
        format!("zvhd parts {PART_LEVEL} {} {BLOCK_BYTES}", deflate::LIBRARY)
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
        Ok(Box::new(DeflatePart::new()))
    }

    fn frame(&self, place: Place) -> Frame {
        let start: &[u8] = if place.ordinal == 0 { &STREAM_START } else { &[] };
        let block = u32::try_from(place.unit).expect("64 TiB have fewer than 2^32 blocks");
        let start_bytes = u32::try_from(start.len()).expect("two");
        let record = Head { payload_bytes: place.payload_bytes + start_bytes, block };
        let mut head = record.to_bytes();
        head.extend(start);
        Frame { head, tail: record.tail() }
    }

    fn prefix(&self, _: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.page.to_bytes()))
    }

    fn suffix(&self, _: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.page.to_bytes()))
    }
}
