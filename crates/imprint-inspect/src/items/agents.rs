//! Agents of hypervisors and clouds.

use crate::report::{Item, ItemName, Risk};

use super::{Scene, enabled_script, enabled_unit};

pub(super) fn guest_agent(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::GuestAgent;
    let foreign = [
        (&["open-vm-tools", "vmware-tools"][..], "VMware"),
        (&["hyperv-daemons", "hyperv-tools"][..], "Hyper-V"),
        (&["virtualbox-guest-utils", "virtualbox-guest-additions"][..], "VirtualBox"),
        (&["xe-guest-utilities", "xen-guest-agent"][..], "Xen"),
    ];
    let package = scene.package(&["qemu-guest-agent"]);
    let is_there =
        package.is_some() || scene.guest.is_file("/usr/bin/qemu-ga") || scene.guest.is_file("/usr/sbin/qemu-ga");
    if let Some((package, maker)) = foreign.iter().find_map(|(names, maker)| Some((scene.package(names)?, maker))) {
        let detail = format!("{} {} is for machines of {maker}.", package.name, package.version);
        return Some(Item::problem(name, package.name.as_str(), Risk::Low, "Foreign", detail));
    }
    if !is_there {
        return Some(Item::fine(name, "NotInstalled", "The QEMU guest agent is not installed."));
    }
    let version = package.map_or("", |package| package.version.as_str());
    let enabled = enabled_unit(scene.guest, &["qemu-guest-agent.service", "qemu-ga.service"])
        .or_else(|| enabled_script(scene.guest, &["qemu-guest-agent", "qemu-ga"]));
    let starts = if enabled.is_some() { "is started by a link" } else { "is started when its device is there" };
    Some(Item::fine(name, "Installed", format!("The QEMU guest agent {version} is installed and {starts}.")))
}

pub(super) fn cloud_assistant(scene: &Scene<'_>) -> Option<Item> {
    let path = "/usr/local/share/aliyun-assist";
    Some(agent(scene, ItemName::CloudAssistant, path, "aliyun_assist", "the Cloud Assistant agent"))
}

pub(super) fn security_agent(scene: &Scene<'_>) -> Option<Item> {
    Some(agent(scene, ItemName::SecurityCenterAgent, "/usr/local/aegis", "aegis", "the Security Center agent"))
}

/// One cloud's own agent: what is missing is good to know there, and no blemish anywhere.
fn agent(scene: &Scene<'_>, name: ItemName, directory: &str, package: &str, words: &str) -> Item {
    if scene.guest.is_dir(directory) || scene.package(&[package]).is_some() {
        Item::fine(name, "Installed", format!("{directory} holds {words}."))
    } else {
        Item::problem(
            name,
            "NotInstalled",
            Risk::Info,
            "NotInstalled",
            format!("{directory} does not exist: {words} is not installed."),
        )
    }
}
