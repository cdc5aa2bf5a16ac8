//! What goes on without being asked: dead uploads are taken back, unused bytes collected, cold ones compressed.

use std::time::Duration;

use imprint_catalogue::{audit, content_facts, idempotency, images, jobs, nbd_names};
use imprint_model::{ImageId, LeaseId, MapId};
use imprint_store::{GcOptions, GcReport, Totals, VerifyReport};

use crate::Service;
use crate::error::Error;

/// For how long a job is remembered after its end.
const JOBS_KEPT: Duration = Duration::from_secs(48 * 3600);
/// For how long it is remembered who did what.
const AUDIT_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

impl Service {
    /// Runs until the future is dropped.
    pub async fn maintain(&self) {
        tokio::join!(self.keep_recovering(), self.keep_collecting());
    }

    async fn keep_recovering(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(self.settings.recover_secs.max(1)));
        loop {
            ticks.tick().await;
            log_failure("recovery of dead uploads", self.recover_dead_uploads().await);
            log_failure("noting figures", self.note_figures().await);
        }
    }

    async fn keep_collecting(&self) {
        if self.settings.collect_secs == 0 {
            return;
        }
        let mut ticks = tokio::time::interval(Duration::from_secs(self.settings.collect_secs));
        ticks.tick().await; // the first tick is at once; a start is no reason to collect
        loop {
            ticks.tick().await;
            let grace = Duration::from_secs(self.settings.collect_grace_secs);
            log_failure("collection", self.collect(grace).await);
            log_failure("forgetting old rows", self.forget_old_rows().await);
            log_failure("forgetting expired snapshots", self.forget_expired_snapshots().await);
        }
    }

    /// Takes away rows that nobody looks at any more.
    async fn forget_old_rows(&self) -> Result<(), Error> {
        let now = self.clock.now();
        self.catalogue
            .write(move |tx| {
                jobs::delete_ended_before(tx, now.before(JOBS_KEPT))?;
                audit::delete_before(tx, now.before(AUDIT_KEPT))?;
                idempotency::expire(tx, now)?;
                nbd_names::expire(tx, now)?;
                content_facts::remove_unused(tx)?;
                Ok(())
            })
            .await
    }

    /// Returns images to where they were whose writer is dead: its lease has run out.
    ///
    /// # Errors
    /// When database or store do not answer.
    pub async fn recover_dead_uploads(&self) -> Result<usize, Error> {
        // order matters: a lease is taken before its image names it, so a living writer is never missed
        let writers: Vec<(ImageId, LeaseId)> =
            self.catalogue.scan(|tx| images::writers(tx).map_err(Error::from)).await?;
        if writers.is_empty() {
            return Ok(0);
        }
        let alive = self.store.live_leases().await?;
        let mut recovered = 0;
        for (image, lease) in writers.into_iter().filter(|(_, lease)| !alive.contains(lease)) {
            tracing::info!(%image, %lease, "taking back an upload whose writer is dead");
            self.forget_writer(image, lease).await?;
            recovered += 1;
        }
        Ok(recovered)
    }

    /// Collects bytes that no image refers to and that are older than `grace`.
    ///
    /// # Errors
    /// When database or store do not answer.
    pub async fn collect(&self, grace: Duration) -> Result<GcReport, Error> {
        let compress_older_than = Some(Duration::from_secs(self.settings.compress_after_secs));
        let options = GcOptions { grace, compress_older_than, ..GcOptions::default() };
        let catalogue = self.catalogue.clone();
        Ok(self.store.gc(move || roots(&catalogue), options).await?)
    }

    /// Reads every stored byte and every image's map.
    ///
    /// # Errors
    /// When database or store do not answer; damage is in the report.
    pub async fn verify(&self) -> Result<VerifyReport, Error> {
        let catalogue = self.catalogue.clone();
        Ok(self.store.verify(move || roots(&catalogue)).await?)
    }

    /// Sizes of the store.
    ///
    /// # Errors
    /// When its index does not answer.
    pub async fn store_stats(&self) -> Result<Totals, Error> {
        Ok(self.store.stats().await?)
    }
}

/// The maps that images refer to now. Runs on a thread that may block.
fn roots(catalogue: &imprint_catalogue::Catalogue) -> Result<Vec<MapId>, imprint_store::BoxError> {
    Ok(catalogue.read_blocking(images::maps)?)
}

fn log_failure<T>(what: &str, result: Result<T, Error>) {
    if let Err(error) = result {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what} failed; it is tried again");
    }
}
