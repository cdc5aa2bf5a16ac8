//! The VHDX metadata table and the items a disk must have.

use super::{Layout, METADATA_CAPTURED_BYTES, guid};
use crate::Refusal;
use crate::fields::{array, fits, le16, le32, le64};
use crate::formats::Findings;
use crate::limits::{KIB, MIB};

pub(super) const FILE_PARAMETERS: [u8; 16] =
    guid(0xcaa1_6737, 0xfa36, 0x4d43, [0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b]);
pub(super) const VIRTUAL_SIZE: [u8; 16] =
    guid(0x2fa5_4224, 0xcd1b, 0x4876, [0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8]);
pub(super) const DISK_ID: [u8; 16] =
    guid(0xbeca_12ab, 0xb2e6, 0x4523, [0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46]);
pub(super) const LOGICAL_SECTOR: [u8; 16] =
    guid(0x8141_bf1d, 0xa96f, 0x4709, [0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f]);
pub(super) const PHYSICAL_SECTOR: [u8; 16] =
    guid(0xcda3_48c7, 0x445d, 0x4471, [0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56]);
const PARENT_LOCATOR: [u8; 16] = guid(0xa8d3_5f2d, 0xb30b, 0x454d, [0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c]);

const TABLE: &str = "VHDX metadata table";
pub(super) const ENTRIES_AT: usize = 32;
pub(super) const ENTRY_BYTES: usize = 32;
const ENTRIES_MAX: usize = 2047;
pub(super) const ITEMS_AT: u64 = 64 * KIB;
pub(super) const IS_REQUIRED: u32 = 1 << 2;
const HAS_PARENT: u32 = 1 << 1;
/// Sectors a bitmap block covers: the base of the ratio between payload and bitmap entries.
const SECTORS_PER_BITMAP: u64 = 1 << 23;

/// The items that matter here; an absent one is `None`.
#[derive(Default)]
pub(super) struct Metadata {
    block_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    logical_sector: Option<u64>,
}

impl Metadata {
    /// Reads the captured start of the metadata region, which is `region_len` bytes long.
    pub(super) fn parse(bytes: &[u8], region_len: u64, findings: &mut Findings) -> Metadata {
        let mut metadata = Metadata::default();
        if !bytes.starts_with(b"metadata") {
            findings.require(false, TABLE, "its signature is missing");
            return metadata;
        }
        let count = le16(bytes, 10).map_or(usize::MAX, usize::from);
        let entries = bytes.get(ENTRIES_AT..).unwrap_or_default();
        if count > ENTRIES_MAX || entries.len() / ENTRY_BYTES < count {
            findings.require(false, TABLE, "it has more entries than it may hold");
            return metadata;
        }
        for entry in entries.chunks_exact(ENTRY_BYTES).take(count) {
            metadata.read_item(entry, bytes, region_len, findings);
        }
        metadata
    }

    fn read_item(&mut self, entry: &[u8], bytes: &[u8], region_len: u64, findings: &mut Findings) {
        let fields = array::<16>(entry, 0).zip(le32(entry, 16)).zip(le32(entry, 20)).zip(le32(entry, 24));
        let Some((((id, offset), len), flags)) = fields else { return };
        let (offset, len) = (u64::from(offset), u64::from(len));
        let placed = (offset == 0 && len == 0) || (offset >= ITEMS_AT && fits(offset, len, 1, region_len));
        if !placed {
            findings.require(false, "VHDX metadata item", "it must lie in its region, behind the table");
            return;
        }
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let slot_and_value = match id {
            FILE_PARAMETERS => {
                let has_parent = le32(bytes, at.saturating_add(4)).is_some_and(|flags| flags & HAS_PARENT != 0);
                findings.refuse_if(has_parent, Refusal::Differencing);
                Some((&mut self.block_bytes, le32(bytes, at).map(u64::from)))
            }
            VIRTUAL_SIZE => Some((&mut self.virtual_bytes, le64(bytes, at))),
            LOGICAL_SECTOR => Some((&mut self.logical_sector, le32(bytes, at).map(u64::from))),
            PARENT_LOCATOR => {
                findings.refuse(Refusal::Differencing);
                None
            }
            DISK_ID | PHYSICAL_SECTOR => None,
            _ => {
                if flags & IS_REQUIRED != 0 {
                    findings.refuse(Refusal::UnknownFeatures { what: "VHDX required metadata".to_owned() });
                }
                None
            }
        };
        let Some((slot, value)) = slot_and_value else { return };
        let captured = fits(offset, len, 1, METADATA_CAPTURED_BYTES);
        findings.require(captured, "VHDX metadata item", "it must lie within 128 KiB of its table");
        findings.require(slot.is_none(), TABLE, "an item is listed twice");
        *slot = value;
    }

    /// Checks the items and records the virtual size.
    pub(super) fn check(&self, findings: &mut Findings) {
        let (Some(block), Some(size), Some(sector)) = (self.block_bytes, self.virtual_bytes, self.logical_sector)
        else {
            findings.require(false, TABLE, "it must list block size, disk size and sector size");
            return;
        };
        let block_is_sound = block.is_power_of_two() && (MIB..=256 * MIB).contains(&block);
        findings.require(block_is_sound, "VHDX block size", "a power of two from 1 to 256 MiB");
        findings.require(matches!(sector, 512 | 4096), "VHDX sector size", "it must be 512 or 4096 bytes");
        let whole = sector > 0 && size.is_multiple_of(sector) && size > 0;
        findings.require(whole, "VHDX disk size", "it must be a positive multiple of the sector size");
        findings.claim_size(Some(size));
    }

    fn sound_sizes(&self) -> Option<(u64, u64, u64)> {
        let block = self.block_bytes.filter(|block| block.is_power_of_two() && (MIB..=256 * MIB).contains(block))?;
        let sector = self.logical_sector.filter(|sector| matches!(sector, 512 | 4096))?;
        Some((block, sector, self.virtual_bytes?))
    }

    /// How many entries the block table needs: one per block and one bitmap entry after each full chunk of blocks.
    pub(super) fn block_table_entries(&self) -> Option<u64> {
        let (block, sector, size) = self.sound_sizes()?;
        Some(table_entries(size.div_ceil(block), blocks_per_bitmap(block, sector)))
    }

    /// Where the disk is, with its block table at `table_at`.
    pub(super) fn layout(&self, table_at: u64) -> Option<Layout> {
        let (block_bytes, sector, size) = self.sound_sizes()?;
        Some(Layout { size, block_bytes, blocks_per_bitmap: blocks_per_bitmap(block_bytes, sector), table_at })
    }
}

/// How many blocks one bitmap block covers: never none, for blocks of at most 256 MiB and these sectors.
pub(super) fn blocks_per_bitmap(block_bytes: u64, sector_bytes: u64) -> u64 {
    SECTORS_PER_BITMAP * sector_bytes / block_bytes
}

/// How many entries there are for so many blocks, bitmaps included.
pub(super) fn table_entries(blocks: u64, blocks_per_bitmap: u64) -> u64 {
    blocks.saturating_add(blocks.saturating_sub(1) / blocks_per_bitmap)
}
