//! Whether the table of file systems names what will be there.

use crate::device::{Device, Leads};
use crate::fstab::Line;
use crate::report::{Item, ItemName, Risk};

use super::{Problems, Scene};

pub(super) fn fstab(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Fstab;
    let Some(table) = scene.fstab else {
        let detail = "There is no /etc/fstab: only what the initramfs and systemd find by themselves is mounted.";
        return Some(Item::problem(name, "None", Risk::Low, "Missing", detail));
    };
    let mut problems = Problems::default();
    for line in table.lines.iter().filter(|line| !line.is_virtual()) {
        if let Some((risk, problem, detail)) = problem(scene, line) {
            problems.add(risk, problem, detail);
        }
    }
    if !table.malformed.is_empty() {
        let lines: Vec<String> = table.malformed.iter().take(8).map(usize::to_string).collect();
        problems.add(Risk::Medium, "Malformed", format!("Lines of /etc/fstab that are none: {}.", lines.join(", ")));
    }
    let fine = ("Valid", "Every line of /etc/fstab names what is there.".to_owned());
    Some(problems.item(name, fine, "Invalid"))
}

fn problem(scene: &Scene<'_>, line: &Line) -> Option<(Risk, &'static str, String)> {
    let Line { device, mount_point, .. } = line;
    let parsed = Device::parse(device);
    match parsed {
        Device::Position { disk, .. } if disk > 0 && mount_point != "/" => {
            if line.may_be_missing() {
                return None;
            }
            let detail = format!(
                "{device} for {mount_point} is on another disk, which a new machine does not have; nofail is not set."
            );
            return Some((Risk::Medium, "ExtraDisk", detail));
        }
        Device::Position { .. } | Device::Hardware(_) => {
            let risk = if mount_point == "/" { Risk::High } else { Risk::Medium };
            let detail = format!("{device} for {mount_point} is called differently on another machine. Use UUID=.");
            return (!line.may_be_missing() || mount_point == "/").then_some((risk, "DeviceName", detail));
        }
        _ => {}
    }
    match parsed.find(scene.volumes) {
        // Swap that is missing delays a start; anything else without nofail ends it in the emergency shell.
        Leads::Nowhere if line.may_be_missing() => None,
        Leads::Nowhere if line.fs_type == "swap" => {
            Some((Risk::Medium, "UnknownSwap", format!("The swap {device} is none of the volumes.")))
        }
        Leads::Nowhere => {
            let detail =
                format!("{device} for {mount_point} is none of the volumes: a start ends in the emergency shell.");
            Some((Risk::High, "UnknownDevice", detail))
        }
        Leads::To(volume) if mount_point == "/" && volume != scene.root => {
            Some((Risk::High, "OtherRoot", format!("{device} for / is another volume than the system's root.")))
        }
        Leads::To(_) | Leads::Unknown => None,
    }
}
