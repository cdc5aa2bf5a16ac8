//! Numbers that may be used once. Everybody who asks sees what all others have used, after a restart too; only the loss
//! of a machine's power may make some be forgotten, which is why claiming one waits for no disk.

use std::path::Path;

use imprint_model::Timestamp;
use parking_lot::Mutex;
use rusqlite::Connection;

use crate::db::Engine;
use crate::sqlite::{NONCES, connect, create_private};
use crate::{Catalogue, Error, ErrorKind, Tx, params};

/// How much of a digest is kept: half of its 256 bits, so that nobody finds two numbers with the same one.
const KEPT_BYTES: usize = 16;
/// Expired rows removed at once.
const PURGED_MAX: u32 = 1024;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS nonce \
                      (digest BLOB NOT NULL PRIMARY KEY, expires_at BIGINT NOT NULL) WITHOUT ROWID; \
                      CREATE INDEX IF NOT EXISTS nonce_expiry ON nonce (expires_at)";

impl Catalogue {
    /// Claims the number that `digest` stands for until `expires`. True for one caller alone, whichever node asks and
    /// however often the program was started since.
    ///
    /// # Errors
    /// The engine's.
    pub async fn claim_nonce(&self, digest: [u8; 32], now: Timestamp, expires: Timestamp) -> Result<bool, Error> {
        match &self.0.engine {
            // Some ten microseconds that no disk is waited in, less than handing it to another thread costs.
            Engine::Sqlite { nonces, .. } => claim(&mut Tx::on_sqlite(&nonces.lock()), &digest, now, expires),
            Engine::Postgres { .. } => {
                self.on_blocking_thread(move |catalogue| {
                    let Engine::Postgres { index, .. } = &catalogue.0.engine else {
                        return Err(Error::new(ErrorKind::Other, "the engine has changed"));
                    };
                    // On the connections whose transactions see each other's rows at once. The table is not logged, so
                    // its commit waits for nothing.
                    index.write(&mut |tx| claim(tx, &digest, now, expires))
                })
                .await
            }
        }
    }
}

fn claim(tx: &mut Tx<'_>, digest: &[u8; 32], now: Timestamp, expires: Timestamp) -> Result<bool, Error> {
    // One in 256, and whose turn it is needs no counting.
    if digest[0] == 0 {
        let text = "DELETE FROM nonce WHERE digest IN \
                    (SELECT digest FROM nonce WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
        tx.execute(text, params![now, PURGED_MAX])?;
    }
    let claimed = tx.execute(
        "INSERT INTO nonce (digest, expires_at) VALUES (?1, ?2) ON CONFLICT (digest) \
         DO UPDATE SET expires_at = excluded.expires_at WHERE nonce.expires_at <= ?3",
        params![&digest[..KEPT_BYTES], expires, now],
    )?;
    Ok(claimed > 0)
}

/// Opens SQLite's own file for them. One that a loss of power has damaged is begun anew.
pub(crate) fn open(path: &Path) -> Result<Mutex<Connection>, Error> {
    match try_open(path) {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            tracing::warn!(%error, path = %path.display(), "used numbers are forgotten: their file is damaged");
            for end in ["", "-wal", "-shm"] {
                let mut name = path.as_os_str().to_owned();
                name.push(end);
                match std::fs::remove_file(&name) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let context = format!("removing {}", Path::new(&name).display());
                        return Err(Error::new(ErrorKind::Unavailable, context).caused_by(error));
                    }
                    _ => {}
                }
            }
            try_open(path)
        }
        opened => opened,
    }
    .map(Mutex::new)
}

fn try_open(path: &Path) -> Result<Connection, Error> {
    create_private(path)?;
    let connection = connect(path, NONCES)?;
    let mut tx = Tx::on_sqlite(&connection);
    let found = tx.query("PRAGMA quick_check(1)", &[])?;
    if found.first().is_none_or(|row| row.get::<&str>(0).ok() != Some("ok")) {
        return Err(Error::corrupt(format!("checking {}", path.display())));
    }
    tx.batch(SCHEMA)?;
    Ok(connection)
}
