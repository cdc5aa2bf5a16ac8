//! Disk formats: recognising and safety-checking a disk image while its bytes stream past, the guest's disk inside a
//! file ([`open()`]), and the file that a disk would be ([`Export`]).
//!
//! What lives here: the names of formats ([`Format`]) and of what can be written ([`Target`]), the streaming
//! [`Inspector`] with the evidence it keeps, one folder per format with its safety rules, its reader and its writer, the
//! machinery that writers share, and what a declared format may stand for ([`compatible`]). All of it stands on
//! [`ReadAt`]. What never does: opening files or sockets, async code, and any path or address an image names.
//!
//! ```
//! use imprint_disk::{Format, Inspector};
//!
//! let mut inspector = Inspector::new();
//! inspector.feed(b"just some bytes");
//! let inspection = inspector.finish();
//! assert_eq!(inspection.format, Format::Raw);
//! assert_eq!(inspection.virtual_size_bytes, Some(15));
//! ```

mod check;
mod crc32c;
mod declared;
mod deflate;
mod detect;
mod encode;
mod evidence;
mod export;
mod fields;
mod format;
mod formats;
mod inspection;
mod inspector;
mod limits;
mod open;
mod read_at;
mod recent;
mod refusal;
mod target;
#[cfg(test)]
mod tests;
mod view;

pub use check::{Check, check_structure, read_through};
pub use declared::{Rejection, compatible, judge};
pub use detect::detect;
pub use encode::UnitSizes;
pub use export::{Export, ExportError};
pub use format::Format;
pub use inspection::{Inspection, Warning};
pub use inspector::Inspector;
pub use open::{Disk, Info, OpenError, Snapshot, open, unpack};
pub use read_at::{FileBytes, ReadAt, Run, RunKind, corrupt, past_the_end};
pub use refusal::Refusal;
pub use target::{Compression, Target};
