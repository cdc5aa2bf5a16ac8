//! Whether the root grows with its disk.

use crate::report::{Item, ItemName, Risk, Volume};

use super::{Problems, Scene};

pub(super) fn online_resize(scene: &Scene<'_>) -> Option<Item> {
    let mut problems = Problems::default();
    let package = scene.package(&[
        "cloud-guest-utils",
        "cloud-utils-growpart",
        "growpart",
        "cloud-initramfs-growroot",
        "growroot",
    ]);
    let by = if let Some(package) = package {
        Some(format!("{} {}", package.name, package.version))
    } else if scene.guest.is_file("/usr/bin/growpart") {
        Some("/usr/bin/growpart".to_owned())
    } else if scene.initramfs.is_some_and(|initramfs| initramfs.grows_root) {
        Some("a script in the initramfs".to_owned())
    } else if scene.guest.list("/etc/repart.d").iter().any(|name| name.ends_with(".conf")) {
        Some("systemd-repart".to_owned())
    } else {
        scene.package(&["tiny-cloud"]).map(|package| format!("tiny-cloud {}", package.version))
    };
    if by.is_none() {
        problems.add(
            Risk::Medium,
            "NotInstalled",
            "Nothing makes the root partition larger when the disk is: growpart is not installed.",
        );
    }
    if !root_is_last(scene.volumes, scene.root) {
        let detail = "Another partition lies behind the root: it cannot grow.";
        problems.add(Risk::Medium, "RootNotLast", detail);
    }
    let detail = format!("The root is the last partition, and {} makes it larger.", by.unwrap_or_default());
    Some(problems.item(ItemName::OnlineResizeFs, ("Supported", detail), "NotSupported"))
}

/// Whether the root, or what holds its logical volume, is the last partition of the disk.
fn root_is_last(volumes: &[Volume], root: usize) -> bool {
    let end = |volume: &Volume| volume.offset_bytes.map(|offset| offset.saturating_add(volume.size_bytes));
    let Some(volume) = volumes.get(root) else { return false };
    let Some(last) = volumes.iter().filter(|volume| end(volume).is_some()).max_by_key(|volume| end(volume)) else {
        return false;
    };
    match end(volume) {
        Some(own) => end(last) == Some(own),
        None => matches!(last.content.as_deref(), Some("LVM2_member" | "linux_raid_member")),
    }
}
