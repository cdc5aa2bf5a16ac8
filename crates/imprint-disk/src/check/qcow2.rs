//! qcow2: the reference counts against what is referred to. Too low a count loses data once the file is written to; too
//! high a one is a cluster that nobody uses.

use std::io;

use super::qcow2_tables::{Claim, Counts, Head, count};
use super::{Check, Steps};
use crate::fields::fits;
use crate::{ReadAt, corrupt};

const REFCOUNT_TABLE_BYTES_MAX: u64 = 8 << 20;
/// Claims of being the only reference that are kept to be compared; the rest is not compared.
const CLAIMS_MAX: usize = 1 << 24;

pub(super) fn check(file: &dyn ReadAt, steps: Steps, check: &mut Check) -> io::Result<()> {
    let head = Head::read(file)?;
    let mut counts = Counts::new(&head, file.size_bytes(), steps)?;
    let blocks = refcount_blocks(file, &head)?;
    for &block in blocks.iter().filter(|&&block| block != 0) {
        counts.take_cluster("a refcount block", block, check);
    }
    // more of them than clusters are about the same ones, which their counts tell
    let claims_max = usize::try_from(counts.clusters()).map_or(CLAIMS_MAX, |clusters| clusters.min(CLAIMS_MAX));
    let mut claims = Vec::new();
    count(file, &head, &mut counts, check, &mut |claim| {
        if claims.len() < claims_max {
            claims.push(claim);
        }
    })?;
    let stored = compare(file, &head, &blocks, &mut counts, check)?;
    for Claim { what, cluster, only } in claims {
        let count = usize::try_from(cluster).ok().and_then(|cluster| stored.get(cluster)).copied();
        if count.is_some_and(|count| (count == 1) != only) {
            let at = cluster << head.cluster_bits;
            check.error(|| format!("{what} at byte {at}: whether this is the only reference contradicts its count"));
        }
    }
    Ok(())
}

/// The places of all refcount blocks, 0 for those that are not there.
fn refcount_blocks(file: &dyn ReadAt, head: &Head) -> io::Result<Vec<u64>> {
    let len = head.refcount_clusters << head.cluster_bits;
    if len > REFCOUNT_TABLE_BYTES_MAX || !fits(head.refcounts_at, len, 1, file.size_bytes()) {
        return Err(corrupt("qcow2: the refcount table is too long or lies outside the file"));
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_at(head.refcounts_at, &mut bytes)?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|entry| u64::from_be_bytes(*entry) & !0x1ff).collect())
}

/// Compares each stored count with what was counted; returns the stored ones, cut to 255.
fn compare(
    file: &dyn ReadAt,
    head: &Head,
    blocks: &[u64],
    counts: &mut Counts,
    check: &mut Check,
) -> io::Result<Vec<u8>> {
    let per_block = (head.cluster() * 8) >> head.refcount_order;
    let mut stored = vec![0; usize::try_from(counts.clusters()).map_err(io::Error::other)?];
    let mut block = vec![0; usize::try_from(head.cluster()).map_err(io::Error::other)?];
    let needed = counts.clusters().div_ceil(per_block);
    for number in 0..needed.max(blocks.len() as u64) {
        let at = usize::try_from(number).ok().and_then(|number| blocks.get(number)).copied().unwrap_or(0);
        if at == 0 && number >= needed {
            continue;
        }
        counts.steps.take(per_block)?;
        if at == 0 {
            block.fill(0);
        } else if file.read_at(at, &mut block).is_err() {
            check.error(|| format!("a refcount block at byte {at} lies outside the file"));
            block.fill(0);
        }
        for place in 0..per_block {
            let cluster = number * per_block + place;
            let (is, should) = (refcount(&block, place, head.refcount_order), counts.of(cluster));
            let from = cluster << head.cluster_bits;
            if is < should {
                check.error(|| {
                    format!("the cluster at byte {from} is referred to {should} times and counted {is} times")
                });
            } else if is > should {
                check.leak(|| {
                    format!("the cluster at byte {from} is counted {is} times and referred to {should} times")
                });
            }
            if let Some(kept) = usize::try_from(cluster).ok().and_then(|cluster| stored.get_mut(cluster)) {
                *kept = u8::try_from(is).unwrap_or(u8::MAX);
            }
        }
    }
    Ok(stored)
}

/// A count of 2^order bits; those below a byte begin with the least significant bits.
fn refcount(block: &[u8], place: u64, order: u32) -> u64 {
    let place = usize::try_from(place).expect("within a block");
    if order < 3 {
        let bits = 1 << order;
        let byte = block[place * bits / 8];
        return u64::from(byte >> (place * bits % 8)) & ((1 << bits) - 1);
    }
    let len = 1_usize << (order - 3);
    block[place * len..][..len].iter().fold(0, |count, &byte| count << 8 | u64::from(byte))
}
