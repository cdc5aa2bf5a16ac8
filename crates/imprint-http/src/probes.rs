//! What operators and their machines ask of the process itself: `/healthz`, `/readyz`, `/metrics`.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode, header};

use crate::{Claim, Dialect, Metrics, Op, OpInfo, Rejection, Request, Response, Router, Surface};

/// Says whether the process can serve; the error is shown to whoever asks.
pub type ReadyCheck = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The built-in dialect of the process itself.
pub struct Probes {
    router: Router<Probe>,
    metrics: Metrics,
    ready: ReadyCheck,
}

#[derive(Debug, Clone, Copy)]
enum Probe {
    Health,
    Ready,
    Metrics,
}

impl Probes {
    /// Probes that answer `/healthz` always, `/readyz` by asking `ready`, and `/metrics` with what was counted.
    pub fn new(metrics: Metrics, ready: ReadyCheck) -> Arc<Self> {
        let router = Router::new(vec![
            Op::new("health", Method::GET, "/healthz", Probe::Health),
            Op::new("ready", Method::GET, "/readyz", Probe::Ready),
            Op::new("metrics", Method::GET, "/metrics", Probe::Metrics),
        ]);
        Arc::new(Self { router, metrics, ready })
    }

    /// Claims the probes' three paths on a surface.
    pub fn mount(self: &Arc<Self>, mut surface: Surface) -> Surface {
        for path in ["/healthz", "/readyz", "/metrics"] {
            surface = surface.mount(Claim::Under(path), Arc::clone(self) as Arc<dyn Dialect>);
        }
        surface
    }

    async fn answer(self: Arc<Self>, probe: Probe) -> Response {
        match probe {
            Probe::Health => plain(StatusCode::OK, "ok\n"),
            Probe::Ready => match (self.ready)().await {
                Ok(()) => plain(StatusCode::OK, "ready\n"),
                Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
            },
            Probe::Metrics => Response::full(
                StatusCode::OK,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                self.metrics.encode(),
            ),
        }
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}

impl Dialect for Probes {
    fn name(&self) -> &'static str {
        "probes"
    }

    fn ops(&self) -> Vec<OpInfo> {
        self.router.infos()
    }

    fn route(&self, request: &mut Request) -> Result<usize, Rejection> {
        self.router.route(request)
    }

    fn call(self: Arc<Self>, op: usize, _request: Request) -> BoxFuture<'static, Response> {
        let probe = self.router.op(op).handler;
        Box::pin(self.answer(probe))
    }

    fn reject(&self, rejection: &Rejection, _request_id: &str) -> Response {
        plain(rejection.status(), format!("{rejection}\n"))
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").finish_non_exhaustive()
    }
}

fn plain(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response {
    Response::full(status, "text/plain; charset=utf-8", text)
}
