//! Writing `streamOptimized`: header and descriptor, grains in the order of the disk, each as a zlib stream behind its
//! marker, then the grain tables, the directory and the footer. The file can be read from front to back by its markers
//! and at any place by its footer. Grains of zeros are left out.

use std::io;
use std::sync::Arc;

use zlib_rs::adler32::adler32;

use super::header::{
    DIRECTORY_AT_END, FLAG_COMPRESSED, FLAG_MARKERS, FLAG_NEWLINES, HEADER_BYTES, Header, MARKER_DIRECTORY,
    MARKER_FOOTER, MARKER_TABLE, NEWLINES,
};
use super::tables::{TABLE_ENTRIES, Tables};
use super::{DESCRIPTOR_SECTOR, descriptor};
use crate::deflate::{self, ForLargeWindow};
use crate::encode::{Frame, Layout, Place, UnitEncoder, UnitFormat, ZeroUnits};
use crate::limits::SECTOR;
use crate::view::Concat;
use crate::{ExportError, ReadAt, Target};

/// As far back as deflate can refer.
const WINDOW_BITS: u32 = 15;
/// In front of each stream: deflate with that window, at a level below the usual one (RFC 1950).
const ZLIB_HEAD: [u8; 2] = [0x78, 0x5e];
/// What all writers use.
const GRAIN_BYTES: u32 = 64 * 1024;
const GRAIN_SECTORS: u64 = GRAIN_BYTES as u64 / SECTOR;
/// Room for the descriptor.
const DESCRIPTOR_SECTORS: u64 = 20;
/// Where the first grain begins.
const OVERHEAD_SECTORS: u64 = 128;
/// Read-only, as compressed files are; older numbers are for files that may be written to.
const VERSION: u32 = 3;
const DEFLATE: u16 = 1;
/// The place of the grain and the length of its stream.
const GRAIN_MARKER_BYTES: u64 = 12;

/// A disk as a stream-optimised file.
pub(crate) struct VmdkStream {
    capacity: u64,
}

impl VmdkStream {
    /// # Errors
    /// [`ExportError::Impossible`] for an empty disk, whose file other readers take for a text.
    pub(crate) fn new(disk_bytes: u64) -> Result<VmdkStream, ExportError> {
        if disk_bytes == 0 {
            return Err(ExportError::Impossible { target: Target::VmdkStream, why: "a disk may not be empty" });
        }
        Ok(VmdkStream { capacity: disk_bytes.div_ceil(SECTOR) })
    }

    fn header(&self, directory: u64) -> Header {
        Header {
            version: VERSION,
            flags: FLAG_NEWLINES | FLAG_COMPRESSED | FLAG_MARKERS,
            capacity: self.capacity,
            grain: GRAIN_SECTORS,
            descriptor: DESCRIPTOR_SECTOR,
            descriptor_sectors: DESCRIPTOR_SECTORS,
            table_entries: TABLE_ENTRIES,
            redundant_directory: 0,
            directory,
            overhead: OVERHEAD_SECTORS,
            newlines: NEWLINES,
            compression: DEFLATE,
        }
    }
}

impl UnitFormat for VmdkStream {
    fn identity(&self) -> String {
        format!("vmdk deflate {} {GRAIN_BYTES}", deflate::VERSION)
    }

    fn unit_bytes(&self) -> u32 {
        GRAIN_BYTES
    }

    fn zero_units(&self) -> ZeroUnits {
        ZeroUnits::LeftOut
    }

    fn fills_last_unit(&self) -> bool {
        true
    }

    fn prefix_bytes(&self) -> u64 {
        OVERHEAD_SECTORS * SECTOR
    }

    fn prefix_needs_layout(&self) -> bool {
        false
    }

    fn encoder(&self) -> io::Result<Box<dyn UnitEncoder>> {
        Ok(Box::new(Grains(ForLargeWindow::new(WINDOW_BITS))))
    }

    fn frame(&self, place: Place) -> Frame {
        let mut head = (place.unit * GRAIN_SECTORS).to_le_bytes().to_vec();
        head.extend(place.payload_bytes.to_le_bytes());
        let len = GRAIN_MARKER_BYTES + u64::from(place.payload_bytes);
        let padding = usize::try_from(len.next_multiple_of(SECTOR) - len).expect("less than a sector");
        Frame { head, tail: vec![0; padding] }
    }

    fn prefix(&self, _: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>> {
        let mut bytes = self.header(DIRECTORY_AT_END).to_sector().to_vec();
        bytes.extend(descriptor::stream_optimized(self.capacity).as_bytes());
        bytes.resize(usize::try_from(self.prefix_bytes()).expect("64 KiB"), 0);
        Ok(Box::new(bytes))
    }

    fn suffix(&self, layout: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>> {
        let tables = Tables::new(Arc::clone(layout), self.capacity.div_ceil(GRAIN_SECTORS));
        let base = layout.end();
        let directory_at = base + tables.size_bytes() + SECTOR;
        // tables and directory tell places as 32-bit sectors
        if directory_at.div_ceil(SECTOR) > u64::from(u32::MAX) {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "VMDK: a file cannot be longer than 2 TiB"));
        }
        let directory = tables.directory(base);
        let directory_sectors = (directory.len() as u64).div_ceil(SECTOR);
        let mut file = Concat::new();
        file.push(tables);
        file.push(marker(directory_sectors, MARKER_DIRECTORY));
        file.push(directory);
        file.pad_to(SECTOR);
        let mut end = marker(1, MARKER_FOOTER);
        end.extend(self.header(directory_at / SECTOR).to_sector());
        // the marker of the end is all zeros
        end.extend([0; HEADER_BYTES]);
        file.push(end);
        Ok(Box::new(file))
    }
}

/// A sector that says what follows.
pub(super) fn marker(sectors: u64, kind: u32) -> Vec<u8> {
    let mut bytes = sectors.to_le_bytes().to_vec();
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// The marker in front of a grain table of so many sectors.
pub(super) fn table_marker(sectors: u64) -> Vec<u8> {
    marker(sectors, MARKER_TABLE)
}

/// Makes a zlib stream of each grain.
struct Grains(ForLargeWindow);

impl UnitEncoder for Grains {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        out.extend_from_slice(&ZLIB_HEAD);
        self.0.compress(data, out);
        out.extend_from_slice(&adler32(1, data).to_be_bytes());
        Ok(0)
    }
}
