//! Hyper-V disks (VHDX, Microsoft's MS-VHDX): little endian; two headers, a region table, and a metadata region at
//! an offset of the table's choosing, which is captured as the stream passes it.
//!
//! Here: capturing and checking those structures ([`header`], [`regions`], [`metadata`]), the disk inside ([`reader`])
//! once the changes in its log are applied ([`log`]), and the file that a disk would be ([`writer`]).

mod header;
mod log;
mod metadata;
mod overlay;
mod reader;
mod regions;
mod writer;

#[cfg(test)]
mod tests;

use super::Findings;
use crate::Refusal;
use crate::evidence::{Evidence, Window};
use crate::fields::fits;
use crate::limits::KIB;
use header::Header;
use metadata::Metadata;
pub(crate) use reader::{open, places};
use regions::Regions;
pub(crate) use writer::view;

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

    /// Where the next part lies that has not been captured, and its length; for files that can be read anywhere.
    pub(crate) fn wanted(&self) -> Option<(u64, u64)> {
        let windows = self.headers.iter().chain([&self.regions]).chain(&self.metadata);
        windows.map(Window::missing).find(|&(_, len)| len > 0)
    }

    #[cfg(test)]
    pub(crate) fn kept_bytes(&self) -> usize {
        let windows = self.headers.iter().chain([&self.regions]).chain(&self.metadata);
        windows.map(|window| window.bytes().len()).sum()
    }
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    let Some(capture) = complete(evidence, &mut findings) else { return findings };
    if let Some(header) = capture.header(&mut findings) {
        findings.refuse_if(header.has_log(), Refusal::DirtyLog);
    }
    capture.examine_tables(evidence.total, &mut findings);
    findings
}

/// What was captured, when the stream reached behind the region table.
fn complete<'a>(evidence: &'a Evidence, findings: &mut Findings) -> Option<&'a Capture> {
    let capture = evidence.vhdx.as_ref().filter(|capture| capture.regions.is_full());
    findings.refuse_if(capture.is_none(), Refusal::Truncated { field: "VHDX region table" });
    capture
}

/// Where the disk is, as the tables say.
#[derive(Debug, Clone, Copy)]
struct Layout {
    size: u64,
    block_bytes: u64,
    /// How many entries for blocks there are before an entry for a bitmap.
    blocks_per_bitmap: u64,
    table_at: u64,
}

impl Capture {
    fn header(&self, findings: &mut Findings) -> Option<Header> {
        Header::current(self.headers.each_ref().map(Window::bytes), findings)
    }

    /// Checks region table and metadata. The layout is there whenever nothing is refused.
    fn examine_tables(&self, file_bytes: u64, findings: &mut Findings) -> Option<Layout> {
        let regions = Regions::parse(self.regions.bytes());
        regions.check(file_bytes, findings);
        let (region, window) = regions.metadata.zip(self.metadata.as_ref())?;
        let metadata = Metadata::parse(window.bytes(), u64::from(region.len), findings);
        metadata.check(findings);
        let (table, entries) = (regions.block_table?, metadata.block_table_entries()?);
        let fits_region = fits(0, entries, 8, table.len.into());
        findings.require(fits_region, "VHDX block table", "its region must hold an entry for each block");
        metadata.layout(table.offset)
    }
}
