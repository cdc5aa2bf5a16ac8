//! The superblock of a btrfs.

use super::checksum;
use crate::error::{Error, Result};
use crate::fields::{byte, label_text, le16, le32, le64, slice, uuid_text};

/// Where it stands. (Copies stand at 64 MiB and 256 GiB; a kernel does not look at them when it mounts.)
pub(super) const SUPERBLOCK_OFFSET: u64 = 64 << 10;
pub(super) const SUPERBLOCK_BYTES: usize = 4096;
const MAGIC: &[u8] = b"_BHRfS_M";
const SYSTEM_CHUNKS_MAX: usize = 2048;

const INCOMPAT_METADATA_UUID: u64 = 1 << 10;
/// Everything up to zones, and simple quotas. Not among them: extent tree v2, the RAID stripe tree.
const INCOMPAT_KNOWN: u64 = 0x1fff | 1 << 16;

/// The root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Root {
    /// Logical address.
    pub(super) address: u64,
    pub(super) level: u8,
    pub(super) generation: u64,
}

/// What the superblock says, checked to be a shape that can be.
#[derive(Debug)]
pub(super) struct Superblock {
    pub(super) uuid: [u8; 16],
    /// What metadata blocks call the file system; differs after its UUID was changed.
    pub(super) metadata_uuid: [u8; 16],
    /// Bytes of this device.
    pub(super) bytes: u64,
    pub(super) node_bytes: u32,
    pub(super) sector_bytes: u32,
    /// Whether checksums are CRC-32C; others are not verified.
    pub(super) is_crc32c: bool,
    pub(super) chunk_root: Root,
    pub(super) root: Root,
    /// Whether changes wait in a log.
    pub(super) has_log: bool,
    /// Number of the device that this superblock is on.
    pub(super) device: u64,
    pub(super) label: Option<String>,
    /// Chunks that hold the chunk tree.
    pub(super) system_chunks: Vec<u8>,
}

impl Superblock {
    pub(super) fn parse(bytes: &[u8]) -> Result<Superblock> {
        if slice(bytes, 64, 8)? != MAGIC {
            return Err(Error::corrupt("no btrfs superblock"));
        }
        let wrong = |what: &str| Error::corrupt(format!("btrfs superblock: {what}"));
        let is_crc32c = le16(bytes, 196)? == 0;
        if is_crc32c && !checksum::holds(bytes) {
            return Err(wrong("checksum"));
        }
        let incompatible = le64(bytes, 188)?;
        if incompatible & !INCOMPAT_KNOWN != 0 {
            return Err(Error::Unsupported(format!("btrfs feature {:#x}", incompatible & !INCOMPAT_KNOWN)));
        }
        if le64(bytes, 48)? != SUPERBLOCK_OFFSET {
            return Err(wrong("its place"));
        }
        let (sector_bytes, node_bytes) = (le32(bytes, 144)?, le32(bytes, 148)?);
        let fits = |value: u32| value.is_power_of_two() && (4096..=64 << 10).contains(&value);
        if !fits(sector_bytes) || !fits(node_bytes) || node_bytes < sector_bytes {
            return Err(wrong("block sizes"));
        }
        let system_bytes = usize::try_from(le32(bytes, 160)?).map_err(|_| wrong("system chunks"))?;
        if system_bytes > SYSTEM_CHUNKS_MAX {
            return Err(wrong("system chunks"));
        }
        let uuid = uuid(bytes, 32)?;
        let has_other_uuid = incompatible & INCOMPAT_METADATA_UUID != 0;
        Ok(Superblock {
            uuid,
            metadata_uuid: if has_other_uuid { self::uuid(bytes, 571)? } else { uuid },
            bytes: le64(bytes, 209)?,
            node_bytes,
            sector_bytes,
            is_crc32c,
            chunk_root: Root { address: le64(bytes, 88)?, level: byte(bytes, 199)?, generation: le64(bytes, 164)? },
            root: Root { address: le64(bytes, 80)?, level: byte(bytes, 198)?, generation: le64(bytes, 72)? },
            has_log: le64(bytes, 96)? != 0,
            device: le64(bytes, 201)?,
            label: label_text(slice(bytes, 299, 256)?),
            system_chunks: slice(bytes, 811, system_bytes)?.to_vec(),
        })
    }

    pub(super) fn uuid_text(&self) -> Option<String> {
        uuid_text(&self.uuid)
    }
}

fn uuid(bytes: &[u8], at: usize) -> Result<[u8; 16]> {
    slice(bytes, at, 16).map(|field| <[u8; 16]>::try_from(field).expect("sixteen bytes were asked for"))
}
