//! What can go wrong in the catalogue, by what a caller can do about it. Both engines' errors become these here.

use std::error::Error as StdError;
use std::fmt;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A row with the same key is there already; [`Error::constraint`] names the key.
    Duplicate,
    /// A row that another row needs is missing, or is still needed.
    Reference,
    /// The image after which a list should go on is not one that the caller's list can hold.
    UnknownMarker,
    /// Others were in the way, again and again; may be tried later.
    Busy,
    /// The database cannot be reached or has refused to work; may be tried later.
    Unavailable,
    /// No room left for the database.
    Full,
    /// The database holds what it never should.
    Corrupt,
    /// The database was written by a newer Imprint.
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Anything else: a defect.
    Other,
}

/// A failure of the catalogue: its kind, what was being done, and the engine's own error.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    context: String,
    constraint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that happened while doing what `context` says.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), constraint: None, source: None }
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A key that is taken, as `table(column, column)`.
    pub(crate) fn duplicate(constraint: impl Into<String>, context: impl Into<String>) -> Self {
        Self { constraint: Some(constraint.into()), ..Self::new(ErrorKind::Duplicate, context) }
    }

    /// A row that cannot be read as what it should be.
    pub fn corrupt(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, context)
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The key that is taken, as `table(column, column)` on either engine, when the kind is a duplicate.
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    /// Whether the same transaction may well succeed when it is run again at once.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::Duplicate => {
                write!(f, "{}: {} is taken", self.context, self.constraint.as_deref().unwrap_or("a key"))
            }
            ErrorKind::NewerSchema { found, known } => write!(
                f,
                "{}: the database has schema version {found}, this program knows up to {known}: start a newer Imprint",
                self.context
            ),
            _ => f.write_str(&self.context),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Names the failure of an SQLite statement.
pub(crate) fn from_sqlite(error: rusqlite::Error, doing: &str) -> Error {
    use rusqlite::ErrorCode as Code;
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return Error::new(ErrorKind::Other, describe(doing)).caused_by(error);
    };
    let kind = match failure.code {
        Code::ConstraintViolation => {
            return sqlite_constraint(failure.extended_code, message.as_deref(), doing).caused_by(error);
        }
        Code::DatabaseBusy | Code::DatabaseLocked => ErrorKind::Busy,
        Code::DiskFull => ErrorKind::Full,
        Code::DatabaseCorrupt | Code::NotADatabase => ErrorKind::Corrupt,
        Code::SystemIoFailure | Code::CannotOpen | Code::ReadOnly | Code::PermissionDenied => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    };
    Error::new(kind, describe(doing)).caused_by(error)
}

fn sqlite_constraint(extended: i32, message: Option<&str>, doing: &str) -> Error {
    use rusqlite::ffi;
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            // "UNIQUE constraint failed: table.a, table.b"
            let columns = message.and_then(|text| text.split_once(": ")).map_or("", |(_, columns)| columns);
            let table = columns.split('.').next().unwrap_or_default();
            let names: Vec<&str> =
                columns.split(", ").map(|column| column.split_once('.').map_or(column, |(_, name)| name)).collect();
            Error::duplicate(format!("{table}({})", names.join(", ")), describe(doing))
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Error::new(ErrorKind::Reference, describe(doing)),
        _ => Error::new(ErrorKind::Other, describe(doing)),
    }
}

/// Names the failure of a PostgreSQL statement or connection.
pub(crate) fn from_postgres(error: postgres::Error, doing: &str) -> Error {
    let named = match error.as_db_error() {
        Some(failure) if failure.code().code() == "23505" => {
            // Detail: "Key (a, b)=(…) already exists."
            let columns =
                failure.detail().and_then(|text| text.strip_prefix("Key (")?.split_once(")=")).map(|(c, _)| c);
            let table = failure.table().unwrap_or_default();
            Error::duplicate(format!("{table}({})", columns.unwrap_or_default()), describe(doing))
        }
        Some(failure) => Error::new(postgres_kind(failure.code().code()), describe(doing)),
        // Not an answer of the server: the way to it is broken, unless we sent what it cannot take.
        None if error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>()) => {
            Error::new(ErrorKind::Unavailable, describe(doing))
        }
        None => Error::new(ErrorKind::Other, describe(doing)),
    };
    named.caused_by(error)
}

fn postgres_kind(state: &str) -> ErrorKind {
    match state {
        "23503" => ErrorKind::Reference,
        "40001" | "40P01" | "55P03" => ErrorKind::Busy,
        "53100" => ErrorKind::Full,
        "XX001" | "XX002" => ErrorKind::Corrupt,
        // Connection exceptions, out of connections or memory, shutting down, cancelled, starting, read-only standby.
        _ if ["08", "53", "57"].iter().any(|class| state.starts_with(class)) || state == "25006" => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Other,
    }
}

/// The beginning of a statement says enough about what was being done.
fn describe(doing: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    let short: String = doing.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN_CHARS).collect();
    format!("database: {short}")
}
