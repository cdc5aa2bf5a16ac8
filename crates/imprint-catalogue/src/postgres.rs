//! The shared engine: a bounded pool of connections to PostgreSQL. All calls block; none may be made on a thread
//! that drives asynchronous tasks.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use postgres::types::{IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, Config, NoTls, Statement};

use crate::error::from_postgres;
use crate::pool::Pool;
use crate::tx::{Verdict, run};
use crate::{Error, ErrorKind, Row, Tx, Value};

/// How often a transaction is run before others are found to be too much in the way.
const ATTEMPTS_MAX: u32 = 12;
/// How often a transaction is started on a fresh connection after its own was lost.
const CONNECTIONS_MAX: u32 = 2;
/// Prepared statements kept per connection; beyond, all are forgotten and prepared again as needed.
const STATEMENTS_MAX: usize = 512;
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Writing is asked for by each writing transaction; nothing of ours runs longer than this.
const SESSION: &str = "SET default_transaction_read_only = on; SET statement_timeout = '60s'; \
                       SET idle_in_transaction_session_timeout = '60s'; SET jit = off";
/// What nodes that start at the same moment queue up for; any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x696d_7072_696e_7401;

/// What a writing transaction sees of those that run beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Isolation {
    /// Nothing: the outcome is as if they had run one after another. For rules that span rows.
    Serializable,
    /// Each statement sees what is committed when it begins, and waits for whoever changes the same row. For changes
    /// that are right row by row: they never have to start over.
    ReadCommitted,
}

impl Isolation {
    fn begin(self) -> &'static str {
        match self {
            Self::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
            Self::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

/// Connections to a database on a PostgreSQL server.
pub(crate) struct Postgres {
    pool: Pool<Connection>,
    isolation: Isolation,
}

impl Postgres {
    /// Up to `connections` connections, none of them opened yet, whose transactions are isolated as said.
    pub(crate) fn new(address: &str, connections: usize, isolation: Isolation) -> Result<Self, Error> {
        let mut config: Config = address.parse().map_err(|error: postgres::Error| {
            Error::new(ErrorKind::Other, "not a PostgreSQL address").caused_by(error)
        })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("imprint");
        }
        Ok(Self { pool: Pool::new(connections, move || Connection::open(&config)), isolation })
    }

    /// Lets `prepare` bring the schema up to date, one node at a time.
    pub(crate) fn migrate(&self, mut prepare: impl FnMut(&mut Tx<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let mut lent = self.pool.take()?;
        // The lock is the session's: a transaction that waited for it inside would look at the time before the wait.
        // Neither waiting for a node that rewrites every image nor doing that is bounded like a request.
        lent.get().batch(&format!("SET statement_timeout = 0; SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
        let done = lent.get().transact(self.isolation, &mut prepare);
        let unlocked =
            lent.get().batch(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK}); SET statement_timeout = '60s'"));
        match done {
            Transacted::Answer(answer) => answer.and(unlocked),
            Transacted::Again(error) | Transacted::Lost(error) => Err(error),
        }
    }

    /// Runs `work` in one transaction, again if others were in the way.
    pub(crate) fn write<T, E: From<Error>>(&self, work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut losses = 0;
        for attempt in 1.. {
            let mut lent = self.pool.take()?;
            match lent.get().transact(self.isolation, work) {
                Transacted::Answer(answer) => return answer,
                Transacted::Again(_) if attempt < ATTEMPTS_MAX => {
                    drop(lent);
                    std::thread::sleep(pause(attempt));
                }
                Transacted::Again(error) => return Err(error.into()),
                Transacted::Lost(error) => {
                    self.forget(lent);
                    losses += 1;
                    if losses >= CONNECTIONS_MAX {
                        return Err(error.into());
                    }
                }
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// Runs `work`; each of its statements sees one moment of the database.
    pub(crate) fn read<T, E: From<Error>>(&self, work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        for attempt in 1.. {
            let mut lent = self.pool.take()?;
            let mut tx = Tx::on_postgres_alone(lent.get());
            let verdict = run(&mut tx, work);
            let stuck = tx.is_steady();
            let closed = lent.get().client.is_closed();
            if closed {
                self.forget(lent);
            } else if stuck {
                // The work panicked while its statements saw one moment: the next ones must not see it too.
                lent.discard();
            }
            match verdict {
                Verdict::Commit(value) => return Ok(value),
                Verdict::Refuse(_) if closed && attempt < CONNECTIONS_MAX => {}
                Verdict::Refuse(error) => return Err(error),
                Verdict::Again if attempt < ATTEMPTS_MAX => {}
                Verdict::Again => return Err(Error::new(ErrorKind::Busy, "the database was locked").into()),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// One lost connection means that the others are suspect: the server may have been restarted.
    fn forget(&self, lost: crate::pool::Lent<'_, Connection>) {
        lost.discard();
        drop(self.pool.drain());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Closing a connection blocks, which the thread that drops the catalogue may not be allowed to.
        let connections = self.pool.drain();
        drop(std::thread::spawn(move || drop(connections)));
    }
}

/// Grows with the attempts, and differs between those who were in each other's way.
fn pause(attempt: u32) -> Duration {
    let span_micros = 500 << attempt.min(7);
    Duration::from_micros(span_micros / 2 + RandomState::new().build_hasher().finish() % span_micros)
}

/// How a transaction ended.
enum Transacted<T, E> {
    /// As the work wanted it.
    Answer(Result<T, E>),
    /// Rolled back because of others.
    Again(Error),
    /// With its connection, before the commit: nothing was changed.
    Lost(Error),
}

/// One connection with its prepared statements.
pub(crate) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("statements", &self.statements.len()).finish_non_exhaustive()
    }
}

impl Connection {
    fn open(config: &Config) -> Result<Self, Error> {
        let connect = || -> Result<Client, postgres::Error> {
            let mut client = config.connect(NoTls)?;
            client.batch_execute(SESSION)?;
            Ok(client)
        };
        let client = connect().map_err(|error| {
            // Whatever the reason, the database is not to be had.
            Error::new(ErrorKind::Unavailable, "connecting to PostgreSQL").caused_by(error)
        })?;
        Ok(Self { client, statements: HashMap::new() })
    }

    fn transact<T, E: From<Error>>(
        &mut self,
        isolation: Isolation,
        work: &mut dyn FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Transacted<T, E> {
        if let Err(error) = self.batch(isolation.begin()) {
            return Transacted::Lost(error);
        }
        let verdict = run(&mut Tx::on_postgres(self), work);
        if let Verdict::Commit(value) = verdict {
            return match self.batch("COMMIT") {
                Ok(()) => Transacted::Answer(Ok(value)),
                Err(error) if error.is_passing() => Transacted::Again(error),
                Err(error) => Transacted::Answer(Err(error.into())),
            };
        }
        if self.client.is_closed() {
            return Transacted::Lost(Error::new(ErrorKind::Unavailable, "the connection to PostgreSQL was lost"));
        }
        let undone = self.batch("ROLLBACK");
        match (verdict, undone) {
            (_, Err(error)) => Transacted::Lost(error),
            (Verdict::Refuse(error), Ok(())) => Transacted::Answer(Err(error)),
            (_, Ok(())) => Transacted::Again(Error::new(ErrorKind::Busy, "other transactions were in the way")),
        }
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.client.execute(&statement, &as_params(params)).map_err(|error| from_postgres(error, sql))
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql)?;
        let rows = self.client.query(&statement, &as_params(params)).map_err(|error| from_postgres(error, sql))?;
        rows.iter().map(|row| row_of(row).map_err(|error| from_postgres(error, sql))).collect()
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(|error| from_postgres(error, sql))
    }

    /// The statement, prepared once a connection. The only place that knows how PostgreSQL writes parameters.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        let statement = self.client.prepare(&dollars(sql)).map_err(|error| from_postgres(error, sql))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// `?1` becomes `$1`. No statement of ours has a question mark in a literal.
fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

fn as_params(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn row_of(row: &postgres::Row) -> Result<Row, postgres::Error> {
    let value = |(index, column): (usize, &postgres::Column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(index)?.into(),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.into(),
            // Anything but a text is refused by the driver.
            _ => row.try_get::<_, Option<String>>(index)?.into(),
        })
    };
    row.columns().iter().enumerate().map(value).collect::<Result<_, _>>().map(Row)
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            Value::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Value::Text(text) if <&str as ToSql>::accepts(ty) => text.to_sql(ty, out),
            Value::Bytes(bytes) if *ty == Type::BYTEA => bytes.to_sql(ty, out),
            _ => Err(format!("a value of another type was given for a {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}
