//! The structures of a VHD and what they must say.

use crate::fields::{array, be32, be64, fits};
use crate::formats::Findings;
use crate::formats::blocks::table::TABLE_BYTES_MAX;
use crate::limits::{KIB, MIB, SECTOR};
use crate::{Refusal, Warning};

pub(super) const COOKIE: &[u8; 8] = b"conectix";
pub(super) const DYNAMIC_COOKIE: &[u8; 8] = b"cxsparse";
pub(super) const FOOTER_BYTES: usize = 512;
/// Footer copy and dynamic header.
pub(super) const HEAD_BYTES: usize = FOOTER_BYTES + DYNAMIC_HEADER_BYTES;
/// Old versions of Virtual PC wrote one byte less.
const SHORT_FOOTER_BYTES: usize = 511;
pub(super) const FOOTER_CHECKSUM_AT: usize = 64;
pub(super) const DYNAMIC_HEADER_AT: u64 = 512;
pub(super) const DYNAMIC_HEADER_BYTES: usize = 1024;
pub(super) const DYNAMIC_CHECKSUM_AT: usize = 36;
const LOCATORS_AT: usize = 576;
const LOCATOR_BYTES: usize = 24;
const LOCATORS: usize = 8;
pub(super) const VERSION: u32 = 0x0001_0000;
pub(super) const TYPE_FIXED: u32 = 2;
pub(super) const TYPE_DYNAMIC: u32 = 3;
const TYPE_DIFFERENCING: u32 = 4;
/// The format's own limit, 2040 GiB.
pub(super) const SIZE_MAX: u64 = 2040 * 1024 * MIB;
/// A geometry that stands for "too large to say": the size field counts then.
const GEOMETRY_MAX_SECTORS: u64 = 65_535 * 16 * 255;

/// What a VHD's structures say of where its disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// The disk is the start of the file.
    Fixed { size: u64 },
    /// The disk is in blocks.
    Dynamic { size: u64, table_offset: u64, block_bytes: u64 },
}

/// The footer at the end of the file, if there is one in its last bytes.
pub(super) fn tail_footer(tail: &[u8]) -> Option<&[u8]> {
    [FOOTER_BYTES, SHORT_FOOTER_BYTES]
        .into_iter()
        .filter_map(|len| tail.get(tail.len().checked_sub(len)?..))
        .find(|footer| footer.starts_with(COOKIE))
}

pub(super) fn is_recognised(head: &[u8], tail: &[u8]) -> bool {
    head.starts_with(COOKIE) || tail_footer(tail).is_some()
}

/// Checks a file by its first bytes (at least [`HEAD_BYTES`] if it has them) and its last (at least [`FOOTER_BYTES`]).
/// The layout is there whenever nothing is refused.
pub(super) fn examine(head: &[u8], tail: &[u8], file_bytes: u64) -> (Findings, Option<Layout>) {
    if head.starts_with(COOKIE) { dynamic(head, tail, file_bytes) } else { fixed(tail, file_bytes) }
}

fn fixed(tail: &[u8], file_bytes: u64) -> (Findings, Option<Layout>) {
    let tail = tail_footer(tail);
    let Some((bytes, footer)) = tail.and_then(|bytes| Some((bytes, Footer::parse(bytes)?))) else {
        return (Findings::truncated("VHD footer"), None);
    };
    let mut findings = Findings::default();
    footer.check(bytes, &mut findings);
    // a dynamic disk would have a copy of its footer in front
    let kind_is_sound = matches!(footer.kind, TYPE_FIXED | TYPE_DIFFERENCING);
    findings.require(kind_is_sound, "VHD type", "a disk with nothing but a footer must be fixed");
    let size = footer.virtual_bytes();
    let data_bytes = file_bytes.saturating_sub(bytes.len() as u64);
    findings.require_inside(footer.current_bytes <= data_bytes && size <= data_bytes, "VHD data");
    findings.claim_size(Some(size));
    (findings, Some(Layout::Fixed { size }))
}

fn dynamic(head: &[u8], tail: &[u8], file_bytes: u64) -> (Findings, Option<Layout>) {
    let footer = head.get(..FOOTER_BYTES);
    let Some((bytes, footer)) = footer.and_then(|bytes| Some((bytes, Footer::parse(bytes)?))) else {
        return (Findings::truncated("VHD footer copy"), None);
    };
    let mut findings = Findings::default();
    footer.check(bytes, &mut findings);
    let kind_is_sound = matches!(footer.kind, TYPE_DYNAMIC | TYPE_DIFFERENCING);
    findings.require(kind_is_sound, "VHD type", "a disk that starts with a footer must be dynamic");
    check_tail(&footer, tail, &mut findings);
    findings.claim_size(Some(footer.virtual_bytes()));
    if !kind_is_sound {
        return (findings, None);
    }
    if footer.data_offset != DYNAMIC_HEADER_AT {
        findings.require(false, "VHD data offset", "the dynamic header must follow the footer copy");
        return (findings, None);
    }
    let header = head.get(FOOTER_BYTES..FOOTER_BYTES + DYNAMIC_HEADER_BYTES);
    let Some((bytes, header)) = header.and_then(|bytes| Some((bytes, DynamicHeader::parse(bytes)?))) else {
        findings.refuse(Refusal::Truncated { field: "VHD dynamic header" });
        return (findings, None);
    };
    header.check(bytes, &footer, file_bytes, &mut findings);
    let layout = Layout::Dynamic {
        size: footer.virtual_bytes(),
        table_offset: header.table_offset,
        block_bytes: header.block_bytes.into(),
    };
    (findings, Some(layout))
}

/// The two copies of a dynamic disk's footer must agree, or readers of either would see different disks.
fn check_tail(front: &Footer, tail: &[u8], findings: &mut Findings) {
    match tail_footer(tail) {
        None => findings.warnings.push(Warning::FooterMissing),
        Some(bytes) => findings.require(
            Footer::parse(bytes).is_some_and(|tail| tail == *front),
            "VHD footer",
            "it must equal its copy at the front",
        ),
    }
}

#[derive(PartialEq, Eq)]
struct Footer {
    version: u32,
    data_offset: u64,
    creator: [u8; 4],
    current_bytes: u64,
    geometry_sectors: u64,
    kind: u32,
}

impl Footer {
    fn parse(bytes: &[u8]) -> Option<Footer> {
        let [cylinders_high, cylinders_low, heads, sectors] = array(bytes, 56)?;
        let cylinders = u64::from(u16::from_be_bytes([cylinders_high, cylinders_low]));
        Some(Footer {
            version: be32(bytes, 12)?,
            data_offset: be64(bytes, 16)?,
            creator: array(bytes, 28)?,
            current_bytes: be64(bytes, 48)?,
            geometry_sectors: cylinders * u64::from(heads) * u64::from(sectors),
            kind: be32(bytes, 60)?,
        })
    }

    /// Virtual PC and QEMU's default mode take the size from the geometry, everybody else from the size field.
    fn virtual_bytes(&self) -> u64 {
        let by_geometry = matches!(&self.creator, b"vpc " | b"qemu");
        if by_geometry && self.geometry_sectors != 0 && self.geometry_sectors < GEOMETRY_MAX_SECTORS {
            self.geometry_sectors * SECTOR
        } else {
            self.current_bytes
        }
    }

    fn check(&self, bytes: &[u8], findings: &mut Findings) {
        let checksum_holds = be32(bytes, FOOTER_CHECKSUM_AT) == Some(checksum(bytes, FOOTER_CHECKSUM_AT));
        findings.refuse_if(!checksum_holds, Refusal::BadChecksum { field: "VHD footer" });
        if self.version != VERSION {
            findings.refuse(Refusal::UnsupportedVersion { what: "VHD", version: self.version });
        }
        findings.refuse_if(self.kind == TYPE_DIFFERENCING, Refusal::Differencing);
        findings.refuse_if(self.current_bytes > SIZE_MAX, Refusal::SizeAbsurd { bytes: self.current_bytes });
    }
}

struct DynamicHeader {
    table_offset: u64,
    version: u32,
    entries: u32,
    block_bytes: u32,
}

impl DynamicHeader {
    fn parse(bytes: &[u8]) -> Option<DynamicHeader> {
        Some(DynamicHeader {
            table_offset: be64(bytes, 16)?,
            version: be32(bytes, 24)?,
            entries: be32(bytes, 28)?,
            block_bytes: be32(bytes, 32)?,
        })
    }

    fn check(&self, bytes: &[u8], footer: &Footer, file_bytes: u64, findings: &mut Findings) {
        findings.require(bytes.starts_with(DYNAMIC_COOKIE), "VHD dynamic header", "its signature is missing");
        let checksum_holds = be32(bytes, DYNAMIC_CHECKSUM_AT) == Some(checksum(bytes, DYNAMIC_CHECKSUM_AT));
        findings.refuse_if(!checksum_holds, Refusal::BadChecksum { field: "VHD dynamic header" });
        if self.version != VERSION {
            findings.refuse(Refusal::UnsupportedVersion { what: "VHD dynamic header", version: self.version });
        }
        let locators = bytes[LOCATORS_AT..].chunks_exact(LOCATOR_BYTES).take(LOCATORS);
        // a locator is in use when it names a platform
        let names_parent = locators.into_iter().any(|locator| locator[..4] != [0; 4]);
        findings.refuse_if(names_parent, Refusal::Differencing);

        let block = u64::from(self.block_bytes);
        let block_is_sound = block.is_power_of_two() && (4 * KIB..=256 * MIB).contains(&block);
        findings.require(block_is_sound, "VHD block size", "a power of two between 4 KiB and 256 MiB");
        let entries = u64::from(self.entries);
        let size = footer.current_bytes.max(footer.virtual_bytes());
        // two 32-bit factors cannot overflow
        findings.require(entries * block >= size, "VHD block table", "its blocks must cover the disk");
        let behind_header = self.table_offset >= DYNAMIC_HEADER_AT + DYNAMIC_HEADER_BYTES as u64;
        findings.require(behind_header, "VHD block table", "it must lie behind the headers");
        findings.require_inside(fits(self.table_offset, entries, 4, file_bytes), "VHD block table");
        findings.require(entries * 4 <= TABLE_BYTES_MAX, "VHD block table", "it may not exceed 512 MiB");
    }
}

/// The checksum of a structure that stores it in the four bytes from `hole` on.
pub(super) fn checksum(bytes: &[u8], hole: usize) -> u32 {
    !byte_sum(bytes, hole)
}

/// The sum of all bytes but the four from `hole` on.
pub(crate) fn byte_sum(bytes: &[u8], hole: usize) -> u32 {
    let counted = bytes.iter().enumerate().filter(|&(at, _)| !(hole..hole + 4).contains(&at));
    // at most 1024 bytes of 255: no overflow
    counted.map(|(_, &byte)| u32::from(byte)).sum()
}
