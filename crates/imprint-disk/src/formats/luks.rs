//! LUKS volumes: opaque but for the header. Only version 1 is accepted; its payload offset gives the virtual size.

use super::Findings;
use crate::Refusal;
use crate::evidence::Evidence;
use crate::fields::{be16, be32};
use crate::limits::SECTOR;

const HEADER_BYTES: usize = 592;

pub(crate) fn recognise(head: &[u8]) -> bool {
    head.starts_with(b"LUKS\xba\xbe")
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let header = evidence.head.get(..HEADER_BYTES);
    let Some((version, payload_sectors)) = header.and_then(|header| be16(header, 6).zip(be32(header, 104))) else {
        return Findings::truncated("LUKS header");
    };
    let mut findings = Findings::default();
    if version != 1 {
        findings.refuse(Refusal::UnsupportedVersion { what: "LUKS", version: version.into() });
        return findings;
    }
    // a 32-bit count of sectors cannot overflow
    findings.virtual_size = evidence.total.checked_sub(u64::from(payload_sectors) * SECTOR);
    findings.require_inside(findings.virtual_size.is_some(), "LUKS payload");
    findings
}
