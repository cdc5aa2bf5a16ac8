//! Windows: what it is, whether it would start here and can be reached, from its registry and a few files.
//!
//! What lives here: the hive reader, the version, every item of the check for Windows, left-over secrets. What never does:
//! file systems, and anything that would need a hive to be written (logs of a hive are not replayed, that is said).

mod agents;
mod boot;
mod devices;
mod drivers;
mod hive;
mod hotfix;
mod leftovers;
mod machine;
mod network;
mod pe;
mod state;
#[cfg(test)]
mod tests;
mod version;

use machine::Machine;

use crate::error::{Error, Result};
use crate::report::{Finding, Item, ItemName, Os, Risk};
use crate::tree::Tree;
use crate::volumes::Found;

/// What is to be examined.
pub struct Scene<'a> {
    /// The system's tree: its top is the volume that holds the Windows directory.
    pub tree: &'a Tree,
    /// The name of that volume.
    pub root: &'a str,
    /// All volumes of the disk.
    pub volumes: &'a [Found],
}

/// What was learned.
#[derive(Debug, Default)]
pub struct Examined {
    /// The system.
    pub os: Os,
    /// Items, in the order of [`ItemName`].
    pub items: Vec<Item>,
    /// Left-over secrets and identities.
    pub findings: Vec<Finding>,
    /// Why the check ended early, if it did.
    pub trouble: Option<Error>,
}

/// The directories that Windows may be in.
const DIRECTORIES: [&str; 5] = ["/Windows", "/WINNT", "/WIN32", "/WIN", "/ReactOS"];

/// The Windows directory of a tree, if it has one: it holds `System32/config` and a command interpreter.
///
/// # Errors
/// What the file systems answer.
pub fn directory(tree: &Tree) -> Result<Option<&'static str>> {
    for directory in DIRECTORIES {
        if tree.is_dir(format!("{directory}/System32/config"))?
            && tree.is_file(format!("{directory}/System32/cmd.exe"))?
        {
            return Ok(Some(directory));
        }
    }
    Ok(None)
}

/// Examines the Windows of a tree. What cannot be read becomes an item that says so.
#[must_use]
pub fn examine(scene: &Scene<'_>) -> Examined {
    let mut examined = Examined::default();
    if let Err(error) = examine_into(scene, &mut examined) {
        examined.trouble = Some(error);
    }
    examined.items.sort_by_key(|item| item.name);
    examined
}

fn examine_into(scene: &Scene<'_>, examined: &mut Examined) -> Result<()> {
    let machine = Machine::open(scene)?;
    examined.os = version::os(&machine)?;
    examined.items.push(machine.registry_item());
    for (name, look) in LOOKS {
        match look(&machine, &examined.os) {
            Ok(Some(item)) => examined.items.push(item),
            Ok(None) => {}
            Err(error) if error.ends_the_check() => return Err(error),
            Err(error) => examined.items.push(Item::problem(
                *name,
                "Unknown",
                Risk::Medium,
                "Unreadable",
                format!("This could not be read: {error}."),
            )),
        }
    }
    let start = boot::examine(&machine)?;
    (examined.os.boots_bios, examined.os.boots_uefi) = (start.boots_bios, start.boots_uefi);
    examined.items.extend(start.items);
    leftovers::find(&machine, &mut examined.findings)
}

/// Looks at one thing; none when it does not matter on this system.
type Look = fn(&Machine<'_>, &Os) -> Result<Option<Item>>;

/// What is looked at, besides the start and the registry itself.
const LOOKS: &[(ItemName, Look)] = &[
    (ItemName::Platform, version::platform),
    (ItemName::OsVersion, version::os_version),
    (ItemName::Architecture, version::architecture),
    (ItemName::KernelVersion, version::kernel_version),
    (ItemName::SupportMocInstanceTypes, version::instance_types),
    (ItemName::SystemImage, boot::system_image),
    (ItemName::Virtio, drivers::virtio),
    (ItemName::Nvme, drivers::nvme),
    (ItemName::Dhcp, network::dhcp),
    (ItemName::RemoteDesktop, network::remote_desktop),
    (ItemName::Firewall, network::firewall),
    (ItemName::CloudInit, agents::cloudbase_init),
    (ItemName::GuestAgent, agents::guest_agent),
    (ItemName::CloudAssistant, agents::cloud_assistant),
    (ItemName::SecurityCenterAgent, agents::security_agent),
    (ItemName::FileSystem, state::file_system),
    (ItemName::RtcTimeMode, state::clock),
    (ItemName::Sysprep, state::sysprep),
    (ItemName::Update, state::update),
    (ItemName::Hotfix, hotfix::hotfix),
    (ItemName::Disk, devices::disk_filters),
    (ItemName::Xen, devices::xen),
    (ItemName::Server, devices::installation),
    (ItemName::DesktopConfig, devices::desktop),
];

/// The type of a volume that BitLocker has encrypted.
const BITLOCKER: &str = "BitLocker";

/// What is to be said of a disk whose system nobody can look at because BitLocker has encrypted it; none when no volume
/// is encrypted so.
#[must_use]
pub fn locked_item(volumes: &[Found]) -> Option<Item> {
    let locked = locked_volumes(volumes);
    (!locked.is_empty()).then(|| {
        let detail = format!(
            "Volume {} is encrypted with BitLocker: its keys are bound to the machine it came from. Turn BitLocker off before the image is made.",
            locked.join(", ")
        );
        Item::problem(ItemName::FileSystem, "Encrypted", Risk::Error, "BitLocker", detail)
    })
}

fn locked_volumes(volumes: &[Found]) -> Vec<&str> {
    let is_locked = |found: &&Found| found.volume.content.as_deref() == Some(BITLOCKER);
    volumes.iter().filter(is_locked).map(|found| found.volume.name.as_str()).collect()
}
