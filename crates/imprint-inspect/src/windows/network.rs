//! Whether the machine gets an address and can be reached.

use super::hive::Value;
use super::machine::{Machine, START_NEVER};
use crate::error::Result;
use crate::report::{Item, ItemName, Os, Risk};

const INTERFACES: &str = "Services\\Tcpip\\Parameters\\Interfaces";
const REMOTE_DESKTOP: &str = "Control\\Terminal Server";
const REMOTE_DESKTOP_TCP: &str = "Control\\Terminal Server\\WinStations\\RDP-Tcp";
const FIREWALL: &str = "Services\\SharedAccess\\Parameters\\FirewallPolicy";

/// The port of remote desktop.
const PORT: u64 = 3389;

/// Interfaces with a fixed address keep it on another network, where nobody answers to it. A new network card gets a new
/// interface, which uses DHCP.
pub(super) fn dhcp(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let Some((hive, interfaces)) = machine.system_key(INTERFACES)? else {
        return Ok(Some(Item::fine(ItemName::Dhcp, "Enabled", "No interface is configured: each uses DHCP.")));
    };
    let (mut by_dhcp, mut fixed) = (0, 0);
    for interface in hive.children(&interfaces)? {
        let enabled = hive.value(&interface, "EnableDHCP")?.and_then(|value| value.number());
        let addresses = hive.value(&interface, "IPAddress")?.map(Value::texts).unwrap_or_default();
        let has_address = addresses.iter().any(|address| !matches!(address.as_str(), "" | "0.0.0.0"));
        match enabled {
            Some(0) if has_address => fixed += 1,
            // switched off without an address: a tunnel, or a card that no longer is
            Some(0) => {}
            Some(_) => by_dhcp += 1,
            None => {}
        }
    }
    let service_off = machine.service("Dhcp")?.is_some_and(|service| service.start == START_NEVER);
    let item = |risk, problem, detail: String| Item::problem(ItemName::Dhcp, "Disabled", risk, problem, detail);
    Ok(Some(if service_off {
        item(Risk::High, "ServiceDisabled", "The service DHCP Client is switched off.".to_owned())
    } else if fixed > 0 && by_dhcp == 0 {
        item(Risk::High, "Static", format!("{fixed} interfaces have a fixed address and none uses DHCP."))
    } else if by_dhcp == 0 && !hive.children(&interfaces)?.is_empty() {
        item(Risk::High, "Disabled", "No interface uses DHCP.".to_owned())
    } else {
        Item::fine(ItemName::Dhcp, "Enabled", format!("{by_dhcp} interfaces use DHCP, {fixed} have a fixed address."))
    }))
}

/// Remote desktop: allowed, at its port.
pub(super) fn remote_desktop(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let item =
        |value, risk, problem, detail: String| Item::problem(ItemName::RemoteDesktop, value, risk, problem, detail);
    // a value that is not there denies
    if machine.system_number(REMOTE_DESKTOP, "fDenyTSConnections")?.unwrap_or(1) != 0 {
        let detail =
            "Remote desktop is not allowed (fDenyTSConnections): allow it before the image is made.".to_owned();
        return Ok(Some(item("Disabled", Risk::Medium, "Disabled", detail)));
    }
    if machine.service("TermService")?.is_some_and(|service| service.start == START_NEVER) {
        let detail = "Remote desktop is allowed, but its service TermService is switched off.".to_owned();
        return Ok(Some(item("Disabled", Risk::Medium, "ServiceDisabled", detail)));
    }
    let port = machine.system_number(REMOTE_DESKTOP_TCP, "PortNumber")?.unwrap_or(PORT);
    if port != PORT {
        let detail = format!("Remote desktop listens on port {port}, not on {PORT}.");
        return Ok(Some(item("Enabled", Risk::Low, "OtherPort", detail)));
    }
    Ok(Some(Item::fine(ItemName::RemoteDesktop, "Enabled", format!("Remote desktop is allowed on port {PORT}."))))
}

/// Profiles of the firewall; the public one is what an unknown network gets.
const PROFILES: [&str; 3] = ["StandardProfile", "PublicProfile", "DomainProfile"];

/// A firewall that is on must let remote desktop through.
pub(super) fn firewall(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let mut is_on = false;
    let mut is_known = false;
    for profile in PROFILES {
        if let Some(number) = machine.system_number(&format!("{FIREWALL}\\{profile}"), "EnableFirewall")? {
            is_known = true;
            is_on |= number != 0 && profile != "DomainProfile";
        }
    }
    if !is_known {
        return Ok(None);
    }
    if !is_on {
        return Ok(Some(Item::fine(ItemName::Firewall, "Disabled", "The firewall is off for unknown networks.")));
    }
    let mut lets_through = false;
    if let Some((hive, rules)) = machine.system_key(&format!("{FIREWALL}\\FirewallRules"))? {
        hive.each_value(&rules, &mut |_, value| {
            lets_through |= value.text().is_some_and(|rule| admits_remote_desktop(&rule));
        })?;
    }
    Ok(Some(if lets_through {
        Item::fine(ItemName::Firewall, "Enabled", "The firewall is on and lets remote desktop through.")
    } else {
        Item::problem(
            ItemName::Firewall,
            "Enabled",
            Risk::Medium,
            "BlocksRemoteDesktop",
            "The firewall is on, and no active rule lets remote desktop through.",
        )
    }))
}

/// A rule is `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|…`; without profiles it is for all.
fn admits_remote_desktop(rule: &str) -> bool {
    let mut profiles = rule.split('|').filter_map(|part| part.strip_prefix("Profile=")).peekable();
    let for_unknown_networks = profiles.peek().is_none() || profiles.any(|profile| profile == "Public");
    let has = |wanted: &str| rule.split('|').any(|part| part.eq_ignore_ascii_case(wanted));
    for_unknown_networks
        && has("Action=Allow")
        && has("Active=TRUE")
        && has("Dir=In")
        && has("Protocol=6")
        && has(&format!("LPort={PORT}"))
}
