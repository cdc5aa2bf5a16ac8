//! Bytes at rest: content is cut into chunks named by their digest, chunks lie in packs that are never rewritten,
//! and a map of content-addressed pages says which chunks make a disk. Collection, scrubbing and repacking keep the
//! packs in order. Never knows what a disk is for, who owns it, or which row names its map.
//!
//! Order of durability: chunks, pages, root, the pack that holds them, the index; only then is a map's name handed
//! out, and only then may a row name it. A crash leaves garbage, which collection removes.

pub mod backend;
mod batches;
pub mod chunk;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod crc;
mod editor;
mod error;
mod fetch;
mod gc;
mod hold;
mod index;
mod ingest;
mod layout;
mod lease;
pub mod map;
mod mark;
mod num;
pub mod pack;
mod permit;
mod reader;
mod rebuild;
mod recut;
mod repack;
mod scrub;
mod settings;
mod sink;
mod store;
mod writer;

pub use backend::Backend;
pub use editor::MapEditor;
pub use error::{Error, Kind, Result};
pub use gc::{BoxError, GcOptions, GcReport, Roots};
pub use index::{Index, LOOKUP_MAX, Lease, Location, MemoryIndex, PackInfo, PackState, Totals};
pub use lease::LeaseGuard;
pub use pack::{Codec, PackEntry, PackId, RecordKind};
pub use reader::{ChunkRef, EXTENTS_MAX, Extent, MapReader, READ_BYTES_MAX};
pub use rebuild::RebuildReport;
pub use scrub::{Damage, VerifyReport};
pub use settings::Settings;
pub use store::{CHUNKS_PER_CALL_MAX, Store};
pub use writer::{MapWriter, Written};
