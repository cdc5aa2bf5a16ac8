//! Machines: what runs them, what they write to, and what their disks held at one instant. Never here: whose a machine
//! is, and any record of it beyond what its own directory holds.

mod hypervisor;

pub use hypervisor::{
    Architecture, Base, Capture, CaptureOf, CapturedDisk, Changed, Error, Firmware, Hypervisor, MachineDisk,
    MachineSpec, MachineState, OverlaySpec,
};
