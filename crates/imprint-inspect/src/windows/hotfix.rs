//! Installed updates that are known to harm, and one that old systems need.

use super::machine::Machine;
use super::version::number_of;
use crate::error::Result;
use crate::report::{Item, ItemName, Os, Risk};

/// Packages of updates, below the hive `SOFTWARE`.
const PACKAGES: &str = "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages";

/// The state of a package that is installed.
const INSTALLED: u64 = 0x70;

/// Updates of January 2022 (servers that restart, hypervisors that do not start) and of June 2022 (no network after them).
const HARMFUL: [&str; 10] = [
    "KB5009624",
    "KB5009595",
    "KB5009546",
    "KB5009557",
    "KB5009555",
    "KB5014738",
    "KB5014702",
    "KB5014692",
    "KB5014678",
    "KB5009543",
];

/// The update with which 7 and Server 2008 R2 accept drivers signed with SHA-256, as all newer ones are.
const NEEDED_BY_6_1: &str = "KB3033929";

/// Which updates are there that should not be, and which are not that should.
pub(super) fn hotfix(machine: &Machine<'_>, os: &Os) -> Result<Option<Item>> {
    let mut harmful = Vec::new();
    let mut has_needed = false;
    let mut count = 0;
    if let Some((hive, packages)) = machine.software_key(PACKAGES)? {
        for package in hive.children(&packages)? {
            let Some(number) = number_in(&package.name) else { continue };
            let state = hive.value(&package, "CurrentState")?.and_then(|value| value.number());
            if state != Some(INSTALLED) {
                continue;
            }
            count += 1;
            has_needed |= number == NEEDED_BY_6_1;
            if let Some(known) = HARMFUL.iter().find(|known| **known == number && !harmful.contains(*known)) {
                harmful.push(*known);
            }
        }
    }
    Ok(Some(if !harmful.is_empty() {
        let detail = format!(
            "These updates keep machines from starting or from the network: {}. Uninstall or replace them.",
            harmful.join(", ")
        );
        Item::problem(ItemName::Hotfix, harmful.join(","), Risk::High, "Harmful", detail)
    } else if number_of(&os.version) == (6, 1) && !has_needed {
        let detail = format!("{NEEDED_BY_6_1} is not installed: drivers signed with SHA-256 are not accepted.");
        Item::problem(ItemName::Hotfix, "Missing", Risk::High, "Missing", detail)
    } else {
        Item::fine(ItemName::Hotfix, "Fine", format!("{count} packages of updates; none that is known to harm."))
    }))
}

/// `KB` and its digits in a package's name: `Package_for_KB5009624~31bf3856ad364e35~amd64~~10.0.1.2`.
fn number_in(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let rest = &upper[upper.find("KB")? + 2..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| format!("KB{}", &rest[..digits]))
}
