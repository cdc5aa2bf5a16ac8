//! The index of chunks on SQL: which pack holds a chunk, which packs there are, whose unfinished bytes are protected.
//! What any of it means is the content store's business.
//!
//! On PostgreSQL the transactions are isolated statement by statement ([`crate::postgres::Isolation::ReadCommitted`]), since
//! many nodes seal packs at once. Each change is right row by row: it says in its own `WHERE` which pack a chunk's row
//! must belong to, and is checked again when another was faster. All take the rows of chunks in the order of their ids,
//! so that none waits for another in a circle.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use imprint_model::{ChunkId, LeaseId, Timestamp};
use imprint_store::{
    Codec, Error as StoreError, Index, Kind, LOOKUP_MAX, Lease, Location, PackEntry, PackId, PackInfo, PackState,
    Result, Totals,
};
use uuid::Uuid;

use crate::db::{Engine, Shared};
use crate::{Error, ErrorKind, Row, Tx, Value, params};

/// Rows written by one statement; the last few of a pack go one by one, so that there are two texts and no more.
const ROWS_PER_INSERT: usize = 64;
/// Look-ups name one of these numbers of chunks, the last one again and again to fill up: few texts to prepare.
const LOOKUP_SIZES: [usize; 4] = [1, 16, 256, LOOKUP_MAX];

const PACK_COLUMNS: &str = "SELECT id, sealed_at, bytes, records, content_bytes, cold, condemned_at FROM pack";

/// The index in the catalogue's database.
pub(crate) struct SqlIndex(Arc<Shared>);

impl fmt::Debug for SqlIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqlIndex")
    }
}

impl SqlIndex {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    fn read<T>(&self, mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Error>) -> Result<T> {
        let answer = match &self.0.engine {
            Engine::Sqlite { index, .. } => index.read(&mut work),
            Engine::Postgres { index, .. } => index.read(&mut work),
        };
        answer.map_err(for_store)
    }

    fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T> {
        let answer = match &self.0.engine {
            Engine::Sqlite { index, .. } => index.writer().write_blocking(work),
            Engine::Postgres { index, .. } => index.write(&mut work),
        };
        answer.map_err(for_store)
    }

    fn look_up(&self, ids: &[ChunkId], also: &str) -> Result<Vec<Option<Location>>> {
        if ids.len() > LOOKUP_MAX {
            return Err(StoreError::new(Kind::Invalid, format!("{} chunks in one look-up", ids.len())));
        }
        let Some(last) = ids.last() else { return Ok(Vec::new()) };
        let places = LOOKUP_SIZES.into_iter().find(|&size| size >= ids.len()).unwrap_or(LOOKUP_MAX);
        let text = format!(
            "SELECT c.id, p.id, c.ordinal, c.byte_offset, c.stored_len, c.len, c.codec \
             FROM chunk c JOIN pack p ON p.number = c.pack WHERE c.id IN ({}){also}",
            numbered(1, places)
        );
        let values: Vec<Value> =
            ids.iter().chain(std::iter::repeat(last)).take(places).map(|id| id.0.as_slice().into()).collect();
        let rows =
            self.read(|tx| tx.query(&text, &values)?.iter().map(read_location).collect::<Result<Vec<_>, _>>())?;
        let found: HashMap<ChunkId, Location> = rows.into_iter().collect();
        Ok(ids.iter().map(|id| found.get(id).copied()).collect())
    }
}

impl Index for SqlIndex {
    fn locate(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>> {
        self.look_up(ids, "")
    }

    fn find_live(&self, ids: &[ChunkId]) -> Result<Vec<Option<Location>>> {
        self.look_up(ids, " AND p.condemned_at IS NULL")
    }

    fn seal_pack(&self, pack: &PackInfo, entries: &[PackEntry]) -> Result<()> {
        let pack = *pack;
        // One row for each chunk: a statement may not touch a row twice.
        let entries: BTreeMap<ChunkId, PackEntry> = entries.iter().map(|entry| (entry.id, *entry)).collect();
        let entries: Vec<PackEntry> = entries.into_values().collect();
        self.write(move |tx| {
            let Some(number) = add_pack(tx, &pack)? else { return Ok(()) };
            let (whole, rest) = entries.as_chunks::<ROWS_PER_INSERT>();
            whole
                .iter()
                .map(|some| some.as_slice())
                .chain(rest.chunks(1))
                .try_for_each(|some| add_chunks(tx, number, some))
        })
    }

    fn packs(&self) -> Result<Vec<PackInfo>> {
        self.read(|tx| tx.query(&format!("{PACK_COLUMNS} ORDER BY id"), &[])?.iter().map(read_pack).collect())
    }

    fn totals(&self) -> Result<Totals> {
        let sums = "SELECT COUNT(*), COUNT(condemned_at), CAST(COALESCE(SUM(bytes), 0) AS BIGINT), \
                    CAST(COALESCE(SUM(CASE WHEN condemned_at IS NULL THEN 0 ELSE bytes END), 0) AS BIGINT), \
                    CAST(COALESCE(SUM(records), 0) AS BIGINT), CAST(COALESCE(SUM(content_bytes), 0) AS BIGINT) FROM pack";
        self.read(|tx| {
            let row = tx.query_opt(sums, &[])?.ok_or_else(|| Error::corrupt("sums gave no row"))?;
            Ok(Totals {
                packs: row.get(0)?,
                condemned_packs: row.get(1)?,
                stored_bytes: row.get(2)?,
                condemned_bytes: row.get(3)?,
                records: row.get(4)?,
                content_bytes: row.get(5)?,
            })
        })
    }

    fn condemn(&self, pack: PackId, at: Timestamp) -> Result<bool> {
        self.write(move |tx| {
            let text = "UPDATE pack SET condemned_at = COALESCE(condemned_at, ?2) WHERE id = ?1";
            Ok(tx.execute(text, params![pack_key(pack), at])? > 0)
        })
    }

    fn revive(&self, pack: PackId) -> Result<bool> {
        self.write(move |tx| {
            Ok(tx.execute("UPDATE pack SET condemned_at = NULL WHERE id = ?1", params![pack_key(pack)])? > 0)
        })
    }

    fn forget(&self, pack: PackId, condemned_at: Timestamp, ids: &[ChunkId]) -> Result<bool> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        self.write(move |tx| {
            let Some(number) = number_of(tx, pack)? else { return Ok(false) };
            let text = "DELETE FROM pack WHERE number = ?1 AND condemned_at = ?2";
            if tx.execute(text, params![number, condemned_at])? == 0 {
                return Ok(false);
            }
            for id in &ids {
                tx.execute("DELETE FROM chunk WHERE id = ?1 AND pack = ?2", params![id.0.as_slice(), number])?;
            }
            Ok(true)
        })
    }

    fn move_chunks(&self, from: &[PackId], to: &PackInfo, entries: &[PackEntry]) -> Result<()> {
        let (from, to, mut entries) = (from.to_vec(), *to, entries.to_vec());
        entries.sort_unstable_by_key(|entry| entry.id);
        self.write(move |tx| {
            let mut sources = Vec::with_capacity(from.len());
            for pack in &from {
                sources.extend(number_of(tx, *pack)?);
            }
            let target = match add_pack(tx, &to)? {
                Some(number) => number,
                None => number_of(tx, to.id)?.ok_or_else(|| Error::new(ErrorKind::Busy, "the target pack has gone"))?,
            };
            entries
                .iter()
                .try_for_each(|entry| sources.iter().try_for_each(|source| move_chunk(tx, *source, target, entry)))
        })
    }

    fn lease_acquire(&self, lease: &Lease) -> Result<()> {
        let Lease { id, began, expires } = *lease;
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO store_lease (id, began_at, expires_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET began_at = excluded.began_at, expires_at = excluded.expires_at",
                params![id, began, expires],
            )?;
            Ok(())
        })
    }

    fn lease_renew(&self, id: LeaseId, now: Timestamp, expires: Timestamp) -> Result<bool> {
        self.write(move |tx| {
            let text = "UPDATE store_lease SET expires_at = ?3 WHERE id = ?1 AND expires_at > ?2";
            Ok(tx.execute(text, params![id, now, expires])? > 0)
        })
    }

    fn lease_release(&self, id: LeaseId) -> Result<()> {
        self.write(move |tx| tx.execute("DELETE FROM store_lease WHERE id = ?1", params![id]).map(drop))
    }

    fn leases(&self, now: Timestamp) -> Result<Vec<Lease>> {
        // Removed by whoever asks, so that what dead nodes leave behind does not pile up.
        self.write(move |tx| {
            tx.execute("DELETE FROM store_lease WHERE expires_at <= ?1", params![now])?;
            let rows = tx.query("SELECT id, began_at, expires_at FROM store_lease ORDER BY began_at, id", &[])?;
            rows.iter().map(|row| Ok(Lease { id: row.parse(0)?, began: row.get(1)?, expires: row.get(2)? })).collect()
        })
    }

    fn clear(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM chunk", &[])?;
            tx.execute("DELETE FROM pack", &[]).map(drop)
        })
    }
}

/// `?first, …` for `count` places.
fn numbered(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ")
}

fn pack_key(pack: PackId) -> Value {
    pack.0.as_bytes().as_slice().into()
}

fn number_of(tx: &mut Tx<'_>, pack: PackId) -> Result<Option<i64>, Error> {
    let row = tx.query_opt("SELECT number FROM pack WHERE id = ?1", &[pack_key(pack)])?;
    row.map(|row| row.get(0)).transpose()
}

/// Lists a pack and gives its number; nothing when it is listed already.
fn add_pack(tx: &mut Tx<'_>, pack: &PackInfo) -> Result<Option<i64>, Error> {
    if number_of(tx, pack.id)?.is_some() {
        return Ok(None);
    }
    let PackInfo { id, sealed_at, bytes, records, content_bytes, cold, state } = *pack;
    let condemned_at = match state {
        PackState::Sealed => None,
        PackState::Condemned { at } => Some(at),
    };
    let next = if tx.is_postgres() {
        "SELECT nextval('pack_number')"
    } else {
        "UPDATE pack_number SET next = next + 1 RETURNING next"
    };
    let next = tx.query_opt(next, &[])?;
    let number: i64 = next.ok_or_else(|| Error::corrupt("the packs' number is missing"))?.get(0)?;
    let added = tx.execute(
        "INSERT INTO pack (number, id, sealed_at, bytes, records, content_bytes, cold, condemned_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING",
        params![number, pack_key(id), sealed_at, bytes, records, content_bytes, cold, condemned_at],
    )?;
    // Somebody else may have listed it since it was looked for.
    Ok((added > 0).then_some(number))
}

/// Adds rows; a chunk that is in a sealed pack stays there.
fn add_chunks(tx: &mut Tx<'_>, pack: i64, entries: &[PackEntry]) -> Result<(), Error> {
    const COLUMNS_PER_ROW: usize = 6;
    let rows: Vec<String> = (0..entries.len())
        .map(|row| format!("(?1, {})", numbered(2 + row * COLUMNS_PER_ROW, COLUMNS_PER_ROW)))
        .collect();
    let text = format!(
        "INSERT INTO chunk (pack, id, ordinal, byte_offset, stored_len, len, codec) VALUES {} \
         ON CONFLICT (id) DO UPDATE SET pack = excluded.pack, ordinal = excluded.ordinal, \
         byte_offset = excluded.byte_offset, stored_len = excluded.stored_len, len = excluded.len, \
         codec = excluded.codec \
         WHERE NOT EXISTS (SELECT 1 FROM pack p WHERE p.number = chunk.pack AND p.condemned_at IS NULL)",
        rows.join(", ")
    );
    let mut values: Vec<Value> = Vec::with_capacity(1 + entries.len() * COLUMNS_PER_ROW);
    values.push(pack.into());
    for entry in entries {
        let PackEntry { id, ordinal, offset, stored_len, len, kind: _, codec, crc32: _ } = *entry;
        values.extend([
            id.0.as_slice().into(),
            ordinal.into(),
            offset.into(),
            stored_len.into(),
            len.into(),
            i64::from(codec.to_byte()).into(),
        ]);
    }
    tx.execute(&text, &values).map(drop)
}

fn move_chunk(tx: &mut Tx<'_>, from: i64, to: i64, entry: &PackEntry) -> Result<(), Error> {
    let PackEntry { id, ordinal, offset, stored_len, len, kind: _, codec, crc32: _ } = *entry;
    tx.execute(
        "UPDATE chunk SET pack = ?3, ordinal = ?4, byte_offset = ?5, stored_len = ?6, len = ?7, codec = ?8 \
         WHERE id = ?1 AND pack = ?2",
        params![id.0.as_slice(), from, to, ordinal, offset, stored_len, len, i64::from(codec.to_byte())],
    )
    .map(drop)
}

fn read_location(row: &Row) -> Result<(ChunkId, Location), Error> {
    let id = ChunkId(digest(row.get(0)?)?);
    let byte: i64 = row.get(6)?;
    let codec = u8::try_from(byte).ok().and_then(Codec::from_byte);
    let location = Location {
        pack: read_pack_id(row, 1)?,
        ordinal: row.get(2)?,
        offset: row.get(3)?,
        stored_len: row.get(4)?,
        len: row.get(5)?,
        codec: codec.ok_or_else(|| Error::corrupt(format!("{byte} is no codec")))?,
    };
    Ok((id, location))
}

fn read_pack(row: &Row) -> Result<PackInfo, Error> {
    Ok(PackInfo {
        id: read_pack_id(row, 0)?,
        sealed_at: row.get(1)?,
        bytes: row.get(2)?,
        records: row.get(3)?,
        content_bytes: row.get(4)?,
        cold: row.get(5)?,
        state: row.get::<Option<Timestamp>>(6)?.map_or(PackState::Sealed, |at| PackState::Condemned { at }),
    })
}

fn read_pack_id(row: &Row, column: usize) -> Result<PackId, Error> {
    Uuid::from_slice(row.get(column)?).map(PackId).map_err(|why| Error::corrupt("not a pack's id").caused_by(why))
}

fn digest<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::corrupt(format!("a digest of {} bytes", bytes.len())))
}

/// What the content store is told.
fn for_store(error: Error) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Busy | ErrorKind::Unavailable => Kind::Unavailable,
        ErrorKind::Full => Kind::Full,
        ErrorKind::Corrupt => Kind::Corrupt,
        _ => Kind::Internal,
    };
    StoreError::new(kind, "the index of chunks").with_source(error)
}
