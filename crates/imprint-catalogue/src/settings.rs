//! What an operator may set about the catalogue. Never holds components.

use serde::{Deserialize, Serialize};

/// The catalogue's settings. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://user:password@host:port/database`. Beside an SQLite file a second one,
    /// `index.db`, holds the index of chunks, and a third, `nonces.db`, numbers that requests may use once. Default `sqlite:imprint-data/imprint.db`.
    pub url: String,
    /// SQLite: connections that read at the same time, from 1. Default 16: as many as the program has
    /// workers, so that none ever waits for another. Half as many more serve lists.
    pub sqlite_readers: u32,
    /// PostgreSQL: connections this node opens for metadata at most, from 1. Default 16.
    pub postgres_connections: u32,
    /// PostgreSQL: connections this node opens for the index of chunks at most, from 1. Default 8.
    pub postgres_index_connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "sqlite:imprint-data/imprint.db".to_owned(),
            sqlite_readers: 16,
            postgres_connections: 16,
            postgres_index_connections: 8,
        }
    }
}
