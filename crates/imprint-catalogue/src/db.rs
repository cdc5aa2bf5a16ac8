//! The catalogue as its users see it: open it, read from it, write to it. Tables are elsewhere; the engines are in
//! `sqlite/` and `postgres.rs`.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::chunks::SqlIndex;
use crate::postgres::{Isolation, Postgres};
use crate::sqlite::{INDEX, METADATA, Sqlite, path_of};
use crate::{Error, ErrorKind, Settings, Tx, migrations, nonces};

/// Scans on the threads that ask, however many processors there are: the program has a thread more than this.
const SHORT_SCANS_MAX: usize = 15;

/// Facts at rest. Cheap to clone; all clones are one catalogue.
#[derive(Clone)]
pub struct Catalogue(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    /// Callers that may occupy a blocking thread at once: as many as there are connections for them.
    calls: Arc<Semaphore>,
    /// Those of them that may scan, so that scans leave connections to others.
    scans: Arc<Semaphore>,
    /// Scans on the threads that ask.
    short_scans: Semaphore,
}

pub(crate) enum Engine {
    /// Metadata, and the index of chunks in a file of its own: adding thousands of rows holds no metadata up. Numbers
    /// that may be used once in a third, since they wait for no disk.
    Sqlite { metadata: Sqlite, index: Sqlite, nonces: Box<Mutex<Connection>> },
    /// Everything in one database, but each on connections of its own: packs that are sealed at the same moment take no
    /// connection from requests for metadata.
    Postgres { metadata: Postgres, index: Postgres },
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Catalogue").field(&self.engine_name()).finish()
    }
}

impl Catalogue {
    /// Opens the database, makes it if it is not there, and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::NewerSchema`] when a newer Imprint has been here, [`ErrorKind::Unavailable`] when there is no way to the
    /// database, [`ErrorKind::Other`] when the address is not one.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let (engine, calls, scans) = if let Some(path) = settings.url.strip_prefix("sqlite:") {
            let readers = settings.sqlite_readers.max(1) as usize;
            let scans = (readers / 2).max(1);
            let path = path_of(path);
            let metadata = Sqlite::open(&path, readers + scans, METADATA, migrations::apply)?;
            let index = Sqlite::open(&path.with_file_name("index.db"), readers, INDEX, migrations::apply_index)?;
            let nonces = Box::new(nonces::open(&path.with_file_name("nonces.db"))?);
            (Engine::Sqlite { metadata, index, nonces }, readers, scans)
        } else if settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://") {
            let connections = settings.postgres_connections.max(1) as usize;
            let metadata = Postgres::new(&settings.url, connections, Isolation::Serializable)?;
            metadata.migrate(migrations::apply)?;
            let index_connections = settings.postgres_index_connections.max(1) as usize;
            let index = Postgres::new(&settings.url, index_connections, Isolation::ReadCommitted)?;
            (Engine::Postgres { metadata, index }, connections, connections.div_ceil(2))
        } else {
            return Err(Error::new(ErrorKind::Other, "a database address begins with sqlite: or postgres://"));
        };
        let places = |count| Arc::new(Semaphore::new(count));
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let short_scans = Semaphore::new(processors.min(SHORT_SCANS_MAX));
        Ok(Self(Arc::new(Shared { engine, calls: places(calls), scans: places(scans), short_scans })))
    }

    /// Which engine runs, for logs and metrics: `sqlite` or `postgres`.
    pub fn engine_name(&self) -> &'static str {
        match &self.0.engine {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres { .. } => "postgres",
        }
    }

    /// Runs `work` against committed data; on SQLite all its statements see the same moment, on PostgreSQL each sees
    /// a moment of its own. It may be run again when the connection is lost.
    ///
    /// For reads whose cost is a constant: a record by its key, a few rows by an index. SQLite runs them on the calling
    /// thread, which must be let go again after some tens of microseconds; everything else goes to [`Catalogue::scan`].
    ///
    /// # Errors
    /// What `work` answers, or what kept it from running.
    pub async fn read<T, E>(&self, work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.0.engine {
            // An embedded read takes some tens of microseconds, and handing it to another thread as long again. The
            // program runs more workers than there are cores, so one that waits for the disk holds up nobody.
            Engine::Sqlite { .. } => self.read_blocking(work),
            Engine::Postgres { .. } => self.on_blocking_thread(move |catalogue| catalogue.read_blocking(work)).await,
        }
    }

    /// [`Catalogue::scan`] for a short page of a list, on the thread that asks (SQLite): to hand it to another and back
    /// costs as long as finding the page, and leaves it twice more to wait for a processor. As many run at once as there
    /// are processors, fewer than threads, so that there is always one for other requests.
    ///
    /// # Errors
    /// The same.
    pub async fn scan_short<T, E>(&self, work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite { .. } => {
                let _place = self.0.short_scans.acquire().await.map_err(|_| closing())?;
                self.read_blocking(work)
            }
            Engine::Postgres { .. } => self.scan(work).await,
        }
    }

    /// [`Catalogue::read`] for lists, counts and whatever else costs more the more there is: on a blocking thread on
    /// either engine, so that a long one holds up no other request. They take half of the
    /// connections at most; those that find no place wait without a thread.
    ///
    /// # Errors
    /// The same.
    pub async fn scan<T, E>(&self, work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = Arc::clone(&self.0.scans).acquire_owned().await.map_err(|_| closing())?;
        let scan = move |catalogue: &Self| {
            let answer = catalogue.read_blocking(work);
            // Here and not by the caller, who may have given up waiting.
            drop(place);
            answer
        };
        self.on_blocking_thread(scan).await
    }

    /// Runs `work` as one serialisable transaction: all of its changes become durable together when it answers `Ok`,
    /// none do when it answers `Err`. It may be run again when others were in the way.
    ///
    /// # Errors
    /// What `work` answers, or what kept its changes from becoming durable. After [`ErrorKind::Unavailable`] they may or
    /// may not have.
    pub async fn write<T, E>(&self, work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite { metadata, .. } => metadata.writer().write(work).await,
            Engine::Postgres { .. } => self.on_blocking_thread(move |catalogue| catalogue.write_blocking(work)).await,
        }
    }

    /// [`Catalogue::read`] for a thread that may block.
    ///
    /// # Errors
    /// The same.
    pub fn read_blocking<T, E>(&self, mut work: impl FnMut(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        match &self.0.engine {
            Engine::Sqlite { metadata, .. } => metadata.read(&mut work),
            Engine::Postgres { metadata, .. } => metadata.read(&mut work),
        }
    }

    /// [`Catalogue::write`] for a thread that may block.
    ///
    /// # Errors
    /// The same.
    pub fn write_blocking<T, E>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite { metadata, .. } => metadata.writer().write_blocking(work),
            Engine::Postgres { metadata, .. } => metadata.write(&mut work),
        }
    }

    /// The index of chunks for the content store.
    pub fn index(&self) -> Arc<dyn imprint_store::Index> {
        Arc::new(SqlIndex::new(Arc::clone(&self.0)))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), Error> {
        self.read(|tx| tx.query_opt("SELECT version FROM schema_version", &[]).map(drop)).await
    }

    pub(crate) async fn on_blocking_thread<T, E>(
        &self,
        call: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = Arc::clone(&self.0.calls).acquire_owned().await.map_err(|_| closing())?;
        let catalogue = self.clone();
        let called = tokio::task::spawn_blocking(move || {
            let answer = call(&catalogue);
            drop(permit);
            answer
        });
        called.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unavailable, "the runtime is stopping").into()))
    }
}

fn closing() -> Error {
    Error::new(ErrorKind::Unavailable, "the catalogue is closing")
}
