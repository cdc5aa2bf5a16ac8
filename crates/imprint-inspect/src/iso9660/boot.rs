//! El Torito: which firmware a disc can be started by.

use imprint_disk::ReadAt;

use super::{DESCRIPTOR_BYTES, DESCRIPTORS_AT, DESCRIPTORS_MAX, END, ID};
use crate::error::Result;
use crate::fields;
use crate::source::{read_exact, read_up_to};

const BOOT_RECORD: u8 = 0;
const SPECIFICATION: &[u8] = b"EL TORITO SPECIFICATION";
/// How much of the catalogue is read.
const CATALOGUE_BYTES: usize = 2048;
/// Headers of sections: one that others follow, and the last.
const SECTIONS: [u8; 2] = [0x90, 0x91];
const BOOTABLE: u8 = 0x88;

/// The platforms that the boot catalogue has an entry for: 0 is BIOS, 0xef is UEFI.
pub(crate) fn platforms(volume: &dyn ReadAt) -> Result<Vec<u8>> {
    for index in 0..DESCRIPTORS_MAX {
        let Ok(descriptor) = read_exact(volume, DESCRIPTORS_AT + index * DESCRIPTOR_BYTES, 2048) else { break };
        if &descriptor[1..6] != ID || descriptor[0] == END {
            break;
        }
        if descriptor[0] == BOOT_RECORD && descriptor[7..].starts_with(SPECIFICATION) {
            let block = u64::from(fields::le32(&descriptor, 71)?);
            return Ok(catalogue(&read_up_to(volume, block * DESCRIPTOR_BYTES, CATALOGUE_BYTES)?));
        }
    }
    Ok(Vec::new())
}

fn catalogue(bytes: &[u8]) -> Vec<u8> {
    let mut platforms = Vec::new();
    let mut platform = 0;
    for (entry, index) in bytes.chunks_exact(32).zip(0..) {
        match entry[0] {
            1 if index == 0 && entry[30..] == [0x55, 0xaa] => platform = entry[1],
            _ if index == 0 => break,
            first if SECTIONS.contains(&first) => platform = entry[1],
            BOOTABLE if !platforms.contains(&platform) => platforms.push(platform),
            BOOTABLE | 0x44 => {}
            _ => break,
        }
    }
    platforms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_tells_its_platforms_and_ends_where_it_makes_no_sense() {
        let mut bytes = vec![0; CATALOGUE_BYTES];
        (bytes[0], bytes[30], bytes[31]) = (1, 0x55, 0xaa);
        bytes[32] = BOOTABLE;
        (bytes[64], bytes[65]) = (0x91, 0xef);
        bytes[96] = BOOTABLE;
        assert_eq!(catalogue(&bytes), [0, 0xef]);
        bytes[30] = 0;
        assert!(catalogue(&bytes).is_empty());
    }
}
