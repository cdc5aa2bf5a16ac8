//! The VHDX region table: where the block table and the metadata are.

use super::{CHECKSUM_AT, guid};
use crate::Refusal;
use crate::crc32c::crc32c_with_hole;
use crate::fields::{array, fits, le32, le64};
use crate::formats::Findings;
use crate::limits::MIB;

pub(super) const BLOCK_TABLE: [u8; 16] =
    guid(0x2dc2_7766, 0xf623, 0x4200, [0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08]);
pub(super) const METADATA: [u8; 16] =
    guid(0x8b7c_a206, 0x4790, 0x4b9a, [0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e]);
pub(super) const ENTRIES_AT: usize = 16;
pub(super) const ENTRY_BYTES: usize = 32;
const ENTRIES_MAX: usize = 2047;
pub(super) const REQUIRED: u32 = 1;

#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Region {
    /// Whether the region is where regions may be: at a multiple of 1 MiB and not among the headers.
    pub(super) fn is_placed(&self) -> bool {
        self.offset >= MIB && self.offset.is_multiple_of(MIB)
    }

    fn check(&self, field: &'static str, file_bytes: u64, findings: &mut Findings) {
        let aligned = self.is_placed() && self.len > 0 && u64::from(self.len).is_multiple_of(MIB);
        findings.require(aligned, field, "it must be placed in units of 1 MiB");
        findings.require_inside(fits(self.offset, u64::from(self.len), 1, file_bytes), field);
    }
}

/// The table's entries, and what speaks against them.
#[derive(Default)]
pub(super) struct Regions {
    pub(super) block_table: Option<Region>,
    pub(super) metadata: Option<Region>,
    refusals: Vec<Refusal>,
}

impl Regions {
    pub(super) fn parse(table: &[u8]) -> Regions {
        let field = "VHDX region table";
        let mut regions = Regions::default();
        if !table.starts_with(b"regi") || le32(table, 4) != Some(crc32c_with_hole(table, CHECKSUM_AT)) {
            regions.refusals.push(Refusal::BadChecksum { field });
            return regions;
        }
        let count = le32(table, 8).and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
        if count > ENTRIES_MAX {
            regions.refusals.push(Refusal::Inconsistent { field, why: "it has more than 2,047 entries" });
            return regions;
        }
        for entry in table[ENTRIES_AT..].chunks_exact(ENTRY_BYTES).take(count) {
            regions.add(entry);
        }
        regions
    }

    fn add(&mut self, entry: &[u8]) {
        let fields = array::<16>(entry, 0).zip(le64(entry, 16)).zip(le32(entry, 24)).zip(le32(entry, 28));
        let Some((((id, offset), len), flags)) = fields else { return };
        let slot = match id {
            BLOCK_TABLE => &mut self.block_table,
            METADATA => &mut self.metadata,
            _ => {
                if flags & REQUIRED != 0 {
                    self.refusals.push(Refusal::UnknownFeatures { what: "VHDX required region".to_owned() });
                }
                return;
            }
        };
        if slot.replace(Region { offset, len }).is_some() {
            let why = "a region is listed twice";
            self.refusals.push(Refusal::Inconsistent { field: "VHDX region table", why });
        }
    }

    pub(super) fn check(&self, file_bytes: u64, findings: &mut Findings) {
        for refusal in &self.refusals {
            findings.refuse(refusal.clone());
        }
        let complete = self.block_table.is_some() && self.metadata.is_some();
        findings.require(complete, "VHDX region table", "it must list a block table and metadata");
        if let Some(region) = self.block_table {
            region.check("VHDX block table", file_bytes, findings);
        }
        if let Some(region) = self.metadata {
            region.check("VHDX metadata region", file_bytes, findings);
        }
    }
}
