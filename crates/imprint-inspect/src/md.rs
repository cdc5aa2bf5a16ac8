//! Members of Linux software RAID: recognised by their superblock; those of mirrors are read as what they mirror.

use imprint_disk::ReadAt;

use crate::error::Result;
use crate::source::read_up_to;
use crate::{fields, labels};

const MAGIC: u32 = 0xa92b_4efc;
const SECTOR_BYTES: u64 = 512;
const MIRROR: u32 = 1;

/// A member of a RAID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The array's UUID.
    pub(crate) uuid: Option<String>,
    /// The array's name, in the form `host:name` where it was made with one.
    pub(crate) name: Option<String>,
    /// Where the mirrored bytes lie; none for other kinds of RAID.
    pub(crate) mirrored: Option<(u64, u64)>,
}

/// Looks for the superblock in the four places where versions put it.
pub(crate) fn member(volume: &dyn ReadAt) -> Result<Option<Member>> {
    let size = volume.size_bytes();
    let sectors = size / SECTOR_BYTES;
    let before_end = |sectors_back: u64, align: u64| {
        (sectors & !(align - 1)).checked_sub(sectors_back)?.checked_mul(SECTOR_BYTES).filter(|at| *at > 0)
    };
    for (minor, at) in [(2, Some(4096)), (1, Some(0)), (0, before_end(16, 8))] {
        let Some(at) = at else { continue };
        let superblock = read_up_to(volume, at, 256)?;
        if fields::le32(&superblock, 0).ok() == Some(MAGIC) && fields::le32(&superblock, 4).ok() == Some(1) {
            // The superblock says where it stands: what was copied elsewhere is none.
            if fields::le64(&superblock, 144)?.checked_mul(SECTOR_BYTES) == Some(at) {
                return version_1(&superblock, minor, size).map(Some);
            }
        }
    }
    let Some(at) = before_end(128, 128) else { return Ok(None) };
    let superblock = read_up_to(volume, at, 256)?;
    if fields::le32(&superblock, 0).ok() == Some(MAGIC) && fields::le32(&superblock, 4).ok() == Some(0) {
        return version_0(&superblock, at).map(Some);
    }
    Ok(None)
}

fn version_1(superblock: &[u8], minor: u32, size: u64) -> Result<Member> {
    let level = fields::le32(superblock, 72)?;
    let (start, sectors) = (fields::le64(superblock, 128)?, fields::le64(superblock, 80)?);
    let (start, len) = (start.checked_mul(SECTOR_BYTES), sectors.checked_mul(SECTOR_BYTES));
    let is_sane = start.is_some_and(|start| start < size && (start > 0 || minor == 0));
    let mirrored = start.zip(len).filter(|_| is_sane && level == MIRROR);
    Ok(Member {
        uuid: fields::uuid_text(fields::slice(superblock, 16, 16)?),
        name: labels::padded(fields::slice(superblock, 32, 32)?),
        mirrored,
    })
}

fn version_0(superblock: &[u8], at: u64) -> Result<Member> {
    let level = fields::le32(superblock, 28)?;
    let kib = u64::from(fields::le32(superblock, 32)?);
    let words = [20, 52, 56, 60].map(|at| fields::le32(superblock, at));
    let mut raw = Vec::new();
    for word in words {
        raw.extend(word?.to_be_bytes());
    }
    let mirrored = (level == MIRROR).then_some((0, (kib * 1024).min(at)));
    Ok(Member { uuid: fields::uuid_text(&raw), name: None, mirrored })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A superblock of version 1.2 on a volume of 1 MiB, whose data begin at 64 KiB.
    fn mirror(level: u32) -> Vec<u8> {
        let mut volume = vec![0; 1 << 20];
        let superblock = &mut volume[4096..];
        superblock[..4].copy_from_slice(&MAGIC.to_le_bytes());
        superblock[4..8].copy_from_slice(&1u32.to_le_bytes());
        superblock[16..32].fill(0x11);
        superblock[32..38].copy_from_slice(b"host:0");
        superblock[72..76].copy_from_slice(&level.to_le_bytes());
        superblock[80..88].copy_from_slice(&1000u64.to_le_bytes());
        superblock[128..136].copy_from_slice(&128u64.to_le_bytes());
        superblock[144..152].copy_from_slice(&8u64.to_le_bytes());
        volume
    }

    #[test]
    fn a_mirror_says_where_its_bytes_are_and_other_kinds_do_not() {
        let member = member(&mirror(1)).unwrap().unwrap();
        assert_eq!(member.mirrored, Some((64 << 10, 512_000)));
        assert_eq!(member.name.as_deref(), Some("host:0"));
        assert_eq!(member.uuid.as_deref(), Some("11111111-1111-1111-1111-111111111111"));
        assert_eq!(super::member(&mirror(5)).unwrap().unwrap().mirrored, None);
    }

    #[test]
    fn a_superblock_that_stands_elsewhere_than_it_says_is_none() {
        let mut volume = mirror(1);
        volume[4096 + 144] = 9;
        assert_eq!(member(&volume).unwrap(), None);
        assert_eq!(member(&vec![0; 100]).unwrap(), None);
    }

    #[test]
    fn data_beyond_the_volume_are_not_read() {
        let mut volume = mirror(1);
        volume[4096 + 128..4096 + 136].fill(0xff);
        assert_eq!(member(&volume).unwrap().unwrap().mirrored, None);
    }
}
