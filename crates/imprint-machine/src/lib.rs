//! Machines: what runs them, what they write to, and what their disks held at one instant. Never here: whose a machine
//! is, and any record of it beyond what its own directory holds.

mod agent;
mod argv;
mod bitmaps;
mod capture;
mod captured;
mod console;
mod daemon;
mod faults;
mod firmware;
mod hotplug;
mod hypervisor;
mod machine;
mod nodes;
mod overlay;
mod place;
mod probe;
mod process;
mod qemu;
mod qmp;
mod seed;
mod settings;
mod start;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use hypervisor::{
    Architecture, Base, Capture, CaptureOf, CapturedDisk, Changed, Error, Firmware, Hypervisor, MachineDisk,
    MachineSpec, MachineState, OverlaySpec,
};
pub use qemu::Qemu;
pub use settings::{Accelerator, Settings, UnknownAccelerator};
