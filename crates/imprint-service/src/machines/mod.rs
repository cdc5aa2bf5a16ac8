//! Machines that run: what makes true what the rows of the inventory intend. Never here: who may ask for it, and what a
//! machine is made to run by (that is behind `imprint_machine::Hypervisor`).

mod base;
mod capture;
mod console;
mod content;
mod keeper;
mod kind;
mod spec;
mod tend;

use std::collections::BTreeSet;
use std::sync::Arc;

use imprint_machine::Hypervisor;
use imprint_model::{Disk, Instance, InstanceStatus};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub use keeper::Keeper;
pub(crate) use kind::{describe, required_of};

use self::spec::overlay_name;
use crate::Service;
use crate::error::Error;

/// What this node runs machines with.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    /// What runs them; none where nothing does.
    pub(crate) hypervisor: Option<Arc<dyn Hypervisor>>,
    /// The name of this node, as rows have it.
    pub(crate) node: Option<String>,
    /// Rung when rows want something of the keeper.
    pub(crate) wake: Notify,
    /// Files whose bytes were given up while this process ran.
    deleted: Mutex<BTreeSet<String>>,
}

impl Machines {
    /// Where a machine that is started now runs: its node, or this one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where nothing runs machines.
    pub(crate) fn place(&self, instance: &Instance) -> Result<String, Error> {
        match (&self.hypervisor, &self.node) {
            (Some(_), Some(here)) => Ok(instance.node.clone().unwrap_or_else(|| here.clone())),
            _ => Err(no_hypervisor()),
        }
    }

    /// Nobody wants any more what was written to this disk: its file goes as soon as no row names it.
    pub(crate) fn give_up_bytes(&self, disk: &Disk) {
        if self.hypervisor.is_some() {
            self.deleted.lock().insert(overlay_name(disk.id, disk.generation));
        }
    }

    /// Which of these files that no row names were given up; those that are neither here nor named are forgotten.
    fn deleted_among(&self, unnamed: &BTreeSet<String>, named: &BTreeSet<String>) -> BTreeSet<String> {
        let mut deleted = self.deleted.lock();
        deleted.retain(|name| unnamed.contains(name) || named.contains(name));
        deleted.intersection(unnamed).cloned().collect()
    }

    /// Whether some keeper looks after what is on this node. One that this node used to run is nobody's.
    pub(crate) fn is_kept(&self, node: Option<&String>) -> bool {
        node.is_some_and(|node| self.hypervisor.is_some() || self.node.as_ref() != Some(node))
    }
}

impl Service {
    /// The engine that runs machines on the node of this name. Once, before anything is served.
    #[must_use]
    pub fn with_hypervisor(self, hypervisor: Arc<dyn Hypervisor>, node: String) -> Self {
        let machines = Machines { hypervisor: Some(hypervisor), node: Some(node), ..Machines::default() };
        Self { machines: Arc::new(machines), ..self }
    }

    /// The engine on the node of this name, which runs no machines now. Once, before anything is served.
    #[must_use]
    pub fn with_node(self, node: String) -> Self {
        Self { machines: Arc::new(Machines { node: Some(node), ..Machines::default() }), ..self }
    }

    /// Whether a process may stand behind a machine that is said to run.
    pub(crate) fn is_live(&self, instance: &Instance) -> bool {
        instance.status == InstanceStatus::Running && self.machines.is_kept(instance.node.as_ref())
    }

    /// Whether machines can run here.
    pub fn can_run(&self) -> bool {
        self.machines.hypervisor.is_some()
    }
}

/// What is answered where nothing runs machines.
pub(crate) fn no_hypervisor() -> Error {
    Error::Unsupported("running machines: this installation has no hypervisor".to_owned())
}

impl From<imprint_machine::Error> for Error {
    fn from(error: imprint_machine::Error) -> Self {
        use imprint_machine::Error as E;
        match error {
            E::Unsupported(what) => Self::Unsupported(what),
            E::Full => Self::StoreFull,
            E::Missing(_) | E::Refused(_) => Self::Unavailable(error.to_string()),
            E::Io { .. } => Self::Internal(Box::new(error)),
        }
    }
}
