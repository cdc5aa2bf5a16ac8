//! Why something inside a disk could not be read.

use std::io;

/// Why something inside a disk could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk's own records contradict themselves, or leave what they may be.
    #[error("{0}")]
    Corrupt(String),
    /// A feature that is known by name but not read.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The work reached a bound of the [`crate::Budget`].
    #[error("the check stopped: {0}")]
    Exhausted(&'static str),
    /// The bytes below could not be read.
    #[error("reading the disk: {0}")]
    Io(#[from] io::Error),
}

/// What reading inside a disk answers.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Records that contradict themselves.
    pub fn corrupt(what: impl Into<String>) -> Error {
        Error::Corrupt(what.into())
    }

    /// Whether nothing more can be done in this check: its bounds are reached, or the disk cannot be read at all.
    #[must_use]
    pub fn ends_the_check(&self) -> bool {
        match self {
            Error::Exhausted(_) => true,
            Error::Io(error) => !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof),
            Error::Corrupt(_) | Error::Unsupported(_) => false,
        }
    }
}
