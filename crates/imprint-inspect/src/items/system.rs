//! What the system is: platform, version, architecture, kernel, and whether there is one at all.

use crate::boot::Firmware;
use crate::drivers::modules_directory;
use crate::report::{Item, ItemName, Os, Risk, Volume};

use super::{Problems, Scene};

/// The oldest kernel with everything that today's machines want.
const KERNEL_MIN: (u32, u32) = (3, 10);

pub(super) fn platform(scene: &Scene<'_>) -> Option<Item> {
    Some(platform_of(scene.os))
}

/// Which system it is.
pub(crate) fn platform_of(os: &Os) -> Item {
    let detail = format!("{} on volume {}.", os.pretty_name, os.root);
    match os.distribution.as_str() {
        "" => Item::problem(
            ItemName::Platform,
            os.kind.as_str(),
            Risk::Low,
            "Unknown",
            "No file says which distribution this is: /etc/os-release is missing.",
        ),
        _ => Item::fine(ItemName::Platform, os.distribution.as_str(), detail),
    }
}

pub(super) fn os_version(scene: &Scene<'_>) -> Option<Item> {
    let Scene { os, .. } = scene;
    Some(match os.version.as_str() {
        // Rolling distributions have none, and that is no fault.
        "" => Item::fine(ItemName::OsVersion, "none", "The distribution says no version."),
        version => Item::fine(ItemName::OsVersion, version, os.pretty_name.as_str()),
    })
}

pub(super) fn architecture(scene: &Scene<'_>) -> Option<Item> {
    Some(match &scene.os.architecture {
        Some(architecture) => {
            Item::fine(ItemName::Architecture, architecture.as_str(), "By the header of a system program.")
        }
        None => Item::problem(
            ItemName::Architecture,
            "Unknown",
            Risk::Low,
            "Unknown",
            "None of the programs that every system has could be read.",
        ),
    })
}

pub(super) fn kernel_version(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::KernelVersion;
    let version = scene.os.kernel.as_deref();
    let Some(version) = version else {
        return Some(Item::problem(name, "Unknown", Risk::Medium, "Unknown", "No kernel tells its version."));
    };
    if modules_directory(scene.guest, version).is_some() {
        return Some(Item::fine(name, version, format!("Its modules are in /lib/modules/{version}.")));
    }
    let others = [scene.guest.list("/lib/modules"), scene.guest.list("/usr/lib/modules")].concat();
    Some(if others.is_empty() {
        let detail =
            "There are no modules on the root file system; only what is in the kernel and its initramfs works.";
        Item::problem(name, version, Risk::Low, "NoModules", detail)
    } else {
        let detail =
            format!("There are modules for {}, but none for the kernel that starts, {version}.", others.join(", "));
        Item::problem(name, version, Risk::High, "WrongModules", detail)
    })
}

pub(super) fn boot_mode_of(scene: &Scene<'_>) -> Option<Item> {
    Some(boot_mode(scene.firmware))
}

/// Which firmware can start the disk.
pub(crate) fn boot_mode(firmware: &Firmware) -> Item {
    let seen = match firmware.seen.as_slice() {
        [] => "Neither boot code in the first sector nor an EFI system partition was found.".to_owned(),
        seen => format!("Found: {}.", seen.join("; ")),
    };
    let value = match (firmware.bios, firmware.uefi) {
        (true, true) => "BIOS+UEFI",
        (true, false) => "BIOS",
        (false, true) => "UEFI",
        (false, false) => return Item::problem(ItemName::BootMode, "None", Risk::Error, "NoLoader", seen),
    };
    Item::fine(ItemName::BootMode, value, seen)
}

pub(super) fn system_image(scene: &Scene<'_>) -> Option<Item> {
    let detail = format!("{} on volume {}.", scene.os.pretty_name, scene.os.root);
    Some(Item::fine(ItemName::SystemImage, "SystemDisk", detail))
}

/// What a disk without a readable system is.
pub(crate) fn no_system(volumes: &[Volume]) -> Item {
    let name = ItemName::SystemImage;
    let content = |volume: &Volume| volume.content.clone();
    let contents: Vec<String> = volumes.iter().filter_map(content).collect();
    let has = |what: &str| contents.iter().any(|content| content == what);
    if volumes.iter().any(|volume| volume.name.is_empty() && volume.content.as_deref() == Some("iso9660")) {
        let detail = "This is an image of an optical disk. It may start an installer, but it is no installed system.";
        return Item::problem(name, "Iso", Risk::High, "Iso", detail);
    }
    if has("crypto_LUKS") || has("BitLocker") {
        let detail = "There may be a system in an encrypted volume. It cannot be looked into, and it asks for its key when it starts.";
        return Item::problem(name, "Encrypted", Risk::High, "Encrypted", detail);
    }
    if contents.is_empty() {
        let detail = "There is no file system on the disk.";
        return Item::problem(name, "Empty", Risk::Error, "Empty", detail);
    }
    let detail = format!("There is no operating system in what was found: {}.", contents.join(", "));
    Item::problem(name, "DataDisk", Risk::Error, "NoOperatingSystem", detail)
}

pub(super) fn instance_types(scene: &Scene<'_>) -> Option<Item> {
    let mut problems = Problems::default();
    if let Some(version) = scene.os.kernel.as_deref().and_then(numbers)
        && version < KERNEL_MIN
    {
        let detail = format!("Kernel {}.{} is older than {}.{}.", version.0, version.1, KERNEL_MIN.0, KERNEL_MIN.1);
        problems.add(Risk::High, "KernelTooOld", detail);
    }
    if matches!(scene.os.architecture.as_deref(), Some("i386" | "arm" | "x32")) {
        problems.add(
            Risk::Medium,
            "Architecture32",
            "A 32-bit system cannot use machines with 4 GiB of memory or more.",
        );
    }
    let fine = ("Supported", "The kernel is recent enough, and 64-bit.".to_owned());
    Some(problems.item(ItemName::SupportMocInstanceTypes, fine, "NotSupported"))
}

/// Major and minor number of a version.
pub(super) fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|char: char| !char.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
