//! What lets a collection go on: its lease lives, and whoever asked for it still waits. Never decides what to remove.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imprint_model::LeaseId;

use crate::error::{Error, Kind, Result};
use crate::lease::{LeaseGuard, LeaseState};

/// Asked before each step of a collection. Cheap to clone; all clones are the same permit.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    lease: Arc<LeaseState>,
    stopped: Arc<AtomicBool>,
}

/// Held by whoever waits for the collection; dropped, it ends the permit.
#[derive(Debug)]
pub(crate) struct StopOnDrop(Arc<AtomicBool>);

impl Permit {
    pub(crate) fn new(lease: &LeaseGuard) -> (Self, StopOnDrop) {
        let stopped = Arc::new(AtomicBool::new(false));
        (Self { lease: Arc::clone(lease.state()), stopped: Arc::clone(&stopped) }, StopOnDrop(stopped))
    }

    /// The lease the collection works under.
    pub(crate) fn lease_id(&self) -> LeaseId {
        self.lease.id()
    }

    /// Fails when nobody waits for the collection any more. Asks nothing of the index.
    pub(crate) fn ensure_wanted(&self) -> Result<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Unavailable, "a collection that was told to stop"));
        }
        Ok(())
    }

    /// Renews the lease, and fails when it has ended or the collection was told to stop. Asked before whatever is
    /// changed.
    pub(crate) fn ensure(&self) -> Result<()> {
        self.ensure_wanted()?;
        self.lease.ensure_live()
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
