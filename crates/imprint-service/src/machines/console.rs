//! A machine's serial console: what it said last, and typing into it.

use bytes::Bytes;
use imprint_model::{Caller, Instance, InstanceId, InstanceStatus, Timestamp, role};

use super::no_hypervisor;
use crate::Service;
use crate::access::require_unbound;
use crate::error::{Conflict, Error, Field};

/// Most bytes that are typed at once.
const TYPED_BYTES_MAX: usize = 4096;

impl Service {
    /// The last of what a machine said on its serial console, also of one that has stopped, and when it was asked;
    /// nothing of one that never ran.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unsupported`] where it does not run or of a machine of another node.
    pub async fn console_output(&self, caller: &Caller, id: InstanceId) -> Result<(Bytes, Timestamp), Error> {
        let instance = self.show_instance(caller, id).await?;
        let now = self.clock.now();
        if instance.node.is_none() {
            return Ok((Bytes::new(), now));
        }
        let hypervisor = self.hypervisor_of(&instance)?;
        match hypervisor.console(&id.to_string()).await {
            Ok(said) => Ok((said, now)),
            Err(imprint_machine::Error::Missing(_)) => Ok((Bytes::new(), now)),
            Err(error) => Err(error.into()),
        }
    }

    /// Types into the serial console of a running machine.
    ///
    /// # Errors
    /// [`Conflict::InstanceStatus`] of one that does not run, [`Conflict::InstanceLocked`], [`Error::Invalid`] of
    /// [`Field::Data`] for more than 4096 bytes, [`Error::Denied`]; else as [`Service::console_output`].
    pub async fn type_in_console(&self, caller: &Caller, id: InstanceId, bytes: Bytes) -> Result<(), Error> {
        if !caller.has_role(role::MEMBER) {
            return Err(Error::Denied("typing into a console".to_owned()));
        }
        require_unbound(caller, "typing into a console")?;
        if bytes.len() > TYPED_BYTES_MAX {
            return Err(Error::invalid(Field::Data, format!("more than {TYPED_BYTES_MAX} bytes at once")));
        }
        let instance = self.show_instance(caller, id).await?;
        if instance.locked.is_some() {
            return Err(Error::Conflict(Conflict::InstanceLocked));
        }
        if instance.status != InstanceStatus::Running {
            return Err(Error::Conflict(Conflict::InstanceStatus));
        }
        Ok(self.hypervisor_of(&instance)?.type_in(&id.to_string(), bytes).await?)
    }

    fn hypervisor_of(&self, instance: &Instance) -> Result<&dyn imprint_machine::Hypervisor, Error> {
        let hypervisor = self.machines.hypervisor.as_deref().ok_or_else(no_hypervisor)?;
        if instance.node == self.machines.node {
            Ok(hypervisor)
        } else {
            Err(Error::Unsupported("the console of a machine that another node runs".to_owned()))
        }
    }
}
