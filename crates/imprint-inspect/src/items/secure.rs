//! What may stand in the way for the sake of security: SELinux, firewalls.

use crate::report::{Item, ItemName, Risk};
use crate::settings::{assigned, means_yes};

use super::{Scene, enabled_script, enabled_unit};

pub(super) fn selinux(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Selinux;
    let entry = scene.boot.default_entry();
    let argument = |key: &str| entry.and_then(|entry| entry.argument(key));
    let mode = scene.guest.text("/etc/selinux/config").and_then(|text| assigned(&text, "SELINUX")).unwrap_or_default();
    let mode = mode.to_ascii_lowercase();
    if argument("selinux") == Some("0") || mode.is_empty() || mode == "disabled" {
        return Some(Item::fine(name, "Disabled", "SELinux is off."));
    }
    if mode == "permissive" || argument("enforcing") == Some("0") {
        return Some(Item::fine(name, "Permissive", "SELinux only writes down what it would forbid."));
    }
    if scene.guest.exists("/.autorelabel") {
        let detail = "SELinux is enforcing. All files get their labels at the next start, which takes its time.";
        return Some(Item::fine(name, "Enforcing", detail));
    }
    let detail = "SELinux is enforcing. What is written into the image from outside has no labels; then /.autorelabel is needed.";
    Some(Item::problem(name, "Enforcing", Risk::Medium, "Enforcing", detail))
}

/// Whether a firewall is on, by its name, and whether it lets SSH in.
type LookAtFirewall = fn(&Scene<'_>) -> Option<(&'static str, bool)>;

pub(super) fn firewall(scene: &Scene<'_>) -> Option<Item> {
    let name = ItemName::Firewall;
    let looks: [LookAtFirewall; 5] = [ufw, firewalld, nftables, iptables, susefirewall];
    let found: Vec<(&str, bool)> = looks.iter().filter_map(|look| look(scene)).collect();
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let value = names.join("+");
    Some(match found.iter().find(|(_, open)| !open) {
        Some((firewall, _)) => {
            let detail = format!("{firewall} is on, and no rule of its was found that lets SSH in.");
            Item::problem(name, value, Risk::Low, "SshBlocked", detail)
        }
        None if found.is_empty() => Item::fine(name, "None", "No firewall is on."),
        None => Item::fine(name, value, "SSH is let in."),
    })
}

fn ufw(scene: &Scene<'_>) -> Option<(&'static str, bool)> {
    let enabled = assigned(&scene.guest.text("/etc/ufw/ufw.conf")?, "ENABLED")?;
    let open =
        ["/etc/ufw/user.rules", "/lib/ufw/user.rules"].iter().filter_map(|path| scene.guest.text(path)).any(|text| {
            let accepts =
                |line: &str| line.starts_with("-A") && line.contains("--dport 22 ") && line.contains("ACCEPT");
            text.lines().any(accepts)
        });
    means_yes(&enabled).then_some(("ufw", open))
}

fn firewalld(scene: &Scene<'_>) -> Option<(&'static str, bool)> {
    let guest = scene.guest;
    enabled_unit(guest, &["firewalld.service"])?;
    let zone = guest
        .text("/etc/firewalld/firewalld.conf")
        .and_then(|text| assigned(&text, "DefaultZone"))
        .unwrap_or_else(|| "public".to_owned());
    let zones = [format!("/etc/firewalld/zones/{zone}.xml"), format!("/usr/lib/firewalld/zones/{zone}.xml")];
    let text = zones.iter().find_map(|path| guest.text(path));
    // The zone that every installation begins with lets SSH in.
    let open = text.is_none_or(|text| {
        text.contains("\"ssh\"") || text.contains("port=\"22\"") || text.contains("target=\"ACCEPT\"")
    });
    Some(("firewalld", open))
}

fn nftables(scene: &Scene<'_>) -> Option<(&'static str, bool)> {
    enabled_unit(scene.guest, &["nftables.service"]).or_else(|| enabled_script(scene.guest, &["nftables"]))?;
    let paths = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables.nft"];
    let text = paths.iter().find_map(|path| scene.guest.text(path))?;
    let drops = text
        .lines()
        .map(str::trim)
        .any(|line| line.contains("hook input") && (line.contains("policy drop") || line.contains("policy reject")));
    let lets_in =
        |line: &str| line.contains("dport") && (line.contains("22") || line.contains("ssh")) && line.contains("accept");
    Some(("nftables", !drops || text.lines().any(lets_in)))
}

fn iptables(scene: &Scene<'_>) -> Option<(&'static str, bool)> {
    let paths = [
        ("/etc/iptables/rules.v4", "netfilter-persistent"),
        ("/etc/sysconfig/iptables", "iptables"),
        ("/etc/iptables/rules-save", "iptables"),
    ];
    let (text, _) = paths.iter().find_map(|(path, service)| {
        let text = scene.guest.text(path)?;
        let unit = format!("{service}.service");
        let enabled = enabled_unit(scene.guest, &[unit.as_str()]).or_else(|| enabled_script(scene.guest, &[service]));
        Some((text, enabled?))
    })?;
    let input = |line: &&str| line.starts_with("-A INPUT");
    let closes = text.lines().any(|line| line.starts_with(":INPUT DROP"))
        || text.lines().filter(input).any(|line| line.ends_with("-j DROP") || line.contains("-j REJECT"));
    let lets_in =
        |line: &str| (line.contains("--dport 22 ") || line.contains("--dports 22")) && line.contains("ACCEPT");
    Some(("iptables", !closes || text.lines().filter(input).any(lets_in)))
}

fn susefirewall(scene: &Scene<'_>) -> Option<(&'static str, bool)> {
    enabled_unit(scene.guest, &["SuSEfirewall2.service"])
        .or_else(|| enabled_script(scene.guest, &["SuSEfirewall2_setup"]))?;
    let text = scene.guest.text("/etc/sysconfig/SuSEfirewall2")?;
    let services = ["FW_SERVICES_EXT_TCP", "FW_CONFIGURATIONS_EXT"]
        .iter()
        .filter_map(|key| assigned(&text, key))
        .collect::<Vec<_>>()
        .join(" ");
    Some(("SuSEfirewall2", services.split_whitespace().any(|word| word == "22" || word == "ssh" || word == "sshd")))
}
