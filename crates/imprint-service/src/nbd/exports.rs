//! Names to disks, for those who come over the network and for this node's own machines.

use std::sync::Arc;

use async_trait::async_trait;
use imprint_disk::ReadAt;
use imprint_nbd::Exports;

use super::names;
use crate::Service;
use crate::error::Error;

/// What can be read over the network: names that were given out.
#[derive(Debug, Clone)]
pub struct PublicExports(pub Service);

/// What this node's own machines can read besides: any stored bytes.
#[derive(Debug, Clone)]
pub struct LocalExports(pub Service);

#[async_trait]
impl Exports for PublicExports {
    async fn open(&self, name: &str) -> Option<Arc<dyn ReadAt>> {
        opened(self.0.open_offered(name).await)
    }
}

#[async_trait]
impl Exports for LocalExports {
    async fn open(&self, name: &str) -> Option<Arc<dyn ReadAt>> {
        match names::parse(name) {
            Some((map, format)) => opened(self.0.view(map, format).await.map(Some)),
            None => opened(self.0.open_offered(name).await),
        }
    }
}

/// Whoever asks is told no more than that there is no such export. Names are secrets, so none is logged.
fn opened(outcome: Result<Option<Arc<dyn ReadAt>>, Error>) -> Option<Arc<dyn ReadAt>> {
    outcome.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "an export cannot be opened");
        None
    })
}
