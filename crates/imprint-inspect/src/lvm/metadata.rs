//! What LVM's metadata text says about a volume group.

use std::collections::BTreeMap;

use super::SECTOR_BYTES;
use super::text::{self, Section, Value};
use crate::budget::Budget;
use crate::error::{Error, Result};

/// How many volumes, and segments of one volume, a group may have here.
const VOLUMES_MAX: usize = 4096;
const SEGMENTS_MAX: usize = 65_536;
/// How long names and identifiers may be: LVM's own bound, and 32 characters with dashes.
const NAME_CHARS_MAX: usize = 128;
const ID_CHARS_MAX: usize = 64;

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
        physical.insert(bounded(name, NAME_CHARS_MAX)?, Described { id: undashed(volume.text("id")?)?, start_bytes });
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
    let group = Group {
        name: shown(name),
        id: bounded(group.text("id")?, ID_CHARS_MAX)?,
        sequence: group.number("seqno")?,
        extent_bytes,
        physical,
        logical,
    };
    // While it was made, the text's own values stood for it.
    budget.keep(group.memory_bytes())?;
    Ok(group)
}

impl Group {
    /// What it takes in memory, about.
    fn memory_bytes(&self) -> u64 {
        let stripe = |(name, _): &(String, u64)| size_of::<(String, u64)>() + name.len();
        let segment = |segment: &Segment| {
            size_of::<Segment>() + segment.kind.len() + segment.stripes.iter().map(stripe).sum::<usize>()
        };
        let logical = |volume: &LogicalVolume| {
            size_of::<LogicalVolume>() + volume.name.len() + volume.segments.iter().map(segment).sum::<usize>()
        };
        let physical = |(name, _): (&String, &Described)| size_of::<(String, Described)>() + name.len() + ID_CHARS_MAX;
        let bytes = self.physical.iter().map(physical).sum::<usize>() + self.logical.iter().map(logical).sum::<usize>();
        // Vectors have room for more.
        2 * bytes as u64
    }
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
            stripes.push((bounded(name, NAME_CHARS_MAX)?, *extent));
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

/// A name or an identifier that is no longer than those can be.
fn bounded(text: &str, chars_max: usize) -> Result<String> {
    // A character has at most four bytes.
    if text.len() > chars_max * 4 || text.chars().count() > chars_max {
        return Err(Error::corrupt("a name of LVM metadata is too long"));
    }
    Ok(text.to_owned())
}

/// An identifier without its dashes.
fn undashed(id: &str) -> Result<String> {
    Ok(bounded(id, ID_CHARS_MAX)?.chars().filter(|char| *char != '-').collect())
}

/// An identifier of 32 characters with dashes, as LVM writes it.
pub(super) fn dashed(id: &str) -> String {
    let ends = [6, 10, 14, 18, 22, 26];
    let part = |(index, char): (usize, char)| if ends.contains(&index) { vec!['-', char] } else { vec![char] };
    id.chars().enumerate().flat_map(part).collect()
}

/// A name of the text without what could disturb where it is shown.
fn shown(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    /// A group whose physical volume and its identifier have those names, with so many segments on it.
    fn text(name: &str, id: &str, segments: usize) -> String {
        let segment = |index: usize| {
            format!(
                "segment{index} {{ start_extent = {index} extent_count = 1 type = \"striped\" stripe_count = 1 \
                 stripes = [\"{name}\", 0] }}\n"
            )
        };
        let segments: String = (0..segments).map(segment).collect();
        format!(
            "vg {{ id = \"{id}\" seqno = 1 extent_size = 8 physical_volumes {{ {name} {{ id = \"{id}\" pe_start = 1 }} }}\n\
             logical_volumes {{ lv {{ status = [\"VISIBLE\"] {segments} }} }} }}"
        )
    }

    #[test]
    fn names_and_identifiers_are_bounded() {
        let parsed = |name: &str, id: &str| parse(text(name, id, 1).as_bytes(), &Budget::new(Limits::default()));
        let long = "a".repeat(1000);
        assert!(parsed("pv0", "a-b").is_ok());
        assert!(parsed(&long, "a-b").is_err());
        assert!(parsed("pv0", &long).is_err());
    }

    #[test]
    fn what_a_text_becomes_is_charged_before_it_is_kept() {
        let budget = Budget::new(Limits { held_bytes: 1 << 20, ..Limits::default() });
        let group = parse(text("pv0", "a-b", 100).as_bytes(), &budget).unwrap();
        assert_eq!(group.logical[0].segments.len(), 100);
        let kept = budget.bytes_held();
        assert!((10_000..50_000).contains(&kept), "{kept}: the text's own values are given back");
        assert!(parse(text("pv0", "a-b", 10_000).as_bytes(), &budget).unwrap_err().ends_the_check());
        let list = format!("vg {{ list = [{}] }}", "1 ".repeat(100_000));
        assert!(parse(list.as_bytes(), &budget).unwrap_err().ends_the_check());
        assert_eq!(budget.bytes_held(), kept);
    }
}
