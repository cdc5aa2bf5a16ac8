//! VMware sparse extents with an embedded descriptor: `monolithicSparse` and `streamOptimized`, little endian, in
//! sectors of 512 bytes. Everything else of the family is recognised and refused.
//!
//! Here: recognising and the safety rules, from what an inspection kept. The guest disk is read in `reader`, written in
//! `writer`; a descriptor's lines are judged in `descriptor`.

mod descriptor;
mod grains;
mod header;
mod reader;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use grains::{Grains, grains};
pub(crate) use reader::open;
pub(crate) use writer::VmdkStream;

use super::Findings;
use crate::Refusal;
use crate::evidence::Evidence;
use crate::fields::{le32, le64};
use crate::limits::{HEAD_BYTES, SECTOR, TAIL_BYTES};
use header::{DIRECTORY_AT_END, FLAG_REDUNDANT, HEADER_BYTES, Header, MAGIC, MARKER_END, MARKER_FOOTER};

const MAGIC_ESX: &[u8] = b"COWD";
const DESCRIPTOR_SECTOR: u64 = 1;
/// The descriptor must lie within the captured head; writers use 20 sectors.
const DESCRIPTOR_SECTORS_MAX: u64 = HEAD_BYTES / SECTOR - DESCRIPTOR_SECTOR;

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
    // QEMU takes such a file for a descriptor, which may name others
    findings.require(header.capacity > 0, "VMDK capacity", "there must be a disk");
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
