//! Whether the disks and networks of virtual machines are found.

use crate::drivers::{Drivers, NVME, Presence, SD_MOD, VIRTIO_BLK, VIRTIO_NET, VIRTIO_PCI, VIRTIO_SCSI};
use crate::report::{Item, ItemName, NVME_NOT_INSTALLED, Risk};

use super::{Problems, Scene};

pub(super) fn nvme(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Nvme;
    let Some(drivers) = known(scene) else { return Some(unknown(name)) };
    let presence = drivers.presence(&NVME);
    let where_it_is = format!("The NVMe driver is {}.", presence.words());
    match presence {
        Presence::Unknown => return Some(Item::problem(name, "Unknown", Risk::Medium, "Unknown", where_it_is)),
        presence if presence.is_early() => {}
        _ => {
            return Some(Item::problem(
                name,
                "NotSupported",
                Risk::High,
                NVME_NOT_INSTALLED,
                format!("{where_it_is} A machine whose root is on NVMe does not start."),
            ));
        }
    }
    let advice = if has_io_timeout(scene) { "" } else { IO_TIMEOUT_ADVICE };
    Some(Item::fine(name, "Supported", format!("{where_it_is}{advice}")))
}

/// Said, and no blemish: it matters on networked disks only.
const IO_TIMEOUT_ADVICE: &str = " For disks behind a network, nvme_core.io_timeout=4294967295 (255 before Linux 4.15) keeps a slow answer from becoming an error.";

fn has_io_timeout(scene: &Scene<'_>) -> bool {
    let entry = scene.boot.default_entry();
    entry.is_some_and(|entry| {
        ["nvme_core.io_timeout", "nvme.io_timeout"].iter().any(|name| entry.argument(name).is_some())
    })
}

pub(super) fn virtio(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Virtio;
    let Some(drivers) = known(scene) else { return Some(unknown(name)) };
    let mut problems = Problems::default();
    let pci = drivers.presence(&VIRTIO_PCI);
    let (block, scsi, disks) =
        (drivers.presence(&VIRTIO_BLK), drivers.presence(&VIRTIO_SCSI), drivers.presence(&SD_MOD));
    let has_disk = pci.is_early() && (block.is_early() || (scsi.is_early() && disks.is_early()));
    let is_unknown = [&pci, &block].contains(&&Presence::Unknown);
    let words =
        format!("virtio_pci is {}, virtio_blk is {}, virtio_scsi is {}.", pci.words(), block.words(), scsi.words());
    if !has_disk && is_unknown {
        return Some(Item::problem(name, "Unknown", Risk::Medium, "Unknown", words));
    }
    if !has_disk {
        problems.add(
            Risk::High,
            "NotInstalled",
            format!("{words} A machine whose root is on a virtio disk does not start."),
        );
    } else if !block.is_early() {
        problems.add(Risk::Low, "OnlyScsi", format!("{words} Only disks of virtio's SCSI kind are found."));
    }
    if !drivers.is_anywhere(&VIRTIO_NET) && drivers.presence(&VIRTIO_NET) != Presence::Unknown {
        problems.add(Risk::High, "NoNetwork", "virtio_net is nowhere: a machine has no network.");
    }
    let value = if has_disk { "Supported" } else { "NotSupported" };
    Some(problems.item(name, ("Supported", words), value))
}

fn known<'a>(scene: &Scene<'a>) -> Option<&'a Drivers<'a>> {
    scene.drivers.filter(|drivers| drivers.are_known())
}

fn unknown(name: ItemName) -> Item {
    let detail = "The kernel that starts is not known, or it says nothing of its drivers.";
    Item::problem(name, "Unknown", Risk::Medium, "Unknown", detail)
}
