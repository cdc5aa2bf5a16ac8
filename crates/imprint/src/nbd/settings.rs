//! The settings of NBD, checked together.

use std::net::SocketAddr;
use std::path::PathBuf;

use imprint_service::NbdListener;

use crate::config::{ConfigError, Resolved};

/// Where disks can be read over the network, and how.
#[derive(Debug, Clone)]
pub(crate) struct NbdSettings {
    /// Address and port; none for not at all.
    pub(crate) listen: Option<SocketAddr>,
    /// Files with the certificate chain and its key, PEM.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
}

impl NbdSettings {
    pub(crate) fn check(settings: &Resolved) -> Result<Self, ConfigError> {
        let tls = match (settings.text("nbd_tls_cert"), settings.text("nbd_tls_key")) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((PathBuf::from(cert), PathBuf::from(key))),
            (Some(_), None) => return Err(together(settings, "nbd_tls_key")),
            (None, Some(_)) => return Err(together(settings, "nbd_tls_cert")),
        };
        if settings.text("nbd_listen").is_none() {
            return Ok(Self { listen: None, tls });
        }
        let listen: SocketAddr = settings.parse("nbd_listen")?;
        if listen.port() == 0 {
            return Err(settings.refuse("nbd_listen", "must name a port, as names of exports are told with it"));
        }
        if tls.is_none() && !listen.ip().is_loopback() {
            let why = "must be a loopback address (127.0.0.1, ::1) unless nbd_tls_cert and nbd_tls_key are set";
            return Err(settings.refuse("nbd_listen", why));
        }
        Ok(Self { listen: Some(listen), tls })
    }

    /// What the engine tells those whom it gives names.
    pub(crate) fn listener(&self) -> Option<NbdListener> {
        self.listen.map(|address| NbdListener { address, tls: self.tls.is_some() })
    }
}

fn together(settings: &Resolved, key: &'static str) -> ConfigError {
    settings.refuse(key, "nbd_tls_cert and nbd_tls_key go together: give both or neither")
}
