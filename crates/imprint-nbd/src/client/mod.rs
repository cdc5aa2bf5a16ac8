//! A client, for QEMU's own exports on this machine: one request at a time, every answer checked and bounded.

mod handshake;
mod reply;

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::error::Error;
use crate::stream::{BoxStream, Stream};
use crate::wire::{Request, command};

/// Longest read, bytes (what every server takes).
pub const READ_BYTES_MAX: u64 = 32 << 20;
/// What one question for the status covers at most.
const STATUS_BYTES_MAX: u64 = 1 << 31;
/// Small parts of answers are read together.
const BUFFER_BYTES: usize = 64 << 10;

/// A connection to one export. When a request fails with anything but [`Error::Answered`] or [`Error::Invalid`], or is
/// dropped before it has ended, the connection cannot be used again, and every later request says so.
pub struct Client {
    stream: BoxStream,
    size_bytes: u64,
    structured: bool,
    /// Contexts that the server gives, with its numbers for them, in the order they were asked for.
    contexts: Vec<(String, u32)>,
    cookie: u64,
    /// Whether what comes next on the connection is known.
    in_step: bool,
}

/// What one context says of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextStatus {
    /// The context's name.
    pub context: String,
    /// From the beginning of the range on, without gaps; never empty, never past the range.
    pub extents: Vec<StatusExtent>,
}

/// A stretch of one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusExtent {
    /// Its length, bytes; not 0.
    pub len: u64,
    /// What its context says: [`STATE_HOLE`](crate::STATE_HOLE) and [`STATE_ZERO`](crate::STATE_ZERO) for
    /// `base:allocation`, 1 for what is dirty for `qemu:dirty-bitmap:…`.
    pub flags: u32,
}

impl Client {
    /// Connects to a Unix socket and opens an export, asking for metadata contexts by name. Those that the server does
    /// not have are left out: see [`Client::has_context`].
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such export, [`Error::Io`], [`Error::Protocol`].
    pub async fn connect(socket: &Path, export: &str, contexts: &[&str]) -> Result<Client, Error> {
        let stream = UnixStream::connect(socket).await.map_err(Error::io("connecting"))?;
        Client::over(stream, export, contexts).await
    }

    /// As [`Client::connect`], over a connection that is there already.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn over(stream: impl Stream + 'static, export: &str, contexts: &[&str]) -> Result<Client, Error> {
        // what is written goes past this buffer
        let mut stream: BoxStream = Box::new(BufReader::with_capacity(BUFFER_BYTES, stream));
        let agreed = handshake::shake(&mut stream, export, contexts).await?;
        let handshake::Agreed { size_bytes, structured, contexts } = agreed;
        Ok(Client { stream, size_bytes, structured, contexts, cookie: 0, in_step: true })
    }

    /// Length of the disk, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Whether the server gives this context.
    #[must_use]
    pub fn has_context(&self, name: &str) -> bool {
        self.contexts.iter().any(|(context, _)| context == name)
    }

    /// The bytes of a range of at most [`READ_BYTES_MAX`], holes as zeros.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a range that does not lie on the disk or is too long, [`Error::Answered`] when the server
    /// cannot read it, otherwise what ended the connection.
    pub async fn read(&mut self, offset: u64, len: u64) -> Result<Bytes, Error> {
        self.require_inside(offset, len)?;
        if len > READ_BYTES_MAX {
            return Err(Error::Invalid(format!("one read of {len} bytes; at most {READ_BYTES_MAX}")));
        }
        if len == 0 {
            return Ok(Bytes::new());
        }
        let request = self.begin(command::READ, offset, len).await?;
        let read = if self.structured {
            reply::read_structured(&mut self.stream, &request).await
        } else {
            reply::read_simple(&mut self.stream, &request).await
        };
        self.end(read)
    }

    /// What every context says of a range, from its beginning on; for a long range it may cover only the first part:
    /// ask again from where an answer ends. Contexts stand in the order they were asked for when connecting.
    ///
    /// # Errors
    /// As [`Client::read`]; [`Error::Invalid`] also when no context was agreed on, or the range is empty.
    pub async fn block_status(&mut self, offset: u64, len: u64) -> Result<Vec<ContextStatus>, Error> {
        self.require_inside(offset, len)?;
        if self.contexts.is_empty() || len == 0 {
            return Err(Error::Invalid("no status of nothing, or without a context".to_owned()));
        }
        let request = self.begin(command::BLOCK_STATUS, offset, len.min(STATUS_BYTES_MAX)).await?;
        let told = reply::status(&mut self.stream, &request, &self.contexts).await;
        self.end(told)
    }

    fn require_inside(&self, offset: u64, len: u64) -> Result<(), Error> {
        match offset.checked_add(len) {
            Some(end) if end <= self.size_bytes => Ok(()),
            _ => Err(Error::Invalid(format!("{len} bytes at {offset} do not lie on a disk of {}", self.size_bytes))),
        }
    }

    /// Sends a request. Until [`Client::end`] the connection counts as out of step.
    async fn begin(&mut self, command: u16, offset: u64, len: u64) -> Result<Request, Error> {
        if !std::mem::replace(&mut self.in_step, false) {
            return Err(Error::protocol("an earlier request on this connection did not end"));
        }
        self.cookie += 1;
        let len = u32::try_from(len).map_err(|_| Error::Invalid(format!("one request for {len} bytes")))?;
        let request = Request { flags: 0, command, cookie: self.cookie, offset, len };
        self.stream.write_all(&request.encode()).await.map_err(Error::io("sending a request"))?;
        self.stream.flush().await.map_err(Error::io("sending a request"))?;
        Ok(request)
    }

    fn end<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        self.in_step = matches!(answer, Ok(_) | Err(Error::Answered { .. }));
        answer
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Client { size_bytes, structured, contexts, in_step, .. } = self;
        f.debug_struct("Client")
            .field("size_bytes", size_bytes)
            .field("structured", structured)
            .field("contexts", contexts)
            .field("in_step", in_step)
            .finish_non_exhaustive()
    }
}
