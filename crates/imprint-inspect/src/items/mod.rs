//! The items of the check for Linux: a file for each group of them.
//!
//! What lives here: what is looked at, and the table of it. What never does: reading formats (they are read before), and
//! Windows (`windows`).

mod agents;
mod boot;
mod clock;
mod cloud;
mod drivers;
mod mounts;
mod network;
mod resize;
mod secure;
mod ssh;
mod storage;
mod system;
#[cfg(test)]
mod tests;

use crate::boot::{Boot, Firmware, Kernel};
use crate::drivers::Drivers;
use crate::fstab;
use crate::guest::Guest;
use crate::initramfs::Initramfs;
use crate::packages;
use crate::report::{Item, Os, Package, Volume};

pub(crate) use storage::file_systems;
pub(crate) use system::{boot_mode, no_system, platform_of};

/// Everything that the items look at.
pub(crate) struct Scene<'a> {
    pub(crate) guest: &'a Guest,
    /// All volumes of the disk.
    pub(crate) volumes: &'a [Volume],
    /// Which of them the root is on.
    pub(crate) root: usize,
    pub(crate) os: &'a Os,
    pub(crate) packages: &'a [Package],
    pub(crate) fstab: Option<&'a fstab::Table>,
    pub(crate) boot: &'a Boot,
    pub(crate) firmware: &'a Firmware,
    pub(crate) kernel: Option<&'a Kernel>,
    pub(crate) initramfs: Option<&'a Initramfs>,
    pub(crate) drivers: Option<&'a Drivers<'a>>,
}

impl Scene<'_> {
    /// An installed package of one of these names.
    pub(crate) fn package(&self, names: &[&str]) -> Option<&Package> {
        names.iter().find_map(|name| packages::find(self.packages, name))
    }
}

/// Looks at one thing; none when it does not matter on this system.
type Look = fn(&Scene<'_>) -> Option<Item>;

/// What is looked at.
const LOOKS: &[Look] = &[
    system::platform,
    system::os_version,
    system::architecture,
    system::kernel_version,
    system::boot_mode_of,
    system::system_image,
    boot::default_kernel,
    boot::initramfs,
    drivers::virtio,
    drivers::nvme,
    mounts::fstab,
    boot::grub,
    boot::root_argument,
    boot::serial_console,
    network::dhcp,
    ssh::sshd,
    ssh::root_password,
    secure::selinux,
    secure::firewall,
    cloud::cloud_init,
    resize::online_resize,
    clock::rtc_time_mode,
    agents::guest_agent,
    agents::cloud_assistant,
    agents::security_agent,
    system::instance_types,
];

/// All items, each with what could not be read for it. Ends early when nothing more can be learned: what was being looked
/// at then is left out.
pub(crate) fn all(scene: &Scene<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for look in LOOKS {
        let item = look(scene);
        if scene.guest.ended().is_some() {
            break;
        }
        let troubles = scene.guest.take_troubles();
        items.extend(item.map(|mut item| {
            if !troubles.is_empty() {
                item.detail = format!("{} Not everything could be read: {}.", item.detail, troubles.join("; "));
            }
            item
        }));
    }
    items
}

/// The worst of several problems, with the others told in its detail.
#[derive(Default)]
struct Problems {
    found: Vec<(crate::report::Risk, &'static str, String)>,
}

impl Problems {
    fn add(&mut self, risk: crate::report::Risk, problem: &'static str, detail: impl Into<String>) {
        self.found.push((risk, problem, detail.into()));
    }

    /// The item; a fine one when there are no problems.
    fn item(mut self, name: crate::report::ItemName, fine: (&str, String), value: &str) -> Item {
        // The sort is stable: of equal problems the first found leads.
        self.found.sort_by_key(|(risk, ..)| std::cmp::Reverse(*risk));
        let Some(&(risk, problem, _)) = self.found.first() else { return Item::fine(name, fine.0, fine.1) };
        let details: Vec<String> = self.found.into_iter().map(|(_, _, detail)| detail).collect();
        Item::problem(name, value, risk, problem, details.join(" "))
    }
}

/// Whether a systemd unit or an init script is enabled, and by what.
fn enabled_unit(guest: &Guest, units: &[&str]) -> Option<String> {
    // A mask is a link to nothing in the place of the unit.
    let units =
        units.iter().filter(|unit| guest.link(&format!("/etc/systemd/system/{unit}")).as_deref() != Some("/dev/null"));
    for unit in units {
        for base in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
            for target in [
                "multi-user",
                "sockets",
                "default",
                "sysinit",
                "cloud-init",
                "cloud-config",
                "network-online",
                "basic",
                "graphical",
                "network",
                "timers",
                "getty",
            ] {
                let path = format!("{base}/{target}.target.wants/{unit}");
                if guest.link(&path).is_some() || guest.is_file(&path) {
                    return Some(path);
                }
            }
        }
    }
    None
}

/// Whether a service is enabled with OpenRC or System V scripts.
fn enabled_script(guest: &Guest, names: &[&str]) -> Option<String> {
    for name in names {
        for level in ["default", "boot", "sysinit"] {
            let path = format!("/etc/runlevels/{level}/{name}");
            if guest.link(&path).is_some() || guest.is_file(&path) {
                return Some(path);
            }
        }
        for level in
            ["/etc/rc2.d", "/etc/rc3.d", "/etc/rc5.d", "/etc/rc.d/rc3.d", "/etc/rc.d/rc5.d", "/etc/init.d/rc3.d"]
        {
            let starts = |file: &String| file.starts_with('S') && file.get(3..).is_some_and(|rest| rest == *name);
            if let Some(file) = guest.list(level).iter().find(|file| starts(file)) {
                return Some(format!("{level}/{file}"));
            }
        }
    }
    None
}
