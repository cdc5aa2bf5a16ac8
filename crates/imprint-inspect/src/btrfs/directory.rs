//! Names in directories.

use std::ops::ControlFlow;

use super::key::{DIR_INDEX, DIR_ITEM, KEY_BYTES, Key, ROOT_ITEM};
use super::{Btrfs, EMPTY_DIRECTORY, Place, TOP_DIRECTORY, checksum, node};
use crate::error::{Error, Result};
use crate::fields::{le16, slice};
use crate::file_system::{Entry, Kind, Names, Node, is_name};

const FIXED_BYTES: usize = 30;

/// A name and what it names.
#[derive(Debug)]
pub(super) struct Name<'a> {
    pub(super) location: Key,
    pub(super) name: &'a [u8],
}

/// The names in one record: several when their hashes agree.
pub(super) fn names(item: &[u8]) -> impl Iterator<Item = Result<Name<'_>>> {
    let mut rest = item;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let name = first_name(rest);
        rest = name.as_ref().map_or(&[], |(_, used)| &rest[*used..]);
        Some(name.map(|(name, _)| name))
    })
}

fn first_name(bytes: &[u8]) -> Result<(Name<'_>, usize)> {
    let data_bytes = usize::from(le16(bytes, KEY_BYTES + 8)?);
    let name_bytes = usize::from(le16(bytes, KEY_BYTES + 10)?);
    let used = FIXED_BYTES + name_bytes + data_bytes;
    slice(bytes, 0, used)?;
    Ok((Name { location: Key::parse(bytes)?, name: slice(bytes, FIXED_BYTES, name_bytes)? }, used))
}

impl Btrfs {
    pub(super) fn find_name(&self, directory: Place, wanted: &[u8]) -> Result<Option<Node>> {
        let Some(root) = self.must_be(directory, Kind::Directory)? else { return Ok(None) };
        let key = Key::new(directory.inode, DIR_ITEM, checksum::of_name(wanted));
        let Some(item) = self.find(root, key)? else { return Ok(None) };
        for name in names(&item) {
            let name = name?;
            self.budget.step()?;
            if name.name == wanted {
                return Ok(Some(self.node_of(directory, &name)));
            }
        }
        Ok(None)
    }

    pub(super) fn list_names(&self, directory: Place) -> Result<Vec<Entry>> {
        let mut entries = Names::new(&self.budget)?;
        let Some(root) = self.must_be(directory, Kind::Directory)? else { return Ok(entries.finish()) };
        self.walk(root, Key::new(directory.inode, DIR_INDEX, 0), &mut |key, item| {
            if key.object != directory.inode || key.kind != DIR_INDEX {
                return Ok(ControlFlow::Break(()));
            }
            for name in names(item) {
                let name = name?;
                self.budget.step()?;
                if !is_name(name.name) {
                    return Err(Error::corrupt(format!("btrfs directory {}: a name that cannot be", directory.inode)));
                }
                entries.add(name.name, self.node_of(directory, &name))?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries.finish())
    }

    /// What a name leads to. A snapshot keeps the names of subvolumes inside it, but only empty directories there.
    fn node_of(&self, directory: Place, name: &Name<'_>) -> Node {
        if name.location.kind != ROOT_ITEM {
            return node(directory.subvolume, name.location.object);
        }
        let subvolume = name.location.object;
        if self.subvolumes.is_linked(subvolume, directory.subvolume, directory.inode, name.name) {
            node(subvolume, TOP_DIRECTORY)
        } else {
            node(directory.subvolume, EMPTY_DIRECTORY)
        }
    }
}
