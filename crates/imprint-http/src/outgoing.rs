//! A response on its way out: held to its stated length, broken off when it fails, and recorded when it ends.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body::{Frame, SizeHint};

use crate::record::{Record, chain};
use crate::running::panic_text;
use crate::{Payload, Response};

/// A response's content on its way out.
pub(crate) struct Outgoing {
    flow: Flow,
    record: Record,
}

enum Flow {
    Ended,
    Full(Bytes),
    Stream { stream: BoxStream<'static, io::Result<Bytes>>, left_bytes: Option<u64> },
}

impl Outgoing {
    /// Turns an answer into what the connection sends.
    pub(crate) fn answer(mut record: Record, response: Response) -> http::Response<Self> {
        let Response { status, headers, payload, op, fault } = response;
        record.status = status.as_u16();
        record.op = op.or(record.op);
        if let Some(fault) = fault {
            record.log_fault("a request failed", &chain(&*fault));
        }
        let flow = match payload {
            Payload::Empty => Flow::Ended,
            Payload::Full(bytes) if bytes.is_empty() => Flow::Ended,
            Payload::Full(bytes) => Flow::Full(bytes),
            Payload::Stream { stream, length_bytes } => Flow::Stream { stream, left_bytes: length_bytes },
        };
        // nothing follows the head of an answer to HEAD, whatever the payload says
        record.whole = matches!(flow, Flow::Ended) || record.method == http::Method::HEAD;
        let mut answer = http::Response::new(Self { flow, record });
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        answer
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let next = match &mut this.flow {
            Flow::Ended => return Poll::Ready(None),
            Flow::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.flow = Flow::Ended;
                this.record.whole = true;
                Some(Ok(bytes))
            }
            Flow::Stream { stream, left_bytes } => {
                let next = account(ready!(poll_caught(stream, cx)), left_bytes);
                // nobody asks for the end once all that was promised is out
                this.record.whole = *left_bytes == Some(0) && !matches!(next, Some(Err(_)));
                next
            }
        };
        match &next {
            Some(Ok(bytes)) => this.record.sent_bytes += bytes.len() as u64,
            None => {
                this.flow = Flow::Ended;
                this.record.whole = true;
            }
            Some(Err(error)) => {
                this.flow = Flow::Ended;
                this.record.log_fault("an answer broke off", &chain(error));
            }
        }
        Poll::Ready(next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.flow, Flow::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.flow {
            Flow::Ended => SizeHint::with_exact(0),
            Flow::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Flow::Stream { left_bytes: Some(left_bytes), .. } => SizeHint::with_exact(*left_bytes),
            Flow::Stream { left_bytes: None, .. } => SizeHint::default(),
        }
    }
}

/// A stream that panics is a stream that fails.
fn poll_caught(
    stream: &mut BoxStream<'static, io::Result<Bytes>>,
    cx: &mut Context<'_>,
) -> Poll<Option<io::Result<Bytes>>> {
    catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll_next(cx)))
        .unwrap_or_else(|panic| Poll::Ready(Some(Err(io::Error::other(panic_text(&*panic))))))
}

/// Holds a stream to the length it stated.
fn account(next: Option<io::Result<Bytes>>, left_bytes: &mut Option<u64>) -> Option<io::Result<Bytes>> {
    let Some(left) = left_bytes else {
        return next;
    };
    match next {
        None if *left > 0 => Some(Err(io::Error::other(format!("{left} bytes short of the stated length")))),
        Some(Ok(bytes)) => match left.checked_sub(bytes.len() as u64) {
            Some(rest) => {
                *left = rest;
                Some(Ok(bytes))
            }
            None => Some(Err(io::Error::other("more bytes than the stated length"))),
        },
        other => other,
    }
}
