//! The content of a request: read piece by piece or as a whole, never without a bound and never forever.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::wire::Wire;

/// How long a client may send nothing, where nothing else is said.
const IDLE_DEFAULT: Duration = Duration::from_secs(60);

/// Why a request's content could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the reader admits.
    #[error("the content is longer than {limit_bytes} bytes")]
    TooLarge {
        /// What is admitted.
        limit_bytes: u64,
    },
    /// The client stopped before the length it had declared, or before the last chunk.
    #[error("the content ended before its declared length")]
    Incomplete,
    /// The client sent nothing for too long.
    #[error("no content arrived for {} s", idle.as_secs())]
    TimedOut {
        /// How long was waited.
        idle: Duration,
    },
    /// The content breaks the rules of HTTP, or the connection failed.
    #[error("the content could not be received")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The content of a request.
#[derive(Debug)]
pub struct Body {
    source: Source,
    declared_bytes: Option<u64>,
    received_bytes: u64,
    idle: Duration,
}

#[derive(Debug)]
enum Source {
    Wire { incoming: Incoming, wire: Arc<Wire> },
    Memory(Option<Bytes>),
    Ended,
}

impl Body {
    pub(crate) fn incoming(incoming: Incoming, wire: Arc<Wire>, idle: Duration) -> Self {
        let declared_bytes = incoming.size_hint().exact();
        let source = if incoming.is_end_stream() {
            Source::Ended
        } else {
            wire.body_begins();
            Source::Wire { incoming, wire }
        };
        Self { source, declared_bytes, received_bytes: 0, idle }
    }

    /// A body without content.
    pub fn empty() -> Self {
        Self { source: Source::Ended, declared_bytes: Some(0), received_bytes: 0, idle: IDLE_DEFAULT }
    }

    /// The length the client declared (0 for a request without content); none when it sends chunks.
    pub fn content_length(&self) -> Option<u64> {
        self.declared_bytes
    }

    /// How many bytes have been read so far.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// The next piece, up to a few hundred KiB, never empty; none when all has come.
    pub async fn next_chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            match &mut self.source {
                Source::Ended => return None,
                Source::Memory(bytes) => {
                    let bytes = bytes.take().unwrap_or_default();
                    self.source = Source::Ended;
                    return self.received(bytes);
                }
                Source::Wire { incoming, wire } => {
                    let Ok(next) = tokio::time::timeout(self.idle, next_frame(incoming)).await else {
                        self.source = Source::Ended;
                        return Some(Err(BodyError::TimedOut { idle: self.idle }));
                    };
                    match next {
                        None => {
                            wire.body_ended();
                            self.source = Source::Ended;
                        }
                        Some(Err(error)) => {
                            self.source = Source::Ended;
                            return Some(Err(classify(error)));
                        }
                        Some(Ok(bytes)) if bytes.is_empty() => {}
                        Some(Ok(bytes)) => {
                            wire.received(bytes.len());
                            if incoming.is_end_stream() {
                                wire.body_ended();
                            }
                            return self.received(bytes);
                        }
                    }
                }
            }
        }
    }

    /// All of the content.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] as soon as more than `limit_bytes` are declared or arrive; otherwise as
    /// [`next_chunk`](Self::next_chunk).
    pub async fn read_all(&mut self, limit_bytes: u64) -> Result<Bytes, BodyError> {
        if self.declared_bytes.is_some_and(|declared| declared > limit_bytes) {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        let Some(first) = self.next_chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let mut length_bytes = first.len() as u64;
        let mut all: Option<BytesMut> = None;
        loop {
            if length_bytes > limit_bytes {
                return Err(BodyError::TooLarge { limit_bytes });
            }
            let Some(next) = self.next_chunk().await.transpose()? else {
                return Ok(all.map_or(first, BytesMut::freeze));
            };
            length_bytes += next.len() as u64;
            if length_bytes <= limit_bytes {
                all.get_or_insert_with(|| BytesMut::from(&first[..])).extend_from_slice(&next);
            }
        }
    }

    fn received(&mut self, bytes: Bytes) -> Option<Result<Bytes, BodyError>> {
        if bytes.is_empty() {
            return None;
        }
        self.received_bytes += bytes.len() as u64;
        Some(Ok(bytes))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(content: T) -> Self {
        let content = content.into();
        Self {
            declared_bytes: Some(content.len() as u64),
            source: Source::Memory(Some(content)),
            received_bytes: 0,
            idle: IDLE_DEFAULT,
        }
    }
}

/// Trailers end a body and nobody here reads them: an empty piece.
async fn next_frame(incoming: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

fn classify(error: hyper::Error) -> BodyError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        let kind = current.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if kind == Some(std::io::ErrorKind::UnexpectedEof) || kind == Some(std::io::ErrorKind::ConnectionReset) {
            return BodyError::Incomplete;
        }
        cause = current.source();
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return BodyError::Incomplete;
    }
    BodyError::Broken(Box::new(error))
}
