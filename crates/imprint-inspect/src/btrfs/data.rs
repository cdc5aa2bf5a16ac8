//! The bytes of files.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::compression::{Method, decompress};
use super::key::{EXTENT_DATA, Key};
use super::{Btrfs, Place, superblock::Root};
use crate::error::{Error, Result};
use crate::fields::{byte, le16, le64, slice};

/// Longer ones are not compressed together.
pub(super) const MAX_COMPRESSED_BYTES: u64 = 128 << 10;
const FIXED_BYTES: usize = 21;
const INLINE: u8 = 0;
const REGULAR: u8 = 1;
const PREALLOCATED: u8 = 2;

/// Bytes that one extent holds, unpacked, kept for the next read.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    last: Option<(u64, Arc<Vec<u8>>)>,
}

/// A part of the device that holds a part of a file.
struct OnDisk {
    address: u64,
    bytes: u64,
    /// Where in the extent, unpacked, the file's part begins.
    inside: u64,
    /// Length of the extent, unpacked.
    unpacked_bytes: u64,
    method: Option<Method>,
}

impl Btrfs {
    /// Fills the buffer from a file's records, whatever its size says; what no record covers is zeros.
    pub(super) fn read_data(&self, root: Root, place: Place, offset: u64, buf: &mut [u8]) -> Result<()> {
        buf.fill(0);
        let end = offset.saturating_add(buf.len() as u64);
        let first = Key::new(place.inode, EXTENT_DATA, offset);
        // The record that covers the first byte may begin before it.
        let before = self.last_until(root, first)?.map(|(key, _)| key);
        let from = before.filter(|key| key.object == place.inode && key.kind == EXTENT_DATA).unwrap_or(first);
        self.walk(root, from, &mut |key, item| {
            if key.object != place.inode || key.kind != EXTENT_DATA || key.offset >= end {
                return Ok(ControlFlow::Break(()));
            }
            self.copy_extent(key.offset, item, offset, buf)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Copies what a record holds of the range that begins at `offset`.
    fn copy_extent(&self, start: u64, item: &[u8], offset: u64, buf: &mut [u8]) -> Result<()> {
        if byte(item, 17)? != 0 || le16(item, 18)? != 0 {
            return Err(Error::Unsupported("btrfs encryption".into()));
        }
        let method = Method::of(byte(item, 16)?)?;
        let unpacked_bytes = le64(item, 8)?;
        match byte(item, 20)? {
            INLINE => {
                let data = slice(item, FIXED_BYTES, item.len() - FIXED_BYTES)?;
                let Some(method) = method else { return copy(data, start, offset, buf) };
                copy(&self.unpack(method, data, unpacked_bytes)?, start, offset, buf)
            }
            REGULAR => {
                let length = le64(item, 45)?;
                let on_disk = OnDisk {
                    address: le64(item, 21)?,
                    bytes: le64(item, 29)?,
                    inside: le64(item, 37)?,
                    unpacked_bytes,
                    method,
                };
                self.copy_regular(start, length, &on_disk, offset, buf)
            }
            PREALLOCATED => Ok(()),
            kind => Err(Error::corrupt(format!("btrfs extent of kind {kind}"))),
        }
    }

    fn copy_regular(&self, start: u64, length: u64, on_disk: &OnDisk, offset: u64, buf: &mut [u8]) -> Result<()> {
        // No place on the device: a hole.
        let Some((range, skip)) = overlap(start, length, offset, buf.len()) else { return Ok(()) };
        if on_disk.address == 0 {
            return Ok(());
        }
        let wrong = || Error::corrupt(format!("btrfs extent {:#x}", on_disk.address));
        let buf = &mut buf[range];
        let inside = on_disk.inside.checked_add(skip).ok_or_else(wrong)?;
        let Some(method) = on_disk.method else {
            return self.read_logical(on_disk.address.checked_add(inside).ok_or_else(wrong)?, buf);
        };
        let unpacked = self.unpack_extent(method, on_disk)?;
        let inside = usize::try_from(inside).map_err(|_| wrong())?;
        buf.copy_from_slice(slice(&unpacked, inside, buf.len())?);
        Ok(())
    }

    fn unpack_extent(&self, method: Method, on_disk: &OnDisk) -> Result<Arc<Vec<u8>>> {
        if let Some((address, bytes)) = &self.unpacked.lock().last
            && *address == on_disk.address
            && bytes.len() as u64 == on_disk.unpacked_bytes
        {
            return Ok(Arc::clone(bytes));
        }
        if on_disk.bytes > MAX_COMPRESSED_BYTES {
            return Err(Error::corrupt("btrfs: a compressed extent is too long"));
        }
        let mut packed = vec![0; usize::try_from(on_disk.bytes).unwrap_or(0)];
        self.read_logical(on_disk.address, &mut packed)?;
        let bytes = Arc::new(self.unpack(method, &packed, on_disk.unpacked_bytes)?);
        self.unpacked.lock().last = Some((on_disk.address, Arc::clone(&bytes)));
        Ok(bytes)
    }

    fn unpack(&self, method: Method, packed: &[u8], unpacked_bytes: u64) -> Result<Vec<u8>> {
        self.budget.step()?;
        if unpacked_bytes > MAX_COMPRESSED_BYTES {
            return Err(Error::corrupt("btrfs: a compressed extent is too long"));
        }
        let len = usize::try_from(unpacked_bytes).unwrap_or(0);
        decompress(method, packed, len, self.superblock.sector_bytes as usize)
    }

    fn read_logical(&self, mut address: u64, mut buf: &mut [u8]) -> Result<()> {
        while !buf.is_empty() {
            self.budget.step()?;
            let (copies, there) = self.chunks.find(address, buf.len() as u64)?;
            let (part, rest) = buf.split_at_mut(usize::try_from(there).unwrap_or(usize::MAX).min(buf.len()));
            self.first_good(copies, |copy| Ok(self.source.read_at(copy, part)?))?;
            address = address.saturating_add(there);
            buf = rest;
        }
        Ok(())
    }
}

fn copy(data: &[u8], start: u64, offset: u64, buf: &mut [u8]) -> Result<()> {
    if let Some((range, skip)) = overlap(start, data.len() as u64, offset, buf.len()) {
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let len = range.len();
        buf[range].copy_from_slice(slice(data, skip, len)?);
    }
    Ok(())
}

/// The part of a buffer (which begins at `offset` of the file) that an extent covers, and where in the extent it begins.
fn overlap(start: u64, length: u64, offset: u64, len: usize) -> Option<(std::ops::Range<usize>, u64)> {
    let first = start.max(offset);
    let end = start.saturating_add(length).min(offset.saturating_add(len as u64));
    if first >= end {
        return None;
    }
    let range = usize::try_from(first - offset).ok()?..usize::try_from(end - offset).ok()?;
    Some((range, first - start))
}
