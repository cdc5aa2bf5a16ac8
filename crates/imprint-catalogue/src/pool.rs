//! A bounded set of connections that are lent out and given back. Knows nothing of SQL.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::{Error, ErrorKind};

/// How long a borrower waits for a connection before it gives up.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Connections of type `C`, opened when needed, at most `size` of them.
pub(crate) struct Pool<C> {
    connect: Box<dyn Fn() -> Result<C, Error> + Send + Sync>,
    size: usize,
    state: Mutex<State<C>>,
    freed: Condvar,
}

struct State<C> {
    idle: Vec<C>,
    open: usize,
}

impl<C> Pool<C> {
    pub(crate) fn new(size: usize, connect: impl Fn() -> Result<C, Error> + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State { idle: Vec::with_capacity(size), open: 0 });
        Self { connect: Box::new(connect), size, state, freed: Condvar::new() }
    }

    /// Borrows a connection, the one used last first: its caches are warm.
    pub(crate) fn take(&self) -> Result<Lent<'_, C>, Error> {
        let deadline = Instant::now() + WAIT_MAX;
        let mut state = self.state.lock();
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Lent { pool: self, connection: Some(connection) });
            }
            if state.open < self.size {
                break;
            }
            if self.freed.wait_until(&mut state, deadline).timed_out() {
                return Err(Error::new(ErrorKind::Unavailable, "every database connection is busy"));
            }
        }
        state.open += 1;
        drop(state);
        // An empty loan gives its place back when connecting fails.
        let mut lent = Lent { pool: self, connection: None };
        lent.connection = Some((self.connect)()?);
        Ok(lent)
    }

    /// Takes all idle connections out, to be closed by the caller.
    pub(crate) fn drain(&self) -> Vec<C> {
        let mut state = self.state.lock();
        let idle = std::mem::take(&mut state.idle);
        state.open -= idle.len();
        idle
    }
}

/// A borrowed connection; goes back when dropped.
pub(crate) struct Lent<'a, C> {
    pool: &'a Pool<C>,
    connection: Option<C>,
}

impl<C> Lent<'_, C> {
    pub(crate) fn get(&mut self) -> &mut C {
        self.connection.as_mut().expect("a loan holds its connection until it ends")
    }

    /// Closes the connection instead of giving it back: it is broken.
    pub(crate) fn discard(mut self) {
        self.connection = None;
    }
}

impl<C> Drop for Lent<'_, C> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        match self.connection.take() {
            Some(connection) => state.idle.push(connection),
            None => state.open -= 1,
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}
