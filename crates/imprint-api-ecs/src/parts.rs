//! What the operations work with.

use std::sync::Arc;

use imprint_identity::Identity;
use imprint_model::Clock;
use imprint_service::Service;

use crate::throttle::Throttle;

/// The parts behind the dialect.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The engine.
    pub(crate) service: Service,
    /// Who is who.
    pub(crate) identity: Identity,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How fast accounts may ask.
    pub(crate) throttle: Throttle,
}

impl Parts {
    /// The regions of this installation, the first being the default.
    pub(crate) fn regions(&self) -> &[String] {
        &self.service.settings().regions
    }

    /// Whether there is a region of this name.
    pub(crate) fn has_region(&self, name: &str) -> bool {
        self.regions().iter().any(|known| known == name)
    }
}
