//! Joining the CRC-32s of whole blocks into the CRC-32 of the chunk they form, so that the checksum the cutter
//! computes anyway also guards the record. Never computes a CRC over bytes: `crc32fast` does.

use std::sync::LazyLock;

use crate::chunk::BLOCK_BYTES;

/// CRC-32 (IEEE), reflected.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// What appending one block of zero bytes does to a CRC register, by byte of the register.
static SHIFT: LazyLock<Box<[[u32; 256]; 4]>> = LazyLock::new(|| {
    let mut tables = Box::new([[0; 256]; 4]);
    for bit in 0..32_u8 {
        let moved = after_zero_block(1 << bit);
        let (table, bit) = (&mut tables[usize::from(bit / 8)], bit % 8);
        for (byte, cell) in (0_u32..).zip(table.iter_mut()) {
            if byte >> bit & 1 == 1 {
                *cell ^= moved;
            }
        }
    }
    tables
});

fn after_zero_block(mut register: u32) -> u32 {
    for _ in 0..BLOCK_BYTES * 8 {
        register = if register & 1 == 1 { (register >> 1) ^ POLYNOMIAL } else { register >> 1 };
    }
    register
}

/// The CRC-32 of some bytes followed by one whole block: the operation is linear, so the first part's register
/// moves on by a block of zeros and the block's own CRC is added.
pub(crate) fn append_block(crc: u32, block_crc: u32) -> u32 {
    let [a, b, c, d] = crc.to_le_bytes().map(usize::from);
    SHIFT[0][a] ^ SHIFT[1][b] ^ SHIFT[2][c] ^ SHIFT[3][d] ^ block_crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_block_checksums_equal_the_checksum_of_the_whole() {
        let data: Vec<u8> = (0..BLOCK_BYTES * 5).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
        let joined = data.chunks(BLOCK_BYTES).map(crc32fast::hash).reduce(append_block).expect("there are five blocks");
        assert_eq!(joined, crc32fast::hash(&data));
    }
}
