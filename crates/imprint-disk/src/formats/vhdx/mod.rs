//! Hyper-V disks (VHDX, Microsoft's MS-VHDX): little endian; two headers, a region table, and a metadata region at
//! an offset of the table's choosing, which is captured as the stream passes it.

mod metadata;
mod regions;

use super::Findings;
use crate::Refusal;
use crate::crc32c::crc32c_with_hole;
use crate::evidence::{Evidence, Window};
use crate::fields::{array, fits, le16, le32, le64};
use crate::limits::{KIB, MIB};
use metadata::Metadata;
use regions::Regions;

const HEADER_OFFSETS: [u64; 2] = [64 * KIB, 128 * KIB];
const HEADER_BYTES: u64 = 4 * KIB;
/// The first of two copies; readers use the second at most for repairs.
const REGION_TABLE_AT: u64 = 192 * KIB;
const REGION_TABLE_BYTES: u64 = 64 * KIB;
/// The metadata table and the start of the items behind it: more than any writer uses.
const METADATA_CAPTURED_BYTES: u64 = 128 * KIB;
const CHECKSUM_AT: usize = 4;

/// A GUID in its stored form.
const fn guid(first: u32, second: u16, third: u16, rest: [u8; 8]) -> [u8; 16] {
    let ([a, b, c, d], [e, f], [g, h]) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes());
    let [i, j, k, l, m, n, o, p] = rest;
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

pub(crate) fn recognise(head: &[u8]) -> bool {
    head.starts_with(b"vhdxfile")
}

/// The parts of the stream beyond the head that VHDX keeps its structures in.
#[derive(Debug)]
pub(crate) struct Capture {
    headers: [Window; 2],
    regions: Window,
    /// Opened when the region table is complete, if it names a metadata region.
    metadata: Option<Window>,
}

impl Capture {
    pub(crate) fn new() -> Capture {
        Capture {
            headers: HEADER_OFFSETS.map(|at| Window::new(at, HEADER_BYTES)),
            regions: Window::new(REGION_TABLE_AT, REGION_TABLE_BYTES),
            metadata: None,
        }
    }

    pub(crate) fn offer(&mut self, at: u64, slice: &[u8]) {
        if !self.regions.is_full() {
            for header in &mut self.headers {
                header.offer(at, slice);
            }
            self.regions.offer(at, slice);
            if self.regions.is_full() {
                // regions start at 1 MiB or later, so nothing of it has passed before this slice
                let place = Regions::parse(self.regions.bytes()).metadata.filter(regions::Region::is_placed);
                self.metadata = place.map(|region| Window::new(region.offset, METADATA_CAPTURED_BYTES));
            }
        }
        if let Some(metadata) = &mut self.metadata {
            metadata.offer(at, slice);
        }
    }

    #[cfg(test)]
    pub(crate) fn kept_bytes(&self) -> usize {
        let windows = self.headers.iter().chain([&self.regions]).chain(&self.metadata);
        windows.map(|window| window.bytes().len()).sum()
    }
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let Some(capture) = evidence.vhdx.as_ref().filter(|capture| capture.regions.is_full()) else {
        return Findings::truncated("VHDX region table");
    };
    let mut findings = Findings::default();
    check_headers(&capture.headers, &mut findings);
    let regions = Regions::parse(capture.regions.bytes());
    regions.check(evidence.total, &mut findings);
    let Some((region, window)) = regions.metadata.zip(capture.metadata.as_ref()) else {
        return findings;
    };
    let metadata = Metadata::parse(window.bytes(), u64::from(region.len), &mut findings);
    metadata.check(&mut findings);
    if let (Some(table), Some(entries)) = (regions.block_table, metadata.block_table_entries()) {
        let fits_region = fits(0, entries, 8, table.len.into());
        findings.require(fits_region, "VHDX block table", "its region must hold an entry for each block");
    }
    findings
}

/// The valid header with the higher sequence number counts.
fn check_headers(windows: &[Window; 2], findings: &mut Findings) {
    let field = "VHDX header";
    let mut valid: Vec<Header> = windows.iter().filter_map(|window| Header::parse(window.bytes())).collect();
    valid.sort_by_key(|header| header.sequence);
    if let [one, other] = valid.as_slice() {
        findings.require(one.sequence != other.sequence || one == other, field, "both copies claim to be current");
    }
    let Some(current) = valid.pop() else {
        findings.refuse(Refusal::BadChecksum { field });
        return;
    };
    if current.version != 1 {
        findings.refuse(Refusal::UnsupportedVersion { what: "VHDX", version: current.version.into() });
    }
    let has_log = current.log_guid != [0; 16];
    if has_log && current.log_version != 0 {
        findings.refuse(Refusal::UnsupportedVersion { what: "VHDX log", version: current.log_version.into() });
    }
    findings.refuse_if(has_log, Refusal::DirtyLog);
    let log_is_placed = current.log_offset >= MIB
        && current.log_offset.is_multiple_of(MIB)
        && u64::from(current.log_bytes).is_multiple_of(MIB);
    findings.require(log_is_placed || current.log_bytes == 0, "VHDX log", "it must be placed in units of 1 MiB");
}

#[derive(PartialEq, Eq)]
struct Header {
    sequence: u64,
    log_guid: [u8; 16],
    log_version: u16,
    version: u16,
    log_bytes: u32,
    log_offset: u64,
}

impl Header {
    /// A header whose signature or checksum is wrong is as good as absent: that is what there are two for.
    fn parse(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.first_chunk::<4096>()?;
        let is_valid = bytes.starts_with(b"head") && le32(bytes, 4)? == crc32c_with_hole(bytes, CHECKSUM_AT);
        is_valid.then_some(())?;
        Some(Header {
            sequence: le64(bytes, 8)?,
            log_guid: array(bytes, 48)?,
            log_version: le16(bytes, 64)?,
            version: le16(bytes, 66)?,
            log_bytes: le32(bytes, 68)?,
            log_offset: le64(bytes, 72)?,
        })
    }
}
