//! Left-over secrets and identities. Paths are reported, never contents.

use super::machine::{Machine, damaged_is_none};
use crate::error::Result;
use crate::report::{Finding, Risk};
use crate::text::clean;

/// The longest path of a finding, in characters.
const PATH_CHARS_MAX: usize = 512;

/// The most users whose directories are looked at.
const USERS_MAX: usize = 256;

/// The most files of one directory that are reported.
const FILES_MAX: usize = 64;

/// Files of the system: what they are, where, how bad.
const FILES: [(&str, &str, Risk); 8] = [
    ("installer-answers", "/unattend.xml", Risk::Medium),
    ("installer-answers", "/autounattend.xml", Risk::Medium),
    ("installer-answers", "{windows}/Panther/unattend.xml", Risk::Medium),
    ("installer-answers", "{windows}/Panther/Unattend/unattend.xml", Risk::Medium),
    ("installer-answers", "{windows}/System32/Sysprep/unattend.xml", Risk::Medium),
    ("memory-dump", "{windows}/MEMORY.DMP", Risk::Medium),
    ("authorized-keys", "/ProgramData/ssh/administrators_authorized_keys", Risk::Medium),
    ("cloud-init-instance", "/Program Files/Cloudbase Solutions/Cloudbase-Init/log/cloudbase-init.log", Risk::Low),
];

/// Files below a user's directory.
const USER_FILES: [(&str, &str, Risk); 9] = [
    ("authorized-keys", ".ssh/authorized_keys", Risk::Medium),
    ("private-key", ".ssh/id_rsa", Risk::High),
    ("private-key", ".ssh/id_ed25519", Risk::High),
    ("private-key", ".ssh/id_ecdsa", Risk::High),
    ("shell-history", "AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt", Risk::Low),
    ("shell-history", ".bash_history", Risk::Low),
    ("cloud-credentials", ".aws/credentials", Risk::High),
    ("cloud-credentials", ".aliyun/config.json", Risk::High),
    ("cloud-credentials", ".config/openstack/clouds.yaml", Risk::High),
];

/// Where hosts keep their keys for SSH.
const HOST_KEYS: &str = "/ProgramData/ssh";

/// Where a password for logging on by itself is kept, in clear text.
const WINLOGON: &str = "Microsoft\\Windows NT\\CurrentVersion\\Winlogon";

/// Adds all that is found.
pub(super) fn find(machine: &Machine<'_>, findings: &mut Vec<Finding>) -> Result<()> {
    let mut add = |kind: &str, path: &str, risk| {
        findings.push(Finding { kind: kind.to_owned(), path: clean(path, PATH_CHARS_MAX), risk });
    };
    for (kind, path, risk) in FILES {
        let path = path.replace("{windows}", machine.windows);
        if is_filled(machine, &path)? {
            add(kind, &path, risk);
        }
    }
    for name in names(machine, HOST_KEYS, FILES_MAX)? {
        if name.starts_with("ssh_host_") && name.ends_with("_key") {
            add("ssh-host-key", &format!("{HOST_KEYS}/{name}"), Risk::Low);
        }
    }
    for user in names(machine, "/Users", USERS_MAX)? {
        for (kind, path, risk) in USER_FILES {
            let path = format!("/Users/{user}/{path}");
            if is_filled(machine, &path)? {
                add(kind, &path, risk);
            }
        }
    }
    let password = damaged_is_none(machine.software_text(WINLOGON, "DefaultPassword"))?;
    if password.is_some_and(|password| !password.is_empty()) {
        add("stored-password", &format!("SOFTWARE\\{WINLOGON}\\DefaultPassword"), Risk::High);
    }
    Ok(())
}

/// Whether a path leads to a file with content.
fn is_filled(machine: &Machine<'_>, path: &str) -> Result<bool> {
    let file = damaged_is_none(machine.tree().open(path))?;
    Ok(file.is_some_and(|file| file.size_bytes() > 0))
}

fn names(machine: &Machine<'_>, path: &str, most: usize) -> Result<Vec<String>> {
    let mut names = damaged_is_none(machine.tree().list(path).map(Some))?.unwrap_or_default();
    names.truncate(most);
    Ok(names)
}
