//! What kind of machine an image's facts ask for.

use imprint_machine::{Architecture as Processor, Firmware};
use imprint_model::{Architecture, BootMode, Facts, Instance};

use crate::Service;
use crate::error::Error;

/// The processor that a machine needs.
pub(super) fn processor(instance: &Instance) -> Processor {
    match instance.architecture {
        Architecture::I386 | Architecture::X86_64 => Processor::X86_64,
        Architecture::Arm64 => Processor::Arm64,
    }
}

/// The firmware that a machine gets: where its image takes either, UEFI if there is one here.
fn firmware(hypervisor: &dyn imprint_machine::Hypervisor, instance: &Instance) -> Result<Firmware, Error> {
    let processor = processor(instance);
    match instance.boot_mode {
        BootMode::Bios => hypervisor.require(processor, Firmware::Bios).map(|()| Firmware::Bios),
        BootMode::Uefi => hypervisor.require(processor, Firmware::Uefi).map(|()| Firmware::Uefi),
        BootMode::UefiPreferred => match hypervisor.require(processor, Firmware::Uefi) {
            Ok(()) => Ok(Firmware::Uefi),
            Err(_) => hypervisor.require(processor, Firmware::Bios).map(|()| Firmware::Bios),
        },
    }
    .map_err(Error::from)
}

/// What this node's hypervisor would run a machine as; nothing is known of another node's.
///
/// # Errors
/// [`Error::Unsupported`] of a kind that cannot run here.
pub(crate) fn required_of(service: &Service, instance: &Instance) -> Result<Option<Firmware>, Error> {
    let machines = &service.machines;
    match &machines.hypervisor {
        Some(hypervisor) if instance.node.is_none() || instance.node == machines.node => {
            firmware(hypervisor.as_ref(), instance).map(Some)
        }
        _ => Ok(None),
    }
}

/// What an image says of the machines that are made of it.
pub(crate) fn describe(instance: &mut Instance, facts: &Facts) {
    instance.architecture = facts.architecture.unwrap_or(Architecture::X86_64);
    instance.boot_mode = facts.firmware();
    instance.nvme = facts.nvme.unwrap_or(false);
}
