//! LVM2: physical volumes, the text that describes their group, and the logical volumes whose bytes lie plainly on them.
//!
//! Linear and striped volumes are read, over several physical volumes, too; what is thin, cached or RAID is only named.

mod metadata;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use imprint_disk::{ReadAt, past_the_end};

use crate::budget::{Budget, Charged};
use crate::error::{Error, Result};
use crate::fields;
use crate::source::read_up_to;

pub(crate) use metadata::{Group, LogicalVolume, Segment};

const SECTOR_BYTES: u64 = 512;
/// The label stands in one of the first sectors.
const LABEL_SECTORS: usize = 4;
const LABEL: &[u8] = b"LABELONE";
const LABEL_TYPE: &[u8] = b"LVM2 001";
const METADATA_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
/// The header of a metadata area; the text begins after it when it wraps around.
const METADATA_HEADER_BYTES: u64 = 512;
/// The longest text that is read.
const TEXT_BYTES_MAX: u64 = 4 << 20;
/// The longest stripe; LVM's own bound is far below.
const STRIPE_BYTES_MAX: u64 = 1 << 30;
/// What a volume put together, a stretch of it and a stripe of that take in memory, as long as vectors have room for more.
const ASSEMBLED_BYTES: u64 = 1024;
const PIECE_BYTES: u64 = 128;
const STRIPE_BYTES: u64 = 64;
/// How many areas of a kind a physical volume may list.
const AREAS_MAX: usize = 16;

/// A physical volume.
pub(crate) struct PhysicalVolume {
    /// Its identifier: 32 characters.
    pub(crate) id: String,
    pub(crate) source: Arc<dyn ReadAt>,
    /// What its newest metadata says; none when it holds none.
    pub(crate) group: Option<Group>,
}

impl PhysicalVolume {
    /// Its identifier as [`identify`] gives it.
    pub(crate) fn shown_id(&self) -> String {
        metadata::dashed(&self.id)
    }
}

/// The identifier of a physical volume as `blkid` prints it, from its label; none when the volume is none.
pub(crate) fn identify(volume: &dyn ReadAt) -> Result<Option<String>> {
    Ok(label(volume)?.map(|(id, _)| metadata::dashed(&id)))
}

/// The identifier and the bytes from the physical volume's header on.
fn label(volume: &dyn ReadAt) -> Result<Option<(String, Vec<u8>)>> {
    let head = read_up_to(volume, 0, LABEL_SECTORS * 512)?;
    for sector in head.chunks_exact(512) {
        if !sector.starts_with(LABEL) || &sector[24..32] != LABEL_TYPE {
            continue;
        }
        let offset = usize::try_from(fields::le32(sector, 20)?).unwrap_or(usize::MAX);
        let header = sector.get(offset..).ok_or_else(|| Error::corrupt("the LVM label points outside its sector"))?;
        let id = fields::slice(header, 0, 32)?;
        if !id.iter().all(u8::is_ascii_alphanumeric) {
            return Err(Error::corrupt("the identifier of an LVM volume"));
        }
        return Ok(Some((String::from_utf8_lossy(id).into_owned(), header.to_vec())));
    }
    Ok(None)
}

/// Reads a volume that has the label of a physical volume.
///
/// # Errors
/// [`Error::Corrupt`] when it has none, or its own records make no sense.
pub(crate) fn open(volume: Arc<dyn ReadAt>, budget: &Budget) -> Result<PhysicalVolume> {
    let (id, header) = label(&*volume)?.ok_or_else(|| Error::corrupt("no LVM label"))?;
    let mut group: Option<Group> = None;
    for (start, len) in metadata_areas(&header)? {
        // One damaged copy does not matter while another is whole.
        let found = area_text(&*volume, start, len, budget).and_then(|text| match text {
            Some(text) => metadata::parse(&text, budget).map(Some),
            None => Ok(None),
        });
        match found {
            Ok(Some(found)) if group.as_ref().is_none_or(|group| group.sequence < found.sequence) => {
                group = Some(found);
            }
            Err(error) if error.ends_the_check() => return Err(error),
            _ => {}
        }
    }
    Ok(PhysicalVolume { id, source: volume, group })
}

/// Places and lengths of the metadata areas: the second list after the header, each list ended by zeros.
fn metadata_areas(header: &[u8]) -> Result<Vec<(u64, u64)>> {
    let mut at = 40;
    let mut lists = [Vec::new(), Vec::new()];
    for list in &mut lists {
        loop {
            let area = (fields::le64(header, at)?, fields::le64(header, at + 8)?);
            at += 16;
            if area.0 == 0 {
                break;
            }
            if list.len() >= AREAS_MAX {
                return Err(Error::corrupt("an LVM volume with too many areas"));
            }
            list.push(area);
        }
    }
    let [_, metadata] = lists;
    Ok(metadata)
}

/// The text that a metadata area holds now; none in an area that was never written to.
fn area_text<'b>(
    volume: &dyn ReadAt,
    start: u64,
    len: u64,
    budget: &'b Budget,
) -> Result<Option<Charged<Vec<u8>, &'b Budget>>> {
    let header = read_up_to(volume, start, 512)?;
    if fields::slice(&header, 4, 16)? != METADATA_MAGIC {
        return Err(Error::corrupt("no LVM metadata where it should be"));
    }
    let (offset, size) = (fields::le64(&header, 40)?, fields::le64(&header, 48)?);
    let checksum = fields::le32(&header, 56)?;
    if offset == 0 {
        return Ok(None);
    }
    if size > TEXT_BYTES_MAX || offset < METADATA_HEADER_BYTES || offset > len || size > len - METADATA_HEADER_BYTES {
        return Err(Error::corrupt("LVM metadata outside its area"));
    }
    let before_end = size.min(len - offset);
    let read = |at: u64, len: u64| {
        crate::source::read_exact(volume, start.saturating_add(at), usize::try_from(len).expect("at most 4 MiB"))
    };
    // Both parts, and the whole of them.
    let held = budget.hold(size * 2)?;
    let mut text = read(offset, before_end)?;
    text.extend(read(METADATA_HEADER_BYTES, size - before_end)?);
    if lvm_checksum(&text) != checksum {
        return Err(Error::corrupt("the checksum of LVM metadata does not hold"));
    }
    Ok(Some(held.with(text)))
}

/// LVM's CRC-32: another start, and not inverted at the end.
fn lvm_checksum(bytes: &[u8]) -> u32 {
    const INITIAL: u32 = 0xf597_a6cf;
    let mut hasher = crc32fast::Hasher::new_with_initial(!INITIAL);
    hasher.update(bytes);
    !hasher.finalize()
}

/// A logical volume as somebody above sees it.
pub(crate) struct Assembled {
    /// `group/volume`.
    pub(crate) name: String,
    pub(crate) uuid: Option<String>,
    pub(crate) size_bytes: u64,
    /// What its segments are, where they are not read: `thin`, `raid1`, ….
    pub(crate) other_type: Option<String>,
    /// Its bytes, or why they cannot be read.
    pub(crate) source: Result<Arc<dyn ReadAt>>,
}

/// Puts together the logical volumes of all groups that the physical volumes describe.
pub(crate) fn assemble(physical: &[PhysicalVolume], budget: &Budget) -> Result<Vec<Assembled>> {
    let mut newest: BTreeMap<&str, &Group> = BTreeMap::new();
    for group in physical.iter().filter_map(|volume| volume.group.as_ref()) {
        let known = newest.entry(&group.id).or_insert(group);
        if known.sequence < group.sequence {
            *known = group;
        }
    }
    let mut by_id: HashMap<&str, &PhysicalVolume> = HashMap::new();
    for volume in physical {
        by_id.entry(&volume.id).or_insert(volume);
    }
    let mut volumes = Vec::new();
    for group in newest.values() {
        for logical in &group.logical {
            budget.step()?;
            let other = logical.segments.iter().find(|segment| segment.stripes.is_empty());
            budget.keep(ASSEMBLED_BYTES)?;
            volumes.push(Assembled {
                name: format!("{}/{}", group.name, logical.name),
                uuid: logical.id.clone(),
                size_bytes: logical.extents.saturating_mul(group.extent_bytes),
                other_type: other.map(|segment| segment.kind.clone()),
                source: match source(group, logical, &by_id, budget) {
                    Err(error) if error.ends_the_check() => return Err(error),
                    mapped => mapped.map(|mapped| Arc::new(mapped) as Arc<dyn ReadAt>),
                },
            });
        }
    }
    Ok(volumes)
}

/// Bytes put together from stretches of several volumes.
struct Mapped {
    size_bytes: u64,
    pieces: Vec<Piece>,
}

/// A stretch of a logical volume, spread in turn over its stripes.
struct Piece {
    start: u64,
    len: u64,
    /// How many bytes lie on one stripe before the next one; the whole length for a single stripe.
    stripe_bytes: u64,
    stripes: Vec<(Arc<dyn ReadAt>, u64)>,
}

fn source(
    group: &Group,
    logical: &LogicalVolume,
    physical: &HashMap<&str, &PhysicalVolume>,
    budget: &Budget,
) -> Result<Mapped> {
    let bytes = |extents: u64| {
        extents.checked_mul(group.extent_bytes).ok_or_else(|| Error::corrupt("an LVM volume beyond all bounds"))
    };
    let mut pieces = Vec::new();
    let mut next = 0;
    for segment in &logical.segments {
        if segment.stripes.is_empty() {
            return Err(Error::Unsupported(format!("an LVM volume of type {}", segment.kind)));
        }
        if segment.start_extent != next {
            return Err(Error::corrupt("an LVM volume with gaps between its segments"));
        }
        next = next.checked_add(segment.extents).ok_or_else(|| Error::corrupt("an LVM volume beyond all bounds"))?;
        budget.step()?;
        budget.keep(PIECE_BYTES + segment.stripes.len() as u64 * STRIPE_BYTES)?;
        pieces.push(piece(group, segment, physical, &bytes)?);
    }
    Ok(Mapped { size_bytes: bytes(next)?, pieces })
}

fn piece(
    group: &Group,
    segment: &Segment,
    physical: &HashMap<&str, &PhysicalVolume>,
    bytes: &impl Fn(u64) -> Result<u64>,
) -> Result<Piece> {
    let count = segment.stripes.len() as u64;
    let len = bytes(segment.extents)?;
    let stripe_bytes = if count == 1 { len } else { segment.stripe_sectors.saturating_mul(SECTOR_BYTES) };
    let fits = stripe_bytes <= STRIPE_BYTES_MAX || count == 1;
    if stripe_bytes == 0 && len != 0 || !fits || !segment.extents.is_multiple_of(count) {
        return Err(Error::corrupt("an LVM segment whose stripes do not fit"));
    }
    let mut stripes = Vec::new();
    for (name, extent) in &segment.stripes {
        let described =
            group.physical.get(name).ok_or_else(|| Error::corrupt("an LVM segment on an unknown volume"))?;
        let there = physical.get(described.id.as_str());
        let there = there.ok_or_else(|| Error::Unsupported("an LVM volume of which a part is missing".to_owned()))?;
        let start = bytes(*extent)?.checked_add(described.start_bytes);
        let start = start.ok_or_else(|| Error::corrupt("an LVM segment beyond all bounds"))?;
        stripes.push((there.source.clone(), start));
    }
    Ok(Piece { start: bytes(segment.start_extent)?, len, stripe_bytes, stripes })
}

impl Piece {
    /// Which volume holds a byte of this piece, where, and how many bytes from there on.
    fn place(&self, within: u64) -> (&dyn ReadAt, u64, u64) {
        let count = self.stripes.len() as u64;
        let (row, in_row) = (within / self.stripe_bytes / count, within % (self.stripe_bytes * count));
        let (stripe, in_stripe) = (in_row / self.stripe_bytes, in_row % self.stripe_bytes);
        let (volume, start) = &self.stripes[usize::try_from(stripe).expect("fewer than there are")];
        let at = start.saturating_add(row * self.stripe_bytes + in_stripe);
        (&**volume, at, (self.stripe_bytes - in_stripe).min(self.len - within))
    }
}

impl ReadAt for Mapped {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).ok_or_else(past_the_end)?;
        if end > self.size_bytes {
            return Err(past_the_end());
        }
        let mut done = 0;
        while done < buf.len() {
            let at = offset + done as u64;
            let index = self.pieces.partition_point(|piece| piece.start + piece.len <= at);
            let piece = self.pieces.get(index).ok_or_else(past_the_end)?;
            let (volume, place, left) = piece.place(at - piece.start);
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len() - done);
            volume.read_at(place, &mut buf[done..done + len])?;
            done += len;
        }
        Ok(())
    }
}
