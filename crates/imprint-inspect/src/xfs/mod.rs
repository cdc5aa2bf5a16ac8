//! XFS, versions 4 and 5, read-only.
//!
//! What lives here: the superblock, inodes by number, trees of extents, directories in all their forms, symlinks, and
//! whether the log is empty. What never does: replaying the log, attributes, allocation, the realtime part.
//!
//! Written from the on-disk format as the "XFS Algorithms & Data Structures" book of the kernel describes it.

mod directory;
mod extents;
mod inode;
mod log;
mod superblock;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields::{be32, be64};
use crate::file_system::{Entry, FileSystem, Kind, Metadata, Names, Node};
use inode::{Format, Inode};
use superblock::{SUPERBLOCK_BYTES, Superblock};

/// A longer symlink cannot be.
const MAX_SYMLINK_BYTES: u64 = 1024;
const SYMLINK_HEADER_BYTES: usize = 56;
const SYMLINK_MAGIC: u32 = 0x5853_4c4d;

/// An XFS.
pub(crate) struct Xfs {
    source: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    superblock: Superblock,
    is_clean: bool,
}

/// Opens the XFS that begins at the first byte. Its reads are charged by the source, its records to the budget.
///
/// # Errors
/// [`Error::Corrupt`] when none begins there or its superblock cannot be, [`Error::Unsupported`] for features that
/// change the format in unknown ways, and what reading answers.
pub fn open(source: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Result<Arc<dyn FileSystem>> {
    let mut sector = [0; SUPERBLOCK_BYTES];
    source.read_at(0, &mut sector)?;
    let superblock = Superblock::parse(&sector)?;
    let is_clean = superblock.is_sound && log_is_clean(&source, &superblock)?;
    Ok(Arc::new(Xfs { source, budget, superblock, is_clean }))
}

/// An unreadable log is not in order; that it is unreadable does not keep the files from being read.
fn log_is_clean(source: &Arc<dyn ReadAt>, superblock: &Superblock) -> Result<bool> {
    match log::is_clean(source, superblock) {
        Err(error) if !error.ends_the_check() => Ok(false),
        answer => answer,
    }
}

impl Xfs {
    fn inode(&self, node: Node) -> Result<Inode> {
        self.budget.step()?;
        let number = u64::try_from(node.0).map_err(|_| Error::corrupt("an XFS inode number of more than 64 bits"))?;
        let mut bytes = vec![0; usize::from(self.superblock.inode_bytes)];
        self.source.read_at(self.superblock.inode_offset(number)?, &mut bytes)?;
        Inode::parse(number, bytes, &self.superblock)
    }

    /// Reads bytes that follow a block's beginning.
    fn read_blocks(&self, block: u64, bytes: u32) -> Result<Vec<u8>> {
        let mut buf = vec![0; bytes as usize];
        self.source.read_at(self.superblock.block_offset(block)?, &mut buf)?;
        Ok(buf)
    }

    /// Fills the buffer from a file's extents, whatever its size says; what has no extent is zeros.
    fn read_data(&self, inode: &Inode, offset: u64, buf: &mut [u8]) -> Result<()> {
        if inode.is_realtime {
            return Err(Error::Unsupported("XFS realtime device".into()));
        }
        let log = self.superblock.block_log;
        let mut done = 0;
        while done < buf.len() {
            self.budget.step()?;
            let position = offset + done as u64;
            let block = position >> log;
            let rest = &mut buf[done..];
            let Some(extent) = self.extent_at(inode, block)? else {
                rest.fill(0);
                return Ok(());
            };
            let is_hole = extent.start > block;
            let end = if is_hole { extent.start } else { extent.end() };
            let len = rest.len().min(usize::try_from(end.saturating_mul(1 << log) - position).unwrap_or(usize::MAX));
            let rest = &mut rest[..len];
            if is_hole || extent.is_unwritten {
                rest.fill(0);
            } else {
                let first = self.superblock.block_offset(extent.block)?;
                let inside = ((block - extent.start) << log) + (position & ((1 << log) - 1));
                self.source.read_at(first + inside, rest)?;
            }
            done += len;
        }
        Ok(())
    }

    /// A symlink too long for its inode; in version 5 every extent of it begins with a header.
    fn read_remote_link(&self, inode: &Inode) -> Result<Vec<u8>> {
        let wrong = || Error::corrupt(format!("XFS symlink {}", inode.number));
        let size = usize::try_from(inode.size).map_err(|_| wrong())?;
        let header = if self.superblock.is_v5 { SYMLINK_HEADER_BYTES } else { 0 };
        let mut path = Vec::with_capacity(size);
        let mut block = 0;
        while path.len() < size {
            self.budget.step()?;
            let extent = self.extent_at(inode, block)?.filter(|extent| extent.start == block).ok_or_else(wrong)?;
            let len = extent.count.saturating_mul(u64::from(self.superblock.block_bytes));
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(header + size - path.len());
            let mut part = vec![0; len];
            self.read_data(inode, block << self.superblock.block_log, &mut part)?;
            if self.superblock.is_v5 && (be32(&part, 0)? != SYMLINK_MAGIC || be64(&part, 32)? != inode.number) {
                return Err(wrong());
            }
            path.extend_from_slice(&part[header..]);
            block = extent.end();
        }
        Ok(path)
    }
}

impl FileSystem for Xfs {
    fn type_name(&self) -> &'static str {
        "xfs"
    }

    fn label(&self) -> Option<String> {
        self.superblock.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        self.superblock.uuid.clone()
    }

    fn size_bytes(&self) -> u64 {
        self.superblock.bytes()
    }

    fn is_clean(&self) -> bool {
        self.is_clean
    }

    fn ignores_case(&self) -> bool {
        self.superblock.ignores_case
    }

    fn root(&self) -> Node {
        Node(u128::from(self.superblock.root_inode))
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        Ok(self.inode(node)?.metadata())
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        let ignores_case = self.superblock.ignores_case;
        let mut found = None;
        self.visit_names(&self.inode(directory)?, &mut |entry, number| {
            if entry == name || (ignores_case && entry.eq_ignore_ascii_case(name)) {
                found = Some(Node(u128::from(number)));
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        let mut names = Names::new(&self.budget)?;
        self.visit_names(&self.inode(directory)?, &mut |name, number| {
            names.add(name, Node(u128::from(number)))?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(names.finish())
    }

    fn read_link(&self, node: Node) -> Result<Vec<u8>> {
        let inode = self.inode(node)?;
        inode.must_be(Kind::Symlink)?;
        if inode.size == 0 || inode.size > MAX_SYMLINK_BYTES {
            return Err(Error::corrupt(format!("XFS symlink {}: length", inode.number)));
        }
        if inode.format != Format::Local {
            return self.read_remote_link(&inode);
        }
        let size = usize::try_from(inode.size).unwrap_or(usize::MAX);
        let path = inode.fork().get(..size);
        path.map(<[u8]>::to_vec).ok_or_else(|| Error::corrupt(format!("XFS symlink {}: length", inode.number)))
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let inode = self.inode(node)?;
        inode.must_be(Kind::File)?;
        let left = inode.size.saturating_sub(offset);
        let len = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if len > 0 {
            self.read_data(&inode, offset, &mut buf[..len])?;
        }
        Ok(len)
    }
}
