//! The compressed qcow2 that a disk would be: header, then the clusters with data, compressed, one close behind the
//! other in the order of the disk, then tables and reference counts. Only the header must wait for all sizes.

use std::io;
use std::sync::Arc;

use super::codec::{Codec, Packer};
use super::entry::{COPIED, Entries};
use super::tables::{Geometry, Places, Refcounts, Tables, header};
use crate::encode::{Frame, Layout, Place, UnitEncoder, UnitFormat, ZeroUnits};
use crate::export::ExportError;
use crate::view::Concat;
use crate::{Compression, ReadAt, Target};

/// A qcow2 of compressed clusters; clusters that compressing does not make smaller are stored as they are.
pub(crate) struct Compressed {
    geometry: Geometry,
    codec: Codec,
    entries: Entries,
}

/// The file around the clusters.
struct Around {
    tables: Tables,
    refcounts: Refcounts,
    places: Places,
    /// Clusters of the file, all of which have a reference count.
    total: u64,
}

impl Compressed {
    /// Of a disk of that size.
    ///
    /// # Errors
    /// [`ExportError::Impossible`] for clusters of no possible size and disks too large for them.
    pub(crate) fn new(
        disk_bytes: u64,
        compression: Compression,
        cluster_bytes: u32,
    ) -> Result<Compressed, ExportError> {
        let target = Target::Qcow2 { compression, cluster_bytes };
        let impossible = |why| ExportError::Impossible { target, why };
        let codec = match compression {
            Compression::None => return Err(impossible("it is not compressed")),
            Compression::Zlib => Codec::Zlib,
            Compression::Zstd => Codec::Zstd,
        };
        let geometry = Geometry::new(disk_bytes, cluster_bytes.into()).map_err(impossible)?;
        let entries = Entries { cluster_bits: cluster_bytes.trailing_zeros(), has_zero_flag: true, extended: false };
        Ok(Compressed { geometry, codec, entries })
    }

    fn around(&self, layout: &Layout) -> io::Result<Around> {
        let cluster = self.geometry.cluster;
        let tables = Tables::new(self.geometry, layout.map());
        let l1 = layout.end().next_multiple_of(cluster);
        let refcounts_at = l1 + tables.clusters() * cluster;
        let refcounts = Refcounts::new(refcounts_at / cluster, cluster)
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let places = Places { l1, refcounts: refcounts_at, refcount_clusters: refcounts.table };
        let total = refcounts_at / cluster + refcounts.clusters();
        Ok(Around { tables, refcounts, places, total })
    }

    fn is_plain(&self, place: &Place) -> bool {
        u64::from(place.payload_bytes) == self.geometry.cluster
    }
}

impl UnitFormat for Compressed {
    fn identity(&self) -> String {
        format!("qcow2 1 {} cluster {}", self.codec.identity(), self.geometry.cluster)
    }

    fn unit_bytes(&self) -> u32 {
        1 << self.entries.cluster_bits
    }

    fn zero_units(&self) -> ZeroUnits {
        ZeroUnits::LeftOut
    }

    fn fills_last_unit(&self) -> bool {
        true
    }

    fn prefix_bytes(&self) -> u64 {
        self.geometry.cluster
    }

    fn prefix_needs_layout(&self) -> bool {
        true
    }

    fn encoder(&self) -> io::Result<Box<dyn UnitEncoder>> {
        Ok(Box::new(Encoder(Packer::new(self.codec)?)))
    }

    /// A cluster stored as it is must begin on one.
    fn frame(&self, place: Place) -> Frame {
        let gap = place.offset.next_multiple_of(self.geometry.cluster) - place.offset;
        if gap == 0 || !self.is_plain(&place) {
            return Frame::default();
        }
        Frame { head: vec![0; usize::try_from(gap).expect("less than a cluster")], tail: Vec::new() }
    }

    fn prefix(&self, layout: Option<&Arc<Layout>>) -> io::Result<Box<dyn ReadAt>> {
        let layout = layout.ok_or_else(|| io::Error::other("the header tells where the tables are"))?;
        let compression_type = match self.codec {
            Codec::Zlib => 0,
            Codec::Zstd => 1,
        };
        Ok(Box::new(header(self.geometry, compression_type, self.around(layout)?.places)))
    }

    fn suffix(&self, layout: &Arc<Layout>) -> io::Result<Box<dyn ReadAt>> {
        let Around { tables, refcounts, places, total } = self.around(layout)?;
        let cluster = self.geometry.cluster;
        let mut file = Concat::new();
        let gap = places.l1 - layout.end();
        file.push(vec![0; usize::try_from(gap).expect("less than a cluster")]);
        let (entries, of_tables) = (self.entries, Arc::clone(layout));
        tables.push_to(&mut file, places.l1, move |first, numbers| fill_entries(entries, &of_tables, first, numbers));
        let of_counts = Arc::clone(layout);
        refcounts.push_to(&mut file, places.refcounts, (total, cluster), move |first, counts| {
            fill_counts(cluster, &of_counts, first, counts)
        });
        Ok(Box::new(file))
    }
}

/// The entries of neighbouring clusters of the disk.
fn fill_entries(entries: Entries, layout: &Layout, first: u64, numbers: &mut [[u8; 8]]) -> io::Result<()> {
    let end = first + numbers.len() as u64;
    for piece in layout.pieces_from_unit(first).take_while(|piece| piece.place.unit < end) {
        let len = u64::from(piece.place.payload_bytes);
        let entry = if len == 1 << entries.cluster_bits {
            piece.payload_offset | COPIED
        } else {
            let too_far =
                || io::Error::new(io::ErrorKind::InvalidInput, "the file is too long for compressed clusters");
            entries.of_compressed(piece.payload_offset, len).ok_or_else(too_far)?
        };
        let place = usize::try_from(piece.place.unit - first).expect("before the end");
        numbers[place] = entry.to_be_bytes();
    }
    Ok(())
}

/// The reference counts of neighbouring clusters of the file: as many as compressed clusters touch them, one for all
/// others.
fn fill_counts(cluster: u64, layout: &Layout, first: u64, counts: &mut [[u8; 2]]) -> io::Result<()> {
    let end = first + counts.len() as u64;
    // the first cluster is the header, those behind the units are tables
    let of_units = 1..layout.end().div_ceil(cluster);
    let mut numbers: Vec<u16> = (first..end).map(|number| u16::from(!of_units.contains(&number))).collect();
    let touched = |offset: u64, len: u32| offset / cluster..(offset + u64::from(len) - 1) / cluster + 1;
    for piece in layout.pieces_at(first * cluster).take_while(|piece| piece.place.offset < end * cluster) {
        let range = touched(piece.payload_offset, piece.place.payload_bytes);
        for number in range.start.max(first)..range.end.min(end) {
            let place = usize::try_from(number - first).expect("before the end");
            numbers[place] = numbers[place].checked_add(1).ok_or_else(|| io::Error::other("too many references"))?;
        }
    }
    for (count, number) in counts.iter_mut().zip(numbers) {
        *count = number.to_be_bytes();
    }
    Ok(())
}

struct Encoder(Packer);

impl UnitEncoder for Encoder {
    fn encode(&mut self, _: u64, data: &[u8], out: &mut Vec<u8>) -> io::Result<u32> {
        self.0.pack(data, out)?;
        Ok(0)
    }
}
