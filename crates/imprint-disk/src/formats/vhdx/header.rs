//! The two headers of a VHDX, of which the newer valid one counts.

use super::CHECKSUM_AT;
use crate::Refusal;
use crate::crc32c::crc32c_with_hole;
use crate::fields::{array, le16, le32, le64};
use crate::formats::Findings;
use crate::limits::MIB;

pub(super) const NO_GUID: [u8; 16] = [0; 16];
pub(super) const VERSION: u16 = 1;

/// The fields that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    sequence: u64,
    pub(super) log_guid: [u8; 16],
    log_version: u16,
    version: u16,
    pub(super) log_bytes: u32,
    pub(super) log_offset: u64,
}

impl Header {
    /// A header whose signature or checksum is wrong is as good as absent: that is what there are two for.
    fn parse(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.first_chunk::<4096>()?;
        let is_valid = bytes.starts_with(b"head") && le32(bytes, 4)? == crc32c_with_hole(bytes, CHECKSUM_AT);
        is_valid.then_some(())?;
        Some(Header {
            sequence: le64(bytes, 8)?,
            log_guid: array(bytes, 48)?,
            log_version: le16(bytes, 64)?,
            version: le16(bytes, 66)?,
            log_bytes: le32(bytes, 68)?,
            log_offset: le64(bytes, 72)?,
        })
    }

    /// The header that counts, and what speaks against it.
    pub(super) fn current(copies: [&[u8]; 2], findings: &mut Findings) -> Option<Header> {
        let field = "VHDX header";
        let mut valid: Vec<Header> = copies.into_iter().filter_map(Header::parse).collect();
        valid.sort_by_key(|header| header.sequence);
        if let [one, other] = valid.as_slice() {
            findings.require(one.sequence != other.sequence || one == other, field, "both copies claim to be current");
        }
        let Some(current) = valid.pop() else {
            findings.refuse(Refusal::BadChecksum { field });
            return None;
        };
        if current.version != VERSION {
            findings.refuse(Refusal::UnsupportedVersion { what: "VHDX", version: current.version.into() });
        }
        if current.has_log() && current.log_version != 0 {
            findings.refuse(Refusal::UnsupportedVersion { what: "VHDX log", version: current.log_version.into() });
        }
        let log_is_placed = current.log_offset >= MIB
            && current.log_offset.is_multiple_of(MIB)
            && u64::from(current.log_bytes).is_multiple_of(MIB);
        findings.require(log_is_placed || current.log_bytes == 0, "VHDX log", "it must be placed in units of 1 MiB");
        Some(current)
    }

    /// Whether the log holds changes that may not have reached their places.
    pub(super) fn has_log(&self) -> bool {
        self.log_guid != NO_GUID
    }
}
