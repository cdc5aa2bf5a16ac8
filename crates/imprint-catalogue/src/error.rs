//! What can go wrong in the catalogue, by what a caller can do about it. Both engines' errors become these here.

use std::error::Error as StdError;
use std::fmt;

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A unique constraint, as `table(column, column)` on either engine.
    Duplicate(String),
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
    kind: Kind,
    context: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that happened while doing what `context` says.
    pub fn new(kind: Kind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A row that cannot be read as what it should be.
    pub fn corrupt(context: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, context)
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether a row with the same key was there already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self.kind, Kind::Duplicate(_))
    }

    /// Whether the same transaction may well succeed when it is run again at once.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Busy)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Duplicate(constraint) => write!(f, "{}: {constraint} is taken", self.context),
            Kind::NewerSchema { found, known } => write!(
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
    let kind = match &error {
        rusqlite::Error::SqliteFailure(failure, message) => match failure.code {
            Code::ConstraintViolation => sqlite_constraint(failure.extended_code, message.as_deref()),
            Code::DatabaseBusy | Code::DatabaseLocked => Kind::Busy,
            Code::DiskFull => Kind::Full,
            Code::DatabaseCorrupt | Code::NotADatabase => Kind::Corrupt,
            Code::SystemIoFailure | Code::CannotOpen | Code::ReadOnly | Code::PermissionDenied => Kind::Unavailable,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    };
    Error::new(kind, describe(doing)).caused_by(error)
}

fn sqlite_constraint(extended: i32, message: Option<&str>) -> Kind {
    use rusqlite::ffi;
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            // "UNIQUE constraint failed: table.a, table.b"
            let columns = message.and_then(|text| text.split_once(": ")).map_or("", |(_, columns)| columns);
            let table = columns.split('.').next().unwrap_or_default();
            let names: Vec<&str> =
                columns.split(", ").map(|column| column.split_once('.').map_or(column, |(_, name)| name)).collect();
            Kind::Duplicate(format!("{table}({})", names.join(", ")))
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Kind::Reference,
        _ => Kind::Other,
    }
}

/// Names the failure of a PostgreSQL statement or connection.
pub(crate) fn from_postgres(error: postgres::Error, doing: &str) -> Error {
    let kind = match error.as_db_error() {
        Some(failure) => postgres_kind(failure),
        // Not an answer of the server: the way to it is broken, unless we sent what it cannot take.
        None if error.is_closed() || error.source().is_some_and(|s| s.is::<std::io::Error>()) => Kind::Unavailable,
        None => Kind::Other,
    };
    Error::new(kind, describe(doing)).caused_by(error)
}

fn postgres_kind(failure: &postgres::error::DbError) -> Kind {
    let state = failure.code().code();
    match state {
        "23505" => {
            // Detail: "Key (a, b)=(…) already exists."
            let columns =
                failure.detail().and_then(|text| text.strip_prefix("Key (")?.split_once(")=")).map(|(c, _)| c);
            Kind::Duplicate(format!("{}({})", failure.table().unwrap_or_default(), columns.unwrap_or_default()))
        }
        "23503" => Kind::Reference,
        "40001" | "40P01" | "55P03" => Kind::Busy,
        "53100" => Kind::Full,
        "XX001" | "XX002" => Kind::Corrupt,
        // Connection exceptions, out of connections or memory, shutting down, cancelled, starting, read-only standby.
        _ if ["08", "53", "57"].iter().any(|class| state.starts_with(class)) || state == "25006" => Kind::Unavailable,
        _ => Kind::Other,
    }
}

/// The beginning of a statement says enough about what was being done.
fn describe(doing: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    let short: String = doing.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN_CHARS).collect();
    format!("database: {short}")
}
