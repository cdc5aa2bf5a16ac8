//! What a server is given by whoever starts it: disks by name, and TLS.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use imprint_disk::ReadAt;

use crate::stream::BoxStream;

/// Disks by name.
#[async_trait]
pub trait Exports: Send + Sync {
    /// The disk of a name; none when there is none, or the name is no longer good. Its length stays as it is.
    async fn open(&self, name: &str) -> Option<Arc<dyn ReadAt>>;
}

/// Makes a connection that began in the clear into an encrypted one.
#[async_trait]
pub trait Upgrade: Send + Sync {
    /// The encrypted connection over `stream`.
    ///
    /// # Errors
    /// When the peer does not speak TLS, or not as it should.
    async fn upgrade(&self, stream: BoxStream) -> io::Result<BoxStream>;
}
