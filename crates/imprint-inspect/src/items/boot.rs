//! What the boot loader starts: the default kernel, its initramfs, its words.

use crate::boot::Entry;
use crate::device::{Device, Leads};
use crate::report::{Item, ItemName, Risk};

use super::{Problems, Scene};

pub(super) fn default_kernel(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::DefaultKernel;
    let mut problems = Problems::default();
    let Some(entry) = scene.boot.default_entry() else {
        let detail = match &scene.boot.configuration {
            Some(path) => format!("{path} starts no kernel by default."),
            None => "There is neither a boot loader's configuration nor a kernel in /boot.".to_owned(),
        };
        return Some(Item::problem(name, "None", Risk::Error, "Missing", detail));
    };
    let path = entry.kernel.as_deref().unwrap_or_default();
    if path.is_empty() && entry.chain_loads {
        return Some(Item::fine(name, "chainloader", format!("{} hands over to another loader.", entry.title)));
    }
    if path.is_empty() || !scene.kernel.is_some_and(|kernel| kernel.exists) {
        problems.add(
            Risk::Error,
            "Missing",
            format!("The default entry \"{}\" starts {path}, which is not there.", entry.title),
        );
    }
    for initrd in entry.initrds.iter().filter(|path| !scene.guest.is_file(path)) {
        problems.add(
            Risk::Error,
            "InitrdMissing",
            format!("The default entry \"{}\" loads {initrd}, which is not there.", entry.title),
        );
    }
    if scene.boot.only_rescue {
        problems.add(Risk::Medium, "OnlyRescue", "Only an entry for emergencies can be started.");
    }
    if scene.boot.loader.is_none() {
        let detail = format!("{path} is the newest kernel in /boot, but no boot loader's configuration was found.");
        problems.add(Risk::Medium, "NoConfiguration", detail);
    }
    let by = scene.boot.configuration.as_deref().unwrap_or("/boot");
    let fine = (path, format!("The default entry of {by}: \"{}\".", entry.title));
    Some(problems.item(name, fine, path))
}

pub(super) fn initramfs(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Initramfs;
    let entry = scene.boot.default_entry()?;
    let Some(initramfs) = scene.initramfs else {
        let value = if entry.initrds.is_empty() { "None" } else { "Missing" };
        return Some(Item::fine(name, value, "The kernel starts without an initramfs."));
    };
    let forms = initramfs.segments.join("+");
    let what =
        format!("{}: {} entries, {} modules.", entry.initrds.join(", "), initramfs.entries, initramfs.module_count());
    if let Some(trouble) = &initramfs.trouble {
        let value = if forms.is_empty() { "Unreadable" } else { &forms };
        return Some(Item::problem(
            name,
            value,
            Risk::Medium,
            "Unreadable",
            format!("{what} It could not be read to its end: {trouble}."),
        ));
    }
    let version = scene.os.kernel.as_deref().unwrap_or_default();
    if !version.is_empty() && initramfs.module_count() > 0 && !initramfs.modules.contains_key(version) {
        let versions: Vec<&str> = initramfs.modules.keys().map(String::as_str).collect();
        let detail = format!("{what} Its modules are for {}, the kernel is {version}.", versions.join(", "));
        return Some(Item::problem(name, forms, Risk::High, "WrongModules", detail));
    }
    Some(Item::fine(name, forms, what))
}

pub(super) fn grub(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Grub;
    let Some(loader) = scene.boot.loader else {
        let detail =
            scene.boot.damage.clone().unwrap_or_else(|| "No boot loader's configuration was found.".to_owned());
        return Some(Item::problem(name, "None", Risk::High, "NoConfiguration", detail));
    };
    let path = scene.boot.configuration.as_deref().unwrap_or_default();
    let mut problems = Problems::default();
    if let Some(damage) = &scene.boot.damage {
        problems.add(Risk::High, "Damaged", format!("{damage}."));
    }
    if scene.boot.entries.is_empty() {
        problems.add(Risk::High, "NoEntries", format!("{path} offers nothing to start."));
    }
    if let Some(entry) = scene.boot.default_entry()
        && let Some((_, problem, detail)) = root_problem(scene, entry)
    {
        problems.add(Risk::High, problem, detail);
    }
    let fine = (loader, format!("{path}, entries: {}.", scene.boot.entries.len()));
    Some(problems.item(name, fine, loader))
}

pub(super) fn root_argument(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::RootArgument;
    let entry = scene.boot.default_entry().filter(|entry| entry.kernel.is_some())?;
    let value = entry.argument("root").unwrap_or("None");
    Some(match root_problem(scene, entry) {
        Some((risk, problem, detail)) => Item::problem(name, value, risk, problem, detail),
        None => Item::fine(name, value, format!("The default entry \"{}\" finds its root.", entry.title)),
    })
}

/// What is wrong with the root that an entry names.
fn root_problem(scene: &Scene<'_>, entry: &Entry) -> Option<(Risk, &'static str, String)> {
    let Some(root) = entry.argument("root") else {
        // An initramfs may know its root by other means: a generator, or what was built into it.
        let other = ["rd.root", "rootfstype", "mount.usr"].iter().any(|name| entry.argument(name).is_some());
        let has_gpt_root = scene
            .volumes
            .get(scene.root)
            .is_some_and(|volume| volume.partition_type.as_deref().is_some_and(is_root_type));
        if other || (has_gpt_root && scene.boot.loader == Some("uki")) {
            return None;
        }
        return Some((
            Risk::Error,
            "Missing",
            format!("The default entry \"{}\" names no root file system.", entry.title),
        ));
    };
    let device = Device::parse(root);
    match device {
        Device::Position { .. } => {
            let detail = format!(
                "The kernel starts with root={root}: the device is called differently on another machine. Use UUID=."
            );
            return Some((Risk::High, "DeviceName", detail));
        }
        Device::Hardware(_) => {
            let detail = format!(
                "The kernel starts with root={root}: that name belongs to the machine it was made on. Use UUID=."
            );
            return Some((Risk::High, "DeviceName", detail));
        }
        _ => {}
    }
    match device.find(scene.volumes) {
        Leads::Nowhere => {
            Some((Risk::Error, "Unknown", format!("The kernel starts with root={root}, which is none of the volumes.")))
        }
        Leads::To(volume) if volume != scene.root => {
            let name = scene.volumes.get(volume).map_or("", |volume| volume.name.as_str());
            Some((
                Risk::High,
                "OtherVolume",
                format!("The kernel starts with root={root}: that is volume {name}, not the system's root."),
            ))
        }
        Leads::To(_) | Leads::Unknown => None,
    }
}

/// The types that the discoverable partitions specification gives to roots of usual machines.
fn is_root_type(partition_type: &str) -> bool {
    [
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
        "b921b045-1df0-41c3-af44-4c6f280d3fae",
        "44479540-f297-41b2-9af7-d131d5f0458a",
    ]
    .contains(&partition_type)
}

pub(super) fn serial_console(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::SerialConsole;
    let entry = scene.boot.default_entry().filter(|entry| entry.kernel.is_some())?;
    let serial = entry
        .arguments()
        .filter_map(|word| word.strip_prefix("console="))
        .find(|console| ["ttyS", "ttyAMA", "hvc", "ttysclp"].iter().any(|start| console.starts_with(start)));
    Some(match serial {
        Some(console) => Item::fine(name, console, "The kernel writes to the serial console."),
        None => {
            let detail = "The kernel writes to no serial console: add console=ttyS0 to see a start that fails.";
            Item::problem(name, "None", Risk::Low, "Missing", detail)
        }
    })
}
