//! What can go wrong with stored bytes: a small kind that says what the caller should do, a context that says
//! where, and the cause. Never more kinds than callers act on.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The named map, chunk or pack is not stored.
    Missing,
    /// Stored bytes are not what their name says, or an encoding is damaged.
    Corrupt,
    /// The medium has no room left; nothing was acknowledged.
    Full,
    /// The medium or the index cannot be reached now; trying again later may help.
    Unavailable,
    /// The lease that protected unfinished bytes ran out: start again.
    LeaseLost,
    /// The caller's own input breaks a rule of the store.
    Invalid,
    /// A fault of the program or its surroundings.
    Internal,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Missing => "not stored",
            Self::Corrupt => "damaged",
            Self::Full => "no room left",
            Self::Unavailable => "not reachable",
            Self::LeaseLost => "lease lost",
            Self::Invalid => "not acceptable",
            Self::Internal => "internal fault",
        }
    }
}

/// A failed store operation.
pub struct Error {
    kind: Kind,
    context: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `context` names the operation and the object.
    pub fn new(kind: Kind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller can do.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The operation and object that failed.
    pub fn context(&self) -> &str {
        &self.context
    }

    pub(crate) fn io(context: impl Into<String>, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => Kind::Missing,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Kind::Full,
            io::ErrorKind::UnexpectedEof => Kind::Corrupt,
            _ => Kind::Unavailable,
        };
        Self::new(kind, context).with_source(source)
    }

    pub(crate) fn corrupt(context: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, context)
    }

    pub(crate) fn invalid(context: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, context)
    }

    pub(crate) fn missing(context: impl Into<String>) -> Self {
        Self::new(Kind::Missing, context)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.context, self.kind.words())?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("context", &self.context)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
