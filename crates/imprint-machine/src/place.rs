//! Where things lie in the directory of machines. No other file here makes a path.

use std::path::{Path, PathBuf};

use crate::hypervisor::Error;

/// Longest name of a machine or overlay.
const NAME_LEN_MAX: usize = 96;
/// The ending of an overlay's file until it is whole.
pub(crate) const UNFINISHED: &str = "new";
/// Longest path of a socket (`sockaddr_un`, with its terminating zero).
pub(crate) const SOCKET_LEN_MAX: usize = 107;

/// The directory of machines.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

/// The directory of one machine.
#[derive(Debug, Clone)]
pub(crate) struct MachinePlace(PathBuf);

impl Place {
    pub(crate) fn at(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    pub(crate) fn disks(&self) -> PathBuf {
        self.0.join("disks")
    }

    /// An overlay's file.
    pub(crate) fn disk(&self, overlay: &str) -> Result<PathBuf, Error> {
        Ok(self.disks().join(format!("{}.qcow2", plain(overlay)?)))
    }

    /// An overlay's file until it is whole.
    pub(crate) fn unfinished_disk(&self, overlay: &str) -> Result<PathBuf, Error> {
        Ok(self.disks().join(format!("{}.{UNFINISHED}", plain(overlay)?)))
    }

    pub(crate) fn machines(&self) -> PathBuf {
        self.0.join("machines")
    }

    pub(crate) fn machine(&self, name: &str) -> Result<MachinePlace, Error> {
        Ok(MachinePlace(self.machines().join(plain(name)?)))
    }

    /// Of storage daemons: their process files and sockets.
    pub(crate) fn tools(&self) -> PathBuf {
        self.0.join("tools")
    }

    /// What disks held while they are captured; files here have no name once they are open.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }
}

impl MachinePlace {
    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    pub(crate) fn process_file(&self) -> PathBuf {
        self.0.join("pid")
    }

    pub(crate) fn qmp_socket(&self) -> PathBuf {
        self.0.join("qmp.sock")
    }

    pub(crate) fn console_socket(&self) -> PathBuf {
        self.0.join("tty.sock")
    }

    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.0.join("ga.sock")
    }

    pub(crate) fn nbd_socket(&self) -> PathBuf {
        self.0.join("nbd.sock")
    }

    pub(crate) fn sockets(&self) -> [PathBuf; 4] {
        [self.qmp_socket(), self.console_socket(), self.agent_socket(), self.nbd_socket()]
    }

    pub(crate) fn firmware_variables(&self) -> PathBuf {
        self.0.join("vars.fd")
    }

    pub(crate) fn seed(&self) -> PathBuf {
        self.0.join("seed.iso")
    }
}

/// Names are the engine's, but a path is made of them.
fn plain(name: &str) -> Result<&str, Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > NAME_LEN_MAX || !name.bytes().all(is_plain) {
        return Err(Error::Refused("names are of letters, digits and hyphens".to_owned()));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let place = Place::at("/m");
        for name in ["", "..", "../a", "a/b", "a.b", "a\0", &"a".repeat(NAME_LEN_MAX + 1)] {
            assert!(place.machine(name).is_err() && place.disk(name).is_err(), "{name:?}");
        }
        assert_eq!(place.disk("a-1").expect("a name"), Path::new("/m/disks/a-1.qcow2"));
    }
}
