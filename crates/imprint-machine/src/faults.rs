//! How failures of the parts become the one error that leaves.

use std::io;
use std::path::Path;

use crate::hypervisor::Error;

/// What QEMU and the system say when a file system is full.
const FULL: &str = "No space left on device";

impl Error {
    /// For `map_err`: files, processes or sockets failed at something.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull => Error::Full,
            _ => Error::Io { doing: doing.into(), source },
        }
    }

    /// For `map_err`: a file could not be read, written or removed.
    pub(crate) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        Error::io(format!("{doing} {}", path.display()))
    }

    /// What a process of QEMU's said.
    pub(crate) fn said(what: &str, text: &str) -> Error {
        if text.contains(FULL) {
            return Error::Full;
        }
        Error::Refused(format!("{what}: {}", text.trim()))
    }
}

/// A file or directory that is not there is fine.
pub(crate) fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
