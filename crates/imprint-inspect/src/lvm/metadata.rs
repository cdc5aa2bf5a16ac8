//! What LVM's metadata text says about a volume group.

use std::collections::BTreeMap;

use super::SECTOR_BYTES;
use super::text::{self, Section, Value};
use crate::budget::Budget;
use crate::error::{Error, Result};

/// How many volumes, and segments of one volume, a group may have here.
const VOLUMES_MAX: usize = 4096;
const SEGMENTS_MAX: usize = 65_536;

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) id: String,
    /// Rises with every change.
    pub(crate) sequence: u64,
    pub(crate) extent_bytes: u64,
    pub(crate) physical: BTreeMap<String, Described>,
    /// The volumes that are volumes for themselves, not parts of others.
    pub(crate) logical: Vec<LogicalVolume>,
}

/// A physical volume as the group describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// 32 characters.
    pub(crate) id: String,
    /// Where its first extent begins.
    pub(crate) start_bytes: u64,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogicalVolume {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) extents: u64,
    /// In the order of their first extents.
    pub(crate) segments: Vec<Segment>,
}

/// A part of a logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start_extent: u64,
    pub(crate) extents: u64,
    pub(crate) kind: String,
    pub(crate) stripe_sectors: u64,
    /// The names of physical volumes with the first extent there; none for types that are not read.
    pub(crate) stripes: Vec<(String, u64)>,
}

/// Reads the text of a group: of all sections, the one that has a sequence number is the group's.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Exhausted`].
pub(super) fn parse(raw: &[u8], budget: &Budget) -> Result<Group> {
    let text = text::parse(raw, budget)?;
    let is_group = |section: &&(&str, &Section)| section.1.get("seqno").is_some();
    let (name, group) =
        text.sections().find(|section| is_group(&section)).ok_or_else(|| Error::corrupt("no LVM group"))?;
    let extent_bytes = group.number("extent_size")?.checked_mul(SECTOR_BYTES).filter(|bytes| *bytes > 0);
    let extent_bytes = extent_bytes.ok_or_else(|| Error::corrupt("the extent size of an LVM group"))?;
    let mut physical = BTreeMap::new();
    for (name, volume) in group.section("physical_volumes").into_iter().flat_map(Section::sections) {
        budget.step()?;
        let start_bytes = volume.number("pe_start")?.checked_mul(SECTOR_BYTES);
        let start_bytes = start_bytes.ok_or_else(|| Error::corrupt("an LVM volume that begins beyond all bounds"))?;
        physical.insert(name.to_owned(), Described { id: undashed(volume.text("id")?), start_bytes });
    }
    let mut logical = Vec::new();
    for (name, volume) in group.section("logical_volumes").into_iter().flat_map(Section::sections) {
        let is_visible = volume.list("status").contains(&Value::Text("VISIBLE".to_owned()));
        if is_visible {
            logical.push(logical_volume(name, volume, budget)?);
        }
        if logical.len() > VOLUMES_MAX {
            return Err(Error::corrupt("an LVM group of too many volumes"));
        }
    }
    Ok(Group {
        name: shown(name),
        id: group.text("id")?.to_owned(),
        sequence: group.number("seqno")?,
        extent_bytes,
        physical,
        logical,
    })
}

fn logical_volume(name: &str, volume: &Section, budget: &Budget) -> Result<LogicalVolume> {
    let mut segments = Vec::new();
    for (_, section) in volume.sections().filter(|(name, _)| name.starts_with("segment")) {
        budget.step()?;
        if segments.len() >= SEGMENTS_MAX {
            return Err(Error::corrupt("an LVM volume of too many segments"));
        }
        segments.push(segment(section)?);
    }
    segments.sort_by_key(|segment| segment.start_extent);
    let extents = segments.iter().fold(0u64, |sum, segment| sum.saturating_add(segment.extents));
    let id = volume.text("id").ok().map(shown);
    Ok(LogicalVolume { name: shown(name), id, extents, segments })
}

fn segment(section: &Section) -> Result<Segment> {
    let kind = section.text("type")?;
    let mut stripes = Vec::new();
    if kind == "striped" || kind == "linear" {
        for pair in section.list("stripes").chunks(2) {
            let [Value::Text(name), Value::Number(extent)] = pair else {
                return Err(Error::corrupt("the stripes of an LVM segment"));
            };
            stripes.push((name.clone(), *extent));
        }
        if stripes.len() as u64 != section.number("stripe_count")? {
            return Err(Error::corrupt("the number of stripes of an LVM segment"));
        }
    }
    Ok(Segment {
        start_extent: section.number("start_extent")?,
        extents: section.number("extent_count")?,
        kind: shown(kind),
        stripe_sectors: section.number("stripe_size").unwrap_or(0),
        stripes,
    })
}

/// An identifier without its dashes.
fn undashed(id: &str) -> String {
    id.chars().filter(|char| *char != '-').collect()
}

/// An identifier of 32 characters with dashes, as LVM writes it.
pub(super) fn dashed(id: &str) -> String {
    let ends = [6, 10, 14, 18, 22, 26];
    let part = |(index, char): (usize, char)| if ends.contains(&index) { vec!['-', char] } else { vec![char] };
    id.chars().enumerate().flat_map(part).collect()
}

/// A name of the text without what could disturb where it is shown.
fn shown(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(256).collect()
}
