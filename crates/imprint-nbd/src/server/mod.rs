//! The server's side of one connection, read-only: a handshake that ends in time, then requests, several at once.

mod allocation;
mod answer;
mod handshake;
mod meta;
mod options;
mod pieces;
mod transmission;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::Error;
use crate::exports::{Exports, Upgrade};
use crate::stream::Stream;

/// What one connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the handshake may take altogether.
    pub handshake: Duration,
    /// How long the client may take to receive what it is sent of an answer at once.
    pub answer: Duration,
    /// Requests that are worked on at once.
    pub requests: u32,
    /// Bytes of answers that are held at once, at least [`READ_BYTES_MAX`](crate::READ_BYTES_MAX).
    pub held_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            handshake: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            requests: 16,
            held_bytes: 32 << 20,
        }
    }
}

/// What several connections may cost together.
#[derive(Debug, Clone)]
pub struct Shared {
    bytes: Arc<Semaphore>,
    bytes_max: u32,
}

impl Shared {
    /// Bytes of answers that all of them hold at once, at least as many as one of them may.
    pub fn new(held_bytes: u32) -> Shared {
        let places = usize::try_from(held_bytes).unwrap_or(Semaphore::MAX_PERMITS);
        Shared { bytes: Arc::new(Semaphore::new(places)), bytes_max: held_bytes }
    }
}

/// Serves one connection until the client leaves. With `tls` nothing but the change to TLS is spoken in the clear.
///
/// # Errors
/// [`Error::Silent`] when the handshake, or taking an answer, takes too long, [`Error::Protocol`] and [`Error::Io`] when
/// the client does not keep to the protocol or goes away in the middle of something.
pub async fn serve(
    stream: impl Stream + 'static,
    exports: &dyn Exports,
    tls: Option<&dyn Upgrade>,
    limits: &Limits,
    shared: &Shared,
) -> Result<(), Error> {
    let shaken = handshake::shake(Box::new(stream), exports, tls);
    // boxed: it holds the whole state of a handshake, TLS included
    let shaken = tokio::time::timeout(limits.handshake, Box::pin(shaken)).await;
    match shaken.map_err(|_| Error::Silent)?? {
        Some(chosen) => transmission::transmit(chosen, limits, shared).await,
        None => Ok(()),
    }
}
