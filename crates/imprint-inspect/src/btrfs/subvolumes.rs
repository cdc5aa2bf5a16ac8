//! The root tree: all subvolumes, their places among each other, and which one is the default.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Btrfs;
use super::directory::names;
use super::key::{DIR_ITEM, INODE_REF, Key, ROOT_BACKREF, ROOT_ITEM};
use super::superblock::Root;
use super::{TOP_DIRECTORY, node};
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

    fn add(&mut self, key: Key, item: &[u8]) -> Result<()> {
        let is_subvolume = key.object == TOP_LEVEL || (FIRST_SUBVOLUME..=LAST_SUBVOLUME).contains(&key.object);
        match key.kind {
            ROOT_ITEM if is_subvolume => {
                if self.roots.len() >= MAX_SUBVOLUMES {
                    return Err(Error::Exhausted("too many btrfs subvolumes"));
                }
                let root = Root { generation: le64(item, 160)?, address: le64(item, 176)?, level: byte(item, 238)? };
                self.roots.insert(key.object, root);
            }
            ROOT_BACKREF if is_subvolume && self.links.len() < MAX_SUBVOLUMES => {
                let name = slice(item, 18, usize::from(le16(item, 16)?))?.to_vec();
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

impl Btrfs {
    pub(super) fn read_subvolumes(&self) -> Result<Subvolumes> {
        let mut subvolumes = Subvolumes::default();
        self.walk(self.superblock.root, Key::new(0, 0, 0), &mut |key, item| {
            subvolumes.add(key, item)?;
            Ok(ControlFlow::Continue(()))
        })?;
        subvolumes.root(TOP_LEVEL)?;
        Ok(subvolumes)
    }

    /// Every subvolume that has a path, by that path; the top level has the empty one.
    pub(super) fn list_subvolumes(&self) -> Result<Vec<(String, Node)>> {
        let mut list = vec![(String::new(), node(TOP_LEVEL, TOP_DIRECTORY))];
        for &subvolume in self.subvolumes.links.keys().take(MAX_LISTED) {
            match self.path_of(subvolume) {
                Ok(path) => list.push((path, node(subvolume, TOP_DIRECTORY))),
                Err(error) if error.ends_the_check() => return Err(error),
                // Nothing leads to it, so it cannot be mounted by a path either.
                Err(_) => {}
            }
        }
        Ok(list)
    }

    fn path_of(&self, mut subvolume: u64) -> Result<String> {
        self.subvolumes.root(subvolume)?;
        let mut names = Vec::new();
        while subvolume != TOP_LEVEL {
            let link = self.subvolumes.links.get(&subvolume);
            let link = link.ok_or_else(|| Error::corrupt(format!("btrfs subvolume {subvolume} has no name")))?;
            names.push(link.name.clone());
            let root = self.subvolumes.root(link.parent)?;
            let mut directory = link.directory;
            while directory != TOP_DIRECTORY {
                let (above, name) = self.place_of(root, directory)?;
                names.push(name);
                directory = above;
                if names.len() > MAX_DEPTH {
                    return Err(Error::corrupt("btrfs: directories in a circle"));
                }
            }
            if names.len() > MAX_DEPTH {
                return Err(Error::corrupt("btrfs: subvolumes in a circle"));
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
        Ok((key.offset, slice(&item, 10, usize::from(le16(&item, 8)?))?.to_vec()))
    }
}
