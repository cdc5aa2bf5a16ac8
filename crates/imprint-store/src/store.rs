//! The store: its parts put together, and what can be asked of it. Never holds state that another node could not
//! have.

use std::sync::Arc;

use bytes::Bytes;
use imprint_model::{ChunkId, Clock, LeaseId, MapId, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::backend::Backend;
use crate::chunk::ChunkSize;
use crate::editor::MapEditor;
use crate::error::{Error, Kind, Result};
use crate::fetch::LocatedPage;
use crate::gc::{self, GcOptions, GcReport, Roots};
use crate::hold;
use crate::index::{Index, LOOKUP_MAX, Lease, Totals};
use crate::lease::LeaseGuard;
use crate::map::Root;
use crate::pack::RecordKind;
use crate::permit::Permit;
use crate::reader::{ChunkRef, MapReader};
use crate::rebuild::{self, RebuildReport};
use crate::scrub::{self, VerifyReport};
use crate::settings::Settings;
use crate::sink::{Record, Sink};
use crate::writer::{self, MapWriter, Written};

/// Chunks of one [`Store::put_chunks`] or [`Store::read_chunks`] at most.
pub const CHUNKS_PER_CALL_MAX: usize = 1024;

/// Content-addressed storage of disks. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Shared>);

/// What every part of the store works with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) chunk_size: ChunkSize,
    pub(crate) pages: Cache<ChunkId, Arc<LocatedPage>, PageWeight>,
    pub(crate) roots: Cache<MapId, Arc<Root>, RootWeight>,
}

impl Shared {
    /// The leases that may be alive at `now`. One ends only when it has by every node's clock: asking the index also
    /// removes what has ended, and a node whose clock is ahead must not end the leases of the others.
    pub(crate) fn leases(&self, now: Timestamp) -> Result<Vec<Lease>> {
        self.index.leases(now.before(self.settings.clock_skew()))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PageWeight;

impl Weighter<ChunkId, Arc<LocatedPage>> for PageWeight {
    fn weight(&self, _: &ChunkId, page: &Arc<LocatedPage>) -> u64 {
        page.memory_bytes()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct RootWeight;

impl Weighter<MapId, Arc<Root>> for RootWeight {
    fn weight(&self, _: &MapId, root: &Arc<Root>) -> u64 {
        root.encoded_len() as u64
    }
}

impl Store {
    /// A store over its components.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when a setting is out of its bounds.
    pub fn open(
        backend: Arc<dyn Backend>,
        index: Arc<dyn Index>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Self> {
        let chunk_size = settings.check()?;
        let bytes = settings.page_cache_bytes.max(1 << 20);
        let items = usize::try_from(bytes / 4096).unwrap_or(usize::MAX);
        Ok(Self(Arc::new(Shared {
            backend,
            index,
            clock,
            settings,
            chunk_size,
            pages: Cache::with_weighter(items, bytes, PageWeight),
            roots: Cache::with_weighter(items, bytes / 4, RootWeight),
        })))
    }

    /// How this store cuts content; a client that cuts alike sends only what is missing.
    pub fn chunk_size(&self) -> ChunkSize {
        self.0.chunk_size
    }

    /// Takes a lease, which protects what is found and written from now on until it is dropped.
    ///
    /// # Errors
    /// When the index cannot record it.
    pub async fn lease(&self) -> Result<LeaseGuard> {
        LeaseGuard::acquire(&self.0).await
    }

    /// Begins a new disk map, protected by a lease of its own.
    ///
    /// # Errors
    /// When the index cannot record the lease.
    pub async fn writer(&self) -> Result<MapWriter> {
        let lease = self.lease().await?;
        Ok(MapWriter::new(&self.0, lease))
    }

    /// Begins a disk map of `size_bytes` that is an older one, cut off or lengthened by zeros, with ranges replaced;
    /// without an older one, all zeros. It is protected by a lease of its own, which protects what is taken over of
    /// the older map, too, if that is still named by a row, or by another lease, once this has returned.
    ///
    /// # Errors
    /// [`Kind::Missing`] when there is no such map, [`Kind::Invalid`] when the disk is too large; when the index
    /// cannot record the lease.
    pub async fn edit(&self, base: Option<MapId>, size_bytes: u64) -> Result<MapEditor> {
        let lease = self.lease().await?;
        MapEditor::new(&self.0, lease, base, size_bytes).await
    }

    /// Protects a map that no row may name any more, such as one that somebody only remembers: a lease under which a
    /// row may name it again, and new maps may be made of it. None when it or anything in it is gone, or about to go.
    /// Looks up every chunk of the map, and reads none.
    ///
    /// # Errors
    /// [`Kind::Corrupt`] when a part of the map is damaged; when index or backend cannot be asked.
    pub async fn hold(&self, map: MapId) -> Result<Option<LeaseGuard>> {
        let lease = self.lease().await?;
        let shared = Arc::clone(&self.0);
        // the lease comes before the look: what is not condemned now is not deleted while the lease lives
        let whole = blocking(move || hold::is_whole(&shared, map)).await?;
        Ok(whole.then_some(lease))
    }

    /// Opens a map for reading.
    ///
    /// # Errors
    /// [`Kind::Missing`] when there is no such map.
    pub async fn reader(&self, map: MapId) -> Result<MapReader> {
        let shared = Arc::clone(&self.0);
        blocking(move || MapReader::open(shared, map)).await
    }

    /// Which of `ids` are not stored, or stored only in packs that are about to go: these must be sent.
    ///
    /// # Errors
    /// When the index cannot be asked.
    pub async fn missing(&self, ids: Vec<ChunkId>) -> Result<Vec<ChunkId>> {
        let shared = Arc::clone(&self.0);
        blocking(move || {
            let mut missing = Vec::new();
            for part in ids.chunks(LOOKUP_MAX) {
                let found = shared.index.find_live(part)?;
                missing.extend(part.iter().zip(found).filter(|(_, place)| place.is_none()).map(|(id, _)| *id));
            }
            Ok(missing)
        })
        .await
    }

    /// Stores chunks that a client cut itself, durably, and returns their names in order. Until a map names them
    /// they are protected by the grace period of collection alone.
    ///
    /// # Errors
    /// [`Kind::Invalid`] for more than [`CHUNKS_PER_CALL_MAX`] chunks, or one that is empty or too long.
    pub async fn put_chunks(&self, chunks: Vec<Bytes>) -> Result<Vec<ChunkId>> {
        let longest = self.0.chunk_size.max_bytes() as usize;
        if chunks.len() > CHUNKS_PER_CALL_MAX || chunks.iter().any(|chunk| chunk.is_empty() || chunk.len() > longest) {
            return Err(Error::invalid(format!(
                "chunks must have 1 to {longest} bytes, at most {CHUNKS_PER_CALL_MAX}"
            )));
        }
        let lease = self.lease().await?;
        let shared = Arc::clone(&self.0);
        // the lease goes along, so that a caller who gives up does not end it under what is still being written
        blocking(move || {
            let records: Vec<_> = chunks.iter().map(|chunk| Record::new(RecordKind::Data, chunk.as_ref())).collect();
            let mut sink = Sink::for_uploads(&shared, lease.state());
            sink.put(&records)?;
            sink.finish()?;
            lease.state().ensure_live()?;
            lease.release_blocking()?;
            Ok(records.iter().map(|record| record.id).collect())
        })
        .await
    }

    /// Makes a map of a disk of `size_bytes` from chunks that are already stored, in ascending order; what they
    /// leave out is hole.
    ///
    /// # Errors
    /// [`Kind::Missing`] when a chunk is not stored (any more), [`Kind::Invalid`] when the chunks do not fit.
    pub async fn assemble(&self, size_bytes: u64, chunks: Vec<ChunkRef>) -> Result<Written> {
        let lease = self.lease().await?;
        writer::assemble(&self.0, lease, size_bytes, chunks).await
    }

    /// The bytes of one chunk, verified.
    ///
    /// # Errors
    /// [`Kind::Missing`] when it is not stored, [`Kind::Corrupt`] when its bytes are not what its name says.
    pub async fn read_chunk(&self, id: ChunkId) -> Result<Bytes> {
        let shared = Arc::clone(&self.0);
        blocking(move || shared.fetch(id)).await
    }

    /// The bytes of several chunks (at most [`CHUNKS_PER_CALL_MAX`]), verified, in the order asked.
    ///
    /// # Errors
    /// As [`read_chunk`](Self::read_chunk), for the first that fails.
    pub async fn read_chunks(&self, ids: Vec<ChunkId>) -> Result<Vec<Bytes>> {
        if ids.len() > CHUNKS_PER_CALL_MAX {
            return Err(Error::invalid(format!("at most {CHUNKS_PER_CALL_MAX} chunks in one call")));
        }
        let shared = Arc::clone(&self.0);
        blocking(move || shared.fetch_all(&ids)).await
    }

    /// The leases alive now, by every node's clock: one that ended may be listed for as long as clocks may differ.
    ///
    /// # Errors
    /// When the index cannot be asked.
    pub async fn live_leases(&self) -> Result<Vec<LeaseId>> {
        let shared = Arc::clone(&self.0);
        blocking(move || Ok(shared.leases(shared.clock.now())?.iter().map(|lease| lease.id).collect())).await
    }

    /// Removes what nothing uses; see [`GcOptions`]. `roots` must name the map of every row, afresh at each call.
    /// One collection at a time is enough; two at once are safe.
    ///
    /// # Errors
    /// When the list of roots, the index or the backend fails; [`Kind::LeaseLost`] when it took longer than a lease
    /// may last or could not renew its own. What was done until then stands and is safe, as it is when this future
    /// is dropped, which ends the collection at its next step.
    pub async fn gc(&self, roots: impl Roots, options: GcOptions) -> Result<GcReport> {
        let lease = self.lease().await?;
        let shared = Arc::clone(&self.0);
        let (permit, _stop_on_drop) = Permit::new(&lease);
        // the lease goes along: what is not waited for any more goes on until it notices
        blocking(move || {
            let report = gc::collect(&shared, &permit, &roots, &options)?;
            lease.release_blocking()?;
            Ok(report)
        })
        .await
    }

    /// Reads everything that is stored and everything that `roots` name, and reports what is damaged.
    ///
    /// # Errors
    /// When the list of roots, the index or the backend fails altogether.
    pub async fn verify(&self, roots: impl Roots) -> Result<VerifyReport> {
        let shared = Arc::clone(&self.0);
        blocking(move || scrub::verify(&shared, &roots)).await
    }

    /// Empties the index and fills it again from the packs. Nothing else may use the store meanwhile.
    ///
    /// # Errors
    /// When the index or the backend fails; then run it again.
    pub async fn rebuild_index(&self) -> Result<RebuildReport> {
        let shared = Arc::clone(&self.0);
        blocking(move || rebuild::rebuild(&shared)).await
    }

    /// Sums over what is stored; one query.
    ///
    /// # Errors
    /// When the index cannot be asked.
    pub async fn stats(&self) -> Result<Totals> {
        let shared = Arc::clone(&self.0);
        blocking(move || shared.index.totals()).await
    }

    /// Whether the backend can be read and written now.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] or [`Kind::Full`] when it cannot.
    pub async fn check(&self) -> Result<()> {
        let shared = Arc::clone(&self.0);
        blocking(move || shared.backend.check()).await
    }
}

/// Runs blocking work on the pool made for it.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::new(Kind::Internal, "blocking work of the store").with_source(error)))
}
