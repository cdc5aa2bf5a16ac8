//! btrfs on one device, read-only.
//!
//! What lives here: the superblock, chunks (single, DUP, RAID1), trees, subvolumes and the default one, directories,
//! and file data plain or compressed. What never does: replaying the log tree, several devices, checksums of data.
//!
//! Written from the on-disk format as the btrfs documentation describes it.

mod block;
mod checksum;
mod chunks;
mod compression;
mod data;
mod directory;
mod key;
mod lzo;
mod search;
mod subvolumes;
mod superblock;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use imprint_disk::ReadAt;
use parking_lot::Mutex;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields::{le32, le64};
use crate::file_system::{Entry, FileSystem, Kind, Metadata, Node};
use chunks::Chunks;
use data::Unpacked;
use key::{CHUNK_ITEM, INODE_ITEM, Key};
use search::Kept;
use subvolumes::Subvolumes;
use superblock::{Root, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET, Superblock};

/// The top directory of every subvolume.
const TOP_DIRECTORY: u64 = 256;
/// Stands for the place of a subvolume in a snapshot of what is around it.
const EMPTY_DIRECTORY: u64 = 2;
const MAX_SYMLINK_BYTES: u64 = 4096;
/// What a chunk takes in memory besides the places of its copies, which are a quarter of what its record takes.
const CHUNK_BYTES: u64 = 80;

/// An object: which one in which subvolume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    subvolume: u64,
    inode: u64,
}

fn node(subvolume: u64, inode: u64) -> Node {
    Node(u128::from(subvolume) << 64 | u128::from(inode))
}

impl Place {
    fn of(node: Node) -> Place {
        let low = u128::from(u64::MAX);
        let half = |value: u128| u64::try_from(value & low).expect("masked to 64 bits");
        Place { subvolume: half(node.0 >> 64), inode: half(node.0) }
    }
}

/// A btrfs.
pub(crate) struct Btrfs {
    source: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    superblock: Superblock,
    chunks: Chunks,
    subvolumes: Subvolumes,
    listed: Vec<(String, Node)>,
    kept: Mutex<Kept>,
    unpacked: Mutex<Unpacked>,
}

/// Opens the btrfs that begins at the first byte. Its reads are charged by the source, its records to the budget.
///
/// # Errors
/// [`Error::Corrupt`] when none begins there or its first trees cannot be read, [`Error::Unsupported`] for features that
/// change the format in unknown ways, and what reading answers.
pub fn open(source: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Result<Arc<dyn FileSystem>> {
    let mut bytes = vec![0; SUPERBLOCK_BYTES];
    source.read_at(SUPERBLOCK_OFFSET, &mut bytes)?;
    let superblock = Superblock::parse(&bytes)?;
    // Blocks and an unpacked extent are kept for as long as this is.
    budget.keep(search::KEPT_BLOCKS as u64 * u64::from(superblock.node_bytes) + data::MAX_COMPRESSED_BYTES)?;
    let mut btrfs = Btrfs {
        chunks: Chunks::of_array(&superblock.system_chunks, superblock.device)?,
        source,
        budget,
        superblock,
        subvolumes: Subvolumes::default(),
        listed: Vec::new(),
        kept: Mutex::default(),
        unpacked: Mutex::default(),
    };
    btrfs.chunks = btrfs.read_chunks()?;
    btrfs.subvolumes = btrfs.read_subvolumes()?;
    btrfs.listed = btrfs.list_subvolumes()?;
    Ok(Arc::new(btrfs))
}

impl Btrfs {
    /// All chunks: the tree of them stands in those that the superblock knows.
    fn read_chunks(&self) -> Result<Chunks> {
        let mut chunks = Chunks::of_array(&self.superblock.system_chunks, self.superblock.device)?;
        self.walk(self.superblock.chunk_root, Key::new(0, 0, 0), &mut |key, item| {
            if key.kind == CHUNK_ITEM {
                self.budget.keep(CHUNK_BYTES + item.len() as u64 / 4)?;
                chunks.add(key.offset, item, self.superblock.device)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(chunks)
    }

    /// The tree that an object is in, and what it is. None for the empty directory, which is in no tree.
    fn inode(&self, place: Place) -> Result<Option<(Root, Metadata)>> {
        if place.inode == EMPTY_DIRECTORY {
            return Ok(None);
        }
        let root = self.subvolumes.root(place.subvolume)?;
        let item = self.find(root, Key::new(place.inode, INODE_ITEM, 0))?;
        let item = item.ok_or_else(|| Error::corrupt(format!("btrfs inode {} does not exist", place.inode)))?;
        let (size_bytes, mode) = (le64(&item, 16)?, le32(&item, 52)?);
        let kind = match mode & 0o17_0000 {
            0o10_0000 => Kind::File,
            0o4_0000 => Kind::Directory,
            0o12_0000 => Kind::Symlink,
            _ => Kind::Other,
        };
        Ok(Some((root, Metadata { kind, size_bytes, mode: Some(mode & 0o7777) })))
    }

    /// The tree of an object of that kind; none for the empty directory.
    fn must_be(&self, place: Place, kind: Kind) -> Result<Option<Root>> {
        match self.inode(place)? {
            None if kind == Kind::Directory => Ok(None),
            Some((root, metadata)) if metadata.kind == kind => Ok(Some(root)),
            _ => Err(Error::corrupt(format!("btrfs inode {} is no {kind:?}", place.inode))),
        }
    }
}

impl FileSystem for Btrfs {
    fn type_name(&self) -> &'static str {
        "btrfs"
    }

    fn label(&self) -> Option<String> {
        self.superblock.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        self.superblock.uuid_text()
    }

    fn size_bytes(&self) -> u64 {
        self.superblock.bytes
    }

    fn is_clean(&self) -> bool {
        !self.superblock.has_log
    }

    fn root(&self) -> Node {
        node(self.subvolumes.mounted(), TOP_DIRECTORY)
    }

    fn subvolumes(&self) -> Vec<(String, Node)> {
        self.listed.clone()
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        let empty = Metadata { kind: Kind::Directory, size_bytes: 0, mode: Some(0o755) };
        Ok(self.inode(Place::of(node))?.map_or(empty, |(_, metadata)| metadata))
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        self.find_name(Place::of(directory), name)
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        self.list_names(Place::of(directory))
    }

    fn read_link(&self, node: Node) -> Result<Vec<u8>> {
        let place = Place::of(node);
        let wrong = || Error::corrupt(format!("btrfs symlink {}", place.inode));
        let (root, metadata) = self.inode(place)?.ok_or_else(wrong)?;
        if metadata.kind != Kind::Symlink || metadata.size_bytes == 0 || metadata.size_bytes > MAX_SYMLINK_BYTES {
            return Err(wrong());
        }
        let mut path = vec![0; usize::try_from(metadata.size_bytes).unwrap_or(0)];
        self.read_data(root, place, 0, &mut path)?;
        Ok(path)
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let place = Place::of(node);
        let found = self.inode(place)?.filter(|(_, metadata)| metadata.kind == Kind::File);
        let (root, metadata) =
            found.ok_or_else(|| Error::corrupt(format!("btrfs inode {} is no File", place.inode)))?;
        let left = metadata.size_bytes.saturating_sub(offset);
        let len = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if len > 0 {
            self.read_data(root, place, offset, &mut buf[..len])?;
        }
        Ok(len)
    }
}
