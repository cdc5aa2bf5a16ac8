//! The first sector of an XFS: its shape and features.

use crate::error::{Error, Result};
use crate::fields::{be16, be32, be64, byte, label_text, slice, uuid_text};

/// Bytes of the superblock that are looked at.
pub(super) const SUPERBLOCK_BYTES: usize = 512;
pub(super) const MAGIC: u32 = 0x5846_5342;

const VERSION_DIRECTORY_V2: u16 = 0x2000;
const VERSION_CASE_BLIND: u16 = 0x4000;
const VERSION_MORE: u16 = 0x8000;
const FEATURES2_FILE_TYPE: u32 = 0x0200;

const INCOMPAT_FILE_TYPE: u32 = 0x0001;
const INCOMPAT_NEEDS_REPAIR: u32 = 0x0010;
/// ftype, sparse inodes, meta UUID, bigtime, needs repair, nrext64, exchange range, parent pointers, metadata directory.
const INCOMPAT_KNOWN: u32 = 0x01ff;

/// What the superblock says, checked to be a shape that can be.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    /// Bytes of a block.
    pub(super) block_bytes: u32,
    /// log2 of the above.
    pub(super) block_log: u32,
    pub(super) blocks: u64,
    /// Blocks of an allocation group.
    pub(super) group_blocks: u32,
    pub(super) groups: u32,
    /// Bits of a block number that count inside its group.
    pub(super) group_block_log: u32,
    pub(super) inode_bytes: u16,
    /// Bits of an inode number that count inside its block.
    pub(super) inodes_per_block_log: u32,
    /// Bytes of a block of a directory.
    pub(super) directory_block_bytes: u32,
    pub(super) root_inode: u64,
    /// Whether metadata carry checksums and owners (version 5).
    pub(super) is_v5: bool,
    /// Whether directory entries carry the type of what they name.
    pub(super) has_file_type: bool,
    pub(super) ignores_case: bool,
    /// First byte and bytes of the log; none when it is on another device.
    pub(super) log: Option<(u64, u64)>,
    /// Whether it was made wholly and nobody asked for a repair.
    pub(super) is_sound: bool,
    pub(super) label: Option<String>,
    pub(super) uuid: Option<String>,
}

impl Superblock {
    pub(super) fn parse(bytes: &[u8]) -> Result<Superblock> {
        if be32(bytes, 0)? != MAGIC {
            return Err(Error::corrupt("no XFS superblock"));
        }
        let version = be16(bytes, 100)?;
        let is_v5 = match version & 0xf {
            4 => false,
            5 => true,
            other => return Err(Error::Unsupported(format!("XFS version {other}"))),
        };
        if version & VERSION_DIRECTORY_V2 == 0 {
            return Err(Error::Unsupported("XFS with directories of version 1".into()));
        }
        let incompatible = if is_v5 { be32(bytes, 216)? } else { 0 };
        if incompatible & !INCOMPAT_KNOWN != 0 {
            return Err(Error::Unsupported(format!("XFS feature {:#x}", incompatible & !INCOMPAT_KNOWN)));
        }
        let features2 = if version & VERSION_MORE != 0 { be32(bytes, 200)? } else { 0 };
        let file_type = if is_v5 { incompatible & INCOMPAT_FILE_TYPE } else { features2 & FEATURES2_FILE_TYPE };

        let mut superblock = Superblock {
            block_bytes: be32(bytes, 4)?,
            block_log: u32::from(byte(bytes, 120)?),
            blocks: be64(bytes, 8)?,
            group_blocks: be32(bytes, 84)?,
            groups: be32(bytes, 88)?,
            group_block_log: u32::from(byte(bytes, 124)?),
            inode_bytes: be16(bytes, 104)?,
            inodes_per_block_log: u32::from(byte(bytes, 123)?),
            directory_block_bytes: 0,
            root_inode: be64(bytes, 56)?,
            is_v5,
            has_file_type: file_type != 0,
            ignores_case: version & VERSION_CASE_BLIND != 0,
            log: None,
            is_sound: byte(bytes, 126)? == 0 && incompatible & INCOMPAT_NEEDS_REPAIR == 0,
            label: label_text(slice(bytes, 108, 12)?),
            uuid: uuid_text(slice(bytes, 32, 16)?),
        };
        superblock.check(u32::from(byte(bytes, 122)?))?;
        superblock.directory_block_bytes = superblock.directory_blocks(u32::from(byte(bytes, 192)?))?;
        superblock.log = superblock.log_range(be64(bytes, 48)?, be32(bytes, 96)?)?;
        Ok(superblock)
    }

    fn check(&self, inode_log: u32) -> Result<()> {
        let wrong = |what: &str| Err(Error::corrupt(format!("XFS superblock: {what}")));
        if !(9..=16).contains(&self.block_log) || self.block_bytes != 1 << self.block_log {
            return wrong("block size");
        }
        if !(8..=11).contains(&inode_log)
            || u32::from(self.inode_bytes) != 1 << inode_log
            || inode_log > self.block_log
            || self.inodes_per_block_log != self.block_log - inode_log
            || (self.is_v5 && inode_log < 9)
        {
            return wrong("inode size");
        }
        if self.groups == 0 || self.group_blocks < 64 || self.group_block_log != ceil_log2(self.group_blocks) {
            return wrong("allocation groups");
        }
        let most = u64::from(self.groups) * u64::from(self.group_blocks);
        if self.blocks > most || self.blocks <= most - u64::from(self.group_blocks) {
            return wrong("size");
        }
        if self.blocks.checked_mul(u64::from(self.block_bytes)).is_none_or(|bytes| bytes > i64::MAX as u64) {
            return wrong("size");
        }
        Ok(())
    }

    fn directory_blocks(&self, log: u32) -> Result<u32> {
        if log > 16 - self.block_log {
            return Err(Error::corrupt("XFS superblock: directory block size"));
        }
        Ok(self.block_bytes << log)
    }

    fn log_range(&self, block: u64, blocks: u32) -> Result<Option<(u64, u64)>> {
        if block == 0 {
            return Ok(None);
        }
        let start = self.block_offset(block)?;
        let bytes = u64::from(blocks) * u64::from(self.block_bytes);
        if bytes == 0 || start + bytes > self.bytes() {
            return Err(Error::corrupt("XFS superblock: log"));
        }
        Ok(Some((start, bytes)))
    }

    /// The size of the file system.
    pub(super) fn bytes(&self) -> u64 {
        self.blocks * u64::from(self.block_bytes)
    }

    /// Where a block (by its number of group and block) begins.
    pub(super) fn block_offset(&self, block: u64) -> Result<u64> {
        let group = block >> self.group_block_log;
        let inside = block & ((1 << self.group_block_log) - 1);
        if group >= u64::from(self.groups) || inside >= u64::from(self.group_blocks) {
            return Err(Error::corrupt(format!("XFS block {block:#x} does not exist")));
        }
        Ok((group * u64::from(self.group_blocks) + inside) << self.block_log)
    }

    /// Where an inode begins.
    pub(super) fn inode_offset(&self, inode: u64) -> Result<u64> {
        let block = self.block_offset(inode >> self.inodes_per_block_log)?;
        let index = inode & ((1 << self.inodes_per_block_log) - 1);
        Ok(block + index * u64::from(self.inode_bytes))
    }
}

fn ceil_log2(value: u32) -> u32 {
    u32::BITS - (value - 1).leading_zeros()
}
