//! Bare disks with a partition table: a GPT or a classic MBR in the first sectors.
//!
//! The table is the guest's own business, so nothing here refuses; oddities are warnings, which only matter to who
//! declares the image to be exactly this format.

use super::Findings;
use crate::Warning;
use crate::evidence::Evidence;
use crate::fields::le32;

const MBR_ENTRIES_AT: usize = 446;
const MBR_ENTRY_BYTES: usize = 16;
const TYPE_EMPTY: u8 = 0;
const TYPE_PROTECTIVE: u8 = 0xee;

pub(crate) fn recognise(head: &[u8]) -> bool {
    let has_gpt =
        [512, 4096].into_iter().any(|sector| head.get(sector..).is_some_and(|at| at.starts_with(b"EFI PART")));
    has_gpt || (has_boot_signature(head) && !is_fat(head) && !is_linux_kernel(head))
}

fn has_boot_signature(head: &[u8]) -> bool {
    head.get(510..512) == Some(&[0x55, 0xaa])
}

/// A FAT volume's boot sector carries the same signature; two FATs on a fixed disk give it away, or its own word.
fn is_fat(head: &[u8]) -> bool {
    let named = [54, 82].into_iter().any(|at| matches!(head.get(at..at + 5), Some(b"FAT12" | b"FAT16" | b"FAT32")));
    named || (head.get(0x10) == Some(&2) && head.get(0x15) == Some(&0xf8))
}

/// So does an x86 kernel image, which is uploaded on its own beside a bare root file system.
fn is_linux_kernel(head: &[u8]) -> bool {
    head.get(0x202..0x206) == Some(b"HdrS")
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let mut findings = Findings::of_size(evidence.total);
    findings.warnings = partition_table_oddities(&evidence.head).into_iter().map(Warning::PartitionTable).collect();
    findings
}

fn partition_table_oddities(head: &[u8]) -> Vec<&'static str> {
    let Some(table) = head.get(MBR_ENTRIES_AT..MBR_ENTRIES_AT + 4 * MBR_ENTRY_BYTES) else {
        return vec!["there is no master boot record"];
    };
    let mut oddities = Vec::new();
    if !has_boot_signature(head) {
        oddities.push("there is no master boot record");
    }
    let entries = || table.chunks_exact(MBR_ENTRY_BYTES);
    let used: Vec<usize> = entries().enumerate().filter(|(_, e)| e[4] != TYPE_EMPTY).map(|(index, _)| index).collect();
    if entries().any(|entry| !matches!(entry[0], 0x00 | 0x80)) {
        oddities.push("an entry has an invalid boot flag");
    }
    let mut protective = entries().filter(|entry| entry[4] == TYPE_PROTECTIVE).peekable();
    if protective.peek().is_some() && used != [0] {
        oddities.push("there are other entries beside the protective one");
    }
    for entry in protective {
        if entry[1..4] != [0, 2, 0] {
            oddities.push("the protective entry has an invalid start in cylinder, head and sector");
        }
        if le32(entry, 8) != Some(1) {
            oddities.push("the protective entry does not start at sector 1");
        }
    }
    if used.is_empty() {
        oddities.push("there are no partitions");
    }
    oddities
}
