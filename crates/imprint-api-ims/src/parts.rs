//! What the operations work with.

use std::sync::Arc;

use imprint_identity::Identity;
use imprint_model::Clock;
use imprint_service::Service;

/// The parts behind the dialect.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The engine.
    pub(crate) service: Service,
    /// Who is who.
    pub(crate) identity: Identity,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The URL under which clients reach this service, without a slash at the end; from the request when absent.
    pub(crate) public_url: Option<String>,
}

impl Parts {
    /// The regions of this installation, the first being the one this endpoint is of.
    pub(crate) fn regions(&self) -> &[String] {
        &self.service.settings().regions
    }
}
