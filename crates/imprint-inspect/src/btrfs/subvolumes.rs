//! The root tree: all subvolumes, their places among each other, and which one is the default.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Btrfs;
use super::directory::names;
use super::key::{DIR_ITEM, INODE_REF, Key, ROOT_BACKREF, ROOT_ITEM};
use super::superblock::Root;
use super::{TOP_DIRECTORY, node};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields::{byte, le16, le64, slice};
use crate::file_system::Node;

/// The subvolume that everything hangs on.
pub(super) const TOP_LEVEL: u64 = 5;
const FIRST_SUBVOLUME: u64 = 256;
/// Numbers from here on are of trees inside.
const LAST_SUBVOLUME: u64 = u64::MAX - 256;
/// The directory of the root tree in which `default` names the default subvolume.
const ROOT_TREE_DIRECTORY: u64 = 6;
const MAX_SUBVOLUMES: usize = 100_000;
/// Of more subvolumes the paths are not listed.
const MAX_LISTED: usize = 10_000;
/// Components of a subvolume's path.
const MAX_DEPTH: usize = 256;
/// Names and paths are no longer than this, as the kernel has it.
const MAX_NAME_BYTES: usize = 255;
const MAX_PATH_BYTES: usize = 4096;
/// What all paths together may take.
const MAX_LISTED_BYTES: usize = 4 << 20;
/// What a tree, a link (besides its name) and a listed path (besides its text) take in memory.
const ROOT_BYTES: u64 = 64;
const LINK_BYTES: u64 = 96;
const LISTED_BYTES: u64 = 64;

/// Where a subvolume is mounted in the one above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) parent: u64,
    pub(super) directory: u64,
    pub(super) name: Vec<u8>,
}

/// All subvolumes.
#[derive(Debug, Default)]
pub(super) struct Subvolumes {
    roots: BTreeMap<u64, Root>,
    links: BTreeMap<u64, Link>,
    default: Option<u64>,
}

impl Subvolumes {
    /// The tree of a subvolume.
    pub(super) fn root(&self, subvolume: u64) -> Result<Root> {
        let root = self.roots.get(&subvolume).copied();
        root.ok_or_else(|| Error::corrupt(format!("btrfs subvolume {subvolume} does not exist")))
    }

    /// Whether a subvolume is mounted under that name there. In a snapshot of the directory it is not.
    pub(super) fn is_linked(&self, subvolume: u64, parent: u64, directory: u64, name: &[u8]) -> bool {
        let link = self.links.get(&subvolume);
        link.is_some_and(|link| link.parent == parent && link.directory == directory && link.name == name)
            && self.roots.contains_key(&subvolume)
    }

    /// The subvolume that is mounted when none is named.
    pub(super) fn mounted(&self) -> u64 {
        self.default.filter(|subvolume| self.roots.contains_key(subvolume)).unwrap_or(TOP_LEVEL)
    }

    fn add(&mut self, key: Key, item: &[u8], budget: &Budget) -> Result<()> {
        let is_subvolume = key.object == TOP_LEVEL || (FIRST_SUBVOLUME..=LAST_SUBVOLUME).contains(&key.object);
        match key.kind {
            ROOT_ITEM if is_subvolume => {
                if self.roots.len() >= MAX_SUBVOLUMES {
                    return Err(Error::Exhausted("too many btrfs subvolumes"));
                }
                budget.keep(ROOT_BYTES)?;
                let root = Root { generation: le64(item, 160)?, address: le64(item, 176)?, level: byte(item, 238)? };
                self.roots.insert(key.object, root);
            }
            ROOT_BACKREF if is_subvolume && self.links.len() < MAX_SUBVOLUMES => {
                let name = name_of(item, 18, le16(item, 16)?)?;
                budget.keep(LINK_BYTES + name.len() as u64)?;
                let name = name.to_vec();
                self.links.insert(key.object, Link { parent: key.offset, directory: le64(item, 0)?, name });
            }
            DIR_ITEM if key.object == ROOT_TREE_DIRECTORY => {
                for entry in names(item) {
                    let entry = entry?;
                    if entry.name == b"default" {
                        self.default = Some(entry.location.object);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A name in a record.
fn name_of(item: &[u8], at: usize, len: u16) -> Result<&[u8]> {
    let len = usize::from(len);
    if len > MAX_NAME_BYTES {
        return Err(Error::corrupt("btrfs: a subvolume's or a directory's name is too long"));
    }
    slice(item, at, len)
}

impl Btrfs {
    pub(super) fn read_subvolumes(&self) -> Result<Subvolumes> {
        let mut subvolumes = Subvolumes::default();
        self.walk(self.superblock.root, Key::new(0, 0, 0), &mut |key, item| {
            subvolumes.add(key, item, &self.budget)?;
            Ok(ControlFlow::Continue(()))
        })?;
        subvolumes.root(TOP_LEVEL)?;
        Ok(subvolumes)
    }

    /// Every subvolume that has a path, by that path; the top level has the empty one.
    pub(super) fn list_subvolumes(&self) -> Result<Vec<(String, Node)>> {
        let mut list = vec![(String::new(), node(TOP_LEVEL, TOP_DIRECTORY))];
        let mut bytes = 0;
        for &subvolume in self.subvolumes.links.keys().take(MAX_LISTED) {
            match self.path_of(subvolume) {
                Ok(path) => {
                    bytes += path.len();
                    if bytes > MAX_LISTED_BYTES {
                        break;
                    }
                    self.budget.keep(LISTED_BYTES + path.len() as u64)?;
                    list.push((path, node(subvolume, TOP_DIRECTORY)));
                }
                Err(error) if error.ends_the_check() => return Err(error),
                // Nothing leads to it, so it cannot be mounted by a path either.
                Err(_) => {}
            }
        }
        Ok(list)
    }

    fn path_of(&self, mut subvolume: u64) -> Result<String> {
        self.subvolumes.root(subvolume)?;
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        let mut add = |names: &mut Vec<Vec<u8>>, name: &[u8]| {
            bytes += name.len() + 1;
            if names.len() >= MAX_DEPTH || bytes > MAX_PATH_BYTES {
                return Err(Error::corrupt("btrfs: directories or subvolumes in a circle, or too deep"));
            }
            names.push(name.to_vec());
            Ok(())
        };
        while subvolume != TOP_LEVEL {
            self.budget.step()?;
            let link = self.subvolumes.links.get(&subvolume);
            let link = link.ok_or_else(|| Error::corrupt(format!("btrfs subvolume {subvolume} has no name")))?;
            add(&mut names, &link.name)?;
            let root = self.subvolumes.root(link.parent)?;
            let mut directory = link.directory;
            while directory != TOP_DIRECTORY {
                let (above, name) = self.place_of(root, directory)?;
                add(&mut names, &name)?;
                directory = above;
            }
            subvolume = link.parent;
        }
        names.reverse();
        Ok(String::from_utf8_lossy(&names.join(&b'/')).into_owned())
    }

    /// The directory above a directory, and its name there.
    fn place_of(&self, root: Root, directory: u64) -> Result<(u64, Vec<u8>)> {
        let found = self.last_until(root, Key::new(directory, INODE_REF, u64::MAX))?;
        let found = found.filter(|(key, _)| key.object == directory && key.kind == INODE_REF);
        let (key, item) = found.ok_or_else(|| Error::corrupt(format!("btrfs directory {directory} has no name")))?;
        Ok((key.offset, name_of(&item, 10, le16(&item, 8)?)?.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    /// A record that links a subvolume under a name of that length.
    fn link(len: u16) -> Vec<u8> {
        let mut item = vec![0; 16];
        item.extend(len.to_le_bytes());
        item.resize(18 + usize::from(len), b'x');
        item
    }

    #[test]
    fn names_are_bounded_and_charged() {
        let budget = Budget::new(Limits { held_bytes: 10_000, ..Limits::default() });
        let mut subvolumes = Subvolumes::default();
        let mut add = |number, len| subvolumes.add(Key::new(number, ROOT_BACKREF, TOP_LEVEL), &link(len), &budget);
        assert!(add(256, 16_000).is_err(), "longer than a name can be");
        let added = (256..1000).take_while(|number| add(*number, 255).is_ok()).count();
        assert!((20..40).contains(&added), "{added}");
        assert_eq!(budget.bytes_held(), added as u64 * (LINK_BYTES + 255));
    }
}
