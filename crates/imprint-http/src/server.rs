//! The listener: takes connections in, holds them to a number, and sees them out when the process stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::connection::{self, Course, Shared};
use crate::record::ServedMetrics;
use crate::settings::Limits;
use crate::{Metrics, Settings, SettingsError, Surface};

/// After a failure to accept that is not one connection's own (no file descriptors left), how long to wait.
const ACCEPT_BACKOFF_MIN: Duration = Duration::from_millis(10);
const ACCEPT_BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Whole,
    /// The time to drain ran out; this many connections or left-behind operations were broken off.
    BrokenOff(usize),
}

/// A server, ready to be given its listener.
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// Checks the settings and looks up every dialect's registry.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(settings: &Settings, surface: Surface, metrics: &Metrics) -> Result<Self, SettingsError> {
        let limits = settings.check()?;
        let dialects = surface.dialects().map(|dialect| metrics.of_dialect(&**dialect)).collect();
        let metrics = Arc::new(ServedMetrics { all: metrics.clone(), dialects });
        Ok(Self { shared: Arc::new(Shared { surface, limits, metrics }) })
    }

    /// Serves until `stop` is ready, then lets requests in flight end, for as long as the settings say.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Drained {
        let limits = self.shared.limits.clone();
        let slots = Arc::new(Semaphore::new(limits.connections_max as usize));
        let (course, _) = watch::channel(Course::Serving);
        tokio::select! {
            () = stop => {}
            () = self.accept(&listener, &slots, &course) => {}
        }
        // from here on the system refuses new connections
        drop(listener);
        drain(&limits, &slots, &course).await
    }

    async fn accept(&self, listener: &TcpListener, slots: &Arc<Semaphore>, course: &watch::Sender<Course>) {
        let mut backoff = ACCEPT_BACKOFF_MIN;
        loop {
            let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, remote)) => {
                    backoff = ACCEPT_BACKOFF_MIN;
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%remote, %error, "TCP_NODELAY could not be set");
                    }
                    let counted = Counted::new(self.shared.metrics.all.connections.clone());
                    let serving = connection::serve(Arc::clone(&self.shared), stream, remote, slot, course.subscribe());
                    tokio::spawn(async move {
                        serving.await;
                        drop(counted);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Err(error) => {
                    tracing::error!(%error, wait_millis = backoff.as_millis(), "no connection can be accepted");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(ACCEPT_BACKOFF_MAX);
                }
            }
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("surface", &self.shared.surface).finish_non_exhaustive()
    }
}

async fn drain(limits: &Limits, slots: &Arc<Semaphore>, course: &watch::Sender<Course>) -> Drained {
    course.send_replace(Course::Draining);
    let all_slots = Arc::clone(slots).acquire_many_owned(limits.connections_max);
    let all: Result<Result<OwnedSemaphorePermit, _>, _> = tokio::time::timeout(limits.drain, all_slots).await;
    if all.is_ok() {
        return Drained::Whole;
    }
    let left = limits.connections_max as usize - slots.available_permits();
    course.send_replace(Course::Aborting);
    tracing::warn!(left, "the time to drain ran out");
    Drained::BrokenOff(left)
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// One open connection in the gauge, for as long as it lives.
struct Counted(prometheus_client::metrics::gauge::Gauge);

impl Counted {
    fn new(gauge: prometheus_client::metrics::gauge::Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
