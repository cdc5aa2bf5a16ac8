//! Disk formats: recognising and safety-checking a disk image while its bytes stream past.
//!
//! What lives here: the names of formats ([`Format`]), the streaming [`Inspector`] with the evidence it keeps, one
//! module per format with that format's safety rules, and what a declared format may stand for ([`compatible`]).
//! What never does: files, sockets, async code, and any path or address an image names.
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

mod crc32c;
mod declared;
mod detect;
mod evidence;
mod fields;
mod format;
mod formats;
mod inspection;
mod inspector;
mod limits;
mod read_at;
mod refusal;
#[cfg(test)]
mod tests;

pub use declared::{Rejection, compatible, judge};
pub use format::Format;
pub use inspection::{Inspection, Warning};
pub use inspector::Inspector;
pub use read_at::{FileBytes, ReadAt, Run, RunKind, corrupt, past_the_end};
pub use refusal::Refusal;
