//! Figures for whoever watches: noted now and then, so that looking at them costs nothing.

use imprint_catalogue::jobs;

use crate::Service;
use crate::error::Error;

/// The engine's figures as they were noted last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packs in the store.
    pub packs: u64,
    /// Bytes of all packs.
    pub stored_bytes: u64,
    /// Records of all packs: chunks and pages of maps.
    pub records: u64,
    /// Jobs that wait for a worker.
    pub jobs_pending: u64,
    /// Jobs that a worker has.
    pub jobs_running: u64,
}

impl Service {
    /// The figures as they were noted last.
    pub fn figures(&self) -> Figures {
        *self.figures.lock()
    }

    /// Looks at everything and notes it.
    pub(crate) async fn note_figures(&self) -> Result<(), Error> {
        let totals = self.store.stats().await?;
        let (jobs_pending, jobs_running) = self.catalogue.scan(|tx| Ok::<_, Error>(jobs::count_unended(tx)?)).await?;
        let (packs, stored_bytes, records) = (totals.packs, totals.stored_bytes, totals.records);
        *self.figures.lock() = Figures { packs, stored_bytes, records, jobs_pending, jobs_running };
        Ok(())
    }
}
