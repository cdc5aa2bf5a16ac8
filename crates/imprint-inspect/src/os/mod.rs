//! Which operating system a tree holds.
//!
//! What lives here: distribution, version, architecture, host name of Linux and its relatives. What never does: whether
//! that is any good.

mod architecture;
mod distribution;

use crate::guest::Guest;
use crate::report::Os;
use crate::settings::assigned;
use crate::text::clean_word;

/// What is known from the tree alone.
pub(crate) fn detect(guest: &Guest) -> Os {
    let found = distribution::detect(guest);
    Os {
        kind: "linux".to_owned(),
        distribution: clean_word(found.id).to_ascii_lowercase(),
        version: clean_word(found.version),
        pretty_name: clean_word(found.pretty_name),
        architecture: architecture::detect(guest),
        host_name: host_name(guest).map(clean_word).filter(|name| !name.is_empty()),
        ..Os::default()
    }
}

fn host_name(guest: &Guest) -> Option<String> {
    let first_line = |path: &str| {
        let text = guest.text(path)?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        Some(line.to_owned())
    };
    first_line("/etc/hostname")
        .or_else(|| first_line("/etc/HOSTNAME"))
        .or_else(|| assigned(&guest.text("/etc/sysconfig/network")?, "HOSTNAME"))
        .or_else(|| assigned(&guest.text("/etc/rc.conf")?, "hostname"))
}
