//! A backend that fails on demand, for tests of what a crash or a broken medium leaves behind. Never used by a
//! running service.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Backend, Found, PackFile};
use crate::error::{Error, Kind, Result};
use crate::pack::PackId;

/// Which operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How many changing operations (create, append, seal, delete) succeed before.
    pub after: usize,
    /// What the failing one and, as after a crash, all later ones answer.
    pub kind: Kind,
    /// The failing operation takes effect before its failure is reported, as when an answer is lost.
    pub takes_effect: bool,
}

/// Passes everything on to another backend until the chosen operation, then fails all changes.
#[derive(Debug, Clone)]
pub struct FaultyBackend {
    inner: Arc<dyn Backend>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    done: usize,
    fault: Option<Fault>,
}

/// What to do with an operation.
enum Verdict {
    Pass,
    FailAfter(Error),
}

impl FaultyBackend {
    /// A wrapper that does not fail yet.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// Sets or clears the fault, and counts from here.
    pub fn set(&self, fault: Option<Fault>) {
        *self.state.lock() = State { done: 0, fault };
    }

    /// Changing operations since the fault was set.
    pub fn operations(&self) -> usize {
        self.state.lock().done
    }

    fn judge(&self, what: &str) -> Result<Verdict> {
        let mut state = self.state.lock();
        state.done += 1;
        let Some(fault) = state.fault.filter(|fault| state.done > fault.after) else { return Ok(Verdict::Pass) };
        let error = Error::new(fault.kind, format!("{what}: injected fault"));
        let first = state.done == fault.after + 1;
        if first && fault.takes_effect { Ok(Verdict::FailAfter(error)) } else { Err(error) }
    }
}

impl Verdict {
    fn settle(self, result: Result<()>) -> Result<()> {
        match self {
            Self::Pass => result,
            Self::FailAfter(error) => result.and(Err(error)),
        }
    }
}

impl Backend for FaultyBackend {
    fn create(&self, id: PackId) -> Result<Box<dyn PackFile>> {
        let verdict = self.judge("create")?;
        let file = self.inner.create(id)?;
        verdict.settle(Ok(()))?;
        Ok(Box::new(FaultyFile { inner: file, backend: self.clone() }))
    }

    fn read(&self, id: PackId, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.read(id, ranges)
    }

    fn size(&self, id: PackId) -> Result<Option<u64>> {
        self.inner.size(id)
    }

    fn list(&self, visit: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        self.inner.list(visit)
    }

    fn delete(&self, id: PackId) -> Result<()> {
        let verdict = self.judge("delete")?;
        verdict.settle(self.inner.delete(id))
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn read_bytes(&self) -> u64 {
        self.inner.read_bytes()
    }
}

struct FaultyFile {
    inner: Box<dyn PackFile>,
    backend: FaultyBackend,
}

impl PackFile for FaultyFile {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> Result<()> {
        let verdict = self.backend.judge("append")?;
        verdict.settle(self.inner.append(parts))
    }

    fn seal(self: Box<Self>) -> Result<()> {
        let verdict = self.backend.judge("seal")?;
        verdict.settle(self.inner.seal())
    }
}
