//! An index in memory, for tests and for tools that scan a store. Never survives its process.

use std::collections::{BTreeMap, HashMap, HashSet};

use imprint_model::{ChunkId, LeaseId, Timestamp};
use parking_lot::Mutex;

use super::{Index, Lease, Location, PackInfo, PackState, Totals};
use crate::error::Result;
use crate::pack::{PackEntry, PackId};

/// An index in memory.
#[derive(Debug, Default)]
pub struct MemoryIndex(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chunks: HashMap<ChunkId, Location>,
    packs: BTreeMap<PackId, PackInfo>,
    leases: HashMap<LeaseId, Lease>,
}

impl State {
    fn state_of(&self, pack: PackId) -> Option<PackState> {
        self.packs.get(&pack).map(|pack| pack.state)
    }
}

impl Index for MemoryIndex {
    fn locate(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>> {
        let state = self.0.lock();
        let listed = |place: &Location| state.packs.contains_key(&place.pack);
        Ok(ids.iter().map(|id| state.chunks.get(id).copied().filter(listed)).collect())
    }

    fn find_live(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>> {
        let state = self.0.lock();
        let sealed = |place: &Location| state.state_of(place.pack) == Some(PackState::Sealed);
        Ok(ids.iter().map(|id| state.chunks.get(id).copied().filter(sealed)).collect())
    }

    fn seal_pack(&self, pack: &PackInfo, entries: &[PackEntry]) -> Result<()> {
        let mut state = self.0.lock();
        if state.packs.contains_key(&pack.id) {
            return Ok(());
        }
        for entry in entries {
            let present = state.chunks.get(&entry.id).and_then(|place| state.state_of(place.pack));
            if present != Some(PackState::Sealed) {
                state.chunks.insert(entry.id, Location::of(pack.id, entry));
            }
        }
        state.packs.insert(pack.id, *pack);
        Ok(())
    }

    fn packs(&self) -> Result<Vec<PackInfo>> {
        Ok(self.0.lock().packs.values().copied().collect())
    }

    fn totals(&self) -> Result<Totals> {
        let mut totals = Totals::default();
        for pack in self.0.lock().packs.values() {
            totals.packs += 1;
            totals.stored_bytes += pack.bytes;
            totals.records += u64::from(pack.records);
            totals.content_bytes += pack.content_bytes;
            if pack.state != PackState::Sealed {
                totals.condemned_packs += 1;
                totals.condemned_bytes += pack.bytes;
            }
        }
        Ok(totals)
    }

    fn condemn(&self, pack: PackId, at: Timestamp) -> Result<bool> {
        let mut state = self.0.lock();
        let Some(pack) = state.packs.get_mut(&pack) else { return Ok(false) };
        if pack.state == PackState::Sealed {
            pack.state = PackState::Condemned { at };
        }
        Ok(true)
    }

    fn revive(&self, pack: PackId) -> Result<bool> {
        let mut state = self.0.lock();
        let Some(pack) = state.packs.get_mut(&pack) else { return Ok(false) };
        pack.state = PackState::Sealed;
        Ok(true)
    }

    fn forget(&self, pack: PackId, condemned_at: Timestamp, ids: &[ChunkId]) -> Result<bool> {
        let mut state = self.0.lock();
        if state.state_of(pack) != Some(PackState::Condemned { at: condemned_at }) {
            return Ok(false);
        }
        state.packs.remove(&pack);
        for id in ids {
            if state.chunks.get(id).is_some_and(|place| place.pack == pack) {
                state.chunks.remove(id);
            }
        }
        Ok(true)
    }

    fn move_chunks(&self, from: &[PackId], to: &PackInfo, entries: &[PackEntry]) -> Result<()> {
        let mut state = self.0.lock();
        let from: HashSet<PackId> = from.iter().copied().collect();
        for entry in entries {
            if let Some(place) = state.chunks.get_mut(&entry.id)
                && from.contains(&place.pack)
            {
                *place = Location::of(to.id, entry);
            }
        }
        state.packs.insert(to.id, *to);
        Ok(())
    }

    fn lease_acquire(&self, lease: &Lease) -> Result<()> {
        self.0.lock().leases.insert(lease.id, *lease);
        Ok(())
    }

    fn lease_renew(&self, id: LeaseId, now: Timestamp, expires: Timestamp) -> Result<bool> {
        let mut state = self.0.lock();
        let lease = state.leases.get_mut(&id).filter(|lease| lease.expires > now);
        Ok(lease.map(|lease| lease.expires = expires).is_some())
    }

    fn lease_release(&self, id: LeaseId) -> Result<()> {
        self.0.lock().leases.remove(&id);
        Ok(())
    }

    fn leases(&self, now: Timestamp) -> Result<Vec<Lease>> {
        let mut state = self.0.lock();
        state.leases.retain(|_, lease| lease.expires > now);
        Ok(state.leases.values().copied().collect())
    }

    fn clear(&self) -> Result<()> {
        let mut state = self.0.lock();
        state.chunks.clear();
        state.packs.clear();
        Ok(())
    }
}
