//! What an operator may set about the store. Never holds components (backend, index, clock).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chunk::ChunkSize;
use crate::error::{Error, Result};
use crate::pack::MAX_PACK_TARGET_BYTES;

/// The store's settings. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Mean length of a data chunk in bytes: 16, 32 or 64 KiB. Changing it keeps everything readable, but new
    /// content no longer shares chunks with old. Default 32 KiB.
    pub chunk_mean_bytes: u32,
    /// A pack is closed once it holds this many bytes, 1 to 128 MiB. Default 64 MiB.
    pub pack_target_bytes: u64,
    /// How long the protection of unfinished bytes outlives a node that died, in seconds. Default 60.
    pub lease_ttl_secs: u32,
    /// How long unfinished bytes stay protected at most, however long their sender takes, in seconds; while they are,
    /// nothing younger than them is collected. At least `lease_ttl_secs`. Default 259200, three days.
    pub lease_max_secs: u32,
    /// Memory for map pages whose chunks are located, in bytes. Default 64 MiB.
    pub page_cache_bytes: u64,
    /// How far the clocks of two nodes may differ, in seconds; collection treats younger differences as unordered.
    /// Default 120.
    pub clock_skew_secs: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chunk_mean_bytes: 32 * 1024,
            pack_target_bytes: 64 << 20,
            lease_ttl_secs: 60,
            lease_max_secs: 3 * 86_400,
            page_cache_bytes: 64 << 20,
            clock_skew_secs: 120,
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<ChunkSize> {
        if !(1 << 20..=MAX_PACK_TARGET_BYTES).contains(&self.pack_target_bytes) {
            return Err(Error::invalid("setting pack_target_bytes must be 1 MiB to 128 MiB"));
        }
        if !(3..=86_400).contains(&self.lease_ttl_secs) {
            return Err(Error::invalid("setting lease_ttl_secs must be 3 to 86400"));
        }
        if self.lease_max_secs < self.lease_ttl_secs {
            return Err(Error::invalid("setting lease_max_secs must not be less than lease_ttl_secs"));
        }
        ChunkSize::new(self.chunk_mean_bytes)
            .ok_or_else(|| Error::invalid("setting chunk_mean_bytes must be 16384, 32768 or 65536"))
    }

    pub(crate) fn lease_ttl(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_ttl_secs))
    }

    pub(crate) fn lease_max(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_max_secs))
    }

    pub(crate) fn clock_skew(&self) -> Duration {
        Duration::from_secs(u64::from(self.clock_skew_secs))
    }
}
