//! What can be made to fail, and how.

use std::io;

use super::FakeHypervisor;
use crate::Error;

/// A call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Hypervisor::prepare`](crate::Hypervisor::prepare).
    Prepare,
    /// [`Hypervisor::remove`](crate::Hypervisor::remove).
    Remove,
    /// [`Hypervisor::overlays`](crate::Hypervisor::overlays).
    Overlays,
    /// [`Hypervisor::start`](crate::Hypervisor::start).
    Start,
    /// [`Hypervisor::running`](crate::Hypervisor::running).
    Running,
    /// [`Hypervisor::shut_down`](crate::Hypervisor::shut_down).
    ShutDown,
    /// [`Hypervisor::kill`](crate::Hypervisor::kill).
    Kill,
    /// [`Hypervisor::forget`](crate::Hypervisor::forget).
    Forget,
    /// [`Hypervisor::attach`](crate::Hypervisor::attach).
    Attach,
    /// [`Hypervisor::detach`](crate::Hypervisor::detach).
    Detach,
    /// [`Hypervisor::grow`](crate::Hypervisor::grow).
    Grow,
    /// [`Hypervisor::capture`](crate::Hypervisor::capture).
    Capture,
    /// [`CapturedDisk::changed`](crate::CapturedDisk::changed).
    Changed,
    /// [`CapturedDisk::read`](crate::CapturedDisk::read).
    Read,
    /// [`Capture::end`](crate::Capture::end).
    End,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// [`Error::Refused`], and nothing was done.
    Refused,
    /// [`Error::Full`], and nothing was done.
    Full,
    /// [`Error::Io`], although it was done.
    Late,
    /// It panics, and nothing was done.
    Panic,
}

impl FakeHypervisor {
    /// Fails when that was ordered: before anything is done, or `late`, when all is.
    pub(super) fn fault(&self, call: Call, late: bool) -> Result<(), Error> {
        let mut state = self.state.lock();
        let found = state.faults.iter().position(|&(of, how)| of == call && (how == Fault::Late) == late);
        match found.and_then(|index| state.faults.remove(index)) {
            None => Ok(()),
            Some((_, Fault::Refused)) => Err(Error::Refused(format!("{call:?} was told to fail"))),
            Some((_, Fault::Full)) => Err(Error::Full),
            Some((_, Fault::Panic)) => panic!("{call:?} was told to panic"),
            Some((_, Fault::Late)) => {
                Err(Error::Io { doing: format!("{call:?}"), source: io::Error::other("told to fail") })
            }
        }
    }
}
