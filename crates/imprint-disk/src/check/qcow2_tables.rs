//! What a qcow2 refers to, cluster by cluster: header, refcount table and blocks, the tables of the disk and of each
//! snapshot with all they lead to, and bitmaps.

use std::io;

use super::{Check, Steps};
use crate::fields::{array, be16, be32, be64, fits};
use crate::{ReadAt, corrupt};

/// Counters kept, of four bytes each: a file of 4 TiB in the usual clusters.
const CLUSTERS_MAX: u64 = 1 << 26;
const L1_BYTES_MAX: u64 = 32 << 20;
/// Bitmaps and their directory.
const BITMAPS_MAX: u32 = 65_535;
const BITMAP_DIRECTORY_BYTES_MAX: u64 = 64 << 20;
const BITMAP_TABLE_BYTES_MAX: u64 = 64 << 20;
const SNAPSHOT_FIXED_BYTES: usize = 40;
const EXTENSION_BITMAPS: u32 = 0x2385_2875;
const EXTENSIONS_MAX: usize = 64;
const AUTOCLEAR_BITMAPS: u64 = 1;
const INCOMPATIBLE_EXTENDED_L2: u64 = 1 << 4;

const PLACE: u64 = 0x00ff_ffff_ffff_fe00;
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;

/// The header's fields that matter here.
pub(super) struct Head {
    pub(super) cluster_bits: u32,
    l1_entries: u64,
    l1_at: u64,
    pub(super) refcounts_at: u64,
    pub(super) refcount_clusters: u64,
    pub(super) refcount_order: u32,
    snapshots: u32,
    snapshots_at: u64,
    extended: bool,
    bitmaps: Option<Bitmaps>,
}

struct Bitmaps {
    count: u32,
    directory_at: u64,
    directory_len: u64,
}

impl Head {
    /// The header, whose safety rules have been checked.
    pub(super) fn read(file: &dyn ReadAt) -> io::Result<Head> {
        let len = usize::try_from(file.size_bytes().min(64 * 1024)).map_err(io::Error::other)?;
        let mut head = vec![0; len];
        file.read_at(0, &mut head)?;
        Head::parse(&head).ok_or_else(|| corrupt("qcow2: header"))
    }

    fn parse(head: &[u8]) -> Option<Head> {
        let is_v3 = be32(head, 4)? >= 3;
        let (incompatible, autoclear, order, len) =
            if is_v3 { (be64(head, 72)?, be64(head, 88)?, be32(head, 96)?, be32(head, 100)?) } else { (0, 0, 4, 72) };
        Some(Head {
            cluster_bits: be32(head, 20)?,
            l1_entries: be32(head, 36)?.into(),
            l1_at: be64(head, 40)?,
            refcounts_at: be64(head, 48)?,
            refcount_clusters: be32(head, 56)?.into(),
            refcount_order: order,
            snapshots: be32(head, 60)?,
            snapshots_at: be64(head, 64)?,
            extended: incompatible & INCOMPATIBLE_EXTENDED_L2 != 0,
            bitmaps: if autoclear & AUTOCLEAR_BITMAPS != 0 { bitmaps(head, len) } else { None },
        })
    }

    pub(super) fn cluster(&self) -> u64 {
        1 << self.cluster_bits
    }
}

/// The header extension that tells where bitmaps are.
fn bitmaps(head: &[u8], header_len: u32) -> Option<Bitmaps> {
    let mut at = usize::try_from(header_len).ok()?;
    for _ in 0..EXTENSIONS_MAX {
        let (kind, len) = (be32(head, at)?, usize::try_from(be32(head, at + 4)?).ok()?);
        if kind == EXTENSION_BITMAPS {
            return Some(Bitmaps {
                count: be32(head, at + 8)?,
                directory_len: be64(head, at + 16)?,
                directory_at: be64(head, at + 24)?,
            });
        }
        if kind == 0 {
            return None;
        }
        at = at.checked_add(8)?.checked_add(len.checked_next_multiple_of(8)?)?;
    }
    None
}

/// How often each cluster of the file is referred to.
pub(super) struct Counts {
    cluster_bits: u32,
    file_bytes: u64,
    counts: Vec<u32>,
    pub(super) steps: Steps,
}

impl Counts {
    pub(super) fn new(head: &Head, file_bytes: u64, steps: Steps) -> io::Result<Counts> {
        let clusters = file_bytes.div_ceil(head.cluster());
        if clusters > CLUSTERS_MAX {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a qcow2 of too many clusters to check"));
        }
        let counts = vec![0; usize::try_from(clusters).map_err(io::Error::other)?];
        Ok(Counts { cluster_bits: head.cluster_bits, file_bytes, counts, steps })
    }

    /// How often the cluster of that number is referred to; 0 behind the end.
    pub(super) fn of(&self, cluster: u64) -> u64 {
        usize::try_from(cluster).ok().and_then(|cluster| self.counts.get(cluster)).copied().unwrap_or(0).into()
    }

    pub(super) fn clusters(&self) -> u64 {
        self.counts.len() as u64
    }

    /// Counts every cluster that a range touches.
    pub(super) fn take(&mut self, what: &str, at: u64, len: u64, check: &mut Check) {
        if len == 0 {
            return;
        }
        // the last cluster of a file may be cut short
        let end = self.file_bytes.next_multiple_of(1 << self.cluster_bits);
        if !fits(at, len, 1, end) {
            check.error(|| format!("{what} at byte {at} lies outside the file"));
            return;
        }
        for cluster in at >> self.cluster_bits..=(at + len - 1) >> self.cluster_bits {
            let count = usize::try_from(cluster).ok().and_then(|cluster| self.counts.get_mut(cluster));
            if let Some(count) = count {
                *count = count.saturating_add(1);
            }
        }
    }

    /// Counts a whole cluster, which must begin where clusters do.
    pub(super) fn take_cluster(&mut self, what: &str, at: u64, check: &mut Check) -> bool {
        if !at.is_multiple_of(1 << self.cluster_bits) {
            check.error(|| format!("{what} at byte {at} does not begin with a cluster"));
            return false;
        }
        self.take(what, at, 1, check);
        at < self.file_bytes
    }
}

/// A reference of the current disk that says whether it is the only one to its cluster.
pub(super) struct Claim {
    pub(super) what: &'static str,
    pub(super) cluster: u64,
    pub(super) only: bool,
}

/// Counts everything; `claim` hears what the tables of the current disk say of being the only reference.
pub(super) fn count(
    file: &dyn ReadAt,
    head: &Head,
    counts: &mut Counts,
    check: &mut Check,
    claim: &mut dyn FnMut(Claim),
) -> io::Result<()> {
    counts.take("the header", 0, 1, check);
    counts.take("the refcount table", head.refcounts_at, head.refcount_clusters << head.cluster_bits, check);
    count_disk(file, head, (head.l1_at, head.l1_entries), counts, check, claim)?;
    count_snapshots(file, head, counts, check)?;
    count_bitmaps(file, head, counts, check)
}

/// A table of 64-bit entries, each of which is a step.
fn entries(file: &dyn ReadAt, (at, count): (u64, u64), bytes_max: u64, steps: &mut Steps) -> io::Result<Vec<u64>> {
    steps.take(count)?;
    let len = count.checked_mul(8).filter(|&len| len <= bytes_max && fits(at, len, 1, file.size_bytes()));
    let len =
        len.ok_or_else(|| corrupt(format!("qcow2: a table at byte {at} is too long or lies outside the file")))?;
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_at(at, &mut bytes)?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|entry| u64::from_be_bytes(*entry)).collect())
}

/// One disk: the current one or a snapshot's.
fn count_disk(
    file: &dyn ReadAt,
    head: &Head,
    (l1_at, l1_entries): (u64, u64),
    counts: &mut Counts,
    check: &mut Check,
    claim: &mut dyn FnMut(Claim),
) -> io::Result<()> {
    counts.take("a table of the first level", l1_at, l1_entries.saturating_mul(8), check);
    for entry in entries(file, (l1_at, l1_entries), L1_BYTES_MAX, &mut counts.steps)? {
        let at = entry & PLACE;
        if at == 0 {
            continue;
        }
        claim(Claim {
            what: "a table of the second level",
            cluster: at >> head.cluster_bits,
            only: entry & COPIED != 0,
        });
        if !counts.take_cluster("a table of the second level", at, check) {
            continue;
        }
        count_table(file, head, at, counts, check, claim)?;
    }
    Ok(())
}

/// One table of the second level.
fn count_table(
    file: &dyn ReadAt,
    head: &Head,
    at: u64,
    counts: &mut Counts,
    check: &mut Check,
    claim: &mut dyn FnMut(Claim),
) -> io::Result<()> {
    let step = if head.extended { 2 } else { 1 };
    let table = entries(file, (at, head.cluster() / 8), head.cluster(), &mut counts.steps)?;
    for entry in table.chunks(step) {
        let place = entry[0];
        if place & COMPRESSED != 0 {
            let bits = 62 - (head.cluster_bits - 8);
            let from = place & ((1 << bits) - 1);
            let sectors = (place >> bits & ((1 << (62 - bits)) - 1)) + 1;
            // the length is an upper bound; the last sector may lie behind the end of the file
            let len = (sectors * 512 - from % 512).min(counts.file_bytes.saturating_sub(from).max(1));
            counts.take("a compressed cluster", from, len, check);
            if place & COPIED != 0 {
                check.error(|| format!("a compressed cluster at byte {from} is marked as the only reference"));
            }
            continue;
        }
        if let [_, bits] = entry
            && (bits >> 32) & bits & 0xffff_ffff != 0
        {
            check.error(|| format!("a table at byte {at} has parts of a cluster that are both data and zeros"));
        }
        let from = place & PLACE;
        if from != 0 {
            claim(Claim { what: "a cluster", cluster: from >> head.cluster_bits, only: place & COPIED != 0 });
            counts.take_cluster("a cluster", from, check);
        }
    }
    Ok(())
}

/// The snapshot table, and the disk of each snapshot.
fn count_snapshots(file: &dyn ReadAt, head: &Head, counts: &mut Counts, check: &mut Check) -> io::Result<()> {
    let mut at = head.snapshots_at;
    for _ in 0..head.snapshots {
        let mut fixed = [0; SNAPSHOT_FIXED_BYTES];
        file.read_at(at, &mut fixed)?;
        let field = |at| be32(&fixed, at).unwrap_or(0);
        let l1 = (be64(&fixed, 0).unwrap_or(0), field(8).into());
        let names = u64::from(be16(&fixed, 12).unwrap_or(0)) + u64::from(be16(&fixed, 14).unwrap_or(0));
        let len = SNAPSHOT_FIXED_BYTES as u64 + u64::from(field(36)) + names;
        count_disk(file, head, l1, counts, check, &mut |_| {})?;
        at = at.checked_add(len.next_multiple_of(8)).ok_or_else(|| corrupt("qcow2: snapshot table"))?;
    }
    counts.take("the snapshot table", head.snapshots_at, at - head.snapshots_at, check);
    Ok(())
}

/// The directory of bitmaps, their tables, and what these lead to.
fn count_bitmaps(file: &dyn ReadAt, head: &Head, counts: &mut Counts, check: &mut Check) -> io::Result<()> {
    let Some(bitmaps) = &head.bitmaps else { return Ok(()) };
    let (at, len) = (bitmaps.directory_at, bitmaps.directory_len);
    let is_sound = bitmaps.count <= BITMAPS_MAX && len <= BITMAP_DIRECTORY_BYTES_MAX;
    if !is_sound || !fits(at, len, 1, file.size_bytes()) {
        check.error(|| "the directory of bitmaps is too long or lies outside the file".to_owned());
        return Ok(());
    }
    counts.take("the directory of bitmaps", at, len, check);
    let mut directory = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_at(at, &mut directory)?;
    let mut rest = directory.as_slice();
    for _ in 0..bitmaps.count {
        let Some((table_at, table_entries, next)) = bitmap(rest) else {
            check.error(|| "the directory of bitmaps is cut short".to_owned());
            return Ok(());
        };
        rest = next;
        counts.take("the table of a bitmap", table_at, table_entries * 8, check);
        for entry in entries(file, (table_at, table_entries), BITMAP_TABLE_BYTES_MAX, &mut counts.steps)? {
            if entry & PLACE != 0 {
                counts.take_cluster("a part of a bitmap", entry & PLACE, check);
            }
        }
    }
    Ok(())
}

/// A bitmap's table (its place and its length in entries), and the directory behind the bitmap's entry.
fn bitmap(directory: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (table_at, table_entries) = (be64(directory, 0)?, be32(directory, 8)?);
    let [_flags, name_len, extra_len]: [usize; 3] = [
        usize::try_from(be32(directory, 12)?).ok()?,
        usize::from(u16::from_be_bytes(array(directory, 18)?)),
        usize::try_from(be32(directory, 20)?).ok()?,
    ];
    let len = 24_usize.checked_add(name_len)?.checked_add(extra_len)?.checked_next_multiple_of(8)?;
    Some((table_at, table_entries.into(), directory.get(len..)?))
}
