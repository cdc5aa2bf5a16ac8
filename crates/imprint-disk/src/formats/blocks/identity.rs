//! Identifiers that a format demands and that must not differ between two exports of one disk.

const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Sixteen bytes in the form of a version 8 UUID, made from what they are for (`purpose`), the disk's size and a `fingerprint`
/// of where its data lies. No secret and no proof: only the same for the same disk, and seldom the same for another.
pub(crate) fn identity(purpose: &str, size_bytes: u64, fingerprint: u64) -> [u8; 16] {
    let mut state = mix(FNV_BASIS, purpose.as_bytes());
    state = mix(state, &size_bytes.to_le_bytes());
    state = mix(state, &fingerprint.to_le_bytes());
    let mut bytes = state.to_be_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

/// FNV-1a over 128 bits.
fn mix(state: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(state, |state, &byte| (state ^ u128::from(byte)).wrapping_mul(FNV_PRIME))
}
