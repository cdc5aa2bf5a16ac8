//! The server's side of one connection, read-only: a handshake that ends in time, then requests, several at once.

mod allocation;
mod answer;
mod handshake;
mod meta;
mod options;
mod pieces;
mod transmission;

use std::time::Duration;

use crate::error::Error;
use crate::exports::{Exports, Upgrade};
use crate::stream::Stream;

/// What one connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the handshake may take altogether.
    pub handshake: Duration,
    /// Requests that are worked on at once.
    pub requests: u32,
    /// Bytes of answers that are held at once, at least [`READ_BYTES_MAX`](crate::READ_BYTES_MAX).
    pub held_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { handshake: Duration::from_secs(30), requests: 16, held_bytes: 32 << 20 }
    }
}

/// Serves one connection until the client leaves. With `tls` nothing but the change to TLS is spoken in the clear.
///
/// # Errors
/// [`Error::Silent`] when the handshake takes too long, [`Error::Protocol`] and [`Error::Io`] when the client does not
/// keep to the protocol or goes away in the middle of something.
pub async fn serve(
    stream: impl Stream + 'static,
    exports: &dyn Exports,
    tls: Option<&dyn Upgrade>,
    limits: &Limits,
) -> Result<(), Error> {
    let shaken = handshake::shake(Box::new(stream), exports, tls);
    // boxed: it holds the whole state of a handshake, TLS included
    let shaken = tokio::time::timeout(limits.handshake, Box::pin(shaken)).await;
    match shaken.map_err(|_| Error::Silent)?? {
        Some(chosen) => transmission::transmit(chosen, limits).await,
        None => Ok(()),
    }
}
