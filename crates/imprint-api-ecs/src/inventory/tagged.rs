//! Things that have tags, as the operations on tags and resource groups name them: a type and an id.

use imprint_model::{DiskId, ImageId, InstanceId, SnapshotId};
use imprint_service::{Tagged, TaggedIds};

use crate::fault::Code;
use crate::ids::WireId;

/// A type that nothing here has.
pub(crate) const TYPE_NOT_FOUND: Code =
    Code::new(404, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.");

/// A type of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Image,
    Instance,
    Disk,
    Snapshot,
}

impl Type {
    /// Every type.
    pub(crate) const ALL: [Self; 4] = [Self::Image, Self::Instance, Self::Disk, Self::Snapshot];

    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Instance => "instance",
            Self::Disk => "disk",
            Self::Snapshot => "snapshot",
        }
    }

    /// The type of a word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }

    /// A thing of this type, by its id.
    pub(crate) fn thing(self, id: &str) -> Option<Tagged> {
        match self {
            Self::Image => ImageId::read(id).map(Tagged::Image),
            Self::Instance => InstanceId::read(id).map(Tagged::Instance),
            Self::Disk => DiskId::read(id).map(Tagged::Disk),
            Self::Snapshot => SnapshotId::read(id).map(Tagged::Snapshot),
        }
    }

    /// All things of this type, or these; a list that goes on after the one with id `after`. None when `after` is no
    /// id, or when ids are given and none of them is one.
    pub(crate) fn things(self, ids: &[&str], after: Option<&str>) -> Option<TaggedIds> {
        Some(match self {
            Self::Image => TaggedIds::Images(read(ids)?, read_one(after)?),
            Self::Instance => TaggedIds::Instances(read(ids)?, read_one(after)?),
            Self::Disk => TaggedIds::Disks(read(ids)?, read_one(after)?),
            Self::Snapshot => TaggedIds::Snapshots(read(ids)?, read_one(after)?),
        })
    }
}

/// The id of a thing.
pub(crate) fn wire(thing: Tagged) -> String {
    match thing {
        Tagged::Image(id) => id.wire(),
        Tagged::Instance(id) => id.wire(),
        Tagged::Disk(id) => id.wire(),
        Tagged::Snapshot(id) => id.wire(),
    }
}

fn read<Id: WireId>(ids: &[&str]) -> Option<Vec<Id>> {
    let read: Vec<Id> = ids.iter().filter_map(|text| Id::read(text)).collect();
    if read.is_empty() && !ids.is_empty() { None } else { Some(read) }
}

fn read_one<Id: WireId>(id: Option<&str>) -> Option<Option<Id>> {
    match id {
        None => Some(None),
        Some(text) => Id::read(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_ids_go_together() {
        for known in Type::ALL {
            assert_eq!(Type::named(known.word()), Some(known));
        }
        let disk = DiskId::random().wire();
        assert_eq!(Type::Disk.thing(&disk).map(wire), Some(disk.clone()));
        assert_eq!(Type::Image.thing(&disk), None);
        assert!(Type::named("Disk").is_none(), "words are case-sensitive");
    }

    #[test]
    fn ids_that_are_none_do_not_become_all() {
        assert!(Type::Disk.things(&["m-1", "x"], None).is_none());
        assert!(Type::Disk.things(&[], Some("x")).is_none());
        let (disk, other) = (DiskId::random(), DiskId::random());
        let found = Type::Disk.things(&[&disk.wire(), "x"], Some(&other.wire()));
        assert!(matches!(found, Some(TaggedIds::Disks(ids, Some(after))) if ids == [disk] && after == other));
    }
}
