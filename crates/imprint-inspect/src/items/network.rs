//! Whether a machine gets its address where it is, or brings one along.

use crate::report::{Item, ItemName, PackageFormat, Risk};
use crate::settings::{assigned, assignments, sections};
use crate::text::clean_word;

use super::{Problems, Scene, cloud, enabled_script, enabled_unit};

/// How many files of one kind are read.
const FILES_MAX: usize = 64;

/// How many interfaces are looked at.
const INTERFACES_MAX: usize = 256;

/// What a network interface is told to do.
struct Interface {
    /// The file that says so.
    path: String,
    name: String,
    address: Address,
    /// The hardware address that it is bound to.
    mac: Option<String>,
}

/// How an interface comes to its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    /// From the network.
    Dhcp,
    Fixed,
    /// Not at all, or by something else.
    None,
}

impl Address {
    fn dhcp_or_fixed(is_dhcp: bool) -> Address {
        if is_dhcp { Address::Dhcp } else { Address::Fixed }
    }
}

/// Whose configuration it is that asks for an address by DHCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Scripts that run a client of its own.
    Ifupdown,
    /// `ifcfg-…`, which scripts, NetworkManager and wicked understand.
    Sysconfig,
    /// A connection of NetworkManager.
    NetworkManager,
}

impl Asks {
    fn is_answered(self, scene: &Scene<'_>) -> bool {
        let manager = || {
            scene.guest.is_file("/usr/sbin/NetworkManager")
                || scene.package(&["NetworkManager", "network-manager"]).is_some()
        };
        let wicked = || scene.guest.is_file("/usr/sbin/wickedd") || scene.package(&["wicked"]).is_some();
        match self {
            Asks::Ifupdown => has_dhcp_client(scene),
            Asks::Sysconfig => has_dhcp_client(scene) || manager() || wicked(),
            Asks::NetworkManager => manager(),
        }
    }
}

/// What all files say together.
#[derive(Default)]
struct Network {
    interfaces: Vec<Interface>,
    /// What asks by DHCP here: each needs one of its clients.
    asks: Vec<Asks>,
    /// Whether cloud-init writes its files anew when a machine starts: then what is in them is of no account.
    is_rewritten: bool,
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
    let with = |address| network.interfaces.iter().filter(move |interface| interface.address == address);
    let (by_dhcp, fixed): (Vec<&Interface>, Vec<&Interface>) =
        (with(Address::Dhcp).collect(), with(Address::Fixed).collect());
    let is_static = !fixed.is_empty() && by_dhcp.is_empty();
    if is_static {
        let names: Vec<String> =
            fixed.iter().map(|interface| format!("{} ({})", interface.name, interface.path)).collect();
        problems.add(
            Risk::High,
            "Static",
            format!("Only fixed addresses are set, and none by DHCP: {}.", names.join(", ")),
        );
    } else if !network.asks.is_empty() && !network.asks.iter().any(|asks| asks.is_answered(scene)) {
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
    const CLIENTS: [&str; 6] =
        ["/sbin/dhclient", "/usr/sbin/dhclient", "/sbin/dhcpcd", "/usr/sbin/dhcpcd", "/sbin/udhcpc", "/usr/sbin/pump"];
    // elsewhere busybox is a tool of the initramfs, and `udhcpc` a package of its own
    let brings_udhcpc = scene.os.package_format == Some(PackageFormat::Apk) && scene.package(&["busybox"]).is_some();
    brings_udhcpc || CLIENTS.iter().any(|path| scene.guest.is_file(path))
}

/// Whether a rules file really gives names to addresses.
fn binds_names(text: &str) -> bool {
    let rules = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    rules.into_iter().any(|line| line.contains("ATTR{address}") && line.contains("NAME="))
}

impl Network {
    fn read(scene: &Scene<'_>) -> Network {
        let is_rewritten = cloud::is_enabled(scene) && !cloud::leaves_network_alone(scene);
        let mut network = Network { is_rewritten, ..Network::default() };
        network.ifupdown(scene);
        network.netplan(scene);
        network.network_manager(scene);
        network.networkd(scene);
        network.sysconfig(scene);
        network
    }

    /// The text of a file, unless it is written anew before it is read.
    fn text(&self, scene: &Scene<'_>, path: &str) -> Option<String> {
        let text = scene.guest.text(path)?;
        (!self.is_rewritten || !cloud::wrote(path, &text)).then_some(text)
    }

    fn add(&mut self, mut interface: Interface) {
        if interface.name != "lo" && self.interfaces.len() < INTERFACES_MAX {
            interface.name = clean_word(interface.name);
            interface.mac = interface.mac.map(clean_word);
            self.interfaces.push(interface);
        }
    }

    fn ask(&mut self, asks: Asks, is_asked: bool) {
        if is_asked && !self.asks.contains(&asks) {
            self.asks.push(asks);
        }
    }

    fn ifupdown(&mut self, scene: &Scene<'_>) {
        let mut paths = vec!["/etc/network/interfaces".to_owned()];
        let inner = scene.guest.list("/etc/network/interfaces.d").into_iter().take(FILES_MAX);
        paths.extend(inner.map(|name| format!("/etc/network/interfaces.d/{name}")));
        for path in paths {
            let stanzas = stanzas(&self.text(scene, &path).unwrap_or_default());
            // What is said of IPv6 matters where nothing is said of IPv4.
            let has_four = |name: &str| stanzas.iter().any(|stanza| stanza.name == name && !stanza.is_six);
            for stanza in stanzas.iter().filter(|stanza| !stanza.is_six || !has_four(&stanza.name)) {
                let address = match stanza.method.as_str() {
                    "dhcp" | "bootp" | "auto" => Address::Dhcp,
                    "static" => Address::Fixed,
                    _ => Address::None,
                };
                self.ask(Asks::Ifupdown, stanza.method == "dhcp");
                let (name, mac) = (stanza.name.clone(), stanza.mac.clone());
                self.add(Interface { path: path.clone(), name, address, mac });
            }
        }
    }

    /// Netplan's files, by the indentation of their lines: what is asked of them is in plain keys.
    fn netplan(&mut self, scene: &Scene<'_>) {
        for directory in ["/etc/netplan", "/run/netplan", "/usr/lib/netplan"] {
            for path in scene.guest.list_ending(directory, ".yaml").into_iter().take(FILES_MAX) {
                let text = self.text(scene, &path).unwrap_or_default();
                netplan_interfaces(&path, &text).into_iter().for_each(|interface| self.add(interface));
            }
        }
    }

    fn network_manager(&mut self, scene: &Scene<'_>) {
        for directory in ["/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections"] {
            for name in scene.guest.list(directory).into_iter().take(FILES_MAX) {
                let path = format!("{directory}/{name}");
                let text = self.text(scene, &path).unwrap_or_default();
                let settings = sections(&text);
                let value = |section: &str, key: &str| {
                    let found = settings.iter().rfind(|setting| setting.section == section && setting.key == key);
                    found.map(|setting| setting.value.to_owned()).filter(|value| !value.is_empty())
                };
                let kind = value("connection", "type").unwrap_or_default();
                if !matches!(kind.as_str(), "ethernet" | "802-3-ethernet" | "bond" | "bridge" | "vlan") {
                    continue;
                }
                let address = match value("ipv4", "method").as_deref() {
                    None | Some("auto") => Address::Dhcp,
                    Some("manual") => Address::Fixed,
                    Some(_) => Address::None,
                };
                self.ask(Asks::NetworkManager, address == Address::Dhcp);
                self.add(Interface {
                    name: value("connection", "interface-name").or_else(|| value("connection", "id")).unwrap_or(name),
                    address,
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
                let text = self.text(scene, &path).unwrap_or_default();
                let settings = sections(&text);
                let value = |section: &str, key: &str| {
                    let found = settings.iter().rfind(|setting| setting.section == section && setting.key == key);
                    found.map(|setting| setting.value.to_owned()).filter(|value| !value.is_empty())
                };
                let uses_dhcp = value("Network", "DHCP")
                    .is_some_and(|word| !matches!(word.as_str(), "no" | "false" | "none" | "off"));
                let has_address = value("Network", "Address").or_else(|| value("Address", "Address")).is_some();
                if !uses_dhcp && !has_address {
                    continue;
                }
                let mac = value("Match", "MACAddress").or_else(|| value("Match", "PermanentMACAddress"));
                self.add(Interface {
                    name: value("Match", "Name").unwrap_or_else(|| "*".to_owned()),
                    address: Address::dhcp_or_fixed(uses_dhcp),
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
                let text = self.text(scene, &path).unwrap_or_default();
                let protocol = assigned(&text, "BOOTPROTO").unwrap_or_default().to_ascii_lowercase();
                let has_address = assignments(&text).any(|(key, value)| key.starts_with("IPADDR") && !value.is_empty());
                let uses_dhcp = protocol.starts_with("dhcp") || protocol == "bootp";
                if !uses_dhcp && !has_address {
                    continue;
                }
                self.ask(Asks::Sysconfig, uses_dhcp);
                let mac = assigned(&text, "HWADDR").filter(|mac| !mac.is_empty());
                self.add(Interface { path, name, address: Address::dhcp_or_fixed(uses_dhcp), mac });
            }
        }
    }
}

/// A stanza of ifupdown.
struct Stanza {
    name: String,
    is_six: bool,
    method: String,
    mac: Option<String>,
}

/// The stanzas of a file of ifupdown that are about interfaces.
fn stanzas(text: &str) -> Vec<Stanza> {
    let mut stanzas: Vec<Stanza> = Vec::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("iface"), Some(name), Some(family), Some(method)) => {
                is_inside = stanzas.len() < INTERFACES_MAX;
                if is_inside {
                    let (name, method) = (clean_word(name), clean_word(method));
                    stanzas.push(Stanza { name, is_six: family == "inet6", method, mac: None });
                }
            }
            // `hwaddress ether 00:…`, or without the kind.
            (Some("hwaddress"), Some(first), second, _) if is_inside => {
                if let Some(stanza) = stanzas.last_mut() {
                    stanza.mac = Some(clean_word(second.unwrap_or(first)));
                }
            }
            _ => {}
        }
    }
    stanzas
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
                if interfaces.len() >= INTERFACES_MAX {
                    break;
                }
                interfaces.push(Interface {
                    path: path.to_owned(),
                    name: key.to_owned(),
                    address: Address::dhcp_or_fixed(value.contains("dhcp4: true")),
                    mac: None,
                });
            }
            Some(_) => {
                let Some(interface) = interfaces.last_mut() else { continue };
                match key {
                    "dhcp4" | "dhcp6" if matches!(value, "true" | "yes" | "on") => interface.address = Address::Dhcp,
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
