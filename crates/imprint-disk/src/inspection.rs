//! The outcome of an inspection.

use crate::{Format, Refusal};

/// What was learned about an image once its whole stream has been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The recognised format; [`Format::Raw`] when nothing was recognised.
    pub format: Format,
    /// How many bytes were fed: the size of the file.
    pub stream_size_bytes: u64,
    /// The size of the disk inside, in bytes; `None` when the headers do not say.
    pub virtual_size_bytes: Option<u64>,
    /// Why the image must not be accepted, whatever format was declared; empty for a safe image.
    pub refusals: Vec<Refusal>,
    /// What is odd but not dangerous.
    pub warnings: Vec<Warning>,
}

/// Something odd about an image that does not make it dangerous to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The qcow2 was not closed cleanly; its reference counts may be wrong, its data is readable.
    #[error("image was not closed cleanly")]
    Dirty,
    /// The qcow2 is marked corrupt by its last writer.
    #[error("image is marked corrupt")]
    Corrupt,
    /// The footer that should end a dynamic VHD is absent; the copy at the front was used.
    #[error("footer at the end is missing")]
    FooterMissing,
    /// The partition table of a bare disk breaks a rule of protective or classic MBRs.
    #[error("partition table: {0}")]
    PartitionTable(&'static str),
}

impl Inspection {
    /// Whether nothing speaks against accepting the image (its declared format aside: see [`crate::compatible`]).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.refusals.is_empty()
    }
}
