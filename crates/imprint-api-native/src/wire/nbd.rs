//! Disks that are read over NBD.

use serde::{Deserialize, Serialize};

/// A name that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferNbd {
    /// For how many seconds it is to be good; an hour when absent.
    #[serde(default)]
    pub ttl_secs: Option<u32>,
}

/// A name under which a disk can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NbdOffer {
    /// Where and under which name, for `qemu-img`, `nbdcopy` and their kin. Whoever has it can read the disk.
    pub uri: String,
    /// The export's name alone.
    pub name: String,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// Until when it can be opened; who has opened it by then reads on.
    pub expires_at: String,
}
