//! Work that takes its input a batch at a time: a batch is gathered while the one before is worked on, on a blocking
//! thread, so a slow sender holds memory but no thread. Never looks at what is sent.

use std::fmt::Debug;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::{Error, Kind, Result};

/// Bytes gathered before a batch is handed to a blocking thread. One batch is gathered while one is worked on.
pub(crate) const BATCH_BYTES: usize = 4 << 20;
/// Parts of a batch at most, so that a sender of single bytes cannot make the list larger than its content.
const BATCH_PARTS: usize = 4096;

/// What works on batches. Its calls block, and so may dropping it.
pub(crate) trait Takes: Debug + Send + 'static {
    /// One part of what is sent.
    type Input: Debug + Send + 'static;

    /// Works on what was sent, in order.
    fn take(&mut self, batch: Vec<Self::Input>) -> Result<()>;
}

/// Gathers input and hands it on. Dropped, it gives the worker up.
#[derive(Debug)]
pub(crate) struct Batches<T: Takes> {
    batch: Vec<T::Input>,
    batch_bytes: usize,
    work: Work<T>,
}

/// Where the worker is: here, or on a blocking thread with a batch.
#[derive(Debug)]
enum Work<T: Takes> {
    Idle(Held<T>),
    Busy(JoinHandle<(Held<T>, Result<()>)>),
    Failed,
}

/// The worker, wherever it is given up: that may wait for packs that are being sealed, whose transfers in turn may
/// need the very thread that gives up. So it is dropped on a blocking thread, always.
#[derive(Debug)]
pub(crate) struct Held<T: Takes> {
    /// Empty only once it was taken.
    worker: Option<Box<T>>,
    runtime: Handle,
}

impl<T: Takes> Held<T> {
    fn worker(&mut self) -> &mut T {
        self.worker.as_mut().expect("only taking it, which consumes this, empties it")
    }

    /// For a thread that may block.
    pub(crate) fn into_inner(mut self) -> Box<T> {
        self.worker.take().expect("only taking it, which consumes this, empties it")
    }
}

impl<T: Takes> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.runtime.spawn_blocking(move || drop(worker));
        }
    }
}

impl<T: Takes> Batches<T> {
    pub(crate) fn new(worker: T) -> Self {
        let held = Held { worker: Some(Box::new(worker)), runtime: Handle::current() };
        Self { batch: Vec::new(), batch_bytes: 0, work: Work::Idle(held) }
    }

    /// Takes one more part, which holds so many bytes in memory. Waits while the batch before is still worked on, when
    /// this one is full.
    pub(crate) async fn push(&mut self, input: T::Input, bytes: usize) -> Result<()> {
        self.batch_bytes += bytes;
        self.batch.push(input);
        if self.batch_bytes < BATCH_BYTES && self.batch.len() < BATCH_PARTS {
            return Ok(());
        }
        self.flush().await
    }

    /// The worker, once it has worked on everything.
    pub(crate) async fn finish(mut self) -> Result<Held<T>> {
        self.flush().await?;
        self.idle().await
    }

    /// Hands the batch to a blocking thread once the one before is done.
    async fn flush(&mut self) -> Result<()> {
        let mut held = self.idle().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.work = Work::Busy(tokio::task::spawn_blocking(move || {
            let result = held.worker().take(batch);
            (held, result)
        }));
        Ok(())
    }

    /// Waits for the batch before. May be cancelled: the worker then is still where it was.
    async fn idle(&mut self) -> Result<Held<T>> {
        if let Work::Busy(batch) = &mut self.work {
            let done = batch.await;
            self.work = Work::Failed;
            let (held, result) =
                done.map_err(|error| Error::new(Kind::Internal, "storing a batch").with_source(error))?;
            result?;
            return Ok(held);
        }
        match std::mem::replace(&mut self.work, Work::Failed) {
            Work::Idle(held) => Ok(held),
            Work::Busy(_) | Work::Failed => {
                Err(Error::new(Kind::Internal, "a writer was used after it had failed or its finish was cancelled"))
            }
        }
    }

    /// Whether the batch that was begun has been worked on.
    #[cfg(test)]
    pub(crate) fn is_done(&self) -> bool {
        match &self.work {
            Work::Busy(batch) => batch.is_finished(),
            Work::Idle(_) | Work::Failed => panic!("no batch was begun"),
        }
    }
}
