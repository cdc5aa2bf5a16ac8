//! TLS for exports: a certificate and its key, read once at start.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use imprint_nbd::{BoxStream, Upgrade};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What makes connections into encrypted ones.
pub(super) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the certificate chain and its key.
    pub(super) fn open(cert: &Path, key: &Path) -> io::Result<Self> {
        let at = |path: &Path, error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
        let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(|error| at(cert, &error))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| at(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|error| at(cert, &error))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

#[async_trait]
impl Upgrade for Tls {
    async fn upgrade(&self, stream: BoxStream) -> io::Result<BoxStream> {
        Ok(Box::new(self.0.accept(stream).await?))
    }
}
