//! The record of one request: the one place where requests are counted and logged.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::metrics::{DialectMetrics, Metrics, OpMetrics};
use crate::wire::Wire;

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

    /// The operation's row of metrics; the one for requests that mean none, until one was found.
    fn op(&self) -> &OpMetrics {
        self.dialect().op(self.op)
    }

    /// Logs what went wrong on our side, once, under the request's id.
    pub(crate) fn log_fault(&self, what: &'static str, fault: &str) {
        tracing::error!(
            request_id = %self.request_id(),
            dialect = self.dialect().name,
            op = self.op().name,
            status = self.status,
            fault,
            "{what}"
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = Instant::now();
        self.wire.request_ended(now);
        let duration = now.saturating_duration_since(self.started);
        let received_bytes = self.wire.received_bytes();
        let dialect = self.dialect();
        let op = self.op();
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
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
