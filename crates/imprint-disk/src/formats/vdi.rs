//! VirtualBox disk images, version 1.1: little endian, one header, then the block map, then the blocks.

use super::Findings;
use crate::Refusal;
use crate::evidence::Evidence;
use crate::fields::{array, fits, le32, le64};
use crate::limits::{MIB, SECTOR};

const SIGNATURE: u32 = 0xbeda_107f;
const VERSION_1_1: u32 = 0x0001_0001;
/// Counted from the field itself (at 72) to the end of the last identifier; VirtualBox adds a geometry and says 400.
const HEADER_BYTES_MIN: u32 = 384;
const TYPE_DYNAMIC: u32 = 1;
const TYPE_UNDO: u32 = 3;
const TYPE_DIFFERENCING: u32 = 4;
const NO_UUID: [u8; 16] = [0; 16];

pub(crate) fn recognise(head: &[u8]) -> bool {
    le32(head, 64) == Some(SIGNATURE)
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let Some(header) = Header::parse(&evidence.head) else {
        return Findings::truncated("VDI header");
    };
    let mut findings = Findings::default();
    if header.version != VERSION_1_1 {
        findings.refuse(Refusal::UnsupportedVersion { what: "VDI", version: header.version });
        return findings;
    }
    header.check(evidence.total, &mut findings);
    findings.claim_size(Some(header.disk_bytes));
    findings
}

struct Header {
    version: u32,
    header_bytes: u32,
    kind: u32,
    map_offset: u32,
    data_offset: u32,
    sector_bytes: u32,
    disk_bytes: u64,
    block_bytes: u32,
    block_extra: u32,
    blocks: u32,
    blocks_allocated: u32,
    link: [u8; 16],
    parent: [u8; 16],
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
        findings.require_inside(fits(data, self.blocks_allocated.into(), MIB, file_bytes), "VDI data");
    }
}
