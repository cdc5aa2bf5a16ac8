//! Structured logs on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{ConfigError, Resolved};

/// Starts logging as the settings say.
pub(crate) fn start(settings: &Resolved) -> Result<(), ConfigError> {
    let filter = settings.text("log").unwrap_or_default();
    let filter = EnvFilter::try_new(&filter).map_err(|error| settings.refuse("log", error.to_string()))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    match settings.text("log_format").as_deref() {
        Some("text") => builder.init(),
        Some("json") => builder.json().flatten_event(true).init(),
        _ => return Err(settings.refuse("log_format", "text or json")),
    }
    Ok(())
}
