//! Packs in memory, for tests. Never survives its process.

use std::collections::HashMap;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Backend, Found, PackFile};
use crate::error::{Error, Result};
use crate::num::to_usize;
use crate::pack::PackId;

/// Packs in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBackend(Arc<Mutex<HashMap<PackId, Bytes>>>);

impl MemoryBackend {
    /// Changes the byte at `offset` of a pack, as a failing medium would. False when there is no such byte.
    pub fn damage(&self, id: PackId, offset: u64) -> bool {
        let mut packs = self.0.lock();
        let Some(pack) = packs.get_mut(&id) else { return false };
        let mut bytes = pack.to_vec();
        let Some(byte) = bytes.get_mut(to_usize(offset)) else { return false };
        *byte ^= 0x55;
        *pack = bytes.into();
        true
    }
}

impl Backend for MemoryBackend {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        Ok(Box::new(MemoryFile { id, bytes: Vec::new(), packs: self.clone() }))
    }

    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let packs = self.0.lock();
        let pack = packs.get(&id).ok_or_else(|| Error::missing(format!("pack {id}")))?;
        let part = |range: &Range<u64>| {
            let (start, end) = (to_usize(range.start), to_usize(range.end));
            let whole = end <= pack.len();
            whole.then(|| pack.slice(start..end)).ok_or_else(|| Error::corrupt(format!("pack {id} is too short")))
        };
        ranges.iter().map(part).collect()
    }

    fn size(&self, id: PackId) -> Result<Option<u64>> {
        Ok(self.0.lock().get(&id).map(|pack| pack.len() as u64))
    }

    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        let all: Vec<_> = self.0.lock().iter().map(|(id, pack)| (*id, pack.len() as u64)).collect();
        all.into_iter().try_for_each(|(id, bytes)| visit(Found { id, sealed: true, bytes }))
    }

    fn delete(&self, id: PackId) -> Result<()> {
        self.0.lock().remove(&id);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn read_bytes(&self) -> u64 {
        1 << 20
    }
}

struct MemoryFile {
    id: PackId,
    bytes: Vec<u8>,
    packs: MemoryBackend,
}

impl PackFile for MemoryFile {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()> {
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        Ok(())
    }

    fn seal(self: Box<Self>) -> Result<()> {
        self.packs.0.lock().insert(self.id, self.bytes.into());
        Ok(())
    }
}
