//! The embedded engine: one file, one writing thread, a pool of reading connections.

mod checkpoint;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use crate::error::from_sqlite;
use crate::pool::Pool;
use crate::tx::{Verdict, run};
use crate::{Error, ErrorKind, Row, Tx, Value};

use checkpoint::Checkpointer;
pub(crate) use writer::Writer;

/// How long a statement waits for another process that holds the file.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 256;

/// Where one connection's caches end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// Page cache of the connection.
    pub(crate) cache_kib: i64,
    /// How much of the file is mapped into memory.
    pub(crate) mmap_bytes: i64,
    /// Pages in the log at which whoever commits copies what the checkpoint thread has not copied yet: a bound that
    /// is met under load, when the log never comes to rest.
    pub(crate) checkpoint_pages: i64,
    /// Whether what was committed is on the disk.
    pub(crate) durable: bool,
}

/// Address space for any file; the engine takes as much of it as it was built for (see `.cargo/config.toml`).
const WHOLE: i64 = 1 << 40;

/// The metadata file.
pub(crate) const METADATA: Tuning =
    Tuning { cache_kib: 32 * 1024, mmap_bytes: WHOLE, checkpoint_pages: 16_000, durable: true };

/// The file of the index of chunks: its rows are found by digest, so any page may be needed next.
pub(crate) const INDEX: Tuning =
    Tuning { cache_kib: 16 * 1024, mmap_bytes: WHOLE, checkpoint_pages: 16_000, durable: true };

/// The file of numbers that may be used once: small rows that may be forgotten when the power is lost.
pub(crate) const NONCES: Tuning =
    Tuning { cache_kib: 8 * 1024, mmap_bytes: 1 << 30, checkpoint_pages: 2000, durable: false };

/// One database file.
pub(crate) struct Sqlite {
    /// Ends before the checkpointer, whose bell it has.
    writer: Writer,
    _checkpointer: Checkpointer,
    readers: Pool<Connection>,
}

impl Sqlite {
    /// Opens or makes the file and lets `prepare` bring its schema up to date before anything else sees it.
    pub(crate) fn open(
        path: &Path,
        readers: usize,
        tuning: Tuning,
        prepare: impl FnOnce(&mut Tx<'_>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        create_private(path)?;
        let connection = connect(path, tuning)?;
        begin(&connection, "BEGIN IMMEDIATE")?;
        let prepared = prepare(&mut Tx::on_sqlite(&connection));
        let ended = finish(&connection, prepared.is_ok());
        prepared.and(ended)?;
        let checkpointer = Checkpointer::start(connect(path, tuning)?)?;
        let writer = Writer::start(connection, checkpointer.bell())?;
        let path = path.to_owned();
        // readers see the file through the map; only what is still in the log goes through their own cache
        let reading = Tuning { cache_kib: tuning.cache_kib / 8, ..tuning };
        let readers = Pool::new(readers, move || {
            let connection = connect(&path, reading)?;
            connection.pragma_update(None, "query_only", true).map_err(|error| from_sqlite(error, "query_only"))?;
            Ok(connection)
        });
        Ok(Self { writer, _checkpointer: checkpointer, readers })
    }

    /// The thread that writes.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Runs `work` against one moment of the database.
    pub(crate) fn read<T, E: From<Error>>(&self, work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut lent = self.readers.take()?;
        let connection = &*lent.get();
        begin(connection, "BEGIN")?;
        let mut tx = Tx::on_sqlite(connection);
        let verdict = run(&mut tx, work);
        finish(connection, matches!(verdict, Verdict::Commit(_)))?;
        match verdict {
            Verdict::Commit(value) => Ok(value),
            Verdict::Refuse(error) => Err(error),
            Verdict::Again => Err(Error::new(ErrorKind::Busy, "the database file is locked by another process").into()),
        }
    }
}

/// Makes an empty file that only its owner can read, since it will hold password digests: the engine would let
/// everybody read it, and gives its side files the same mode.
pub(crate) fn create_private(path: &Path) -> Result<(), Error> {
    let context = || format!("making the database file {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::new(ErrorKind::Unavailable, context()).caused_by(error))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| Error::new(ErrorKind::Unavailable, context()).caused_by(error))
}

pub(crate) fn connect(path: &Path, tuning: Tuning) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_MAX)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Plans must not depend on the values bound: else the engine plans again whenever they change.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", if tuning.durable { "FULL" } else { "OFF" })?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // As on PostgreSQL.
        connection.pragma_update(None, "case_sensitive_like", true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -tuning.cache_kib)?;
        connection.pragma_update(None, "mmap_size", tuning.mmap_bytes)?;
        connection.pragma_update(None, "wal_autocheckpoint", tuning.checkpoint_pages)?;
        Ok(connection)
    };
    open().map_err(|error| from_sqlite(error, &format!("open {}", path.display())))
}

/// Runs one of the few fixed statements that begin or end transactions.
fn begin(connection: &Connection, statement: &str) -> Result<(), Error> {
    let mut prepared = connection.prepare_cached(statement).map_err(|error| from_sqlite(error, statement))?;
    prepared.raw_execute().map(drop).map_err(|error| from_sqlite(error, statement))
}

/// Commits or rolls back. A transaction that the engine has rolled back itself is left alone.
fn finish(connection: &Connection, commit: bool) -> Result<(), Error> {
    if connection.is_autocommit() {
        return if commit {
            Err(Error::new(ErrorKind::Unavailable, "the database gave the transaction up"))
        } else {
            Ok(())
        };
    }
    if !commit {
        return begin(connection, "ROLLBACK");
    }
    begin(connection, "COMMIT").inspect_err(|_| {
        // The commit's own error is what counts; without this the connection would stay inside the transaction.
        if !connection.is_autocommit()
            && let Err(error) = begin(connection, "ROLLBACK")
        {
            tracing::error!(%error, "a failed commit could not be rolled back");
        }
    })
}

/// See [`Tx::execute`].
pub(crate) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64, Error> {
    let work = || -> rusqlite::Result<usize> {
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        statement.raw_execute()
    };
    work().map(|count| count as u64).map_err(|error| from_sqlite(error, sql))
}

/// See [`Tx::query`].
pub(crate) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
    let work = || -> rusqlite::Result<Vec<Row>> {
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut collected = Vec::new();
        while let Some(row) = rows.next()? {
            let values =
                (0..columns).map(|column| Ok(value_of(row.get_ref(column)?))).collect::<rusqlite::Result<_>>()?;
            collected.push(Row(values));
        }
        Ok(collected)
    };
    work().map_err(|error| from_sqlite(error, sql))
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> rusqlite::Result<()> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), wanted));
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // No statement of ours makes one; a text is what a typed getter will refuse.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// The path that an `sqlite:` address names.
pub(crate) fn path_of(address: &str) -> PathBuf {
    PathBuf::from(address.strip_prefix("//").unwrap_or(address))
}
