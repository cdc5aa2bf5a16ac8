//! Programs that serve the cloud from inside.

use super::machine::{Machine, START_ON_ITS_OWN};
use crate::error::Result;
use crate::report::{Item, ItemName, Os, Risk};
use crate::text::clean_word;

/// Cloudbase-Init's directory in both directories of programs, its service, and its key.
const CLOUDBASE: &str = "Cloudbase Solutions/Cloudbase-Init";
const CLOUDBASE_SERVICE: &str = "cloudbase-init";
const CLOUDBASE_KEY: &str = "Cloudbase Solutions\\Cloudbase-Init";
const PROGRAMS: [&str; 2] = ["/Program Files", "/Program Files (x86)"];

/// Where a program is below one of the directories of programs.
fn program(machine: &Machine<'_>, path: &str) -> Result<Option<String>> {
    for programs in PROGRAMS {
        let path = format!("{programs}/{path}");
        if machine.tree().exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What gives a Windows its name, password and keys.
pub(super) fn cloudbase_init(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let Some(path) = program(machine, CLOUDBASE)? else {
        let detail = "Cloudbase-Init is not installed: host name, password and keys cannot be given to the machine.";
        return Ok(Some(Item::problem(ItemName::CloudInit, "NotInstalled", Risk::Medium, "NotInstalled", detail)));
    };
    let version = clean_word(machine.software_text(CLOUDBASE_KEY, "Version")?.unwrap_or_default());
    let value = if version.is_empty() { "Installed" } else { &version };
    let service = machine.service(CLOUDBASE_SERVICE)?;
    Ok(Some(if service.is_some_and(|service| service.start > START_ON_ITS_OWN) {
        let detail = format!("Cloudbase-Init is in {path}, but its service does not start on its own.");
        Item::problem(ItemName::CloudInit, value, Risk::Medium, "Disabled", detail)
    } else {
        Item::fine(ItemName::CloudInit, value, format!("Cloudbase-Init is in {path}."))
    }))
}

/// The agent through which the hypervisor asks for quiet file systems.
pub(super) fn guest_agent(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let installed = machine.has_service("QEMU-GA")? || program(machine, "Qemu-ga")?.is_some();
    let (value, detail) = if installed {
        ("Installed", "The QEMU guest agent is installed.")
    } else {
        ("NotInstalled", "The QEMU guest agent is not installed.")
    };
    Ok(Some(Item::fine(ItemName::GuestAgent, value, detail)))
}

pub(super) fn cloud_assistant(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let installed = machine.has_service("AliyunService")? || machine.tree().is_dir("/ProgramData/aliyun/assist")?;
    Ok(Some(agent(ItemName::CloudAssistant, installed, "Cloud Assistant")))
}

pub(super) fn security_agent(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let installed = machine.has_service("Aegis")? || program(machine, "Alibaba/Aegis")?.is_some();
    Ok(Some(agent(ItemName::SecurityCenterAgent, installed, "The agent of Security Center")))
}

/// An agent that one cloud offers: good to know, no risk.
fn agent(name: ItemName, installed: bool, what: &str) -> Item {
    if installed {
        Item::fine(name, "Installed", format!("{what} is installed."))
    } else {
        Item::problem(name, "NotInstalled", Risk::Info, "NotInstalled", format!("{what} is not installed."))
    }
}
