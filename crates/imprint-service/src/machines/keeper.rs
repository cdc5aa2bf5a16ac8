//! The keeper of a node's machines: brings together what their rows intend and what runs.

use crate::Service;

/// Looks after this node's machines until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    service: Service,
}

impl Keeper {
    /// The keeper of the engine's node.
    pub fn new(service: Service) -> Self {
        Self { service }
    }

    /// Runs until the future is dropped; at once at its end where nothing runs machines.
    pub async fn run(&self) {
        if !self.service.can_run() {
            return;
        }
        self.service.machines.wake.notified().await;
    }
}
