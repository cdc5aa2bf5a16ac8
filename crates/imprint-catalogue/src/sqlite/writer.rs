//! The one thread that writes a database file. Whatever waits when it is free is committed together, so that many
//! callers share one wait for the disk.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{begin, finish};
use crate::tx::{Verdict, run};
use crate::{Error, ErrorKind, Tx};

/// Transactions that may wait; further callers wait for a place.
const QUEUE_MAX: usize = 1024;
/// Transactions committed together at most: bounds how long the first of them waits for the last.
const BATCH_MAX: usize = 128;

/// The door to the writing thread. Ends the thread when dropped, after everything accepted has been answered.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which calls `committed` after every commit.
    pub(crate) fn start(connection: Connection, committed: impl Fn() + Send + 'static) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("catalogue-writer".to_owned())
            .spawn(move || serve(&connection, jobs, &committed))
            .map_err(|error| Error::new(ErrorKind::Unavailable, "starting the writing thread").caused_by(error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` as a transaction and answers once it is durable.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Job::boxed(work);
        self.queue().send(job).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone().into()))
    }

    /// The same for a thread that may block.
    pub(crate) fn write_blocking<T, E>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Job::boxed(work);
        self.queue().blocking_send(job).map_err(|_| gone())?;
        answer.blocking_recv().unwrap_or_else(|_| Err(gone().into()))
    }

    fn queue(&self) -> &mpsc::Sender<Box<dyn Work>> {
        self.queue.as_ref().expect("the queue is there until the writer is dropped")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the catalogue's writing thread had panicked");
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the catalogue's writing thread has ended")
}

/// A transaction that waits for its turn; hides the types of its answer.
trait Work: Send {
    /// Runs it; says whether its changes are to stay.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers the caller: the changes are durable, or were lost for this reason.
    fn settle(self: Box<Self>, lost: Option<(ErrorKind, &str)>);
}

struct Job<F, T, E> {
    work: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn boxed(work: F) -> (Box<dyn Work>, oneshot::Receiver<Result<T, E>>) {
        let (answer, receiver) = oneshot::channel();
        (Box::new(Self { work, outcome: None, answer }), receiver)
    }
}

impl<F, T, E> Work for Job<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = match run(tx, &mut self.work) {
            Verdict::Commit(value) => Ok(value),
            Verdict::Refuse(error) => Err(error),
            Verdict::Again => Err(Error::new(ErrorKind::Busy, "the database file is locked by another process").into()),
        };
        let stays = outcome.is_ok();
        self.outcome = Some(outcome);
        stays
    }

    fn settle(self: Box<Self>, lost: Option<(ErrorKind, &str)>) {
        let answer = match (self.outcome, lost) {
            // A refusal stands whatever became of the others' changes.
            (Some(Err(refusal)), _) => Err(refusal),
            (_, Some((kind, why))) => Err(Error::new(kind, why).into()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(gone().into()),
        };
        // Nobody waits any more when the caller has hung up: nothing to tell then.
        drop(self.answer.send(answer));
    }
}

fn serve(connection: &Connection, mut jobs: mpsc::Receiver<Box<dyn Work>>, committed: &dyn Fn()) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while jobs.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        let lost = commit_together(connection, &mut batch).err();
        if let Some(error) = &lost {
            tracing::error!(%error, transactions = batch.len(), "a commit failed");
        }
        let why = lost.as_ref().map(|error| (error.kind(), error.to_string()));
        for job in batch.drain(..) {
            job.settle(why.as_ref().map(|(kind, text)| (*kind, text.as_str())));
        }
        committed();
    }
}

fn commit_together(connection: &Connection, batch: &mut [Box<dyn Work>]) -> Result<(), Error> {
    begin(connection, "BEGIN IMMEDIATE")?;
    if let [alone] = batch {
        // Without a savepoint: its journal would cost a large transaction dearly, and has nobody to protect.
        let stays = run_one(connection, alone.as_mut())?;
        return finish(connection, stays);
    }
    let done = batch.iter_mut().try_for_each(|job| step(connection, job.as_mut()));
    let ended = finish(connection, done.is_ok());
    done.and(ended)
}

/// One transaction inside the common one: its failure undoes its own changes only.
fn step(connection: &Connection, job: &mut dyn Work) -> Result<(), Error> {
    begin(connection, "SAVEPOINT work")?;
    if !run_one(connection, job)? {
        begin(connection, "ROLLBACK TO work")?;
    }
    begin(connection, "RELEASE work")
}

/// Whether the changes are to stay.
fn run_one(connection: &Connection, job: &mut dyn Work) -> Result<bool, Error> {
    let mut tx = Tx::on_sqlite(connection);
    let stays = job.run(&mut tx);
    if connection.is_autocommit() {
        // Disk full or a failing disk: the engine has already undone everything.
        let kind = tx.failed().unwrap_or(ErrorKind::Unavailable);
        return Err(Error::new(kind, "the database gave the transaction up"));
    }
    Ok(stays)
}
