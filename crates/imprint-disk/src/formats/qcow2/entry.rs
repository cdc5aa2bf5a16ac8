//! Entries of the second-level tables: what one says of its cluster.

use std::io;

use crate::corrupt;
use crate::fields::be64;

/// Where a table or cluster lies in the file.
pub(super) const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// The reference count is exactly one, so that a writer need not look.
pub(super) const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;
/// The unit in which the length of compressed data is told.
const SECTOR: u64 = 512;
/// Parts of a cluster that have bits of their own in extended entries.
pub(super) const SUBCLUSTERS: u64 = 32;

/// What stands behind a cluster or subcluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Never written.
    Hole,
    /// Said to be zeros.
    Zero,
    /// Stored as it is, from this offset of the file on.
    Plain(u64),
    /// The whole cluster is compressed.
    Compressed(Compressed),
}

/// Where a compressed cluster lies. The length is an upper bound: it is told in sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compressed {
    pub(super) offset: u64,
    pub(super) len: u64,
    /// The entry without its flags: two clusters with the same number are the same.
    pub(super) number: u64,
}

/// How entries are to be read in one image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries {
    pub(super) cluster_bits: u32,
    /// Version 3: the zero flag has a meaning.
    pub(super) has_zero_flag: bool,
    /// Entries are of 16 bytes, and say what each of 32 subclusters is.
    pub(super) extended: bool,
}

impl Entries {
    /// The size of an entry in bytes.
    pub(super) fn bytes(self) -> u64 {
        if self.extended { 16 } else { 8 }
    }

    /// The size of what an entry can tell apart: a cluster, or one of its subclusters.
    pub(super) fn unit_bytes(self) -> u64 {
        let cluster = 1 << self.cluster_bits;
        if self.extended { cluster / SUBCLUSTERS } else { cluster }
    }

    /// What the entry at `at` of a table says about a unit of its cluster (number 0 unless there are subclusters).
    pub(super) fn content(self, table: &[u8], at: usize, unit: u64) -> io::Result<Content> {
        let short = || corrupt("qcow2: a table ends before its entry");
        let entry = be64(table, at).ok_or_else(short)?;
        if entry & COMPRESSED != 0 {
            return Ok(Content::Compressed(self.compressed(entry)));
        }
        let host = entry & OFFSET;
        if self.extended {
            let bits = be64(table, at + 8).ok_or_else(short)?;
            return self.subcluster(host, bits, unit);
        }
        if entry & ZERO != 0 {
            return if self.has_zero_flag { Ok(Content::Zero) } else { Err(corrupt("qcow2: zero flag in version 2")) };
        }
        if host == 0 { Ok(Content::Hole) } else { self.plain(host, 0) }
    }

    fn subcluster(self, host: u64, bits: u64, unit: u64) -> io::Result<Content> {
        let is_stored = bits >> unit & 1 == 1;
        let is_zero = bits >> (SUBCLUSTERS + unit) & 1 == 1;
        match (is_stored, is_zero) {
            (true, true) => Err(corrupt("qcow2: a subcluster is both stored and zeros")),
            (false, true) => Ok(Content::Zero),
            (false, false) => Ok(Content::Hole),
            (true, false) if host == 0 => Err(corrupt("qcow2: a stored subcluster has no place")),
            (true, false) => self.plain(host, unit * self.unit_bytes()),
        }
    }

    fn plain(self, host: u64, within: u64) -> io::Result<Content> {
        let cluster = 1 << self.cluster_bits;
        if !host.is_multiple_of(cluster) {
            return Err(corrupt("qcow2: a cluster does not start on a cluster"));
        }
        Ok(Content::Plain(host + within))
    }

    /// How many bits of the entry of a compressed cluster are its offset; the bits above tell its sectors.
    fn offset_bits(self) -> u32 {
        62 - (self.cluster_bits - 8)
    }

    fn compressed(self, entry: u64) -> Compressed {
        let number = entry & !(COMPRESSED | COPIED);
        let offset = number & ((1 << self.offset_bits()) - 1);
        let more_sectors = number >> self.offset_bits();
        Compressed { offset, len: (more_sectors + 1) * SECTOR - offset % SECTOR, number }
    }

    /// The entry of a cluster compressed to `len` bytes at `offset`. `None` when the offset has too many bits.
    pub(super) fn of_compressed(self, offset: u64, len: u64) -> Option<u64> {
        let more_sectors = (offset + len - 1) / SECTOR - offset / SECTOR;
        let fits = offset >> self.offset_bits() == 0 && more_sectors >> (self.cluster_bits - 8) == 0;
        fits.then_some(COMPRESSED | more_sectors << self.offset_bits() | offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn compressed_entries_say_where_the_cluster_is(cluster_bits in 9_u32..=21, offset in 1_u64..1 << 48, len: u32) {
            let entries = Entries { cluster_bits, has_zero_flag: true, extended: false };
            let len = u64::from(len) % (1 << cluster_bits) + 1;
            let entry = entries.of_compressed(offset, len).unwrap();
            let Content::Compressed(found) = entries.content(&entry.to_be_bytes(), 0, 0).unwrap() else {
                panic!("it is compressed");
            };
            prop_assert_eq!(found.offset, offset);
            prop_assert!(found.len >= len && found.len < len + SECTOR, "{} {}", found.len, len);
        }
    }

    #[test]
    fn every_state_of_a_subcluster() {
        let entries = Entries { cluster_bits: 16, has_zero_flag: true, extended: true };
        let read = |host: u64, bits: u64, unit| {
            let table = [host.to_be_bytes(), bits.to_be_bytes()].concat();
            entries.content(&table, 0, unit)
        };
        assert_eq!(read(1 << 16, 1 << 3, 3).unwrap(), Content::Plain((1 << 16) + 3 * 2048));
        assert_eq!(read(1 << 16, 1 << 3, 4).unwrap(), Content::Hole);
        assert_eq!(read(1 << 16, 1 << 35, 3).unwrap(), Content::Zero);
        assert_eq!(read(0, 1 << 63, 31).unwrap(), Content::Zero);
        assert!(read(1 << 16, 1 << 35 | 1 << 3, 3).is_err());
        assert!(read(0, 1 << 3, 3).is_err());
        assert!(entries.content(&[0; 12], 0, 0).is_err());
    }

    #[test]
    fn zero_flag_and_alignment() {
        let entries = |has_zero_flag| Entries { cluster_bits: 12, has_zero_flag, extended: false };
        let read = |version3, entry: u64| entries(version3).content(&entry.to_be_bytes(), 0, 0);
        assert_eq!(read(true, 1).unwrap(), Content::Zero);
        assert_eq!(read(true, COPIED | 4096 | 1).unwrap(), Content::Zero);
        assert!(read(false, 1).is_err());
        assert_eq!(read(false, COPIED | 8192).unwrap(), Content::Plain(8192));
        assert!(read(true, 4096 + 512).is_err());
    }
}
