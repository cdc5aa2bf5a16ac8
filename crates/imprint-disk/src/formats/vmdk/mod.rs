//! VMware sparse extents with an embedded descriptor: `monolithicSparse` and `streamOptimized`, little endian, in
//! sectors of 512 bytes. Everything else of the family is recognised and refused.

mod descriptor;

use super::Findings;
use crate::Refusal;
use crate::evidence::Evidence;
use crate::fields::{fits, le16, le32, le64};
use crate::limits::{HEAD_BYTES, SECTOR, TAIL_BYTES};

const MAGIC: &[u8] = b"KDMV";
const MAGIC_ESX: &[u8] = b"COWD";
const HEADER_BYTES: usize = 512;
/// The grain directory is found through the footer.
const DIRECTORY_AT_END: u64 = u64::MAX;
const GRAIN_SECTORS: std::ops::RangeInclusive<u64> = 16..=4096;
const TABLE_ENTRIES_MAX: u32 = 512;
const DIRECTORY_BYTES_MAX: u64 = 32 * 1024 * 1024;
const DESCRIPTOR_SECTOR: u64 = 1;
/// The descriptor must lie within the captured head; writers use 20 sectors.
const DESCRIPTOR_SECTORS_MAX: u64 = HEAD_BYTES / SECTOR - DESCRIPTOR_SECTOR;

const FLAG_NEWLINES: u32 = 1 << 0;
const FLAG_REDUNDANT: u32 = 1 << 1;
const FLAG_ZERO_GRAINS: u32 = 1 << 2;
const FLAG_COMPRESSED: u32 = 1 << 16;
const FLAG_MARKERS: u32 = 1 << 17;
const FLAGS_KNOWN: u32 = FLAG_NEWLINES | FLAG_REDUNDANT | FLAG_ZERO_GRAINS | FLAG_COMPRESSED | FLAG_MARKERS;
const NEWLINES: [u8; 4] = [0x0a, 0x20, 0x0d, 0x0a];

const MARKER_END: u32 = 0;
const MARKER_FOOTER: u32 = 3;

pub(crate) fn recognise(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(MAGIC_ESX) || descriptor::recognise(head)
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let head = evidence.head.as_slice();
    let mut findings = Findings::default();
    if head.starts_with(MAGIC_ESX) {
        findings.refuse(Refusal::VmdkType { create_type: "vmfsSparse".to_owned() });
        return findings;
    }
    if !head.starts_with(MAGIC) {
        // a text that names its extents: those would be other files, whatever they are called
        findings.refuse(Refusal::VmdkDescriptor { why: "it must be embedded in a sparse extent" });
        descriptor::check(head, &mut findings);
        return findings;
    }
    let Some(header) = head.get(..HEADER_BYTES).and_then(Header::parse) else {
        return Findings::truncated("VMDK header");
    };
    header.check("VMDK header", &mut findings);
    findings.claim_size(header.capacity.checked_mul(SECTOR));
    if header.directory == DIRECTORY_AT_END {
        check_footer(&header, evidence, &mut findings);
    } else {
        header.check_directory("VMDK grain directory", header.directory, evidence.total, &mut findings);
    }
    // stream writers may set the flag without writing a second directory
    let has_second = !matches!(header.redundant_directory, 0 | DIRECTORY_AT_END);
    if header.flags & FLAG_REDUNDANT != 0 && has_second {
        let at = header.redundant_directory;
        header.check_directory("VMDK redundant grain directory", at, evidence.total, &mut findings);
    }
    check_descriptor(&header, head, &mut findings);
    findings
}

fn check_descriptor(header: &Header, head: &[u8], findings: &mut Findings) {
    if header.descriptor_sectors == 0 {
        findings.refuse(Refusal::VmdkDescriptor { why: "there is none in the file" });
        return;
    }
    let placed = header.descriptor == DESCRIPTOR_SECTOR && header.descriptor_sectors <= DESCRIPTOR_SECTORS_MAX;
    if !placed {
        findings.refuse(Refusal::VmdkDescriptor { why: "it must follow the header and end within 64 KiB" });
        return;
    }
    let start = usize::try_from(DESCRIPTOR_SECTOR * SECTOR);
    let end = usize::try_from((DESCRIPTOR_SECTOR + header.descriptor_sectors) * SECTOR);
    match start.ok().zip(end.ok()).and_then(|(start, end)| head.get(start..end)) {
        Some(text) => descriptor::check(text, findings),
        None => findings.refuse(Refusal::Truncated { field: "VMDK descriptor" }),
    }
}

/// A footer is a footer marker, a header with the true directory, and an end marker, in the last three sectors.
fn check_footer(header: &Header, evidence: &Evidence, findings: &mut Findings) {
    let field = "VMDK footer";
    let Some(sectors) = evidence.last(TAIL_BYTES) else {
        findings.refuse(Refusal::Truncated { field });
        return;
    };
    let (marker, rest) = sectors.split_at(HEADER_BYTES);
    let (footer, end) = rest.split_at(HEADER_BYTES);
    let is_marker = |sector: &[u8], kind| {
        le32(sector, 8) == Some(0) && le32(sector, 12) == Some(kind) && sector[16..].iter().all(|&byte| byte == 0)
    };
    findings.require(is_marker(marker, MARKER_FOOTER), field, "its marker must precede it");
    let ends = is_marker(end, MARKER_END) && le64(end, 0) == Some(0);
    findings.require(ends, field, "the end marker must follow it");
    let Some(fields) = Some(footer).filter(|footer| footer.starts_with(MAGIC)).and_then(Header::parse) else {
        findings.require(false, field, "its signature is missing");
        return;
    };
    findings.require(fields.directory != DIRECTORY_AT_END, field, "it points at another footer");
    let same = Header { directory: header.directory, redundant_directory: header.redundant_directory, ..fields };
    findings.require(same.agrees_with(header), field, "it must agree with the header");
    header.check_directory("VMDK grain directory", fields.directory, evidence.total, findings);
}

struct Header {
    version: u32,
    flags: u32,
    capacity: u64,
    grain: u64,
    descriptor: u64,
    descriptor_sectors: u64,
    table_entries: u32,
    redundant_directory: u64,
    directory: u64,
    newlines: [u8; 4],
    compression: u16,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Header> {
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
            newlines: crate::fields::array(bytes, 73)?,
            compression: le16(bytes, 77)?,
        })
    }

    /// Whether a footer says the same as the header; the directory's place is what it may correct.
    fn agrees_with(&self, header: &Header) -> bool {
        self.version == header.version
            && self.flags == header.flags
            && self.capacity == header.capacity
            && self.grain == header.grain
            && self.descriptor == header.descriptor
            && self.descriptor_sectors == header.descriptor_sectors
            && self.table_entries == header.table_entries
            && self.compression == header.compression
    }

    fn check(&self, field: &'static str, findings: &mut Findings) {
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

    fn check_directory(&self, field: &'static str, sector: u64, file_bytes: u64, findings: &mut Findings) {
        let covered = self.grain.checked_mul(self.table_entries.into()).filter(|&covered| covered > 0);
        // a grain size that makes this impossible is refused already
        let Some(entries) = covered.map(|covered| self.capacity.div_ceil(covered)) else { return };
        let is_bounded = fits(0, entries, 4, DIRECTORY_BYTES_MAX);
        findings.require(is_bounded, field, "it may not exceed 32 MiB");
        findings.require(sector > 0, field, "it must lie behind the header");
        let inside = sector.checked_mul(SECTOR).is_some_and(|at| fits(at, entries, 4, file_bytes));
        findings.require_inside(inside, field);
    }
}
