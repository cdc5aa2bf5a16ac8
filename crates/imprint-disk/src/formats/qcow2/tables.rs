//! What both writers put around the clusters: the header, the tables of places, the reference counts.

use std::io;
use std::sync::Arc;

use super::entry::COPIED;
use super::header::{COMPRESSION_TYPE, L1_BYTES_MAX, REFCOUNT_TABLE_BYTES_MAX};
use crate::limits::{KIB, MIB, SECTOR};
use crate::view::{Concat, Numbers, UnitMap};

/// Smaller clusters make tables that take longer to write than the data; larger ones nobody reads.
const CLUSTER_BYTES: std::ops::RangeInclusive<u64> = 4 * KIB..=2 * MIB;
/// The length of the header with the field of the compression type.
const HEADER_BYTES: u32 = 112;
/// Counts of 16 bits, as everybody writes them.
const REFCOUNT_ORDER: u32 = 4;
const REFCOUNT_BYTES: u64 = 2;
const ENTRY_BYTES: u64 = 8;

/// A disk in clusters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub(super) cluster: u64,
    /// The size of the disk; a multiple of a sector, since readers count in those.
    pub(super) size: u64,
}

impl Geometry {
    /// # Errors
    /// Why not, when the clusters have no possible size or the tables would pass a limit.
    pub(super) fn new(disk_bytes: u64, cluster: u64) -> Result<Geometry, &'static str> {
        if !cluster.is_power_of_two() || !CLUSTER_BYTES.contains(&cluster) {
            return Err("clusters must have a power of two of bytes between 4 KiB and 2 MiB");
        }
        let size = disk_bytes.checked_next_multiple_of(SECTOR).ok_or("the disk is too large")?;
        let geometry = Geometry { cluster, size };
        if geometry.l1_entries() * ENTRY_BYTES > L1_BYTES_MAX {
            return Err("the disk is too large for clusters of this size");
        }
        Ok(geometry)
    }

    /// Entries of a second-level table, which is one cluster.
    pub(super) fn l2_entries(self) -> u64 {
        self.cluster / ENTRY_BYTES
    }

    /// At least one, though a disk of no bytes needs none.
    pub(super) fn l1_entries(self) -> u64 {
        self.size.div_ceil(self.l2_entries() * self.cluster).max(1)
    }
}

/// Where the tables of a file are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) l1: u64,
    pub(super) refcounts: u64,
    pub(super) refcount_clusters: u64,
}

/// The header, as long as one cluster.
pub(super) fn header(geometry: Geometry, compression_type: u8, places: Places) -> Vec<u8> {
    let incompatible = if compression_type == 0 { 0 } else { COMPRESSION_TYPE };
    let mut bytes = Vec::with_capacity(usize::try_from(geometry.cluster).expect("at most 2 MiB"));
    bytes.extend_from_slice(b"QFI\xfb");
    let mut put32 = |value: u32| bytes.extend_from_slice(&value.to_be_bytes());
    // version; no backing file: offset and length; cluster size
    [3, 0, 0, 0, geometry.cluster.trailing_zeros()].into_iter().for_each(&mut put32);
    bytes.extend_from_slice(&geometry.size.to_be_bytes());
    let mut put32 = |value: u64| bytes.extend_from_slice(&u32::try_from(value).expect("bounded").to_be_bytes());
    // not encrypted
    [0, geometry.l1_entries()].into_iter().for_each(&mut put32);
    bytes.extend_from_slice(&places.l1.to_be_bytes());
    bytes.extend_from_slice(&places.refcounts.to_be_bytes());
    let mut put32 = |value: u64| bytes.extend_from_slice(&u32::try_from(value).expect("bounded").to_be_bytes());
    // no snapshots: count, and two halves of the offset
    [places.refcount_clusters, 0, 0, 0].into_iter().for_each(&mut put32);
    // neither compatible nor self-clearing features
    [incompatible, 0, 0].into_iter().for_each(|features: u64| bytes.extend_from_slice(&features.to_be_bytes()));
    bytes.extend_from_slice(&REFCOUNT_ORDER.to_be_bytes());
    bytes.extend_from_slice(&HEADER_BYTES.to_be_bytes());
    bytes.push(compression_type);
    bytes.resize(bytes.capacity(), 0);
    bytes
}

/// Both levels of tables: which second-level tables there are, and the first-level table that names them.
pub(super) struct Tables {
    geometry: Geometry,
    /// The numbers of the second-level tables that are written: those that cover data.
    present: Arc<[u32]>,
}

impl Tables {
    /// The tables for the clusters that `map` calls data.
    pub(super) fn new(geometry: Geometry, map: &UnitMap) -> Tables {
        let entries = geometry.l2_entries();
        let numbers = 0..u32::try_from(geometry.l1_entries()).expect("at most 4 Mi");
        let covers_data = |&number: &u32| {
            let first = u64::from(number) * entries;
            map.next_data(first) < (first + entries).min(map.units())
        };
        Tables { geometry, present: numbers.filter(covers_data).collect() }
    }

    /// The clusters that both levels take.
    pub(super) fn clusters(&self) -> u64 {
        self.l1_clusters() + self.present.len() as u64
    }

    fn l1_clusters(&self) -> u64 {
        (self.geometry.l1_entries() * ENTRY_BYTES).div_ceil(self.geometry.cluster)
    }

    /// Adds both levels to a file, where the next part begins on a cluster, `at` in the whole file. `fill` computes
    /// entries of neighbouring clusters, the number of the first being given, into room that is all zeros.
    pub(super) fn push_to(
        &self,
        file: &mut Concat,
        at: u64,
        fill: impl Fn(u64, &mut [[u8; 8]]) -> io::Result<()> + Send + Sync + 'static,
    ) {
        let l2_at = at + self.l1_clusters() * self.geometry.cluster;
        let mut l1 =
            vec![0; usize::try_from(self.l1_clusters() * self.geometry.cluster).expect("about 32 MiB at most")];
        for (place, &number) in (0..).zip(&*self.present) {
            let offset = l2_at + place * self.geometry.cluster;
            let entry_at = usize::try_from(u64::from(number) * ENTRY_BYTES).expect("within the table");
            l1[entry_at..entry_at + 8].copy_from_slice(&(offset | COPIED).to_be_bytes());
        }
        file.push(l1);
        let (present, entries) = (Arc::clone(&self.present), self.geometry.l2_entries());
        file.push(Numbers::new(present.len() as u64 * entries, move |first, mut numbers: &mut [[u8; 8]]| {
            let mut first = first;
            while !numbers.is_empty() {
                // one table at a time: the next may cover another part of the disk
                let left = entries - first % entries;
                let take = usize::try_from(left).map_or(numbers.len(), |left| left.min(numbers.len()));
                let (now, rest) = numbers.split_at_mut(take);
                let table = usize::try_from(first / entries).expect("as many as are in memory");
                fill(u64::from(present[table]) * entries + first % entries, now)?;
                first += take as u64;
                numbers = rest;
            }
            Ok(())
        }));
    }
}

/// How many clusters the reference counts of a file take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refcounts {
    /// Of the table of blocks.
    pub(super) table: u64,
    /// Of the blocks.
    pub(super) blocks: u64,
}

impl Refcounts {
    /// For a file of `others` clusters and these.
    ///
    /// # Errors
    /// Why not, when the table would pass its limit.
    pub(super) fn new(others: u64, cluster: u64) -> Result<Refcounts, &'static str> {
        let per_block = cluster / REFCOUNT_BYTES;
        let mut counts = Refcounts { table: 1, blocks: 1 };
        // each round only grows, by less and less
        loop {
            let blocks = (others + counts.clusters()).div_ceil(per_block);
            let table = (blocks * ENTRY_BYTES).div_ceil(cluster);
            if table * cluster > REFCOUNT_TABLE_BYTES_MAX {
                return Err("the disk holds too much data for clusters of this size");
            }
            let next = Refcounts { table, blocks };
            if next == counts {
                return Ok(counts);
            }
            counts = next;
        }
    }

    pub(super) fn clusters(self) -> u64 {
        self.table + self.blocks
    }

    /// Adds table and blocks to a file, where the next part begins on a cluster, `at` in the whole file. `total` clusters have a count; `fill` computes counts, the number
    /// of the first cluster being given, and is only asked for those.
    pub(super) fn push_to(
        self,
        file: &mut Concat,
        at: u64,
        (total, cluster): (u64, u64),
        fill: impl Fn(u64, &mut [[u8; 2]]) -> io::Result<()> + Send + Sync + 'static,
    ) {
        let blocks_at = at + self.table * cluster;
        let blocks = self.blocks;
        file.push(Numbers::new(self.table * cluster / ENTRY_BYTES, move |first, numbers: &mut [[u8; 8]]| {
            for (number, entry) in (first..blocks).zip(numbers) {
                *entry = (blocks_at + number * cluster).to_be_bytes();
            }
            Ok(())
        }));
        file.push(Numbers::new(blocks * cluster / REFCOUNT_BYTES, move |first, numbers: &mut [[u8; 2]]| {
            let counted = usize::try_from(total.saturating_sub(first)).map_or(numbers.len(), |n| n.min(numbers.len()));
            fill(first, &mut numbers[..counted])
        }));
    }
}
