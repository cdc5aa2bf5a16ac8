//! What a node has to look after: machines, disks and snapshots that are not yet, or no more, what their rows say.

use std::collections::BTreeSet;

use imprint_model::{Disk, DiskId, InstanceId, Snapshot, Timestamp};

use super::item;
use crate::{Error, Tx, params};

/// Rows of one look at most; what is beyond waits for the next.
const LOOK_MAX: u32 = 10_000;

/// Machines of a node that run or are to begin or end to, whose disks come, go or grow, or whose rows are gone.
///
/// # Errors
/// The engine's.
pub fn to_look_after(tx: &mut Tx<'_>, node: &str) -> Result<BTreeSet<InstanceId>, Error> {
    let texts = [
        "SELECT id FROM instance WHERE node = ?1 AND status <> 'stopped' ORDER BY id LIMIT ?2",
        "SELECT instance_id FROM disk WHERE node = ?1 AND instance_id IS NOT NULL \
         AND (status IN ('attaching', 'detaching') OR grows = 1) ORDER BY id LIMIT ?2",
        "SELECT id FROM machine_left WHERE node = ?1 ORDER BY id LIMIT ?2",
    ];
    let mut found = BTreeSet::new();
    for text in texts {
        for row in tx.query(text, params![node, LOOK_MAX])? {
            found.insert(row.parse(0)?);
        }
    }
    Ok(found)
}

/// Remembers that a node may still have a process or files of a machine whose row goes.
///
/// # Errors
/// The engine's.
pub fn leave(tx: &mut Tx<'_>, id: InstanceId, node: &str) -> Result<(), Error> {
    tx.execute("INSERT INTO machine_left (id, node) VALUES (?1, ?2)", params![id, node])?;
    Ok(())
}

/// Nothing is left of a machine whose row is gone.
///
/// # Errors
/// The engine's.
pub fn forget_left(tx: &mut Tx<'_>, id: InstanceId) -> Result<(), Error> {
    tx.execute("DELETE FROM machine_left WHERE id = ?1", params![id])?;
    Ok(())
}

/// Snapshots that a node is to take, oldest first.
///
/// # Errors
/// The engine's.
pub fn snapshots_under_way(tx: &mut Tx<'_>, node: &str) -> Result<Vec<Snapshot>, Error> {
    let condition = format!("t.status = 'progressing' AND t.node = ?1 ORDER BY t.created_at, t.id LIMIT {LOOK_MAX}");
    item::select(tx, &condition, params![node])
}

/// The newest snapshot of what a disk holds since its bytes were last replaced.
///
/// # Errors
/// The engine's.
pub fn newest_snapshot(tx: &mut Tx<'_>, disk: &Disk) -> Result<Option<Snapshot>, Error> {
    let condition = "t.disk_id = ?1 AND t.generation = ?2 AND t.status = 'accomplished' AND t.node IS NOT NULL \
                     ORDER BY t.created_at DESC, t.updated_at DESC, t.id DESC LIMIT 1";
    Ok(item::select(tx, condition, params![disk.id, disk.generation])?.pop())
}

/// The machines of a node.
///
/// # Errors
/// The engine's.
pub fn of_node(tx: &mut Tx<'_>, node: &str) -> Result<BTreeSet<InstanceId>, Error> {
    let rows = tx.query("SELECT id FROM instance WHERE node = ?1", params![node])?;
    rows.iter().map(|row| row.parse(0)).collect()
}

/// Which of a node's disks there are, and which time's bytes of each.
///
/// # Errors
/// The engine's.
pub fn disks_of_node(tx: &mut Tx<'_>, node: &str) -> Result<BTreeSet<(DiskId, u32)>, Error> {
    let rows = tx.query("SELECT id, generation FROM disk WHERE node = ?1", params![node])?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.get(1)?))).collect()
}

/// Notes how far a snapshot is. False when it has ended, or is gone.
///
/// # Errors
/// The engine's.
pub fn note_progress(
    tx: &mut Tx<'_>,
    snapshot: &Snapshot,
    done: u64,
    total: u64,
    now: Timestamp,
) -> Result<bool, Error> {
    let noted = tx.execute(
        "UPDATE snapshot SET done_bytes = ?2, total_bytes = ?3, updated_at = ?4 \
         WHERE id = ?1 AND status = 'progressing'",
        params![snapshot.id, done, total, now],
    )?;
    Ok(noted > 0)
}
