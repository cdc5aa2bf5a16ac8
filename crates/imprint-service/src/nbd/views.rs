//! What a guest reads of stored bytes, opened once for everybody who reads them.

use std::fmt;
use std::sync::Arc;

use imprint_disk::ReadAt;
use imprint_model::{DiskFormat, MapId};
use quick_cache::sync::Cache;
use tokio::task::spawn_blocking;

use super::shared::{ChunkFigures, Chunks, SharedDisk};
use crate::Service;
use crate::disks::{guest_inside, read_as};
use crate::error::Error;

/// Disks that stay open when nobody reads them. Those that are read stay open anyway.
const VIEWS_KEPT: usize = 64;

/// Open disks, by their bytes and what those are read as.
pub(crate) struct Views {
    open: Cache<(MapId, &'static str), Arc<dyn ReadAt>>,
    chunks: Arc<Chunks>,
}

impl Views {
    /// With so much memory for chunks of all disks together.
    pub(crate) fn new(capacity_bytes: u64) -> Views {
        Views { open: Cache::new(VIEWS_KEPT), chunks: Arc::new(Chunks::new(capacity_bytes)) }
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").field("open", &self.open.len()).field("chunks", &self.chunks).finish()
    }
}

impl Service {
    /// The guest's disk in stored bytes of this format.
    ///
    /// # Errors
    /// [`Error::Unsupported`] or [`Error::Unsafe`] when they cannot be read as it; otherwise when the store does not
    /// answer.
    pub(super) async fn view(&self, map: MapId, format: DiskFormat) -> Result<Arc<dyn ReadAt>, Error> {
        let open = async {
            let reader = self.store.reader(map).await?;
            let stored = Arc::new(SharedDisk::new(reader, Arc::clone(&self.nbd.chunks)));
            let guest = spawn_blocking(move || guest_inside(&stored, format)).await;
            guest.map_err(Error::internal)?
        };
        self.nbd.open.get_or_insert_async(&(map, read_as(format)), open).await
    }

    /// What became of the chunks that exports were asked for.
    pub fn nbd_figures(&self) -> ChunkFigures {
        self.nbd.chunks.figures()
    }
}
