//! Inodes and the forks in them.

use super::superblock::Superblock;
use crate::error::{Error, Result};
use crate::fields::{be16, be32, be64, byte};
use crate::file_system::{Kind, Metadata};

const MAGIC: u16 = 0x494e;
const CORE_BYTES: usize = 100;
const CORE_BYTES_V3: usize = 176;
const FLAG_REALTIME: u16 = 1;

/// How the data fork keeps what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The bytes themselves.
    Local,
    /// A list of extents.
    Extents {
        /// How many there are.
        count: u64,
    },
    /// The root of a tree of extents.
    Btree,
    /// Nothing that could be read: a device.
    Other,
}

/// One inode.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) mode: u16,
    pub(super) size: u64,
    pub(super) format: Format,
    pub(super) is_realtime: bool,
    bytes: Vec<u8>,
    fork: std::ops::Range<usize>,
}

impl Inode {
    pub(super) fn parse(number: u64, bytes: Vec<u8>, superblock: &Superblock) -> Result<Inode> {
        let wrong = |what: &str| Error::corrupt(format!("XFS inode {number}: {what}"));
        if be16(&bytes, 0)? != MAGIC {
            return Err(wrong("not an inode"));
        }
        let mode = be16(&bytes, 2)?;
        if mode == 0 {
            return Err(wrong("it is free"));
        }
        let version = byte(&bytes, 4)?;
        if (version == 3) != superblock.is_v5 || !(1..=3).contains(&version) {
            return Err(wrong("version"));
        }
        if version == 3 && be64(&bytes, 152)? != number {
            return Err(wrong("it says to be another"));
        }
        let core = if version == 3 { CORE_BYTES_V3 } else { CORE_BYTES };
        let attributes = usize::from(byte(&bytes, 82)?) * 8;
        let end = if attributes == 0 { bytes.len() } else { core + attributes };
        if end > bytes.len() {
            return Err(wrong("its fork leaves it"));
        }
        let size = be64(&bytes, 56)?;
        if size > i64::MAX as u64 {
            return Err(wrong("size"));
        }
        let format = match byte(&bytes, 5)? {
            1 => Format::Local,
            2 => Format::Extents { count: extent_count(&bytes, version)? },
            3 => Format::Btree,
            _ => Format::Other,
        };
        let is_realtime = be16(&bytes, 90)? & FLAG_REALTIME != 0;
        Ok(Inode { number, mode, size, format, is_realtime, fork: core..end, bytes })
    }

    /// The bytes of the data fork.
    pub(super) fn fork(&self) -> &[u8] {
        &self.bytes[self.fork.clone()]
    }

    pub(super) fn kind(&self) -> Kind {
        match self.mode & 0xf000 {
            0x8000 => Kind::File,
            0x4000 => Kind::Directory,
            0xa000 => Kind::Symlink,
            _ => Kind::Other,
        }
    }

    pub(super) fn metadata(&self) -> Metadata {
        Metadata { kind: self.kind(), size_bytes: self.size, mode: Some(u32::from(self.mode & 0o7777)) }
    }

    pub(super) fn must_be(&self, kind: Kind) -> Result<()> {
        if self.kind() == kind {
            return Ok(());
        }
        Err(Error::corrupt(format!("XFS inode {} is no {kind:?}", self.number)))
    }
}

/// With wide counters (nrext64) the count stands where older inodes keep padding.
fn extent_count(bytes: &[u8], version: u8) -> Result<u64> {
    const WIDE_COUNTERS: u64 = 1 << 4;
    if version == 3 && be64(bytes, 120)? & WIDE_COUNTERS != 0 {
        return be64(bytes, 24);
    }
    Ok(u64::from(be32(bytes, 76)?))
}
