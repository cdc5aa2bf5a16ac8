//! The superblock, and where groups keep their descriptors.

use imprint_disk::ReadAt;

use crate::content::ext_type;
use crate::error::{Error, Result};
use crate::source::read_exact;
use crate::{fields, labels};

const MAGIC: u16 = 0xef53;
/// The state of a file system that was unmounted in order.
const STATE_CLEAN: u16 = 1;
/// The state that its driver leaves where it met errors.
const STATE_ERRORS: u16 = 2;

/// Features without which nothing here would be right.
mod incompatible {
    pub(super) const COMPRESSION: u32 = 0x1;
    pub(super) const RECOVER: u32 = 0x4;
    pub(super) const JOURNAL_DEVICE: u32 = 0x8;
    pub(super) const META_GROUPS: u32 = 0x10;
    pub(super) const SIXTY_FOUR_BITS: u32 = 0x80;
    /// Those that are known: with file types in names, extents, multi-mount protection, flexible groups, values of
    /// attributes in inodes, data in names, a seed for checksums, large directories, inline data, encryption, folded
    /// case.
    pub(super) const KNOWN: u32 = 0x2
        | RECOVER
        | META_GROUPS
        | 0x40
        | SIXTY_FOUR_BITS
        | 0x100
        | 0x200
        | 0x400
        | 0x1000
        | 0x2000
        | 0x4000
        | 0x8000
        | 0x1_0000
        | 0x2_0000;
}

/// What the superblock says.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    pub(super) type_name: &'static str,
    pub(super) block_bytes: u64,
    pub(super) blocks: u64,
    pub(super) inodes: u32,
    pub(super) inodes_per_group: u32,
    pub(super) inode_bytes: u16,
    pub(super) descriptor_bytes: u16,
    pub(super) journal_inode: u32,
    pub(super) uuid: Option<String>,
    pub(super) label: Option<String>,
    blocks_per_group: u64,
    first_block: u64,
    first_meta_group: u32,
    read_only_features: u32,
    incompatible: u32,
    state: u16,
}

impl Superblock {
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Superblock> {
        let raw = read_exact(volume, 1024, 1024)?;
        let (le16, le32) = (|at| fields::le16(&raw, at), |at| fields::le32(&raw, at));
        if le16(56)? != MAGIC {
            return Err(Error::corrupt("no ext superblock"));
        }
        let incompatible = le32(96)?;
        if incompatible & (incompatible::COMPRESSION | incompatible::JOURNAL_DEVICE) != 0
            || incompatible & !incompatible::KNOWN != 0
        {
            return Err(Error::Unsupported(format!("an ext file system with the features {incompatible:#x}")));
        }
        let is_64 = incompatible & incompatible::SIXTY_FOUR_BITS != 0;
        let high = if is_64 { u64::from(le32(0x150)?) } else { 0 };
        let superblock = Superblock {
            type_name: ext_type(&raw),
            block_bytes: 1024u64.checked_shl(le32(24)?).filter(|bytes| *bytes <= 65536).unwrap_or(0),
            blocks: high << 32 | u64::from(le32(4)?),
            inodes: le32(0)?,
            inodes_per_group: le32(40)?,
            // Revision 0 had no field for it.
            inode_bytes: if le32(76)? == 0 { 128 } else { le16(88)? },
            descriptor_bytes: if is_64 { le16(254)? } else { 32 },
            journal_inode: le32(224)?,
            uuid: fields::uuid_text(fields::slice(&raw, 104, 16)?),
            label: labels::padded(fields::slice(&raw, 120, 16)?),
            blocks_per_group: u64::from(le32(32)?),
            first_block: u64::from(le32(20)?),
            first_meta_group: le32(260)?,
            read_only_features: le32(100)?,
            incompatible,
            state: le16(58)?,
        };
        superblock.checked()
    }

    fn checked(self) -> Result<Superblock> {
        let is_sane = self.block_bytes != 0
            && self.blocks != 0
            && self.blocks.checked_mul(self.block_bytes).is_some()
            && self.first_block < self.blocks
            && self.inodes_per_group != 0
            && self.blocks_per_group != 0
            && self.inode_bytes.is_power_of_two()
            && self.inode_bytes >= 128
            && u64::from(self.inode_bytes) <= self.block_bytes
            && self.descriptor_bytes.is_power_of_two()
            && (32..=1024).contains(&self.descriptor_bytes);
        if is_sane { Ok(self) } else { Err(Error::corrupt("an ext superblock that makes no sense")) }
    }

    /// A block's length as a length of memory.
    pub(super) fn block_len(&self) -> usize {
        usize::try_from(self.block_bytes).expect("at most 64 KiB")
    }

    pub(super) fn needs_replay(&self) -> bool {
        self.incompatible & incompatible::RECOVER != 0
    }

    pub(super) fn is_clean(&self) -> bool {
        self.state & STATE_CLEAN != 0 && self.state & STATE_ERRORS == 0 && !self.needs_replay()
    }

    /// Block and place in it of a group's descriptor.
    pub(super) fn descriptor_place(&self, group: u32) -> (u64, u64) {
        let per_block = self.block_bytes / u64::from(self.descriptor_bytes);
        let (index, within) = (u64::from(group) / per_block, u64::from(group) % per_block);
        let within = within * u64::from(self.descriptor_bytes);
        // The superblock stands in block 0, or in block 1 where blocks have 1 KiB; descriptors follow it.
        let superblock = u64::from(self.block_bytes == 1024);
        let is_meta = self.incompatible & incompatible::META_GROUPS != 0 && index >= u64::from(self.first_meta_group);
        if !is_meta {
            return (superblock + 1 + index, within);
        }
        // Descriptors of as many groups as fit a block stand in the first of these groups, after its superblock's copy.
        let first = index * per_block;
        let has_copy = self.has_superblock(first);
        let start = self.first_block.saturating_add(first.saturating_mul(self.blocks_per_group));
        (start.saturating_add(u64::from(has_copy)), within)
    }

    /// Whether a group begins with a copy of the superblock: all do, or only powers of 3, 5 and 7.
    fn has_superblock(&self, group: u64) -> bool {
        const SPARSE: u32 = 0x1;
        let is_power = |base: u64| {
            let mut power = base;
            while power < group {
                power *= base;
            }
            power == group
        };
        self.read_only_features & SPARSE == 0 || group <= 1 || is_power(3) || is_power(5) || is_power(7)
    }

    /// The first block of the inode table, out of a descriptor.
    pub(super) fn inode_table_of(&self, descriptor: &[u8]) -> Result<u64> {
        let high = if self.descriptor_bytes >= 64 { u64::from(fields::le32(descriptor, 0x28)?) } else { 0 };
        Ok(high << 32 | u64::from(fields::le32(descriptor, 8)?))
    }
}
