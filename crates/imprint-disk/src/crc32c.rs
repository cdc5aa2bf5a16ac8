//! CRC-32C (Castagnoli), as VHDX uses it. Only header structures of at most 64 KiB pass through here, so a plain
//! table is fast enough and saves a dependency.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut index = 0_u32;
    while index < 256 {
        let mut value = index;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        table[index as usize] = value;
        index += 1;
    }
    table
}

/// The checksum of `bytes` with the four bytes at `hole` counted as zero (that is where structures store it).
pub(crate) fn crc32c_with_hole(bytes: &[u8], hole: usize) -> u32 {
    let mut crc = u32::MAX;
    for (at, &byte) in bytes.iter().enumerate() {
        let byte = if at >= hole && at - hole < 4 { 0 } else { byte };
        let [low, ..] = crc.to_le_bytes();
        crc = (crc >> 8) ^ TABLE[usize::from(low ^ byte)];
    }
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_value_of_rfc_3720() {
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!(super::crc32c_with_hole(&bytes, usize::MAX), 0x46dd_794e);
    }
}
