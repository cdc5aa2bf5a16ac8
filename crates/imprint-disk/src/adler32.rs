//! Adler-32 (RFC 1950, 8.2): the checksum behind a zlib stream.

const MODULUS: u32 = 65_521;
/// Summed up at once: what the compiler makes one wide addition of.
const LANES: usize = 32;
/// So many bytes can be added before a sum must be reduced: the largest number that the RFC gives, in whole lanes.
const AT_ONCE: usize = 5552 / LANES * LANES;

/// The checksum of `bytes`.
pub(crate) fn adler32(bytes: &[u8]) -> u32 {
    let (mut plain, mut weighted) = (1_u32, 0_u32);
    for part in bytes.chunks(AT_ONCE) {
        let (lanes, rest) = part.as_chunks::<LANES>();
        for lane in lanes {
            let (mut sum, mut sums) = (0_u32, 0_u32);
            for (&byte, weight) in lane.iter().zip((1..=32_u32).rev()) {
                sum += u32::from(byte);
                sums += u32::from(byte) * weight;
            }
            weighted += plain * 32 + sums;
            plain += sum;
        }
        for &byte in rest {
            plain += u32::from(byte);
            weighted += plain;
        }
        plain %= MODULUS;
        weighted %= MODULUS;
    }
    (weighted << 16) | plain
}

#[cfg(test)]
mod tests {
    use super::adler32;

    #[test]
    fn known_sums() {
        assert_eq!((adler32(b""), adler32(b"Wikipedia")), (1, 0x11e6_0398));
    }

    #[test]
    fn the_largest_bytes_do_not_overflow() {
        let plainly = |len: u64| {
            let plain = |count: u64| (1 + 255 * count) % 65_521;
            let weighted = (1..=len).fold(0, |sum, count| (sum + plain(count)) % 65_521);
            u32::try_from(weighted << 16 | plain(len)).unwrap()
        };
        for len in [1_u64, 31, 32, 33, 5535, 5536, 5537, 5552, 65_536, 65_577] {
            let bytes = vec![255; usize::try_from(len).unwrap()];
            assert_eq!(adler32(&bytes), plainly(len), "{len}");
        }
    }
}
