//! Finding records in trees.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Btrfs;
use super::block::Block;
use super::key::Key;
use super::superblock::Root;
use crate::error::{Error, Result};

/// A tree cannot have more levels.
const LEVELS: u8 = 8;
/// Blocks that are kept: at most 4 MiB.
pub(super) const KEPT_BLOCKS: usize = 64;

/// Looks at a record.
pub(super) type Visit<'a> = dyn FnMut(Key, &[u8]) -> Result<ControlFlow<()>> + 'a;

/// Blocks that were read and checked lately.
#[derive(Debug, Default)]
pub(super) struct Kept {
    blocks: HashMap<Root, Arc<Block>>,
    order: VecDeque<Root>,
}

impl Kept {
    fn keep(&mut self, place: Root, block: &Arc<Block>) {
        if self.blocks.insert(place, Arc::clone(block)).is_none() {
            self.order.push_back(place);
        }
        if self.order.len() > KEPT_BLOCKS
            && let Some(oldest) = self.order.pop_front()
        {
            self.blocks.remove(&oldest);
        }
    }
}

/// A walk under way.
struct Walk<'a, 'b> {
    from: Key,
    last: Option<Key>,
    visit: &'a mut Visit<'b>,
}

impl Btrfs {
    /// Shows every record from a key on, in order, until the visitor has seen enough.
    ///
    /// It ends whatever the blocks say: each level is one less than the last, each child begins with the key that its
    /// parent names, and keys rise.
    pub(super) fn walk(&self, root: Root, from: Key, visit: &mut Visit<'_>) -> Result<()> {
        let top = self.block(root)?;
        self.descend(&top, &mut Walk { from, last: None, visit }).map(drop)
    }

    fn descend(&self, block: &Block, walk: &mut Walk<'_, '_>) -> Result<ControlFlow<()>> {
        if block.is_leaf() {
            return self.show(block, walk);
        }
        let first = block.count_while(|key| key <= walk.from)?.saturating_sub(1);
        for index in first..block.count() {
            let key = block.key(index)?;
            if index > first && key <= block.key(index - 1)? {
                return Err(Error::corrupt("btrfs: children out of order"));
            }
            let child = self.block(block.child(index)?)?;
            if child.count() == 0 || child.key(0)? != key {
                return Err(Error::corrupt("btrfs: a child does not begin where its parent says"));
            }
            if self.descend(&child, walk)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn show(&self, leaf: &Block, walk: &mut Walk<'_, '_>) -> Result<ControlFlow<()>> {
        for index in leaf.count_while(|key| key < walk.from)?..leaf.count() {
            self.budget.step()?;
            let (key, item) = leaf.item(index)?;
            if walk.last.is_some_and(|last| key <= last) {
                return Err(Error::corrupt("btrfs: records out of order"));
            }
            walk.last = Some(key);
            if (walk.visit)(key, item)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The last record whose key is not behind `key`.
    pub(super) fn last_until(&self, root: Root, key: Key) -> Result<Option<(Key, Vec<u8>)>> {
        let mut block = self.block(root)?;
        loop {
            let Some(index) = block.count_while(|here| here <= key)?.checked_sub(1) else { return Ok(None) };
            if block.is_leaf() {
                let (key, item) = block.item(index)?;
                return Ok(Some((key, item.to_vec())));
            }
            block = self.block(block.child(index)?)?;
        }
    }

    /// The record of exactly that key.
    pub(super) fn find(&self, root: Root, key: Key) -> Result<Option<Vec<u8>>> {
        let last = self.last_until(root, key)?;
        Ok(last.filter(|(found, _)| *found == key).map(|(_, item)| item))
    }

    /// The block at a place, from whichever of its copies is in order.
    fn block(&self, place: Root) -> Result<Arc<Block>> {
        self.budget.step()?;
        if place.level >= LEVELS {
            return Err(Error::corrupt("btrfs: too deep a tree"));
        }
        if let Some(block) = self.kept.lock().blocks.get(&place) {
            return Ok(Arc::clone(block));
        }
        let len = u64::from(self.superblock.node_bytes);
        let (copies, there) = self.chunks.find(place.address, len)?;
        if there < len {
            return Err(Error::corrupt(format!("btrfs block {:#x} leaves its chunk", place.address)));
        }
        let block = self.first_good(copies, |copy| {
            let mut bytes = vec![0; self.superblock.node_bytes as usize];
            self.source.read_at(copy, &mut bytes)?;
            Block::parse(bytes, place, &self.superblock)
        })?;
        let block = Arc::new(block);
        self.kept.lock().keep(place, &block);
        Ok(block)
    }

    /// What the first copy that can be read says; the error of the last one if none can.
    pub(super) fn first_good<T>(
        &self,
        copies: impl Iterator<Item = u64>,
        mut read: impl FnMut(u64) -> Result<T>,
    ) -> Result<T> {
        let mut trouble = Error::Unsupported("btrfs over several devices".into());
        for copy in copies {
            self.budget.step()?;
            match read(copy) {
                Err(error) if !error.ends_the_check() => trouble = error,
                answer => return answer,
            }
        }
        Err(trouble)
    }
}
