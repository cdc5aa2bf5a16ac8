//! The header of a VDI and what it must say.

use crate::Refusal;
use crate::fields::{array, fits, le32, le64};
use crate::formats::Findings;
use crate::formats::blocks::table::TABLE_BYTES_MAX;
use crate::limits::{MIB, SECTOR};

pub(super) const SIGNATURE: u32 = 0xbeda_107f;
pub(super) const VERSION_1_1: u32 = 0x0001_0001;
/// Counted from the field itself (at 72) to the end of the last identifier; VirtualBox adds a geometry and says 400.
const HEADER_BYTES_MIN: u32 = 384;
pub(super) const TYPE_DYNAMIC: u32 = 1;
pub(super) const TYPE_FIXED: u32 = 2;
const TYPE_UNDO: u32 = 3;
const TYPE_DIFFERENCING: u32 = 4;
const NO_UUID: [u8; 16] = [0; 16];

pub(super) fn is_recognised(head: &[u8]) -> bool {
    le32(head, 64) == Some(SIGNATURE)
}

/// Checks a file by its first bytes. The header is there whenever nothing is refused.
pub(super) fn examine(head: &[u8], file_bytes: u64) -> (Findings, Option<Header>) {
    let Some(header) = Header::parse(head) else {
        return (Findings::truncated("VDI header"), None);
    };
    let mut findings = Findings::default();
    if header.version != VERSION_1_1 {
        findings.refuse(Refusal::UnsupportedVersion { what: "VDI", version: header.version });
        return (findings, None);
    }
    header.check(file_bytes, &mut findings);
    findings.claim_size(Some(header.disk_bytes));
    (findings, Some(header))
}

/// The fields that matter.
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) header_bytes: u32,
    pub(super) kind: u32,
    pub(super) map_offset: u32,
    pub(super) data_offset: u32,
    pub(super) sector_bytes: u32,
    pub(super) disk_bytes: u64,
    pub(super) block_bytes: u32,
    pub(super) block_extra: u32,
    pub(super) blocks: u32,
    pub(super) blocks_allocated: u32,
    pub(super) link: [u8; 16],
    pub(super) parent: [u8; 16],
}

impl Header {
    fn parse(head: &[u8]) -> Option<Header> {
        Some(Header {
            version: le32(head, 68)?,
            header_bytes: le32(head, 72)?,
            kind: le32(head, 76)?,
            map_offset: le32(head, 340)?,
            data_offset: le32(head, 344)?,
            sector_bytes: le32(head, 360)?,
            disk_bytes: le64(head, 368)?,
            block_bytes: le32(head, 376)?,
            block_extra: le32(head, 380)?,
            blocks: le32(head, 384)?,
            blocks_allocated: le32(head, 388)?,
            link: array(head, 424)?,
            parent: array(head, 440)?,
        })
    }

    fn check(&self, file_bytes: u64, findings: &mut Findings) {
        let has_parent = self.link != NO_UUID || self.parent != NO_UUID;
        findings.refuse_if(has_parent || matches!(self.kind, TYPE_UNDO | TYPE_DIFFERENCING), Refusal::Differencing);
        findings.require((TYPE_DYNAMIC..=TYPE_DIFFERENCING).contains(&self.kind), "VDI type", "dynamic or fixed");
        findings.require(self.header_bytes >= HEADER_BYTES_MIN, "VDI header size", "at least 384 bytes");
        findings.require(u64::from(self.sector_bytes) == SECTOR, "VDI sector size", "it must be 512 bytes");
        let block_is_sound = u64::from(self.block_bytes) == MIB && self.block_extra == 0;
        findings.require(block_is_sound, "VDI block size", "it must be 1 MiB without extra data");

        let blocks = u64::from(self.blocks);
        // a 32-bit count of MiB cannot overflow
        findings.require(blocks * MIB >= self.disk_bytes, "VDI block count", "blocks must cover the disk");
        findings.require(self.blocks_allocated <= self.blocks, "VDI blocks", "more allocated than there are");
        let (map, data) = (u64::from(self.map_offset), u64::from(self.data_offset));
        findings.require(map >= SECTOR && fits(map, blocks, 4, data), "VDI block map", "between header and data");
        findings.require_inside(fits(map, blocks, 4, file_bytes), "VDI block map");
        findings.require(blocks * 4 <= TABLE_BYTES_MAX, "VDI block map", "it may not exceed 512 MiB");
        findings.require_inside(fits(data, self.blocks_allocated.into(), MIB, file_bytes), "VDI data");
    }
}
