//! What an operator can set.

use serde::{Deserialize, Serialize};

use crate::trusted::TrustedSettings;

/// Settings of identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a token is good, seconds. Default 86,400 (a day).
    pub token_lifetime_secs: u32,
    /// How long, at most, this node may go on trusting what another node has revoked, milliseconds. Default 2,000.
    /// Changes made on this node count at once.
    pub revocation_staleness_ms: u32,
    /// Failed log-ins of one user from one address before more are refused. Default 10.
    pub login_failures_max: u32,
    /// For how long they are counted and then refused, seconds. Default 60.
    pub login_window_secs: u32,
    /// Memory of one password hash, KiB. Default 19,456, the least that OWASP advises for argon2id with two passes.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash. Default 2.
    pub argon2_passes: u32,
    /// Password hashes computed at once. Default 2.
    pub login_workers: u32,
    /// An outside identity service to trust instead of the tokens made here.
    pub trusted: TrustedSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token_lifetime_secs: 86_400,
            revocation_staleness_ms: 2_000,
            login_failures_max: 10,
            login_window_secs: 60,
            argon2_memory_kib: 19_456,
            argon2_passes: 2,
            login_workers: 2,
            trusted: TrustedSettings::default(),
        }
    }
}
