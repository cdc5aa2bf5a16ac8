//! The catalogue as its users see it: open it, read from it, write to it. Tables are elsewhere; the engines are in
//! `sqlite/` and `postgres.rs`.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::chunks::SqlIndex;
use crate::postgres::Postgres;
use crate::sqlite::{INDEX, METADATA, Sqlite, path_of};
use crate::{Error, ErrorKind, Settings, Tx, migrations};

/// Facts at rest. Cheap to clone; all clones are one catalogue.
#[derive(Clone)]
pub struct Catalogue(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    /// Callers that may occupy a blocking thread at once: as many as there are connections for them.
    calls: Arc<Semaphore>,
}

pub(crate) enum Engine {
    /// Metadata, and the index of chunks in a file of its own: adding thousands of rows holds no metadata up.
    Sqlite { metadata: Sqlite, index: Sqlite },
    /// Everything in one database.
    Postgres(Postgres),
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
        let (engine, calls) = if let Some(path) = settings.url.strip_prefix("sqlite:") {
            let readers = settings.sqlite_readers.max(1) as usize;
            let path = path_of(path);
            let metadata = Sqlite::open(&path, readers, METADATA, migrations::apply)?;
            let index = Sqlite::open(&path.with_file_name("index.db"), readers, INDEX, migrations::apply_index)?;
            (Engine::Sqlite { metadata, index }, readers)
        } else if settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://") {
            let connections = settings.postgres_connections.max(1) as usize;
            (Engine::Postgres(Postgres::open(&settings.url, connections, migrations::apply)?), connections)
        } else {
            return Err(Error::new(ErrorKind::Other, "a database address begins with sqlite: or postgres://"));
        };
        Ok(Self(Arc::new(Shared { engine, calls: Arc::new(Semaphore::new(calls)) })))
    }

    /// Which engine runs, for logs and metrics: `sqlite` or `postgres`.
    pub fn engine_name(&self) -> &'static str {
        match &self.0.engine {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Runs `work` against committed data; on SQLite all its statements see the same moment, on PostgreSQL each sees
    /// a moment of its own. It may be run again when the connection is lost.
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
            Engine::Postgres(_) => self.on_blocking_thread(move |catalogue| catalogue.read_blocking(work)).await,
        }
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
            Engine::Postgres(_) => self.on_blocking_thread(move |catalogue| catalogue.write_blocking(work)).await,
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
            Engine::Postgres(postgres) => postgres.read(&mut work),
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
            Engine::Postgres(postgres) => postgres.write(&mut work),
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

    async fn on_blocking_thread<T, E>(&self, call: impl FnOnce(&Self) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let stopping = |why: &'static str| Error::new(ErrorKind::Unavailable, why);
        let permit =
            Arc::clone(&self.0.calls).acquire_owned().await.map_err(|_| stopping("the catalogue is closing"))?;
        let catalogue = self.clone();
        let called = tokio::task::spawn_blocking(move || {
            let answer = call(&catalogue);
            drop(permit);
            answer
        });
        called.await.unwrap_or_else(|_| Err(stopping("the runtime is stopping").into()))
    }
}
