//! A directory's index: a tree of names in the order of their upper case.

use std::cmp::Ordering;

use super::record::{self, repair};
use super::{DIRECTORY_INDEX, Ntfs, Stream, types};
use crate::error::{Error, Result};
use crate::fields;

/// How deep a tree may be.
const DEPTH_MAX: usize = 16;
/// The largest tree that is read.
const ALLOCATION_BYTES_MAX: u64 = 256 << 20;
const BITMAP_BYTES_MAX: u64 = 64 << 10;
const HAS_CHILD: u32 = 1;
const IS_LAST: u32 = 2;
/// The namespace of names that exist only for DOS.
const DOS: u8 = 2;

/// The index of a directory.
pub(super) struct Index<'a> {
    ntfs: &'a Ntfs,
    root: Vec<u8>,
    allocation: Option<Stream>,
    bitmap: Option<Vec<u8>>,
    block_bytes: u64,
}

/// An entry of a node.
struct Entry {
    /// Number of the record, and the name with its namespace; none in the last entry.
    name: Option<(u64, Vec<u16>, u8)>,
    /// The node of names that come before.
    child: Option<u64>,
}

impl<'a> Index<'a> {
    pub(super) fn open(ntfs: &'a Ntfs, number: u64) -> Result<Index<'a>> {
        let attributes = ntfs.attributes(number)?;
        let root = match ntfs.stream(&attributes, types::INDEX_ROOT, DIRECTORY_INDEX)? {
            Some(Stream::Resident(root)) => root,
            _ => return Err(Error::corrupt("not a directory")),
        };
        let block_bytes = u64::from(fields::le32(&root, 8)?);
        if !block_bytes.is_power_of_two() || !(512..=65536).contains(&block_bytes) {
            return Err(Error::corrupt("an index whose blocks make no sense"));
        }
        let bitmap = match ntfs.stream(&attributes, types::BITMAP, DIRECTORY_INDEX)? {
            Some(bitmap) => Some(ntfs.whole(&bitmap, BITMAP_BYTES_MAX)?),
            None => None,
        };
        let allocation = ntfs.stream(&attributes, types::INDEX_ALLOCATION, DIRECTORY_INDEX)?;
        Ok(Index { ntfs, root, allocation, bitmap, block_bytes })
    }

    /// The record that a name leads to.
    pub(super) fn find(&self, wanted: &[u16]) -> Result<Option<u64>> {
        let mut node = self.root.get(16..).unwrap_or_default().to_vec();
        for _ in 0..DEPTH_MAX {
            let mut child = None;
            for entry in self.entries(&node)? {
                let Some((number, name, _)) = entry.name else {
                    child = entry.child;
                    break;
                };
                match self.compare(wanted, &name) {
                    Ordering::Equal => return Ok(Some(number)),
                    Ordering::Less => {
                        child = entry.child;
                        break;
                    }
                    Ordering::Greater => {}
                }
            }
            let Some(child) = child else { return Ok(None) };
            node = self.block(self.place(child)?)?;
        }
        Err(Error::corrupt("an index that is too deep"))
    }

    /// Shows all names and the records that they lead to, without those that exist only for DOS.
    pub(super) fn visit(&self, visit: &mut dyn FnMut(&[u16], u64) -> Result<()>) -> Result<()> {
        let mut show = |entries: Vec<Entry>| {
            let shown = entries.into_iter().filter_map(|entry| entry.name).filter(|(_, _, space)| *space != DOS);
            shown.into_iter().try_for_each(|(number, name, _)| visit(&name, number))
        };
        show(self.entries(self.root.get(16..).unwrap_or_default())?)?;
        let len = self.allocation.as_ref().map_or(0, Stream::size_bytes);
        if len > ALLOCATION_BYTES_MAX {
            return Err(Error::corrupt("an index beyond all bounds"));
        }
        for index in 0..len / self.block_bytes {
            self.ntfs.budget.step()?;
            if self.is_used(index) {
                show(self.entries(&self.block(index * self.block_bytes)?)?)?;
            }
        }
        Ok(())
    }

    /// Whether a block holds a node of the tree.
    fn is_used(&self, index: u64) -> bool {
        let byte = |bitmap: &Vec<u8>| bitmap.get(usize::try_from(index / 8).ok()?).copied();
        let byte = self.bitmap.as_ref().and_then(byte).unwrap_or(0);
        byte & (1 << (index % 8)) != 0
    }

    /// The place of a node in the allocation: numbers count clusters, or sectors where blocks are smaller.
    fn place(&self, number: u64) -> Result<u64> {
        let unit = if self.block_bytes >= self.ntfs.cluster_bytes { self.ntfs.cluster_bytes } else { 512 };
        number.checked_mul(unit).ok_or_else(|| Error::corrupt("an index that leaves itself"))
    }

    /// A node of the allocation, from its entries' header on.
    fn block(&self, at: u64) -> Result<Vec<u8>> {
        let allocation = self.allocation.as_ref().ok_or_else(|| Error::corrupt("an index without its blocks"))?;
        let mut block = vec![0; usize::try_from(self.block_bytes).expect("at most 64 KiB")];
        if self.ntfs.read_stream(allocation, at, &mut block)? != block.len() {
            return Err(Error::corrupt("an index that leaves itself"));
        }
        repair(&mut block, b"INDX")?;
        block.drain(..24);
        Ok(block)
    }

    /// The entries of a node.
    fn entries(&self, node: &[u8]) -> Result<Vec<Entry>> {
        let mut at = usize::try_from(fields::le32(node, 0)?).unwrap_or(usize::MAX);
        let end = usize::try_from(fields::le32(node, 4)?).unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        while at < end {
            self.ntfs.budget.step()?;
            let len = usize::from(fields::le16(node, at.saturating_add(8))?);
            if len < 16 {
                return Err(Error::corrupt("an index entry without a length"));
            }
            let raw = fields::slice(node, at, len)?;
            let flags = fields::le32(raw, 12)?;
            let is_last = flags & IS_LAST != 0;
            let child = if flags & HAS_CHILD != 0 { Some(fields::le64(raw, len - 8)?) } else { None };
            entries.push(Entry { name: if is_last { None } else { Some(name(raw)?) }, child });
            if is_last {
                break;
            }
            at += len;
        }
        Ok(entries)
    }

    fn compare(&self, left: &[u16], right: &[u16]) -> Ordering {
        let upper = |unit: &u16| self.ntfs.upcase[usize::from(*unit)];
        left.iter().map(upper).cmp(right.iter().map(upper))
    }
}

fn name(raw: &[u8]) -> Result<(u64, Vec<u16>, u8)> {
    let number = fields::le64(raw, 0)? & record::NUMBER;
    let (len, space) = (usize::from(fields::byte(raw, 16 + 64)?), fields::byte(raw, 16 + 65)?);
    let units = fields::slice(raw, 16 + 66, len * 2)?.chunks_exact(2);
    Ok((number, units.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(), space))
}
