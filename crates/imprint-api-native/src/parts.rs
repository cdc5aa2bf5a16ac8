//! What the operations work with.

use imprint_identity::Identity;
use imprint_service::Service;
use tokio::sync::Semaphore;

/// Disks that are put together from named chunks at one time: each may hold [`crate::frames::ENTRIES_MAX`] entries in
/// memory. Further ones wait.
const ASSEMBLIES_MAX: usize = 4;

/// The parts behind the dialect.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The engine.
    pub(crate) service: Service,
    /// Who is who.
    pub(crate) identity: Identity,
    /// Room for disks being put together.
    pub(crate) assemblies: Semaphore,
}

impl Parts {
    pub(crate) fn new(service: Service, identity: Identity) -> Self {
        Self { service, identity, assemblies: Semaphore::new(ASSEMBLIES_MAX) }
    }
}
