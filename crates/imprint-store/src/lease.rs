//! Leases: what keeps collection away from bytes that no row names yet. Never protects anything for longer than
//! its holder lives, plus the time to live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imprint_model::LeaseId;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::error::{Error, Kind, Result};
use crate::index::Lease;
use crate::store::{Shared, blocking};

/// A lease. It is renewed in the background while this lives and given back when it is dropped. Keep it until the
/// row that names what was written is committed.
#[derive(Debug)]
pub struct LeaseGuard {
    id: LeaseId,
    shared: Arc<Shared>,
    lost: Arc<AtomicBool>,
    renewal: AbortHandle,
    runtime: Handle,
    released: bool,
}

impl LeaseGuard {
    pub(crate) async fn acquire(shared: &Arc<Shared>) -> Result<Self> {
        let began = shared.clock.now();
        let lease = Lease { id: LeaseId::random(), began, expires: began.after(shared.settings.lease_ttl()) };
        let taken = Arc::clone(shared);
        blocking(move || taken.index.lease_acquire(&lease)).await?;
        let lost = Arc::new(AtomicBool::new(false));
        let renewal = tokio::spawn(renew_forever(Arc::clone(shared), lease.id, Arc::clone(&lost))).abort_handle();
        let runtime = Handle::current();
        Ok(Self { id: lease.id, shared: Arc::clone(shared), lost, renewal, runtime, released: false })
    }

    /// The lease's id.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// Renews the lease now and fails when it has ended. Call it last before the commit that relies on it.
    ///
    /// # Errors
    /// [`Kind::LeaseLost`] when it has ended: collection may have begun to remove what it protected.
    pub async fn ensure_live(&self) -> Result<()> {
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        if self.lost.load(Ordering::Acquire) || !blocking(move || renew(&shared, id)).await? {
            self.lost.store(true, Ordering::Release);
            return Err(Error::new(Kind::LeaseLost, format!("lease {id}")));
        }
        Ok(())
    }

    /// Gives the lease back, and returns when that is recorded. Dropping it does the same some time later.
    ///
    /// # Errors
    /// When the index cannot record it; the lease then ends by itself.
    pub async fn release(mut self) -> Result<()> {
        self.released = true;
        self.renewal.abort();
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        blocking(move || shared.index.lease_release(id)).await
    }
}

fn renew(shared: &Shared, id: LeaseId) -> Result<bool> {
    let now = shared.clock.now();
    shared.index.lease_renew(id, now, now.after(shared.settings.lease_ttl()))
}

async fn renew_forever(shared: Arc<Shared>, id: LeaseId, lost: Arc<AtomicBool>) {
    // three tries before it runs out
    let mut ticks = tokio::time::interval(shared.settings.lease_ttl() / 4);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let renewing = Arc::clone(&shared);
        match blocking(move || renew(&renewing, id)).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(lease = %id, "a lease ran out before it was renewed; its holder must start again");
                lost.store(true, Ordering::Release);
                return;
            }
            Err(error) => tracing::warn!(lease = %id, %error, "a lease could not be renewed; trying again"),
        }
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.released {
            return;
        }
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        self.runtime.spawn_blocking(move || {
            if let Err(error) = shared.index.lease_release(id) {
                tracing::debug!(lease = %id, %error, "a lease was not given back; it ends by itself");
            }
        });
    }
}
