//! Where the firmware of each kind of machine lies on this system.

use std::path::{Path, PathBuf};

use crate::hypervisor::{Architecture, Error, Firmware};

/// UEFI: its code, which machines share, and the variables that each begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uefi {
    pub(crate) code: PathBuf,
    pub(crate) variables: PathBuf,
}

/// Where systems keep it: Debian and its kin, Fedora's kin, what comes with QEMU itself.
const X86_64: &[(&str, &str)] = &[
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
];
const ARM64: &[(&str, &str)] = &[
    ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    ("/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"),
    ("/usr/share/qemu/edk2-aarch64-code.fd", "/usr/share/qemu/edk2-arm-vars.fd"),
];

/// What a machine begins with; none for the firmware that QEMU itself gives.
pub(crate) fn find(architecture: Architecture, firmware: Firmware) -> Result<Option<Uefi>, Error> {
    let places = match (architecture, firmware) {
        (Architecture::X86_64, Firmware::Bios) => return Ok(None),
        (Architecture::Arm64, Firmware::Bios) => {
            return Err(Error::Unsupported("64-bit ARM machines begin with UEFI".to_owned()));
        }
        (Architecture::X86_64, Firmware::Uefi) => X86_64,
        (Architecture::Arm64, Firmware::Uefi) => ARM64,
    };
    let there = places.iter().find(|(code, variables)| Path::new(code).is_file() && Path::new(variables).is_file());
    match there {
        Some((code, variables)) => Ok(Some(Uefi { code: code.into(), variables: variables.into() })),
        None => Err(Error::Unsupported(format!("no UEFI firmware is installed (looked for {} first)", places[0].0))),
    }
}
