//! What runs machines on this node: chosen at start, by what is set and what is installed.

use std::path::Path;
use std::sync::Arc;

use imprint_machine::{Accelerator, Qemu};
use imprint_service::Service;

use crate::config::{ConfigError, Resolved};
use crate::datadir::DataDir;
use crate::failure::Failure;
use crate::nbd;

/// What shall run machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// QEMU where it is installed.
    Auto,
    /// QEMU.
    Qemu,
    /// Nothing.
    None,
}

/// The settings of machines on this node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineSettings {
    wanted: Wanted,
    accelerator: Accelerator,
}

impl MachineSettings {
    pub(crate) fn check(settings: &Resolved) -> Result<Self, ConfigError> {
        let wanted = match settings.text("hypervisor").as_deref() {
            Some("auto") => Wanted::Auto,
            Some("qemu") => Wanted::Qemu,
            Some("none") => Wanted::None,
            _ => return Err(settings.refuse("hypervisor", "must be auto, qemu or none")),
        };
        Ok(Self { wanted, accelerator: settings.parse("machine_accelerator")? })
    }

    /// The engine with what runs machines here, on the node that its data directory names.
    pub(crate) async fn equip(self, service: Service, dir: &DataDir, path: &Path) -> Result<Service, Failure> {
        let node = dir.node_id().map_err(|error| Failure::doing("cannot name this node", error))?;
        if self.wanted == Wanted::None {
            return Ok(service.with_node(node));
        }
        let opened = Qemu::open(imprint_machine::Settings {
            directory: path.join("machines"),
            nbd_socket: nbd::socket_path(path),
            accelerator: self.accelerator,
        });
        match opened.await {
            Ok(qemu) => Ok(service.with_hypervisor(Arc::new(qemu), node)),
            Err(imprint_machine::Error::Unsupported(why)) if self.wanted == Wanted::Auto => {
                tracing::info!(%why, "no machines run on this node");
                Ok(service.with_node(node))
            }
            Err(error) => Err(Failure::doing("cannot run machines (setting hypervisor)", error)),
        }
    }
}
