//! Leases: what keeps collection away from bytes that no row names yet. Never protects anything for longer than
//! its holder lives, plus the time to live; nor for longer than the settings allow, however long its holder lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use imprint_model::{LeaseId, Timestamp};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::error::{Error, Kind, Result};
use crate::index::Lease;
use crate::store::{Shared, blocking};

/// A lease. It is renewed in the background while this lives and given back when it is dropped. Keep it until the
/// row that names what was written is committed.
#[derive(Debug)]
pub struct LeaseGuard {
    state: Arc<LeaseState>,
    renewal: AbortHandle,
    runtime: Handle,
    released: bool,
}

/// What those know of a lease who work under it without owning it.
#[derive(Debug)]
pub(crate) struct LeaseState {
    id: LeaseId,
    shared: Arc<Shared>,
    /// No renewal goes beyond: one holder who never ends must not stop collection for ever.
    latest: Timestamp,
    /// When it ends unless renewed, in microseconds as in [`Timestamp`].
    expires: AtomicI64,
    lost: AtomicBool,
}

impl LeaseGuard {
    pub(crate) async fn acquire(shared: &Arc<Shared>) -> Result<Self> {
        let began = shared.clock.now();
        let lease = Lease { id: LeaseId::random(), began, expires: began.after(shared.settings.lease_ttl()) };
        let taken = Arc::clone(shared);
        blocking(move || taken.index.lease_acquire(&lease)).await?;
        let state = Arc::new(LeaseState {
            id: lease.id,
            shared: Arc::clone(shared),
            latest: began.after(shared.settings.lease_max()),
            expires: AtomicI64::new(lease.expires.0),
            lost: AtomicBool::new(false),
        });
        let renewal = tokio::spawn(renew_to_the_last(Arc::clone(&state))).abort_handle();
        Ok(Self { state, renewal, runtime: Handle::current(), released: false })
    }

    /// The lease's id.
    pub fn id(&self) -> LeaseId {
        self.state.id
    }

    pub(crate) fn state(&self) -> &Arc<LeaseState> {
        &self.state
    }

    /// Renews the lease now and fails when it has ended. Call it last before the commit that relies on it.
    ///
    /// # Errors
    /// [`Kind::LeaseLost`] when it has ended: collection may have begun to remove what it protected.
    pub async fn ensure_live(&self) -> Result<()> {
        let state = Arc::clone(&self.state);
        blocking(move || state.ensure_live()).await
    }

    /// Gives the lease back, and returns when that is recorded. Dropping it does the same some time later.
    ///
    /// # Errors
    /// When the index cannot record it; the lease then ends by itself.
    pub async fn release(self) -> Result<()> {
        blocking(move || self.release_blocking()).await
    }

    /// As [`release`](Self::release), on a thread that may block.
    pub(crate) fn release_blocking(mut self) -> Result<()> {
        self.released = true;
        self.renewal.abort();
        self.state.release()
    }
}

/// These calls block, except those that say otherwise.
impl LeaseState {
    pub(crate) fn id(&self) -> LeaseId {
        self.id
    }

    /// Fails when the lease is known to have ended, without asking the index: does not block.
    pub(crate) fn ensure_not_lost(&self) -> Result<()> {
        let ended = self.shared.clock.now().0 >= self.expires.load(Ordering::Acquire);
        if ended || self.lost.load(Ordering::Acquire) { Err(self.lost_error()) } else { Ok(()) }
    }

    /// Renews the lease and fails when it has ended.
    pub(crate) fn ensure_live(&self) -> Result<()> {
        if self.renew()? { Ok(()) } else { Err(self.lost_error()) }
    }

    fn lost_error(&self) -> Error {
        Error::new(Kind::LeaseLost, format!("lease {}", self.id))
    }

    fn renew(&self) -> Result<bool> {
        if self.lost.load(Ordering::Acquire) {
            return Ok(false);
        }
        let now = self.shared.clock.now();
        let expires = now.after(self.shared.settings.lease_ttl()).min(self.latest);
        let renewed = now < self.latest && self.shared.index.lease_renew(self.id, now, expires)?;
        if renewed {
            self.expires.fetch_max(expires.0, Ordering::AcqRel);
        } else {
            self.lost.store(true, Ordering::Release);
        }
        Ok(renewed)
    }

    fn release(&self) -> Result<()> {
        self.shared.index.lease_release(self.id)
    }
}

async fn renew_to_the_last(state: Arc<LeaseState>) {
    // three tries before it runs out
    let mut ticks = tokio::time::interval(state.shared.settings.lease_ttl() / 4);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let renewing = Arc::clone(&state);
        match blocking(move || renewing.renew()).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(lease = %state.id, "a lease ran out or was held too long; its holder must start again");
                return;
            }
            Err(error) => tracing::warn!(lease = %state.id, %error, "a lease could not be renewed; trying again"),
        }
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.released {
            return;
        }
        let state = Arc::clone(&self.state);
        self.runtime.spawn_blocking(move || {
            if let Err(error) = state.release() {
                tracing::debug!(lease = %state.id, %error, "a lease was not given back; it ends by itself");
            }
        });
    }
}
