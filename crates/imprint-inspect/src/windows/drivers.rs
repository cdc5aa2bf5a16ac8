//! Drivers for the disks and networks of virtual machines.

use super::machine::{Machine, START_BY_LOADER, START_NEVER};
use crate::error::Result;
use crate::report::{Item, ItemName, NVME_NOT_INSTALLED, Os, Risk};

/// How far a driver is.
enum State {
    /// The registry does not know it.
    Unknown,
    /// Known, but its file is not there.
    NoFile(String),
    /// There, but not started when it would be needed.
    NotStarted(u64),
    Ready,
}

/// Whether it must be there before the system can read its own disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    ForStart,
    Later,
}

fn state(machine: &Machine<'_>, name: &str, needed: Needed) -> Result<State> {
    let Some(service) = machine.service(name)? else { return Ok(State::Unknown) };
    if !machine.tree().is_file(&service.file)? {
        return Ok(State::NoFile(service.file));
    }
    let starts =
        if needed == Needed::ForStart { service.start == START_BY_LOADER } else { service.start < START_NEVER };
    Ok(if starts { State::Ready } else { State::NotStarted(service.start) })
}

fn words(name: &str, state: &State) -> String {
    match state {
        State::Unknown => format!("{name} is not installed"),
        State::NoFile(path) => format!("{name} has no file at {path}"),
        State::NotStarted(start) => format!("{name} is not started by the loader (start {start})"),
        State::Ready => format!("{name} is ready"),
    }
}

/// One of two drivers must be able to read the system's disk, and one serves the network.
pub(super) fn virtio(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let block = state(machine, "viostor", Needed::ForStart)?;
    let scsi = state(machine, "vioscsi", Needed::ForStart)?;
    let network = state(machine, "netkvm", Needed::Later)?;
    let detail = [words("viostor", &block), words("vioscsi", &scsi), words("netkvm", &network)].join(", ");
    let item = |risk, problem, what: &str| {
        Item::problem(ItemName::Virtio, "NotSupported", risk, problem, format!("{what}: {detail}."))
    };
    Ok(Some(match (&block, &scsi, &network) {
        (State::Ready, _, State::Ready) | (_, State::Ready, State::Ready) => {
            Item::fine(ItemName::Virtio, "Supported", format!("In the registry: {detail}."))
        }
        (State::Ready, ..) | (_, State::Ready, _) => {
            item(Risk::High, "NoNetwork", "A virtio network card would not work")
        }
        (State::Unknown, State::Unknown, _) => {
            item(Risk::Error, "NotInstalled", "Windows would stop with 0x7B on a virtio disk")
        }
        _ => item(Risk::Error, "NotStarted", "Windows would stop with 0x7B on a virtio disk"),
    }))
}

/// The driver that Windows has had since 8.1 and Server 2012 R2.
pub(super) fn nvme(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let driver = state(machine, "stornvme", Needed::ForStart)?;
    let detail = words("stornvme", &driver);
    let item = |problem| {
        let detail = format!("Windows would not start from an NVMe disk: {detail}.");
        Item::problem(ItemName::Nvme, "NotSupported", Risk::Medium, problem, detail)
    };
    Ok(Some(match driver {
        State::Ready => Item::fine(ItemName::Nvme, "Supported", format!("In the registry: {detail}.")),
        State::Unknown => item(NVME_NOT_INSTALLED),
        State::NoFile(_) | State::NotStarted(_) => item("NotStarted"),
    }))
}
