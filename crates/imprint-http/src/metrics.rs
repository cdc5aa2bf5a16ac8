//! What is counted, and the registry that other components add theirs to.

use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Dialect;

/// Upper bounds of the latency buckets, in seconds.
const LATENCY_BUCKETS: [f64; 14] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

/// The `op` of requests that mean none.
const UNROUTED: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabel {
    dialect: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OpLabels {
    dialect: &'static str,
    op: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    dialect: &'static str,
    op: &'static str,
    status: u16,
}

/// Everything the process counts. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<StatusLabels, Counter>,
    latency: Family<OpLabels, Histogram, fn() -> Histogram>,
    bytes_in: Family<DialectLabel, Counter>,
    bytes_out: Family<DialectLabel, Counter>,
    pub(crate) connections: Gauge,
    pub(crate) in_flight: Gauge,
    pub(crate) panics: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// A registry that holds the shell's own counters.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("imprint"))),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            bytes_in: Family::default(),
            bytes_out: Family::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
            panics: Counter::default(),
        };
        metrics.register(|registry| {
            registry.register("http_requests", "Requests answered", metrics.requests.clone());
            registry.register(
                "http_request_duration_seconds",
                "From the first byte of a request to the last byte of its answer",
                metrics.latency.clone(),
            );
            registry.register("http_received_bytes", "Content received", metrics.bytes_in.clone());
            registry.register("http_sent_bytes", "Content sent", metrics.bytes_out.clone());
            registry.register("http_connections", "Open connections", metrics.connections.clone());
            registry.register("http_requests_in_flight", "Requests being answered", metrics.in_flight.clone());
            registry.register("http_panics", "Requests whose operation broke", metrics.panics.clone());
        });
        metrics
    }

    /// Lets a component add its own counters, gauges and collectors; names get the prefix `imprint_`.
    pub fn register<R>(&self, add: impl FnOnce(&mut Registry) -> R) -> R {
        add(&mut self.registry.lock())
    }

    /// Everything, in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        text::encode(&mut out, &self.registry.lock()).expect("writing to a String cannot fail");
        out
    }

    /// The handles of one dialect, found once so that a request finds them by place.
    pub(crate) fn of_dialect(&self, dialect: &dyn Dialect) -> DialectMetrics {
        let name = dialect.name();
        let names = dialect.ops().into_iter().map(|op| op.name).chain([UNROUTED]);
        DialectMetrics {
            name,
            ops: names.map(|op| self.of_op(name, op)).collect(),
            bytes_in: self.bytes_in.get_or_create_owned(&DialectLabel { dialect: name }),
            bytes_out: self.bytes_out.get_or_create_owned(&DialectLabel { dialect: name }),
        }
    }

    fn of_op(&self, dialect: &'static str, op: &'static str) -> OpMetrics {
        OpMetrics {
            dialect,
            name: op,
            latency: self.latency.get_or_create_owned(&OpLabels { dialect, op }),
            requests: self.requests.clone(),
            by_status: RwLock::new(Vec::new()),
        }
    }
}

/// What is counted of one dialect.
pub(crate) struct DialectMetrics {
    pub(crate) name: &'static str,
    ops: Vec<OpMetrics>,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
}

impl DialectMetrics {
    /// The operation at a place in the registry; without one, or beyond it, the row for requests that mean none.
    pub(crate) fn op(&self, index: Option<usize>) -> &OpMetrics {
        let last = self.ops.len() - 1;
        &self.ops[index.unwrap_or(last).min(last)]
    }
}

/// What is counted of one operation.
pub(crate) struct OpMetrics {
    dialect: &'static str,
    pub(crate) name: &'static str,
    pub(crate) latency: Histogram,
    requests: Family<StatusLabels, Counter>,
    /// An operation answers with a handful of statuses: a list is the fastest map.
    by_status: RwLock<Vec<(u16, Counter)>>,
}

impl OpMetrics {
    pub(crate) fn count(&self, status: u16) {
        if let Some((_, counter)) = self.by_status.read().iter().find(|(known, _)| *known == status) {
            counter.inc();
            return;
        }
        let labels = StatusLabels { dialect: self.dialect, op: self.name, status };
        let counter = self.requests.get_or_create_owned(&labels);
        counter.inc();
        let mut by_status = self.by_status.write();
        if !by_status.iter().any(|(known, _)| *known == status) {
            by_status.push((status, counter));
        }
    }
}
