//! CRC-32C: the checksum of blocks and the hash of names.

const CHECKSUM_BYTES: usize = 32;
/// Names are hashed from this state on.
const NAME_SEED: u32 = 0xffff_fffe;

/// Whether a block's checksum, in its first bytes, is that of the rest.
pub(super) fn holds(block: &[u8]) -> bool {
    match (block.first_chunk::<4>(), block.get(CHECKSUM_BYTES..)) {
        (Some(said), Some(rest)) => u32::from_le_bytes(*said) == crc32c::crc32c(rest),
        _ => false,
    }
}

/// The hash by which a directory finds a name: the register itself, inverted neither before nor after.
pub(super) fn of_name(name: &[u8]) -> u64 {
    u64::from(!crc32c::crc32c_append(!NAME_SEED, name))
}
