//! The sockets that disks are read through: one for this node's own machines, and one for the network when it is set.

mod listeners;
mod settings;
mod tls;

pub(crate) use listeners::{Listeners, socket_path};
pub(crate) use settings::NbdSettings;
