//! Why a connection ended or a request of ours failed.

use std::io;

/// Why a connection ended or a request of ours failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection failed, or the peer closed it in the middle of something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The peer does not keep to the protocol, or goes beyond what is taken of it.
    #[error("the peer breaks the protocol: {0}")]
    Protocol(String),
    /// The peer took too long to say what it wants, or to take what it asked for.
    #[error("the peer was silent for too long")]
    Silent,
    /// The server refused an export or an option.
    #[error("the server refuses {what}: {why}")]
    Refused {
        /// The export or option.
        what: String,
        /// What it answered.
        why: String,
    },
    /// The server answered a request with an error.
    #[error("the server answers error {code}: {text}")]
    Answered {
        /// The error's number, as NBD counts them (those of Linux).
        code: u32,
        /// What it said.
        text: String,
    },
    /// What is asked for does not lie on the disk, is too long, or was not negotiated.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { doing, source }
    }

    pub(crate) fn protocol(what: impl Into<String>) -> Error {
        Error::Protocol(what.into())
    }
}
