//! Every bound of the inspection, in one place.

/// Bytes kept from the start of the stream: covers each header at the front, a VMDK descriptor and the ISO volume
/// descriptor at 32 KiB.
pub(crate) const HEAD_BYTES: u64 = 64 * KIB;
/// Bytes kept from the end of the stream: footer marker, footer and end marker of a stream-optimised VMDK.
pub(crate) const TAIL_BYTES: usize = 3 * 512;
/// The largest virtual disk accepted: 64 TiB, what VHDX allows and more than the other formats' own tools create.
pub(crate) const VIRTUAL_SIZE_MAX: u64 = 64 * 1024 * 1024 * MIB;

pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;
pub(crate) const SECTOR: u64 = 512;
/// A hole is told in pieces of this many absent tables, so that asking costs little.
pub(crate) const HOLE_TABLES_MAX: usize = 1024;

/// How much of a file that unpacks to `bytes` may be unpacked again only to get somewhere: all of it 16 times, and in any
/// case 64 GiB.
pub(crate) fn repeated_bytes_max(bytes: u64) -> u64 {
    bytes.saturating_mul(16).max(64 << 30)
}
