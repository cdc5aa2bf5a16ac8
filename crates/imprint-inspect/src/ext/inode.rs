//! One inode: what it is, and what it keeps inside itself.

use crate::error::{Error, Result};
use crate::fields;
use crate::file_system::Kind;

const EXTENTS: u32 = 0x8_0000;
const ENCRYPTED: u32 = 0x800;
const INLINE_DATA: u32 = 0x1000_0000;
const EA_INODE: u32 = 0x20_0000;
/// Where the 60 bytes of block numbers, of extents or of the data themselves stand.
const BLOCKS_AT: usize = 40;
pub(super) const BLOCKS_BYTES: usize = 60;
/// The size that every inode has; what is beyond has its own length.
const OLD_BYTES: usize = 128;
const ATTRIBUTES_MAGIC: u32 = 0xea02_0000;
/// The namespace that inline data's attribute is in, and its name there.
const SYSTEM: u8 = 7;
const DATA: &[u8] = b"data";

/// An inode as it stands on the disk.
pub(super) struct Inode {
    raw: Vec<u8>,
    mode: u16,
    flags: u32,
    size: u64,
}

impl Inode {
    /// An inode of at least 128 bytes.
    pub(super) fn parse(raw: Vec<u8>) -> Result<Inode> {
        let mode = fields::le16(&raw, 0)?;
        if mode == 0 {
            return Err(Error::corrupt("an inode that is not used"));
        }
        let (low, high) = (u64::from(fields::le32(&raw, 4)?), u64::from(fields::le32(&raw, 108)?));
        let flags = fields::le32(&raw, 32)?;
        // ext2 keeps an access list where a directory's size has its upper half.
        let is_short = mode & 0xf000 != 0x8000 && flags & EXTENTS == 0;
        let size = if is_short { low } else { high << 32 | low };
        Ok(Inode { flags, mode, size, raw })
    }

    pub(super) fn kind(&self) -> Kind {
        match self.mode & 0xf000 {
            0x8000 if self.flags & EA_INODE == 0 => Kind::File,
            0x4000 => Kind::Directory,
            0xa000 => Kind::Symlink,
            _ => Kind::Other,
        }
    }

    pub(super) fn permissions(&self) -> u32 {
        u32::from(self.mode & 0xfff)
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flags & EXTENTS != 0
    }

    pub(super) fn has_inline_data(&self) -> bool {
        self.flags & INLINE_DATA != 0
    }

    /// The 60 bytes that block numbers or extents stand in.
    pub(super) fn blocks(&self) -> &[u8] {
        &self.raw[BLOCKS_AT..BLOCKS_AT + BLOCKS_BYTES]
    }

    /// The text of a symlink that is short enough to stand in the inode.
    pub(super) fn short_link(&self) -> Option<&[u8]> {
        let len = usize::try_from(self.size).ok().filter(|len| *len < BLOCKS_BYTES)?;
        let is_inside = !self.has_extents() && !self.has_inline_data() && !self.is_encrypted();
        is_inside.then(|| &self.blocks()[..len])
    }

    /// The data of a file that stand in the inode: first in place of its blocks, then in an attribute behind it.
    pub(super) fn inline_data(&self) -> Result<Option<Vec<u8>>> {
        if !self.has_inline_data() {
            return Ok(None);
        }
        let mut data = self.blocks().to_vec();
        data.extend(self.data_attribute()?);
        data.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
        Ok(Some(data))
    }

    /// The value of the attribute `system.data` behind the inode's own fields.
    fn data_attribute(&self) -> Result<Vec<u8>> {
        let Ok(extra) = fields::le16(&self.raw, OLD_BYTES) else { return Ok(Vec::new()) };
        let attributes = self.raw.get(OLD_BYTES + usize::from(extra)..).unwrap_or_default();
        if fields::le32(attributes, 0).ok() != Some(ATTRIBUTES_MAGIC) {
            return Ok(Vec::new());
        }
        let entries = &attributes[4..];
        let mut at = 0;
        // Entries end with four zeros, or with the inode.
        while fields::le32(entries, at).is_ok_and(|word| word != 0) {
            let (name_len, index) = (usize::from(fields::byte(entries, at)?), fields::byte(entries, at + 1)?);
            let (value, len) = (fields::le16(entries, at + 2)?, fields::le32(entries, at + 8)?);
            if index == SYSTEM && fields::slice(entries, at + 16, name_len)? == DATA {
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                return Ok(fields::slice(entries, usize::from(value), len)?.to_vec());
            }
            at += (16 + name_len).next_multiple_of(4);
        }
        Ok(Vec::new())
    }
}
