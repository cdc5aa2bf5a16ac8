//! The uncompressed qcow2 that a disk would be: header, reference counts, tables, then the clusters with data in the
//! order of the disk. Which clusters there are decides everything, so every byte has its place before any is read.

use std::sync::Arc;

use super::entry::COPIED;
use super::tables::{Geometry, Places, Refcounts, Tables, header};
use crate::export::ExportError;
use crate::view::{Concat, Packed, UnitMap};
use crate::{Compression, ReadAt, Target};

/// Lays the file out. Scans the disk's map, not its data.
///
/// # Errors
/// [`ExportError::Impossible`] for clusters of no possible size and disks too large for them, and what the disk answers.
pub(crate) fn plain(disk: Arc<dyn ReadAt>, cluster_bytes: u32) -> Result<Concat, ExportError> {
    let target = Target::Qcow2 { compression: Compression::None, cluster_bytes };
    let impossible = |why| ExportError::Impossible { target, why };
    let cluster = u64::from(cluster_bytes);
    let geometry = Geometry::new(disk.size_bytes(), cluster).map_err(impossible)?;
    let map = Arc::new(UnitMap::scan(&disk, cluster)?);
    let tables = Tables::new(geometry, &map);
    let refcounts = Refcounts::new(1 + tables.clusters() + map.data_units(), cluster).map_err(impossible)?;

    let refcounts_at = cluster;
    let l1_at = refcounts_at + refcounts.clusters() * cluster;
    let data_at = l1_at + tables.clusters() * cluster;
    let total = data_at / cluster + map.data_units();
    let places = Places { l1: l1_at, refcounts: refcounts_at, refcount_clusters: refcounts.table };

    let mut file = Concat::new();
    file.push(header(geometry, 0, places));
    refcounts.push_to(&mut file, refcounts_at, (total, cluster), |_, counts| {
        counts.fill(1_u16.to_be_bytes());
        Ok(())
    });
    let clusters = Arc::clone(&map);
    tables.push_to(&mut file, l1_at, move |first, entries| {
        let mut rank = clusters.rank(first);
        for (unit, entry) in (first..).zip(entries) {
            if clusters.is_data(unit) {
                *entry = ((data_at + rank * cluster) | COPIED).to_be_bytes();
                rank += 1;
            }
        }
        Ok(())
    });
    file.push(Packed::new(disk, map));
    Ok(file)
}
