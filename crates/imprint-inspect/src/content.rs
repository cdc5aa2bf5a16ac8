//! What a volume holds, told by the magic numbers of its first and last bytes.
//!
//! What lives here: recognition, with UUID and label where they are simple to read. What never does: following anything.

use imprint_disk::ReadAt;

use crate::error::Result;
use crate::source::read_up_to;
use crate::{fields, labels};

/// What a volume holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// As `blkid` names it.
    pub(crate) type_name: &'static str,
    pub(crate) uuid: Option<String>,
    pub(crate) label: Option<String>,
}

/// How much of a volume's beginning is looked at.
const HEAD_BYTES: usize = 132 << 10;
/// Where the volume descriptors of ISO 9660 and UDF begin.
const DESCRIPTORS: usize = 32 << 10;
/// Page sizes that swap space may have been made with: its magic ends the first page.
const PAGES: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];

/// A magic number, where it stands, and what else is known.
struct Magic {
    type_name: &'static str,
    at: usize,
    magic: &'static [u8],
    uuid: Option<Id>,
    label: Option<(usize, usize)>,
}

/// Where an identifier stands, and how it is written.
enum Id {
    Bytes(usize),
    Text(usize, usize),
}

const fn magic(type_name: &'static str, at: usize, magic: &'static [u8]) -> Magic {
    Magic { type_name, at, magic, uuid: None, label: None }
}

/// In the order in which they are looked for: what holds other volumes comes before what may be left over inside.
const MAGICS: &[Magic] = &[
    Magic {
        type_name: "crypto_LUKS",
        at: 0,
        magic: b"LUKS\xba\xbe",
        uuid: Some(Id::Text(168, 40)),
        label: Some((24, 48)),
    },
    Magic { type_name: "BitLocker", at: 3, magic: b"-FVE-FS-", uuid: None, label: None },
    magic("bcache", 4096 + 24, &[0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca]),
    magic("ReFS", 3, b"ReFS\0\0\0\0"),
    magic("exfat", 3, b"EXFAT   "),
    magic("ntfs", 3, b"NTFS    "),
    Magic { type_name: "xfs", at: 0, magic: b"XFSB", uuid: Some(Id::Bytes(32)), label: Some((108, 12)) },
    Magic {
        type_name: "btrfs",
        at: 65536 + 64,
        magic: b"_BHRfS_M",
        uuid: Some(Id::Bytes(65536 + 32)),
        label: Some((65536 + 299, 256)),
    },
    Magic {
        type_name: "f2fs",
        at: 1024,
        magic: &[0x10, 0x20, 0xf5, 0xf2],
        uuid: Some(Id::Bytes(1024 + 108)),
        label: None,
    },
    Magic {
        type_name: "erofs",
        at: 1024,
        magic: &[0xe2, 0xe1, 0xf5, 0xe0],
        uuid: Some(Id::Bytes(1024 + 48)),
        label: Some((1024 + 64, 16)),
    },
    Magic {
        type_name: "nilfs2",
        at: 1024 + 6,
        magic: &[0x34, 0x34, 0x00, 0x04],
        uuid: Some(Id::Bytes(1024 + 152)),
        label: Some((1024 + 168, 80)),
    },
    Magic {
        type_name: "reiserfs",
        at: 65536 + 52,
        magic: b"ReIsEr",
        uuid: Some(Id::Bytes(65536 + 84)),
        label: Some((65536 + 100, 16)),
    },
    Magic {
        type_name: "jfs",
        at: DESCRIPTORS,
        magic: b"JFS1",
        uuid: Some(Id::Bytes(DESCRIPTORS + 136)),
        label: Some((DESCRIPTORS + 152, 16)),
    },
    Magic {
        type_name: "bcachefs",
        at: 4096 + 24,
        magic: &[0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9],
        uuid: Some(Id::Bytes(4096 + 56)),
        label: Some((4096 + 72, 32)),
    },
    Magic { type_name: "apfs", at: 32, magic: b"NXSB", uuid: Some(Id::Bytes(72)), label: None },
    magic("hfsplus", 1024, b"H+\0\x04"),
    magic("hfsplus", 1024, b"HX\0\x05"),
    magic("squashfs", 0, b"hsqs"),
    magic("cramfs", 0, &[0x45, 0x3d, 0xcd, 0x28]),
    magic("romfs", 0, b"-rom1fs-"),
    magic("ufs", 65536 + 1372, &[0x19, 0x01, 0x54, 0x19]),
    magic("ufs", 8192 + 1372, &[0x54, 0x19, 0x01, 0x00]),
    magic("zfs_member", (128 << 10) + 1024, &[0x0c, 0xb1, 0xba, 0x00, 0, 0, 0, 0]),
    magic("zfs_member", 128 << 10, &[0x0c, 0xb1, 0xba, 0x00, 0, 0, 0, 0]),
];

/// What a volume holds, where that is known.
pub(crate) fn recognise(volume: &dyn ReadAt) -> Result<Option<Content>> {
    let head = read_up_to(volume, 0, HEAD_BYTES)?;
    if let Some(content) = swap(&head) {
        return Ok(Some(content));
    }
    let is = |magic: &&Magic| head.get(magic.at..).is_some_and(|rest| rest.starts_with(magic.magic));
    if let Some(magic) = MAGICS.iter().find(is) {
        let mut content = describe(magic, &head);
        if content.type_name == "ntfs" {
            content.uuid = fields::le64(&head, 72).ok().map(|serial| format!("{serial:016X}"));
        } else if content.type_name == "exfat" {
            content.uuid = fields::le32(&head, 100).ok().map(serial_text);
        }
        return Ok(Some(content));
    }
    Ok(ext(&head).or_else(|| descriptors(&head)).or_else(|| fat(&head)))
}

/// A volume's serial number as DOS shows it.
pub(crate) fn serial_text(serial: u32) -> String {
    format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff)
}

fn describe(magic: &Magic, head: &[u8]) -> Content {
    let uuid = match magic.uuid {
        Some(Id::Bytes(at)) => fields::slice(head, at, 16).ok().and_then(fields::uuid_text),
        Some(Id::Text(at, len)) => fields::slice(head, at, len).ok().and_then(labels::padded),
        None => None,
    };
    let label = magic.label.and_then(|(at, len)| fields::slice(head, at, len).ok()).and_then(labels::padded);
    // Version 1 of LUKS has other fields where version 2 has the label.
    let has_label = magic.type_name != "crypto_LUKS" || fields::be16(head, 6).is_ok_and(|version| version == 2);
    Content { type_name: magic.type_name, uuid, label: label.filter(|_| has_label) }
}

fn swap(head: &[u8]) -> Option<Content> {
    let is = |page: &usize| {
        let magic = head.get(page - 10..*page);
        magic.is_some_and(|magic| magic == b"SWAPSPACE2" || magic == b"SWAP-SPACE")
    };
    PAGES.iter().find(|page| is(page))?;
    let uuid = fields::slice(head, 1024 + 12, 16).ok().and_then(fields::uuid_text);
    let label = fields::slice(head, 1024 + 28, 16).ok().and_then(labels::padded);
    Some(Content { type_name: "swap", uuid, label })
}

/// ext2, ext3 and ext4 share a magic number; the features tell them apart as `blkid` does.
fn ext(head: &[u8]) -> Option<Content> {
    let superblock = head.get(1024..2048)?;
    if fields::le16(superblock, 56).ok()? != 0xef53 {
        return None;
    }
    Some(Content {
        type_name: ext_type(superblock),
        uuid: fields::uuid_text(&superblock[104..120]),
        label: labels::padded(&superblock[120..136]),
    })
}

/// Which of the three a superblock is of. It has its 1024 bytes.
pub(crate) fn ext_type(superblock: &[u8]) -> &'static str {
    /// What ext3 may have: journal recovery, file types, meta block groups; sparse superblocks, large files, btrees.
    const EXT3_INCOMPATIBLE: u32 = 0x2 | 0x4 | 0x10;
    const EXT3_READ_ONLY: u32 = 0x1 | 0x2 | 0x4;
    const HAS_JOURNAL: u32 = 0x4;
    const JOURNAL_DEVICE: u32 = 0x8;
    let field = |at| fields::le32(superblock, at).unwrap_or_default();
    let (compatible, incompatible, read_only) = (field(92), field(96), field(100));
    if incompatible & JOURNAL_DEVICE != 0 {
        "jbd"
    } else if incompatible & !EXT3_INCOMPATIBLE != 0 || read_only & !EXT3_READ_ONLY != 0 {
        "ext4"
    } else if compatible & HAS_JOURNAL != 0 {
        "ext3"
    } else {
        "ext2"
    }
}

/// ISO 9660 and UDF, whose descriptors stand in the same place; a bridge of both is a UDF volume.
fn descriptors(head: &[u8]) -> Option<Content> {
    let mut is_iso = false;
    let mut is_udf = false;
    for descriptor in head.get(DESCRIPTORS..)?.chunks_exact(2048) {
        match &descriptor[1..6] {
            b"CD001" => is_iso = true,
            b"NSR02" | b"NSR03" => is_udf = true,
            b"BEA01" | b"TEA01" | b"BOOT2" => {}
            _ => break,
        }
    }
    // UDF on a disk with sectors of 4 KiB has its descriptors further apart.
    is_udf |= [DESCRIPTORS + 4096, DESCRIPTORS + 2048]
        .iter()
        .any(|at| head.get(at + 1..at + 6).is_some_and(|id| id == b"NSR02" || id == b"NSR03"));
    let type_name = match (is_iso, is_udf) {
        (true, _) => "iso9660",
        (false, true) => "udf",
        _ => return None,
    };
    Some(Content { type_name, uuid: None, label: None })
}

/// FAT has no magic number that can be relied on: its parameters must make sense.
fn fat(head: &[u8]) -> Option<Content> {
    let parameters = crate::fat::Parameters::parse(head.get(..512)?)?;
    Some(Content { type_name: "vfat", uuid: parameters.uuid(), label: None })
}
