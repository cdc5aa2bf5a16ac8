//! Virtual PC disks (VHD): big endian. A fixed disk ends in a footer; a dynamic one also starts with a copy of it,
//! followed by a header and the block allocation table.

use super::Findings;
use crate::evidence::Evidence;
use crate::fields::{array, be32, be64, fits};
use crate::limits::{KIB, MIB, SECTOR};
use crate::{Refusal, Warning};

const COOKIE: &[u8] = b"conectix";
const DYNAMIC_COOKIE: &[u8] = b"cxsparse";
const FOOTER_BYTES: usize = 512;
/// Old versions of Virtual PC wrote one byte less.
const SHORT_FOOTER_BYTES: usize = 511;
const FOOTER_CHECKSUM_AT: usize = 64;
const DYNAMIC_HEADER_AT: u64 = 512;
const DYNAMIC_HEADER_BYTES: usize = 1024;
const DYNAMIC_CHECKSUM_AT: usize = 36;
const LOCATORS_AT: usize = 576;
const LOCATOR_BYTES: usize = 24;
const LOCATORS: usize = 8;
const VERSION: u32 = 0x0001_0000;
const TYPE_FIXED: u32 = 2;
const TYPE_DYNAMIC: u32 = 3;
const TYPE_DIFFERENCING: u32 = 4;
/// The format's own limit, 2040 GiB.
const SIZE_MAX: u64 = 2040 * 1024 * MIB;
/// A geometry that stands for "too large to say": the size field counts then.
const GEOMETRY_MAX_SECTORS: u64 = 65_535 * 16 * 255;

pub(crate) fn recognise(evidence: &Evidence) -> bool {
    evidence.head.starts_with(COOKIE) || tail_footer(evidence).is_some()
}

/// The footer at the end of the stream, if there is one.
fn tail_footer(evidence: &Evidence) -> Option<&[u8]> {
    [FOOTER_BYTES, SHORT_FOOTER_BYTES]
        .into_iter()
        .filter_map(|len| evidence.last(len))
        .find(|footer| footer.starts_with(COOKIE))
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    if evidence.head.starts_with(COOKIE) { check_dynamic(evidence) } else { check_fixed(evidence) }
}

fn check_fixed(evidence: &Evidence) -> Findings {
    let tail = tail_footer(evidence);
    let Some((bytes, footer)) = tail.and_then(|bytes| Some((bytes, Footer::parse(bytes)?))) else {
        return Findings::truncated("VHD footer");
    };
    let mut findings = Findings::default();
    footer.check(bytes, &mut findings);
    // a dynamic disk would have a copy of its footer in front
    let kind_is_sound = matches!(footer.kind, TYPE_FIXED | TYPE_DIFFERENCING);
    findings.require(kind_is_sound, "VHD type", "a disk with nothing but a footer must be fixed");
    let size = footer.virtual_bytes();
    let data_bytes = evidence.total.saturating_sub(bytes.len() as u64);
    findings.require_inside(footer.current_bytes <= data_bytes && size <= data_bytes, "VHD data");
    findings.claim_size(Some(size));
    findings
}

fn check_dynamic(evidence: &Evidence) -> Findings {
    let Some(bytes) = evidence.head.get(..FOOTER_BYTES) else {
        return Findings::truncated("VHD footer copy");
    };
    let Some(footer) = Footer::parse(bytes) else {
        return Findings::truncated("VHD footer copy");
    };
    let mut findings = Findings::default();
    footer.check(bytes, &mut findings);
    let kind_is_sound = matches!(footer.kind, TYPE_DYNAMIC | TYPE_DIFFERENCING);
    findings.require(kind_is_sound, "VHD type", "a disk that starts with a footer must be dynamic");
    check_tail(&footer, evidence, &mut findings);
    findings.claim_size(Some(footer.virtual_bytes()));
    if !kind_is_sound {
        return findings;
    }
    if footer.data_offset != DYNAMIC_HEADER_AT {
        findings.require(false, "VHD data offset", "the dynamic header must follow the footer copy");
        return findings;
    }
    let header = evidence.head.get(FOOTER_BYTES..FOOTER_BYTES + DYNAMIC_HEADER_BYTES);
    let Some((header, fields)) = header.and_then(|bytes| Some((bytes, DynamicHeader::parse(bytes)?))) else {
        findings.refuse(Refusal::Truncated { field: "VHD dynamic header" });
        return findings;
    };
    fields.check(header, &footer, evidence.total, &mut findings);
    findings
}

/// The two copies of a dynamic disk's footer must agree, or readers of either would see different disks.
fn check_tail(front: &Footer, evidence: &Evidence, findings: &mut Findings) {
    match tail_footer(evidence) {
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
    }
}

/// The ones' complement of the sum of all bytes, those of the checksum itself left out.
fn checksum(bytes: &[u8], hole: usize) -> u32 {
    let counted = bytes.iter().enumerate().filter(|&(at, _)| !(hole..hole + 4).contains(&at));
    // at most 1024 bytes of 255: no overflow
    !counted.map(|(_, &byte)| u32::from(byte)).sum::<u32>()
}
