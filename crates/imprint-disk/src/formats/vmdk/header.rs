//! The header of a sparse extent: its fields, and which of their values are sound. A footer is a second header.

use crate::Refusal;
use crate::fields::{fits, le16, le32, le64};
use crate::formats::Findings;
use crate::limits::SECTOR;

pub(super) const HEADER_BYTES: usize = 512;
pub(super) const MAGIC: &[u8] = b"KDMV";
/// The grain directory is found through the footer.
pub(super) const DIRECTORY_AT_END: u64 = u64::MAX;
const GRAIN_SECTORS: std::ops::RangeInclusive<u64> = 16..=4096;
const TABLE_ENTRIES_MAX: u32 = 512;
const DIRECTORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

pub(super) const FLAG_NEWLINES: u32 = 1 << 0;
pub(super) const FLAG_REDUNDANT: u32 = 1 << 1;
pub(super) const FLAG_ZERO_GRAINS: u32 = 1 << 2;
pub(super) const FLAG_COMPRESSED: u32 = 1 << 16;
pub(super) const FLAG_MARKERS: u32 = 1 << 17;
const FLAGS_KNOWN: u32 = FLAG_NEWLINES | FLAG_REDUNDANT | FLAG_ZERO_GRAINS | FLAG_COMPRESSED | FLAG_MARKERS;
pub(super) const NEWLINES: [u8; 4] = [0x0a, 0x20, 0x0d, 0x0a];

pub(super) const MARKER_END: u32 = 0;
pub(super) const MARKER_TABLE: u32 = 1;
pub(super) const MARKER_DIRECTORY: u32 = 2;
pub(super) const MARKER_FOOTER: u32 = 3;

/// The fields that matter; lengths and places are in sectors.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) flags: u32,
    pub(super) capacity: u64,
    pub(super) grain: u64,
    pub(super) descriptor: u64,
    pub(super) descriptor_sectors: u64,
    pub(super) table_entries: u32,
    pub(super) redundant_directory: u64,
    pub(super) directory: u64,
    /// Sectors in front of the first grain; told, never relied upon.
    pub(super) overhead: u64,
    pub(super) newlines: [u8; 4],
    pub(super) compression: u16,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Option<Header> {
        Some(Header {
            version: le32(bytes, 4)?,
            flags: le32(bytes, 8)?,
            capacity: le64(bytes, 12)?,
            grain: le64(bytes, 20)?,
            descriptor: le64(bytes, 28)?,
            descriptor_sectors: le64(bytes, 36)?,
            table_entries: le32(bytes, 44)?,
            redundant_directory: le64(bytes, 48)?,
            directory: le64(bytes, 56)?,
            overhead: le64(bytes, 64)?,
            newlines: crate::fields::array(bytes, 73)?,
            compression: le16(bytes, 77)?,
        })
    }

    /// Whether a footer says the same as the header; the directory's place is what it may correct.
    pub(super) fn agrees_with(&self, header: &Header) -> bool {
        self.version == header.version
            && self.flags == header.flags
            && self.capacity == header.capacity
            && self.grain == header.grain
            && self.descriptor == header.descriptor
            && self.descriptor_sectors == header.descriptor_sectors
            && self.table_entries == header.table_entries
            && self.compression == header.compression
    }

    pub(super) fn check(&self, field: &'static str, findings: &mut Findings) {
        if !matches!(self.version, 1..=3) {
            findings.refuse(Refusal::UnsupportedVersion { what: "VMDK", version: self.version });
        }
        let unknown = self.flags & !FLAGS_KNOWN;
        if unknown != 0 {
            findings.refuse(Refusal::UnknownFeatures { what: format!("VMDK flags {unknown:#x}") });
        }
        let newlines_hold = self.flags & FLAG_NEWLINES == 0 || self.newlines == NEWLINES;
        findings.require(newlines_hold, field, "its line ends were altered in transfer");
        let grain_is_sound = self.grain.is_power_of_two() && GRAIN_SECTORS.contains(&self.grain);
        findings.require(grain_is_sound, "VMDK grain size", "a power of two between 8 KiB and 2 MiB");
        let table_is_sound = (1..=TABLE_ENTRIES_MAX).contains(&self.table_entries);
        findings.require(table_is_sound, "VMDK grain table", "it must have between 1 and 512 entries");
        findings.require(self.compression <= 1, "VMDK compression", "it must be none or deflate");
        let declared = self.compression == 0 || self.flags & FLAG_COMPRESSED != 0;
        findings.require(declared, "VMDK compression", "it must be declared by its flag");
    }

    /// How many grain tables it takes to cover the disk; none when the fields are too wild to say.
    pub(super) fn directory_entries(&self) -> Option<u64> {
        let covered = self.grain.checked_mul(self.table_entries.into()).filter(|&covered| covered > 0)?;
        Some(self.capacity.div_ceil(covered))
    }

    /// The first sector of a file (or of its footer) that says all this.
    pub(super) fn to_sector(&self) -> [u8; HEADER_BYTES] {
        let mut sector = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| sector[at..at + field.len()].copy_from_slice(field);
        put(0, MAGIC);
        put(4, &self.version.to_le_bytes());
        put(8, &self.flags.to_le_bytes());
        put(12, &self.capacity.to_le_bytes());
        put(20, &self.grain.to_le_bytes());
        put(28, &self.descriptor.to_le_bytes());
        put(36, &self.descriptor_sectors.to_le_bytes());
        put(44, &self.table_entries.to_le_bytes());
        put(48, &self.redundant_directory.to_le_bytes());
        put(56, &self.directory.to_le_bytes());
        put(64, &self.overhead.to_le_bytes());
        put(73, &self.newlines);
        put(77, &self.compression.to_le_bytes());
        sector
    }

    pub(super) fn check_directory(&self, field: &'static str, sector: u64, file_bytes: u64, findings: &mut Findings) {
        // a grain size that makes this impossible is refused already
        let Some(entries) = self.directory_entries() else { return };
        let is_bounded = fits(0, entries, 4, DIRECTORY_BYTES_MAX);
        findings.require(is_bounded, field, "it may not exceed 32 MiB");
        findings.require(sector > 0, field, "it must lie behind the header");
        let inside = sector.checked_mul(SECTOR).is_some_and(|at| fits(at, entries, 4, file_bytes));
        findings.require_inside(inside, field);
    }
}
