//! Starting and stopping machines: the rules. What would run them is not there yet.

use imprint_catalogue::{Tx, instances};
use imprint_model::{Caller, InstanceEvent, InstanceId};

use super::Errand;
use super::disk_bytes::system_disk;
use super::instances::after;
use crate::Service;
use crate::ask::Ask;
use crate::error::Error;

/// A machine to be stopped.
#[derive(Debug, Clone, Copy)]
pub struct StopInstance {
    /// Which.
    pub instance: InstanceId,
    /// Whether it is not asked to shut down first.
    pub force: bool,
}

impl Service {
    /// Starts a stopped machine.
    ///
    /// # Errors
    /// [`crate::Conflict::InstanceStatus`], [`crate::Conflict::InstanceLocked`], [`crate::Conflict::NoSystemDisk`],
    /// [`Error::NotFound`]; [`Error::Unsupported`] when nothing else is in the way.
    pub async fn start_instance(&self, caller: &Caller, id: InstanceId, ask: Ask) -> Result<(), Error> {
        let start = move |tx: &mut Tx<'_>, errand: &Errand| {
            let instance = errand.usable_instance(tx, id)?;
            after(instance.status, InstanceEvent::BeginStart)?;
            system_disk(tx, &instance)?;
            Err(no_hypervisor())
        };
        self.run_errand(caller, ask, start).await
    }

    /// Stops a machine that runs.
    ///
    /// # Errors
    /// [`crate::Conflict::InstanceStatus`] of one that does not, [`Error::NotFound`].
    pub async fn stop_instance(&self, caller: &Caller, wanted: StopInstance, ask: Ask) -> Result<(), Error> {
        let stop = move |tx: &mut Tx<'_>, errand: &Errand| {
            let mut instance = errand.instance(tx, wanted.instance)?;
            // with nothing that runs machines there is nothing to wait for, forced or not
            let stopping = after(instance.status, InstanceEvent::BeginStop)?;
            instance.status = after(stopping, InstanceEvent::Ended)?;
            instances::update(tx, &instance)?;
            errand.note(tx, "stop instance", instance.id)
        };
        self.run_errand(caller, ask, stop).await
    }

    /// Stops and starts a machine that runs.
    ///
    /// # Errors
    /// As [`Service::stop_instance`] and [`Service::start_instance`].
    pub async fn reboot_instance(&self, caller: &Caller, id: InstanceId, ask: Ask) -> Result<(), Error> {
        let reboot = move |tx: &mut Tx<'_>, errand: &Errand| {
            let instance = errand.usable_instance(tx, id)?;
            after(instance.status, InstanceEvent::BeginStop)?;
            Err(no_hypervisor())
        };
        self.run_errand(caller, ask, reboot).await
    }
}

fn no_hypervisor() -> Error {
    Error::Unsupported("running machines: this installation has no hypervisor".to_owned())
}
