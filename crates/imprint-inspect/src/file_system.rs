//! What a file system answers, whichever it is.

use crate::error::Result;

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
