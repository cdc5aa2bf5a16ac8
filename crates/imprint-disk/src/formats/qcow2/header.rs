//! The header and its safety rules: everything hangs off the first cluster.

use crate::evidence::Evidence;
use crate::fields::{be32, be64, fits};
use crate::formats::Findings;
use crate::limits::MIB;
use crate::{Refusal, Warning};

const V2_HEADER_BYTES: u32 = 72;
pub(super) const V3_HEADER_BYTES: u32 = 104;
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
pub(super) const L1_BYTES_MAX: u64 = 32 * MIB;
pub(super) const REFCOUNT_TABLE_BYTES_MAX: u64 = 8 * MIB;
const REFCOUNT_ORDER_MAX: u32 = 6;
const SNAPSHOTS_MAX: u32 = 65_536;
/// The smallest record of the snapshot table, without its variable parts.
const SNAPSHOT_BYTES_MIN: u64 = 40;
const EXTENSIONS_MAX: usize = 64;

const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
pub(super) const COMPRESSION_TYPE: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

pub(crate) fn recognise(head: &[u8]) -> bool {
    head.starts_with(b"QFI\xfb")
}

pub(crate) fn check(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    match be32(&evidence.head, 4) {
        Some(2 | 3) => {}
        Some(version) => {
            findings.refuse(Refusal::UnsupportedVersion { what: "qcow2", version });
            return findings;
        }
        None => return Findings::truncated("qcow2 header"),
    }
    let Some(header) = Header::parse(&evidence.head) else {
        return Findings::truncated("qcow2 header");
    };
    header.check_references(&mut findings);
    header.check_features(&mut findings);
    findings.claim_size(Some(header.size));
    if CLUSTER_BITS.contains(&header.cluster_bits) {
        header.check_layout(&mut findings);
        header.check_tables(evidence.total, &mut findings);
        check_extensions(&header, &evidence.head, &mut findings);
    } else {
        findings.require(false, "qcow2 cluster size", "it must be between 512 bytes and 2 MiB");
    }
    findings
}

/// The fields of both versions; version 2 has the fixed values that version 3 made variable.
pub(super) struct Header {
    pub(super) version: u32,
    backing_offset: u64,
    backing_len: u32,
    pub(super) cluster_bits: u32,
    pub(super) size: u64,
    crypt_method: u32,
    pub(super) l1_entries: u32,
    pub(super) l1_offset: u64,
    refcount_offset: u64,
    refcount_clusters: u32,
    pub(super) snapshots: u32,
    pub(super) snapshots_offset: u64,
    incompatible: u64,
    refcount_order: u32,
    header_len: u32,
    pub(super) compression_type: u8,
}

impl Header {
    pub(super) fn parse(head: &[u8]) -> Option<Header> {
        let version = be32(head, 4)?;
        let is_v3 = version == 3;
        let header_len = if is_v3 { be32(head, 100)? } else { V2_HEADER_BYTES };
        Some(Header {
            version,
            backing_offset: be64(head, 8)?,
            backing_len: be32(head, 16)?,
            cluster_bits: be32(head, 20)?,
            size: be64(head, 24)?,
            crypt_method: be32(head, 32)?,
            l1_entries: be32(head, 36)?,
            l1_offset: be64(head, 40)?,
            refcount_offset: be64(head, 48)?,
            refcount_clusters: be32(head, 56)?,
            snapshots: be32(head, 60)?,
            snapshots_offset: be64(head, 64)?,
            incompatible: if is_v3 { be64(head, 72)? } else { 0 },
            refcount_order: if is_v3 { be32(head, 96)? } else { 4 },
            header_len,
            compression_type: if header_len > V3_HEADER_BYTES { *head.get(104)? } else { 0 },
        })
    }

    pub(super) fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Whether entries of the second level say more than one thing about their cluster.
    pub(super) fn has_subclusters(&self) -> bool {
        self.incompatible & EXTENDED_L2 != 0
    }

    fn check_references(&self, findings: &mut Findings) {
        // an offset counts even without a length and the other way round: readers differ in which one they look at
        findings.refuse_if(self.backing_offset != 0 || self.backing_len != 0, Refusal::BackingFile);
        findings.refuse_if(self.incompatible & EXTERNAL_DATA != 0, Refusal::ExternalDataFile);
        findings.refuse_if(self.crypt_method != 0, Refusal::Encrypted);
    }

    fn check_features(&self, findings: &mut Findings) {
        let unknown = self.incompatible & !KNOWN;
        if unknown != 0 {
            findings.refuse(Refusal::UnknownFeatures { what: format!("qcow2 bits {unknown:#x}") });
        }
        let declares_compression = self.incompatible & COMPRESSION_TYPE != 0;
        let sound = match self.compression_type {
            0 => true,
            1 => declares_compression,
            _ => false,
        };
        findings.require(sound, "qcow2 compression type", "it must be deflate, or zstd with its feature bit");
        if self.incompatible & DIRTY != 0 {
            findings.warnings.push(Warning::Dirty);
        }
        if self.incompatible & CORRUPT != 0 {
            findings.warnings.push(Warning::Corrupt);
        }
    }

    fn check_layout(&self, findings: &mut Findings) {
        let len = self.header_len;
        let len_is_sound = self.version == 2
            || (len >= V3_HEADER_BYTES && len.is_multiple_of(8) && u64::from(len) <= self.cluster_bytes());
        findings.require(len_is_sound, "qcow2 header length", "it must be a multiple of 8 within the first cluster");
        findings.require(self.refcount_order <= REFCOUNT_ORDER_MAX, "qcow2 refcount width", "at most 64 bits");
        let extended_fits = self.incompatible & EXTENDED_L2 == 0 || self.cluster_bits >= 14;
        findings.require(extended_fits, "qcow2 extended L2", "clusters must have at least 16 KiB");
    }

    fn check_tables(&self, file_bytes: u64, findings: &mut Findings) {
        let cluster = self.cluster_bytes();
        let l2_entry_bytes = if self.incompatible & EXTENDED_L2 == 0 { 8 } else { 16 };
        // at most 2^21 · 2^18: no overflow
        let bytes_per_l1_entry = cluster * (cluster / l2_entry_bytes);
        let l1_entries = u64::from(self.l1_entries);
        findings.require(
            l1_entries >= self.size.div_ceil(bytes_per_l1_entry) && l1_entries * 8 <= L1_BYTES_MAX,
            "qcow2 L1 table",
            "it must cover the disk within 32 MiB",
        );
        check_table("qcow2 L1 table", self.l1_offset, (l1_entries, 8), cluster, file_bytes, findings);

        let refcount_clusters = u64::from(self.refcount_clusters);
        findings.require(
            refcount_clusters > 0 && refcount_clusters * cluster <= REFCOUNT_TABLE_BYTES_MAX,
            "qcow2 refcount table",
            "it must have between one cluster and 8 MiB",
        );
        let units = (refcount_clusters, cluster);
        check_table("qcow2 refcount table", self.refcount_offset, units, cluster, file_bytes, findings);

        findings.require(self.snapshots <= SNAPSHOTS_MAX, "qcow2 snapshot table", "at most 65,536 entries");
        let units = (u64::from(self.snapshots), SNAPSHOT_BYTES_MIN);
        check_table("qcow2 snapshot table", self.snapshots_offset, units, cluster, file_bytes, findings);
    }
}

/// A table of `units` (count, bytes each) must start on a cluster behind the header and end within the file.
fn check_table(
    field: &'static str,
    offset: u64,
    units: (u64, u64),
    cluster: u64,
    file_bytes: u64,
    findings: &mut Findings,
) {
    let (count, unit) = units;
    if count == 0 {
        return;
    }
    let aligned = offset >= cluster && offset.is_multiple_of(cluster);
    findings.require(aligned, field, "it must start on a cluster behind the header");
    findings.require_inside(fits(offset, count, unit, file_bytes), field);
}

/// Walks the header extensions as far as the captured head goes. What they say is ignored (a data file's name without
/// its feature bit means nothing); only their shape must hold, since a reader steps over them.
fn check_extensions(header: &Header, head: &[u8], findings: &mut Findings) {
    let cluster_end = usize::try_from(header.cluster_bytes()).unwrap_or(usize::MAX);
    let area_is_captured = head.len() >= cluster_end;
    let area = &head[..head.len().min(cluster_end)];
    let mut at = usize::try_from(header.header_len).unwrap_or(usize::MAX);
    for _ in 0..EXTENSIONS_MAX {
        let Some((kind, len)) = be32(area, at).zip(at.checked_add(4).and_then(|at| be32(area, at))) else {
            return;
        };
        if kind == 0 {
            return;
        }
        let next = usize::try_from(len)
            .ok()
            .and_then(|len| len.checked_next_multiple_of(8))
            .and_then(|len| at.checked_add(8)?.checked_add(len));
        match next {
            Some(next) if next <= area.len() => at = next,
            Some(next) if !area_is_captured && next <= cluster_end => return,
            _ => break,
        }
    }
    findings.require(false, "qcow2 header extension", "extensions must end within the first cluster");
}
