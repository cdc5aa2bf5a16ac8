//! Configuration: one registry of settings, resolved from flags, environment and file, checked once at start.

mod args;
mod registry;
mod resolve;

pub(crate) use args::SettingArgs;
pub(crate) use resolve::{ConfigError, Resolved};
