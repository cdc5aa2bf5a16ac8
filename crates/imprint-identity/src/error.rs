//! What can go wrong, by what the asker can do about it.

use std::fmt;
use std::time::Duration;

use imprint_catalogue::ErrorKind;

use crate::DocumentError;

/// A token, key or password that proves nothing. What exactly was wrong is never said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// Absent, malformed, forged, expired, revoked, or of somebody who may not log in: one answer for all.
    #[error("The request you have made requires authentication.")]
    Rejected,
    /// It cannot be checked now; asking again later may help.
    #[error("credentials cannot be checked now: {0}")]
    Unavailable(String),
}

/// Why identity refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`Unauthenticated::Rejected`].
    #[error("The request you have made requires authentication.")]
    Unauthenticated,
    /// Too many failed log-ins of this user from this address.
    #[error("too many failed log-ins: wait {} s", retry_after.as_secs())]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// More log-ins at once than can be worked on, or an engine or outside service that does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// No such thing, or not for this caller.
    #[error("Could not find {kind}: {id}.")]
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// The id as it was given.
        id: String,
    },
    /// The name or id is taken.
    #[error("Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}.")]
    Duplicate {
        /// What would be stored twice.
        kind: Kind,
        /// The name or id.
        name: String,
    },
    /// It cannot go while something rests on it.
    #[error("{kind} {id} cannot be removed while it has a {by}")]
    InUse {
        /// What should go.
        kind: Kind,
        /// Its id or name.
        id: String,
        /// What rests on it.
        by: Kind,
    },
    /// There are as many as there may be.
    #[error("there is no more than {most} of kind {kind}")]
    Limit {
        /// What there is too much of.
        kind: Kind,
        /// How many there may be.
        most: u64,
    },
    /// A policy document that is none.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A value that breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// The rules forbid it, whoever asks.
    #[error("{0}")]
    Forbidden(String),
    /// The database failed.
    #[error("the identity tables cannot be read or written")]
    Catalogue(#[from] imprint_catalogue::Error),
    /// A sealed secret that this master key does not open.
    #[error("the secret of {0} cannot be unsealed: the master key is not the one it was sealed with, or it is damaged")]
    Sealed(String),
    /// Something of ours broke.
    #[error("{0}")]
    Internal(String),
}

/// Things with an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Domain.
    Domain,
    /// Project.
    Project,
    /// User.
    User,
    /// Group of users.
    Group,
    /// Role.
    Role,
    /// Role held by a user somewhere.
    Assignment,
    /// Application credential.
    AppCredential,
    /// Access key.
    AccessKey,
    /// Region.
    Region,
    /// Service.
    Service,
    /// Endpoint.
    Endpoint,
    /// Token.
    Token,
    /// Policy of an account.
    Policy,
    /// Policy that a user or role has.
    Attachment,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Domain => "domain",
            Self::Project => "project",
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::Assignment => "role assignment",
            Self::AppCredential => "application credential",
            Self::AccessKey => "access key",
            Self::Region => "region",
            Self::Service => "service",
            Self::Endpoint => "endpoint",
            Self::Token => "token",
            Self::Policy => "policy",
            Self::Attachment => "policy attachment",
        })
    }
}

impl Error {
    /// Whether two writers wanted the same name or id at the same moment.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Catalogue(error) if error.kind() == ErrorKind::Duplicate)
    }

    /// Whether the database is in the way rather than the request: it may work later.
    pub fn is_passing(&self) -> bool {
        let kinds = [ErrorKind::Busy, ErrorKind::Unavailable, ErrorKind::Full];
        matches!(self, Self::Catalogue(error) if kinds.contains(&error.kind()))
    }

    pub(crate) fn absent(kind: Kind, id: impl Into<String>) -> Self {
        // the id comes from outside and goes into a message: never more of it than a message can bear
        let id: String = id.into().chars().take(255).collect();
        Self::NotFound { kind, id }
    }

    pub(crate) fn taken(kind: Kind, name: impl Into<String>) -> Self {
        Self::Duplicate { kind, name: name.into() }
    }
}

impl From<Unauthenticated> for Error {
    fn from(why: Unauthenticated) -> Self {
        match why {
            Unauthenticated::Rejected => Self::Unauthenticated,
            Unauthenticated::Unavailable(what) => Self::Unavailable(what),
        }
    }
}
