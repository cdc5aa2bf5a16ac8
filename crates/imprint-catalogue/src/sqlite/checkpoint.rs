//! Copies what is in the log into the database file while others go on writing: whoever commits the page that fills the
//! log would wait for all of it else.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::from_sqlite;
use crate::{Error, ErrorKind};

/// Time between two copies while there is something to copy.
const PAUSE: Duration = Duration::from_millis(100);

/// The thread that copies. Ends when dropped.
pub(crate) struct Checkpointer {
    work: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(connection: Connection) -> Result<Self, Error> {
        let (work, told) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("catalogue-checkpoint".to_owned())
            .spawn(move || serve(&connection, &told))
            .map_err(|error| Error::new(ErrorKind::Unavailable, "starting the checkpoint thread").caused_by(error))?;
        Ok(Self { work: Some(work), thread: Some(thread) })
    }

    /// A hook for the writing thread: there is something in the log.
    pub(crate) fn bell(&self) -> impl Fn() + Send + 'static {
        let work = self.work.clone();
        // when it is full, the thread knows already; when it is gone, the engine copies by itself, only later
        move || {
            if let Some(work) = &work {
                let _ = work.try_send(());
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the catalogue's checkpoint thread had panicked");
        }
    }
}

fn serve(connection: &Connection, told: &Receiver<()>) {
    let mut more = told.recv().is_ok();
    while more {
        if let Err(error) = connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| from_sqlite(error, "wal_checkpoint"))
        {
            tracing::warn!(%error, "the log could not be copied into the database file now");
        }
        more = match rest(told) {
            Rest::Rung => true,
            Rest::Quiet => told.recv().is_ok(),
            Rest::Over => false,
        };
    }
}

/// What happened while the log was left to fill.
enum Rest {
    Rung,
    Quiet,
    Over,
}

/// Lets the log fill for a while.
fn rest(told: &Receiver<()>) -> Rest {
    let until = Instant::now() + PAUSE;
    let mut rung = false;
    loop {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(()) => rung = true,
            Err(RecvTimeoutError::Disconnected) => return Rest::Over,
            Err(RecvTimeoutError::Timeout) => return if rung { Rest::Rung } else { Rest::Quiet },
        }
    }
}
