//! ISO 9660 and UDF volumes: a volume descriptor at 32 KiB.

use super::Findings;
use crate::evidence::Evidence;
use crate::fields::{le16, le32};

const DESCRIPTOR_AT: usize = 32 * 1024;
const DESCRIPTOR_BYTES: usize = 2048;
const TYPE_PRIMARY: u8 = 1;

pub(crate) fn recognise(head: &[u8]) -> bool {
    let identifier = head.get(DESCRIPTOR_AT + 1..DESCRIPTOR_AT + 6);
    matches!(identifier, Some(b"CD001" | b"NSR02" | b"NSR03"))
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let Some(descriptor) = evidence.head.get(DESCRIPTOR_AT..DESCRIPTOR_AT + DESCRIPTOR_BYTES) else {
        return Findings::truncated("volume descriptor");
    };
    let mut findings = Findings::default();
    if descriptor[0] == TYPE_PRIMARY {
        // two 32-bit factors cannot overflow; both are stored in both byte orders, little first
        let blocks = le32(descriptor, 80).map(u64::from);
        let block_bytes = le16(descriptor, 128).map(u64::from);
        findings.virtual_size = blocks.zip(block_bytes).map(|(count, size)| count * size);
    }
    findings
}
