//! The schema and how it came about: numbered scripts, applied in order at start. They are written for SQLite; the few
//! words that PostgreSQL spells differently are replaced here.

use crate::{Error, ErrorKind, Tx};

/// All scripts in order; a script's number is its place, from 1. Never change one that has been released: add one.
const METADATA: &[&str] = &[
    include_str!("../migrations/0001_catalogue.sql"),
    include_str!("../migrations/0002_identity.sql"),
    CHUNKS,
    include_str!("../migrations/0004_inventory.sql"),
];

/// The scripts of SQLite's second file. (Its first has those tables too, and leaves them empty.)
const INDEX: &[&str] = &[CHUNKS];

const CHUNKS: &str = include_str!("../migrations/0003_chunks.sql");

/// Brings the schema up to date inside `tx`.
pub(crate) fn apply(tx: &mut Tx<'_>) -> Result<(), Error> {
    apply_scripts(tx, METADATA)
}

/// The same for the file that holds the index of chunks alone.
pub(crate) fn apply_index(tx: &mut Tx<'_>) -> Result<(), Error> {
    apply_scripts(tx, INDEX)
}

fn apply_scripts(tx: &mut Tx<'_>, scripts: &[&str]) -> Result<(), Error> {
    tx.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let row = tx.query_opt("SELECT version FROM schema_version", &[])?;
    let found = row.as_ref().map_or(Ok(0), |row| row.int(0))?;
    let known = i64::try_from(scripts.len()).expect("a handful of scripts");
    let done = usize::try_from(found).map_err(|_| Error::corrupt("the schema version is negative"))?;
    let missing = scripts
        .get(done..)
        .ok_or_else(|| Error::new(ErrorKind::NewerSchema { found, known }, "opening the catalogue"))?;
    for script in missing {
        tx.batch(&for_engine(script, tx.is_postgres()))?;
    }
    if row.is_none() {
        tx.execute("INSERT INTO schema_version (version) VALUES (?1)", &[known.into()])?;
    } else if !missing.is_empty() {
        tx.execute("UPDATE schema_version SET version = ?1", &[known.into()])?;
    }
    Ok(())
}

/// Byte order for texts, so that both engines sort alike; bytes by their own name; tables clustered by their key are
/// SQLite's alone. Lines that begin with `-- postgres:` are a comment to SQLite; PostgreSQL does not get those that end
/// with `-- sqlite`.
fn for_engine(script: &str, postgres: bool) -> String {
    if !postgres {
        return script.to_owned();
    }
    let shared: Vec<&str> = script.lines().filter(|line| !line.ends_with(" -- sqlite")).collect();
    shared
        .join("\n")
        .replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace(" BLOB", " BYTEA")
        .replace(" WITHOUT ROWID", "")
        .replace("-- postgres: ", "")
}
