//! An operation being carried out: what happens when it breaks, and when its client leaves.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;

use crate::outgoing::Outgoing;
use crate::record::Record;
use crate::{Dialect, Rejection, Response};

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
        Poll::Ready(Outgoing::answer(record, response))
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
    record.metrics.all.panics.inc();
    record.log_fault("an operation broke", &panic_text(panic));
    dialect.reject(&Rejection::Broken, &record.request_id())
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of unknown kind"))
}
