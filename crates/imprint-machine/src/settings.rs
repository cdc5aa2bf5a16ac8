//! What a node is told about its machines.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::hypervisor::Architecture;

/// How machines are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of machines and overlays: of this process only, on a file system of this node.
    pub directory: PathBuf,
    /// The Unix socket of this node's NBD server, where the bases of overlays are.
    pub nbd_socket: PathBuf,
    /// What runs the guests' code.
    pub accelerator: Accelerator,
}

/// What runs the guests' code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accelerator {
    /// The processor when it helps, else a translator.
    #[default]
    Auto,
    /// The processor, or not at all.
    Kvm,
    /// A translator: slow, and works everywhere.
    Tcg,
}

/// The device through which the processor helps.
const KVM_DEVICE: &str = "/dev/kvm";

impl Accelerator {
    /// What a machine is told, in the order in which it tries.
    pub(crate) fn names(self, architecture: Architecture) -> &'static [&'static str] {
        let own = match architecture {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "aarch64",
        };
        match self {
            Accelerator::Kvm => &["kvm"],
            Accelerator::Auto if own == std::env::consts::ARCH && can_help(Path::new(KVM_DEVICE)) => &["kvm", "tcg"],
            Accelerator::Auto | Accelerator::Tcg => &["tcg"],
        }
    }
}

fn can_help(device: &Path) -> bool {
    std::fs::File::options().read(true).write(true).open(device).is_ok()
}

impl FromStr for Accelerator {
    type Err = UnknownAccelerator;

    fn from_str(text: &str) -> Result<Self, UnknownAccelerator> {
        match text {
            "auto" => Ok(Accelerator::Auto),
            "kvm" => Ok(Accelerator::Kvm),
            "tcg" => Ok(Accelerator::Tcg),
            _ => Err(UnknownAccelerator),
        }
    }
}

/// No such accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAccelerator;

impl fmt::Display for UnknownAccelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be auto, kvm or tcg")
    }
}

impl std::error::Error for UnknownAccelerator {}
