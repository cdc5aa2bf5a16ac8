//! What the store needs to know about where things are: the index of chunks, the list of packs, the leases. An
//! engine elsewhere implements [`Index`]; every call is one transaction. Never holds content.

mod memory;

use std::fmt::Debug;

use imprint_model::{ChunkId, LeaseId, Timestamp};

use crate::error::Result;
use crate::pack::{Codec, PackEntry, PackId};

pub use memory::MemoryIndex;

/// Names in one look-up at most.
pub const LOOKUP_MAX: usize = 4096;

/// Where a chunk, page or root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack that holds it.
    pub pack: PackId,
    /// Its place among the pack's records, from 0.
    pub ordinal: u32,
    /// Where its record begins, in bytes from the beginning of the pack.
    pub offset: u64,
    /// Bytes of its payload in the pack.
    pub stored_len: u32,
    /// Bytes once uncompressed.
    pub len: u32,
    /// How the payload is stored.
    pub codec: Codec,
}

impl Location {
    /// Where `entry` of `pack` is.
    pub fn of(pack: PackId, entry: &PackEntry) -> Self {
        Self {
            pack,
            ordinal: entry.ordinal,
            offset: entry.offset,
            stored_len: entry.stored_len,
            len: entry.len,
            codec: entry.codec,
        }
    }
}

/// Whether new content may refer to what is in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackState {
    /// Yes.
    Sealed,
    /// No: it will be deleted unless it is found to be in use after all. It can still be read.
    Condemned {
        /// Since when.
        at: Timestamp,
    },
}

/// A finished pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackInfo {
    /// Its id.
    pub id: PackId,
    /// When it was finished.
    pub sealed_at: Timestamp,
    /// Its whole length in bytes.
    pub bytes: u64,
    /// How many records it has.
    pub records: u32,
    /// Bytes of its records once uncompressed.
    pub content_bytes: u64,
    /// Compression was tried on every record.
    pub cold: bool,
    /// Whether new content may refer to it.
    pub state: PackState,
}

/// A lease: unfinished bytes that collection must leave alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// When it was taken.
    pub began: Timestamp,
    /// When it ends unless renewed.
    pub expires: Timestamp,
}

/// Sums over all packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Packs, condemned ones included.
    pub packs: u64,
    /// Packs that are condemned.
    pub condemned_packs: u64,
    /// Bytes of all packs.
    pub stored_bytes: u64,
    /// Bytes of the condemned packs.
    pub condemned_bytes: u64,
    /// Records of all packs.
    pub records: u64,
    /// Bytes of all records once uncompressed.
    pub content_bytes: u64,
}

/// The index. Calls block, so they are made from blocking threads only. Look-ups name at most [`LOOKUP_MAX`] chunks
/// and answer in the order asked.
///
/// Rows of a chunk whose pack is not listed (the remains of a pack forgotten without its names) must never be
/// returned, and must give way to any other pack.
///
/// # Errors
/// Implementations answer [`Kind::Unavailable`](crate::Kind::Unavailable) when the engine is locked, full or gone.
pub trait Index: Debug + Send + Sync + 'static {
    /// Where each chunk is, whatever the state of its pack: for reading.
    fn locate(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>>;

    /// Where each chunk is unless its pack is condemned: for referring to it from new content.
    fn find_live(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>>;

    /// Adds a pack and its records. A chunk that is already in a sealed pack stays there; one whose pack is
    /// condemned or not listed moves to the new pack. Adding a listed pack again changes nothing.
    fn seal_pack(&self, pack: &PackInfo, entries: &[PackEntry]) -> Result<()>;

    /// All packs.
    fn packs(&self) -> Result<Vec<PackInfo>>;

    /// Sums over all packs.
    fn totals(&self) -> Result<Totals>;

    /// Condemns a sealed pack; one that is condemned already keeps its time. False when it is not listed.
    fn condemn(&self, pack: PackId, at: Timestamp) -> Result<bool>;

    /// Takes a condemnation back. False when the pack is not listed.
    fn revive(&self, pack: PackId) -> Result<bool>;

    /// Removes a pack if it is still condemned since `condemned_at`, and of `ids` the rows that are in it. False,
    /// and nothing is changed, when it is not.
    fn forget(&self, pack: PackId, condemned_at: Timestamp, ids: &[ChunkId]) -> Result<bool>;

    /// Adds pack `to` and makes those of `entries` point to it that are now in one of the packs `from`; all others
    /// stay where they are.
    fn move_chunks(&self, from: &[PackId], to: &PackInfo, entries: &[PackEntry]) -> Result<()>;

    /// Takes a lease.
    fn lease_acquire(&self, lease: &Lease) -> Result<()>;

    /// Prolongs a lease to `expires` if it has not ended by `now`. False when it has: an ended lease never revives.
    fn lease_renew(&self, id: LeaseId, now: Timestamp, expires: Timestamp) -> Result<bool>;

    /// Gives a lease back; one that does not exist is no error.
    fn lease_release(&self, id: LeaseId) -> Result<()>;

    /// The leases that have not ended by `now`; others may be removed.
    fn leases(&self, now: Timestamp) -> Result<Vec<Lease>>;

    /// Removes all packs and rows of chunks, for a rebuild. Leases stay.
    fn clear(&self) -> Result<()>;
}
