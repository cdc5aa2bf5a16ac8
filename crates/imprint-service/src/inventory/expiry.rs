//! Snapshots that were to be kept for some days go by themselves, unless an image or a disk came of them.

use imprint_catalogue::{Tx, snapshots};

use crate::Service;
use crate::error::Error;

/// Snapshots that go in one transaction; the others wait for the next.
const AT_ONCE: u32 = 100;

impl Service {
    /// Takes away snapshots whose days are over; answers how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_expired_snapshots(&self) -> Result<usize, Error> {
        let mut forgotten = 0;
        loop {
            let now = self.clock.now();
            let forget = move |tx: &mut Tx<'_>| {
                let expired = snapshots::expired(tx, now, AT_ONCE)?;
                for &id in &expired {
                    snapshots::delete(tx, id)?;
                }
                Ok::<_, Error>(expired)
            };
            let expired = self.catalogue.write(forget).await?;
            for id in &expired {
                tracing::info!(snapshot = %id, "a snapshot's days are over");
            }
            forgotten += expired.len();
            if expired.len() < AT_ONCE as usize {
                return Ok(forgotten);
            }
        }
    }
}
