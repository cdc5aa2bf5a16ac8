//! What an operator can set of the engine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

imprint_model::words! {
    /// The digest that is kept beside MD5 for every image.
    HashAlgorithm {
        /// Twice as fast as SHA-512 where the processor helps.
        Sha256 = "sha256",
        /// What clients of long standing expect.
        Sha512 = "sha512",
    }
}

imprint_model::words! {
    /// What is done with bytes that the safety rules speak against. Those that refer to other files are refused in any
    /// case.
    SafetyPolicy {
        /// They are not taken.
        Refuse = "refuse",
        /// They are kept from everybody but administrators.
        Quarantine = "quarantine",
        /// They are taken, and the image says what speaks against them.
        Report = "report",
    }
}

imprint_model::words! {
    /// Which images are looked into.
    CheckPolicy {
        /// Those whose makers ask for it.
        Asked = "asked",
        /// All of them.
        Always = "always",
    }
}

imprint_model::words! {
    /// What imports of disks in other formats than raw become; single uploads stay what they are.
    ImportConversion {
        /// They stay what they are.
        None = "none",
        /// The disk that a machine sees.
        Raw = "raw",
    }
}

/// Where exports can be read over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct NbdListener {
    /// Address and port.
    pub address: SocketAddr,
    /// Whether nothing is said there but over TLS.
    pub tls: bool,
}

/// Settings of the engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The regions of this installation, the first being where images are made that name none.
    pub regions: Vec<String>,
    /// Buckets that images are imported from and exported to: name → URL (`file:…`, `s3://…`).
    pub buckets: BTreeMap<String, String>,
    /// Directory whose sub-directories are buckets, too, each by its own name; none when there is no such directory.
    pub buckets_dir: Option<PathBuf>,
    /// Limits on images and accounts.
    pub limits: Limits,
    /// The digest kept beside MD5.
    pub hash_algorithm: HashAlgorithm,
    /// Whether an upload whose bytes are not of the declared disk format is refused.
    pub check_format_match: bool,
    /// What is done with bytes that could harm whoever uses them.
    pub safety_policy: SafetyPolicy,
    /// Which images are looked into once they are complete.
    pub check_images: CheckPolicy,
    /// Images that one node looks into at one time.
    pub checks_at_once: usize,
    /// What imports become.
    pub import_conversion: ImportConversion,
    /// Ports that imports may fetch from.
    pub import_ports: Vec<u16>,
    /// Hosts that imports may fetch from on any port and at any address.
    pub import_trusted_hosts: Vec<String>,
    /// Seconds between two looks for dead uploads.
    pub recover_secs: u64,
    /// Seconds between two collections of unused bytes; 0 for never.
    pub collect_secs: u64,
    /// Seconds that bytes nobody refers to are kept before they are collected.
    pub collect_grace_secs: u64,
    /// Seconds after which stored bytes count as cold and are compressed.
    pub compress_after_secs: u64,
    /// Memory for what is read over NBD, of all exports together, MiB.
    pub nbd_cache_mib: u64,
    /// Where exports can be read over the network; none where they cannot.
    pub nbd: Option<NbdListener>,
    /// Seconds that a machine has to shut down before it is cut off.
    pub machine_stop_secs: u64,
    /// Most memory that one machine gets, MiB; what its size promises otherwise.
    pub machine_memory_mib_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            regions: vec!["local-1".to_owned()],
            buckets: BTreeMap::new(),
            buckets_dir: None,
            limits: Limits::default(),
            hash_algorithm: HashAlgorithm::Sha512,
            check_format_match: true,
            safety_policy: SafetyPolicy::Refuse,
            check_images: CheckPolicy::Asked,
            checks_at_once: 1,
            import_conversion: ImportConversion::None,
            import_ports: vec![80, 443],
            import_trusted_hosts: Vec::new(),
            recover_secs: 10,
            collect_secs: 3600,
            collect_grace_secs: 24 * 3600,
            compress_after_secs: 24 * 3600,
            nbd_cache_mib: 256,
            nbd: None,
            machine_stop_secs: 60,
            machine_memory_mib_max: 4096,
        }
    }
}

impl Settings {
    /// The region of images that name none.
    pub fn home_region(&self) -> &str {
        self.regions.first().map_or("", String::as_str)
    }
}
