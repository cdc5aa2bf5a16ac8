//! One answer: status, headers, and content that is in memory or flows.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// The content of a response.
pub enum Payload {
    /// None.
    Empty,
    /// All of it.
    Full(Bytes),
    /// Content that flows. An error, or an end that is not at the stated length, breaks the connection off, so that
    /// the client never takes the part for the whole.
    Stream {
        /// The bytes, best in pieces of 64 KiB to 1 MiB.
        stream: BoxStream<'static, io::Result<Bytes>>,
        /// How many bytes will come, when that is known.
        length_bytes: Option<u64>,
    },
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream { length_bytes, .. } => write!(f, "Stream({length_bytes:?} bytes)"),
        }
    }
}

/// One answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers. Length and date are added by the shell.
    pub headers: HeaderMap,
    /// The content.
    pub payload: Payload,
    pub(crate) op: Option<usize>,
    pub(crate) fault: Option<Box<dyn Error + Send + Sync>>,
}

impl Response {
    /// An answer without content.
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), payload: Payload::Empty, op: None, fault: None }
    }

    /// An answer with content in memory.
    pub fn full(status: StatusCode, content_type: &'static str, content: impl Into<Bytes>) -> Self {
        let mut response = Self::new(status);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.payload = Payload::Full(content.into());
        response
    }

    /// An answer of `application/json`.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::json_as(status, "application/json", value)
    }

    /// An answer of JSON under another media type.
    pub fn json_as(status: StatusCode, content_type: &'static str, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => Self::full(status, content_type, text),
            // only a map with keys that are not text can get here; answer rather than die
            Err(error) => Self::new(StatusCode::INTERNAL_SERVER_ERROR).with_fault(error),
        }
    }

    /// An answer whose content flows.
    pub fn stream(
        status: StatusCode,
        content_type: &'static str,
        stream: BoxStream<'static, io::Result<Bytes>>,
        length_bytes: Option<u64>,
    ) -> Self {
        let mut response = Self::new(status);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.payload = Payload::Stream { stream, length_bytes };
        response
    }

    /// The answer to a request for a file of `size_bytes`, or for one range of it: 200 or 206, with what belongs to it.
    /// `stream` gives that range.
    pub fn part(
        content_type: &'static str,
        stream: BoxStream<'static, io::Result<Bytes>>,
        range: Option<&Range<u64>>,
        size_bytes: u64,
    ) -> Self {
        let Some(&Range { start, end }) = range else {
            return Self::stream(StatusCode::OK, content_type, stream, Some(size_bytes));
        };
        let told = format!("bytes {start}-{}/{size_bytes}", end.saturating_sub(1));
        Self::stream(StatusCode::PARTIAL_CONTENT, content_type, stream, Some(end - start))
            .with_text_header(CONTENT_RANGE, &told)
    }

    /// Sets a header, replacing one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets a header from text. Text that no header can hold (control characters) leaves it out, with a warning in the
    /// log: a value out of the data base must not turn an answer into a failure.
    #[must_use]
    pub fn with_text_header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(error) => tracing::warn!(header = %name, %error, "a header could not be written"),
        }
        self
    }

    /// The answer to `HEAD`: drops the content but states how long it would have been.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        let length_bytes = match &self.payload {
            Payload::Empty => None,
            Payload::Full(bytes) => Some(bytes.len() as u64),
            Payload::Stream { length_bytes, .. } => *length_bytes,
        };
        if let Some(length_bytes) = length_bytes {
            self.headers.insert(CONTENT_LENGTH, HeaderValue::from(length_bytes));
        }
        self.payload = Payload::Empty;
        self
    }

    /// Says why this is a failure of ours. The shell logs it once, with its chain of causes and the request's id;
    /// the client never sees it.
    #[must_use]
    pub fn with_fault(mut self, fault: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.fault = Some(fault.into());
        self
    }

    /// Counts this answer under another operation than the one routing named (its place in the registry): for dialects
    /// that read the operation's name from the content.
    #[must_use]
    pub fn counted_as(mut self, op: usize) -> Self {
        self.op = Some(op);
        self
    }

    /// All of the content; for tests of dialects.
    ///
    /// # Errors
    /// What the stream gave.
    pub async fn into_content(self) -> io::Result<Bytes> {
        match self.payload {
            Payload::Empty => Ok(Bytes::new()),
            Payload::Full(bytes) => Ok(bytes),
            Payload::Stream { mut stream, .. } => {
                let mut all = Vec::new();
                while let Some(piece) = stream.next().await {
                    all.extend_from_slice(&piece?);
                }
                Ok(all.into())
            }
        }
    }
}
