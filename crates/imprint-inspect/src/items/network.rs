//! Whether a machine gets its address where it is, or brings one along.

use crate::report::{Item, ItemName, Risk};
use crate::settings::{assigned, assignments, sections};

use super::{Problems, Scene, cloud, enabled_script, enabled_unit};

/// How many files of one kind are read.
const FILES_MAX: usize = 64;

/// What a network interface is told to do.
struct Interface {
    /// The file that says so.
    path: String,
    name: String,
    uses_dhcp: bool,
    /// The hardware address that it is bound to.
    mac: Option<String>,
}

/// What all files say together.
#[derive(Default)]
struct Network {
    interfaces: Vec<Interface>,
    /// Files of ifupdown were among them: it needs a DHCP client of its own.
    uses_ifupdown: bool,
}

pub(super) fn dhcp(scene: &Scene<'_>) -> Option<Item> {
    let network = Network::read(scene);
    let mut problems = Problems::default();
    for path in ["/etc/udev/rules.d/70-persistent-net.rules", "/etc/udev/rules.d/80-net-name-slot.rules"] {
        if scene.guest.text(path).is_some_and(|text| binds_names(&text)) {
            let detail = format!(
                "{path} gives network interfaces their names by hardware addresses of another machine: the network is lost."
            );
            problems.add(Risk::High, "FixedMac", detail);
        }
    }
    for interface in network.interfaces.iter().filter(|interface| interface.mac.is_some()) {
        let Interface { path, name, mac, .. } = interface;
        let mac = mac.as_deref().unwrap_or_default();
        problems.add(
            Risk::High,
            "FixedMac",
            format!("{path} binds {name} to the hardware address {mac} of another machine."),
        );
    }
    let by_dhcp: Vec<&Interface> = network.interfaces.iter().filter(|interface| interface.uses_dhcp).collect();
    let is_static = !network.interfaces.is_empty() && by_dhcp.is_empty();
    if is_static {
        let names: Vec<String> =
            network.interfaces.iter().map(|interface| format!("{} ({})", interface.name, interface.path)).collect();
        problems.add(
            Risk::High,
            "Static",
            format!("Only fixed addresses are set, and none by DHCP: {}.", names.join(", ")),
        );
    } else if by_dhcp.iter().any(|_| network.uses_ifupdown) && !has_dhcp_client(scene) {
        problems.add(Risk::High, "NoClient", "Interfaces are set to DHCP, but no DHCP client is installed.");
    }
    let fine = match by_dhcp.first() {
        Some(interface) => ("DHCP", format!("{} gets its address by DHCP ({}).", interface.name, interface.path)),
        None if is_static => ("DHCP", String::new()),
        None => match automatic(scene) {
            Some(fine) => fine,
            None => {
                let detail = "No network configuration was found: whether a machine gets an address cannot be known.";
                problems.add(Risk::Medium, "NotConfigured", detail);
                ("Unknown", String::new())
            }
        },
    };
    let value = if is_static { "Static" } else { fine.0 };
    Some(problems.item(ItemName::Dhcp, fine, value))
}

/// What configures interfaces that no file names.
fn automatic(scene: &Scene<'_>) -> Option<(&'static str, String)> {
    if cloud::is_enabled(scene) && !cloud::leaves_network_alone(scene) {
        return Some(("DHCP", "cloud-init configures the network when a machine starts.".to_owned()));
    }
    let guest = scene.guest;
    if enabled_unit(guest, &["NetworkManager.service"]).is_some() || guest.is_file("/usr/sbin/NetworkManager") {
        return Some(("DHCP", "NetworkManager uses DHCP for interfaces that it has no connection for.".to_owned()));
    }
    if enabled_unit(guest, &["dhcpcd.service"]).is_some() || enabled_script(guest, &["dhcpcd"]).is_some() {
        return Some(("DHCP", "dhcpcd asks on every interface.".to_owned()));
    }
    None
}

fn has_dhcp_client(scene: &Scene<'_>) -> bool {
    const CLIENTS: [&str; 8] = [
        "/sbin/dhclient",
        "/usr/sbin/dhclient",
        "/sbin/dhcpcd",
        "/usr/sbin/dhcpcd",
        "/sbin/udhcpc",
        "/bin/busybox",
        "/usr/bin/busybox",
        "/usr/sbin/pump",
    ];
    CLIENTS.iter().any(|path| scene.guest.is_file(path))
}

/// Whether a rules file really gives names to addresses.
fn binds_names(text: &str) -> bool {
    let rules = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    rules.into_iter().any(|line| line.contains("ATTR{address}") && line.contains("NAME="))
}

impl Network {
    fn read(scene: &Scene<'_>) -> Network {
        let mut network = Network::default();
        network.ifupdown(scene);
        network.netplan(scene);
        network.network_manager(scene);
        network.networkd(scene);
        network.sysconfig(scene);
        network.interfaces.retain(|interface| interface.name != "lo");
        network
    }

    fn ifupdown(&mut self, scene: &Scene<'_>) {
        let mut paths = vec!["/etc/network/interfaces".to_owned()];
        let inner = scene.guest.list("/etc/network/interfaces.d").into_iter().take(FILES_MAX);
        paths.extend(inner.map(|name| format!("/etc/network/interfaces.d/{name}")));
        for path in paths {
            let text = scene.guest.text(&path).unwrap_or_default();
            let mut current: Option<usize> = None;
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
                let words: Vec<&str> = line.split_whitespace().collect();
                match words.as_slice() {
                    ["iface", name, _family, method, ..] => {
                        current = Some(self.interfaces.len());
                        self.interfaces.push(Interface {
                            path: path.clone(),
                            name: (*name).to_owned(),
                            uses_dhcp: matches!(*method, "dhcp" | "auto"),
                            mac: None,
                        });
                    }
                    ["hwaddress", rest @ ..] => {
                        if let (Some(index), Some(mac)) = (current, rest.last()) {
                            self.interfaces[index].mac = Some((*mac).to_owned());
                        }
                    }
                    _ => {}
                }
            }
        }
        self.uses_ifupdown = self.interfaces.iter().any(|interface| interface.uses_dhcp && interface.name != "lo");
        // `manual` leaves the interface to something else, and only IPv6 is no fixed address.
        self.interfaces.retain(|interface| interface.name != "lo");
    }

    /// Netplan's files, by the indentation of their lines: what is asked of them is in plain keys.
    fn netplan(&mut self, scene: &Scene<'_>) {
        for directory in ["/etc/netplan", "/run/netplan", "/usr/lib/netplan"] {
            for path in scene.guest.list_ending(directory, ".yaml").into_iter().take(FILES_MAX) {
                let text = scene.guest.text(&path).unwrap_or_default();
                self.interfaces.extend(netplan_interfaces(&path, &text));
            }
        }
    }

    fn network_manager(&mut self, scene: &Scene<'_>) {
        for directory in ["/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections"] {
            for name in scene.guest.list(directory).into_iter().take(FILES_MAX) {
                let path = format!("{directory}/{name}");
                let settings = sections(&scene.guest.text(&path).unwrap_or_default());
                let value = |section: &str, key: &str| {
                    let found = settings.iter().rfind(|setting| setting.section == section && setting.key == key);
                    found.map(|setting| setting.value.clone()).filter(|value| !value.is_empty())
                };
                let kind = value("connection", "type").unwrap_or_default();
                if !matches!(kind.as_str(), "ethernet" | "802-3-ethernet" | "bond" | "bridge" | "vlan") {
                    continue;
                }
                self.interfaces.push(Interface {
                    name: value("connection", "interface-name").or_else(|| value("connection", "id")).unwrap_or(name),
                    uses_dhcp: value("ipv4", "method").is_none_or(|method| method == "auto"),
                    mac: value("ethernet", "mac-address").or_else(|| value("802-3-ethernet", "mac-address")),
                    path,
                });
            }
        }
    }

    fn networkd(&mut self, scene: &Scene<'_>) {
        if enabled_unit(scene.guest, &["systemd-networkd.service", "systemd-networkd.socket"]).is_none() {
            return;
        }
        for directory in ["/etc/systemd/network", "/usr/lib/systemd/network"] {
            // Units that systemd ships are for containers and virtual bridges.
            let shipped = |path: &String| directory.starts_with("/usr/lib") && path.contains("/80-");
            for path in
                scene.guest.list_ending(directory, ".network").into_iter().filter(|path| !shipped(path)).take(FILES_MAX)
            {
                let settings = sections(&scene.guest.text(&path).unwrap_or_default());
                let value = |section: &str, key: &str| {
                    let found = settings.iter().rfind(|setting| setting.section == section && setting.key == key);
                    found.map(|setting| setting.value.clone()).filter(|value| !value.is_empty())
                };
                let uses_dhcp = value("Network", "DHCP")
                    .is_some_and(|word| !matches!(word.as_str(), "no" | "false" | "none" | "off"));
                let has_address = value("Network", "Address").or_else(|| value("Address", "Address")).is_some();
                if !uses_dhcp && !has_address {
                    continue;
                }
                let mac = value("Match", "MACAddress").or_else(|| value("Match", "PermanentMACAddress"));
                self.interfaces.push(Interface {
                    name: value("Match", "Name").unwrap_or_else(|| "*".to_owned()),
                    uses_dhcp,
                    mac,
                    path,
                });
            }
        }
    }

    /// `ifcfg-…` of Red Hat and of SUSE.
    fn sysconfig(&mut self, scene: &Scene<'_>) {
        for directory in ["/etc/sysconfig/network-scripts", "/etc/sysconfig/network"] {
            let files =
                scene.guest.list(directory).into_iter().filter(|name| name.starts_with("ifcfg-")).take(FILES_MAX);
            for file in files {
                let name = file.trim_start_matches("ifcfg-").to_owned();
                let ends = [".bak", ".orig", ".rpmsave", ".rpmnew", ".rpmorig", "~", ".old", ".template"];
                if ends.iter().any(|end| name.ends_with(end)) {
                    continue;
                }
                let path = format!("{directory}/{file}");
                let text = scene.guest.text(&path).unwrap_or_default();
                let protocol = assigned(&text, "BOOTPROTO").unwrap_or_default().to_ascii_lowercase();
                let has_address = assignments(&text).any(|(key, value)| key.starts_with("IPADDR") && !value.is_empty());
                let uses_dhcp = protocol.starts_with("dhcp") || protocol == "bootp";
                if !uses_dhcp && !has_address {
                    continue;
                }
                let mac = assigned(&text, "HWADDR").filter(|mac| !mac.is_empty());
                self.interfaces.push(Interface { path, name, uses_dhcp, mac });
            }
        }
    }
}

/// The interfaces of a netplan file: keys two deep under `ethernets` and its like, with what lies below them.
fn netplan_interfaces(path: &str, text: &str) -> Vec<Interface> {
    const KINDS: [&str; 4] = ["ethernets", "bonds", "bridges", "vlans"];
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut section: Option<usize> = None;
    let mut depth: Option<usize> = None;
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        let words = line.trim_start();
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        let indent = line.len() - words.len();
        let (key, value) = words.split_once(':').unwrap_or((words, ""));
        let (key, value) = (key.trim().trim_matches(['"', '\'']), value.trim().trim_matches(['"', '\'']));
        if section.is_some_and(|section| indent <= section) {
            (section, depth) = (None, None);
        }
        match section {
            None => {
                if KINDS.contains(&key) {
                    section = Some(indent);
                }
            }
            Some(_) if *depth.get_or_insert(indent) == indent => {
                interfaces.push(Interface {
                    path: path.to_owned(),
                    name: key.to_owned(),
                    uses_dhcp: value.contains("dhcp4: true"),
                    mac: None,
                });
            }
            Some(_) => {
                let Some(interface) = interfaces.last_mut() else { continue };
                match key {
                    "dhcp4" | "dhcp6" => interface.uses_dhcp |= matches!(value, "true" | "yes" | "on"),
                    "macaddress" => interface.mac = Some(value.to_owned()),
                    // `match: {macaddress: …}` on one line.
                    "match" if value.contains("macaddress") => interface.mac = Some(value.to_owned()),
                    _ => {}
                }
            }
        }
    }
    interfaces
}
