//! What a file system answers, whichever it is.

use crate::budget::{Budget, Held};
use crate::error::{Error, Result};

/// One object of a file system, by whatever names objects there (inode; subvolume and inode; record; place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub u128);

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes.
    File,
    /// Names of other objects.
    Directory,
    /// A path to follow.
    Symlink,
    /// Devices, pipes, sockets.
    Other,
}

/// What is known about an object besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Length of its bytes.
    pub size_bytes: u64,
    /// Permission bits, where the file system has them.
    pub mode: Option<u32>,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name: bytes, neither `.` nor `..`, without `/` and NUL.
    pub name: Vec<u8>,
    /// What it names.
    pub node: Node,
}

/// The longest name: 255 characters of the longest kind.
const NAME_BYTES_MAX: usize = 255 * 4;
/// What an entry takes besides the bytes of its name.
const ENTRY_BYTES: u64 = 64;
/// What the names of one directory may take: some 300,000 names of usual length.
const NAMES_BYTES_MAX: u64 = 32 << 20;

/// The names of a directory while they are collected: bounded, and charged until they are handed on.
pub(crate) struct Names<'b> {
    held: Held<&'b Budget>,
    bytes: u64,
    entries: Vec<Entry>,
}

impl<'b> Names<'b> {
    pub(crate) fn new(budget: &'b Budget) -> Result<Names<'b>> {
        Ok(Names { held: budget.hold(0)?, bytes: 0, entries: Vec::new() })
    }

    /// One more name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for one that is too long, [`Error::Exhausted`] for one too many.
    pub(crate) fn add(&mut self, name: &[u8], node: Node) -> Result<()> {
        if name.len() > NAME_BYTES_MAX {
            return Err(Error::corrupt("a name longer than names can be"));
        }
        let bytes = ENTRY_BYTES + name.len() as u64;
        self.bytes += bytes;
        if self.bytes > NAMES_BYTES_MAX {
            return Err(Error::Exhausted("too many names in one directory"));
        }
        self.held.grow(bytes)?;
        self.entries.push(Entry { name: name.to_vec(), node });
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<Entry> {
        self.entries
    }
}

/// Whether a directory may hold an entry of that name.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0)
}

/// A file system, read-only. Its methods count against the [`crate::Budget`] that it was opened with; none follows a
/// symlink and none takes a path: [`crate`]'s tree does that, inside the guest's own names.
pub trait FileSystem: Send + Sync {
    /// Its type as `blkid` names it: `ext4`, `xfs`, `btrfs`, `vfat`, `ntfs`, `iso9660`.
    fn type_name(&self) -> &'static str;

    /// Its label, if it has one.
    fn label(&self) -> Option<String>;

    /// Its UUID as `blkid` prints it, if it has one.
    fn uuid(&self) -> Option<String>;

    /// The size that it believes to have, in bytes.
    fn size_bytes(&self) -> u64;

    /// Whether it was left in order: unmounted, its journal empty.
    fn is_clean(&self) -> bool;

    /// Whether names are compared without regard to case.
    fn ignores_case(&self) -> bool {
        false
    }

    /// Its top directory.
    fn root(&self) -> Node;

    /// Other trees inside it, by path from the top: btrfs subvolumes. The default tree is [`FileSystem::root`].
    fn subvolumes(&self) -> Vec<(String, Node)> {
        Vec::new()
    }

    /// What an object is.
    ///
    /// # Errors
    /// [`crate::Error`].
    fn metadata(&self, node: Node) -> Result<Metadata>;

    /// The object of that name in a directory.
    ///
    /// # Errors
    /// [`crate::Error`].
    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>>;

    /// All names of a directory, in any order.
    ///
    /// # Errors
    /// [`crate::Error`].
    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>>;

    /// The path that a symlink holds.
    ///
    /// # Errors
    /// [`crate::Error`].
    fn read_link(&self, node: Node) -> Result<Vec<u8>>;

    /// Reads a file from `offset` on into the buffer, and says how many bytes there were: fewer than asked at its end.
    ///
    /// # Errors
    /// [`crate::Error`].
    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn a_directory_of_too_many_names_is_not_collected() {
        let budget = Budget::new(Limits::default());
        let mut names = Names::new(&budget).unwrap();
        let room = NAMES_BYTES_MAX / (ENTRY_BYTES + 255);
        let added = (0..=room).take_while(|number| names.add(&[b'x'; 255], Node((*number).into())).is_ok()).count();
        assert_eq!(added as u64, room);
        assert!(budget.bytes_held() <= NAMES_BYTES_MAX);
        assert_eq!(names.finish().len() as u64, room);
        assert_eq!(budget.bytes_held(), 0);
    }

    #[test]
    fn names_are_charged_before_they_are_kept() {
        let budget = Budget::new(Limits { held_bytes: 1000, ..Limits::default() });
        let mut names = Names::new(&budget).unwrap();
        while names.add(b"name", Node(0)).is_ok() {}
        assert!(names.finish().len() < 1000 / 64);
        assert!(Names::new(&budget).unwrap().add(&[b'x'; 2000], Node(0)).is_err());
    }
}
