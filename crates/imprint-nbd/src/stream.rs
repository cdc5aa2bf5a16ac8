//! What the protocol is spoken over.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection: a socket, TLS over one, or a pipe in memory.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Stream for T {}

/// Any connection.
pub type BoxStream = Box<dyn Stream>;
