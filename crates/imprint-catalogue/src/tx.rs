//! A transaction: what all tables' functions are written on. Which engine runs it is known in here and nowhere above.

use crate::{Error, ErrorKind, Row, Value};

/// An open transaction (for reads on PostgreSQL: a connection whose statements each see one moment).
///
/// A statement that fails leaves a writing transaction that can only be given up, on either engine: whoever expects
/// a row to be there already says `ON CONFLICT DO NOTHING` and looks at the count.
#[derive(Debug)]
pub struct Tx<'a> {
    session: Session<'a>,
    /// Whether all statements see one moment.
    steady: bool,
    failed: Option<ErrorKind>,
}

#[derive(Debug)]
enum Session<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut crate::postgres::Connection),
}

impl<'a> Tx<'a> {
    pub(crate) fn on_sqlite(connection: &'a rusqlite::Connection) -> Self {
        Self { session: Session::Sqlite(connection), steady: true, failed: None }
    }

    /// Statements of a transaction that has begun.
    pub(crate) fn on_postgres(connection: &'a mut crate::postgres::Connection) -> Self {
        Self { session: Session::Postgres(connection), steady: true, failed: None }
    }

    /// Statements each of which is a transaction of its own.
    pub(crate) fn on_postgres_alone(connection: &'a mut crate::postgres::Connection) -> Self {
        Self { session: Session::Postgres(connection), steady: false, failed: None }
    }

    /// What the first failed statement failed of.
    pub(crate) fn failed(&self) -> Option<ErrorKind> {
        self.failed
    }

    /// Whether all statements see one moment now.
    pub(crate) fn is_steady(&self) -> bool {
        self.steady
    }

    /// Whether PostgreSQL runs it. For the few statements that the engines cannot share.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.session, Session::Postgres(_))
    }

    /// Runs a statement that gives no rows. Parameters are written `?1`, `?2`, …. Returns the count of rows touched.
    ///
    /// # Errors
    /// As the engine gives them, see [`ErrorKind`].
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let outcome = match &mut self.session {
            Session::Sqlite(connection) => crate::sqlite::execute(connection, sql, params),
            Session::Postgres(connection) => connection.execute(sql, params),
        };
        outcome.map_err(|error| self.note(error))
    }

    /// Runs a statement that gives rows and collects them all: the statement says its own limit.
    ///
    /// # Errors
    /// As the engine gives them, see [`ErrorKind`].
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let outcome = match &mut self.session {
            Session::Sqlite(connection) => crate::sqlite::query(connection, sql, params),
            Session::Postgres(connection) => connection.query(sql, params),
        };
        outcome.map_err(|error| self.note(error))
    }

    /// Runs a statement that gives at most one row.
    ///
    /// # Errors
    /// As the engine gives them; [`ErrorKind::Corrupt`] when there is more than one row.
    pub fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Error> {
        let mut rows = self.query(sql, params)?;
        if rows.len() > 1 {
            return Err(Error::corrupt(format!("{} rows where one was expected", rows.len())));
        }
        Ok(rows.pop())
    }

    /// Runs `work` so that all its statements see one moment. Nothing but reads; costs two more round trips where
    /// statements see moments of their own else.
    ///
    /// # Errors
    /// What `work` answers, or what kept it from running.
    pub(crate) fn at_one_moment<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.steady {
            return work(self);
        }
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        self.steady = true;
        let outcome = work(self);
        self.steady = false;
        let ended = self.batch(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" });
        let value = outcome?;
        ended.map(|()| value)
    }

    /// Runs several statements without parameters, for migrations.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        let outcome = match &mut self.session {
            Session::Sqlite(connection) => {
                connection.execute_batch(sql).map_err(|error| crate::error::from_sqlite(error, sql))
            }
            Session::Postgres(connection) => connection.batch(sql),
        };
        outcome.map_err(|error| self.note(error))
    }

    fn note(&mut self, error: Error) -> Error {
        self.failed.get_or_insert(error.kind());
        error
    }
}

/// What becomes of a transaction after its work has run.
pub(crate) enum Verdict<T, E> {
    /// Commit, then answer this.
    Commit(T),
    /// Roll back, then answer this.
    Refuse(E),
    /// Roll back and run the work again: others were in the way.
    Again,
}

/// Runs `work` in `tx`, catching panics: a defect in one request must not take the engine's thread along.
pub(crate) fn run<T, E: From<Error>>(
    tx: &mut Tx<'_>,
    work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Verdict<T, E> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(tx)));
    match (outcome, tx.failed()) {
        (Err(_), _) => Verdict::Refuse(Error::new(ErrorKind::Other, "the work of a transaction panicked").into()),
        (Ok(_), Some(ErrorKind::Busy)) => Verdict::Again,
        (Ok(Err(error)), _) => Verdict::Refuse(error),
        (Ok(Ok(_)), Some(_)) => {
            Verdict::Refuse(Error::new(ErrorKind::Other, "a transaction went on after a statement had failed").into())
        }
        (Ok(Ok(value)), None) => Verdict::Commit(value),
    }
}
