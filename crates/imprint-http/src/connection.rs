//! One connection: its requests one after the other, its deadlines, and its end.

use std::future::Ready;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::ALLOW;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep};

use crate::outgoing::Outgoing;
use crate::record::{Record, ServedMetrics};
use crate::running::{Running, broken};
use crate::settings::Limits;
use crate::wire::{Watched, Wire};
use crate::{Body, Dialect, Rejection, Request, Response, Surface};

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) surface: Surface,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<ServedMetrics>,
}

/// How far the server is on its way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    Serving,
    Draining,
    Aborting,
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    remote: SocketAddr,
    permit: OwnedSemaphorePermit,
    mut course: watch::Receiver<Course>,
) {
    let wire = Wire::new();
    let limits = &shared.limits;
    let service = Service { shared: Arc::clone(&shared), wire: Arc::clone(&wire), remote, permit: Arc::new(permit) };
    let mut connection = pin!(
        http1::Builder::new()
            .max_headers(limits.headers_max)
            .max_header_size(limits.header_bytes_max)
            .max_buf_size(limits.read_bytes_max.max(limits.header_bytes_max))
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(Watched::new(stream, Arc::clone(&wire))), service)
    );
    let mut timer = pin!(sleep(limits.tick()));
    loop {
        tokio::select! {
            biased;
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%remote, %error, "a connection broke");
                }
                return;
            }
            () = timer.as_mut() => match wire.overdue(limits) {
                Ok(overdue) => {
                    tracing::debug!(%remote, ?overdue, "a connection was closed");
                    return;
                }
                Err(wait) => timer.as_mut().reset(Instant::now() + wait),
            },
            changed = course.changed() => {
                let course = if changed.is_ok() { *course.borrow_and_update() } else { Course::Aborting };
                if course == Course::Aborting || wire.is_idle() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

struct Service {
    shared: Arc<Shared>,
    wire: Arc<Wire>,
    remote: SocketAddr,
    permit: Arc<OwnedSemaphorePermit>,
}

impl hyper::service::Service<http::Request<Incoming>> for Service {
    type Response = http::Response<Outgoing>;
    type Error = std::convert::Infallible;
    type Future = Infallible<Either<Running, Ready<http::Response<Outgoing>>>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let (head, incoming) = request.into_parts();
        let place = self.shared.surface.find(&head);
        let dialect = self.shared.surface.dialect(place);
        let record = Record::begin(&self.wire, &self.shared.metrics, self.remote, head.method.clone(), place);
        let body = Body::incoming(incoming, Arc::clone(&self.wire), self.shared.limits.body_idle);
        Infallible(self.dispatch(head, body, dialect, record))
    }
}

impl Service {
    fn dispatch(
        &self,
        head: http::request::Parts,
        body: Body,
        dialect: &Arc<dyn Dialect>,
        mut record: Record,
    ) -> Either<Running, Ready<http::Response<Outgoing>>> {
        let started = catch_unwind(AssertUnwindSafe(|| self.start(head, body, dialect, &mut record)));
        let response = match started {
            Ok(Ok(future)) => {
                return Either::Left(Running::new(future, record, Arc::clone(dialect), Arc::clone(&self.permit)));
            }
            Ok(Err(rejection)) => rejected(&**dialect, &rejection, &record.request_id()),
            Err(panic) => broken(&record, &**dialect, &*panic),
        };
        Either::Right(std::future::ready(Outgoing::answer(record, response)))
    }

    fn start(
        &self,
        head: http::request::Parts,
        body: Body,
        dialect: &Arc<dyn Dialect>,
        record: &mut Record,
    ) -> Result<crate::BoxFuture<'static, Response>, Rejection> {
        let target_bytes = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if target_bytes > self.shared.limits.target_bytes_max {
            return Err(Rejection::TargetTooLong);
        }
        let mut request = Request::new(head, body, self.remote, record.request_id())?;
        let op = dialect.route(&mut request)?;
        record.op = Some(op);
        Ok(Arc::clone(dialect).call(op, request))
    }
}

fn rejected(dialect: &dyn Dialect, rejection: &Rejection, request_id: &str) -> Response {
    let mut response = dialect.reject(rejection, request_id);
    if let Rejection::WrongMethod { allow } = rejection {
        response.headers.insert(ALLOW, allow.clone());
    }
    response
}

/// A future that cannot fail, in the form the transport wants.
struct Infallible<F>(F);

impl<F: Future + Unpin> Future for Infallible<F> {
    type Output = Result<F::Output, std::convert::Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}
