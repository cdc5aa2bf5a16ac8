//! What an operator may set about the listener. Never here: addresses of other systems, or anything a dialect decides.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits and deadlines of the listener. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen. Default `127.0.0.1:9292`.
    pub listen: SocketAddr,
    /// Connections served at once; further ones wait to be accepted. Default 10,000.
    pub connections_max: usize,
    /// Seconds a client has from the first byte of a request's head to its last. Default 10.
    pub header_read_secs: u64,
    /// Seconds a connection may stay open between requests. Default 75.
    pub keep_alive_idle_secs: u64,
    /// Seconds a client may send nothing in the middle of a request's content. Default 60.
    pub body_idle_secs: u64,
    /// Seconds a client may take nothing of a response that is ready for it. Default 60.
    pub write_idle_secs: u64,
    /// Seconds that requests in flight have to end once the server is told to stop. Default 30.
    pub drain_secs: u64,
    /// Bytes of a request's head; more is answered 431. Default 65,536.
    pub header_bytes_max: usize,
    /// Headers of a request; more is answered 431. Default 100.
    pub headers_max: usize,
    /// Bytes of path and query together; more is answered 414. Default 8,192.
    pub target_bytes_max: usize,
    /// Bytes read from a socket at once when content flows fast. Default 262,144, which gives pieces of 256 to 512 KiB.
    pub read_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9292)),
            connections_max: 10_000,
            header_read_secs: 10,
            keep_alive_idle_secs: 75,
            body_idle_secs: 60,
            write_idle_secs: 60,
            drain_secs: 30,
            header_bytes_max: 65_536,
            headers_max: 100,
            target_bytes_max: 8_192,
            read_bytes_max: 262_144,
        }
    }
}

/// A setting that cannot be served with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} must be between {min} and {max}, not {value}")]
pub struct SettingsError {
    /// Its key.
    pub setting: &'static str,
    /// What it was.
    pub value: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
}

/// The settings in the forms the server works with.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) connections_max: u32,
    pub(crate) header_read: Duration,
    pub(crate) keep_alive_idle: Duration,
    pub(crate) body_idle: Duration,
    pub(crate) write_idle: Duration,
    pub(crate) drain: Duration,
    pub(crate) header_bytes_max: usize,
    pub(crate) headers_max: usize,
    pub(crate) target_bytes_max: usize,
    pub(crate) read_bytes_max: usize,
}

const DAY_SECS: u64 = 86_400;

impl Settings {
    pub(crate) fn check(&self) -> Result<Limits, SettingsError> {
        let secs = |setting, value| within(setting, value, 1, DAY_SECS).map(Duration::from_secs);
        let count = |setting, value: usize, min, max| within(setting, value as u64, min, max).map(|_| value);
        Ok(Limits {
            connections_max: u32::try_from(count("connections_max", self.connections_max, 1, 1_000_000)?)
                .expect("a million fits"),
            header_read: secs("header_read_secs", self.header_read_secs)?,
            keep_alive_idle: secs("keep_alive_idle_secs", self.keep_alive_idle_secs)?,
            body_idle: secs("body_idle_secs", self.body_idle_secs)?,
            write_idle: secs("write_idle_secs", self.write_idle_secs)?,
            drain: secs("drain_secs", self.drain_secs)?,
            header_bytes_max: count("header_bytes_max", self.header_bytes_max, 8_192, 1 << 20)?,
            headers_max: count("headers_max", self.headers_max, 16, 10_000)?,
            target_bytes_max: count("target_bytes_max", self.target_bytes_max, 256, 65_534)?,
            read_bytes_max: count("read_bytes_max", self.read_bytes_max, 16_384, 16 << 20)?,
        })
    }
}

fn within(setting: &'static str, value: u64, min: u64, max: u64) -> Result<u64, SettingsError> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(SettingsError { setting, value, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_unknown_keys_and_senseless_values_are_refused() {
        let settings: Settings = serde_json::from_str(r#"{"drain_secs": 5}"#).expect("valid");
        assert_eq!(settings, Settings { drain_secs: 5, ..Settings::default() });
        assert!(settings.check().is_ok());
        assert!(serde_json::from_str::<Settings>(r#"{"drain_sec": 5}"#).is_err());
        let error = Settings { connections_max: 0, ..Settings::default() }.check().expect_err("refused");
        assert_eq!(error.to_string(), "connections_max must be between 1 and 1000000, not 0");
    }
}
