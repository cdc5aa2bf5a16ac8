//! One request from its head to the last byte of its answer: what happens when the operation breaks or the client
//! leaves, and the one place where a request is counted and logged.

use std::any::Any;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::metrics::{DialectMetrics, Metrics};
use crate::wire::Wire;
use crate::{Dialect, Payload, Rejection, Response};

/// The status logged for a request whose client left before the answer.
const CLIENT_LEFT: u16 = 499;

/// The record of one request. Counted and logged when dropped, which is when the answer's last byte was handed to the
/// connection or the connection ended.
pub(crate) struct Record {
    pub(crate) started: Instant,
    pub(crate) id: Uuid,
    pub(crate) remote: SocketAddr,
    pub(crate) method: http::Method,
    pub(crate) wire: Arc<Wire>,
    pub(crate) metrics: Arc<ServedMetrics>,
    /// The dialect's place on the surface.
    pub(crate) place: usize,
    pub(crate) op: Option<usize>,
    pub(crate) status: u16,
    pub(crate) sent_bytes: u64,
    /// Whether the whole answer went out.
    pub(crate) whole: bool,
}

/// Metrics with the handles of every dialect on the surface, in the surface's order.
pub(crate) struct ServedMetrics {
    pub(crate) all: Metrics,
    pub(crate) dialects: Vec<DialectMetrics>,
}

impl Record {
    pub(crate) fn begin(
        wire: &Arc<Wire>,
        metrics: &Arc<ServedMetrics>,
        remote: SocketAddr,
        method: http::Method,
        place: usize,
    ) -> Self {
        metrics.all.in_flight.inc();
        Self {
            started: wire.request_begins(),
            id: Uuid::new_v4(),
            remote,
            method,
            wire: Arc::clone(wire),
            metrics: Arc::clone(metrics),
            place,
            op: None,
            status: CLIENT_LEFT,
            sent_bytes: 0,
            whole: false,
        }
    }

    pub(crate) fn request_id(&self) -> String {
        let mut space = [0; 40];
        space[..4].copy_from_slice(b"req-");
        let digits = self.id.hyphenated().encode_lower(&mut space[4..]).len();
        String::from_utf8_lossy(&space[..4 + digits]).into_owned()
    }

    fn dialect(&self) -> &DialectMetrics {
        &self.metrics.dialects[self.place]
    }

    /// Turns an answer into what the connection sends.
    pub(crate) fn answer(mut self, response: Response) -> http::Response<Outgoing> {
        let Response { status, headers, payload, op, fault } = response;
        self.status = status.as_u16();
        self.op = op.or(self.op);
        if let Some(fault) = fault {
            tracing::error!(
                request_id = %self.request_id(),
                dialect = self.dialect().name,
                op = self.dialect().op(self.op).name,
                status = self.status,
                fault = %chain(&*fault),
                "a request failed"
            );
        }
        let state = match payload {
            Payload::Empty => Flow::Ended,
            Payload::Full(bytes) if bytes.is_empty() => Flow::Ended,
            Payload::Full(bytes) => Flow::Full(bytes),
            Payload::Stream { stream, length_bytes } => Flow::Stream { stream, left_bytes: length_bytes },
        };
        self.whole = matches!(state, Flow::Ended);
        let mut answer = http::Response::new(Outgoing { flow: state, record: self });
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        answer
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = Instant::now();
        self.wire.request_ended(now);
        let duration = now.saturating_duration_since(self.started);
        let received_bytes = self.wire.received_bytes();
        let dialect = self.dialect();
        let op = dialect.op(self.op);
        op.count(self.status);
        op.latency.observe(duration.as_secs_f64());
        if received_bytes > 0 {
            dialect.bytes_in.inc_by(received_bytes);
        }
        if self.sent_bytes > 0 {
            dialect.bytes_out.inc_by(self.sent_bytes);
        }
        self.metrics.all.in_flight.dec();
        tracing::info!(
            target: "imprint::access",
            request_id = %format_args!("req-{}", self.id.hyphenated()),
            remote = %self.remote,
            dialect = dialect.name,
            op = op.name,
            method = self.method.as_str(),
            status = self.status,
            received_bytes,
            sent_bytes = self.sent_bytes,
            whole = self.whole,
            micros = micros(duration),
        );
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// An error with its causes, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

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
                let next = ready!(poll_caught(stream, cx));
                account(next, left_bytes)
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
                tracing::error!(
                    request_id = %this.record.request_id(),
                    dialect = this.record.dialect().name,
                    op = this.record.dialect().op(this.record.op).name,
                    fault = %chain(error),
                    "an answer broke off"
                );
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

/// An operation being carried out. It ends even when the connection does not last that long: what it began (a change,
/// an upload's bookkeeping) is finished or undone by its own code.
pub(crate) struct Running {
    future: Option<BoxFuture<'static, Response>>,
    record: Option<Record>,
    dialect: Arc<dyn Dialect>,
    /// Kept by a handler that outlives its connection, so that such handlers count as connections.
    permit: Arc<OwnedSemaphorePermit>,
}

impl Running {
    pub(crate) fn new(
        future: BoxFuture<'static, Response>,
        record: Record,
        dialect: Arc<dyn Dialect>,
        permit: Arc<OwnedSemaphorePermit>,
    ) -> Self {
        Self { future: Some(future), record: Some(record), dialect, permit }
    }
}

impl Future for Running {
    type Output = http::Response<Outgoing>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let future = this.future.as_mut().expect("not polled after it was ready");
        let outcome = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => Ok(ready!(poll)),
            Err(panic) => Err(panic),
        };
        this.future = None;
        let record = this.record.take().expect("kept until the answer");
        let response = outcome.unwrap_or_else(|panic| broken(&record, &*this.dialect, &*panic));
        Poll::Ready(record.answer(response))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(future), Some(record)) = (self.future.take(), self.record.take()) else {
            return;
        };
        // no runtime: the process is going down and nothing can be run to its end
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let permit = Arc::clone(&self.permit);
        let dialect = Arc::clone(&self.dialect);
        runtime.spawn(async move {
            if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
                broken(&record, &*dialect, &*panic);
            }
            drop((record, permit));
        });
    }
}

/// Logs that an operation broke, and gives the answer to it.
pub(crate) fn broken(record: &Record, dialect: &dyn Dialect, panic: &(dyn Any + Send)) -> Response {
    let request_id = record.request_id();
    record.metrics.all.panics.inc();
    tracing::error!(
        request_id,
        dialect = dialect.name(),
        op = record.dialect().op(record.op).name,
        fault = panic_text(panic),
        "an operation broke"
    );
    dialect.reject(&Rejection::Broken, &request_id)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of unknown kind"))
}
