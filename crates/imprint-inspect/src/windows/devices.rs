//! What was left in the registry by another hypervisor or by tools, and stands in the way of new devices.

use super::hive::Value;
use super::machine::{Machine, START_NEVER};
use crate::error::Result;
use crate::report::{Item, ItemName, Os, Risk};
use crate::text::clean_word;

/// The class of disks, and the one filter that Windows itself puts there.
const DISK_CLASS: &str = "Control\\Class\\{4d36e967-e325-11ce-bfc1-08002be10318}";
const PARTITION_MANAGER: &str = "partmgr";

/// Drivers of Xen under all their names.
const XEN_DRIVERS: [&str; 8] = ["xenpci", "xenbus", "xenvbd", "xenvif", "xennet", "xeniface", "xenfilt", "xendisk"];

/// Filters above the driver of disks: one whose file is gone keeps Windows from its disk.
pub(super) fn disk_filters(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let filters = machine.system(DISK_CLASS, "UpperFilters")?.map(Value::texts).unwrap_or_default();
    let (mut broken, mut foreign) = (Vec::new(), Vec::new());
    for filter in filters.iter().filter(|filter| !filter.eq_ignore_ascii_case(PARTITION_MANAGER)).take(64) {
        let service = machine.service(filter)?;
        let works = match service {
            Some(service) => machine.tree().is_file(&service.file)?,
            None => false,
        };
        if works { &mut foreign } else { &mut broken }.push(clean_word(filter));
    }
    let item = |risk, problem, detail| Item::problem(ItemName::Disk, "ForeignFilter", risk, problem, detail);
    Ok(Some(if !broken.is_empty() {
        let detail = format!(
            "The filters {} are above all disks, but not installed: Windows stops with 0x7B.",
            broken.join(", ")
        );
        item(Risk::Error, "BrokenFilter", detail)
    } else if !foreign.is_empty() {
        let detail = format!(
            "The filters {} are above all disks: uninstall the product that put them there.",
            foreign.join(", ")
        );
        item(Risk::Medium, "ForeignFilter", detail)
    } else {
        Item::fine(ItemName::Disk, "Clean", "No foreign filters are above the disks.")
    }))
}

/// Left-over drivers of Xen may hide the devices that are there now.
pub(super) fn xen(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let hidden = machine.system("Services\\XenPCI\\Parameters", "hide_devices")?.map(Value::texts).unwrap_or_default();
    if hidden.iter().any(|devices| !devices.trim().is_empty()) {
        let detail = "Left-over drivers of Xen hide devices (hide_devices): uninstall them.";
        return Ok(Some(Item::problem(ItemName::Xen, "Installed", Risk::High, "HidesDevices", detail)));
    }
    let mut installed = Vec::new();
    for name in XEN_DRIVERS {
        if machine.service(name)?.is_some_and(|service| service.start != START_NEVER) {
            installed.push(name);
        }
    }
    Ok(Some(if installed.is_empty() {
        Item::fine(ItemName::Xen, "NotInstalled", "No drivers of Xen are left.")
    } else {
        let detail = format!("Drivers of Xen are left: {}.", installed.join(", "));
        Item::problem(ItemName::Xen, "Installed", Risk::Low, "Installed", detail)
    }))
}

/// A machine that may not install devices cannot use its new disks and network cards.
pub(super) fn installation(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    for service in ["DeviceInstall", "PlugPlay"] {
        let path = format!("Services\\{service}\\Parameters");
        if machine.system_number(&path, "DeviceInstallDisabled")?.is_some_and(|number| number != 0) {
            let detail = format!("Devices may not be installed (DeviceInstallDisabled below {path}): set it to 0.");
            return Ok(Some(Item::problem(ItemName::Server, "Disabled", Risk::High, "DeviceInstallDisabled", detail)));
        }
    }
    Ok(Some(Item::fine(ItemName::Server, "Enabled", "New devices may be installed.")))
}

/// The file that Windows keeps in the directory of programs that start with a logon. One that lost its marks is opened in
/// an editor at each logon; a sound one has its section.
const DESKTOP_INI: &str = "/ProgramData/Microsoft/Windows/Start Menu/Programs/Startup/desktop.ini";
const DESKTOP_INI_BYTES: usize = 4096;

pub(super) fn desktop(machine: &Machine<'_>, _: &Os) -> Result<Option<Item>> {
    let Some(text) = machine.tree().read_start(DESKTOP_INI, DESKTOP_INI_BYTES)? else { return Ok(None) };
    let text = match text.strip_prefix(b"\xff\xfe") {
        Some(units) => super::hive::utf16(units),
        None => String::from_utf8_lossy(&text).into_owned(),
    };
    Ok(Some(if text.trim_start().starts_with('[') {
        Item::fine(ItemName::DesktopConfig, "Sound", format!("{DESKTOP_INI} is sound."))
    } else {
        let detail = format!("{DESKTOP_INI} is no settings file and will be shown at each logon.");
        Item::problem(ItemName::DesktopConfig, "Damaged", Risk::Low, "Damaged", detail)
    }))
}
