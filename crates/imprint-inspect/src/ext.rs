//! ext2, ext3 and ext4.
//!
//! Checksums are not verified: what is damaged still tells most of what a check wants to know, and every number is held
//! against what it may be. A journal that was not written back is replayed in memory, so a disk copied while it was
//! mounted reads as it would after the next mount.

mod blocks;
mod directory;
mod inode;
mod journal;
mod superblock;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use imprint_disk::ReadAt;
use parking_lot::Mutex;

use crate::budget::{Budget, Charged};
use crate::error::{Error, Result};
use crate::file_system::{Entry, FileSystem, Kind, Metadata, Names, Node};
use inode::Inode;
use superblock::Superblock;

const ROOT_INODE: u32 = 2;
/// The longest directory that is read.
const DIRECTORY_BYTES_MAX: u64 = 64 << 20;
/// The longest directory whose bytes are kept.
const KEPT_BYTES_MAX: u64 = 1 << 20;
/// The longest symlink: a block.
const LINK_BYTES_MAX: u64 = 64 << 10;

/// An open file system. A node is the number of an inode.
pub(crate) struct Ext {
    volume: Arc<dyn ReadAt>,
    budget: Arc<Budget>,
    superblock: Superblock,
    /// Blocks whose newest content stands in the journal: where.
    replaced: HashMap<u64, journal::Newer>,
    /// The directory that was read last: names are mostly looked up in one after the other.
    latest: Mutex<Option<(u32, Arc<Directory>)>>,
}

/// A directory's bytes, and whether they stand in its inode.
struct Directory {
    bytes: Whole,
    is_inline: bool,
}

/// Bytes that are charged for as long as they are there.
type Whole = Charged<Vec<u8>, Arc<Budget>>;

/// Opens the file system of a volume.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Unsupported`], and what reading answers.
pub(crate) fn open(volume: Arc<dyn ReadAt>, budget: Arc<Budget>) -> Result<Arc<dyn FileSystem>> {
    let superblock = Superblock::read(&*volume)?;
    let mut ext = Ext { volume, budget, superblock, replaced: HashMap::new(), latest: Mutex::default() };
    if ext.superblock.needs_replay() {
        // Without its journal the file system is as it was some seconds before: still worth reading.
        match journal::replay(&ext) {
            Ok(replaced) => ext.replaced = replaced,
            Err(error) if error.ends_the_check() => return Err(error),
            Err(_) => {}
        }
    }
    if ext.inode(ROOT_INODE)?.kind() != Kind::Directory {
        return Err(Error::corrupt("the top directory is none"));
    }
    Ok(Arc::new(ext))
}

impl Ext {
    /// Reads inside one block, by way of the journal.
    fn read_block(&self, block: u64, within: u64, buf: &mut [u8]) -> Result<()> {
        let block_bytes = self.superblock.block_bytes;
        if within.saturating_add(buf.len() as u64) > block_bytes {
            return Err(Error::corrupt("a record passes the end of its block"));
        }
        let newer = self.replaced.get(&block);
        let place = newer.map_or(block, |newer| newer.block);
        let at = place.checked_mul(block_bytes).filter(|_| block < self.superblock.blocks);
        let at = at.ok_or_else(|| Error::corrupt("a block outside the file system"))?;
        self.volume.read_at(at + within, buf)?;
        if let Some(newer) = newer
            && newer.is_escaped
            && within < 4
        {
            let magic = journal::MAGIC.to_be_bytes();
            for (byte, at) in buf.iter_mut().zip(within..4) {
                *byte = magic[usize::try_from(at).expect("below 4")];
            }
        }
        Ok(())
    }

    fn whole_block(&self, block: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.superblock.block_len()];
        self.read_block(block, 0, &mut bytes)?;
        Ok(bytes)
    }

    fn inode(&self, number: u32) -> Result<Inode> {
        self.budget.step()?;
        let superblock = &self.superblock;
        let index = number.checked_sub(1).filter(|index| *index < superblock.inodes);
        let index = index.ok_or_else(|| Error::corrupt(format!("inode {number} outside the file system")))?;
        let (group, within) = (index / superblock.inodes_per_group, index % superblock.inodes_per_group);
        let table = self.inode_table(group)?;
        let at = u64::from(within) * u64::from(superblock.inode_bytes);
        let mut raw = vec![0; usize::from(superblock.inode_bytes)];
        self.read_block(table + at / superblock.block_bytes, at % superblock.block_bytes, &mut raw)?;
        Inode::parse(raw)
    }

    /// The first block of a group's inode table, from the group's descriptor.
    fn inode_table(&self, group: u32) -> Result<u64> {
        let (block, within) = self.superblock.descriptor_place(group);
        let mut raw = vec![0; usize::from(self.superblock.descriptor_bytes)];
        self.read_block(block, within, &mut raw)?;
        let table = self.superblock.inode_table_of(&raw)?;
        if table >= self.superblock.blocks {
            return Err(Error::corrupt("an inode table outside the file system"));
        }
        Ok(table)
    }

    fn node(&self, node: Node) -> Result<Inode> {
        let number = u32::try_from(node.0).map_err(|_| Error::corrupt("no such inode"))?;
        self.inode(number)
    }

    /// Reads from a file, a directory or a symlink, whatever its inode keeps it in.
    fn read_inode(&self, inode: &Inode, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let size = inode.size_bytes();
        if offset >= size {
            return Ok(0);
        }
        if inode.is_encrypted() {
            return Err(Error::Unsupported("an encrypted file".to_owned()));
        }
        let wanted = usize::try_from(size - offset).unwrap_or(usize::MAX).min(buf.len());
        let buf = &mut buf[..wanted];
        if let Some(inline) = inode.inline_data()? {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let part = inline.get(start..).unwrap_or_default();
            let len = part.len().min(buf.len());
            buf[..len].copy_from_slice(&part[..len]);
            return Ok(len);
        }
        let block_bytes = self.superblock.block_bytes;
        let mut done = 0;
        while done < buf.len() {
            self.budget.step()?;
            let at = offset + done as u64;
            let (index, within) = (at / block_bytes, at % block_bytes);
            let run = blocks::run_at(self, inode, index)?;
            let left = usize::try_from(run.blocks.saturating_mul(block_bytes) - within).unwrap_or(usize::MAX);
            let part = &mut buf[done..];
            let len = left.min(part.len());
            self.read_run(run.first, within, &mut part[..len])?;
            done += len;
        }
        Ok(done)
    }

    /// Reads along a run of blocks; a run that was never written is zeros.
    fn read_run(&self, first: Option<u64>, within: u64, buf: &mut [u8]) -> Result<()> {
        let Some(first) = first else {
            buf.fill(0);
            return Ok(());
        };
        let block_bytes = self.superblock.block_bytes;
        if self.replaced.is_empty() {
            let start = first.checked_mul(block_bytes).and_then(|start| start.checked_add(within));
            let start = start.filter(|start| {
                start
                    .checked_add(buf.len() as u64)
                    .is_some_and(|end| end.div_ceil(block_bytes) <= self.superblock.blocks)
            });
            let start = start.ok_or_else(|| Error::corrupt("a block outside the file system"))?;
            return Ok(self.volume.read_at(start, buf)?);
        }
        let (mut block, mut within, mut done) = (first, within, 0);
        while done < buf.len() {
            let left = usize::try_from(block_bytes - within).expect("at most a block");
            let len = left.min(buf.len() - done);
            self.read_block(block, within, &mut buf[done..done + len])?;
            (block, within, done) = (block + 1, 0, done + len);
        }
        Ok(())
    }

    /// A directory's or a symlink's bytes, all of them.
    fn all(&self, inode: &Inode, max_bytes: u64) -> Result<Whole> {
        if inode.size_bytes() > max_bytes {
            return Err(Error::corrupt("a directory or a symlink beyond all bounds"));
        }
        let held = self.budget.hold_shared(inode.size_bytes())?;
        let mut bytes = vec![0; usize::try_from(inode.size_bytes()).expect("at most 64 MiB")];
        let read = self.read_inode(inode, 0, &mut bytes)?;
        bytes.truncate(read);
        Ok(held.with(bytes))
    }

    fn directory(&self, number: u32) -> Result<Arc<Directory>> {
        if let Some((latest, directory)) = &*self.latest.lock()
            && *latest == number
        {
            return Ok(directory.clone());
        }
        let inode = self.inode(number)?;
        if inode.kind() != Kind::Directory {
            return Err(Error::corrupt("not a directory"));
        }
        let bytes = self.all(&inode, DIRECTORY_BYTES_MAX)?;
        let directory = Arc::new(Directory { bytes, is_inline: inode.has_inline_data() });
        if inode.size_bytes() <= KEPT_BYTES_MAX {
            *self.latest.lock() = Some((number, directory.clone()));
        }
        Ok(directory)
    }

    /// Shows the names of a directory, until the visitor has seen enough.
    fn visit(&self, node: Node, visit: &mut directory::Visit<'_>) -> Result<()> {
        let number = u32::try_from(node.0).map_err(|_| Error::corrupt("no such inode"))?;
        let directory = self.directory(number)?;
        if directory.is_inline {
            directory::inline(&directory.bytes, &self.budget, visit)
        } else {
            directory::blocks(&directory.bytes, self.superblock.block_len(), &self.budget, visit)
        }
    }
}

impl FileSystem for Ext {
    fn type_name(&self) -> &'static str {
        self.superblock.type_name
    }

    fn label(&self) -> Option<String> {
        self.superblock.label.clone()
    }

    fn uuid(&self) -> Option<String> {
        self.superblock.uuid.clone()
    }

    fn size_bytes(&self) -> u64 {
        self.superblock.blocks.saturating_mul(self.superblock.block_bytes)
    }

    fn is_clean(&self) -> bool {
        self.superblock.is_clean()
    }

    fn root(&self) -> Node {
        Node(u128::from(ROOT_INODE))
    }

    fn metadata(&self, node: Node) -> Result<Metadata> {
        let inode = self.node(node)?;
        Ok(Metadata { kind: inode.kind(), size_bytes: inode.size_bytes(), mode: Some(inode.permissions()) })
    }

    fn lookup(&self, directory: Node, name: &[u8]) -> Result<Option<Node>> {
        let mut found = None;
        self.visit(directory, &mut |entry, inode| {
            if entry == name {
                found = Some(Node(u128::from(inode)));
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn read_dir(&self, directory: Node) -> Result<Vec<Entry>> {
        let mut names = Names::new(&self.budget)?;
        self.visit(directory, &mut |name, inode| {
            names.add(name, Node(u128::from(inode)))?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(names.finish())
    }

    fn read_link(&self, node: Node) -> Result<Vec<u8>> {
        let inode = self.node(node)?;
        if inode.kind() != Kind::Symlink {
            return Err(Error::corrupt("not a symlink"));
        }
        match inode.short_link() {
            Some(link) => Ok(link.to_vec()),
            None => Ok(self.all(&inode, LINK_BYTES_MAX)?.to_vec()),
        }
    }

    fn read(&self, node: Node, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let inode = self.node(node)?;
        if inode.kind() != Kind::File {
            return Err(Error::corrupt("not a file"));
        }
        self.read_inode(&inode, offset, buf)
    }
}
